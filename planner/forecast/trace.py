"""Measurements in a CSV file become series: our own columns, or those of a GWA-T-12 (Bitbrains) trace."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Final

from planner.forecast.series import Point, Series
from planner.formats.csv_files import MAX_FIELD_CHARACTERS
from planner.quality import FormatError
from planner.sentence import Sentence

SECONDS_PER_DAY: Final = 86_400.0
ROWS_MAX: Final = 2_000_000
ORDINAL_OF_EPOCH: Final = date(1970, 1, 1).toordinal()
OWN: Final = ("date", "name", "resource", "value")
TIMESTAMP: Final = "timestamp [ms]"  # the trace says ms and holds seconds
BITBRAINS: Final = (
    ("cpu usage [mhz]", "cpu capacity provisioned [mhz]", "cpu", "MHz"),
    ("memory usage [kb]", "memory capacity provisioned [kb]", "memory", "KiB"),
)


def parse(content: bytes, filename: str) -> tuple[Series, ...]:
    """Read a trace.

    Our own columns are `date` (2026-03-01, or with a time), `name`, `resource`, `value`, and where known
    `capacity` and `unit`.  A GWA-T-12 file is one VM, named by the file: seconds since 1970, MHz and KiB.
    The last row says the capacity.

    Raises:
        FormatError: not text, a column is missing, or a cell is not what its column says; names row and
            column.
    """
    rows = _rows(content, filename)
    header = next(rows, None)
    if header is None:
        raise FormatError(Sentence("the file is empty"), sheet=filename)
    columns = {name.strip().lower(): place for place, name in enumerate(header)}
    if TIMESTAMP in columns:
        return _bitbrains(rows, columns, filename)
    missing = [name for name in OWN if name not in columns]
    if missing:
        raise FormatError(
            Sentence(
                "no column {column}; a trace has {wanted}", {"column": missing[0], "wanted": ", ".join(OWN)}
            ),
            sheet=filename,
            row=1,
        )
    return _own(rows, columns, filename)


def _rows(content: bytes, filename: str) -> Iterator[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(Sentence("not a text in UTF-8"), sheet=filename) from error
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    csv.field_size_limit(MAX_FIELD_CHARACTERS)  # one number for the whole process: every reader sets the same
    lines = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter)  # any end of line
    try:
        for number, row in enumerate(lines):
            if number > ROWS_MAX:
                raise FormatError(
                    Sentence("more than {rows} rows", {"rows": ROWS_MAX}), sheet=filename, row=number
                )
            if row:
                yield row
    except csv.Error as error:
        raise FormatError(
            Sentence("{problem}", {"problem": str(error)}), sheet=filename, row=lines.line_num
        ) from error


def _own(rows: Iterator[list[str]], columns: Mapping[str, int], filename: str) -> tuple[Series, ...]:
    points: dict[tuple[str, str], list[Point]] = {}
    told: dict[tuple[str, str], tuple[float | None, str]] = {}
    for number, row in enumerate(rows, start=2):
        cell = _Cells(row, columns, filename, number)
        key = cell.text("name"), cell.text("resource")
        points.setdefault(key, []).append(Point(cell.day("date"), cell.number("value")))
        told[key] = cell.number_or_none("capacity"), cell.text_or_empty("unit")
    return tuple(
        Series(
            subject="trace", name=name, resource=resource, unit=told[name, resource][1],
            points=tuple(found), capacity=told[name, resource][0],
        )
        for (name, resource), found in sorted(points.items())
    )  # fmt: skip


def _bitbrains(rows: Iterator[list[str]], columns: Mapping[str, int], filename: str) -> tuple[Series, ...]:
    points: dict[str, list[Point]] = {}
    capacity: dict[str, float] = {}
    for number, row in enumerate(rows, start=2):
        cell = _Cells(row, columns, filename, number)
        at_days = ORDINAL_OF_EPOCH + cell.number(TIMESTAMP) / SECONDS_PER_DAY
        for usage, provisioned, resource, _unit in BITBRAINS:
            points.setdefault(resource, []).append(Point(at_days, cell.number(usage)))
            capacity[resource] = cell.number(provisioned)
    name = filename.rpartition(".")[0] or filename
    return tuple(
        Series(
            subject="vm", name=name, resource=resource, unit=unit,
            points=tuple(points.get(resource, ())), capacity=capacity.get(resource),
        )
        for _usage, _provisioned, resource, unit in BITBRAINS
    )  # fmt: skip


class _Cells:
    """One row, asked by column; whatever is wrong is told with its place."""

    def __init__(self, row: list[str], columns: Mapping[str, int], filename: str, number: int) -> None:
        self.row, self.columns, self.filename, self.at = row, columns, filename, number

    def text_or_empty(self, column: str) -> str:
        place = self.columns.get(column)
        return self.row[place].strip() if place is not None and place < len(self.row) else ""

    def text(self, column: str) -> str:
        found = self.text_or_empty(column)
        if not found:
            raise self._wrong(column, Sentence("is empty"))
        return found

    def number(self, column: str) -> float:
        found = self.text(column)
        try:
            value = float(found)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < 0:
            raise self._wrong(column, Sentence("{found} is not a number from 0 up", {"found": found}))
        return value

    def number_or_none(self, column: str) -> float | None:
        return self.number(column) if self.text_or_empty(column) else None

    def day(self, column: str) -> float:
        found = self.text(column)
        try:
            moment = datetime.fromisoformat(found)
        except ValueError:
            wanted = Sentence("{found} is not a date such as 2026-03-01", {"found": found})
            raise self._wrong(column, wanted) from None
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC)
        seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
        return moment.toordinal() + seconds / SECONDS_PER_DAY

    def _wrong(self, column: str, message: Sentence) -> FormatError:
        return FormatError(message, sheet=self.filename, row=self.at, column=column)
