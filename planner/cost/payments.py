"""When money is paid: at a year's start, all through it, or in the last month; what that is worth today."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Final

from msgspec import Struct

from planner.catalogue.cards import Area
from planner.cost.item import When
from planner.cost.money import ZERO

MONTHS: Final = 12


class Payments(Struct, frozen=True, kw_only=True):
    """Amounts by year: paid at its start, growing month by month until its end, and in its last month."""

    start: tuple[Decimal, ...]
    through: tuple[Decimal, ...]
    last: tuple[Decimal, ...]

    def worth(self, rate_percent: Decimal) -> Decimal:
        """What all of it is worth today; a year's end counts as the start of the next year.

        >>> loan = Payments(start=(Decimal(0),) * 2, through=(Decimal(105),) * 2, last=(Decimal(0),) * 2)
        >>> loan.worth(Decimal(5)), loan.worth(Decimal(0))
        (Decimal('195.2380952380952380952380952'), Decimal('210'))
        """
        factors = self._factors(rate_percent)
        rows = zip(self.start, self.through, self.last, factors, factors[1:], strict=False)
        return sum((start * now + (through + last) * end for start, through, last, now, end in rows), ZERO)

    def cumulated(self, rate_percent: Decimal) -> tuple[Decimal, ...]:
        """What has been paid after each month, from month 0 on, worth today; it ends at `worth`."""
        paid = [ZERO] * (len(self.start) * MONTHS + 1)
        factors = self._factors(rate_percent)
        for year, start in enumerate(self.start):
            first = year * MONTHS
            paid[first] += start * factors[year]
            monthly = self.through[year] * factors[year + 1] / MONTHS
            for month in range(first + 1, first + MONTHS + 1):
                paid[month] += monthly
            paid[first + MONTHS] += self.last[year] * factors[year + 1]
        return tuple(accumulate(paid))

    def _factors(self, rate_percent: Decimal) -> list[Decimal]:
        step = 1 / (1 + rate_percent / 100)
        return [step**year for year in range(len(self.start) + 1)]


def payments_of(rows: Sequence[tuple[When, Area, Sequence[Decimal]]], years: int) -> Payments:
    """Sort amounts by year into the three; what hardware is worth in the end comes in the last month."""
    start, through, last = ([ZERO] * years for _ in range(3))
    for when, area, by_year in rows:
        into = start if when == "start" else last if area == "residual" else through
        for year, amount in enumerate(by_year):
            into[year] += amount
    return Payments(start=tuple(start), through=tuple(through), last=tuple(last))


def pays_from(old: Sequence[Decimal], new: Sequence[Decimal]) -> int | None:
    """The first month from which the new sums are not above the old ones and stay so; None: there is none.

    >>> pays_from([Decimal(0), Decimal(4), Decimal(8)], [Decimal(3), Decimal(5), Decimal(7)])
    2
    """
    dearer = [month for month, (before, after) in enumerate(zip(old, new, strict=True)) if after > before]
    if not dearer:
        return 0
    return dearer[-1] + 1 if dearer[-1] + 1 < len(old) else None
