"""The plan as a calculation that lives: inputs in yellow cells, formulas that a spreadsheet works out anew.

Change a ratio, a failure count or a quote, and hosts and costs follow.  The sums stand beside the hosts that
the planner really packed: a sum can promise less than a packing needs, and the sheet says which is which.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from django.utils.translation import gettext as _
from msgspec import Struct
from xlsxwriter.utility import xl_rowcol_to_cell

from cluster.labels import label_of, name_of
from planner.catalogue.licences import CORES_MIN_PER_CPU, PRICES
from planner.report import ClusterPlan, PlanReport

FIRST_INPUT: Final = 3
FIRST_CLUSTER: Final = 10
NAMES: Final = ("vcpu_per_core", "failures", "host_price", "core_price_low", "core_price_high")


class Live(Struct, frozen=True):
    """A cell: a text, a number, or a formula with the value it has today; `is_input`: made to be changed."""

    row: int
    column: int
    content: str | float | None
    formula: str = ""
    is_input: bool = False


class Sheet(Struct, frozen=True, kw_only=True):
    """The cells, the names that formulas use for inputs, and the widths of the columns."""

    name: str
    cells: tuple[Live, ...]
    names: tuple[tuple[str, str], ...]
    widths: tuple[int, ...]
    head_row: int


def model(report: PlanReport) -> Sheet:
    """The sheet of the whole report; a cluster without a host to count in has no line of formulas."""
    counted = [one for one in report.clusters if one.host_model is not None]
    return Sheet(
        name=_("Model"),
        cells=(
            *_inputs(report),
            *_head(),
            *(cell for at, one in enumerate(counted) for cell in _line(at, one, report)),
        ),
        names=tuple(
            (name, xl_rowcol_to_cell(FIRST_INPUT + at, 1, row_abs=True, col_abs=True))
            for at, name in enumerate(NAMES)
        ),
        widths=(34, 16, 16, 16, 16, 14, 14, 14, 14, 14, 14, 16, 18, 18, 18),
        head_row=FIRST_CLUSTER - 1,
    )


def _inputs(report: PlanReport) -> Iterator[Live]:
    asked = report.parameters
    price = PRICES.get(asked.licence)
    yield Live(0, 0, _("Change the yellow cells: what depends on them is worked out anew."))
    yield Live(FIRST_INPUT - 1, 0, _("Input"))
    yield Live(FIRST_INPUT - 1, 1, _("Value"))
    rows: list[tuple[str, float | None]] = [
        (label_of("vcpu_per_core"), asked.vcpu_per_core),
        (label_of("failures_asked"), float(asked.failures)),
        (_("Your quote for a host ({currency})").format(currency=asked.currency),
         float(asked.host_price) if asked.host_price else None),
        (_("Licence of a core and year, at least (USD)"), float(price.low) if price else 0.0),
        (_("Licence of a core and year, at most (USD)"), float(price.high) if price else 0.0),
    ]  # fmt: skip
    for at, (label, value) in enumerate(rows):
        yield Live(FIRST_INPUT + at, 0, label)
        yield Live(FIRST_INPUT + at, 1, value, is_input=True)


def _head() -> Iterator[Live]:
    heads = (
        _("Cluster"), _("Running vCPUs"), _("Memory wanted (GiB)"), _("Cores of a host"),
        _("Usable memory of a host (GiB)"), _("Sockets of a host"), _("Hosts today"), _("Hosts by CPU"),
        _("Hosts by memory"), _("Hosts needed by sums"), _("Hosts needed by the packing"),
        _("vCPUs per core at N-1"),
        _("Hosts to buy, your quotes"), _("Licences a year, at least"), _("Licences a year, at most"),
    )  # fmt: skip
    for column, said in enumerate(heads):
        yield Live(FIRST_CLUSTER - 1, column, said)


def _line(at: int, cluster: ClusterPlan, report: PlanReport) -> Iterator[Live]:
    host = cluster.host_model
    if host is None:
        return
    row = FIRST_CLUSTER + at
    needs = {need.resource: need for need in cluster.needs}
    vcpus, memory = needs["cpu"].demand, needs["memory"].demand
    usable_gib = host.usable_memory_mib / 1024
    asked = report.parameters
    given: Sequence[str | float | None] = (
        name_of(cluster.name), vcpus, memory, host.cores, usable_gib, host.sockets, cluster.hosts_today,
    )  # fmt: skip
    for column, content in enumerate(given):
        yield Live(
            row, column, float(content) if isinstance(content, int) else content, is_input=column in (3, 4, 5)
        )
    by_cpu = math.ceil(vcpus / (host.cores * asked.vcpu_per_core))
    by_memory = math.ceil(memory / usable_gib) if usable_gib else 0
    needed = max(by_cpu, by_memory) + asked.failures
    cell = [xl_rowcol_to_cell(row, column) for column in range(15)]
    yield Live(row, 7, float(by_cpu), f"=ROUNDUP({cell[1]}/({cell[3]}*vcpu_per_core),0)")
    yield Live(row, 8, float(by_memory), f"=ROUNDUP({cell[2]}/{cell[4]},0)")
    yield Live(row, 9, float(needed), f"=MAX({cell[7]},{cell[8]})+failures")
    packed = None if cluster.hosts_needed is None else float(cluster.hosts_needed)
    yield Live(row, 10, packed)
    left = (cluster.hosts_today - 1) * host.cores
    yield Live(
        row,
        11,
        vcpus / left if left > 0 else None,
        f'=IF({cell[6]}>1,{cell[1]}/(({cell[6]}-1)*{cell[3]}),"")',
    )
    most = max(needed, int(packed or 0))
    buy = max(0, most - cluster.hosts_today)
    price = float(asked.host_price) if asked.host_price else 0.0
    hosts = f"MAX({cell[9]},{cell[10]})"
    yield Live(row, 12, buy * price, f"=MAX(0,{hosts}-{cell[6]})*host_price")
    cores = host.sockets * max(CORES_MIN_PER_CPU, math.ceil(host.cores / host.sockets))
    licence = PRICES.get(asked.licence)
    counted = f"{hosts}*{cell[5]}*MAX({CORES_MIN_PER_CPU},ROUNDUP({cell[3]}/{cell[5]},0))"
    for column, name, amount in (
        (13, "core_price_low", float(licence.low) if licence else 0.0),
        (14, "core_price_high", float(licence.high) if licence else 0.0),
    ):
        yield Live(row, column, most * cores * amount, f"={counted}*{name}")
