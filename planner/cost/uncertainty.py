"""How sure a total is: which open number moves it most, and where it lies when all of them vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import numpy as np
from msgspec import Struct

from planner.cost.assumptions import Assumptions, discounted
from planner.cost.bill import items_of
from planner.cost.book import Prices
from planner.cost.design import Design
from planner.cost.item import Item, middle, rate_key, spans_of, total
from planner.cost.money import ZERO, Span, cents

DRAWS: Final = 1000
DIGITS: Final = 9  # of a draw's share of a range


class Swing(Struct, frozen=True, kw_only=True):
    """The total with one card at its low and at its high end, everything else in the middle."""

    card: str
    span: Span
    at_low: Decimal
    at_high: Decimal

    @property
    def width(self) -> Decimal:
        """How far it moves the total."""
        return abs(self.at_high - self.at_low)


class Interval(Struct, frozen=True, kw_only=True):
    """Where nine of ten totals lie, and their middle one."""

    low: Decimal
    median: Decimal
    high: Decimal
    draws: int


class Outcome(Struct, frozen=True, kw_only=True):
    """One design's total under chance, and how often it is the cheapest of those compared."""

    design: str
    total: Interval
    cheapest_percent: float
    against_first: Interval


class _Priced(Struct, frozen=True, kw_only=True, eq=False):
    """A design ready to be evaluated: items that are known, each with its rate."""

    items: tuple[tuple[Item, str | None], ...]
    years: int

    def total(self, values: Mapping[str, Decimal]) -> Decimal:
        return sum((total(item, values, rate, self.years) for item, rate in self.items), ZERO)


def tornado(design: Design, assumptions: Assumptions, prices: Prices) -> tuple[Swing, ...]:
    """Say what each open number does to the total, the one that matters most first."""
    priced, spans = _prepared(design, assumptions, discounted(prices, assumptions))
    rest = middle(spans)
    swings = [
        Swing(
            card=card,
            span=span,
            at_low=priced.total({**rest, card: span.low}),
            at_high=priced.total({**rest, card: span.high}),
        )
        for card, span in spans.items()
        if not span.certain
    ]
    return tuple(sorted(swings, key=lambda swing: (-swing.width, swing.card)))


def simulate(
    designs: Sequence[Design],
    assumptions: Assumptions,
    prices: Prices,
    chance: np.random.Generator,
    draws: int = DRAWS,
) -> tuple[Outcome, ...]:
    """Draw every open number evenly from its range, many times, and total all designs for each draw.

    All designs see the same draw, so that a dear kWh is dear for all.  Ranges are taken to be
    independent of each other and even, for a source that gives two ends says nothing of what lies
    between them.

    Returns:
        For each design the 5 %, 50 % and 95 % points of its total and of its difference from the
        first design, and in how many percent of the draws it is the cheapest.
    """
    return simulate_each([(design, assumptions) for design in designs], prices, chance, draws)


def simulate_each(
    pairs: Sequence[tuple[Design, Assumptions]],
    prices: Prices,
    chance: np.random.Generator,
    draws: int = DRAWS,
) -> tuple[Outcome, ...]:
    """Do the same for designs that differ in an assumption, such as the failures to carry."""
    prepared = [_prepared(design, assumed, discounted(prices, assumed)) for design, assumed in pairs]
    spans: dict[str, Span] = {}
    for _, own in prepared:
        spans |= own
    cards = sorted(card for card, span in spans.items() if not span.certain)
    fixed = middle(spans)
    totals: list[list[Decimal]] = []
    for row in chance.random((draws if cards else 1, len(cards))).tolist():
        shares = (Decimal(round(share, DIGITS)) for share in row)
        drawn = {card: spans[card].at(share) for card, share in zip(cards, shares, strict=True)}
        values = {**fixed, **drawn}
        totals.append([priced.total(values) for priced, _ in prepared])
    return tuple(_outcome(design.key, number, totals) for number, (design, _) in enumerate(pairs))


def middle_total(design: Design, assumptions: Assumptions, prices: Prices) -> Decimal:
    """The known total with everything open in the middle of its range."""
    priced, spans = _prepared(design, assumptions, discounted(prices, assumptions))
    return priced.total(middle(spans))


def _prepared(design: Design, assumptions: Assumptions, prices: Prices) -> tuple[_Priced, dict[str, Span]]:
    """Leave out what nobody can price, as the bill does."""
    items = [item for item in items_of(design, assumptions, prices) if not item.missing(prices)]
    spans = spans_of(items, prices, assumptions.currency)
    rated = [(item, rate_key(prices, item, assumptions.currency)) for item in items]
    known = tuple((item, rate) for item, rate in rated if rate is None or rate in spans)
    return _Priced(items=known, years=assumptions.years), spans


def _outcome(design: str, number: int, totals: Sequence[Sequence[Decimal]]) -> Outcome:
    own = [row[number] for row in totals]
    cheapest = sum(row[number] == min(row) for row in totals)
    return Outcome(
        design=design,
        total=_interval(own),
        cheapest_percent=round(100 * cheapest / len(totals), 1),
        against_first=_interval([row[number] - row[0] for row in totals]),
    )


def _interval(amounts: Sequence[Decimal]) -> Interval:
    ordered = sorted(amounts)
    last = len(ordered) - 1
    points = [cents(ordered[round(last * share)]) for share in (0.05, 0.5, 0.95)]
    return Interval(low=points[0], median=points[1], high=points[2], draws=len(ordered))
