"""The cost report, on paper or as a page: the answer first, designs side by side, hosts, then every line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext
from msgspec import Struct

from cluster.bill_rows import compared
from cluster.bills import DesignColumn, designs_of, missing_of, unpriced_of
from cluster.compared import Grid, changes_of, levels_of, options_of, told_of, variants_of
from cluster.cost_verdict import headline_of
from cluster.exports.pdf import typeset
from cluster.exports.version import version
from cluster.shown import EN_DASH, NBSP, day, number
from cluster.wording import say
from planner.compared import Comparison
from planner.cost.answer import Answer
from planner.cost.bill import card_label
from planner.cost.money import Span
from planner.hardware.option import Option
from planner.hardware.search import Found
from planner.units import MIB_PER_GIB

CHOICES_PRINTED = 12
Ending = Literal["pdf", "html"]


class Table(Struct, frozen=True, kw_only=True):
    """A heading, a head and rows; the first column is text, the others are numbers."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


class PrintedLine(Struct, frozen=True, kw_only=True):
    """One line of a bill with its proof below."""

    label: str
    quantity: str
    unit_price: str
    amount: str
    proof: str


class PrintedBill(Struct, frozen=True, kw_only=True):
    """One design's lines."""

    title: str
    total: str
    exact: str
    lines: tuple[PrintedLine, ...]


