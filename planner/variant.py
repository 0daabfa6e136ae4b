"""What if: a copy of the estate with changes, on top of another, compared with others, or kept for good."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct
from msgspec.structs import replace

from planner.admission import failures_tolerated, tolerates
from planner.consolidation import members, summarize
from planner.cost.assumptions import Assumptions
from planner.cost.bill import Bill
from planner.cost.book import BookError, Prices
from planner.cost.carbon import footprint
from planner.cost.machine import Machine
from planner.cost.money import ZERO, Span
from planner.cost.study import Question, rules_of, study
from planner.cost.ways import fault_tolerant, minutes_vm_year
from planner.demand import capacity_of, load_of
from planner.estate import VM, Estate, Host
from planner.sentence import Sentence

NEW_VMS_MAX: Final = 100_000
COMMITTED: Final = "headroom:committed"


class AddVms(Struct, frozen=True, kw_only=True, tag="add-vms"):
    """So many VMs like one of the estate, running in its cluster or another."""

    count: Annotated[int, Meta(ge=1, le=NEW_VMS_MAX)]
    like: str
    cluster: str | None = None


class DropVms(Struct, frozen=True, kw_only=True, tag="drop-vms"):
    """VMs switched off for good."""

    names: tuple[str, ...]


class DropHosts(Struct, frozen=True, kw_only=True, tag="drop-hosts"):
    """Hosts taken away."""

    names: tuple[str, ...]


class RefreshHosts(Struct, frozen=True, kw_only=True, tag="refresh-hosts"):
    """All hosts of a cluster replaced by so many of one model."""

    cluster: str
    machine: Machine
    count: Annotated[int, Meta(ge=1, le=10_000)]


class Protect(Struct, frozen=True, kw_only=True, tag="protect"):
    """FT for these VMs."""

    names: tuple[str, ...]


class Failures(Struct, frozen=True, kw_only=True, tag="failures"):
    """Another number of host failures to carry."""

    count: Annotated[int, Meta(ge=0, le=1000)]


class Growth(Struct, frozen=True, kw_only=True, tag="growth"):
    """More load each year, in percent."""

    percent: Decimal


Change: TypeAlias = AddVms | DropVms | DropHosts | RefreshHosts | Protect | Failures | Growth


class Variant(Struct, frozen=True, kw_only=True):
    """Changes under a name, on top of another variant or of the estate itself."""

    name: str
    changes: tuple[Change, ...]
    base: Variant | None = None

    @property
    def stack(self) -> tuple[Change, ...]:
        """All changes, the deepest first."""
        return (*(self.base.stack if self.base else ()), *self.changes)


class Result(Struct, frozen=True, kw_only=True):
    """One variant in a comparison; None where there is nothing to count or a card is empty.

    `bill` prices the variant's own hosts as they then stand, new ones bought; `planned` those that the
    load needs.
    `outage_minutes` is per VM and year, by failures of hosts alone.
    """

    name: str
    vms: int
    hosts: int
    hosts_needed: int | None
    failures_tolerated: int | None
    vcpu_per_core: float | None
    vms_per_host: float | None
    bill: Bill | None
    planned: Bill | None
    total: Span | None
    kwh: Decimal | None
    carbon_kg: Decimal | None
    outage_minutes: Decimal | None
    remarks: tuple[Sentence, ...] = ()


def applied(
    estate: Estate, assumptions: Assumptions, variant: Variant
) -> tuple[Estate, Assumptions, tuple[Sentence, ...]]:
    """Make the changes of a variant, one after the other, on a copy.

    Raises:
        BookError: a change that names a VM, host or cluster which is not there at that point.
    """
    remarks: tuple[Sentence, ...] = ()
    for number, change in enumerate(variant.stack):
        match change:
            case Failures(count=count):
                assumptions = replace(assumptions, failures=count)
            case Growth(percent=percent):
                assumptions = replace(assumptions, growth_percent=percent)
            case Protect(names=names):
                _all_there("VM", names, {vm.name for vm in estate.vms})
                estate, said = fault_tolerant(estate, frozenset(names))
                remarks += said
            case _:
                estate = _changed(estate, change, number)
    return estate, assumptions, remarks


def _changed(estate: Estate, change: Change, number: int) -> Estate:
    match change:
        case AddVms():
            return _with_vms(estate, change, number)
        case DropVms(names=names):
            _all_there("VM", names, {vm.name for vm in estate.vms})
            return _without(estate, vms=frozenset(names))
        case DropHosts(names=names):
            _all_there("host", names, {host.name for host in estate.hosts})
            return _without(estate, hosts=frozenset(names))
        case RefreshHosts():
            return _refreshed(estate, change)
        case _:
            return estate


def _with_vms(estate: Estate, change: AddVms, number: int) -> Estate:
    model = next((vm for vm in estate.vms if vm.name == change.like), None)
    if model is None:
        raise BookError(Sentence("there is no VM or template {name}", {"name": change.like}))
    if change.cluster is not None:
        _all_there("cluster", [change.cluster], {one.name for one in members(estate)})
    taken = {vm.name for vm in estate.vms}
    fresh = replace(
        model, id=None, uuid=None, host=None, template=False, power="on", ft="none",
        cluster=change.cluster or model.cluster,
    )  # fmt: skip
    names = _free_names(f"{model.name} (new {number + 1}", change.count, taken)
    return replace(estate, vms=(*estate.vms, *(replace(fresh, name=name) for name in names))).sorted()


def _free_names(start: str, count: int, taken: set[str]) -> list[str]:
    names: list[str] = []
    number = 0
    while len(names) < count:
        number += 1
        name = f"{start}.{number})"
        if name not in taken:
            names.append(name)
    return names


def _without(
    estate: Estate, vms: frozenset[str] = frozenset(), hosts: frozenset[str] = frozenset()
) -> Estate:
    """Take things away, and what rules say of them; a VM on a lost host is then on none that is known."""
    rules = []
    for rule in estate.rules:
        kept = replace(
            rule,
            vms=tuple(name for name in rule.vms if name not in vms),
            hosts=tuple(name for name in rule.hosts if name not in hosts),
        )
        if kept.vms and (kept.hosts or not rule.hosts):
            rules.append(kept)
    left = [vm for vm in estate.vms if vm.name not in vms]
    return replace(
        estate,
        vms=tuple(replace(vm, host=None) if vm.host in hosts else vm for vm in left),
        hosts=tuple(host for host in estate.hosts if host.name not in hosts),
        rules=tuple(rules),
    )


def _refreshed(estate: Estate, change: RefreshHosts) -> Estate:
    chosen = next((one for one in members(estate) if one.name == change.cluster), None)
    if chosen is None:
        _all_there("cluster", [change.cluster], {one.name for one in members(estate)})
        return estate
    bare = _without(estate, hosts=frozenset(host.name for host in chosen.hosts))
    taken = {host.name for host in bare.hosts}
    machine = change.machine
    fresh = [
        Host(
            name=name,
            cluster=change.cluster,
            sockets=machine.sockets,
            cores=machine.cores,
            cpu_mhz=machine.cpu_mhz,
            memory_mib=machine.memory_mib,
            model=machine.name,
        )
        for name in _free_names(f"{machine.name} (new", change.count, taken)
    ]
    return replace(bare, hosts=(*bare.hosts, *fresh)).sorted()


def _all_there(kind: str, names: Sequence[str], known: set[str]) -> None:
    missing = [name for name in names if name not in known]
    if missing:
        raise BookError(Sentence("there is no {kind} {name}", {"kind": kind, "name": missing[0]}))


def results(
    estate: Estate,
    variants: Sequence[Variant],
    question: Question,
    assumptions: Assumptions,
    prices: Prices,
) -> tuple[Result, ...]:
    """Put variants side by side: cost, hosts, ratios, failures tolerated, minutes, kWh, CO2e."""
    return tuple(_result(estate, variant, question, assumptions, prices) for variant in variants)


def _result(
    estate: Estate, variant: Variant, question: Question, assumptions: Assumptions, prices: Prices
) -> Result:
    changed, assumed, remarks = applied(estate, assumptions, variant)
    fresh = frozenset(host.name for host in changed.hosts) - {host.name for host in estate.hosts}
    priced = study(changed, replace(question, bought_hosts=fresh), assumed, prices)
    standing = priced.bill("today")
    planned = priced.bill(question.platforms[0]) if question.platforms else None
    clusters = [one for one in members(changed) if question.cluster in (None, one.name)]
    summaries = [summarize(one) for one in clusters]
    cores, vcpus = sum(one.cores for one in summaries), sum(one.vcpus_on for one in summaries)
    hosts, vms = sum(one.hosts for one in summaries), sum(one.vms_on for one in summaries)
    found = footprint(standing.design, assumed, prices) if standing else None
    return Result(
        name=variant.name,
        vms=vms,
        hosts=hosts,
        hosts_needed=planned.design.year(0).hosts if planned else None,
        failures_tolerated=_tolerated(changed, question, assumed),
        vcpu_per_core=vcpus / cores if cores else None,
        vms_per_host=vms / hosts if hosts else None,
        bill=standing,
        planned=planned,
        total=standing.total.amount if standing else None,
        kwh=found.kwh if found else None,
        carbon_kg=_carbon(found.grid_kg, found.made_kg) if found else None,
        outage_minutes=minutes_vm_year(assumed, prices),
        remarks=(*remarks, *priced.remarks),
    )


def _carbon(grid_kg: Decimal | None, made_kg: Decimal | None) -> Decimal | None:
    return None if grid_kg is None else grid_kg + (made_kg or ZERO)


def _tolerated(estate: Estate, question: Question, assumptions: Assumptions) -> int | None:
    """The failures that the weakest cluster tolerates; 0 where one does not even carry its load."""
    least: float = math.inf
    for cluster in members(estate):
        if question.cluster not in (None, cluster.name) or not cluster.hosts:
            continue
        load, rules = load_of(cluster.vms), rules_of(estate, cluster)
        capacity = capacity_of(cluster.hosts, assumptions.vcpu_per_core)
        asked = tolerates(load, capacity, rules, assumptions.failures)
        tolerated = failures_tolerated(load, capacity, rules, asked)
        least = min(least, tolerated or 0)
    return None if math.isinf(least) else int(least)


def committed(estate: Estate, assumptions: Assumptions, variant: Variant) -> Estate:
    """Keep a variant: its new VMs become part of the estate and reserve their capacity.

    They are marked by an attribute, so that the next import, which does not know them, can be told
    from what somebody deleted.
    """
    before = {vm.name for vm in estate.vms}
    changed, _, _ = applied(estate, assumptions, variant)
    return replace(
        changed, vms=tuple(_marked(vm, variant.name) if vm.name not in before else vm for vm in changed.vms)
    )


def _marked(vm: VM, name: str) -> VM:
    return replace(vm, attributes={**vm.attributes, COMMITTED: name})
