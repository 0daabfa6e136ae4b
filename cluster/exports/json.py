"""The plan for programs: what `python -m planner plan --json` prints, in no language but its own."""

from __future__ import annotations

import json
from datetime import datetime

from planner.document import plan_document
from planner.report import PlanReport


def render(report: PlanReport, *, title: str, language: str, made_at: datetime) -> bytes:
    """The machine's answer, the same whoever asks in which language."""
    return json.dumps(plan_document(report), indent=2, allow_nan=False).encode() + b"\n"
