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
RAW: Final = "raw_per_usable"


class Assumptions(Struct, frozen=True, kw_only=True):
    """For how long, in which currency, growing how fast, protected how; the same for every design.

    `growth_percent` a year is added to the load before hosts are counted.  `discounts` are the asker's
    own, in percent by card (`vcf_core_year: 38`), and apply to that card in every design.  `prices_day`
    chooses rows of the price book; None takes those without an end.  `layout` of storage (`erasure:4+2`)
    says how much raw a usable one takes instead of the price book.  `networks` 1 or 2: how often the
    network is there; None: as the price book says.  `arrays` 2: storage is there twice.
    """

    years: int = 5
    currency: str = "EUR"
    failures: int = 1
    growth_percent: Decimal = Decimal(0)
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


def discounted(prices: Prices, assumptions: Assumptions) -> Prices:
    """Take the asker's discounts off, and lay storage out as he says: the same for every design."""
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
    return Prices(entries=entries)


def check_assumptions(assumptions: Assumptions) -> None:
    """Refuse what makes no sense, in one sentence.

    Raises:
        BookError: years, growth, discount or currency out of range.
    """
    growth = assumptions.growth_percent
    wrong: list[tuple[bool, Sentence]] = [
        (
            not 1 <= assumptions.years <= YEARS_MAX,
            Sentence(
                "years: {value} is not between 1 and {most}", {"value": assumptions.years, "most": YEARS_MAX}
            ),
        ),
        (
            not (growth.is_finite() and -GROWTH_MAX < growth <= GROWTH_MAX),
            Sentence(
                "growth: {value} % a year is not above -{most} and at most {most}",
                {"value": str(growth), "most": int(GROWTH_MAX)},
            ),
        ),
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
