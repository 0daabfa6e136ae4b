"""Which header cell is which column: by the names we know, else by likeness, and then with a warning."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from planner.formats.columns import COLUMNS, Column, Header, key_of, size_header
from planner.formats.findings import Findings
from planner.formats.headers import HEADERS
from planner.formats.text import cleaned, shortened
from planner.quality import FormatError
from planner.sentence import Sentence

# "Powrstate" is 0.95 like "Powerstate", "Hosts" 0.89 like "Host", "CPU" 0.86 like "CPUs"; "FT Role" is 0.46
# like "FT State", "Owner Host" 0.62 like "Host".
LIKENESS: Final = 0.84
SHORTEST_LIKE: Final = 4  # shorter keys are like everything
MAX_COLUMNS: Final = 16_384  # the last column of a spreadsheet, XFD
RECOGNISED_BY: Final = 500  # header cells that say which sheet a file is; RVTools writes at most 98
STRANGERS_MAX: Final = 500  # among more unknown headers than that nothing is guessed
MAX_OWN_COLUMNS: Final = 300  # vCenter allows 128 custom attributes; more columns are no attributes
STANDS_TWICE: Final = Sentence("The column {column} stands twice; the first is read").template


class Match(Struct, frozen=True, kw_only=True):
    """Where each column of a sheet stands.

    Args:
        at: field -> position in the row.
        headers: field -> the header cell as it stands there.
        mib: field of a size -> MiB that one of its units are.
        own: the customer's columns, header -> position.
        unread: headers that RVTools writes and nobody here reads.
    """

    at: dict[str, int]
    headers: dict[str, str]
    mib: dict[str, float]
    own: dict[str, int]
    unread: tuple[str, ...]


class _Matcher:
    """Finds the columns of one sheet among its header cells."""

    def __init__(self, sheet: str, cells: Sequence[str]) -> None:
        self.sheet = sheet
        self.cells = {position: cell for position, cell in enumerate(cells) if key_of(cell)}
        self.at: dict[str, int] = {}
        self._plain = {position: key_of(cell) for position, cell in self.cells.items()}
        self._sizes = {position: size_header(cell) for position, cell in self.cells.items()}
        self._bearers = {is_size: self._by_key(is_size) for is_size in (False, True)}

    def _by_key(self, is_size: bool) -> dict[str, list[int]]:
        """Where each key stands, in the order of the cells: a header of thousands is looked through once."""
        found: dict[str, list[int]] = {}
        for position in self.cells:
            for key in self._keys(is_size, position):
                found.setdefault(key, []).append(position)
        return found

    def free(self) -> list[int]:
        """The positions no column has taken."""
        taken = set(self.at.values())
        return [position for position in self.cells if position not in taken]

    def find(self, column: Column) -> None:
        """Take the first free cell that bears one of the column's headers, the best header first."""
        taken = set(self.at.values())
        for header in column.headers:
            bearers = self._bearers[column.kind == "size"].get(wanted_key(column, header), ())
            for position in bearers:
                if position not in taken:
                    self.at[column.field] = position
                    return

    def guess(self, column: Column, candidates: Sequence[int]) -> int | None:
        """Give the one free cell that is most like the column's headers, None where two are or none is."""
        likeness: dict[int, float] = {}
        for position in candidates:
            keys = [key for key in self.keys(column, position) if len(key) >= SHORTEST_LIKE]
            likeness[position] = max(
                (
                    difflib.SequenceMatcher(None, key, wanted_key(column, header)).ratio()
                    for header in column.headers
                    for key in keys
                ),
                default=0.0,
            )
        best = sorted(likeness, key=lambda position: -likeness[position])[:2]
        if not best or likeness[best[0]] < LIKENESS:
            return None
        if len(best) == 2 and likeness[best[0]] == likeness[best[1]]:
            return None
        return best[0]

    def is_again(self, position: int) -> bool:
        """Whether a cell bears the same header as one that is read."""
        return any(self._plain[position] == self._plain[taken] for taken in self.at.values())

    def size(self, position: int) -> Header:
        """Give the unit that a header cell names."""
        return self._sizes[position]

    def keys(self, column: Column, position: int) -> tuple[str, ...]:
        """Give what counts of a header cell, for a column of this kind.

        The dialect `vInfoInUse` puts the sheet's name before each header, so there the rest counts too.
        """
        return self._keys(column.kind == "size", position)

    def _keys(self, is_size: bool, position: int) -> tuple[str, ...]:
        key = self._sizes[position].key if is_size else self._plain[position]
        prefix = key_of(self.sheet)
        return (key, key.removeprefix(prefix)) if key.startswith(prefix) and key != prefix else (key,)


