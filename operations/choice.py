"""Which host takes a VM: least loaded of those that fit, reach its storage and break no rule."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import Final, TypeAlias

from operations.policy import Policies
from operations.state import FREE, Bonds, ClusterState, HostState, VmState
from planner.sentence import Sentence

Why: TypeAlias = str
MEMORY: Final = "memory"
CPU: Final = "cpu"
STORAGE: Final = "storage"
RULE: Final = "rule"
BUSY: Final = "busy"

_Entry: TypeAlias = tuple[float, int, HostState]


def load_after(host: HostState, vm: VmState, policies: Policies) -> float:
    """How full a host would be with one more VM: by memory, or by the number of VMs."""
    if policies.ha.balance == "count":
        return host.count
    return (host.used_mib + vm.memory_mib) / host.memory_mib


def refusal(
    state: ClusterState, policies: Policies, vm: VmState, host: HostState, *, strict: bool = True
) -> Why | None:
    """Why an open host cannot take a VM; None when it can.

    `strict` keeps VMs together that a rule gathers; without it that is a preference, as in vSphere HA.
    """
    if host.used_mib + vm.memory_mib > host.memory_mib:
        return MEMORY
    if host.used_vcpus + vm.vcpus > host.vcpus:
        return CPU
    if vm.is_plain:
        return STORAGE if host.storage_lost and not state.reaches(host, vm) else None
    if not state.reaches(host, vm):
        return STORAGE
    if breaks_rule(state, policies, vm, host.name, strict=strict):
        return RULE
    return None if not vm.ft or has_ft_room(policies, [vm], host) else RULE


def breaks_rule(
    state: ClusterState, policies: Policies, vm: VmState, host: str, *, strict: bool = True
) -> bool:
    """Whether a VM on a host would break a rule that must hold."""
    bonds = state.bonds.get(vm.name, FREE)
    if host in bonds.must_not or (bonds.must is not None and host not in bonds.must):
        return True
    if vm.ft and any(is_near(state, policies, host, other) for other in (vm.secondary, vm.seeding)):
        return True
    if policies.ha.respects_spread and any(host in places(state, mate) for mate in bonds.apart):
        return True
    return strict and bool(bonds.together) and gathering_place(state, bonds) not in (None, host)


def gathering_place(state: ClusterState, bonds: Bonds) -> str | None:
    """Where a VM that stays beside others has to be: with most of them, the first by name; None: anywhere."""
    there = Counter(place for mate in bonds.together for place in heading(state, mate))
    return min(there, key=lambda place: (-there[place], place), default=None)


def places(state: ClusterState, name: str) -> tuple[str, ...]:
    """Every host where a VM is or is going."""
    vm = state.vms.get(name)
    if vm is None:
        return ()
    return tuple(place for place in (vm.host, vm.target) if place is not None)


def heading(state: ClusterState, name: str) -> tuple[str, ...]:
    """Where a VM will be: the target of its move, or where it stays; nothing if it is about to leave."""
    vm = state.vms.get(name)
    if vm is None:
        return ()
    if vm.target is not None:
        return (vm.target,)
    if vm.host is None or state.hosts[vm.host].maintenance:
        return ()
    return (vm.host,)


def is_near(state: ClusterState, policies: Policies, host: str, other: str | None) -> bool:
    """Whether two hosts are too near each other for the two copies of an FT VM."""
    if other is None:
        return False
    if host == other:
        return True
    one, two = state.hosts[host].row, state.hosts[other].row
    if policies.ft.separate == "rack":
        return one.rack is not None and one.rack == two.rack
    return policies.ft.separate == "site" and one.site is not None and one.site == two.site


def has_ft_room(policies: Policies, coming: list[VmState], host: HostState) -> bool:
    """Whether the FT VMs among those that come stay within a host's limits."""
    limits, vcpus = policies.ft, [vm.vcpus for vm in coming if vm.ft]
    vms_fit = not limits.max_vms or host.ft_vms + len(vcpus) <= limits.max_vms
    return not vcpus or (vms_fit and (not limits.max_vcpus or host.ft_vcpus + sum(vcpus) <= limits.max_vcpus))


def preference(state: ClusterState, vm: VmState, host: str) -> tuple[int, int, int]:
    """Rank a host for a VM by what rules would rather have; lower is better."""
    bonds = state.bonds.get(vm.name, FREE)
    unlicensed = bool(vm.guest.licensed) and host not in vm.guest.licensed
    unwanted = unlicensed or host in bonds.should_not or (bool(bonds.should) and host not in bonds.should)
    home = vm.guest.home.index(host) if host in vm.guest.home else len(vm.guest.home)
    mates = sum(host in heading(state, mate) for mate in bonds.together)
    return (int(unwanted), home, -mates)


