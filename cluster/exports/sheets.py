"""A plan report as flat tables: what the workbook and the CSV files hold, in the active language.

Values stay values: nothing is rounded here, so that every export agrees with the report to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from django.utils.translation import gettext as _
from msgspec import Struct

from cluster import verdict
from cluster.exports import origin
from cluster.exports.annex import inputs_of
from cluster.exports.beside import NOTHING, Beside
from cluster.exports.costs import label_of_line, period_of, scope_of
from cluster.foretelling import Taught
from cluster.labels import label_of, name_of, resource_of, unit_of
from cluster.wording import say
from planner.report import ClusterPlan, Money, PlanReport
from planner.sentence import Sentence, Value

Kind: TypeAlias = Literal["text", "integer", "number", "money"]
Cell: TypeAlias = Value | Decimal

WIDE: Final = 60
NAME: Final = 26
NUMBER: Final = 14
PERCENT: Final = 100.0


class Column(Struct, frozen=True):
    """What stands at the head of a column, how it is written, and how wide it is in characters."""

    label: str
    kind: Kind = "text"
    width: int = NAME


class Table(Struct, frozen=True, kw_only=True):
    """A named table; every row has a cell for every column, None where nothing is known."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(report: PlanReport, title: str, beside: Beside = NOTHING) -> tuple[Table, ...]:
    """Everything that the report says, one table a sheet."""
    return (
        summary(report, title),
        clusters(report, beside),
        needs(report),
        figures(report),
        costs(report),
        warnings(report),
        assumptions(report),
        made_from(report, beside),
    )


def made_from(report: PlanReport, beside: Beside) -> Table:
    """What the numbers were made of: input, revision, version, parameters, chance, prices."""
    return Table(
        name=_("Made from"),
        columns=(Column(_("Subject"), width=34), Column(_("Value"), width=WIDE)),
        rows=tuple((line.label, line.value) for line in origin.lines(report, beside.origin)),
    )


def summary(report: PlanReport, title: str) -> Table:
    """The estate in one look: the verdict, the totals, what was asked."""
    said = verdict.of_estate(report)
    units = {"memory_on_gib": "GiB", "storage_used_tib": "TiB", "guest_used_tib": "TiB"}
    totals = report.totals
    asked = report.parameters
    rows: list[tuple[Cell, ...]] = [
        (_("Estate"), title, ""),
        (_("Verdict"), said.word, ""),
        (_("In one sentence"), said.sentence, ""),
        *(
            (label_of(name), getattr(totals, name), unit_of(units.get(name, "")))
            for name in totals.__struct_fields__
        ),
        (label_of("failures_asked"), asked.failures, ""),
        (label_of("vcpu_per_core"), asked.vcpu_per_core, ""),
        (_("Cores of the host described"), asked.host_cores, ""),
        (_("Sockets of the host described"), asked.host_sockets, ""),
        (_("Memory of the host described"), asked.host_memory_gib, unit_of("GiB")),
        (label_of("template"), asked.template, ""),
    ]
    columns = (
        Column(_("Subject"), width=34),
        Column(_("Value"), "number", WIDE),
        Column(_("Unit"), width=NUMBER),
    )
    return Table(name=_("Summary"), columns=columns, rows=tuple(rows))


def clusters(report: PlanReport, beside: Beside = NOTHING) -> Table:
    """One row a cluster, everything about it; with a server also how well its migrations are foretold."""
    cells = [
        (*_cluster_cells(cluster), *(_taught_cells(beside.taught.get(cluster.name)) if beside.taught else ()))
        for cluster in report.clusters
    ]
    head = cells[0] if cells else ()
    return Table(
        name=_("Clusters"),
        columns=tuple(column for column, _value in head),
        rows=tuple(tuple(value for _column, value in row) for row in cells),
    )


