"""Carbon: of the electricity, by grid factor, and of making the hosts that are bought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from planner.catalogue.cards import GRID_HOUR, HOURS, USAGE_HOUR
from planner.cost.assumptions import Assumptions
from planner.cost.book import Prices
from planner.cost.design import Design, Year
from planner.cost.items_running import POWER_CARDS, USAGE_CARD, energy_kwh, fleet_w
from planner.cost.money import ZERO

GRAMS: Decimal = Decimal("0.001")


class Footprint(Struct, frozen=True, kw_only=True):
    """Of all years together, at the middle of every range; None where a card is empty.

    `made_kg` is what making the bought hosts caused.  `by_hour`: the grid's factor of every hour of the
    day was known and used.
    """

    watts: Decimal | None
    kwh: Decimal | None
    grid_kg: Decimal | None
    made_kg: Decimal | None
    missing: tuple[str, ...]
    by_hour: bool = False


def footprint(design: Design, assumptions: Assumptions, prices: Prices) -> Footprint:
    """Count electricity and carbon of a design.

    Where the book has the grid's factor of all 24 hours of the day, each hour's electricity meets its
    own factor; where it has the hosts' usage of all 24 hours too, the electricity follows that usage
    around the same mean, else it is even.

    Source: kWh x grid factor; 3,174 kWh at 0.38 kg (EU) are 1.21 t a year, as published.
    """
    spans = {
        key: prices.span(key) for key in (*POWER_CARDS, USAGE_CARD, "pue", "grid_kg_kwh", "embodied_host_kg")
    }
    values = {key: span.middle for key, span in spans.items() if span is not None}
    years = [design.year(number) for number in range(assumptions.years)]
    measured = all(year.utilisation_percent is not None for year in years)
    needed = [*POWER_CARDS, "pue", *([] if measured else [USAGE_CARD])]
    powered = all(key in values for key in needed)
    kwh = sum((energy_kwh(year, values) for year in years), ZERO) if powered else None
    hourly = _hours(prices, GRID_HOUR)
    grid = values.get("grid_kg_kwh") if hourly is None else None
    if hourly is not None and powered and years:
        grid = _weighed(hourly, _powers(years[0], values, _hours(prices, USAGE_HOUR)))
    return Footprint(
        watts=fleet_w(years[0], values) if powered and years else None,
        kwh=kwh,
        grid_kg=kwh * grid if kwh is not None and grid is not None else None,
        made_kg=_made_kg(design, assumptions, values.get("embodied_host_kg")),
        missing=tuple(
            key
            for key in (*needed, *(() if hourly else ("grid_kg_kwh",)), "embodied_host_kg")
            if key not in values
        ),
        by_hour=hourly is not None,
    )


def _hours(prices: Prices, prefix: str) -> tuple[Decimal, ...] | None:
    """The 24 numbers of a day; None unless all of them are known."""
    spans = [prices.span(f"{prefix}{hour}") for hour in HOURS]
    known = tuple(span.middle for span in spans if span is not None)
    return known if len(known) == len(HOURS) else None


def _powers(year: Year, values: Mapping[str, Decimal], usage: Sequence[Decimal] | None) -> list[Decimal]:
    """What all hosts draw in each hour of the day, in W; even where their usage by hour is not known."""
    if usage is None:
        return [Decimal(1)] * len(HOURS)
    return [fleet_w(replace(year, utilisation_percent=percent), values) for percent in usage]


def _weighed(factors: Sequence[Decimal], powers: Sequence[Decimal]) -> Decimal:
    """The mean factor, each hour by what is drawn in it."""
    drawn = sum(powers, ZERO)
    return hourly_kg(powers, factors) / drawn if drawn else sum(factors, ZERO) / len(factors)


def _made_kg(design: Design, assumptions: Assumptions, each: Decimal | None) -> Decimal | None:
    made = ZERO
    for number in range(assumptions.years):
        for batch in design.bought(number):
            kg = batch.machine.embodied_kg if batch.machine.embodied_kg is not None else each
            if kg is None:
                return None
            made += batch.bought * kg
    return made


def hourly_kg(kwh: Sequence[Decimal], kg_per_kwh: Sequence[Decimal]) -> Decimal:
    """Count carbon hour by hour, where the grid's factor of each hour is known.

    >>> hourly_kg([Decimal(2), Decimal(1)], [Decimal("0.1"), Decimal("0.4")])
    Decimal('0.6')
    """
    return sum((energy * factor for energy, factor in zip(kwh, kg_per_kwh, strict=True)), ZERO)
