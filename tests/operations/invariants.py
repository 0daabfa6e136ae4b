"""What must hold after every event of every run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from operations import event as e
from operations import vm_event as v
from operations.choice import Chooser, is_near
from operations.event import Event
from operations.policy import Policies
from operations.prerequisites import unmet
from operations.restart import watching_group
from operations.state import TIERS, ClusterState, HostState, VmState

# Prerequisites that the move itself does not change.
LASTING = {
    *("no-passthrough", "no-local-media", "cpu-affinity", "container", "lock", "cpu-compatible", "swap"),
    *("shared-storage", "shared-datastore", "port-group", "rtt", "migration-network"),
}
# What comes from outside: from the script, or from the world as it was.  All else has a cause.
FROM_OUTSIDE = {
    *("run-begun", "asked", "ignored", "host-failed", "host-back", "host-cut", "host-joined", "host-off"),
    *("network-parted", "network-healed", "path-lost", "path-back", "storage-lost", "storage-back", "demand"),
    *("datastore-full", "datastore-freed", "record-lost", "record-back", "vm-hung", "vm-off"),
}
PLACED = ("running", "booting", "starting", "hung")


class Watch:
    """Sees every event of one run and says what is broken."""

    def __init__(self, state: ClusterState, policies: Policies) -> None:
        self.state = state
        self.policies = policies
        self.at_s = 0.0
        self.number = 0
        self.overfull = {host.name for host in state.hosts.values() if is_overfull(host)}
        self.inherited = set(broken_rules(state))
        self.near = set(near_pairs(state, policies))
        self.crowded = {host.name for host in state.hosts.values() if self.is_crowded(host)}
        self.out_s = dict.fromkeys(state.vms, 0.0)

    def after(self, event: Event) -> list[str]:
        found = list(self.of_event(event))
        found += self.of_places()
        found += self.of_ledgers()
        found += self.of_units()
        found += self.of_capacity()
        found += self.of_rules(event)
        found += self.of_counts()
        found += self.of_pairs()
        found += self.of_outages()
        return found

    def of_event(self, event: Event) -> Iterator[str]:
        self.number += 1
        if event.at_s < self.at_s:
            yield f"time went back from {self.at_s} to {event.at_s}"
        self.at_s = event.at_s
        if event.cause >= self.number:
            yield f"event {self.number} has a cause that comes later: {event.cause}"
        if not event.cause and event.kind not in FROM_OUTSIDE:
            yield f"event {self.number}, {event.kind} of {event.subject}, names no cause"
        if self.state.number != self.number:
            yield f"number {self.state.number} is not {self.number}"
        if isinstance(event, (v.VmRestarting, v.Migrating, v.FtSeeding)):
            yield from self.of_choice(event, self.state.vms[event.subject], self.state.hosts[event.host])
        if isinstance(event, (v.Migrating, v.FtSeeding)):
            one, two = self.state.hosts[self.state.vms[event.subject].host], self.state.hosts[event.host]
            if not one.connected or one.group != two.group:
                yield f"{event.kind} of {event.subject} from {one.name} to {two.name}, with no network"
        if isinstance(event, v.Migrating):
            vm, host = self.state.vms[event.subject], self.state.hosts[event.host]
            missing = {one.id for one in unmet(self.state, self.policies, vm, host, strict=False)}
            yield from (f"{vm.name} moves though: {each}" for each in sorted(missing & LASTING))

    def of_choice(self, event: Event, vm: VmState, host: HostState) -> Iterator[str]:
        if isinstance(event, v.VmRestarting) and not vm.is_safe:
            yield f"{vm.name} starts before whoever ran it was fenced"
        if not host.is_open:
            yield f"{event.kind} of {vm.name} to {host.name}, which takes no VMs"
        if not self.state.reaches(host, vm):
            yield f"{event.kind} of {vm.name} to {host.name}, which lacks its storage or network"

    def of_places(self) -> Iterator[str]:
        running: dict[str, str] = {}
        for host in self.state.hosts.values():
            if not host.powered and host.vms:
                yield f"{host.name} has no power and runs {list(host.vms)}"
            for name in host.vms:
                if name in running:
                    yield f"{name} runs on {running[name]} and {host.name}"
                running[name] = host.name
        for vm in self.state.vms.values():
            if vm.host != running.get(vm.name):
                yield f"{vm.name} is on {vm.host}, the hosts say {running.get(vm.name)}"
            if (vm.phase in PLACED) != (vm.host is not None):
                yield f"{vm.name} is {vm.phase} on {vm.host}"

    def of_ledgers(self) -> Iterator[str]:
        used: dict[str, list[int]] = {name: [0, 0, 0] for name in self.state.hosts}
        for vm in self.state.vms.values():
            places = [vm.host, vm.target, vm.secondary, vm.seeding]
            for place in places:
                if place is not None:
                    used[place][0] += vm.memory_mib
                    used[place][1] += vm.vcpus
                    used[place][2] += 1
        for host in self.state.hosts.values():
            if used[host.name] != [host.used_mib, host.used_vcpus, host.count]:
                booked = [host.used_mib, host.used_vcpus, host.count]
                yield f"{host.name} books {booked}; VMs sum to {used[host.name]}"

    def of_units(self) -> Iterator[str]:
        limits = self.policies.migration
        for host in self.state.hosts.values():
            starting = sum(self.state.vms[name].phase == "starting" for name in host.vms)
            if host.starting != starting:
                yield f"{host.name} books {host.starting} starting, {starting} are"
            if starting > self.policies.ha.batch:
                yield f"{host.name} starts {starting} at once"
            moving = sum(host.name in (vm.host, vm.target) for vm in self.state.vms.values() if vm.target)
            if host.streams != moving:
                yield f"{host.name} books {host.streams} streams, {moving} are"
            if not 0 <= host.units <= limits.host_units:
                yield f"{host.name} runs {host.units} units of moves at once"
            if not 0 <= host.streams <= host.nic_units:
                yield f"{host.name} runs {host.streams} streams over {host.nic_units} units of its NIC"
        for store in self.state.datastores.values():
            if not 0 <= store.units <= limits.datastore_units:
                yield f"{store.name} runs {store.units} units of moves at once"
            if store.used_mib > store.capacity_mib:
                yield f"{store.name} holds {store.used_mib} of {store.capacity_mib} MiB"

    def of_capacity(self) -> Iterator[str]:
        for host in self.state.hosts.values():
            if is_overfull(host) and host.name not in self.overfull:
                yield f"{host.name} holds {host.used_mib} of {host.memory_mib} MiB, {host.used_vcpus} vCPUs"
            elif not is_overfull(host):
                self.overfull.discard(host.name)

    def of_pairs(self) -> Iterator[str]:
        near = set(near_pairs(self.state, self.policies))
        yield from sorted(near - self.near)
        self.near &= near
        crowded = {host.name for host in self.state.hosts.values() if self.is_crowded(host)}
        yield from sorted(f"{name} holds too many FT VMs" for name in crowded - self.crowded)
        self.crowded &= crowded

    def is_crowded(self, host) -> bool:
        limits = self.policies.ft
        too_many = limits.max_vms and host.ft_vms > limits.max_vms
        return bool(too_many or (limits.max_vcpus and host.ft_vcpus > limits.max_vcpus))

    def of_outages(self) -> Iterator[str]:
        for vm in self.state.vms.values():
            if not self.out_s[vm.name] <= vm.out_s <= self.at_s + 1e-6:
                yield f"{vm.name} was out for {self.out_s[vm.name]} s, then for {vm.out_s} s at {self.at_s}"
            self.out_s[vm.name] = vm.out_s

    def of_rules(self, event: Event) -> Iterator[str]:
        now = set(broken_rules(self.state))
        if isinstance(event, (v.VmRestarting, v.Migrating, v.FtSeeding)):
            yield from sorted(f"{event.kind} breaks a rule: {each}" for each in now - self.inherited)
        self.inherited = now

    def of_counts(self) -> Iterator[str]:
        for tier in TIERS.values():
            phases = [vm.phase for vm in self.state.vms.values() if vm.tier == tier]
            if self.state.unstarted[tier] != sum(phase in ("down", "starting") for phase in phases):
                yield f"tier {tier} counts {self.state.unstarted[tier]} not started"
            if self.state.unready[tier] != sum(phase in ("down", "starting", "booting") for phase in phases):
                yield f"tier {tier} counts {self.state.unready[tier]} not ready"
        holding = {vm.name for vm in self.state.vms.values() if vm.hold}
        listed = {name for names in self.state.held.values() for name in names}
        if holding != listed:
            yield f"held are {sorted(holding)}, listed {sorted(listed)}"


def is_overfull(host) -> bool:
    return host.used_mib > host.memory_mib or host.used_vcpus > host.vcpus


def near_pairs(state: ClusterState, policies: Policies) -> Iterable[str]:
    for vm in state.vms.values():
        for copy in (vm.secondary, vm.seeding):
            if copy is not None and vm.host is not None and is_near(state, policies, copy, vm.host):
                yield f"both copies of {vm.name} are at {vm.host} and {copy}"


def broken_rules(state: ClusterState) -> Iterable[str]:
    for name, bonds in state.bonds.items():
        vm = state.vms.get(name)
        if vm is None or vm.host is None:
            continue
        places = {vm.host, vm.target} - {None}
        for place in sorted(places):
            if place in bonds.must_not or (bonds.must is not None and place not in bonds.must):
                yield f"{name} on {place}"
        for other in bonds.apart:
            mate = state.vms.get(other)
            if mate is not None and places & ({mate.host, mate.target} - {None}):
                yield f"{name} beside {other}"


def check_end(state: ClusterState, policies: Policies, events: tuple[Event, ...]) -> list[str]:
    """Every VM is accounted for: it runs, is off on purpose, is left to a person, or its wait is told."""
    told = {event.subject for event in events if isinstance(event, (v.VmWaiting, v.VmGivenUp, e.Warned))}
    found = []
    for vm in state.vms.values():
        quiet = state.now < 10_000
        if quiet and (vm.phase in ("starting", "booting", "failover") or vm.target is not None):
            found.append(f"{vm.name} is still {vm.phase}, target {vm.target}")
        if vm.phase == "down" and vm.name not in told and is_watched(state) and "cluster" not in told:
            last = state.hosts[vm.last_host] if vm.last_host else None
            if last is None or last.verdict in ("fenced", "live"):
                found.append(f"{vm.name} is down and nobody said why (hold {vm.hold!r})")
    return [*found, *forgotten(state, policies), *unfinished(state, policies)]


def forgotten(state: ClusterState, policies: Policies) -> Iterable[str]:
    """VMs that wait for room at the end though a host would take them."""
    group = watching_group(state, policies)
    for name in state.held.get("room", ()) if group is not None else ():
        if (host := Chooser(state, policies, group).pick(state.vms[name])) is not None:
            yield f"{name} waits for room, and {host.name} has it"


def unfinished(state: ClusterState, policies: Policies) -> Iterable[str]:
    """Hosts that are neither emptied nor known to be stuck; moves that wait for a turn that has come.

    With a quorum nothing is emptied while nobody watches.
    """
    waits = policies.ha.enabled and policies.ha.quorum and watching_group(state, policies) is None
    for name in state.emptying if not waits else ():
        host = state.hosts[name]
        if host.powered and not host.told_blocked and state.now < 10_000:
            yield f"{name} is being emptied and nothing moves: {list(host.vms)} {list(host.copies)}"
    for name, target in state.queued.items() if state.now < 10_000 else ():
        yield f"{name} waits for its turn to {target}, and nothing moves"


def is_watched(state: ClusterState) -> bool:
    return bool(state.primaries) and state.record_up
