"""Bills as pages and reports show them: designs side by side, their lines, what is not known."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from django.utils.translation import gettext, ngettext
from msgspec import Struct

from cluster.shown import EN_DASH, NBSP, money_range, number, quantity
from cluster.wording import say
from planner.catalogue.cards import AREA_NAMES
from planner.cost.answer import Answer, Shown
from planner.cost.bill import Line, card_label
from planner.cost.carbon import Footprint
from planner.cost.money import Span, summed
from planner.cost.platforms import PLATFORMS
from planner.cost.study import TODAY
from planner.cost.tipping import doubts, sentences
from planner.sentence import Sentence

OWNERS_SHOWN: Final = 20


class LineRow(Struct, frozen=True, kw_only=True):
    """One line of a bill, ready to read."""

    label: str
    area: str
    amount: str
    known: bool
    quantity: str
    unit_price: str
    formula: str
    source: str
    date: str
    missing: tuple[str, ...]
    notes: tuple[str, ...]


class DesignColumn(Struct, frozen=True, kw_only=True):
    """One design, ready to be put beside others."""

    key: str
    name: str
    platform: str
    edition: str
    why: tuple[str, ...]
    hosts: str
    total: str
    exact: str
    capex: str
    opex: str
    present: str
    annuity: str
    interval: str
    cheapest: str
    vm_year: str
    pays_from: str
    payback: str
    kwh: str
    carbon: str
    unknown: int
    is_first: bool
    swings: int
    lines: tuple[LineRow, ...]
    owners: tuple[tuple[str, str, str], ...]
    vcpu_year: str
    gib_year: str
    verdict: tuple[str, ...]


class ComparedRow(Struct, frozen=True, kw_only=True):
    """One row of the table in which designs stand side by side, with the rule behind its numbers."""

    label: str
    cells: tuple[str, ...]
    how: str
    page: str
    is_total: bool = False


def name_of(shown: Shown) -> str:
    """What a design is called."""
    design = shown.bill.design
    return design_name(design.key, design.choice.platform.name, design.name)


def design_name(key: str, platform: str, name: str) -> str:
    """What the design of this key is called; `name` is what somebody gave it."""
    kind, _, rest = key.partition(":")
    match kind, rest:
        case ("today", ""):
            return gettext("Today")
        case ("today-complete", ""):
            return gettext("Today, completed")
        case ("physical", ""):
            return gettext("Physical servers")
        case ("keep", ""):
            return gettext("Keep")
        case ("shrink", ""):
            return gettext("Shrink")
        case ("refresh", ""):
            return gettext("Refresh")
        case ("leave", _):
            return gettext("Leave to {platform}").format(platform=platform)
        case ("leave-refreshed", _):
            return gettext("Leave to {platform}, new hosts").format(platform=platform)
        case ("level", level):
            return level_name(level)
        case _:
            return name


def level_name(key: str) -> str:
    """What a level of protection is called."""
    return {
        "none": gettext("No protection"),
        "ha": gettext("HA"),
        "ha-more": gettext("HA, one host more"),
        "crossed": gettext("HA, crossed networks"),
        "second-array": gettext("HA, crossed, second array"),
        "ft": gettext("FT"),
    }[key]


def designs_of(answer: Answer) -> list[DesignColumn]:
    """The designs in the order of the answer."""
    return [_column(answer, shown, place == 0) for place, shown in enumerate(answer.designs)]


def unpriced_of(answer: Answer) -> list[str]:
    """The platforms that were asked for and cannot do what is in use, or carry the load."""
    asked = answer.asked.platforms
    if answer.asked.compare == "protection":
        asked = asked[:1]
    standing = (TODAY, "keep")
    planned = [shown.bill.design for shown in answer.designs if shown.bill.design.key not in standing]
    priced = {design.choice.platform.key for design in planned}
    return [PLATFORMS[key].name for key in asked if key not in priced]


def missing_of(answer: Answer) -> list[tuple[str, str]]:
    """The empty cards, with their names."""
    return [(card, say(card_label(card))) for card in answer.missing]


def _column(answer: Answer, shown: Shown, is_first: bool) -> DesignColumn:
    bill = shown.bill
    edition = bill.design.choice.edition
    interval = shown.outcome.total
    return DesignColumn(
        key=bill.design.key,
        name=name_of(shown),
        platform=bill.design.choice.platform.name,
        edition=edition.name if edition else "",
        why=tuple(say(reason) for reason in bill.design.choice.why),
        hosts=_hosts(answer, shown),
        total=whole(bill.total.amount, answer),
        exact=whole(bill.total.amount, answer, 2),
        capex=whole(bill.total.capex, answer),
        opex=whole(bill.total.opex, answer),
        present=whole(bill.total.present, answer),
        annuity=whole(bill.total.annuity, answer),
        interval=whole(Span(interval.low, interval.high), answer) if interval.draws > 1 else "",
        cheapest=f"{number(shown.outcome.cheapest_percent, 1)}{NBSP}%"
        if shown.outcome.total.draws > 1 and not shown.short
        else "",
        vm_year=whole(shown.unit.vm_year, answer, 2) if shown.unit.vm_year else "",
        pays_from=_pays(shown, is_first),
        payback=_payback(shown),
        kwh=_rounded(shown.footprint.kwh, "kWh"),
        carbon=_carbon(shown.footprint),
        unknown=sum(line.amount is None for line in bill.lines),
        is_first=is_first,
        swings=len(shown.swings),
        lines=tuple(_line(line) for line in bill.lines),
        owners=_owners(answer, shown),
        vcpu_year=whole(shown.unit.vcpu_year, answer, 2) if shown.unit.vcpu_year else "",
        gib_year=whole(shown.unit.gib_year, answer, 2) if shown.unit.gib_year else "",
        verdict=_verdict(shown),
    )


def _owners(answer: Answer, shown: Shown) -> tuple[tuple[str, str, str], ...]:
    """The dearest owners, all others in one row, and the total that they add up to."""
    named = shown.owners[:OWNERS_SHOWN]
    rest = shown.owners[OWNERS_SHOWN:]
    rows = [(row.owner or gettext("nobody named"), row.vms, row.amount) for row in named]
    if rest:
        label = gettext("{count} others").format(count=number(len(rest)))
        rows.append((label, sum(row.vms for row in rest), summed(row.amount for row in rest)))
    total = summed(row.amount for row in shown.owners)
    rows.append((gettext("All"), sum(row.vms for row in shown.owners), total))
    return tuple((owner, number(vms), whole(amount, answer, 2)) for owner, vms, amount in rows)


def _verdict(shown: Shown) -> tuple[str, ...]:
    """When it pays, in the reader's language."""
    if shown.verdict is None:
        return ()
    said = [
        *sentences(shown.verdict, name_of(shown), lambda card: say(card_label(card))),
        *doubts(shown.outcome, shown.verdict.years),
    ]
    return (" ".join(f"{say(sentence)}." for sentence in said),)


