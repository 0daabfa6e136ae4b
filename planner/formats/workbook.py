"""An xlsx workbook as the sheets of an export, read by calamine once the archive has been proven harmless."""

from __future__ import annotations

import contextlib
import datetime
import posixpath
import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from operator import itemgetter
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from planner.formats.archive import Archive
from planner.formats.findings import Findings
from planner.formats.number import Decimal
from planner.formats.proof import prove
from planner.formats.sheet import Cell, Row
from planner.quality import FormatError
from planner.sentence import Sentence

WORKBOOK: Final = "xl/workbook.xml"
BINARY_WORKBOOK: Final = "xl/workbook.bin"
MACROS: Final = "xl/vbaProject.bin"
RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_ROW: Final = re.compile(rb"<(?:[^\s<>/:]+:)?row[\s>]")
_LONGEST_ROW_NAME: Final = 64  # of `<x:row ` with the longest prefix that any program gives it
_NAME: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}sheet"
_ID: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
# Expat itself stops entities that grow without end; kilobytes in real life.
_LARGEST_PLAN_BYTES: Final = 16 * 1024 * 1024


class Workbook:
    """An open workbook as the sheets of an export."""

    def __init__(self, archive: Archive, source: bytes | Path, findings: Findings) -> None:
        """Prove that every part is as large as it claims, then open it.

        Raises:
            FormatError: a damaged part, one that lies about its size, or no workbook that can be read.
        """
        if MACROS in archive.parts:
            findings.warn("The workbook holds macros; they were ignored and never run")
        self._archive = archive
        self._sheets = _sheet_names(archive)
        prove(archive, self._sheets, findings)
        self._workbook = _open(source)
        self.names = self._workbook.sheet_names
        if not self.names:
            raise FormatError(Sentence("The workbook holds no sheet"))

    def sheet(self, name: str, kind: str) -> WorkbookSheet:
        """Open one sheet."""
        return WorkbookSheet(kind, self._opened(name))

    def count(self, name: str) -> int:
        """Count the rows below the header, without parsing the sheet."""
        part = next((part for part, sheet in self._sheets.items() if sheet == name), "")
        if part not in self._archive.parts:
            return max(0, self._opened(name).height - 1)
        rows = 0
        carried = b""
        for piece in self._archive.pieces(part):
            text = carried + piece
            cut = text.rfind(b"<", max(0, len(text) - _LONGEST_ROW_NAME))
            cut = len(text) if cut < 0 else cut
            rows += len(_ROW.findall(text, 0, cut))
            carried = text[cut:]
        return max(0, rows - 1)

    def _opened(self, name: str) -> CalamineSheet:
        with _refused("The sheet cannot be read: {reason}", name):
            return self._workbook.get_sheet_by_name(name)


class WorkbookSheet:
    """One sheet of a workbook."""

    decimal: Decimal = "."

    def __init__(self, name: str, sheet: CalamineSheet) -> None:
        self.name = name
        self._sheet = sheet

    def rows(self, positions: Sequence[int] | None = None) -> Iterator[Row]:
        """Give the rows; calamine counts columns from the first one in use, we from A."""
        start = self._sheet.start
        if start is None:
            return
        left = start[1]
        width = left + self._sheet.width
        wanted = range(width) if positions is None else positions
        places = [position - left if left <= position < width else None for position in wanted]
        if not places:
            return
        if None in places:
            for number, cells in enumerate(self._sheet.iter_rows(), start=1):
                yield number, [None if place is None else _cell(cells[place]) for place in places]
            return
        pick = itemgetter(*places) if len(places) > 1 else lambda cells: (cells[places[0]],)
        for number, cells in enumerate(self._sheet.iter_rows(), start=1):
            # Millions of cells are numbers and texts: they are told apart here and not by a call.
            yield (
                number,
                [
                    cell if type(cell) is float else cell or None if type(cell) is str else _cell(cell)
                    for cell in pick(cells)
                ],
            )


def _sheet_names(archive: Archive) -> dict[str, str]:
    """Give the sheet that each worksheet part is; empty where the workbook does not say it."""
    if RELATIONS not in archive.parts:
        return {}
    relations_xml, plan_xml = (archive.read(part, _LARGEST_PLAN_BYTES) for part in (RELATIONS, WORKBOOK))
    try:
        relations = ElementTree.fromstring(relations_xml)  # noqa: S314
        plan = ElementTree.fromstring(plan_xml)  # noqa: S314
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # also an encoding nobody knows
        raise FormatError(
            Sentence("The workbook cannot be read: {reason}", {"reason": str(error)})
        ) from error
    targets = {relation.get("Id"): relation.get("Target", "") for relation in relations}
    return {
        posixpath.normpath(posixpath.join("/xl", targets.get(sheet.get(_ID), ""))).lstrip("/"): sheet.get(
            "name", ""
        )
        for sheet in plan.iter(_NAME)
    }


def _open(source: bytes | Path) -> CalamineWorkbook:
    with _refused("The workbook cannot be read: {reason}", ""):
        if isinstance(source, bytes):
            return CalamineWorkbook.from_filelike(BytesIO(source))
        return CalamineWorkbook.from_path(source)


@contextlib.contextmanager
def _refused(template: str, sheet: str) -> Iterator[None]:
    """Turn what the parser raises on a damaged workbook into a refusal."""
    try:
        yield
    except (CalamineError, OSError, ValueError) as error:
        raise FormatError(Sentence(template, {"reason": str(error)}), sheet=sheet) from error
    except BaseException as error:
        # The parser is Rust: where it trips over an assumption of its own it raises this, no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise FormatError(Sentence(template, {"reason": str(error)}), sheet=sheet) from error


def _cell(value: object) -> Cell:
    """Give number, truth value or text; an empty cell is None, and a moment is its ISO text."""
    if type(value) is str:  # nearly all cells are texts and numbers: they take the first two ways out
        return value or None
    if type(value) is float or type(value) is bool:
        return value
    match value:
        case int():
            return float(value)
        case datetime.datetime() if value.time() == datetime.time():
            return value.date().isoformat()
        case datetime.datetime():
            return value.isoformat(" ", "seconds")
        case datetime.date() | datetime.time() | datetime.timedelta():
            return str(value)
    return value
