"""Amounts: cents, ranges of what sources or quotes leave open, and shares that add up to the cent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from msgspec import Struct

CENT: Final = Decimal("0.01")
ZERO: Final = Decimal(0)


class Span(Struct, frozen=True):
    """A number known to lie between two; both are the same where it is known."""

    low: Decimal
    high: Decimal

    @property
    def middle(self) -> Decimal:
        """Halfway: the point that nothing favours."""
        return (self.low + self.high) / 2

    @property
    def certain(self) -> bool:
        """Whether there is nothing left open."""
        return self.low == self.high

    def at(self, share: Decimal) -> Decimal:
        """The number a share of the way from low to high."""
        return self.low + (self.high - self.low) * share

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.high + other.high)


NOTHING: Final = Span(ZERO, ZERO)


def cents(amount: Decimal) -> Decimal:
    """Round to whole cents, halves to the even one, so that many roundings do not drift.

    >>> cents(Decimal("603.6148")), cents(Decimal("0.125"))
    (Decimal('603.61'), Decimal('0.12'))
    """
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)


def summed(spans: Iterable[Span]) -> Span:
    """Add ranges: all at their low ends, all at their high ends.

    >>> summed([Span(Decimal(1), Decimal(2)), Span(Decimal(3), Decimal(3))])
    Span(low=Decimal('4'), high=Decimal('5'))
    """
    total = NOTHING
    for span in spans:
        total = total + span
    return total


def apportion(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Split an amount by weights into cents that add up to it exactly.

    Every share is rounded down to cents; the cents left over go to the largest remainders, the first
    of equal ones first.  Without any weight the amount is split evenly.

    Args:
        amount: in whole cents; negative ones too.
        weights: one for each share, none negative.

    Raises:
        ValueError: no share to give to, a negative weight, or an amount with parts of a cent.

    >>> [str(share) for share in apportion(Decimal("100.00"), [Decimal(1)] * 3)]
    ['33.34', '33.33', '33.33']
    """
    if not weights or any(weight < 0 for weight in weights):
        raise ValueError("shares need at least one weight, and none below zero")
    whole = amount / CENT
    if whole != whole.to_integral_value():
        raise ValueError(f"{amount} is not a whole number of cents")
    total = sum(weights, ZERO)
    shares = list(weights) if total else [Decimal(1)] * len(weights)
    exact = [abs(whole) * share / (total or len(shares)) for share in shares]
    given = [int(share) for share in exact]
    left = int(abs(whole)) - sum(given)
    by_remainder = sorted(range(len(exact)), key=lambda row: (given[row] - exact[row], row))
    for row in by_remainder[:left]:
        given[row] += 1
    sign = -1 if amount < 0 else 1
    return [Decimal(sign * share) * CENT for share in given]
