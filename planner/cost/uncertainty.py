"""How sure a total is: which open number moves it most, and where it lies when all of them vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import numpy as np
from msgspec import Struct

from planner.cost.assumptions import RATE_CARD, Assumptions, discounted
from planner.cost.bill import GROWTH, items_of
from planner.cost.book import Prices
from planner.cost.design import Design
from planner.cost.item import Item, each_year, middle, rate_key, spans_of, total
from planner.cost.money import ZERO, Span, cents
from planner.cost.payments import Payments, payments_of, pays_from

DRAWS: Final = 1000
DIGITS: Final = 9  # of a draw's share of a range
GROWTHS: Final = 5  # at which hosts are counted, evenly from one end of the range to the other
POINTS: Final = (0.05, 0.5, 0.95)


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


class Payback(Struct, frozen=True, kw_only=True):
    """From which month a design pays against the first one in the draws: 5, 50 and 95 % of them do by then.

    None: so many do not within the years.  `percent` are the draws in which it does at all.
    """

    low: int | None
    median: int | None
    high: int | None
    percent: float


class Outcome(Struct, frozen=True, kw_only=True):
    """One design's total under chance, and how often it is the cheapest of those compared."""

    design: str
    total: Interval
    cheapest_percent: float
    against_first: Interval
    payback: Payback | None = None


class Doubted(Struct, frozen=True, kw_only=True):
    """A design under its assumptions, and the same at growths evenly from one end of the range to the other.

    `grown` is empty where the growth is certain.  `short`: it does not carry what was asked for, so that
    it is never the cheapest way to do so.
    """

    design: Design
    assumptions: Assumptions
    grown: tuple[Design, ...] = ()
    short: bool = False

    def at(self, share: Decimal) -> int:
        """The row of `grown` next to a share of the way through its range."""
        return round(share * (len(self.grown) - 1))


class _Priced(Struct, frozen=True, kw_only=True, eq=False):
    """A design ready to be evaluated: items that are known, each with its rate."""

    items: tuple[tuple[Item, str | None], ...]
    years: int

    def payments(self, values: Mapping[str, Decimal]) -> Payments:
        rows = [
            (item.when, item.area, each_year(item, values, rate, self.years)) for item, rate in self.items
        ]
        return payments_of(rows, self.years)

    def worth(self, values: Mapping[str, Decimal]) -> Decimal:
        return self.payments(values).worth(values.get(RATE_CARD, ZERO))


class _Prepared(Struct, frozen=True, kw_only=True, eq=False):
    """A doubted design with its items, at the planned growth and at those of its range."""

    doubted: Doubted
    plain: _Priced
    grown: tuple[_Priced, ...]
    spans: Mapping[str, Span]

    def drawn(self, values: Mapping[str, Decimal]) -> _Priced:
        return self.grown[self.doubted.at(values[GROWTH])] if self.grown else self.plain


def growths_of(assumptions: Assumptions) -> tuple[Decimal, ...]:
    """The growths at which hosts are counted, from the low end to the high one; none where it is certain."""
    growth = assumptions.growth
    if growth.certain:
        return ()
    return tuple(growth.at(Decimal(step) / (GROWTHS - 1)) for step in range(GROWTHS))


