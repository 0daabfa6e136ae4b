"""The plan for programs: what `python -m planner plan --json` prints and more, in no language."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from cluster.exports import origin
from cluster.exports.beside import NOTHING, Beside
from cluster.foretelling import Taught
from planner.document import plan_document
from planner.report import PlanReport


def render(
    report: PlanReport, *, title: str, language: str, made_at: datetime, beside: Beside = NOTHING
) -> bytes:
    """The machine's answer, the same whoever asks in which language, and when; `made_from` says of what."""
    content = {
        **plan_document(report),
        "made_from": origin.document(report, beside.origin),
        "migrations_foretold": [_foretold(taught) for taught in beside.taught.values()],
    }
    return json.dumps(content, indent=2, allow_nan=False).encode() + b"\n"


def _foretold(taught: Taught) -> dict[str, Any]:
    """How well the migrations of a cluster are foretold, errors as shares; null: too few were measured."""
    fit = taught.fit
    return {
        "cluster": taught.cluster,
        "measured": taught.measured,
        "needed": taught.needed,
        "median_error": fit and fit.median,
        "p95_error": fit and fit.p95,
        "worst_error": fit and fit.worst,
        "worst_case": fit and fit.worst_case,
    }
