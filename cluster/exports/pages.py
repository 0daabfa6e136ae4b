"""A plan report becomes the finished text of the printed report, in the active language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cluster import verdict
from cluster.accuracy import lines_of
from cluster.exports import annex, costs, executive, origin, redundant
from cluster.exports.beside import NOTHING, Beside
from cluster.exports.paper import (
    Bar,
    ClusterPage,
    Line,
    Paper,
    Pill,
    QualityPage,
    SheetRow,
    Tile,
    WarningRow,
)
from cluster.exports.words import words
from cluster.foretelling import Taught
from cluster.labels import label_of, name_of, resource_of
from cluster.shown import day, headline, number, quantity
from cluster.wording import say
from planner.figure import Figure
from planner.quality import Finding, Quality
from planner.report import ClusterPlan, HostModel, Need, Parameters, PlanReport
from planner.sentence import Sentence
from planner.units import MIB_PER_GIB

WARNINGS_PRINTED: Final = 60  # two pages; the XLSX and JSON exports hold them all
SHEETS_PRINTED: Final = 60
SENTENCES_PRINTED: Final = 5  # a cluster's refusals may name every VM
TOTALS: Final = ("clusters", "hosts", "vms_on", "vcpus_on", "memory_on_gib", "storage_used_tib")
ADMISSION: Final = (
    "admission_slot_failures",
    "admission_cpu_free_percent",
    "admission_memory_free_percent",
    "admission_dedicated",
)


def paper(
    report: PlanReport,
    *,
    title: str,
    language: str,
    made_at: datetime,
    version: str,
    beside: Beside = NOTHING,
) -> Paper:
    """The whole report, every sentence in the active language."""
    whole = verdict.of_estate(report)
    return Paper(
        title=name_of(title),
        language=language,
        made_at=day(made_at),
        made_on=(made_at.year, made_at.month, made_at.day),
        version=version,
        verdict=Pill(name=title, state=whole.state, word=whole.word, sentence=whole.sentence),
        totals=_totals(report),
        asked=_asked(report.parameters),
        pills=tuple(_pill(cluster) for cluster in report.clusters),
        cost=costs.groups(report.cost),
        assumptions=tuple(map(say, report.assumptions)),
        clusters=tuple(_cluster(cluster, beside.taught.get(cluster.name)) for cluster in report.clusters),
        quality=_quality(report.quality),
        annex=annex.groups(report),
        words=words(),
        executive=executive.page(report, beside),
        origin=origin.lines(report, beside.origin),
        redundancy=redundant.page(beside.redundancy) if beside.redundancy else None,
    )


def _totals(report: PlanReport) -> tuple[Tile, ...]:
    units = {"memory_on_gib": "GiB", "storage_used_tib": "TiB"}
    return tuple(
        Tile(label=label_of(name), value=headline(getattr(report.totals, name), units.get(name, "")))
        for name in TOTALS
    )


def _asked(parameters: Parameters) -> tuple[Line, ...]:
    lines = [
        Line(label=label_of("failures_asked"), value=number(parameters.failures)),
        Line(label=label_of("vcpu_per_core"), value=number(parameters.vcpu_per_core)),
    ]
    host = [
        quantity(parameters.host_sockets, "sockets") if parameters.host_sockets else "",
        quantity(parameters.host_cores, "cores") if parameters.host_cores else "",
        quantity(parameters.host_memory_gib, "GiB") if parameters.host_memory_gib else "",
    ]
    described = ", ".join(part for part in host if part)
    lines.append(Line(label=_("Host counted in"), value=described or _("the cluster's own")))
    if parameters.template is not None:
        lines.append(Line(label=label_of("template"), value=parameters.template))
    return tuple(lines)


def _pill(cluster: ClusterPlan) -> Pill:
    said = verdict.of_cluster(cluster)
    return Pill(name=name_of(cluster.name), state=said.state, word=said.word, sentence=said.sentence)


def _cluster(cluster: ClusterPlan, taught: Taught | None) -> ClusterPage:
    return ClusterPage(
        pill=_pill(cluster),
        tiles=_tiles(cluster),
        bars=tuple(_bar(need, cluster) for need in cluster.needs),
        today=_today(cluster),
        planned=_planned(cluster),
        admission=_admission(cluster.figures),
        migrations=_migrations(taught),
        cost=costs.groups(cluster.cost),
        refusals=_sentences(cluster.refusals),
        assumptions=tuple(map(say, cluster.assumptions)),
    )


def _tiles(cluster: ClusterPlan) -> tuple[Tile, ...]:
    asked = _("{count} asked for").format(count=number(cluster.failures_asked))
    for_load = _("{count} for the load").format(count=headline(cluster.hosts_for_load))
    more = cluster.template
    return (
        Tile(label=label_of("hosts_today"), value=headline(cluster.hosts_today)),
        Tile(label=label_of("hosts_needed"), value=headline(cluster.hosts_needed), note=for_load),
        Tile(label=label_of("lower_bound"), value=headline(cluster.lower_bound), note=_("for the load")),
        Tile(
            label=label_of("failures_tolerated_today"),
            value=headline(cluster.failures_tolerated_today),
            note=asked,
        ),
        Tile(
            label=label_of("free_vms"),
            value=headline(cluster.free_vms),
            note=name_of(more.name) if more is not None else "",
        ),
    )


def _bar(need: Need, cluster: ClusterPlan) -> Bar:
    """Draw one resource on today's hosts; the reserve is what hosts of mean size give."""
    hosts = "" if need.hosts is None else quantity(need.hosts, "hosts")
    label = resource_of(need.resource)
    demand = Line(label=label_of("demand"), value=headline(need.demand, need.unit))
    if not need.capacity_today:
        words = (demand, Line(label=label_of("capacity_today"), value=headline(None)))
        return Bar(label=label, hosts=hosts, known=False, used=0, reserved=0, over=0, capacity=0, words=words)
    capacity = need.capacity_today
    reserve = _reserve(need, cluster)
    whole = max(capacity, need.demand + reserve)
    free = capacity - need.demand - reserve
    words = (
        demand,
        *((Line(label=_("Reserved for failure"), value=headline(reserve, need.unit)),) if reserve else ()),
        Line(label=_("Free") if free >= 0 else _("Missing"), value=headline(abs(free), need.unit)),
        Line(label=label_of("capacity_today"), value=headline(capacity, need.unit)),
    )
    return Bar(
        label=label,
        hosts=hosts,
        known=True,
        used=min(need.demand, capacity) / whole,
        reserved=max(0.0, min(reserve, capacity - need.demand)) / whole,
        over=max(0.0, -free) / whole,
        capacity=capacity / whole,
        words=words,
    )


