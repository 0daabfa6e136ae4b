"""The answers as lines for a terminal: short, aligned, and safe whatever the names hold."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from planner.consolidation import ClusterSummary, assumptions, members, summarize, totals
from planner.cost.first import Money
from planner.quality import Quality, Reading
from planner.report import ClusterPlan, PlanReport
from planner.sentence import Sentence
from planner.sizing import Need, Template
from planner.units import gib

UNKNOWN: Final = "-"
WARNINGS_SHOWN: Final = 10
REFUSALS_SHOWN: Final = 6
RESOURCES: Final = {"cpu": "CPU", "memory": "memory", "storage": "storage"}
# What a terminal would obey rather than show: controls, and marks that turn the direction of writing.
UNPRINTABLE: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
_GREEN, _RED, _PLAIN = "\x1b[1;32m", "\x1b[1;31m", "\x1b[0m"

Table = Sequence[Sequence[str]]


def clean(text: str) -> str:
    r"""Show what a terminal would obey.

    >>> clean("db1\x1b[2J\x07")
    'db1\\x1b[2J\\x07'
    """
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in UNPRINTABLE
        else character
        for character in text
    )


def summary_lines(reading: Reading) -> list[str]:
    """Show the clusters as one table, with the totals below."""
    counted = totals(reading.estate)
    summaries = [summarize(cluster) for cluster in members(reading.estate)]
    guests_told = any(vm.partitions for vm in reading.estate.vms)
    rows = [_SUMMARY_HEAD, *(_summary_row(summary, guests_told) for summary in summaries)]
    rows.append((
        "all", str(counted.hosts), "", "", str(counted.vms_on), str(counted.vms_off), str(counted.templates),
        str(counted.vcpus_on), _number(counted.memory_on_gib, 1), "", "", "",
        _number(counted.storage_used_tib, 2), _number(counted.guest_used_tib if guests_told else None, 2),
    ))  # fmt: skip
    outside = [
        Sentence("VMs without a cluster: {count}", {"count": counted.vms_without_cluster}),
        Sentence("hosts without a cluster: {count}", {"count": counted.hosts_without_cluster}),
    ]
    said = [*reading.quality.assumptions, *assumptions(reading.estate.vms)]
    said += [sentence for sentence in outside if sentence.values["count"]]
    return [
        *_source_lines(reading.quality),
        *aligned(rows),
        *listed("Counted so", said),
        *_warnings(reading.quality),
    ]


_SUMMARY_HEAD: Final = (
    "cluster", "hosts", "cores", "host GiB", "VMs on", "off", "templates", "vCPU", "VM GiB",
    "vCPU:core", "at N-1", "VM:host", "files TiB", "in guests",
)  # fmt: skip


def _summary_row(summary: ClusterSummary, guests_told: bool) -> tuple[str, ...]:
    return (
        clean(summary.name),
        str(summary.hosts),
        str(summary.cores),
        _number(summary.host_memory_gib, 1),
        str(summary.vms_on),
        str(summary.vms_off),
        str(summary.templates),
        str(summary.vcpus_on),
        _number(summary.memory_on_gib, 1),
        _number(summary.vcpu_per_core, 2),
        _number(summary.vcpu_per_core_n1, 2),
        _number(summary.vms_per_host, 1),
        _number(summary.storage_used_tib, 2),
        _number(summary.guest_used_tib if guests_told else None, 2),
    )


def plan_lines(report: PlanReport, *, colour: bool = False) -> list[str]:
    """Show each cluster's verdict first, then what it rests on."""
    lines = _source_lines(report.quality)
    everywhere = _common(report.clusters)
    for cluster in report.clusters:
        lines += [*_cluster_lines(cluster, everywhere, colour), ""]
    said = [*report.assumptions, *everywhere]
    if not report.clusters:
        lines += ["no cluster, no host, no VM: nothing to plan", ""]
    return [*lines[:-1], *listed("Assumed for all clusters", said), *_warnings(report.quality)]


def _common(clusters: Sequence[ClusterPlan]) -> list[Sentence]:
    """Give what all of several clusters assume, to be said once."""
    if len(clusters) < 2:
        return []
    first, *others = clusters
    return [said for said in first.assumptions if all(said in other.assumptions for other in others)]


def _cluster_lines(cluster: ClusterPlan, everywhere: Sequence[Sentence], colour: bool) -> list[str]:
    own = [said for said in cluster.assumptions if said not in everywhere]
    return [
        f"{clean(cluster.name)}: {_verdict(cluster, colour)}",
        *_indented(aligned(_hosts_table(cluster))),
        "",
        *_indented(aligned([_NEED_HEAD, *(_need_row(need, cluster) for need in cluster.needs)])),
        "",
        *_indented(_facts(cluster)),
        *_indented(_cost_lines(cluster.cost)),
        *_indented(listed("Why not", _few(cluster.refusals))),
        *_indented(listed("Assumed", own)),
    ]