def needs(report: PlanReport) -> Table:
    """One row a cluster and resource."""
    rows = tuple(
        (
            name_of(cluster.name),
            resource_of(need.resource),
            need.demand,
            need.capacity_today,
            need.capacity_per_host,
            unit_of(need.unit),
            need.hosts,
        )
        for cluster in report.clusters
        for need in cluster.needs
    )
    columns = (
        Column(_("Cluster")),
        Column(_("Resource"), width=NUMBER),
        Column(label_of("demand"), "number", NUMBER),
        Column(label_of("capacity_today"), "number", NUMBER),
        Column(label_of("capacity_per_host"), "number", NUMBER),
        Column(_("Unit"), width=10),
        Column(_("Hosts this makes"), "integer", NUMBER),
    )
    return Table(name=_("Needs"), columns=columns, rows=rows)


def figures(report: PlanReport) -> Table:
    """One row a number, opened."""
    rows = tuple(
        (
            name_of(cluster.name),
            figure.id,
            label_of(figure.id),
            _word(figure.value) if figure.counted else _("not counted"),
            unit_of(figure.unit),
            say(figure.formula),
            inputs_of(figure),
            _joined(figure.assumptions),
            figure.source,
        )
        for cluster in report.clusters
        for figure in cluster.figures
    )
    columns = (
        Column(_("Cluster")),
        Column(_("Id")),
        Column(_("Number"), width=34),
        Column(_("Value"), "number", NUMBER),
        Column(_("Unit"), width=10),
        Column(_("Formula"), width=WIDE),
        Column(_("Inputs"), width=WIDE),
        Column(_("Assumptions"), width=WIDE),
        Column(_("Source"), width=WIDE),
    )
    return Table(name=_("Numbers"), columns=columns, rows=rows)


def costs(report: PlanReport) -> Table:
    """One row a line of cost: of each cluster by itself, then of all as one order."""
    owned = [(name_of(cluster.name), line) for cluster in report.clusters for line in cluster.cost]
    owned += [(_("All clusters as one order"), line) for line in report.cost]
    columns = (
        Column(_("Cluster")),
        Column(_("Today or planned"), width=NUMBER),
        Column(_("Paid when"), width=NUMBER),
        Column(_("Line"), width=34),
        Column(_("Quantity"), "number", NUMBER),
        Column(_("Unit"), width=10),
        Column(_("At least"), "money", NUMBER),
        Column(_("At most"), "money", NUMBER),
        Column(_("Currency"), width=10),
        Column(_("Formula"), width=WIDE),
        Column(_("Assumptions"), width=WIDE),
        Column(_("Source"), width=WIDE),
    )
    return Table(name=_("Cost"), columns=columns, rows=tuple(_cost_row(name, line) for name, line in owned))


def warnings(report: PlanReport) -> Table:
    """One row an oddity that the import met."""
    rows = tuple(
        (found.sheet, found.row, found.column, say(found.message), found.count)
        for found in report.quality.warnings
    )
    columns = (
        Column(_("Sheet")),
        Column(_("Row"), "integer", NUMBER),
        Column(_("Column")),
        Column(_("What was found"), width=WIDE),
        Column(_("Times"), "integer", NUMBER),
    )
    return Table(name=_("Warnings"), columns=columns, rows=rows)


def assumptions(report: PlanReport) -> Table:
    """One row a sentence: what was assumed, and why something does not fit."""
    assumed, refused = _("assumed"), _("does not fit")
    rows: list[tuple[Cell, ...]] = [(_("Import"), assumed, say(said)) for said in report.quality.assumptions]
    rows += [(_("Estate"), assumed, say(said)) for said in report.assumptions]
    for cluster in report.clusters:
        name = name_of(cluster.name)
        rows += [(name, refused, say(said)) for said in cluster.refusals]
        rows += [(name, assumed, say(said)) for said in cluster.assumptions]
    columns = (Column(_("About")), Column(_("Kind"), width=NUMBER), Column(_("Sentence"), width=2 * WIDE))
    return Table(name=_("Assumptions"), columns=columns, rows=tuple(rows))


