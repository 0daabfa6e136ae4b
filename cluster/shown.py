"""Numbers, quantities, money and moments as the reader of a report writes them, in the active language."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext

from cluster.labels import unit_of
from planner.figure import Figure
from planner.sentence import Value

NBSP: Final = "\u00a0"
EN_DASH: Final = "–"
EXACT_DECIMALS: Final = 6  # a ratio of small counts stands whole; beyond it only the noise of floats
HEADLINE_DECIMALS: Final = 2


def number(value: float | Decimal, decimals: int = EXACT_DECIMALS) -> str:
    """A number with the separators of the active language and no zeros after its last digit."""
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    rounded = round(exact, decimals).normalize()
    places = max(0, -int(rounded.as_tuple().exponent))
    return number_format(rounded, decimal_pos=places, use_l10n=True, force_grouping=True)


def value(content: Value) -> str:
    """Whatever a figure or an input holds, to the last digit that means something."""
    match content:
        case None:
            return gettext("unknown")
        case bool():
            return gettext("yes") if content else gettext("no")
        case int() | float():
            return number(content)
        case str():
            return content


def quantity(content: Value, unit: str, decimals: int = EXACT_DECIMALS) -> str:
    """A value with its unit, held together by a space that does not break."""
    if isinstance(content, bool) or not isinstance(content, int | float):
        return value(content)
    return f"{number(content, decimals)}{NBSP}{unit_of(unit, content)}".rstrip(NBSP)


def answer(figure: Figure) -> str:
    """What a figure answers, to the last digit that means something."""
    return quantity(figure.value, figure.unit) if figure.counted else gettext("not counted")


def headline(content: Value, unit: str = "") -> str:
    """The same for the eye: two decimals at most."""
    return quantity(content, unit, HEADLINE_DECIMALS)


def money(amount: str, currency: str) -> str:
    """An amount as it was computed: `12,480.00 EUR` keeps its cents."""
    exact = Decimal(amount)
    places = max(0, -int(exact.as_tuple().exponent))
    return f"{number_format(exact, decimal_pos=places, use_l10n=True, force_grouping=True)}{NBSP}{currency}"


def money_range(low: str | None, high: str | None, currency: str) -> str:
    """One amount, two where sources differ, or the request for a quote where no price is known."""
    known = [amount for amount in (low, high) if amount is not None]
    if not known:
        return gettext("enter your quote")
    if len(known) == 1 or Decimal(known[0]) == Decimal(known[1]):
        return money(known[0], currency)
    least = money(known[0], currency).removesuffix(f"{NBSP}{currency}")
    return f"{least}{NBSP}{EN_DASH}{NBSP}{money(known[1], currency)}"


def moment(at: datetime) -> str:
    """Day and time with the zone beside them."""
    return f"{day(at)}, {date_format(at, 'H:i')}{NBSP}{at.tzname() or ''}".rstrip(NBSP + ",")


def day(at: datetime) -> str:
    """The day in words."""
    return date_format(at, "DATE_FORMAT")
