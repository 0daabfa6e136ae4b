"""The columns of one sheet that are read, as typed lists; faults become warnings, faulty values None."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeVar

from planner.formats.columns import COLUMNS
from planner.formats.findings import Findings
from planner.formats.matching import Match
from planner.formats.number import Decimal, decimal_sign, is_ambiguous, parsed
from planner.formats.sheet import Cell
from planner.formats.text import MAX_NAME, cleaned, has_hidden, is_plain, shortened
from planner.quality import SheetRead
from planner.sentence import Sentence, Value

T = TypeVar("T")

PLACEHOLDER: Final = "VM"  # exports hold this word where RVTools found nothing
SHOWN_CHARACTERS: Final = 60
TRUE_WORDS: Final = frozenset({"true", "1", "yes", "y", "vrai", "oui", "wahr", "ja", "enabled", "on"})
FALSE_WORDS: Final = frozenset(
    {"false", "0", "no", "n", "faux", "non", "falsch", "nein", "disabled", "off", "nan", ""}
)
EMPTY_WORDS: Final = frozenset({"nan", "n/a", "none", "null", "-"})
LONGEST_WORD: Final = 4  # of the placeholder and the empty words

# Templates stand in a Sentence because that is where the translations are collected from.
PLACEHOLDER_TAKEN: Final = Sentence("The placeholder {found} was taken as empty").template
HIDDEN: Final = Sentence("{found} holds characters that cannot be seen; they are written out").template
TOO_LONG: Final = Sentence("{found} is longer than a name may be and was cut").template
NOT_A_NUMBER: Final = Sentence("{found} is not a number; the value counts as unknown").template
NOT_WHOLE: Final = Sentence("{found} is no whole number; the value counts as unknown").template
OUT_OF_BOUNDS: Final = Sentence(
    "{found} is outside {lowest} to {highest}; the value counts as unknown"
).template
NEITHER: Final = Sentence("{found} is neither yes nor no; the value counts as unknown").template
AMBIGUOUS: Final = Sentence(
    "{found} can be read in two ways and no other number of the column decides; "
    "the decimal sign was taken to be {sign}"
).template


class Table:
    """The columns of one sheet; what is wrong with a cell is told once, when its column is asked for."""

    def __init__(
        self,
        name: str,
        found: Match,
        columns: dict[str, list[Cell]],
        rows: list[int],
        decimal: Decimal,
        findings: Findings,
    ) -> None:
        self.name = name
        self.match = found
        self.rows = rows
        """The row number of each row, as the spreadsheet counts."""
        self._columns = columns
        self._decimal: Decimal = decimal
        self._findings = findings
        self._texts: dict[str, list[str | None]] = {}
        self._numbers: dict[str, list[float | None]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, field: str) -> bool:
        return field in self._columns

    def header(self, field: str) -> str:
        """Give the header of a column as the file spells it, else as RVTools does."""
        known = next((column for column in COLUMNS[self.name] if column.field == field), None)
        return self.match.headers.get(field) or (known.headers[0] if known else field)

    def warn(self, template: str, field: str, place: int, /, **values: Value) -> None:
        """Warn of one cell."""
        self._findings.warn(
            template, sheet=self.name, row=self.rows[place], column=self.header(field), **values
        )

    def texts(self, field: str) -> list[str | None]:
        """Give a column of text: trimmed and made visible; None where the cell is empty.

        A name longer than a name may be is cut, with a warning.
        """
        if field not in self._texts:
            self._texts[field] = self._as_texts(field)
        return self._texts[field]

    def numbers(self, field: str, lowest: float, highest: float) -> list[float | None]:
        """Give a column of numbers; None where the cell is empty, or holds no number within the bounds."""
        if field not in self._numbers:
            self._numbers[field] = self._as_numbers(field, lowest, highest)
        return self._numbers[field]

    def sizes(self, field: str, lowest: int, highest: int) -> list[int | None]:
        """Give a column of sizes, rounded to the nearest MiB."""
        return [
            None if number is None else math.floor(number + 0.5)
            for number in self.numbers(field, lowest, highest)
        ]

    def counts(self, field: str, lowest: int, highest: int) -> list[int | None]:
        """Give a column of whole numbers; a fraction is a fault."""
        counts: list[int | None] = []
        for place, number in enumerate(self.numbers(field, lowest, highest)):
            whole = number is None or number.is_integer()
            if not whole:
                self.warn(NOT_WHOLE, field, place, found=shown(number))
            counts.append(int(number) if number is not None and whole else None)
        return counts

    def flags(self, field: str) -> list[bool | None]:
        """Give a column of yes and no; None where the cell is empty or says neither."""
        cells = self._columns.get(field)
        if cells is None:
            return [None] * len(self)
        known = {cell: self._flag(cell) for cell in map(spelled, dict.fromkeys(cells))}
        flags: list[bool | None] = []
        for place, cell in enumerate(cells):
            flag, fault = known[spelled(cell)]
            if fault:
                self.warn(fault, field, place, found=shown(cell))
            flags.append(flag)
        return flags

    def cells(self, field: str) -> list[Cell]:
        """Give a column as it stands in the file; empty where the sheet has none."""
        return self._columns.get(field, [])

    def without(self, places: set[int]) -> Table:
        """The same table without some of its rows; what was told of the others is not told again."""

        def kept(column: Sequence[T]) -> list[T]:
            return [cell for place, cell in enumerate(column) if place not in places]

        rest = Table(
            self.name,
            self.match,
            {field: kept(cells) for field, cells in self._columns.items()},
            kept(self.rows),
            self._decimal,
            self._findings,
        )
        rest._texts = {field: kept(texts) for field, texts in self._texts.items()}
        rest._numbers = {field: kept(numbers) for field, numbers in self._numbers.items()}
        return rest

    def own_texts(self) -> dict[str, list[Cell]]:
        """Give the customer's columns by header, cells as they stand."""
        return {header: self._columns[own_field(header)] for header in self.match.own}

    def _as_texts(self, field: str) -> list[str | None]:
        cells = self._columns.get(field)
        if cells is None:
            return [None] * len(self)
        limit = MAX_NAME if _kind(self.name, field) == "name" else 0
        odd = {
            cell: _text(cell, limit, is_vm=field == "vm")
            for cell in set(cells)
            if not (isinstance(cell, str) and LONGEST_WORD < len(cell) <= MAX_NAME and is_plain(cell))
        }
        faulty = {cell for cell, (_, fault) in odd.items() if fault}
        if faulty:
            for place, cell in enumerate(cells):
                if cell in faulty:
                    self.warn(odd[cell][1], field, place, found=shown(cell))
        return [odd[cell][0] if cell in odd else str(cell) for cell in cells]

    def _as_numbers(self, field: str, lowest: float, highest: float) -> list[float | None]:
        cells = self._columns.get(field)
        if cells is None:
            return [None] * len(self)
        factor = self.match.mib.get(field, 1.0)
        decimal = self._column_decimal(field, cells)
        numbers: list[float | None] = []
        take = numbers.append
        for place, cell in enumerate(cells):
            if type(cell) is float and lowest <= cell * factor <= highest:
                take(cell * factor)
            elif cell is None:
                take(None)
            else:
                take(self._number(field, place, cell, decimal, factor, (lowest, highest)))
        return numbers

    def _number(
        self,
        field: str,
        place: int,
        cell: Cell,
        decimal: Decimal,
        factor: float,
        bounds: tuple[float, float],
    ) -> float | None:
        """Give what a cell is in MiB or as it stands, None and a warning where it is no number in bounds."""
        number, fault = _number(cell, decimal)
        if fault:
            self.warn(fault, field, place, found=shown(cell))
        if number is None or bounds[0] <= number * factor <= bounds[1]:
            return None if number is None else number * factor
        self.warn(
            OUT_OF_BOUNDS,
            field,
            place,
            found=shown(cell),
            lowest=_whole(bounds[0] / factor),
            highest=_whole(bounds[1] / factor),
        )
        return None

    def _flag(self, cell: str | None) -> tuple[bool | None, str]:
        word = (cell or "").strip().casefold()
        if word in TRUE_WORDS:
            return True, ""
        if word in FALSE_WORDS:
            return (False if word else None), ""
        if word == PLACEHOLDER.casefold():
            return None, PLACEHOLDER_TAKEN
        return None, NEITHER

    def _column_decimal(self, field: str, cells: Sequence[Cell]) -> Decimal:
        """Decide once for the column what its comma and point mean, and say so."""
        texts = [cell for cell in cells if type(cell) is str and ("," in cell or "." in cell)]
        if not texts:
            return self._decimal
        proven = decimal_sign(texts)
        if proven == ",":
            self._findings.assume(
                "{sheet}: the numbers of {column} have a decimal comma",
                sheet=self.name,
                column=self.header(field),
            )
        if proven is not None:
            return proven
        for place, cell in enumerate(cells):
            if type(cell) is str and is_ambiguous(cell):
                self.warn(AMBIGUOUS, field, place, found=shown(cell), sign=self._decimal)
        return self._decimal


