"""The plan for programs: what `python -m planner plan --json` prints, in no language but its own."""

from __future__ import annotations

import json
from datetime import datetime

from cluster.exports import origin
from cluster.exports.beside import NOTHING, Beside
from planner.document import plan_document
from planner.report import PlanReport


def render(
    report: PlanReport, *, title: str, language: str, made_at: datetime, beside: Beside = NOTHING
) -> bytes:
    """The machine's answer, the same whoever asks in which language, and when; `made_from` says of what."""
    content = {**plan_document(report), "made_from": origin.document(report, beside.origin)}
    return json.dumps(content, indent=2, allow_nan=False).encode() + b"\n"
