"""The price book: dated rows with their sources, several books over one another, and what is not in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from planner.catalogue.cards import CARDS, RATE, Card, card_of, is_currency
from planner.cost.money import Span
from planner.sentence import Sentence

Confidence: TypeAlias = Literal["quote", "list", "published", "low", "assumption"]
CONFIDENCES: Final[tuple[Confidence, ...]] = ("quote", "list", "published", "low", "assumption")
MOST: Final = Decimal(10) ** 12


class BookError(ValueError):
    """A row that makes no sense: `message` says what, `book` and `row` (0: none) say where."""

    def __init__(self, message: Sentence, book: str = "", row: int = 0) -> None:
        super().__init__(message)
        self.message, self.book, self.row = message, book, row

    def __str__(self) -> str:
        place = f"{self.book}, row {self.row}: " if self.row else f"{self.book}: " if self.book else ""
        return f"{place}{self.message}"


class Price(Struct, frozen=True, kw_only=True):
    """One row: what a card costs or holds, from when to when, and who says so.

    `low` and `high` differ where the source itself gives a range; None is an empty card.  `currency` is
    empty for numbers that are no money.
    """

    key: str
    low: Decimal | None
    high: Decimal | None
    unit: str
    source: str
    currency: str = ""
    date: str = ""
    valid_from: str = ""
    valid_to: str = ""
    confidence: Confidence = "quote"
    note: str = ""


class Entry(Struct, frozen=True, kw_only=True):
    """What a book says of one card on one day; `span` None: nobody told."""

    card: Card
    span: Span | None
    currency: str = ""
    source: str = ""
    date: str = ""
    confidence: Confidence | None = None
    rows: tuple[Price, ...] = ()


class PriceBook(Struct, frozen=True, kw_only=True):
    """Rows under a name.  Rows of one card that are valid at once and disagree are a range."""

    name: str
    rows: tuple[Price, ...] = ()

    def at(self, day: str | None) -> Prices:
        """What is valid on a day (YYYY-MM-DD); None: whatever has no end."""
        return Prices(entries=_entries([row for row in self.rows if _valid(row, day)]))


class Prices(Struct, frozen=True, kw_only=True):
    """What holds on one day, card by card."""

    entries: Mapping[str, Entry]

    def entry(self, key: str) -> Entry:
        """What is known of a card; an empty one where nothing is."""
        found = self.entries.get(key)
        if found is not None:
            return found
        card = card_of(key)
        if card is None:
            raise KeyError(key)
        return Entry(card=card, span=None)

    def span(self, key: str) -> Span | None:
        """The range of a card, None where it is empty."""
        return self.entry(key).span

    def over(self, base: Prices) -> Prices:
        """These, and of the base whatever these do not know: a quote stands over a list price."""
        known = {key: entry for key, entry in self.entries.items() if entry.span is not None}
        return Prices(entries={**base.entries, **known})

    def rate(self, source: str, target: str) -> Entry | None:
        """What one unit of a currency is in another, None where no rate is stated.

        A rate stated the other way round is turned.
        """
        direct = self.entry(f"{RATE}{source}:{target}")
        if direct.span is not None:
            return direct
        other = self.entry(f"{RATE}{target}:{source}")
        if other.span is None:
            return None
        turned = Span(1 / other.span.high, 1 / other.span.low)
        return replace(other, card=direct.card, span=turned)


def layered(books: Sequence[PriceBook], day: str | None) -> Prices:
    """Lay books over one another, the last one on top."""
    prices = Prices(entries={})
    for book in books:
        prices = book.at(day).over(prices)
    return prices


def empty_cards(prices: Prices) -> list[Card]:
    """The cards that no book fills."""
    return [card for card in CARDS if prices.span(card.key) is None]


def check_price(row: Price) -> None:
    """Refuse a row that makes no sense.

    Raises:
        BookError: unknown card, another unit than the card's, an amount below zero, absurdly large or
            upside down, money without a currency, a number without a source, a day that is none.
    """
    card = card_of(row.key)
    if card is None:
        raise BookError(Sentence("there is no card {key}", {"key": row.key}))
    said = {"key": row.key, "value": str(row.low), "high": str(row.high), "unit": row.unit}
    said |= {"currency": row.currency, "wanted": card.unit, "source": row.source}
    wrong = next((text for is_wrong, text in _wrong(row, card) if is_wrong), None)
    if wrong is not None:
        raise BookError(Sentence(wrong.template, {**said, "most": card.most or int(MOST)}))
    _check_day(row.key, row.date + "-01-01"[len(row.date) - 4 :] if len(row.date) in (4, 7) else row.date)
    for day in (row.valid_from, row.valid_to):
        _check_day(row.key, day)


def _wrong(row: Price, card: Card) -> list[tuple[bool, Sentence]]:
    given = [end for end in (row.low, row.high) if end is not None]
    finite = all(end.is_finite() for end in given)
    most = Decimal(card.most or MOST)
    low, high = (row.low or Decimal(0), row.high or Decimal(0)) if finite else (Decimal(0), Decimal(0))
    return [
        (len(given) == 1, Sentence("{key}: low and high are both given or both empty")),
        (row.unit != card.unit, Sentence("{key}: the unit is {wanted}, not {unit}")),
        (not finite, Sentence("{key}: {value} to {high} is not a number")),
        (not 0 <= low <= most, Sentence("{key}: {value} is not between 0 and {most}")),
        (not 0 <= high <= most, Sentence("{key}: {high} is not between 0 and {most}")),
        (low > high, Sentence("{key}: low {value} is above high {high}")),
        (bool(given) and card.divides and not low, Sentence("{key}: zero makes no sense here")),
        (
            bool(given) and card.money and not is_currency(row.currency),
            Sentence("{key}: currency {currency} is not three capital letters"),
        ),
        (not card.money and bool(row.currency), Sentence("{key}: no money, so it has no currency")),
        (
            bool(given) and not row.source.strip(),
            Sentence("{key}: a number needs a source, a quote for example"),
        ),
        (
            row.valid_from > row.valid_to > "",
            Sentence("{key}: it would be valid until a day before it begins"),
        ),
        (row.confidence not in CONFIDENCES, Sentence("{key}: the confidence is not one of those known")),
    ]


def _check_day(key: str, day: str) -> None:
    """A day is YYYY-MM-DD; the date of a source may be a year or a month alone."""
    try:
        if day:
            date.fromisoformat(day)
    except ValueError:
        said = {"key": key, "day": day}
        raise BookError(Sentence("{key}: {day} is not a day, as 2026-01-31", {**said})) from None


def _valid(row: Price, day: str | None) -> bool:
    if day is None:
        return not row.valid_to
    return row.valid_from <= day and (not row.valid_to or day <= row.valid_to)


def _entries(rows: Iterable[Price]) -> dict[str, Entry]:
    by_key: dict[str, list[Price]] = {}
    for row in rows:
        by_key.setdefault(row.key, []).append(row)
    return {key: _entry(key, same) for key, same in by_key.items()}


def _entry(key: str, rows: Sequence[Price]) -> Entry:
    """Join rows of one card: the range they span.  Two currencies in one card cannot be joined."""
    card = card_of(key)
    if card is None:
        raise BookError(Sentence("there is no card {key}", {"key": key}))
    filled = [row for row in rows if row.low is not None and row.high is not None]
    if not filled:
        return Entry(card=card, span=None, rows=tuple(rows))
    if len({row.currency for row in filled}) > 1:
        raise BookError(Sentence("{key}: valid at once in two currencies", {"key": key}))
    dates = sorted({row.date for row in filled if row.date})
    return Entry(
        card=card,
        span=Span(
            min(row.low or Decimal(0) for row in filled), max(row.high or Decimal(0) for row in filled)
        ),
        currency=filled[0].currency,
        source="; ".join(dict.fromkeys(row.source for row in filled)),
        date=" / ".join(dates),
        confidence=max((row.confidence for row in filled), key=CONFIDENCES.index),
        rows=tuple(rows),
    )