def _whole(bound: float) -> float:
    """A bound without the point that it does not need."""
    return int(bound) if bound == int(bound) else bound


def read_of(table: Table, skipped: int) -> SheetRead:
    """Say what was taken from a table."""
    return SheetRead(
        name=table.name,
        rows_read=len(table) - skipped,
        rows_skipped=skipped,
        columns_known=tuple(table.match.headers.values()),
        columns_unknown=tuple(table.match.own),
        columns_unread=table.match.unread,
    )


def spelled(cell: Cell) -> str | None:
    """Give a cell as text: whole numbers without a point, None for an empty cell."""
    if cell is None:
        return None
    if type(cell) is str:
        return cell
    if type(cell) is float and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)


def shown(cell: Cell) -> str:
    """Give a cell as a warning quotes it: visible and short."""
    return shortened(cleaned(spelled(cell) or ""), SHOWN_CHARACTERS)


def own_field(header: str) -> str:
    """Give the name under which a table keeps a customer's column."""
    return f"own:{header}"


def _kind(sheet: str, field: str) -> str:
    return next((column.kind for column in COLUMNS[sheet] if column.field == field), "text")


def _text(cell: Cell, limit: int, *, is_vm: bool) -> tuple[str | None, str]:
    """Give a cell's text, and what is wrong with it ("" where nothing is).

    A VM may be called anything, so for its name no word means "empty".
    """
    text = spelled(cell)
    if text is None:
        return None, ""
    if not is_vm and text.strip() == PLACEHOLDER:
        return None, PLACEHOLDER_TAKEN
    if not is_vm and text.strip().casefold() in EMPTY_WORDS:
        return None, ""
    fault = HIDDEN if has_hidden(text) else ""
    text = cleaned(text)
    if limit and len(text) > limit:
        return shortened(text, limit), TOO_LONG
    return text or None, fault


def _number(cell: Cell, decimal: Decimal) -> tuple[float | None, str]:
    """Give a cell's number, and what is wrong with it ("" where nothing is)."""
    if isinstance(cell, str):
        if not cell.strip():
            return None, ""
        if cell.strip() == PLACEHOLDER:
            return None, PLACEHOLDER_TAKEN
        number = parsed(cell, decimal)
    else:
        number = float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else None
    if number is None or not math.isfinite(number):
        return None, NOT_A_NUMBER
    return number, ""
