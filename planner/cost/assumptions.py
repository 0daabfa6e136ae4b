"""What all compared designs share: one object, so that no side is favoured."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from planner.catalogue.cards import card_of, is_currency
from planner.cost.book import BookError, Prices
from planner.cost.layout import raw_per_usable
from planner.cost.money import Span
from planner.sentence import Sentence

Windows: TypeAlias = Literal["buy", "owned"]
Protection: TypeAlias = Literal["none", "ha", "ft"]

YEARS_MAX: Final = 7
GROWTH_MAX: Final = Decimal(100)
FAILURES_MAX: Final = 1000
RATIO_MAX: Final = 1000
DISCOUNT_RATE_MAX: Final = Decimal(100)
RAW: Final = "raw_per_usable"
RATE_CARD: Final = "discount_percent"  # of later years; the discounts on prices are another thing


class Assumptions(Struct, frozen=True, kw_only=True):
    """For how long, in which currency, growing how fast, protected how; the same for every design.

    `growth_percent` a year is added to the load before hosts are counted; with `growth_high_percent` it is
    the low end of a range, and the plan stands at its middle.  `discount_rate_percent` is what money costs
    in a year (None: as the price book says), with `discount_rate_high_percent` a range too.  `discounts`
    are the asker's own, in percent by card (`vcf_core_year: 38`), for every design.  `prices_day`
    chooses rows of the price book; None takes those without an end.  `layout` of storage (`erasure:4+2`)
    says how much raw a usable one takes instead of the price book.  `networks` 1 or 2: how often the
    network is there; None: as the price book says.  `arrays` 2: storage is there twice.
    """

    years: int = 5
    currency: str = "EUR"
    failures: int = 1
    growth_percent: Decimal = Decimal(0)
    growth_high_percent: Decimal | None = None
    discount_rate_percent: Decimal | None = None
    discount_rate_high_percent: Decimal | None = None
    vcpu_per_core: float = 4.0  # Ganeti's policy default; VMware publishes no universal ratio
    protection: Protection = "ha"
    windows: Windows = "buy"
    buy_network: bool = False
    buy_storage: bool = False
    layout: str = ""
    networks: int | None = None
    arrays: int = 1
    prices_day: str | None = None
    discounts: dict[str, Decimal] = {}

    @property
    def growth(self) -> Span:
        """The growth a year in percent; the plan stands at the middle."""
        return _span(self.growth_percent, self.growth_high_percent)

    @property
    def discount_rate(self) -> Span | None:
        """The asker's discount rate in percent, None where the price book has it."""
        low = self.discount_rate_percent
        return None if low is None else _span(low, self.discount_rate_high_percent)


def _span(low: Decimal, high: Decimal | None) -> Span:
    return Span(low, low if high is None else high)


def growing(assumptions: Assumptions, percent: Decimal) -> Assumptions:
    """The same with this growth, for sure."""
    return replace(assumptions, growth_percent=percent, growth_high_percent=None)


def discounted(prices: Prices, assumptions: Assumptions) -> Prices:
    """Take the asker's discounts off, lay storage out and discount years as he says: in every design."""
    entries = dict(prices.entries)
    for card, percent in assumptions.discounts.items():
        entry = prices.entry(card)
        if entry.span is not None:
            paid = 1 - percent / 100
            span = Span(entry.span.low * paid, entry.span.high * paid)
            entries[card] = replace(entry, span=span)
    if assumptions.layout:
        raw = raw_per_usable(assumptions.layout)
        entries[RAW] = replace(
            prices.entry(RAW), span=Span(raw, raw), source=assumptions.layout, date="", confidence="quote"
        )
    rate = assumptions.discount_rate
    if rate is not None:
        entries[RATE_CARD] = replace(
            prices.entry(RATE_CARD), span=rate, source="", date="", confidence="quote"
        )
    return Prices(entries=entries)


def check_assumptions(assumptions: Assumptions) -> None:
    """Refuse what makes no sense, in one sentence.

    Raises:
        BookError: years, growth, discount or currency out of range; a range that is upside down.
    """
    wrong: list[tuple[bool, Sentence]] = [
        (
            not 1 <= assumptions.years <= YEARS_MAX,
            Sentence(
                "years: {value} is not between 1 and {most}", {"value": assumptions.years, "most": YEARS_MAX}
            ),
        ),
        *_wrong_growth(assumptions.growth),
        *_wrong_rate(assumptions),
        (
            not 0 <= assumptions.failures <= FAILURES_MAX,
            Sentence(
                "failures: {value} is not between 0 and {most}",
                {"value": assumptions.failures, "most": FAILURES_MAX},
            ),
        ),
        (
            not 0 < assumptions.vcpu_per_core <= RATIO_MAX,
            Sentence(
                "vCPUs per core: {value} is not above 0 and at most {most}",
                {"value": str(assumptions.vcpu_per_core), "most": RATIO_MAX},
            ),
        ),
        (
            assumptions.networks not in (None, 1, 2) or assumptions.arrays not in (1, 2),
            Sentence("networks and arrays: there are one or two of each"),
        ),
        (
            not is_currency(assumptions.currency),
            Sentence("currency: {value} is not three capital letters", {"value": assumptions.currency}),
        ),
    ]
    if assumptions.layout:
        raw_per_usable(assumptions.layout)
    for card, percent in sorted(assumptions.discounts.items()):
        said = Sentence(
            "discount on {card}: {value} is not between 0 and 100", {"card": card, "value": str(percent)}
        )
        wrong.append((not (percent.is_finite() and 0 <= percent <= 100), said))
        known = card_of(card)
        unknown = Sentence("discount: there is no price {card}", {"card": card})
        wrong.insert(0, (known is None or not known.money, unknown))
    for is_wrong, sentence in wrong:
        if is_wrong:
            raise BookError(sentence)


def _wrong_growth(growth: Span) -> list[tuple[bool, Sentence]]:
    said = "growth: {value} % a year is not above -{most} and at most {most}"
    return [
        *(
            (
                not (end.is_finite() and -GROWTH_MAX < end <= GROWTH_MAX),
                Sentence(said, {"value": str(end), "most": int(GROWTH_MAX)}),
            )
            for end in (growth.low, growth.high)
        ),
        (
            growth.low.is_finite() and growth.high.is_finite() and growth.low > growth.high,
            Sentence(
                "growth: {low} to {high} % is upside down", {"low": str(growth.low), "high": str(growth.high)}
            ),
        ),
    ]


def _wrong_rate(assumptions: Assumptions) -> list[tuple[bool, Sentence]]:
    rate = assumptions.discount_rate
    if rate is None:
        high = assumptions.discount_rate_high_percent
        return [(high is not None, Sentence("discount rate: a range has a low end too"))]
    said = "discount rate: {value} % a year is not between 0 and {most}"
    return [
        *(
            (
                not (end.is_finite() and 0 <= end <= DISCOUNT_RATE_MAX),
                Sentence(said, {"value": str(end), "most": int(DISCOUNT_RATE_MAX)}),
            )
            for end in (rate.low, rate.high)
        ),
        (
            rate.low.is_finite() and rate.high.is_finite() and rate.low > rate.high,
            Sentence(
                "discount rate: {low} to {high} % is upside down",
                {"low": str(rate.low), "high": str(rate.high)},
            ),
        ),
    ]
