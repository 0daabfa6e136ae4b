"""The bill of a design: lines with their ranges, year by year, and totals that are exactly their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from planner.catalogue.cards import AREAS, RATE, Area, card_of
from planner.cost.assumptions import RATE_CARD, Assumptions, check_assumptions, discounted
from planner.cost.book import Entry, Prices
from planner.cost.design import Design
from planner.cost.item import (
    Item,
    Kind,
    When,
    corners,
    each_year,
    middle,
    rate_key,
    spans_of,
)
from planner.cost.items_hosts import hardware_items
from planner.cost.items_licences import licence_items
from planner.cost.items_running import running_items
from planner.cost.money import ZERO, Span, cents, summed
from planner.sentence import Sentence, Value

GROWTH: Final = "growth_percent"  # named as a card is where open numbers are listed


class Working(Struct, frozen=True, kw_only=True):
    """One end of a line multiplied out: units in each year x what one costs x the rate of its currency.

    None: an empty card leaves it open.
    """

    quantities: tuple[Decimal, ...] | None
    unit_price: Decimal | None
    rate: Decimal = Decimal(1)


class Line(Struct, frozen=True, kw_only=True):
    """One line of a bill.

    `quantity` is of all years together, in `unit`; `unit_price` in `paid_in`; `by_year` and `amount` in
    `currency`, rounded to cents year by year.  None: a card is empty (`missing` names it), or no rate
    exchanges `paid_in`.  `cards` are all that it hangs on, the price first.  `workings` multiply out
    its low end and its high one; one is enough where both are the same.
    """

    what: str
    area: Area
    kind: Kind
    when: When
    label: Sentence
    formula: Sentence
    quantity: Span | None
    unit: str
    unit_price: Span | None
    paid_in: str
    amount: Span | None
    by_year: tuple[Span, ...]
    currency: str
    source: str
    date: str
    confidence: str
    missing: tuple[str, ...] = ()
    notes: tuple[Sentence, ...] = ()
    cards: tuple[str, ...] = ()
    workings: tuple[Working, ...] = ()


class Total(Struct, frozen=True, kw_only=True):
    """Sums of the known lines; `present` is what it is worth today, `annuity` that as equal years.

    `rate_percent` is the discount rate that both are counted with, the middle of its range.
    """

    amount: Span
    capex: Span
    opex: Span
    by_year: tuple[Span, ...]
    present: Span
    annuity: Span
    rate_percent: Decimal = ZERO


class Bill(Struct, frozen=True, kw_only=True):
    """What one design costs under the assumptions."""

    design: Design
    assumptions: Assumptions
    lines: tuple[Line, ...]
    total: Total

    @property
    def missing(self) -> tuple[str, ...]:
        """The empty cards that lines wait for, once each, in the order of the lines."""
        return tuple(dict.fromkeys(card for line in self.lines for card in line.missing))

    def line(self, what: str) -> Line | None:
        """The line of that name."""
        return next((line for line in self.lines if line.what == what), None)

    def area(self, area: Area) -> Span:
        """The known amounts of one area."""
        return summed(line.amount for line in self.lines if line.area == area and line.amount is not None)


def bill(design: Design, assumptions: Assumptions, prices: Prices) -> Bill:
    """Price a design: one line for each kind of cost, known or not, and their sums.

    Raises:
        BookError: assumptions that make no sense.  A card nobody filled is not an error.
    """
    check_assumptions(assumptions)
    prices = discounted(prices, assumptions)
    lines = tuple(
        sorted(
            (_line(item, assumptions, prices) for item in items_of(design, assumptions, prices)),
            key=lambda line: AREAS.index(line.area),
        )
    )
    return Bill(
        design=design,
        assumptions=assumptions,
        lines=lines,
        total=total_of(lines, assumptions.years, prices.span(RATE_CARD)),
    )


def items_of(design: Design, assumptions: Assumptions, prices: Prices) -> list[Item]:
    """All rules that a design is priced by; `prices` with discounts taken off."""
    return [
        *hardware_items(design, assumptions, prices),
        *licence_items(design, assumptions, prices),
        *running_items(design, assumptions),
    ]


def _line(item: Item, assumptions: Assumptions, prices: Prices) -> Line:
    years, currency = assumptions.years, assumptions.currency
    missing = item.missing(prices)
    rate = rate_key(prices, item, currency)
    spans = spans_of([item], prices, currency)
    paid_in = prices.entry(item.cards[0]).currency
    exchanged = rate is None or rate in spans
    by_year = _by_year(item, spans, rate, years) if not missing and exchanged else ()
    entries = [prices.entry(card) for card in item.cards]
    if rate is not None and exchanged:
        entries += [entry for entry in [prices.rate(*rate.removeprefix(RATE).split(":"))] if entry]
    return Line(
        what=item.what,
        area=item.area,
        kind=item.kind,
        when=item.when,
        label=item.label,
        formula=item.formula,
        quantity=_quantity(item, spans, years),
        unit=item.unit,
        unit_price=_unit_price(item, spans) if not missing else None,
        paid_in=paid_in,
        amount=summed(by_year) if by_year else None,
        by_year=by_year,
        currency=currency,
        source="; ".join(dict.fromkeys(entry.source for entry in entries if entry.source)),
        date=" / ".join(dict.fromkeys(entry.date for entry in entries if entry.date)),
        confidence=_least_sure(entries),
        missing=(*missing, *(() if exchanged or rate is None else (rate,))),
        notes=(*item.notes, *_exchanged(rate, spans), *_notes(item, assumptions)),
        cards=item.cards,
        workings=_workings(item, spans, rate, years, priced=bool(by_year)),
    )


def _by_year(item: Item, spans: Mapping[str, Span], rate: str | None, years: int) -> tuple[Span, ...]:
    """The years of the cheapest and of the dearest combination of what is open."""
    cheap, dear = (each_year(item, values, rate, years) for values in _ends(item, spans, rate, years))
    return tuple(Span(low, high) for low, high in zip(cheap, dear, strict=True))


def _ends(
    item: Item, spans: Mapping[str, Span], rate: str | None, years: int
) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """The cheapest and the dearest combination of what is open."""
    ways = corners(item, spans, rate)
    sums = [sum(each_year(item, values, rate, years)) for values in ways]
    return ways[sums.index(min(sums))], ways[sums.index(max(sums))]


def _workings(
    item: Item, spans: Mapping[str, Span], rate: str | None, years: int, *, priced: bool
) -> tuple[Working, ...]:
    if not priced:
        counted = all(card in spans for card in item.counted_by)
        values = middle(spans)
        units = tuple(item.quantity(values, year) for year in range(years)) if counted else None
        return (Working(quantities=units, unit_price=None),)
    found = [
        Working(
            quantities=tuple(item.quantity(values, year) for year in range(years)),
            unit_price=item.unit_price(values),
            rate=values[rate] if rate else Decimal(1),
        )
        for values in _ends(item, spans, rate, years)
    ]
    return tuple(found[:1] if found[0] == found[1] else found)


def _exchanged(rate: str | None, spans: Mapping[str, Span]) -> tuple[Sentence, ...]:
    """The rate that an amount was exchanged by, so that it can be worked out again."""
    if rate is None or rate not in spans:
        return ()
    paid, currency = rate.removeprefix(RATE).split(":")
    low, high = (float(round(end, 6)) for end in (spans[rate].low, spans[rate].high))
    if low == high:
        return (Sentence("1 {paid} = {rate} {currency}", {"paid": paid, "rate": low, "currency": currency}),)
    said: dict[str, Value] = {"paid": paid, "low": low, "high": high, "currency": currency}
    return (Sentence("1 {paid} = {low} to {high} {currency}", said),)


def _quantity(item: Item, spans: Mapping[str, Span], years: int) -> Span | None:
    """How many units in all years; None where that itself hangs on an empty card."""
    if any(card not in spans for card in item.counted_by):
        return None
    counts = [
        sum((item.quantity(values, year) for year in range(years)), ZERO)
        for values in corners(item, spans, None)
    ]
    return Span(min(counts), max(counts))


def _unit_price(item: Item, spans: Mapping[str, Span]) -> Span:
    amounts = [item.unit_price(values) for values in corners(item, spans, None)]
    return Span(min(amounts), max(amounts))


def _notes(item: Item, assumptions: Assumptions) -> tuple[Sentence, ...]:
    percent = assumptions.discounts.get(item.cards[0])
    if not percent:
        return ()
    return (Sentence("Less your discount of {percent} %", {"percent": str(percent)}),)


def _least_sure(entries: Sequence[Entry]) -> str:
    order = ("", "quote", "list", "published", "assumption", "low")
    return max((entry.confidence or "" for entry in entries), key=order.index, default="")


def total_of(lines: Sequence[Line], years: int, discount: Span | None) -> Total:
    """Add up the known lines.  The discount rate is taken at the middle of its range; unknown is 0."""
    known = [line for line in lines if line.amount is not None]
    rate = discount.middle / 100 if discount is not None else ZERO
    present = summed(present_value(line, rate) for line in known)
    return Total(
        amount=summed(line.amount for line in known if line.amount is not None),
        capex=summed(line.amount for line in known if line.amount is not None and line.kind == "capex"),
        opex=summed(line.amount for line in known if line.amount is not None and line.kind == "opex"),
        by_year=tuple(summed(line.by_year[year] for line in known) for year in range(years)),
        present=present,
        annuity=Span(annuity(present.low, rate, years), annuity(present.high, rate, years)),
        rate_percent=rate * 100,
    )


def present_value(line: Line, rate: Decimal) -> Span:
    """What the years of a line are worth today; a year's end counts as the start of the next year."""
    later = 1 if line.when == "end" else 0
    factors = [(1 + rate) ** -(year + later) for year in range(len(line.by_year))]
    pairs = list(zip(line.by_year, factors, strict=True))
    return Span(
        cents(sum((span.low * factor for span, factor in pairs), ZERO)),
        cents(sum((span.high * factor for span, factor in pairs), ZERO)),
    )


def annuity(present: Decimal, rate: Decimal, years: int) -> Decimal:
    """The equal amount at each year's end that is worth as much as `present` today.

    Source: present x rate / (1 - (1 + rate)^-years); 10,000 at 5 % over 5 years is 2,309.75.

    >>> annuity(Decimal(10000), Decimal("0.05"), 5), annuity(Decimal(10000), Decimal(0), 5)
    (Decimal('2309.75'), Decimal('2000.00'))
    """
    if not rate:
        return cents(present / years)
    return cents(present * rate / (1 - (1 + rate) ** -years))


def card_label(key: str) -> Sentence:
    """What a card is called, or the growth, which stands in no price book."""
    if key == GROWTH:
        return Sentence("Growth a year, %")
    card = card_of(key)
    return card.label if card is not None else Sentence("{key}", {"key": key})


def values_of(bills: Sequence[Bill], prices: Prices) -> dict[str, Decimal]:
    """Every number at its middle, for whoever evaluates again."""
    spans: dict[str, Span] = {}
    for one in bills:
        known = discounted(prices, one.assumptions)
        items = items_of(one.design, one.assumptions, known)
        spans |= spans_of(items, known, one.assumptions.currency)
    return middle(spans)
