"""Levelling load, keeping rules, sending hosts to standby; each with its hysteresis.

The imbalance is the standard deviation of host loads; its priority is 6 - ceil(sigma / 0.1 x sqrt(N)),
read from left to right and kept within 1 and 5 (the published formula is ambiguous).  A move must lower
the deviation by `min_gain`, and a VM that was moved stays for `cooldown_s`, so nothing swings.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

from operations import event as e
from operations import vm_event as v
from operations.action import PowerOnHost, StopVm, Wake
from operations.choice import (
    Chooser,
    breaks_rule,
    heading,
    pick_for_group,
    preference,
    refusal,
    takes_unit,
)
from operations.evacuation import evacuate
from operations.moves import begin_move, has_turn, is_tired
from operations.policy import Policies
from operations.prerequisites import unmet
from operations.state import FREE, ClusterState, HostState, VmState
from operations.step import NOTHING, Answer, Rules, Steps
from planner.sentence import Sentence


def loads_of(state: ClusterState) -> dict[str, float]:
    """How loaded each open host will be when all moves under way are over; CPU where demand is known."""
    hosts = {host.name: host for host in state.hosts.values() if host.is_open}
    by_cpu = any(vm.cpu_mhz for vm in state.vms.values())
    loads = dict.fromkeys(hosts, 0.0)
    for vm in state.vms.values():
        for name in heading(state, vm.name):
            if name in loads:
                loads[name] += share(vm, hosts[name], by_cpu=by_cpu)
    return loads


def share(vm: VmState, host: HostState, *, by_cpu: bool) -> float:
    """What part of a host a VM takes."""
    if by_cpu and host.row.cpu_mhz:
        return vm.cpu_mhz / (host.row.cores * host.row.cpu_mhz)
    return vm.memory_mib / host.memory_mib


def deviation(loads: dict[str, float]) -> float:
    """The standard deviation of the loads.

    >>> round(deviation({"a": 0.8, "b": 0.5, "c": 0.5, "d": 0.4}), 2)
    0.15
    """
    if not loads:
        return 0.0
    mean = sum(loads.values()) / len(loads)
    return math.sqrt(sum((load - mean) ** 2 for load in loads.values()) / len(loads))


def priority(sigma: float, hosts: int) -> int:
    """How urgent an imbalance is: 1 at once, 5 hardly.

    Source: KB article as quoted by vbrownbag.com, 2010; its example, 0.2 with 2 hosts, gives 3.

    >>> priority(0.2, 2), priority(0.15, 4)
    (3, 3)
    """
    return min(5, max(1, 6 - math.ceil(round(sigma / 0.1 * math.sqrt(hosts), 9))))


def on_begin(state: ClusterState, event: e.RunBegun, cause: int, policies: Policies) -> Steps:
    """Mend at once what breaks rules; level at every interval."""
    yield from on_change(state, event, cause, policies)
    if policies.drs.enabled:
        yield Wake(cause, policies.timings.drs_interval_s, "drs", "cluster", periodic=True)


def on_wake(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Level the load, then look at standby."""
    if state.record_up:
        yield from mend(state, policies, cause)
        yield from level(state, policies, cause)
        if policies.drs.dpm:
            yield from save_power(state, policies, cause)
    yield Wake(cause, policies.timings.drs_interval_s, "drs", "cluster", periodic=True)


# -- levelling


def level(state: ClusterState, policies: Policies, cause: int) -> Steps:
    """Move VMs, best move first, while the imbalance is worth it."""
    loads = loads_of(state)
    for _ in range(policies.drs.max_moves):
        sigma = deviation(loads)
        if len(loads) < 2 or priority(sigma, len(loads)) > policies.drs.threshold or sigma == 0:
            return
        best = _best_move(state, policies, loads, sigma)
        if best is None:
            return
        vm, target = best
        why = Sentence(
            "to {target}, load spread {percent} %", {"target": target, "percent": round(100 * sigma)}
        )
        yield from begin_move(state, vm, target, cause, why)
        loads = loads_of(state)


