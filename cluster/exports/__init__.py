"""The plan as a file: what each kind is called, is sent as, and is made by.

report = cluster.exports.EXPORTS["pdf"]
report.render(plan_report, title="Hospital", language="fr", made_at=now), report.content_type
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct

from cluster.exports import csv, html, json, names, pdf, xlsx
from cluster.exports.beside import NOTHING, Beside
from planner.report import PlanReport


class Render(Protocol):
    """Makes the bytes of one kind of file, in one language."""

    def __call__(
        self, report: PlanReport, *, title: str, language: str, made_at: datetime, beside: Beside = NOTHING
    ) -> bytes: ...


class Export(Struct, frozen=True, kw_only=True):
    """One kind of file."""

    content_type: str
    ending: str
    render: Render

    def file_name(self, title: str, made_at: datetime) -> str:
        """What the downloaded file is called."""
        return names.file_name(title, made_at, self.ending)


_CSV: Final = "text/csv; charset=utf-8"
EXPORTS: Final[Mapping[str, Export]] = {
    "pdf": Export(content_type="application/pdf", ending="pdf", render=pdf.render),
    "xlsx": Export(
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ending="xlsx",
        render=xlsx.render,
    ),
    "csv": Export(content_type=_CSV, ending="csv", render=csv.render),
    "figures.csv": Export(content_type=_CSV, ending="figures.csv", render=csv.render_figures),
    "html": Export(content_type="text/html; charset=utf-8", ending="html", render=html.render),
    "json": Export(content_type="application/json", ending="json", render=json.render),
}