def _verdict(cluster: ClusterPlan, colour: bool) -> str:
    """Say it in one line: fits or not, with how many failures, and what binds."""
    words = {True: "fits", False: "does not fit", None: "not judged"}[cluster.fits]
    if colour and cluster.fits is not None:
        words = f"{_GREEN if cluster.fits else _RED}{words}{_PLAIN}"
    if cluster.fits is not None:
        words += f" with {plural(cluster.failures_asked, 'host failure')}"
    return words if cluster.binding is None else f"{words}; {RESOURCES[cluster.binding]} binds"


def _hosts_table(cluster: ClusterPlan) -> Table:
    return [
        ("hosts", "today", "for the load", "at least", "needed", "failures tolerated today"),
        (
            "",
            str(cluster.hosts_today),
            _count(cluster.hosts_for_load),
            _count(cluster.lower_bound),
            _count(cluster.hosts_needed),
            _count(cluster.failures_tolerated_today),
        ),
    ]


_NEED_HEAD: Final = ("need", "wanted", "today", "a host gives", "unit", "hosts", "")


def _need_row(need: Need, cluster: ClusterPlan) -> tuple[str, ...]:
    return (
        RESOURCES[need.resource],
        _number(need.demand, 1),
        _number(need.capacity_today, 1),
        _number(need.capacity_per_host, 1),
        need.unit,
        _count(need.hosts),
        "<- binds" if need.resource == cluster.binding else "",
    )


def _facts(cluster: ClusterPlan) -> list[str]:
    ratios = cluster.ratios
    lines = [
        f"vCPU:core {_number(ratios.vcpu_per_core, 2)}, at N-1 {_number(ratios.vcpu_per_core_n1, 2)}, "
        f"on the hosts for the load {_number(ratios.vcpu_per_core_planned, 2)}; "
        f"VM:host {_number(ratios.vms_per_host, 1)}"
    ]
    if cluster.template is not None and cluster.free_vms is not None:
        lines.append(f"room for {cluster.free_vms} more like: {_template(cluster.template)}")
    return lines


def _template(template: Template) -> str:
    return (
        f"{clean(template.name)} ({template.vcpus:g} vCPU, {_number(gib(template.memory_mib), 0)} GiB, "
        f"{_number(gib(template.disk_mib), 0)} GiB of disk)"
    )


def _cost_lines(lines: Sequence[Money]) -> list[str]:
    rows = [
        (
            line.scope,
            str(line.label),
            _amount(line),
            line.currency,
            "once" if line.per == "once" else "a year",
            f"{_number(line.quantity, 0)} {line.unit}",
        )
        for line in lines
        if line.item != "total"
    ]
    return ["", *aligned([("cost", "", "amount", "", "", "for"), *rows], left=(0, 1, 3, 4))] if rows else []


def _amount(line: Money) -> str:
    if line.low is None or line.high is None:
        return "enter your quote"
    low, high = (f"{float(amount):,.0f}" for amount in (line.low, line.high))
    return low if low == high else f"{low} to {high}"


def _source_lines(quality: Quality) -> list[str]:
    rows = ", ".join(f"{clean(sheet.name)} {sheet.rows_read}" for sheet in quality.sheets if sheet.used)
    unused = ", ".join(clean(sheet.name) for sheet in quality.sheets if not sheet.used)
    told = [rows or "nothing read"]
    told += [f"not used: {unused}"] if unused else []
    skipped = sum(sheet.rows_skipped for sheet in quality.sheets)
    told += [f"{plural(skipped, 'row')} skipped"] if skipped else []
    warnings = sum(finding.count for finding in quality.warnings)
    told += [plural(warnings, "warning")] if warnings else []
    return [f"{clean(quality.format)}: {'; '.join(told)}", ""]


def _warnings(quality: Quality) -> list[str]:
    lines = []
    for finding in quality.warnings[:WARNINGS_SHOWN]:
        row = f"row {finding.row}" if finding.row else ""
        place = ", ".join(part for part in (finding.sheet, row, finding.column) if part)
        times = f" ({finding.count} times)" if finding.count > 1 else ""
        lines.append(f"  {clean(place)}: {clean(str(finding.message))}{times}")
    more = len(quality.warnings) - WARNINGS_SHOWN
    if more > 0:
        lines.append(f"  and {more} more; --json lists all")
    return ["", "Warnings:", *lines] if lines else []


def _few(refusals: Sequence[Sentence]) -> list[Sentence]:
    more = len(refusals) - REFUSALS_SHOWN
    if more <= 0:
        return list(refusals)
    return [*refusals[:REFUSALS_SHOWN], Sentence("and {count} more; --json lists them", {"count": more})]


def listed(title: str, sentences: Sequence[Sentence]) -> list[str]:
    texts = dict.fromkeys(clean(str(sentence)) for sentence in sentences)
    return ["", f"{title}:", *(f"  {text}" for text in texts)] if texts else []


def aligned(rows: Table, left: Sequence[int] = (0,)) -> list[str]:
    """Set columns side by side, numbers to the right."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell + " " * (width - _width(cell)) if column in left else " " * (width - _width(cell)) + cell
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _width(text: str) -> int:
    """Count the cells a text takes in a terminal: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" if line else "" for line in lines]


def _number(value: float | None, digits: int) -> str:
    return UNKNOWN if value is None else f"{value:,.{digits}f}"


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
