"""Availability as a JSON document and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import msgspec

from planner.availability.closed import MINUTES_A_YEAR, nines
from planner.availability.report import PROTECTIONS, ClusterAvailability
from planner.availability.simulated import Estimate
from planner.catalogue import Fact, reliability
from planner.printout import clean

# A JSON object on its way out: the one place where a dict is the record that was asked for.
Document: TypeAlias = dict[str, Any]

SAVINGS_SHOWN: Final = 5
_WORDS: Final = {"none": "no protection", "ha": "HA", "ft": "FT"}


def availability_document(found: Sequence[ClusterAvailability], *, years: float, seed: int) -> Document:
    """Say what each cluster and VM loses a year, why, and by which figures."""
    return {
        "clusters": [_cluster(one) for one in found],
        "years": years,
        "seed": seed,
        "rates": [_fact(row) for row in reliability.facts()],
    }


def availability_lines(found: Sequence[ClusterAvailability]) -> list[str]:
    """Show, for each cluster, the causes beside each other and what would save most."""
    lines: list[str] = []
    for one in found:
        lines += [f"{clean(one.name)}: {one.hosts} hosts, {one.tolerated} failures tolerated", ""]
        lines += [f"  {'minutes a year of a VM':40}" + "".join(f"{_WORDS[kind]:>16}" for kind in PROTECTIONS)]
        for cause in one.causes:
            cells = (
                "not known" if cause.minutes[kind] is None else f"{cause.minutes[kind]:.4f}"
                for kind in PROTECTIONS
            )
            lines.append(f"  {cause.label!s:40}" + "".join(f"{cell:>16}" for cell in cells))
        least = "at least" if one.unknown else "together"
        lines.append(f"  {least:40}" + "".join(f"{one.minutes[kind]:>16.4f}" for kind in PROTECTIONS))
        shown = (f"{one.availability(kind) * 100:.6f} %" for kind in PROTECTIONS)
        lines.append(f"  {'availability':40}" + "".join(f"{cell:>16}" for cell in shown))
        ranges = (f"{one.best_minutes[kind]:.3g} to {one.worst_minutes[kind]:.3g}" for kind in PROTECTIONS)
        lines.append(
            f"  {'with the best and the worst figures':40}" + "".join(f"{cell:>16}" for cell in ranges)
        )
        for saving in one.savings[:SAVINGS_SHOWN]:
            what = "single" if saving.single else "one of a pair"
            lines.append(
                f"  {saving.kind} {clean(saving.component)} ({what}): {saving.minutes:.4f} minutes a year"
            )
        if one.played is not None:
            restarts = one.played.vm_restarts
            lines.append(
                f"  played {one.played.years:,.0f} years, {one.played.failures} host failures: restarts take "
                f"{restarts.value * MINUTES_A_YEAR:.4f} (95 %: {restarts.low * MINUTES_A_YEAR:.4f} to "
                f"{restarts.high * MINUTES_A_YEAR:.4f}) minutes a year of a VM"
            )
        lines.append("")
    return lines or ["no cluster with hosts: nothing to tell"]


def _cluster(one: ClusterAvailability) -> Document:
    return {
        "name": one.name,
        "hosts": one.hosts,
        "failures_tolerated": one.tolerated,
        "protections": {
            kind: {
                "availability": one.availability(kind),
                "nines": nines(one.minutes[kind] / MINUTES_A_YEAR),
                "minutes_a_year": one.minutes[kind],
                "minutes_a_year_best": one.best_minutes[kind],
                "minutes_a_year_worst": one.worst_minutes[kind],
                "complete": not one.unknown,
            }
            for kind in PROTECTIONS
        },
        "causes": [
            {"id": cause.id, "label": str(cause.label), "minutes": cause.minutes} for cause in one.causes
        ],
        "unknown": list(one.unknown),
        "contributions": [msgspec.to_builtins(saving) for saving in one.savings],
        "vms": [msgspec.to_builtins(vm) for vm in one.vms],
        "played": None if one.played is None else _played(one),
    }


def _played(one: ClusterAvailability) -> Document:
    assert one.played is not None  # noqa: S101 - the caller has looked
    return {
        "years": one.played.years,
        "host_failures": one.played.failures,
        "short": _estimate(one.played.short),
        "vm_missing_minutes": _estimate(one.played.vm_missing, MINUTES_A_YEAR),
        "vm_restart_minutes": _estimate(one.played.vm_restarts, MINUTES_A_YEAR),
        "minutes_quantiles": one.played.minutes_quantiles,
    }


def _estimate(one: Estimate, unit: float = 1.0) -> Document:
    return {
        "value": one.value * unit,
        "standard_error": one.error * unit,
        "low_95": one.low * unit,
        "high_95": one.high * unit,
    }


def _fact(row: Fact) -> Document:
    return {
        "key": row.key,
        "low": float(row.low),
        "high": float(row.high),
        "unit": row.unit,
        "source": row.source,
        "date": row.date,
    }