def _best_move(
    state: ClusterState, policies: Policies, loads: dict[str, float], sigma: float
) -> tuple[VmState, str] | None:
    """The move from the most loaded host that lowers the deviation most."""
    source = max(loads, key=lambda name: (loads[name], name))
    by_cpu = any(vm.cpu_mhz for vm in state.vms.values())
    best: tuple[float, str, str] | None = None
    for name in state.hosts[source].vms:
        vm = state.vms[name]
        if not _is_movable(state, policies, vm):
            continue
        for target in sorted(loads, key=lambda host: (loads[host], host))[:3]:
            if target == source or not _may_go(state, policies, vm, state.hosts[target]):
                continue
            after = dict(loads)
            after[source] -= share(vm, state.hosts[source], by_cpu=by_cpu)
            after[target] += share(vm, state.hosts[target], by_cpu=by_cpu)
            spread = deviation(after)
            if sigma - spread >= policies.drs.min_gain:
                best = min(best, (spread, name, target)) if best else (spread, name, target)
    return None if best is None else (state.vms[best[1]], best[2])


def _is_movable(state: ClusterState, policies: Policies, vm: VmState) -> bool:
    rested = state.now - vm.moved_at >= policies.drs.cooldown_s
    guest = vm.guest
    pinned = guest.container or guest.passthrough or guest.local_media or guest.cpu_pinned
    free = vm.phase == "running" and not vm.activity and not is_tired(policies, vm)
    return free and rested and not pinned


def _may_go(state: ClusterState, policies: Policies, vm: VmState, host: HostState) -> bool:
    if refusal(state, policies, vm, host) is not None or not has_turn(state, policies, vm, host.name):
        return False
    if unmet(state, policies, vm, host):
        return False
    here = vm.host or host.name
    return preference(state, vm, host.name)[:2] <= preference(state, vm, here)[:2]


# -- rules and homes


def on_change(state: ClusterState, event: e.Event, cause: int, policies: Policies) -> Answer:
    """Where rules are kept all the time, look after every change."""
    if policies.ha.keeps_rules or policies.ha.failback:
        return mend(state, policies, cause)
    return NOTHING


def on_started(state: ClusterState, event: v.VmStarted, cause: int, policies: Policies) -> Answer:
    """A container is where it goes: VMs waited for that."""
    return on_change(state, event, cause, policies) if state.vms[event.subject].guest.container else NOTHING


def mend(state: ClusterState, policies: Policies, cause: int) -> Steps:
    """Move VMs that stand where a rule forbids, apart from those they belong to, or away from home.

    Containers go first, as where Proxmox goes by its names; VMs then wait until it is known where they are.
    """
    leaving: set[str] = set()
    names = (name for name in {*state.bonds, *state.homesick} if name in state.vms)
    for name in sorted(names, key=lambda name: (not state.vms[name].guest.container, name)):
        vm = state.vms[name]
        if leaving and not vm.guest.container:
            return
        if vm.host is None or vm.phase != "running" or vm.activity:
            continue
        if not state.hosts[vm.host].is_open or is_tired(policies, vm):
            continue
        bonds = state.bonds.get(name, FREE)
        if leaving & (bonds.together | bonds.apart):
            continue
        target = _better(state, policies, vm)
        if target is None or target == vm.host:
            continue
        if vm.guest.container:
            leaving.add(name)
            yield StopVm(cause, vm.name, vm.host, "evacuation")
        elif has_turn(state, policies, vm, target) and not _is_barred(state, policies, vm, target):
            why = Sentence("to {target}, where its rules want it", {"target": target})
            yield from begin_move(state, vm, target, cause, why)


def _is_barred(state: ClusterState, policies: Policies, vm: VmState, target: str) -> bool:
    return bool(unmet(state, policies, vm, state.hosts[target], strict=False))


