"""Quotes for tests, so that every card of a bill is filled; nobody's prices."""

from __future__ import annotations

from decimal import Decimal

from planner.catalogue.cards import card_of
from planner.cost.book import Price, PriceBook, Prices, layered
from planner.cost.public import public_book

QUOTES = {
    "server": "14000", "server_support": "10", "storage_support": "10", "rack_unit_year": "120",
    "administrator_year": "65000", "outage_hour": "40", "residual_percent": "10", "migration_hour": "90",
    "training_person": "2500", "rhel_pair_year": "800", "rhel_vdc_pair_year": "2500", "switch": "9000",
    "storage_raw_tib": "700", "array_controller": "15000", "fabric_port": "300", "ft_port": "250",
    "embodied_host_kg": "1300", "hyperv_management_core_year": "25", "openshift_pair_year": "2000",
    "vsan_tib_year": "150",
}  # fmt: skip


def row(key: str, low: str, high: str | None = None, **more: str) -> Price:
    """A quote for one card."""
    card = card_of(key)
    assert card is not None
    currency = "EUR" if card.money else ""
    usual = {"currency": currency, "unit": card.unit, "source": "quote of a test"}
    return Price(key=key, low=Decimal(low), high=Decimal(high or low), **{**usual, **more})


def quotes(**changed: str) -> PriceBook:
    """Quotes for everything that the public book leaves open; some of them changed."""
    known = {**QUOTES, **changed}
    return PriceBook(name="quotes", rows=tuple(row(key, value) for key, value in known.items()))


def full(**changed: str) -> Prices:
    """The public prices with quotes over them."""
    return layered([public_book(), quotes(**changed)], None)
