"""The table in which designs stand side by side: each row with the rule behind its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.utils.translation import gettext

from cluster.bills import ComparedRow, DesignColumn
from cluster.shown import EN_DASH, number


def compared(designs: Sequence[DesignColumn]) -> list[ComparedRow]:
    """The rows of the table in which designs stand side by side, each with the rule behind it."""
    lines, unsure = "cost-lines", "cost-uncertainty"
    rows: list[tuple[str, Callable[[DesignColumn], str], str, str]] = [
        (
            gettext("Hosts"),
            lambda one: one.hosts,
            "cost-sizing",
            gettext("Today's as they stand; planned ones by placing every VM, plus the failures to survive."),
        ),
        (
            gettext("Known in all"),
            lambda one: one.total,
            lines,
            gettext(
                "The sum of all lines that have a price, each rounded to the cent; the low ends and the "
                "high ends are added apart."
            ),
        ),
        (
            gettext("Nine of ten draws"),
            lambda one: one.interval,
            unsure,
            gettext(
                "1,000 draws, every open number evenly from its range and the same for all designs, worth "
                "today; 5 % lie below, 5 % above."
            ),
        ),
        (
            gettext("Cheapest in so many draws"),
            lambda one: one.cheapest,
            unsure,
            gettext("The share of those draws in which this design costs least."),
        ),
        (
            gettext("Pays against the first"),
            lambda one: one.pays_from,
            unsure,
            gettext(
                "The first month from which no more has been paid than for the first design, worth today, "
                "and stays so."
            ),
        ),
        (
            gettext("Pays in nine of ten draws"),
            lambda one: one.payback,
            unsure,
            gettext("The months that 5 % and 95 % of those draws pay by, and how many of them pay at all."),
        ),
        (
            "CAPEX",
            lambda one: one.capex,
            lines,
            gettext("The lines that are bought, less what they are worth in the end."),
        ),
        ("OPEX", lambda one: one.opex, lines, gettext("The lines that are paid every year.")),
        (
            gettext("Worth today"),
            lambda one: one.present,
            lines,
            gettext("Each year's amount / (1 + discount rate) to the power of the years until it is paid."),
        ),
        (
            gettext("As equal years"),
            lambda one: one.annuity,
            lines,
            gettext("Worth today x rate / (1 - (1 + rate) to the power of -years)."),
        ),
        (
            gettext("A VM and year"),
            lambda one: one.vm_year,
            lines,
            gettext("Known in all / running VMs of all years."),
        ),
        (
            gettext("A vCPU and year"),
            lambda one: one.vcpu_year,
            lines,
            gettext("Known in all / vCPUs of all years."),
        ),
        (
            gettext("A GiB of memory and year"),
            lambda one: one.gib_year,
            lines,
            gettext("Known in all / GiB of memory of all years."),
        ),
        (
            gettext("Electricity"),
            lambda one: one.kwh,
            lines,
            gettext("hosts x (idle + (full - idle) x CPU usage) x 8760 h x PUE, all years."),
        ),
        (
            "CO₂e",
            lambda one: one.carbon,
            lines,
            gettext("Electricity x carbon of a kWh, plus making the hosts that are bought."),
        ),
        (
            gettext("Lines without a price"),
            lambda one: number(one.unknown),
            lines,
            gettext("Lines whose cards nobody filled; they are in no total."),
        ),
    ]
    return [
        ComparedRow(
            label=label,
            cells=tuple(cell(one) or EN_DASH for one in designs),
            how=how,
            page=page,
            is_total=place == 1,
        )
        for place, (label, cell, page, how) in enumerate(rows)
    ]
