"""Does an appliance fit, where, and at what cost: asked of its descriptor, before anything is downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import numpy as np
from msgspec import Struct

from planner.demand import Capacity, Counts, capacity_of, load_of, need_of
from planner.estate import VM, Datastore, Estate
from planner.parameters import Parameters
from planner.placement import place
from planner.quality import Reading
from planner.report import ClusterPlan, plan
from planner.sentence import Sentence


class Footprint(Struct, frozen=True, kw_only=True):
    """What an appliance asks for, all its VMs together."""

    vms: int
    vcpus: int
    memory_mib: int
    disk_mib: int
    networks: tuple[str, ...]


class CostChange(Struct, frozen=True, kw_only=True):
    """What one line of the cost grows by; None where no price is known."""

    item: str
    label: Sentence
    low: str | None
    high: str | None
    currency: str
    per: str


class Offer(Struct, frozen=True, kw_only=True):
    """What one cluster can do for an appliance.

    `hosts` and `datastores` say where each VM would go as the VMs run today; `fits` also wants the cluster
    to bear the failures asked for afterwards.  None: the cluster has no host to judge by.
    """

    cluster: str
    fits: bool | None
    hosts: dict[str, str]
    datastores: dict[str, str]
    networks_missing: tuple[str, ...]
    hosts_needed_before: int | None
    hosts_needed_after: int | None
    failures_tolerated_before: int | None
    failures_tolerated_after: int | None
    cost: tuple[CostChange, ...]
    refusals: tuple[Sentence, ...]


def footprint(estate: Estate) -> Footprint:
    """Add up what the VMs of an appliance ask for.

    >>> footprint(Estate(vms=(VM(name="a", power="on", vcpus=2, memory_mib=4096, disk_mib=10240),)))
    Footprint(vms=1, vcpus=2, memory_mib=4096, disk_mib=10240, networks=())
    """
    return Footprint(
        vms=len(estate.vms),
        vcpus=sum(vm.vcpus for vm in estate.vms),
        memory_mib=sum(vm.memory_mib for vm in estate.vms),
        disk_mib=sum(vm.disk_mib for vm in estate.vms),
        networks=tuple(sorted({name for vm in estate.vms for name in vm.networks})),
    )


def offers(appliance: Estate, into: Reading, parameters: Parameters) -> tuple[Offer, ...]:
    """Ask every cluster of an estate, or the one that the parameters name, for room.

    Each VM goes to a host with room beside what runs there now, and its disks to the datastore of the
    cluster with most free space.  Then the cluster is planned once more with the appliance in it.

    Raises:
        ParameterError: a parameter out of range, or a cluster that is not there.  An appliance that does
            not fit is not an error.
    """
    before = plan(into, parameters)
    vms = _named_apart(appliance.vms, into.estate)
    found = [_offer(vms, into, parameters, cluster) for cluster in before.clusters]
    return tuple(found)


def _offer(vms: Sequence[VM], into: Reading, parameters: Parameters, before: ClusterPlan) -> Offer:
    hosts, refusals = _hosts_for(vms, into.estate, before.name, parameters)
    datastores, full = _datastores_for(vms, into.estate, before.name)
    after = _planned_with(vms, hosts, into, parameters, before.name)
    complete = len(hosts) == len(load_of(vms).names) and not full
    return Offer(
        cluster=before.name,
        fits=None if after.fits is None else complete and after.fits,
        hosts=hosts,
        datastores=datastores,
        networks_missing=_networks_missing(vms, into.estate),
        hosts_needed_before=before.hosts_needed,
        hosts_needed_after=after.hosts_needed,
        failures_tolerated_before=before.failures_tolerated_today,
        failures_tolerated_after=after.failures_tolerated_today,
        cost=_cost_change(before, after),
        refusals=(*refusals, *full, *(after.refusals if before.fits else ())),
    )


def _named_apart(vms: Sequence[VM], estate: Estate) -> tuple[VM, ...]:
    """Call a VM whose name is taken by another name."""
    taken = {vm.name for vm in estate.vms}
    named = []
    for vm in vms:
        name, number = vm.name, 2
        while name in taken:
            name, number = f"{vm.name[:240]} ({number})", number + 1
        taken.add(name)
        named.append(msgspec.structs.replace(vm, name=name))
    return tuple(named)


def _in_cluster(estate: Estate, cluster: str) -> str | None:
    """Give the cluster as rows name it: an estate without clusters is planned as one without a name."""
    return cluster if any(row.name == cluster for row in estate.clusters) else None


def _hosts_for(
    vms: Sequence[VM], estate: Estate, cluster: str, parameters: Parameters
) -> tuple[dict[str, str], tuple[Sentence, ...]]:
    """Place the VMs beside what runs."""
    capacity = capacity_of(estate.hosts_of(_in_cluster(estate, cluster)), parameters.vcpu_per_core)
    rows = {name: row for row, name in enumerate(capacity.names)}
    left: Counts = capacity.gives.copy()
    for vm in estate.vms:
        if vm.is_load and vm.host in rows:
            left[rows[vm.host]] -= np.array(need_of(vm), dtype=np.int64)
    left = np.maximum(left, 0)
    found = place(load_of(vms), Capacity(names=capacity.names, gives=left))
    return found.placed, tuple(sentence for refusal in found.refusals for sentence in refusal.sentences())


def _datastores_for(
    vms: Sequence[VM], estate: Estate, cluster: str
) -> tuple[dict[str, str], tuple[Sentence, ...]]:
    """Give each VM the datastore with most free space; without any datastore nothing is said."""
    names = {host.name for host in estate.hosts_of(_in_cluster(estate, cluster))}
    stores = [store for store in estate.datastores if not store.hosts or names & set(store.hosts)]
    free = {store.name: _free(store) for store in stores}
    chosen: dict[str, str] = {}
    full = []
    for vm in sorted(vms, key=lambda vm: (-vm.disk_mib, vm.name)):
        if not free or not vm.disk_mib:
            continue
        name = max(free, key=lambda store: (free[store], store))
        if free[name] < vm.disk_mib:
            full.append(
                Sentence(
                    "{vm} wants {disk} MiB of disk; the most that one datastore has free is {free}",
                    {"vm": vm.name, "disk": vm.disk_mib, "free": free[name]},
                )
            )
            continue
        free[name] -= vm.disk_mib
        chosen[vm.name] = name
    return chosen, tuple(full)


def _free(store: Datastore) -> int:
    return max(0, store.capacity_mib - store.used_mib)


def _networks_missing(vms: Sequence[VM], estate: Estate) -> tuple[str, ...]:
    known = {group.name for group in estate.port_groups} | {name for vm in estate.vms for name in vm.networks}
    return tuple(sorted({name for vm in vms for name in vm.networks} - known))


def _planned_with(
    vms: Sequence[VM], hosts: dict[str, str], into: Reading, parameters: Parameters, cluster: str
) -> ClusterPlan:
    """Plan the cluster with the appliance in it."""
    home = _in_cluster(into.estate, cluster)
    added = [msgspec.structs.replace(vm, cluster=home, host=hosts.get(vm.name)) for vm in vms]
    estate = msgspec.structs.replace(into.estate, vms=(*into.estate.vms, *added)).sorted()
    one = msgspec.structs.replace(parameters, cluster=cluster)
    return plan(Reading(estate=estate, quality=into.quality), one).clusters[0]


def _cost_change(before: ClusterPlan, after: ClusterPlan) -> tuple[CostChange, ...]:
    """Give the lines of the planned cost that change."""
    was = {(line.item, line.currency, line.per): line for line in before.cost if line.scope == "planned"}
    changes = []
    for line in after.cost:
        key = (line.item, line.currency, line.per)
        if line.scope != "planned" or line.item == "total" or (key in was and _same(was[key].low, line.low)):
            continue
        old = was.get(key)
        changes.append(
            CostChange(
                item=line.item,
                label=line.label,
                low=_grown(old.low if old else "0", line.low),
                high=_grown(old.high if old else "0", line.high),
                currency=line.currency,
                per=line.per,
            )
        )
    return tuple(changes)


def _same(first: str | None, second: str | None) -> bool:
    return first is not None and second is not None and Decimal(first) == Decimal(second)


def _grown(old: str | None, new: str | None) -> str | None:
    return None if old is None or new is None else str(Decimal(new) - Decimal(old))