def wanted_key(column: Column, header: str) -> str:
    """Give what counts of a header that a column is known by."""
    return size_header(header).key if column.kind == "size" else key_of(header)


def match(sheet: str, cells: Sequence[str], findings: Findings, row: int = 1) -> Match:
    """Find the columns of a sheet.

    Args:
        sheet: a sheet of `COLUMNS`.
        cells: the header row.
        row: its number, for the warnings.

    Returns:
        What was found.  A column that was not found is simply not there; `missing` says which matter.
    """
    if len(cells) > MAX_COLUMNS:
        limit = Sentence("The header has more than {limit} columns", {"limit": MAX_COLUMNS})
        raise FormatError(limit, sheet=sheet, row=row)
    matcher = _Matcher(sheet, cells)
    for column in COLUMNS[sheet]:
        matcher.find(column)
    standard = {key_of(header) for header in HEADERS[sheet]}
    standard |= {size_header(header).key for header in HEADERS[sheet] if size_header(header).unit}
    _guess_the_rest(matcher, standard, findings, row)
    sizes = {column.field for column in COLUMNS[sheet] if column.kind == "size"}
    own: dict[str, int] = {}
    unread: list[str] = []
    for position in matcher.free():
        cell = shortened(cleaned(matcher.cells[position]))
        if cell in own or matcher.is_again(position):
            findings.warn(STANDS_TWICE, sheet=sheet, row=row, column=cell)
        elif _is_standard(matcher, position, standard):
            unread.append(cell)
        else:
            own[cell] = position
    return Match(
        at=matcher.at,
        headers={field: cells[position].strip() for field, position in matcher.at.items()},
        mib={field: matcher.size(position).mib for field, position in matcher.at.items() if field in sizes},
        own=_limited(own, sheet, row, findings),
        unread=tuple(unread),
    )


def missing(sheet: str, found: Match) -> tuple[list[Column], list[Column]]:
    """Give the required and the wanted columns that a sheet lacks."""
    lacking = [column for column in COLUMNS[sheet] if column.field not in found.at]
    return [column for column in lacking if column.required], [column for column in lacking if column.wanted]


def count_known(sheet: str, cells: Sequence[str]) -> int:
    """Count the header cells that name a column of the sheet; what tells a header row, and a sheet, apart."""
    matcher = _Matcher(sheet, cells[:RECOGNISED_BY])
    for column in COLUMNS.get(sheet, ()):
        matcher.find(column)
    return len(matcher.at)


def _guess_the_rest(matcher: _Matcher, standard: set[str], findings: Findings, row: int) -> None:
    for column in COLUMNS[matcher.sheet]:
        if column.field in matcher.at or not (column.wanted or column.required or column.kind == "size"):
            continue
        strangers = [place for place in matcher.free() if not _is_standard(matcher, place, standard)]
        if len(strangers) > STRANGERS_MAX:
            return
        position = matcher.guess(column, strangers)
        if position is None:
            continue
        matcher.at[column.field] = position
        findings.warn(
            "The header {found} is not known; it was read as {expected}, which it is most like",
            sheet=matcher.sheet,
            row=row,
            column=shortened(cleaned(matcher.cells[position])),
            found=shortened(cleaned(matcher.cells[position])),
            expected=column.headers[0],
        )


def _is_standard(matcher: _Matcher, position: int, standard: set[str]) -> bool:
    key = key_of(matcher.cells[position])
    size = matcher.size(position)
    prefixed = key.startswith(key_of(matcher.sheet)) and len(key) > len(matcher.sheet)
    return key in standard or (bool(size.unit) and size.key in standard) or prefixed


def _limited(own: dict[str, int], sheet: str, row: int, findings: Findings) -> dict[str, int]:
    if len(own) <= MAX_OWN_COLUMNS:
        return own
    findings.warn(
        "The sheet has {count} columns that RVTools does not write; the first {limit} are read",
        sheet=sheet,
        row=row,
        count=len(own),
        limit=MAX_OWN_COLUMNS,
    )
    return dict(list(own.items())[:MAX_OWN_COLUMNS])
