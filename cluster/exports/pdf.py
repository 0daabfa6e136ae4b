"""The printed report: PDF/UA-1 by Typst.  The data goes in as JSON, so a name is text and never code."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import typst
from django.conf import settings
from django.utils import translation

from cluster.exports.beside import NOTHING, Beside
from cluster.exports.legible import FONTS, legible
from cluster.exports.pages import paper
from cluster.exports.version import version
from planner.report import PlanReport

SOURCES: Final = Path(settings.BASE_DIR) / "templates" / "report"


def render(
    report: PlanReport,
    *,
    title: str,
    language: str,
    made_at: datetime,
    beside: Beside = NOTHING,
) -> bytes:
    """The report as a tagged PDF in the language asked for.

    The same report, title, language and moment give the same bytes.  Typst keeps threads from its first
    run on: a process that forks after it leaves its children hanging in theirs, so a worker's parent
    never renders.
    """
    with translation.override(language):
        content = paper(
            report,
            title=title,
            language=language,
            made_at=made_at,
            version=version(),
            beside=beside,
        )
    return typeset("report.typ", content, made_at)


def typeset(template: str, content: msgspec.Struct, made_at: datetime) -> bytes:
    """Place the content of a paper by its template, with our own fonts alone."""
    pdf = typst.compile(
        SOURCES / template,
        root=SOURCES,
        font_paths=[FONTS],
        ignore_system_fonts=True,
        sys_inputs={"paper": msgspec.json.encode(legible_content(msgspec.to_builtins(content))).decode()},
        pdf_standards=["ua-1"],
        timestamp=int(made_at.timestamp()),
    )
    return bytes(pdf)


def legible_content(content: Any) -> Any:
    """Every text of the document made printable, whoever wrote it."""
    match content:
        case str():
            return legible(content)
        case dict():
            return {key: legible_content(value) for key, value in content.items()}
        case list() | tuple():
            return [legible_content(value) for value in content]
    return content