def _hosts(answer: Answer, shown: Shown) -> str:
    first = shown.bill.design.year(0).hosts
    if shown.short:
        return gettext("{hosts}, too few").format(hosts=number(first))
    if shown.hosts_grown and shown.hosts_grown[0] != shown.hosts_grown[-1]:
        said = gettext("{first}, in the last year {low} – {high}")
        ends = shown.hosts_grown
        return said.format(first=number(first), low=number(min(ends)), high=number(max(ends)))
    last = shown.bill.design.year(answer.asked.assumptions.years - 1).hosts
    return number(first) if first == last else f"{number(first)}{NBSP}{EN_DASH}{NBSP}{number(last)}"


def _pays(shown: Shown, is_first: bool) -> str:
    """From which month; with a word of warning where a price is missing on one side alone."""
    if is_first:
        return ""
    found = shown.verdict
    if found is not None and (found.waits or found.waited):
        return gettext("{month}, by what is known").format(month=_month(shown))
    return _month(shown)


def _month(shown: Shown) -> str:
    if shown.pays_from is None:
        return gettext("not within these years")
    if shown.pays_from == 0:
        return gettext("at once")
    return ngettext("after {count} month", "after {count} months", shown.pays_from).format(
        count=number(shown.pays_from)
    )


def _payback(shown: Shown) -> str:
    """The months of the draws; nothing where nothing is open."""
    found = shown.outcome.payback
    if found is None or shown.outcome.total.draws == 1:
        return ""
    percent = number(found.percent, 1)
    if found.low is None:
        return gettext("in {percent} % of them").format(percent=percent)
    if found.high is None:
        said = gettext("at best after {low} months, in {percent} % of them")
        return said.format(low=number(found.low), percent=percent)
    if found.low == found.high:
        said = gettext("after {low} months, in {percent} % of them")
        return said.format(low=number(found.low), percent=percent)
    said = gettext("after {low} – {high} months, in {percent} % of them")
    return said.format(low=number(found.low), high=number(found.high), percent=percent)


def _line(line: Line) -> LineRow:
    amount = line.amount
    return LineRow(
        label=say(line.label),
        area=say(AREA_NAMES[line.area]),
        amount=money_range(*_ends(amount), line.currency),
        known=amount is not None,
        quantity=quantity(float(round(line.quantity.middle, 2)), line.unit) if line.quantity else "",
        unit_price=money_range(*_ends(line.unit_price, 4), line.paid_in) if line.unit_price else "",
        formula=say(line.formula),
        source=line.source,
        date=line.date,
        missing=tuple(say(card_label(card)) for card in line.missing),
        notes=tuple(_said(line.notes)),
    )


def _said(sentences: Sequence[Sentence]) -> list[str]:
    return [say(sentence) for sentence in sentences]


def _ends(span: Span | None, places: int = 2) -> tuple[str | None, str | None]:
    if span is None:
        return None, None
    cents = Decimal("0.01")
    low, high = (
        end.quantize(cents) if round(end, places) == end.quantize(cents) else round(end, places)
        for end in (span.low, span.high)
    )
    return str(low), str(high)


def whole(span: Span, answer: Answer, places: int = 0) -> str:
    low, high = round(span.low, places), round(span.high, places)
    return money_range(str(low), str(high), answer.asked.assumptions.currency)


def _carbon(found: Footprint) -> str:
    """Electricity and making, in tonnes; what making the hosts caused is told where nobody knows it."""
    if found.grid_kg is None:
        return ""
    tonnes = quantity(float(round((found.grid_kg + (found.made_kg or 0)) / 1000, 1)), "t")
    return tonnes if found.made_kg is not None else gettext("{tonnes}, without making").format(tonnes=tonnes)


def _rounded(amount: Decimal | None, unit: str) -> str:
    return "" if amount is None else quantity(float(round(amount)), unit)
