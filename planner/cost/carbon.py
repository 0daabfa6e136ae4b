"""Carbon: of the electricity, by grid factor, and of making the hosts that are bought."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from planner.cost.assumptions import Assumptions
from planner.cost.book import Prices
from planner.cost.design import Design
from planner.cost.items_running import POWER_CARDS, USAGE_CARD, energy_kwh, fleet_w
from planner.cost.money import ZERO

GRAMS: Decimal = Decimal("0.001")


class Footprint(Struct, frozen=True, kw_only=True):
    """Of all years together, at the middle of every range; None where a card is empty.

    `made_kg` is what making the bought hosts caused.
    """

    watts: Decimal | None
    kwh: Decimal | None
    grid_kg: Decimal | None
    made_kg: Decimal | None
    missing: tuple[str, ...]


def footprint(design: Design, assumptions: Assumptions, prices: Prices) -> Footprint:
    """Count electricity and carbon of a design.

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
    grid = values.get("grid_kg_kwh")
    return Footprint(
        watts=fleet_w(years[0], values) if powered and years else None,
        kwh=kwh,
        grid_kg=kwh * grid if kwh is not None and grid is not None else None,
        made_kg=_made_kg(design, assumptions, values.get("embodied_host_kg")),
        missing=tuple(key for key in (*needed, "grid_kg_kwh", "embodied_host_kg") if key not in values),
    )


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