def _better(state: ClusterState, policies: Policies, vm: VmState) -> str | None:
    """Where rules or home want a VM, when that is not where it is."""
    bonds = state.bonds.get(vm.name, FREE)
    mates = [state.vms[name] for name in sorted(bonds.together) if name in state.vms]
    if any(place != vm.host for mate in mates for place in heading(state, mate.name)):
        if policies.ha.strict_gather:
            return _beside(state, policies, vm, mates)
        host = pick_for_group(state, policies, [vm, *(mate for mate in mates if mate.host is not None)])
        return None if host is None else host.name
    here = vm.host or ""
    if breaks_rule(state, policies, vm, here):
        host = Chooser(state, policies).pick(vm, (here,))
        return None if host is None else host.name
    return _home(state, policies, vm) if policies.ha.failback else None


def _beside(state: ClusterState, policies: Policies, vm: VmState, mates: list[VmState]) -> str | None:
    """Where most of those that stay beside a VM are, the first by name; Proxmox asks one VM after the other.

    Without failback it leaves a VM that runs where no other rule forbids it.
    """
    here = vm.host or ""
    is_barred = breaks_rule(state, policies, vm, here, strict=False)
    if not policies.ha.failback and not is_barred:
        return None
    unit = [vm, *(mate for mate in mates if mate.host is not None)]
    there = Counter(place for mate in mates for place in heading(state, mate.name))
    for name in sorted(there, key=lambda name: (-there[name], name)):
        if state.hosts[name].is_open and takes_unit(state, policies, unit, state.hosts[name]):
            return name
    host = Chooser(state, policies).pick(vm, (here,)) if is_barred else None
    return None if host is None else host.name


def _home(state: ClusterState, policies: Policies, vm: VmState) -> str | None:
    """A host it likes better and that takes it; of those that a rule likes alike the least loaded."""
    wanted = vm.guest.home if vm.home is None else (vm.home,)
    should = state.bonds.get(vm.name, FREE).should
    if should and not wanted:
        best = None if vm.host in should else Chooser(state, policies).pick(vm, (vm.host or "",))
        return best.name if best is not None and best.name in should else None
    for name in wanted:
        if name == vm.host:
            return None
        host = state.hosts.get(name)
        if host is not None and host.is_open and refusal(state, policies, vm, host) is None:
            return name
    return None


# -- standby


def save_power(state: ClusterState, policies: Policies, cause: int) -> Steps:
    """Send one host to standby after a long lull, wake one after a short rush."""
    loads = loads_of(state)
    if not loads:
        return
    mean = sum(loads.values()) / len(loads)
    now = "low" if mean < policies.drs.dpm_low else "high" if mean > policies.drs.dpm_high else "normal"
    if now != state.level:
        yield e.LoadLevel(state.now, "cluster", cause, now, 100 * mean)
    for_s = state.now - state.level_since
    if state.level == "high" and for_s >= policies.timings.dpm_on_window_s:
        sleeping = sorted(host.name for host in state.hosts.values() if host.standby)
        if sleeping:
            yield PowerOnHost(cause, sleeping[0])
    elif state.level == "low" and for_s >= policies.timings.dpm_off_window_s:
        yield from _send_to_standby(state, policies, loads, cause)


def _send_to_standby(state: ClusterState, policies: Policies, loads: dict[str, float], cause: int) -> Steps:
    """Empty the least loaded host, if the others carry its VMs and the failure of one of them."""
    if any(host.maintenance == "emptying" for host in state.hosts.values()):
        return
    name = min(loads, key=lambda host: (loads[host], host))
    rest = [state.hosts[other] for other in loads if other != name]
    if len(rest) < 2 or max(loads.values()) > policies.drs.dpm_high:
        return
    room = sum(host.memory_mib for host in rest) - max(host.memory_mib for host in rest)
    if sum(state.hosts[host].used_mib for host in loads) > room:
        return
    host = state.hosts[name]
    yield v.Emptying(state.now, name, cause, len(host.vms), "standby")
    yield from evacuate(state, policies, host, state.number)


ON_EVENT: Final[Rules] = {
    e.RunBegun: on_begin,
    e.HostBack: on_change,
    e.HostJoined: on_change,
    v.Migrated: on_change,
    v.MigrationFailed: on_change,
    v.VmStarted: on_started,
    v.VmUp: on_change,
    v.MaintenanceOff: on_change,
}
ON_WAKE: Final = {"drs": on_wake}
