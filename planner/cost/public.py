"""The public price book as a book like any other."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, cast

from planner.catalogue.cards import card_of
from planner.catalogue.prices import ROWS
from planner.cost.book import Confidence, Price, PriceBook

NAME: Final = "public"


def public_book() -> PriceBook:
    """Give what is published, every row with its source.

    >>> public_book().at(None).span("vvf_core_year")
    Span(low=Decimal('135'), high=Decimal('190'))
    """
    return PriceBook(name=NAME, rows=tuple(map(_price, ROWS)))


def _price(row: tuple[str, ...]) -> Price:
    key, low, high, currency, source, day, confidence = row
    card = card_of(key)
    if card is None:
        raise KeyError(key)
    return Price(
        key=key,
        low=Decimal(low),
        high=Decimal(high),
        currency=currency,
        unit=card.unit,
        source=source,
        date=day,
        confidence=cast(Confidence, confidence),
    )
