"""The printed cost report: the answer first, designs side by side, hosts to choose from, then every line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import typst
from django.utils import translation
from django.utils.translation import gettext
from msgspec import Struct

from cluster.bills import DesignColumn, compared, designs_of, headline_of, missing_of, unpriced_of
from cluster.exports.legible import FONTS
from cluster.exports.pdf import SOURCES, legible_content
from cluster.exports.version import version
from cluster.shown import day, money, number
from cluster.wording import say
from planner.cost.answer import Answer
from planner.cost.platforms import PLATFORMS
from planner.hardware.search import Found

CHOICES_PRINTED = 12


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


def render(
    answer: Answer, *, title: str, language: str, made_at: datetime, found: Found | None = None
) -> bytes:
    """The cost answer as a tagged PDF; with the hosts to choose from where they were searched for."""
    with translation.override(language):
        content = paper(answer, title=title, language=language, made_at=made_at, found=found)
    pdf = typst.compile(
        SOURCES / "bill.typ",
        root=SOURCES,
        font_paths=[FONTS],
        ignore_system_fonts=True,
        sys_inputs={"paper": msgspec.json.encode(legible_content(msgspec.to_builtins(content))).decode()},
        pdf_standards=["ua-1"],
        timestamp=int(made_at.timestamp()),
    )
    return bytes(pdf)


def paper(answer: Answer, *, title: str, language: str, made_at: datetime, found: Found | None) -> BillPaper:
    """Every word and number of the report, in the active language."""
    designs = designs_of(answer)
    headline = headline_of(answer)
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
        sentence=headline.text if headline else "",
        more=headline.more if headline else "",
        tables=(_side_by_side(designs), *([_choices(answer, found)] if found and found.front else [])),
        lists=tuple(one for one in _lists(answer, found) if one[1]),
        bills=tuple(_bill(design) for design in designs),
        heads=(gettext("Line"), gettext("Quantity"), gettext("Unit price"), gettext("Amount")),
    )


def _side_by_side(designs: Sequence[DesignColumn]) -> Table:
    return Table(
        title=gettext("Side by side"),
        note=gettext("The same assumptions, the same placement and the same prices for all."),
        head=("", *(f"{one.name} ({one.edition})" if one.edition else one.name for one in designs)),
        rows=tuple((label, *cells) for label, cells in compared(designs)),
    )


def _choices(answer: Answer, found: Found) -> Table:
    currency = answer.asked.assumptions.currency
    rows = tuple(
        (
            f"{option.machine.name}, {PLATFORMS[option.platform].name}",
            number(option.hosts),
            money(str(round(option.cost)), currency),
            f"{number(option.spare_percent, 1)} %",
            "–" if option.carbon_kg is None else number(option.carbon_kg / 1000, 1),
            "–" if option.outage_minutes is None else number(option.outage_minutes, 2),
        )
        for option in found.front[:CHOICES_PRINTED]
    )
    return Table(
        title=gettext("Hosts to choose from"),
        note=gettext("What nothing beats in cost, free capacity, carbon and outage at once; cheapest first."),
        head=(
            gettext("Model and platform"),
            gettext("Hosts"),
            gettext("Known in all"),
            gettext("Free"),
            "t CO₂e",
            gettext("Outage, min a year"),
        ),
        rows=rows,
    )


def _lists(answer: Answer, found: Found | None) -> list[tuple[str, tuple[str, ...]]]:
    assumed = answer.asked.assumptions
    asked = gettext(
        "{years} years, growth {growth} % a year, {failures} host failures carried in each cluster, "
        "{ratio} vCPUs a core, protection {protection}."
    ).format(
        years=number(assumed.years),
        growth=number(assumed.growth_percent),
        failures=number(assumed.failures),
        ratio=number(assumed.vcpu_per_core),
        protection=assumed.protection.upper(),
    )
    return [
        (gettext("What is assumed for all"), (asked,)),
        (gettext("Why these hosts"), tuple(say(reason) for reason in found.why) if found else ()),
        (gettext("Asked for and not priced"), tuple(unpriced_of(answer))),
        (gettext("Empty cards"), tuple(name for _, name in missing_of(answer))),
        (gettext("What to know"), tuple(say(remark) for remark in answer.remarks)),
    ]


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
    return PrintedBill(title=design.name, total=design.total, lines=lines)
