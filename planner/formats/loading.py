"""A sheet -> Table: finds the header, tells the columns, keeps what is read of them.

A sheet of 100,000 rows is gone through once, and only the columns wanted are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from planner.formats.findings import Findings
from planner.formats.matching import Match, count_known, match, missing
from planner.formats.sheet import Cell, Sheet
from planner.formats.table import Table, own_field, spelled
from planner.formats.text import cleaned, shortened
from planner.quality import FormatError
from planner.sentence import Sentence

CHUNK_ROWS: Final = 4096
# 100,000 VMs with 300 columns of the customer's own are 34 million; each takes 8 bytes and its value.
MAX_CELLS: Final = 40_000_000
HEADER_SEARCH_ROWS: Final = 10  # some customers put a title above the header


def load(sheet: Sheet, findings: Findings) -> Table:
    """Go through a sheet once and keep the columns that are read.

    Raises:
        FormatError: a required column is missing.
    """
    above = list(islice(sheet.rows(), HEADER_SEARCH_ROWS))
    header_at = _header_at(sheet.name, [cells for _, cells in above])
    row, cells = above[header_at] if above else (1, [])
    header = [spelled(cell) or "" for cell in cells]
    found = match(sheet.name, header, findings, row)
    _check_missing(sheet.name, found, header, row, findings)
    places = found.at | {own_field(header): position for header, position in found.own.items()}
    columns, numbers = _gather(sheet, places, row)
    _say_units(sheet.name, found, findings)
    return Table(sheet.name, found, columns, numbers, sheet.decimal, findings)


def _header_at(name: str, rows: Sequence[Sequence[Cell]]) -> int:
    """Find the header among the first rows: the one with most headers that we know."""
    counts = [count_known(name, [spelled(cell) or "" for cell in row]) for row in rows]
    return counts.index(max(counts)) if counts else 0


def _check_missing(name: str, found: Match, cells: list[str], row: int, findings: Findings) -> None:
    required, wanted = missing(name, found)
    if required:
        headers = ", ".join(cell.strip() for cell in cells if cell.strip())
        raise FormatError(
            Sentence(
                "The column {column} is missing; the headers found are: {found}",
                {"column": required[0].headers[0], "found": shortened(cleaned(headers), 400) or "-"},
            ),
            sheet=name,
            row=row,
            column=required[0].headers[0],
        )
    for column in wanted:
        findings.warn(
            "The column {column} is missing; its values count as unknown",
            sheet=name,
            row=row,
            column=column.headers[0],
        )


def _say_units(name: str, found: Match, findings: Findings) -> None:
    for field, factor in found.mib.items():
        if factor != 1.0:
            findings.assume(
                "{sheet}: {column} was converted to MiB (factor {factor})",
                sheet=name,
                column=found.headers[field],
                factor=factor,
            )


def _gather(sheet: Sheet, places: dict[str, int], header_row: int) -> tuple[dict[str, list[Cell]], list[int]]:
    """Keep the wanted columns of each row below the header that has a cell in them, and the rows' numbers."""
    columns: dict[str, list[Cell]] = {field: [] for field in places}
    numbers: list[int] = []
    if not places:
        return columns, numbers
    rows = (row for row in sheet.rows(list(places.values())) if row[0] > header_row)
    while chunk := list(islice(rows, CHUNK_ROWS)):
        full = [(number, cells) for number, cells in chunk if any(cell is not None for cell in cells)]
        numbers.extend(number for number, _ in full)
        if len(numbers) * len(places) > MAX_CELLS:
            raise FormatError(
                Sentence("The sheet holds more than {limit} cells to read", {"limit": MAX_CELLS}),
                sheet=sheet.name,
            )
        transposed = list(zip(*(cells for _, cells in full), strict=True)) or [()] * len(places)
        for cells, field in zip(transposed, places, strict=True):
            columns[field].extend(cells)
    return columns, numbers
