"""The report as one page of HTML: opens offline, asks for nothing, needs no script."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.template.loader import render_to_string
from django.utils import translation

from cluster.exports.beside import NOTHING, Beside
from cluster.exports.pages import paper
from cluster.exports.version import version
from planner.report import PlanReport

TEMPLATE: Final = "report/report.html"


def render(
    report: PlanReport, *, title: str, language: str, made_at: datetime, beside: Beside = NOTHING
) -> bytes:
    """The page in the language asked for; every text of it is escaped by the template."""
    with translation.override(language):
        content = paper(
            report, title=title, language=language, made_at=made_at, version=version(), beside=beside
        )
        page = render_to_string(
            TEMPLATE, {"paper": content, "kind": content.words.kind, "words": content.words}
        )
    return page.encode("utf-8", "replace")
