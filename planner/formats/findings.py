"""What a reader notices on its way, told once a kind: how often, and where first."""

from __future__ import annotations

from typing import Final

from planner.quality import Finding, SheetRead
from planner.sentence import Sentence, Value

# A hostile file can spell a new kind of trouble in every column; a person reads no more than this.
MAX_KINDS: Final = 500

_Place = tuple[str, str, str]


class Findings:
    """Collects warnings, assumptions and what was read of each sheet.

    A warning is of one kind with another when sheet, column and template agree; the values and the row
    kept are those of the first row it stood in.
    """

    def __init__(self) -> None:
        self._warnings: dict[_Place, Finding] = {}
        self._assumptions: dict[str, Sentence] = {}
        self._sheets: list[SheetRead] = []
        self._untold = 0

    def warn(
        self, template: str, /, *, sheet: str = "", row: int | None = None, column: str = "", **values: Value
    ) -> None:
        """Note one thing at one place."""
        self.warn_often(template, 1, sheet=sheet, row=row, column=column, **values)

    def warn_often(
        self,
        template: str,
        times: int,
        /,
        *,
        sheet: str = "",
        row: int | None = None,
        column: str = "",
        **values: Value,
    ) -> None:
        """Note one thing that stands at `times` places, first at `row`.

        The template may name {sheet} and {column} too.
        """
        place = (sheet, column, template)
        known = self._warnings.get(place)
        if known is None and len(self._warnings) >= MAX_KINDS:
            self._untold += times
            return
        told = {"sheet": sheet, "column": column, **values}
        named = {key: value for key, value in told.items() if key in values or f"{{{key}}}" in template}
        first = Finding(sheet=sheet, row=row, column=column, message=Sentence(template, named), count=times)
        self._warnings[place] = first if known is None else _joined(known, first)

    def assume(self, template: str, **values: Value) -> None:
        """Note what was taken for granted; the same sentence is told once."""
        sentence = Sentence(template, dict(values))
        self._assumptions.setdefault(str(sentence), sentence)

    def sheet_read(self, sheet: SheetRead) -> None:
        """Note what was taken from one sheet."""
        self._sheets.append(sheet)

    @property
    def sheets(self) -> tuple[SheetRead, ...]:
        """What was taken from each sheet, in the order it was read."""
        return tuple(self._sheets)

    @property
    def assumptions(self) -> tuple[Sentence, ...]:
        """What was taken for granted, in the order it came up."""
        return tuple(self._assumptions.values())

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The warnings, by sheet, column, then row."""
        told = sorted(
            self._warnings.values(),
            key=lambda finding: (finding.sheet, finding.row or 0, finding.column, finding.message.template),
        )
        if self._untold:
            more = Sentence("{count} further warnings of other kinds are not listed", {"count": self._untold})
            told.append(Finding(message=more, count=self._untold))
        return tuple(told)


def _joined(known: Finding, other: Finding) -> Finding:
    """Add one finding to another of its kind; the earlier row speaks for both."""
    first = other if (other.row or 0) < (known.row or 0) else known
    return Finding(
        sheet=known.sheet,
        row=first.row,
        column=known.column,
        message=first.message,
        count=known.count + other.count,
    )