def _cluster_cells(cluster: ClusterPlan) -> Iterator[tuple[Column, Cell]]:
    said = verdict.of_cluster(cluster)
    there, model, template = cluster.summary, cluster.host_model, cluster.template
    yield Column(_("Cluster")), name_of(cluster.name)
    yield Column(_("Verdict"), width=NUMBER), said.word
    yield Column(_("In one sentence"), width=WIDE), said.sentence
    for name in ("hosts_today", "hosts_for_load", "hosts_needed", "lower_bound"):
        yield Column(label_of(name), "integer", NUMBER), getattr(cluster, name)
    for name in ("failures_asked", "failures_tolerated_today"):
        yield Column(label_of(name), "integer", NUMBER), getattr(cluster, name)
    binding = None if cluster.binding is None else resource_of(cluster.binding)
    yield Column(label_of("binding"), width=NUMBER), binding
    yield Column(label_of("free_vms"), "integer", NUMBER), cluster.free_vms
    yield Column(label_of("template")), name_of(template.name) if template else None
    yield Column(_("Its vCPUs"), "number", NUMBER), template.vcpus if template else None
    yield Column(_("Its memory (MiB)"), "number", NUMBER), template.memory_mib if template else None
    yield Column(_("Its disk (MiB)"), "number", NUMBER), template.disk_mib if template else None
    yield Column(_("Host counted in")), name_of(model.name) if model else None
    yield Column(_("Its sockets"), "integer", NUMBER), model.sockets if model else None
    yield Column(_("Its cores"), "integer", NUMBER), model.cores if model else None
    yield Column(_("Its memory built in (MiB)"), "number", NUMBER), model.memory_mib if model else None
    yield Column(_("Its memory usable (MiB)"), "number", NUMBER), model.usable_memory_mib if model else None
    for name in _COUNTS:
        yield Column(label_of(name), "integer", NUMBER), getattr(there, name)
    for name, unit in _MEASURES:
        head = f"{label_of(name)} ({unit_of(unit)})" if unit else label_of(name)
        yield Column(head, "number", NUMBER), getattr(there, name)
    for name in ("vcpu_per_core_planned", "vms_per_host_planned"):
        yield Column(label_of(name), "number", NUMBER), getattr(cluster.ratios, name)


def _taught_cells(taught: Taught | None) -> Iterator[tuple[Column, Cell]]:
    fit = taught.fit if taught else None
    yield Column(_("Measured migrations"), "integer", NUMBER), taught.measured if taught else None
    for label, share in (
        (_("Error of the time foretold, median"), fit.median if fit else None),
        (_("Error of the time foretold, 95th percentile"), fit.p95 if fit else None),
        (_("Error of the time foretold, worst"), fit.worst if fit else None),
    ):
        yield Column(f"{label} (%)", "number", NUMBER), None if share is None else PERCENT * share


_COUNTS: Final = ("cores", "vms_on", "vms_off", "templates", "vcpus_on")
_MEASURES: Final = (
    ("host_memory_gib", "GiB"),
    ("memory_on_gib", "GiB"),
    ("vcpu_per_core", ""),
    ("vcpu_per_core_n1", ""),
    ("cores_n1", ""),
    ("vms_per_host", ""),
    ("storage_used_tib", "TiB"),
    ("guest_used_tib", "TiB"),
)


def _cost_row(name: str, line: Money) -> tuple[Cell, ...]:
    return (
        name,
        scope_of(line.scope),
        period_of(line.per),
        label_of_line(line),
        line.quantity,
        unit_of(line.unit),
        None if line.low is None else Decimal(line.low),
        None if line.high is None else Decimal(line.high),
        line.currency,
        say(line.formula),
        _joined(line.assumptions),
        line.source,
    )


def _word(content: Value) -> Value:
    if isinstance(content, bool):
        return _("yes") if content else _("no")
    return name_of(content) if isinstance(content, str) else content


def _joined(said: tuple[Sentence, ...]) -> str:
    return " · ".join(map(say, said))
