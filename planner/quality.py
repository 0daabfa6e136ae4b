"""What a reader read, skipped and assumed, so that nobody has to trust an import blindly."""

from __future__ import annotations

from msgspec import Struct

from planner.estate import Estate
from planner.sentence import Sentence


class Finding(Struct, frozen=True, kw_only=True):
    """Something odd at a place of the input.  `row` counts as the spreadsheet does: the header is row 1.

    Findings of one kind are told once: `count` says how often, `row` where it stood first.
    """

    sheet: str = ""
    row: int | None = None
    column: str = ""
    message: Sentence
    count: int = 1


class SheetRead(Struct, frozen=True, kw_only=True):
    """One sheet (or CSV file, or list of a JSON document): what was taken from it.

    `columns_unknown` are those that nobody knows (the customer's own), `columns_unread` those that are known
    and that the estate has no place for; a sheet that is all so is not `used`, and has `rows_unread`.
    `vms_lost` are the skipped rows that are VMs (not the same VM again) whose numbers cannot be used.
    """

    name: str
    rows_read: int
    rows_skipped: int = 0
    rows_unread: int = 0
    columns_known: tuple[str, ...] = ()
    columns_unknown: tuple[str, ...] = ()
    columns_unread: tuple[str, ...] = ()
    used: bool = True
    vms_lost: int = 0


class Quality(Struct, frozen=True, kw_only=True):
    """The quality report of one import."""

    format: str
    sheets: tuple[SheetRead, ...] = ()
    warnings: tuple[Finding, ...] = ()
    assumptions: tuple[Sentence, ...] = ()


class Reading(Struct, frozen=True, kw_only=True):
    """What a reader gives: the estate, and how well it could be read."""

    estate: Estate
    quality: Quality


class FormatError(ValueError):
    """The input cannot be read at all; says where and what was found.  Nothing has been taken from it."""

    def __init__(
        self, message: Sentence, *, sheet: str = "", row: int | None = None, column: str = ""
    ) -> None:
        super().__init__(message, sheet, row, column)
        self.message, self.sheet, self.row, self.column = message, sheet, row, column

    def __str__(self) -> str:
        place = [
            self.sheet,
            f"row {self.row}" if self.row else "",
            f"column {self.column}" if self.column else "",
        ]
        where = ", ".join(part for part in place if part)
        return f"{where}: {self.message}" if where else str(self.message)
