"""Two bills side by side: what changes from one to the other, from when it pays, which discount tips it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from planner.catalogue.cards import AREAS, Area
from planner.cost.assumptions import Assumptions
from planner.cost.bill import Bill, bill
from planner.cost.book import Prices
from planner.cost.design import Design
from planner.cost.money import Span, summed
from planner.cost.payments import payments_of, pays_from


class Step(Struct, frozen=True, kw_only=True):
    """What one area adds on the way from a bill to another, at the middle of all ranges.

    `unknown` names the empty cards that keep a part of it out.
    """

    area: Area
    before: Decimal
    after: Decimal
    unknown: tuple[str, ...] = ()

    @property
    def change(self) -> Decimal:
        """After less before."""
        return self.after - self.before


def waterfall(before: Bill, after: Bill) -> tuple[Step, ...]:
    """Lead from one total to the other, area by area; before plus all changes is after, exactly."""
    steps = []
    for area in AREAS:
        lines = [line for one in (before, after) for line in one.lines if line.area == area]
        if lines:
            steps.append(
                Step(
                    area=area,
                    before=before.area(area).middle,
                    after=after.area(area).middle,
                    unknown=tuple(dict.fromkeys(card for line in lines for card in line.missing)),
                )
            )
    return tuple(steps)


def cumulated(one: Bill) -> tuple[Decimal, ...]:
    """What has been paid after each month, from month 0 on, at the middle of all ranges, worth today.

    What is paid at a year's start is paid at once; what is paid at its end grows month by month, but
    for the worth of the hardware, which comes in the last month.
    """
    rows = [
        (line.when, line.area, [span.middle for span in line.by_year]) for line in one.lines if line.by_year
    ]
    return payments_of(rows, one.assumptions.years).cumulated(one.total.rate_percent)


def pays_from_month(old: Bill, new: Bill) -> int | None:
    """Say after how many months the new way has cost no more than the old one and stays so; None: never."""
    return pays_from(cumulated(old), cumulated(new))


def waits_alone(one: Bill, other: Bill) -> tuple[str, ...]:
    """The empty cards that one bill waits for and the other does not: it seems cheaper than it is.

    A card counts where it is used: hosts to buy wait for the price of a host even where the support of
    others waits for it too.  What hardware is worth in the end makes nothing dearer and is left out.
    """
    theirs = set(_waiting(other))
    return tuple(dict.fromkeys(card for area, card in _waiting(one) if (area, card) not in theirs))


def _waiting(one: Bill) -> list[tuple[Area, str]]:
    return [(line.area, card) for line in one.lines if line.area != "residual" for card in line.missing]


def tipping_discount(
    old: Design,
    new: Design,
    card: str,
    assumptions: Assumptions,
    prices: Prices,
    new_assumptions: Assumptions | None = None,
) -> Decimal | None:
    """Say which discount on one price makes both worth the same today, in percent; None: none does.

    The cost of a licence is proportional to its price, so that two bills tell: one at the full price
    and one for nothing.  A discount already asked for is replaced.  `new_assumptions`: those of the new
    way, where they differ.
    """
    both = ((old, assumptions), (new, new_assumptions or assumptions))

    def gap(percent: int) -> Decimal:
        totals = []
        for design, assumed in both:
            changed = replace(assumed, discounts={**assumed.discounts, card: Decimal(percent)})
            totals.append(bill(design, changed, prices).total.present.middle)
        return totals[0] - totals[1]

    full, free = gap(0), gap(100)
    if full == free:
        return None
    percent = full / (full - free) * 100
    return round(percent, 1) if 0 <= percent <= 100 else None


class Known(Struct, frozen=True, kw_only=True):
    """How far bills can be compared: what all of them know, and cards that at least one waits for."""

    shared: tuple[str, ...]
    missing: tuple[str, ...]


def comparable(bills: Sequence[Bill]) -> Known:
    """Say what stands in the way of a fair comparison."""
    missing = tuple(dict.fromkeys(card for one in bills for card in one.missing))
    areas = [{line.area for line in one.lines if line.amount is not None} for one in bills]
    shared = [area for area in AREAS if areas and all(area in known for known in areas)]
    return Known(shared=tuple(shared), missing=missing)


def by_area_and_year(one: Bill) -> dict[Area, tuple[Span, ...]]:
    """The known amounts of each area, year by year: the layers of a stacked chart."""
    years = range(one.assumptions.years)
    layers: dict[Area, tuple[Span, ...]] = {}
    for area in AREAS:
        known = [line for line in one.lines if line.area == area and line.by_year]
        if known:
            layers[area] = tuple(summed(line.by_year[year] for line in known) for year in years)
    return layers
