"""When the new way pays, and which discount would turn that round: break-even, ready to be said."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from msgspec import Struct

from planner.cost.bill import Bill, card_label
from planner.cost.book import Prices
from planner.cost.comparison import pays_from_month, tipping_discount, waits_alone
from planner.cost.uncertainty import Outcome
from planner.sentence import Sentence, Value

LICENCES: Final = ("hypervisor", "guests")
TIPS_KEPT: Final = 2
ALL: Final = 100  # a licence for nothing is no discount


class Tip(Struct, frozen=True, kw_only=True):
    """The discount on one price at which both ways cost the same, in percent."""

    card: str
    percent: Decimal


class Verdict(Struct, frozen=True, kw_only=True):
    """From which month the new way pays (None: never within the years), and what would turn that round.

    `tips` are the smallest discounts on licences that do, at most two.  `waits` are empty cards that the
    new way alone waits for, `waited` those of the old way alone: with them it may pay later, or earlier.
    """

    month: int | None
    years: int
    cheaper: bool
    tips: tuple[Tip, ...]
    waits: tuple[str, ...] = ()
    waited: tuple[str, ...] = ()


def verdict(old: Bill, new: Bill, prices: Prices) -> Verdict:
    """Find the break-even of two bills.

    A discount on a price that both pay alike changes nothing and is no tip.  What nobody priced is out
    on both sides: the answer holds for the known lines alone.
    """
    return Verdict(
        month=pays_from_month(old, new),
        years=new.assumptions.years,
        cheaper=new.total.present.middle < old.total.present.middle,
        tips=tuple(tipping_points(old, new, prices)[:TIPS_KEPT]),
        waits=waits_alone(new, old),
        waited=waits_alone(old, new),
    )


def tipping_points(old: Bill, new: Bill, prices: Prices) -> list[Tip]:
    """Every licence whose discount makes both cost the same, the smallest discount first."""
    cards = dict.fromkeys(
        line.cards[0]
        for one in (old, new)
        for line in one.lines
        if line.area in LICENCES and line.amount is not None
    )
    found = []
    for card in cards:
        percent = tipping_discount(old.design, new.design, card, old.assumptions, prices, new.assumptions)
        if percent is not None and 0 < percent < ALL:
            found.append(Tip(card=card, percent=percent))
    return sorted(found, key=lambda tip: (tip.percent, tip.card))


def english(card: str) -> str:
    """What a card is called, in English."""
    return str(card_label(card))


def sentences(found: Verdict, name: str, label: Callable[[str], str] = english) -> tuple[Sentence, ...]:
    """Say it: `name` is what the reader calls the new way, `label` names a card in his language.

    >>> tip = Tip(card="vcf_core_year", percent=Decimal("38.0"))
    >>> pays = Verdict(month=14, years=5, cheaper=True, tips=(tip,))
    >>> [str(one) for one in sentences(pays, "Proxmox VE")]
    ['Proxmox VE pays after 14 months, unless the discount on VMware Cloud Foundation exceeds 38.0 %']
    """
    first, *others = found.tips or (None,)
    said: dict[str, Value] = {"design": name, "months": found.month, "years": found.years}
    if first is not None:
        said |= {"card": label(first.card), "percent": float(first.percent)}
    more = [_also(found, tip, label) for tip in others if tip is not None]
    return (Sentence(_template(found, first is not None), said), *more, *_one_sided(found, name, label))


def _one_sided(found: Verdict, name: str, label: Callable[[str], str]) -> tuple[Sentence, ...]:
    """What nobody priced on one side alone: no month is sure before it is known."""
    said: list[Sentence] = []
    if found.waits:
        cards = "; ".join(label(card) for card in found.waits)
        told: dict[str, Value] = {"design": name, "cards": cards}
        said.append(Sentence("It may pay later or never: {design} alone waits for a price of: {cards}", told))
    if found.waited:
        cards = "; ".join(label(card) for card in found.waited)
        said.append(
            Sentence(
                "It may pay earlier: what it is compared with waits for a price of: {cards}", {"cards": cards}
            )
        )
    return tuple(said)


def _template(found: Verdict, tipped: bool) -> str:
    match found.month, found.cheaper, tipped:
        case None, _, True:
            sentence = Sentence(
                "{design} does not pay in {years} years, unless the discount on {card} exceeds {percent} %"
            )
        case None, _, False:
            sentence = Sentence("{design} does not pay in {years} years, whatever the discount on a licence")
        case 0, _, True:
            sentence = Sentence(
                "{design} pays from the first day, unless the discount on {card} exceeds {percent} %"
            )
        case 0, _, False:
            sentence = Sentence("{design} pays from the first day, whatever the discount on a licence")
        case _, _, True:
            sentence = Sentence(
                "{design} pays after {months} months, unless the discount on {card} exceeds {percent} %"
            )
        case _:
            sentence = Sentence("{design} pays after {months} months, whatever the discount on a licence")
    return sentence.template


def _also(found: Verdict, tip: Tip, label: Callable[[str], str]) -> Sentence:
    said: dict[str, Value] = {"card": label(tip.card), "percent": float(tip.percent)}
    if found.month is None:
        return Sentence("So it would with more than {percent} % on {card}", said)
    return Sentence("Nor does it pay with more than {percent} % on {card}", said)


def doubts(outcome: Outcome, years: int) -> tuple[Sentence, ...]:
    """Say how sure the month is, where anything is open.

    >>> from planner.cost.uncertainty import Interval, Payback
    >>> point = Interval(low=Decimal(0), median=Decimal(0), high=Decimal(0), draws=1000)
    >>> payback = Payback(low=9, median=14, high=31, percent=100.0)
    >>> one = Outcome(design="b", total=point, cheapest_percent=80.0, against_first=point, payback=payback)
    >>> [str(said) for said in doubts(one, 5)]
    ['With every open number drawn: after 9 to 31 months in nine of ten draws']
    """
    found = outcome.payback
    if found is None or outcome.total.draws == 1:
        return ()
    said: dict[str, Value] = {
        "low": found.low,
        "high": found.high,
        "percent": found.percent,
        "years": years,
    }
    if found.high is not None and found.low == found.high:
        return (Sentence("With every open number drawn: after {low} months in nine of ten draws", said),)
    if found.high is not None:
        return (
            Sentence("With every open number drawn: after {low} to {high} months in nine of ten draws", said),
        )
    if found.low is not None:
        at_best = Sentence(
            "With every open number drawn: at best after {low} months, within {years} years in {percent} % "
            "of the draws"
        )
        return (Sentence(at_best.template, said),)
    return (Sentence("With every open number drawn: within {years} years in {percent} % of the draws", said),)