def tornado(
    design: Design, assumptions: Assumptions, prices: Prices, grown: Sequence[Design] = ()
) -> tuple[Swing, ...]:
    """Say what each open number does to what the total is worth today, the one that matters most first.

    `grown`: the design at the growths of `growths_of`, where the growth is open.
    """
    one = _prepared(Doubted(design=design, assumptions=assumptions, grown=tuple(grown)), prices)
    rest = middle(one.spans)
    swings = [
        Swing(
            card=card,
            span=span,
            at_low=cents(one.plain.worth({**rest, card: span.low})),
            at_high=cents(one.plain.worth({**rest, card: span.high})),
        )
        for card, span in one.spans.items()
        if not span.certain
    ]
    if one.grown:
        ends = [cents(priced.worth(rest)) for priced in (one.grown[0], one.grown[-1])]
        swings.append(Swing(card=GROWTH, span=assumptions.growth, at_low=ends[0], at_high=ends[1]))
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
    between them.  Totals are what they are worth today.

    Returns:
        For each design the 5 %, 50 % and 95 % points of its total and of its difference from the
        first design, and in how many percent of the draws it is the cheapest.
    """
    doubted = [Doubted(design=design, assumptions=assumptions) for design in designs]
    return simulate_each(doubted, prices, chance, draws)


def simulate_each(
    doubted: Sequence[Doubted], prices: Prices, chance: np.random.Generator, draws: int = DRAWS
) -> tuple[Outcome, ...]:
    """Do the same for designs that differ in an assumption, or whose growth is open.

    A growth that is drawn is rounded to the next one at which hosts were counted.
    """
    prepared = [_prepared(one, prices) for one in doubted]
    spans: dict[str, Span] = {}
    for one in prepared:
        spans |= one.spans
    cards = sorted(card for card, span in spans.items() if not span.certain)
    if any(one.grown for one in prepared):
        cards.append(GROWTH)  # last, so that the other draws are those that there are without it
        spans[GROWTH] = Span(ZERO, Decimal(1))  # a share of each design's own range
    fixed = middle(spans)
    drawn: list[list[Payments]] = []
    rates: list[Decimal] = []
    for row in chance.random((draws if cards else 1, len(cards))).tolist():
        shares = (Decimal(round(share, DIGITS)) for share in row)
        values = {**fixed, **{card: spans[card].at(share) for card, share in zip(cards, shares, strict=True)}}
        drawn.append([one.drawn(values).payments(values) for one in prepared])
        rates.append(values.get(RATE_CARD, ZERO))
    return _outcomes(doubted, drawn, rates)


def middle_total(design: Design, assumptions: Assumptions, prices: Prices) -> Decimal:
    """The known total with everything open in the middle of its range, as it is paid."""
    one = _prepared(Doubted(design=design, assumptions=assumptions), prices)
    values = middle(one.spans)
    paid = (total(item, values, rate, one.plain.years) for item, rate in one.plain.items)
    return sum(paid, ZERO)


def _prepared(doubted: Doubted, prices: Prices) -> _Prepared:
    """Leave out what nobody can price, as the bill does."""
    assumptions = doubted.assumptions
    known = discounted(prices, assumptions)
    rate = known.span(RATE_CARD)
    spans = {} if rate is None else {RATE_CARD: rate}
    priced = []
    for design in (doubted.design, *doubted.grown):
        items = [item for item in items_of(design, assumptions, known) if not item.missing(known)]
        spans |= spans_of(items, known, assumptions.currency)
        rated = [(item, rate_key(known, item, assumptions.currency)) for item in items]
        payable = tuple((item, rate) for item, rate in rated if rate is None or rate in spans)
        priced.append(_Priced(items=payable, years=assumptions.years))
    return _Prepared(doubted=doubted, plain=priced[0], grown=tuple(priced[1:]), spans=spans)


def _outcomes(
    doubted: Sequence[Doubted], drawn: Sequence[Sequence[Payments]], rates: Sequence[Decimal]
) -> tuple[Outcome, ...]:
    pairs = list(zip(drawn, rates, strict=True))
    totals = [[one.worth(rate) for one in row] for row, rate in pairs]
    sums = [[one.cumulated(rate) for one in row] for row, rate in pairs]
    able = [number for number, one in enumerate(doubted) if not one.short]
    least = [min((row[number] for number in able), default=None) for row in totals]
    return tuple(
        Outcome(
            design=one.design.key,
            total=_interval([row[number] for row in totals]),
            cheapest_percent=_percent(
                [not one.short and row[number] == best for row, best in zip(totals, least, strict=True)]
            ),
            against_first=_interval([row[number] - row[0] for row in totals]),
            payback=_payback([pays_from(row[0], row[number]) for row in sums]) if number else None,
        )
        for number, one in enumerate(doubted)
    )


def _percent(said: Sequence[bool]) -> float:
    return round(100 * sum(said) / len(said), 1)


def _interval(amounts: Sequence[Decimal]) -> Interval:
    ordered = sorted(amounts)
    points = [cents(ordered[_place(ordered, share)]) for share in POINTS]
    return Interval(low=points[0], median=points[1], high=points[2], draws=len(ordered))


def _payback(months: Sequence[int | None]) -> Payback:
    known = sorted(month for month in months if month is not None)
    ordered = [*known, *([None] * (len(months) - len(known)))]
    low, median, high = (ordered[_place(ordered, share)] for share in POINTS)
    return Payback(low=low, median=median, high=high, percent=_percent([one is not None for one in months]))


def _place(ordered: Sequence[object], share: float) -> int:
    return round((len(ordered) - 1) * share)
