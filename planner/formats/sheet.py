"""A sheet as it stands in the file: named rows of cells, whatever file it came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, Protocol, TypeAlias

from planner.formats.number import Decimal

# A number (float), a truth value, a text, or None for an empty cell.
Cell: TypeAlias = object
Row: TypeAlias = tuple[int, Sequence[Cell]]
Format: TypeAlias = Literal["rvtools-xlsx", "rvtools-csv", "headroom-estate/1"]


MAX_ROWS: Final = 1_048_576  # the last row of a spreadsheet


class Sheet(Protocol):
    """Rows of cells that can be gone through several times.

    `decimal` is the decimal sign of ambiguous numbers (`1,234`) where the file itself hints at one.
    """

    @property
    def name(self) -> str:
        """The sheet of RVTools that it is."""

    @property
    def decimal(self) -> Decimal:
        """The decimal sign where nothing else decides."""

    def rows(self, positions: Sequence[int] | None = None) -> Iterator[Row]:
        """Give the number of each row, as the spreadsheet counts, and its cells.

        With positions exactly those cells, in that order; without, all of them.  Empty rows may be left out.
        """
