"""Prices, powers and shares of the hypervisor as data rows: value, unit, source, date."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct


class Fact(Struct, frozen=True, kw_only=True):
    """One number that we did not measure ourselves.  `high` differs from `low` where sources do."""

    key: str
    low: Decimal
    high: Decimal
    unit: str
    source: str
    date: str

    @property
    def value(self) -> Decimal:
        """The number, where all sources agree.

        >>> from planner.catalogue.power import PUE
        >>> PUE.value
        Decimal('1.54')
        """
        if self.low != self.high:
            raise ValueError(f"{self.key}: sources disagree, {self.low} to {self.high}")
        return self.low


def fact(key: str, value: str, unit: str, source: str, date: str, high: str | None = None) -> Fact:
    """Write one row of the catalogue."""
    return Fact(key=key, low=Decimal(value), high=Decimal(high or value), unit=unit, source=source, date=date)
