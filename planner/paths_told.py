"""Single points, pairs, unknowns and blasts as JSON documents and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import msgspec

from planner.blast import FATES, Blast, Effect
from planner.paths.lint_rules import Finding
from planner.paths.load import Load
from planner.paths.report import Cut, PathsReport, Standing
from planner.printout import clean
from planner.service_fates import ServiceFate, ServiceWord

# A JSON object on its way out: the one place where a dict is the record that was asked for.
Document: TypeAlias = dict[str, Any]

SHOWN: Final = 20
CUTS_SHOWN: Final = 3
_FATE_WORDS: Final = {
    "stops": "stop, and nobody restarts them",
    "waits": "stop, and it is not known whether they restart",
    "restarts": "stop, and HA restarts them",
    "loses-network": "run on without their network",
    "fails-over": "go on in their FT secondary",
    "loses-reserve": "go on without a reserve",
}


def paths_document(report: PathsReport) -> Document:
    """Say what is single, what is a pair, what is unknown and which rules are broken."""
    return {
        "single_points": [
            {"component": point.component, "kind": point.kind, "cuts": [_cut(cut) for cut in point.cuts]}
            for point in report.single_points
        ],
        "pairs": [
            {
                "components": list(pair.components),
                "kinds": list(pair.kinds),
                "cuts": [_cut(cut) for cut in pair.cuts],
            }
            for pair in report.pairs
        ],
        "unknown": [
            {**_subject(one), "layers": list(one.unknown_layers) or list(one.layers)}
            for one in report.unknown
        ],
        "lint": [_finding(finding) for finding in report.lint],
        "proofs": {proof: report.count(proof) for proof in ("redundant", "single", "unknown", "lost")},
        "services": [{**_subject(one), "proof": one.proof, "layers": one.layers} for one in report.standings],
    }


def blast_document(found: Blast) -> Document:
    """Say what falls, who stops, and what admission says of the rest."""
    return {
        "failed": [_component(one) for one in found.failed],
        "down": [_component(one) for one in found.down],
        "vms": [msgspec.to_builtins(vm) for vm in found.vms],
        "counts": {fate: found.count(fate) for fate in FATES},
        "lost": [_effect(effect) for effect in found.lost],
        "weakened": [_effect(effect) for effect in found.weakened],
        "clusters": [msgspec.to_builtins(cluster) for cluster in found.clusters],
        "loads": [{**msgspec.to_builtins(load), "share_left": load.share_left} for load in found.loads],
        "services": [msgspec.to_builtins(service) for service in found.services],
        "harmless": found.harmless,
    }


def paths_lines(report: PathsReport) -> list[str]:
    """Show the counts first, then the single points, the rules, the unknowns and the shared pairs."""
    proofs = (f"{report.count(proof)} {proof}" for proof in ("redundant", "single", "unknown", "lost"))
    lines = [f"services: {', '.join(proofs)}", ""]
    points = [
        f"  {point.kind} {clean(point.component)}: cuts {_cuts(point.cuts)}" for point in report.single_points
    ]
    lines += _listed(f"Single points of failure: {len(points)}", points)
    rules = [f"  {one.severity} {one.id}: {clean(str(one.message))}. {one.remedy}." for one in report.lint]
    lines += _listed(f"Rules broken: {len(rules)}", rules)
    unknown = [f"  {_who(one)}: {', '.join(one.unknown_layers or one.layers)}" for one in report.unknown]
    lines += _listed(f"Not known: {len(unknown)}", unknown)
    shared = [pair for pair in report.pairs if len({(cut.kind, cut.name) for cut in pair.cuts}) > 1]
    pairs = [f"  {' + '.join(map(clean, pair.components))}: cut {_cuts(pair.cuts)}" for pair in shared]
    own = len(report.pairs) - len(shared)
    return lines + _listed(f"Pairs that cut off several: {len(pairs)} ({own} more within one host)", pairs)


def blast_lines(found: Blast) -> list[str]:
    """Show what fell, then the VMs by their fate, then the clusters."""
    lines = [f"failed: {', '.join(clean(one.name) for one in found.failed)}"]
    lines.append(f"down with it: {len(found.down) - len(found.failed)}")
    for fate in FATES:
        names = [clean(vm.name) for vm in found.vms if vm.fate == fate]
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            lines += ["", f"{len(names)} VMs {_FATE_WORDS[fate]}:", f"  {', '.join(names[:SHOWN])}{more}"]
    if found.services:
        lines += [
            "",
            *_listed(f"Services touched: {len(found.services)}", [*map(_service_line, found.services)]),
        ]
    lost = [f"  {_cuts([one.cut])}" for one in found.lost]
    weak = [
        f"  {_cuts([one.cut])}: {one.ways_left} of {one.ways_before} ways left{_bandwidth(one)}"
        + (f"; now hangs on {', '.join(map(clean, one.now_single[:CUTS_SHOWN]))}" if one.now_single else "")
        for one in found.weakened
    ]
    lines += ["", *_listed(f"Ways lost: {len(lost)}", lost)]
    lines += _listed(f"Ways that go on with less: {len(weak)}", weak)
    lines += _listed(f"Left to carry it: {len(found.loads)}", [_load_line(load) for load in found.loads])
    for cluster in found.clusters:
        carried = {True: "carry everything", False: "do not carry everything", None: "?"}[cluster.carried]
        more = "would" if cluster.tolerates_one_more else "would not"
        lines.append(
            f"{clean(cluster.name)}: {cluster.hosts_left} of {cluster.hosts_before} hosts left {carried}; "
            f"one more loss {more} be carried"
        )
    return lines


_SERVICE_WORDS: Final[dict[ServiceWord, str]] = {
    "is-down": "was down before: too few of its VMs are powered on",
    "stops": "STOPS",
    "loses-network": "loses its network",
    "waits": "stops, and it is not known whether enough of it restarts",
    "restarts": "stops until HA has restarted its VMs",
    "not-known": "nobody told how many VMs it needs",
    "goes-on": "goes on",
}


def _service_line(service: ServiceFate) -> str:
    tiers = ", ".join(
        f"{clean(tier.name)} {tier.going_on} of {tier.served} VMs go on"
        + ("" if tier.needed is None else f" ({tier.needed} needed)")
        for tier in service.tiers
    )
    return f"  {clean(service.name)}: {_SERVICE_WORDS[service.fate]}; {tiers}"


_LOAD_WORDS: Final = {
    "host-storage": "storage of host",
    "host-network": "network of host",
    "fan-in": "controller ports in fabric",
    "uplinks": "links out of switch",
    "controller-iops": "controllers of array",
}


def _load_line(load: Load) -> str:
    """Say what is left of a bottleneck; what nobody recorded is said to be unknown."""
    told = f"  {_LOAD_WORDS[load.about]} {clean(load.name)}: {load.parts_left} of {load.parts_before}"
    if load.capacity_left is not None and load.unit != "ports":
        told += f", {load.capacity_left:.0f} of {load.capacity_before:.0f} {load.unit}"
    if load.asked is not None:
        told += f", {load.asked:.0f} asked" + (": TOO LITTLE" if load.is_short else "")
    if load.ratio_left is not None:
        told += f", shared {load.ratio_left:.3g} to 1"
    if load.about in ("host-storage", "host-network", "controller-iops") and (
        load.asked is None or load.capacity_left is None
    ):
        told += ", load or capacity not known"
    return told


def _bandwidth(effect: Effect) -> str:
    if not effect.mbit_before:
        return ""
    return f", {effect.mbit_left} of {effect.mbit_before} Mbit/s"


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    more = len(lines) - SHOWN
    return [title, *lines[:SHOWN], *([f"  and {more} more; --json lists all"] if more > 0 else []), ""]


def _cuts(found: Sequence[Cut]) -> str:
    shown = [
        f"{cut.kind} {clean(cut.name)} from {cut.service}"
        + (f" ({', '.join(map(clean, cut.targets[:CUTS_SHOWN]))})" if cut.targets else "")
        for cut in found[:CUTS_SHOWN]
    ]
    more = len(found) - CUTS_SHOWN
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


def _who(one: Standing) -> str:
    targets = f" ({', '.join(map(clean, one.targets[:CUTS_SHOWN]))})" if one.targets else ""
    return f"{one.kind} {clean(one.name)} {one.service}{targets}"


def _subject(one: Standing) -> Document:
    return {"kind": one.kind, "name": one.name, "service": one.service, "targets": list(one.targets)}


def _cut(cut: Cut) -> Document:
    return {"kind": cut.kind, "name": cut.name, "service": cut.service, "targets": list(cut.targets)}


def _component(one: Any) -> Document:
    return {"kind": one.kind, "name": one.name}


def _finding(finding: Finding) -> Document:
    return {
        "id": finding.id,
        "severity": finding.severity,
        "where": finding.where,
        "message": str(finding.message),
        "remedy": str(finding.remedy),
        "source": finding.source,
    }


def _effect(effect: Effect) -> Document:
    return {
        **_cut(effect.cut),
        "ways_before": effect.ways_before,
        "ways_left": effect.ways_left,
        "mbit_before": effect.mbit_before,
        "mbit_left": effect.mbit_left,
        "now_single": list(effect.now_single),
    }
