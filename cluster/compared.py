"""Variants, levels of protection and hosts to buy as tables that pages and reports show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from django.utils.translation import gettext
from msgspec import Struct

from cluster.bills import ComparedRow, level_name, name_of
from cluster.shown import EN_DASH, money, number, quantity
from cluster.wording import say
from planner.compared import COMPLETED, Comparison, Row
from planner.cost.answer import Answer
from planner.cost.levels import Level
from planner.cost.machine import Machine
from planner.cost.platforms import PLATFORMS
from planner.cost.study import TODAY
from planner.hardware.option import Option
from planner.units import MIB_PER_GIB


class Grid(Struct, frozen=True, kw_only=True):
    """A table: heads of its columns, and rows with the rule behind each."""

    heads: tuple[str, ...]
    rows: tuple[ComparedRow, ...]


class OptionRow(Struct, frozen=True, kw_only=True):
    """One way to buy, ready to read."""

    model: str
    shape: str
    platform: str
    hosts: str
    spare: str
    cost: str
    free: str
    carbon: str
    outage: str
    proven: bool


def variants_of(found: Comparison) -> Grid:
    """Variants side by side: what is counted of each, with the rule behind it."""
    asked = found.answer.asked
    totals = {shown.bill.design.name: shown.bill.total.amount for shown in found.answer.designs}

    def cost(row: Row) -> str:
        span = totals.get(row.name)
        return EN_DASH if span is None else money(str(round(span.middle)), asked.assumptions.currency)

    rows = [
        _row(
            found,
            gettext("Cost, known lines"),
            cost,
            "cost-lines",
            total=True,
            how=gettext(
                "All lines of all years that have a price, at the middle of every range; hosts that "
                "are missing are bought. Today is priced as it stands."
            ),
        ),
        _row(
            found,
            gettext("Running VMs"),
            lambda row: number(row.vms),
            "consolidation",
            how=gettext("VMs that run after all changes, today's and the new ones."),
        ),
        _row(
            found,
            gettext("Hosts"),
            lambda row: number(row.hosts),
            "consolidation",
            how=gettext("Hosts after all changes, before missing ones are bought."),
        ),
        _row(
            found,
            gettext("Missing hosts, bought"),
            lambda row: _known(row.hosts_to_buy),
            "cost-sizing",
            how=gettext(
                "Hosts beside those that stay, until every year's load and the failures to survive "
                "have room; by placing every VM."
            ),
        ),
        _row(
            found,
            gettext("Hosts that the load needs"),
            lambda row: _known(row.hosts_needed),
            "sizing",
            how=gettext(
                "The fewest hosts of the cluster's own kind that carry the load of the first year, "
                "plus the failures to survive."
            ),
        ),
        _row(
            found,
            gettext("Failures to survive"),
            lambda row: number(row.failures_asked),
            "admission",
            how=gettext("What was asked for, by the page or by a change of the variant."),
        ),
        _row(
            found,
            gettext("Failures tolerated"),
            lambda row: _known(row.failures_tolerated),
            "admission",
            how=gettext(
                "Hosts of the weakest cluster that may be lost, whichever they are, before missing "
                "ones are bought; every loss re-placed."
            ),
        ),
        _row(
            found,
            gettext("vCPUs per core"),
            lambda row: _known(row.vcpu_per_core, 2),
            "consolidation",
            how=gettext("vCPUs of running VMs / physical cores of the hosts."),
        ),
        _row(
            found,
            gettext("VMs per host"),
            lambda row: _known(row.vms_per_host, 1),
            "consolidation",
            how=gettext("Running VMs / hosts."),
        ),
        _row(
            found,
            gettext("Outage, minutes a VM and year"),
            lambda row: _at_least(row.outage_minutes, row.outage_unknown),
            "availability",
            how=gettext(
                "Every cause that the estate records: hosts, more failures than are tolerated, "
                "paths, planned work; causes that nobody recorded are not in it."
            ),
        ),
        _row(
            found,
            gettext("Electricity"),
            lambda row: _amount(row.kwh, "kWh"),
            "cost-lines",
            how=gettext("hosts x (idle + (full - idle) x CPU usage) x 8760 h x PUE, all years."),
        ),
        _row(
            found,
            "CO₂e",
            lambda row: _tonnes(row.carbon_kg),
            "cost-lines",
            how=gettext("Electricity x carbon of a kWh, plus making the hosts that are bought."),
        ),
    ]
    own = {TODAY: gettext("Today"), COMPLETED: gettext("Today, completed")}
    names = tuple(own.get(row.name, row.name) for row in found.rows)
    return Grid(heads=names, rows=tuple(rows))


def told_of(found: Comparison) -> list[str]:
    """What each variant costs more or less than today as it stands, in a sentence each."""
    currency = found.answer.asked.assumptions.currency
    totals = [(shown, shown.bill.total.amount.middle) for shown in found.answer.designs]
    if not totals or totals[0][0].bill.design.key != TODAY:
        return []
    today = totals[0][1]
    return [
        (
            gettext("{variant} costs {amount} more than today.")
            if total >= today
            else gettext("{variant} costs {amount} less than today.")
        ).format(variant=name_of(shown), amount=money(str(abs(round(total - today))), currency))
        for shown, total in totals[1:]
    ]


def levels_of(answer: Answer) -> Grid | None:
    """What each level of protection costs and leaves."""
    if not answer.levels:
        return None
    currency = answer.asked.assumptions.currency

    def cost(level: Level) -> str:
        total = level.bill.total.amount.middle if level.bill else None
        return EN_DASH if total is None else money(str(round(total)), currency)

    def per_nine(level: Level) -> str:
        return EN_DASH if level.cost_per_nine is None else money(str(round(level.cost_per_nine)), currency)

    levels = answer.levels
    rows = (
        ComparedRow(
            label=gettext("Cost, known lines"),
            cells=tuple(map(cost, levels)),
            page="cost-lines",
            is_total=True,
            how=gettext("All lines of all years that have a price, at the middle of every range."),
        ),
        ComparedRow(
            label=gettext("Outage by hosts, minutes a VM and year"),
            page="cost-lines",
            cells=tuple(_minutes(level.minutes_vm_year) for level in levels),
            how=gettext(
                "Failures of a host in a year x time until its VMs run again, by the price book's rates."
            ),
        ),
        ComparedRow(
            label=gettext("Outage by every cause, minutes a VM and year"),
            page="availability",
            cells=tuple(_at_least(level.all_minutes, level.unknown) for level in levels),
            how=gettext(
                "Every cause that the estate records, by the availability model; crossed networks and a "
                "second array are laid over it as standard designs."
            ),
        ),
        ComparedRow(
            label=gettext("Nines"),
            cells=tuple(_known(level.nines, 2) for level in levels),
            page="cost-uncertainty",
            how=gettext("-log10 of the share of the year that is lost."),
        ),
        ComparedRow(
            label=gettext("Cost of each nine more"),
            cells=tuple(map(per_nine, levels)),
            page="cost-uncertainty",
            how=gettext("(cost - cost without protection) / (nines - nines without protection)."),
        ),
    )
    return Grid(heads=tuple(level_name(level.key) for level in levels), rows=rows)


def options_of(options: Sequence[Option], currency: str) -> list[OptionRow]:
    """Ways to buy, in the order given."""
    return [
        OptionRow(
            model=_model(option),
            shape=shape_of(option.machine),
            platform=PLATFORMS[option.platform].name,
            hosts=number(option.hosts),
            spare=number(option.extra),
            cost=money(str(round(option.cost)), currency),
            free=quantity(option.spare_percent, "%"),
            carbon=_tonnes(option.carbon_kg),
            outage=_known(option.outage_minutes, 2),
            proven=option.proven,
        )
        for option in options
    ]


def shape_of(machine: Machine) -> str:
    """What a buyer has to order: sockets, cores, memory."""
    return gettext("{sockets} sockets, {cores} cores, {memory} GiB").format(
        sockets=number(machine.sockets),
        cores=number(machine.cores),
        memory=number(machine.memory_mib // MIB_PER_GIB),
    )


def _model(option: Option) -> str:
    if not option.kept_hosts:
        return option.machine.name
    said = gettext("{model}, beside {count} of today")
    return said.format(model=option.machine.name, count=number(option.kept_hosts))


def changes_of(found: Comparison) -> list[tuple[str, list[str]]]:
    """What each variant changes, as sentences."""
    return [(row.name, [say(change) for change in row.changes]) for row in found.rows if row.changes]


def _row(
    found: Comparison,
    label: str,
    cell: Callable[[Row], str],
    page: str,
    *,
    how: str,
    total: bool = False,
) -> ComparedRow:
    cells = tuple(cell(row) for row in found.rows)
    return ComparedRow(label=label, cells=cells, how=how, page=page, is_total=total)


def _known(value: float | None, decimals: int = 0) -> str:
    return EN_DASH if value is None else number(value, decimals)


def _at_least(minutes: float | None, unknown: Sequence[str]) -> str:
    """Minutes; where a cause is not known they are a lower bound."""
    if minutes is None:
        return EN_DASH
    return gettext("at least {minutes}").format(minutes=number(minutes, 2)) if unknown else number(minutes, 2)


def _minutes(value: Decimal | None) -> str:
    return EN_DASH if value is None else number(value, 2)


def _amount(value: Decimal | None, unit: str) -> str:
    return EN_DASH if value is None else quantity(float(round(value)), unit)


def _tonnes(kg: Decimal | None) -> str:
    return EN_DASH if kg is None else quantity(float(round(kg / 1000, 1)), "t")