def _reserve(need: Need, cluster: ClusterPlan) -> float:
    if need.resource == "storage" or not need.capacity_today or not cluster.hosts_today:
        return 0.0
    return need.capacity_today / cluster.hosts_today * min(cluster.failures_asked, cluster.hosts_today)


def _today(cluster: ClusterPlan) -> tuple[Line, ...]:
    there = cluster.summary
    return (
        _line("vms_on", there.vms_on),
        _line("vms_off", there.vms_off),
        _line("templates", there.templates),
        _line("vcpus_on", there.vcpus_on),
        _line("memory_on_gib", there.memory_on_gib, "GiB"),
        _line("cores", there.cores),
        _line("host_memory_gib", there.host_memory_gib, "GiB"),
        _line("vcpu_per_core", there.vcpu_per_core),
        _line("vcpu_per_core_n1", there.vcpu_per_core_n1),
        _line("vms_per_host", there.vms_per_host),
        _line("storage_used_tib", there.storage_used_tib, "TiB"),
    )


def _planned(cluster: ClusterPlan) -> tuple[Line, ...]:
    lines = list(_host_lines(cluster.host_model))
    lines.append(_line("vcpu_per_core_planned", cluster.ratios.vcpu_per_core_planned))
    lines.append(_line("vms_per_host_planned", cluster.ratios.vms_per_host_planned))
    if cluster.binding is not None:
        lines.append(Line(label=label_of("binding"), value=resource_of(cluster.binding)))
    if cluster.template is not None:
        size = cluster.template
        parts = (
            quantity(size.vcpus, "vCPU"),
            headline(size.memory_mib / MIB_PER_GIB, "GiB"),
            headline(size.disk_mib / MIB_PER_GIB, "GiB"),
        )
        name = name_of(size.name)
        lines.append(Line(label=name[:1].upper() + name[1:], value=", ".join(parts)))
    return tuple(lines)


