"""Availability as a JSON document and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from planner.availability.answer import (
    PROTECTIONS,
    ClusterAvailability,
    PartsPlayed,
    ServiceAvailability,
    ServicePlayed,
)
from planner.availability.closed import MINUTES_A_YEAR, nines
from planner.availability.simulated import Estimate, edges
from planner.catalogue import Fact, reliability
from planner.nines_priced import Amount, PricedNines
from planner.printout import clean

# A JSON object on its way out: the one place where a dict is the record that was asked for.
Document: TypeAlias = dict[str, Any]

SAVINGS_SHOWN: Final = 5
_WORDS: Final = {"none": "no protection", "ha": "HA", "ft": "FT"}


def availability_document(
    found: Sequence[ClusterAvailability],
    priced: Mapping[str, Sequence[PricedNines]],
    services: Sequence[ServiceAvailability] = (),
    *,
    years: float,
    seed: int,
) -> Document:
    """Say what each cluster, service and VM loses a year, why, by which figures; and what a nine costs."""
    return {
        "clusters": [
            {**_cluster(one), "nines_priced": [_priced(row) for row in priced.get(one.name, ())]}
            for one in found
        ],
        "services": [_service(one) for one in services],
        "years": years,
        "seed": seed,
        "rates": [_fact(row) for row in reliability.facts()],
    }


def availability_lines(
    found: Sequence[ClusterAvailability],
    priced: Mapping[str, Sequence[PricedNines]],
    services: Sequence[ServiceAvailability] = (),
) -> list[str]:
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
            what = "single" if saving.single else "several hosts" if saving.shared else "one of a pair"
            lines.append(
                f"  {saving.kind} {clean(saving.component)} ({what}): {saving.minutes:.4f} minutes a year"
            )
        lines += [
            f"  {swing.key}: {swing.low:g} to {swing.high:g} {swing.unit}, "
            f"{min(swing.worst_minutes, swing.best_minutes):.4g} to "
            f"{max(swing.worst_minutes, swing.best_minutes):.4g} minutes a year with HA"
            for swing in one.swings[:SAVINGS_SHOWN]
        ]
        lines += [_priced_line(row) for row in priced.get(one.name, ())]
        if one.parts_played is not None:
            lines.append(_parts_line(one.parts_played))
        if one.short_sampled is not None:
            lines.append(
                f"  more hosts failed alone than tolerated: {one.short_alone:.3e} of the time, by importance "
                f"sampling {one.short_sampled.value:.3e} (95 %: {one.short_sampled.low:.3e} to "
                f"{one.short_sampled.high:.3e}); with what they share {one.short:.3e}"
            )
        if one.played is not None:
            restarts = one.played.vm_restarts
            lines.append(
                f"  played {one.played.years:,.0f} years, {one.played.failures} host failures: restarts take "
                f"{restarts.value * MINUTES_A_YEAR:.4f} (95 %: {restarts.low * MINUTES_A_YEAR:.4f} to "
                f"{restarts.high * MINUTES_A_YEAR:.4f}) minutes a year of a VM"
            )
        lines.append("")
    for service in services:
        lines += [*_service_lines(service), ""]
    return lines or ["no cluster with hosts: nothing to tell"]


def _service_lines(one: ServiceAvailability) -> list[str]:
    tiers = ", ".join(
        f"{clean(tier.name)} {'?' if tier.needed is None else tier.needed} of {tier.vms}"
        for tier in one.tiers
    )
    lines = [f"service {clean(one.name)}: {tiers}"]
    if one.least is None:
        return [*lines, "  too few of its VMs are powered on: it is down"]
    if one.minutes is None:
        most = "down" if one.most is None else f"{one.most:.4f}"
        lines.append(
            f"  minutes a year: {one.least:.4f} where one VM of a tier is enough, {most} where it takes all"
        )
    else:
        at_least = "at least " if one.unknown else ""
        lines.append(
            f"  minutes a year: {at_least}{one.minutes:.4f} "
            f"({100 * (1 - one.minutes / MINUTES_A_YEAR):.6f} %), with the best and the worst figures "
            f"{one.best or 0:.3g} to {one.worst or 0:.3g}"
        )
    told = ", ".join(
        f"{_WORDS[kind]} {'down' if minutes is None else f'{minutes:.4f}'}"
        for kind, minutes in one.protections.items()
    )
    lines.append(f"  all its VMs protected alike: {told}")
    for cause in one.causes[:SAVINGS_SHOWN]:
        what = " (single)" if cause.single else ""
        what = " (single, until HA has restarted its VMs)" if cause.restarts else what
        lines.append(f"  {cause.kind} {clean(cause.component)}{what}: {cause.minutes:.4f} minutes a year")
    if one.played is not None:
        lines.append(
            f"  played for {one.played.years:,.0f} years: {one.played.minutes.value:.4g} "
            f"({one.played.minutes.low:.4g} to {one.played.minutes.high:.4g}) minutes a year, "
            f"95 % of years below {one.played.quantiles['p95']:.4g}"
        )
    lines += [f"  not known: {what} of {clean(name)}" for name, what in one.unknown]
    return lines


def _parts_line(parts: PartsPlayed) -> str:
    shown = ", ".join(
        f"{_WORDS[kind]} {parts.total[kind].value:.4g} ({parts.total[kind].low:.4g} to "
        f"{parts.total[kind].high:.4g}), 95 % of years below {parts.quantiles[kind]['p95']:.4g}"
        for kind in PROTECTIONS
    )
    return (
        f"  every component played for {parts.years:,.0f} years, {parts.failures} failures, minutes a year: "
        + shown
    )


def _priced_line(row: PricedNines) -> str:
    hosts = "no host" if row.hosts is None else f"{row.hosts} hosts"
    per = f"; a nine more costs {_amounts(row.per_nine)} a year" if row.per_nine else ""
    return f"  {_WORDS[row.protection]}: {row.nines:.2f} nines, {hosts}, {_amounts(row.amounts)} a year{per}"


def _amounts(amounts: Sequence[Amount]) -> str:
    if not amounts:
        return "no known price"
    return " + ".join(f"{one.low:.0f} to {one.high:.0f} {one.currency}" for one in amounts)


def _priced(row: PricedNines) -> Document:
    return {
        "protection": row.protection,
        "hosts": row.hosts,
        "minutes_a_year": row.minutes,
        "nines": row.nines,
        "added_nines": row.added_nines,
        "price_a_year": [_amount(one) for one in row.amounts],
        "price_per_nine": [_amount(one) for one in row.per_nine],
        "unpriced": row.unpriced,
        "too_wide_vms": row.too_wide_vms,
    }


def _amount(one: Amount) -> Document:
    return {"currency": one.currency, "low": str(one.low), "high": str(one.high)}


def _parts(parts: PartsPlayed) -> Document:
    return {
        "years": parts.years,
        "failures": parts.failures,
        "minutes": {
            kind: {cause: _estimate(one) for cause, one in causes.items()}
            for kind, causes in parts.minutes.items()
        },
        "total": {kind: _estimate(one) for kind, one in parts.total.items()},
        "quantiles": parts.quantiles,
    }


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
        "assumed": msgspec.to_builtins(one.assumed),
        "sensitivity": [msgspec.to_builtins(swing) for swing in one.swings],
        "short": one.short,
        "short_alone": one.short_alone,
        "short_sampled": None if one.short_sampled is None else _estimate(one.short_sampled),
        "parts_played": None if one.parts_played is None else _parts(one.parts_played),
        "played": None if one.played is None else _played(one),
    }


def _service(one: ServiceAvailability) -> Document:
    return {
        "name": one.name,
        "tiers": [msgspec.to_builtins(tier) for tier in one.tiers],
        "is_down": one.is_down,
        "availability": one.availability,
        "minutes_a_year": one.minutes,
        "minutes_a_year_if_one_is_enough": one.least,
        "minutes_a_year_if_all_are_needed": one.most,
        "minutes_a_year_best": one.best,
        "minutes_a_year_worst": one.worst,
        "protections": one.protections,
        "complete": not one.unknown,
        "unknown": [{"vm": name, "what": what} for name, what in one.unknown],
        "contributions": [msgspec.to_builtins(cause) for cause in one.causes],
        "played": None if one.played is None else _service_played(one.played),
        "left_out_minutes": one.left_out,
    }


def _service_played(one: ServicePlayed) -> Document:
    return {
        "years": one.years,
        "failures": one.failures,
        "minutes": _estimate(one.minutes),
        "quantiles": one.quantiles,
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
        "histogram": {"upper_minutes": list(edges()), "years": list(one.played.histogram)},
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