class Chooser:
    """Chooses hosts for several VMs in one go, reading loads from the state as they grow.

    For VMs that no rule touches, the hosts stand in a heap for each size of VM.  Loads only grow while
    one chooser lives, so an old key is never too high: what comes up stale goes back with its new key.
    """

    def __init__(self, state: ClusterState, policies: Policies, group: int | None = None) -> None:
        self.state = state
        self.policies = policies
        self.hosts = [
            host for host in state.hosts.values() if host.is_open and (group is None or host.group == group)
        ]
        self.strict = policies.ha.strict_gather
        self._heaps: dict[tuple[int, int], list[_Entry]] = {}
        self._busy: set[tuple[int, int]] = set()  # sizes that a host would take when it has started others
        self._is_storage_whole = not any(host.storage_lost for host in self.hosts)

    def pick(self, vm: VmState, avoid: tuple[str, ...] = ()) -> HostState | None:
        """Give the best host, or None."""
        if vm.is_plain and self._is_storage_whole and not avoid:
            return self._pick_plain(vm)
        return self._pick_by_scan(vm, avoid)

    def _pick_plain(self, vm: VmState) -> HostState | None:
        memory, vcpus = vm.memory_mib, vm.vcpus
        heap = self._heaps.get((memory, vcpus))
        if heap is None:
            heap = [(load_after(host, vm, self.policies), i, host) for i, host in enumerate(self.hosts)]
            heapq.heapify(heap)
            self._heaps[memory, vcpus] = heap
        batch = self.policies.ha.batch
        by_count = self.policies.ha.balance == "count"
        while heap:
            load, index, host = heap[0]
            used = host.used_mib + memory
            now = float(host.count) if by_count else used / host.memory_mib
            if now > load:
                heapq.heapreplace(heap, (now, index, host))
            elif used > host.memory_mib or host.used_vcpus + vcpus > host.vcpus:
                heapq.heappop(heap)
            elif host.starting >= batch:
                self._busy.add((memory, vcpus))
                heapq.heappop(heap)
            else:
                return host
        return None

    def _pick_by_scan(self, vm: VmState, avoid: tuple[str, ...]) -> HostState | None:
        fitting = [
            host
            for host in self.hosts
            if host.name not in avoid
            and host.starting < self.policies.ha.batch
            and refusal(self.state, self.policies, vm, host, strict=self.strict) is None
            and self._takes_mates(vm, host)
        ]
        return min(
            fitting,
            key=lambda host: (
                *preference(self.state, vm, host.name),
                load_after(host, vm, self.policies),
                host.name,
            ),
            default=None,
        )

    def _takes_mates(self, vm: VmState, host: HostState) -> bool:
        """Whether a host for a gathered VM has room for all of its mates that are down as well."""
        together = self.state.bonds.get(vm.name, FREE).together if self.strict else ()
        mates = [self.state.vms[name] for name in together if name in self.state.vms]
        down = [mate for mate in mates if mate.phase == "down"]
        needed = vm.memory_mib + sum(mate.memory_mib for mate in down)
        cores = vm.vcpus + sum(mate.vcpus for mate in down)
        return host.used_mib + needed <= host.memory_mib and host.used_vcpus + cores <= host.vcpus

    def has_news(self, vm: VmState) -> bool:
        """Whether a VM that waits already may wait for something else by now."""
        return not vm.is_plain or (vm.hold == "room" and (vm.memory_mib, vm.vcpus) in self._busy)

    def explain(self, vm: VmState) -> tuple[str, Sentence]:
        """Say what would let a VM start: room, or a free place to start in; and why no host takes it."""
        counts: Counter[str] = Counter()
        for host in self.hosts:
            why = refusal(self.state, self.policies, vm, host, strict=self.strict)
            if why is None:
                why = BUSY if self._takes_mates(vm, host) else MEMORY
            counts[why] += 1
        return ("slot" if counts[BUSY] else "room", no_host(len(self.state.hosts) - len(self.hosts), counts))


def pick_for_group(
    state: ClusterState, policies: Policies, unit: list[VmState], avoid: tuple[str, ...] = ()
) -> HostState | None:
    """Give the host that can take VMs which stay together: most of them already there, then least loaded."""
    best: tuple[tuple[float, ...], str] | None = None
    for host in state.hosts.values():
        if not host.is_open or host.name in avoid or not takes_unit(state, policies, unit, host):
            continue
        there = sum(vm.host == host.name or vm.target == host.name for vm in unit)
        rank = sum(preference(state, vm, host.name)[0] + preference(state, vm, host.name)[1] for vm in unit)
        key = ((float(rank), -float(there), load_after(host, unit[0], policies)), host.name)
        best = key if best is None else min(best, key)
    return None if best is None else state.hosts[best[1]]


def takes_unit(state: ClusterState, policies: Policies, unit: list[VmState], host: HostState) -> bool:
    """Whether a host has room for VMs that stay together, and no rule against any of them."""
    coming = [vm for vm in unit if host.name not in (vm.host, vm.target)]
    memory = host.used_mib + sum(vm.memory_mib for vm in coming)
    vcpus = host.used_vcpus + sum(vm.vcpus for vm in coming)
    if memory > host.memory_mib or vcpus > host.vcpus or not has_ft_room(policies, coming, host):
        return False
    return all(
        state.reaches(host, vm) and not breaks_rule(state, policies, vm, host.name, strict=False)
        for vm in unit
    )


def no_host(closed: int, counts: Counter[str]) -> Sentence:
    """Say why no host takes a VM: the one reason, or all of them with their hosts."""
    reasons = [why for why in _ALONE if counts[why]]
    if not reasons:
        return Sentence("no host is open")
    if len(reasons) == 1:
        return Sentence(_ALONE[reasons[0]].template, {"count": counts[reasons[0]]})
    return Sentence(
        "no room; open hosts without memory: {memory}, without CPU: {cpu}, "
        "without its storage or network: {storage}, barred by rules: {rule}, busy: {busy}; closed: {closed}",
        {"closed": closed, **{why: counts[why] for why in _ALONE}},
    )


_ALONE: Final = {
    MEMORY: Sentence("no room: every open host lacks memory ({count})"),
    CPU: Sentence("no room: every open host lacks CPU ({count})"),
    STORAGE: Sentence("every open host lacks its storage or network ({count})"),
    RULE: Sentence("rules bar it from every open host ({count})"),
    BUSY: Sentence("every open host starts others first ({count})"),
}
