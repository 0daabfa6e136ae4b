"""Proves that a workbook is harmless before its parser opens it.

No part may lie about its size, and no sheet may ask for too much memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from planner.formats.archive import Archive
from planner.formats.extent import MAX_CELLS, Extent
from planner.formats.findings import Findings
from planner.formats.shared_texts import MAX_COPIED_BYTES, MAX_TEXTS, SharedTexts
from planner.quality import FormatError
from planner.sentence import Sentence

NOT_CALCULATED: Final = Sentence(
    "The cell holds a formula without a stored value and counts as empty; "
    "open and save the workbook in a spreadsheet program to store it"
).template
# A cell with a formula and no result; the parser gives it as an empty one.
_UNCALCULATED: Final = re.compile(
    rb'<c r="([A-Z]{1,3})(\d{1,7})"[^>]*><f(?:[^>]*/>|[^>]*>[^<]*</f>)(?:<v/>|<v></v>)?</c>'
)
# A cell whose formula ended in an error (#DIV/0!, #N/A); the parser gives it as an empty one, too.
ERROR_CELL: Final = Sentence("The cell holds the error {found} and counts as empty").template
_ERROR: Final = re.compile(
    rb'<c r="([A-Z]{1,3})(\d{1,7})"[^>]*? t="e"[^>]*>(?:<f(?:[^>]*/>|[^>]*>[^<]*</f>))?<v>([^<]{1,40})</v>'
)
_LONGEST_CELL_BYTES: Final = 16 * 1024  # a formula has at most 8,192 characters
_SHARED_TEXTS: Final = "sharedStrings.xml"


def prove(archive: Archive, sheets: dict[str, str], findings: Findings) -> None:
    """Inflate every part piece by piece, keeping none; warn of formulas without a result.

    Args:
        sheets: part -> the sheet that it is, as far as the workbook says.

    Raises:
        FormatError: a part that is not what the directory claims, a sheet whose cells reach too far, texts
            that would take too much memory.
    """
    shared = {
        part: SharedTexts(archive.pieces(part)) for part in archive.parts if part.endswith(_SHARED_TEXTS)
    }
    longest = max((texts.longest for texts in shared.values()), default=0)
    for part, texts in shared.items():
        if len(texts.sizes) > MAX_TEXTS:
            raise FormatError(
                Sentence("The workbook holds more than {limit} different texts", {"limit": MAX_TEXTS}),
                sheet=part,
            )
    for part in archive.parts:
        if part in shared:
            continue
        sheet = sheets.get(part, part)
        extent = _extent(archive, part, sheet if part in sheets else "", findings)
        _refuse_reach(archive, part, sheet, extent)
        if extent.shared_texts * longest > MAX_COPIED_BYTES:
            _refuse_copies(archive, part, sheet, shared.values())


def _extent(archive: Archive, part: str, sheet: str, findings: Findings) -> Extent:
    """Go through a part once; a worksheet's formulas are told on the way."""
    extent = Extent()
    carried = b""
    for piece in archive.pieces(part):
        extent.feed(piece)
        if sheet:
            carried = _tell_lost_cells(carried + piece, sheet, findings)
    return extent


def _tell_lost_cells(text: bytes, sheet: str, findings: Findings) -> bytes:
    """Warn of each formula without a result and of each error; give the end of the text, where one may
    have begun.
    """
    end = 0
    if b"<f" in text:
        for found in _UNCALCULATED.finditer(text):
            end = found.end()
            findings.warn(NOT_CALCULATED, sheet=sheet, row=int(found[2]), column=found[1].decode())
    if b't="e"' in text:
        for found in _ERROR.finditer(text):
            end = max(end, found.end())
            shown = found[3].decode("ascii", "replace")
            findings.warn(ERROR_CELL, sheet=sheet, row=int(found[2]), column=found[1].decode(), found=shown)
    return text[max(end, len(text) - _LONGEST_CELL_BYTES) :]


def _refuse_reach(archive: Archive, part: str, sheet: str, extent: Extent) -> None:
    if extent.is_odd and extent.is_worksheet:
        raise FormatError(
            Sentence("The sheet holds comments or other markup, as no spreadsheet program writes"),
            sheet=sheet,
        )
    if not extent.is_too_large:
        return
    exact = Extent(exact=True)
    for piece in archive.pieces(part):
        exact.feed(piece)
    if exact.is_too_large:
        raise FormatError(
            Sentence(
                "The sheet spans {rows} rows and {columns} columns; the limit is {limit} cells",
                {"rows": exact.rows, "columns": exact.columns, "limit": MAX_CELLS},
            ),
            sheet=sheet,
        )


def _refuse_copies(archive: Archive, part: str, sheet: str, shared: Iterable[SharedTexts]) -> None:
    if any(texts.copied(archive.pieces(part)) > MAX_COPIED_BYTES for texts in shared):
        raise FormatError(
            Sentence(
                "The cells of the sheet hold more than {limit} bytes of text", {"limit": MAX_COPIED_BYTES}
            ),
            sheet=sheet,
        )
