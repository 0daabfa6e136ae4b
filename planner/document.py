"""The answers as JSON documents: plain lists, numbers and texts, with the keys that scripts rely on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from planner.consolidation import assumptions, members, summarize, totals
from planner.cost.first import Money
from planner.figure import Figure
from planner.placing import Placed, PlacingReport
from planner.quality import Quality, Reading
from planner.refusal import Reason, Refusal
from planner.report import ClusterPlan, PlanReport
from planner.sentence import texts

# A JSON object on its way out: the one place where a dict is the record that was asked for.
Document: TypeAlias = dict[str, Any]


def summary_document(reading: Reading) -> Document:
    """Say what is there, of the estate and of each cluster."""
    return {
        "source": _source(reading.quality),
        "totals": msgspec.to_builtins(totals(reading.estate)),
        "clusters": [msgspec.to_builtins(summarize(cluster)) for cluster in members(reading.estate)],
        "assumptions": texts((*reading.quality.assumptions, *assumptions(reading.estate.vms))),
    }


def plan_document(report: PlanReport) -> Document:
    """Say what each cluster needs, tolerates and costs, every number with its formula."""
    return {
        "source": _source(report.quality),
        "parameters": msgspec.to_builtins(report.parameters),
        "totals": msgspec.to_builtins(report.totals),
        "fits": report.fits if any(cluster.fits is not None for cluster in report.clusters) else None,
        "clusters": [_cluster(cluster) for cluster in report.clusters],
        "cost": _cost(report.cost),
        "assumptions": texts((*report.quality.assumptions, *report.assumptions)),
    }


def place_document(report: PlacingReport, quality: Quality, seconds: float) -> Document:
    """Say who runs where, on how many hosts, how few there could be, and who was refused and why."""
    return {
        "fits": report.fits,
        "hosts_used": report.hosts_used,
        "lower_bound": report.lower_bound,
        "gap": report.hosts_used - report.lower_bound,
        "bound_method": report.bound_method,
        "hosts_needed": None
        if any(cluster.hosts_needed is None for cluster in report.clusters)
        else sum(cluster.hosts_needed or 0 for cluster in report.clusters),
        "placement": dict(sorted(report.placed.items())),
        "refusals": [_refusal(refusal) for refusal in report.refusals],
        "clusters": [_placed(cluster) for cluster in report.clusters],
        "source": _source(quality),
        "seconds": round(seconds, 6),
    }


def _placed(cluster: Placed) -> Document:
    placement = cluster.placement
    return {
        "name": cluster.name,
        "fits": cluster.fits,
        "hosts_offered": cluster.hosts_offered,
        "hosts_used": placement.hosts_used,
        "hosts_needed": cluster.hosts_needed,
        "lower_bound": placement.lower_bound,
        "gap": placement.gap,
        "bound_method": placement.bound_method,
        "method": placement.method,
        "new_hosts": cluster.new_hosts,
        "contradictions": texts(cluster.contradictions),
        "notes": texts(cluster.notes),
        "preferences_unmet": msgspec.to_builtins(cluster.unmet),
        "reserve": _reserve(cluster),
    }


def _reserve(cluster: Placed) -> Document:
    """Say which failures were asked for and how they were checked."""
    kept = cluster.reserve
    asked = {"failures": cluster.failures, "group": cluster.group}
    if kept is None:
        return {
            **asked,
            "carried": cluster.hosts_needed is not None,
            "hosts": [],
            "checked": "nothing to lose",
        }
    busy = {*cluster.placement.placed.values()}
    worst = None
    if kept.worst is not None:
        refused = [refusal.vm for refusal in kept.worst.placement.refusals]
        worst = {"lost": list(kept.worst.lost), "refused": refused}
    return {
        **asked,
        "carried": kept.carried,
        "hosts": [host for host in kept.hosts if host not in busy],
        "checked": kept.how,
        "losses_tried": kept.losses_tried,
        "not_carried": worst,
    }


def _refusal(refusal: Refusal) -> Document:
    reasons: dict[str, int] = {}
    for count in refusal.reasons:
        reasons[count.reason] = reasons.get(count.reason, 0) + count.hosts
    rules = {count.detail: count.hosts for count in refusal.reasons if count.reason is Reason.RULE}
    return {"vm": refusal.vm, "reasons": reasons, "rules": rules, "text": refusal.short()}


def _source(quality: Quality) -> Document:
    return {
        "format": quality.format,
        "sheets": [sheet.name for sheet in quality.sheets],
        "rows": {sheet.name: sheet.rows_read for sheet in quality.sheets},
        "rows_skipped": {sheet.name: sheet.rows_skipped for sheet in quality.sheets if sheet.rows_skipped},
        "rows_not_used": {sheet.name: sheet.rows_unread for sheet in quality.sheets if not sheet.used},
        "warnings": [
            {
                "sheet": finding.sheet,
                "row": finding.row,
                "column": finding.column,
                "message": str(finding.message),
                "count": finding.count,
            }
            for finding in quality.warnings
        ],
    }


def _cluster(cluster: ClusterPlan) -> Document:
    return {
        "name": cluster.name,
        "fits": cluster.fits,
        "hosts_today": cluster.hosts_today,
        "hosts_for_load": cluster.hosts_for_load,
        "hosts_needed": cluster.hosts_needed,
        "lower_bound": cluster.lower_bound,
        "binding": cluster.binding,
        "failures_asked": cluster.failures_asked,
        "failures_tolerated_today": cluster.failures_tolerated_today,
        "free_vms": cluster.free_vms,
        "template": msgspec.to_builtins(cluster.template),
        "host_model": msgspec.to_builtins(cluster.host_model),
        "ratios": msgspec.to_builtins(cluster.ratios),
        "needs": [msgspec.to_builtins(need) for need in cluster.needs],
        "summary": msgspec.to_builtins(cluster.summary),
        "assumptions": texts(cluster.assumptions),
        "refusals": texts(cluster.refusals),
        "cost": _cost(cluster.cost),
        "figures": [_figure(figure) for figure in cluster.figures],
    }


def _cost(lines: Sequence[Money]) -> Document:
    return {
        scope: {
            "lines": [_money(line) for line in lines if line.scope == scope and line.item != "total"],
            "totals": [_money(line) for line in lines if line.scope == scope and line.item == "total"],
        }
        for scope in ("today", "planned")
    }


def _money(line: Money) -> Document:
    return {
        "item": line.item,
        "label": str(line.label),
        "low": line.low,
        "high": line.high,
        "currency": line.currency,
        "per": line.per,
        "quantity": line.quantity,
        "unit": line.unit,
        "formula": str(line.formula),
        "source": line.source,
        "assumptions": texts(line.assumptions),
    }


def _figure(figure: Figure) -> Document:
    return {
        "id": figure.id,
        "value": figure.value,
        "counted": figure.counted,
        "unit": figure.unit,
        "formula": str(figure.formula),
        "inputs": [msgspec.to_builtins(given) for given in figure.inputs],
        "assumptions": texts(figure.assumptions),
        "page": figure.page,
        "source": figure.source,
    }
