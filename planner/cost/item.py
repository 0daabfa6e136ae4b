"""One kind of cost as a rule: what it hangs on, how much of it in each year, what one unit costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Final, Literal, TypeAlias

from planner.catalogue.cards import RATE, Area
from planner.cost.book import Prices
from planner.cost.money import ZERO, Span, cents
from planner.sentence import Sentence

Kind: TypeAlias = Literal["capex", "opex"]
When: TypeAlias = Literal["start", "end"]
# What every uncertain number is at the moment, by its card.
Values: TypeAlias = Mapping[str, Decimal]
Quantity: TypeAlias = Callable[[Values, int], Decimal]
UnitPrice: TypeAlias = Callable[[Values], Decimal]

CORNERS_MAX: Final = 10  # open cards of one item; beyond it low and high are taken all together


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A rule for one line.

    `cards` are all that it needs, the first of them the money that it is paid in; `counted_by` are those
    of them that the quantity hangs on.  `quantity` counts units in a year, `unit_price` what one of them
    costs in that money.  `when` in a year it is paid.
    """

    what: str
    area: Area
    kind: Kind
    when: When
    cards: tuple[str, ...]
    unit: str
    label: Sentence
    formula: Sentence
    quantity: Quantity
    unit_price: UnitPrice
    counted_by: tuple[str, ...] = ()
    notes: tuple[Sentence, ...] = ()

    def missing(self, prices: Prices) -> tuple[str, ...]:
        """The cards that it needs and nobody filled."""
        return tuple(card for card in self.cards if prices.span(card) is None)


def rate_key(prices: Prices, item: Item, currency: str) -> str | None:
    """The card of the exchange rate that an item needs; None where it is paid in this currency."""
    paid = prices.entry(item.cards[0]).currency
    return None if paid in ("", currency) else f"{RATE}{paid}:{currency}"


def spans_of(items: Sequence[Item], prices: Prices, currency: str) -> dict[str, Span]:
    """Gather the range of every card that the items hang on, exchange rates among them."""
    spans: dict[str, Span] = {}
    for item in items:
        for card in item.cards:
            span = prices.span(card)
            if span is not None:
                spans[card] = span
        key = rate_key(prices, item, currency)
        if key is not None:
            rate = prices.rate(*key.removeprefix(RATE).split(":"))
            if rate is not None and rate.span is not None:
                spans[key] = rate.span
    return spans


def amount(item: Item, values: Values, rate: str | None, year: int) -> Decimal:
    """The cost of one item in one year, in cents."""
    factor = values[rate] if rate else Decimal(1)
    return cents(item.quantity(values, year) * item.unit_price(values) * factor)


def corners(item: Item, spans: Mapping[str, Span], rate: str | None) -> list[dict[str, Decimal]]:
    """Every combination of the ends of what an item leaves open; the extremes of its cost are among them."""
    keys = [*item.cards, *([rate] if rate else [])]
    fixed = {key: spans[key].low for key in keys if key in spans}
    open_keys = [key for key in dict.fromkeys(keys) if key in spans and not spans[key].certain]
    if len(open_keys) > CORNERS_MAX:
        return [{key: spans[key].low for key in fixed}, {key: spans[key].high for key in fixed}]
    ends = product(*((spans[key].low, spans[key].high) for key in open_keys))
    return [{**fixed, **dict(zip(open_keys, corner, strict=True))} for corner in ends]


def middle(spans: Mapping[str, Span]) -> dict[str, Decimal]:
    """Every card at the middle of its range."""
    return {key: span.middle for key, span in spans.items()}


def each_year(item: Item, values: Values, rate: str | None, years: int) -> list[Decimal]:
    """The cost of one item, year by year."""
    return [amount(item, values, rate, year) for year in range(years)]


def total(item: Item, values: Values, rate: str | None, years: int) -> Decimal:
    """The cost of one item over all years."""
    return sum(each_year(item, values, rate, years), ZERO)