def _host_lines(model: HostModel | None) -> Iterable[Line]:
    if model is None:
        return
    yield Line(label=_("Host counted in"), value=name_of(model.name))
    cores = quantity(model.cores, "cores")
    clock = f", {headline(model.cpu_mhz, 'MHz')}" if model.cpu_mhz else ""
    yield Line(label=_("Its CPU"), value=f"{quantity(model.sockets, 'sockets')}, {cores}{clock}")
    built_in = headline(model.memory_mib / MIB_PER_GIB, "GiB")
    usable = headline(model.usable_memory_mib / MIB_PER_GIB, "GiB")
    yield Line(
        label=_("Its memory"), value=_("{built_in}, {usable} usable").format(built_in=built_in, usable=usable)
    )


def _migrations(taught: Taught | None) -> tuple[Line, ...]:
    return () if taught is None else tuple(Line(label=label, value=said) for label, said in lines_of(taught))


def _admission(figures: Sequence[Figure]) -> tuple[Line, ...]:
    return tuple(
        Line(label=label_of(figure.id), value=headline(figure.value, figure.unit))
        for figure in figures
        if figure.id in ADMISSION
    )


def _line(name: str, value: float | None, unit: str = "") -> Line:
    return Line(label=label_of(name), value=headline(value, unit))


def _sentences(said: Sequence[Sentence]) -> tuple[str, ...]:
    """The first sentences, and one that says how many more there are."""
    shown = tuple(say(sentence) for sentence in said[:SENTENCES_PRINTED])
    more = len(said) - len(shown)
    return (*shown, _more(more)) if more else shown


def _more(count: int) -> str:
    return ngettext(
        "{count} more is in the XLSX and JSON exports.",
        "{count} more are in the XLSX and JSON exports.",
        count,
    ).format(count=number(count))


def _quality(quality: Quality) -> QualityPage:
    read = sum(sheet.rows_read for sheet in quality.sheets)
    skipped = sum(sheet.rows_skipped for sheet in quality.sheets)
    summary = _("Format {format}: {read} rows read, {skipped} skipped, {warnings} warnings.").format(
        format=quality.format,
        read=number(read),
        skipped=number(skipped),
        warnings=number(sum(finding.count for finding in quality.warnings)),
    )
    more = len(quality.warnings) - WARNINGS_PRINTED
    return QualityPage(
        summary=summary,
        sheets=tuple(
            SheetRow(
                name=sheet.name,
                read=number(sheet.rows_read) if sheet.used else _("not used"),
                skipped=number(sheet.rows_skipped),
                unknown=number(len(sheet.columns_unknown)),
            )
            for sheet in quality.sheets[:SHEETS_PRINTED]
        ),
        warnings=tuple(
            WarningRow(place=place_of(finding), message=say(finding.message), count=number(finding.count))
            for finding in quality.warnings[:WARNINGS_PRINTED]
        ),
        more=_more(more) if more > 0 else "",
        assumptions=tuple(map(say, quality.assumptions)),
    )


def place_of(finding: Finding) -> str:
    """Where a finding stands: sheet, row, column."""
    parts = (
        finding.sheet,
        _("row {row}").format(row=number(finding.row)) if finding.row is not None else "",
        _("column {column}").format(column=finding.column) if finding.column else "",
    )
    return ", ".join(part for part in parts if part)