class BillPaper(Struct, frozen=True, kw_only=True):
    """All that the template places."""

    language: str
    title: str
    kind: str
    made_at: str
    made_on: tuple[int, int, int]
    version: str
    page: str
    state: str
    word: str
    sentence: str
    more: str
    tables: tuple[Table, ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    bills: tuple[PrintedBill, ...]
    heads: tuple[str, ...]
    sum: str


def render(
    answer: Answer,
    *,
    title: str,
    language: str,
    made_at: datetime,
    found: Found | None = None,
    comparison: Comparison | None = None,
    book: str = "",
    ending: Ending = "pdf",
) -> bytes:
    """The cost answer; with hosts to choose from or variants side by side, where asked.

    As a tagged PDF, or as one page of HTML that opens offline, asks for nothing and needs no script.
    """
    with translation.override(language):
        content = paper(
            answer,
            title=title,
            language=language,
            made_at=made_at,
            found=found,
            comparison=comparison,
            book=book,
        )
        if ending == "html":
            page = render_to_string("report/bill.html", {"paper": content, "kind": content.kind})
            return page.encode("utf-8", "replace")
    return typeset("bill.typ", content, made_at)


def paper(
    answer: Answer,
    *,
    title: str,
    language: str,
    made_at: datetime,
    found: Found | None = None,
    comparison: Comparison | None = None,
    book: str = "",
) -> BillPaper:
    """Every word and number of the report, in the active language."""
    designs = designs_of(answer)
    headline = headline_of(answer)
    told = told_of(comparison) if comparison is not None else []
    return BillPaper(
        language=language,
        title=title,
        kind=gettext("Cost report"),
        made_at=day(made_at),
        made_on=(made_at.year, made_at.month, made_at.day),
        version=version(),
        page=gettext("Page {page} of {pages}"),
        state=headline.state if headline else "unknown",
        word=headline.word if headline else "",
        sentence=told[0] if told else headline.text if headline else "",
        more=" ".join(told[1:]) if told else headline.more if headline else "",
        tables=tuple(_tables(answer, designs, found, comparison)),
        lists=tuple(one for one in _lists(answer, designs, found, comparison, book) if one[1]),
        bills=tuple(_bill(design) for design in designs),
        sum=gettext("Known in all"),
        heads=(gettext("Line"), gettext("Quantity"), gettext("Unit price"), gettext("Amount")),
    )


def _tables(
    answer: Answer, designs: Sequence[DesignColumn], found: Found | None, comparison: Comparison | None
) -> Iterator[Table]:
    """What was asked for first, then the designs, then what there is to choose from."""
    if comparison is not None:
        yield _grid(gettext("Variants side by side"), variants_of(comparison))
    protection = levels_of(answer)
    if protection is not None:
        yield _grid(gettext("What protection costs"), protection)
    yield _side_by_side(designs)
    if found is not None and found.front:
        yield _models((*found.front[:CHOICES_PRINTED], *found.grid))
        yield _choices(
            answer,
            found.front[:CHOICES_PRINTED],
            gettext("Hosts to choose from"),
            gettext("What nothing beats in cost, free capacity, carbon and outage at once; cheapest first."),
        )
    if found is not None and found.grid:
        yield _choices(
            answer,
            found.grid,
            gettext("Every model on every platform"),
            gettext("The failures to survive are in it, spare hosts beyond them are not; cheapest first."),
        )


def _grid(title: str, grid: Grid) -> Table:
    return Table(
        title=title, head=("", *grid.heads), rows=tuple((row.label, *row.cells) for row in grid.rows)
    )


def _side_by_side(designs: Sequence[DesignColumn]) -> Table:
    return Table(
        title=gettext("Side by side"),
        note=gettext("The same assumptions, the same placement and the same prices for all."),
        head=("", *(f"{one.name} ({one.edition})" if one.edition else one.name for one in designs)),
        rows=tuple((row.label, *row.cells) for row in compared(designs)),
    )


def _models(options: Sequence[Option]) -> Table:
    """What a buyer has to order, once for each model."""
    machines = {option.machine.name: option.machine for option in options}
    return Table(
        title=gettext("Host models"),
        head=(gettext("Model"), gettext("Sockets"), gettext("Cores"), gettext("Memory, GiB")),
        rows=tuple(
            (
                name,
                number(machine.sockets),
                number(machine.cores),
                number(machine.memory_mib // MIB_PER_GIB),
            )
            for name, machine in sorted(machines.items())
        ),
    )


def _choices(answer: Answer, options: Sequence[Option], title: str, note: str) -> Table:
    rows = tuple(
        (
            f"{option.model}, {option.platform}",
            option.hosts,
            option.spare,
            option.cost,
            option.free,
            option.carbon,
            option.outage,
        )
        for option in options_of(options, answer.asked.assumptions.currency)
    )
    return Table(
        title=title,
        note=note,
        head=(
            gettext("Model and platform"),
            gettext("Hosts"),
            gettext("Spare"),
            gettext("Known in all"),
            gettext("Free"),
            "CO₂e",
            gettext("Outage, min a year"),
        ),
        rows=rows,
    )


def _lists(
    answer: Answer,
    designs: Sequence[DesignColumn],
    found: Found | None,
    comparison: Comparison | None,
    book: str,
) -> list[tuple[str, tuple[str, ...]]]:
    assumed = answer.asked.assumptions
    asked = gettext(
        "{years} years, growth {growth} % a year, host failures to survive in each cluster: {failures}, "
        "{ratio} vCPUs a core, protection {protection}."
    ).format(
        years=number(assumed.years),
        growth=_range(assumed.growth),
        failures=number(assumed.failures),
        ratio=number(assumed.vcpu_per_core),
        protection=assumed.protection.upper(),
    )
    return [
        (gettext("When it pays"), tuple(said for design in designs for said in design.verdict)),
        (
            gettext("What the variants change"),
            tuple(f"{name}: {'; '.join(changes)}" for name, changes in changes_of(comparison))
            if comparison
            else (),
        ),
        (
            gettext("What is assumed for all"),
            (
                *_load(answer),
                asked,
                *_rate(answer),
                *_discounts(answer),
                book or gettext("Prices: published ones alone."),
            ),
        ),
        (gettext("Why these hosts"), tuple(say(reason) for reason in found.why) if found else ()),
        (
            gettext("Asked for and not priced"),
            tuple(unpriced_of(answer)) if found is None and comparison is None else (),
        ),
        (gettext("Empty cards"), tuple(name for _, name in missing_of(answer))),
        (gettext("What to know"), tuple(say(remark) for remark in answer.remarks)),
    ]


def _load(answer: Answer) -> tuple[str, ...]:
    """What the hosts have to carry, and what it grows to."""
    if not answer.designs:
        return ()
    design, last = answer.designs[0].bill.design, answer.asked.assumptions.years - 1
    said = gettext("Load of year {year}: {vms} running VMs, {vcpus} vCPUs, {memory} GiB of memory.")
    rows = dict.fromkeys((0, last)) if answer.asked.assumptions.growth.middle else (0,)
    return tuple(
        said.format(
            year=number(row + 1),
            vms=number(design.year(row).vms),
            vcpus=number(design.year(row).vcpus),
            memory=number(design.year(row).memory_gib, 0),
        )
        for row in rows
    )


def _range(span: Span) -> str:
    ends = [number(end) for end in dict.fromkeys((span.low, span.high))]
    return f"{NBSP}{EN_DASH}{NBSP}".join(ends)


def _rate(answer: Answer) -> tuple[str, ...]:
    rate = answer.asked.assumptions.discount_rate
    if rate is None:
        return ()
    return (gettext("Discount rate of later years: {percent} %.").format(percent=_range(rate)),)


def _discounts(answer: Answer) -> tuple[str, ...]:
    said = gettext("Your discount on {card}: {percent} %.")
    discounts = sorted(answer.asked.assumptions.discounts.items())
    return tuple(
        said.format(card=say(card_label(card)), percent=number(percent)) for card, percent in discounts
    )


def _bill(design: DesignColumn) -> PrintedBill:
    lines = tuple(
        PrintedLine(
            label=line.label,
            quantity=line.quantity,
            unit_price=line.unit_price,
            amount=line.amount,
            proof=" · ".join(part for part in (line.formula, *line.notes, line.source, line.date) if part),
        )
        for line in design.lines
    )
    return PrintedBill(title=design.name, total=design.total, exact=design.exact, lines=lines)
