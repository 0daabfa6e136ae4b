"""An appliance and the offers of clusters, as lines for a terminal and as a JSON document."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from planner.appliance import CostChange, Footprint, Offer, footprint
from planner.estate import Estate
from planner.printout import clean, plural
from planner.quality import Reading
from planner.units import gib


def appliance_lines(reading: Reading, offers: Sequence[Offer]) -> list[str]:
    """Say what is asked for, then what each cluster answers."""
    asked = footprint(reading.estate)
    lines = [
        f"{plural(asked.vms, 'VM')}: {asked.vcpus} vCPU, {gib(asked.memory_mib):,.1f} GiB of memory, "
        f"{gib(asked.disk_mib):,.1f} GiB of disk; {_networks(asked)}",
        *_vm_lines(reading.estate),
    ]
    for offer in offers:
        lines += [
            "",
            f"{clean(offer.cluster)}: {_verdict(offer)}",
            *(f"  {line}" for line in _details(offer)),
        ]
    said = [*reading.quality.assumptions, *(finding.message for finding in reading.quality.warnings)]
    return [*lines, *(["", "Read so:", *(f"  {clean(str(sentence))}" for sentence in said)] if said else [])]


def appliance_document(reading: Reading, offers: Sequence[Offer]) -> object:
    """Give the same as plain values."""
    asked = footprint(reading.estate)
    return {
        "format": "headroom-appliance/1",
        "footprint": msgspec.to_builtins(asked),
        "vms": msgspec.to_builtins(reading.estate.vms),
        "offers": [_offer_document(offer) for offer in offers],
        "assumptions": [str(sentence) for sentence in reading.quality.assumptions],
        "warnings": [str(finding.message) for finding in reading.quality.warnings],
    }


def _offer_document(offer: Offer) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(offer)
    plain["refusals"] = [str(sentence) for sentence in offer.refusals]
    plain["cost"] = [msgspec.to_builtins(line) | {"label": str(line.label)} for line in offer.cost]
    return plain


def _vm_lines(estate: Estate) -> list[str]:
    if len(estate.vms) < 2:
        return []
    return [
        f"  {clean(vm.name)}: {vm.vcpus} vCPU, {gib(vm.memory_mib):,.1f} + {gib(vm.disk_mib):,.1f} GiB"
        for vm in estate.vms
    ]


def _networks(asked: Footprint) -> str:
    return "networks: " + (", ".join(map(clean, asked.networks)) or "none")


def _verdict(offer: Offer) -> str:
    return {True: "fits", False: "does not fit", None: "not judged: it has no host"}[offer.fits]


def _details(offer: Offer) -> list[str]:
    lines = [
        f"{clean(vm)} on {clean(host)}"
        + (f", disks on {clean(offer.datastores[vm])}" if vm in offer.datastores else "")
        for vm, host in sorted(offer.hosts.items())
    ]
    lines.append(
        f"hosts needed {_change(offer.hosts_needed_before, offer.hosts_needed_after)}; "
        f"failures tolerated {_change(offer.failures_tolerated_before, offer.failures_tolerated_after)}"
    )
    lines += [_cost(line) for line in offer.cost] or [
        "cost: no host, licence or energy more than today's plan"
    ]
    if offer.networks_missing:
        lines.append(f"networks to map: {', '.join(map(clean, offer.networks_missing))}")
    return [*lines, *(clean(str(sentence)) for sentence in offer.refusals)]


def _change(before: int | None, after: int | None) -> str:
    return f"{'-' if before is None else before} -> {'-' if after is None else after}"


def _cost(line: CostChange) -> str:
    rhythm = "once" if line.per == "once" else "a year"
    if line.low is None or line.high is None:
        return f"{line.label}: more, enter your quote"
    low, high = (f"{float(amount):+,.0f}" for amount in (line.low, line.high))
    return f"{line.label}: {low if low == high else f'{low} to {high}'} {line.currency} {rhythm}"
