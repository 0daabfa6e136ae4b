"""Emptying hosts on purpose: one host, a whole cluster in turn, before a restart or for standby.

Large VMs leave first: the last of a batch decides when the host is empty.  What cannot leave is told with
the reason, and the host then stays half empty rather than break a rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from operations import event as e
from operations import vm_event as v
from operations.action import PowerOffHost, StopVm, Wake
from operations.choice import Chooser, gathering_place, load_after, pick_for_group, preference
from operations.exposure import preflight, stuck
from operations.ft import reseed, why_unprotected
from operations.moves import begin_move, has_turn, is_tired
from operations.policy import Policies
from operations.prerequisites import unmet
from operations.restart import watching_group
from operations.state import FREE, ClusterState, HostState, VmState
from operations.step import NOTHING, Answer, Rules, Steps
from planner.sentence import Sentence

# What is not met now and will be: a VM that boots, a copy in the making, a container that HA starts there.
PASSING: Final = frozenset({"running", "ft-seeding", "container"})


def on_asked(state: ClusterState, event: e.Asked, cause: int, policies: Policies) -> Steps:
    """Answer what concerns hosts."""
    match event.verb:
        case "maintenance":
            yield from _begin(state, policies, state.hosts[event.subject], "stay", cause)
        case "end-maintenance":
            yield from _end(state, state.hosts[event.subject], cause)
        case "shutdown" | "reboot":
            yield from _take_down(state, policies, state.hosts[event.subject], event.verb, cause)
        case "rolling":
            yield from _next_of_rolling(state, policies, cause)


def _take_down(state: ClusterState, policies: Policies, host: HostState, verb: str, cause: int) -> Steps:
    """Restart a host or switch it off: emptied first, or with what runs on it, as the policy says."""
    if policies.ha.shutdown == "migrate":
        yield from _begin(state, policies, host, "reboot" if verb == "reboot" else "off", cause)
    elif host.powered:
        yield PowerOffHost(cause, host.name, back=verb == "reboot")


def _begin(state: ClusterState, policies: Policies, host: HostState, then: str, cause: int) -> Steps:
    if host.is_silent or host.maintenance:
        why = Sentence("it is down, cut off or in maintenance already")
        yield e.Refused(state.now, host.name, cause, why)
        return
    for warning in preflight(state, policies, host):
        yield v.Preflight(state.now, host.name, cause, warning)
    yield v.Emptying(state.now, host.name, cause, len(host.vms) + len(host.copies), then)
    yield from evacuate(state, policies, host, state.number)


def _end(state: ClusterState, host: HostState, cause: int) -> Steps:
    if host.maintenance:
        yield v.MaintenanceOff(state.now, host.name, cause)
    else:
        yield e.Refused(state.now, host.name, cause, Sentence("it is not in maintenance"))


# -- emptying


def evacuate(state: ClusterState, policies: Policies, host: HostState, cause: int) -> Steps:
    """Begin as many moves as have their turn; end when the host is empty or nothing more can leave."""
    if policies.ha.enabled and policies.ha.quorum and watching_group(state, policies) is None:
        return  # nobody is there to say so
    yield from reseed(state, policies, host, cause)
    moving = bool(host.incoming) or any(state.vms[name].seeding is not None for name in host.copies)
    held: Sentence | None = None
    after_containers = policies.product == "proxmox" and _are_containers_leaving(state, policies, host)
    for vm in sorted((state.vms[name] for name in host.vms), key=_leaving_order(policies)):
        if vm.activity or vm.phase == "booting" or vm.seeding is not None:
            moving = True
        elif vm.guest.container:
            chooser = Chooser(state, policies)
            if chooser.pick(vm) is None:
                held = held or chooser.explain(vm)[1]
                continue
            yield StopVm(cause, vm.name, host.name, "evacuation")
            moving = True
        elif after_containers:
            moving = True
        else:
            target = None if is_tired(policies, vm) else _target(state, policies, vm)
            if target is None:
                held = held or stuck(state, policies, vm) or _busy(state, policies, vm)
            elif has_turn(state, policies, vm, target):
                why = Sentence("to {target}, {host} is being emptied", {"target": target, "host": host.name})
                yield from begin_move(state, vm, target, cause, why)
                moving = True
            else:
                moving = True
    yield from _conclude(state, policies, host, cause, moving, held)


def _leaving_order(policies: Policies) -> Callable[[VmState], tuple[float, str]]:
    """Large VMs first; Proxmox goes by its names, in which containers (ct:) stand before VMs (vm:)."""
    if policies.product == "proxmox":
        return lambda vm: (not vm.guest.container, vm.name)
    return lambda vm: (-vm.memory_mib, vm.name)


def _are_containers_leaving(state: ClusterState, policies: Policies, host: HostState) -> bool:
    """Whether containers still have to leave a host, or have left it and may start elsewhere."""
    chooser = Chooser(state, policies)
    there = (state.vms[name] for name in host.vms)
    if any(vm.guest.container and chooser.pick(vm) is not None for vm in there):
        return True
    gone = (state.vms[name] for name in host.lost)
    return any(vm.guest.container and vm.phase == "down" and not vm.hold for vm in gone)


def _busy(state: ClusterState, policies: Policies, vm: VmState) -> Sentence:
    if is_tired(policies, vm):
        return Sentence("{vm}: its migrations failed ({count})", {"vm": vm.name, "count": vm.failed_moves})
    if policies.ha.strict_gather and state.bonds.get(vm.name, FREE).together:
        return Sentence("{vm} stays with those it belongs to", {"vm": vm.name})
    return Sentence("{vm} waits for room elsewhere", {"vm": vm.name})


def _target(state: ClusterState, policies: Policies, vm: VmState) -> str | None:
    """Where a VM goes: with those that stay beside it, or to the least loaded host that it may move to."""
    bonds = state.bonds.get(vm.name, FREE)
    if bonds.together:
        mates = [state.vms[name] for name in sorted(bonds.together) if name in state.vms]
        here = [mate for mate in mates if mate.host == vm.host and mate.target is None]
        going = next((mate.target for mate in mates if mate.target is not None), None)
        if policies.ha.strict_gather:
            going = gathering_place(state, bonds)
        if going is not None and not unmet(state, policies, vm, state.hosts[going], strict=False):
            return going
        host = pick_for_group(state, policies, [vm, *here])
        if host is not None and policies.ha.strict_gather and _would_part(state, policies, here, host):
            host = None
    else:
        host = Chooser(state, policies).pick(vm, () if vm.is_plain else (vm.host or "",))
    if host is None or unmet(state, policies, vm, host, strict=False):
        host = _next_best(state, policies, vm)
    return None if host is None else host.name


def _would_part(state: ClusterState, policies: Policies, mates: list[VmState], host: HostState) -> bool:
    """Whether one of those that must stay together could not follow."""
    return any(
        one.id not in PASSING for mate in mates for one in unmet(state, policies, mate, host, strict=False)
    )


def _next_best(state: ClusterState, policies: Policies, vm: VmState) -> HostState | None:
    """The least loaded host that a VM may move to, when the one that it would rather have is barred."""
    if state.bonds.get(vm.name, FREE).together:
        return None
    return min(
        (
            host
            for host in state.hosts.values()
            if host.is_open and host.name != vm.host and not unmet(state, policies, vm, host, strict=False)
        ),
        key=lambda host: (
            *preference(state, vm, host.name),
            load_after(host, vm, policies),
            host.name,
        ),
        default=None,
    )


def _conclude(
    state: ClusterState, policies: Policies, host: HostState, cause: int, moving: bool, held: Sentence | None
) -> Steps:
    if not host.vms and not host.copies and not host.incoming:
        yield v.MaintenanceOn(state.now, host.name, cause, state.now - host.emptying_since)
        yield from _then(policies, state, host, state.number)
    elif not moving and not host.told_blocked:
        left = len(host.vms) + len(host.copies)
        why = held or why_unprotected(state, policies, state.vms[next(iter(host.copies or host.vms))])
        yield v.MaintenanceBlocked(state.now, host.name, cause, why, left)
        if host.name in state.rolling:
            why = Sentence("stopped at {host}", {"host": host.name})
            yield v.RollingDone(state.now, host.name, state.number, why)


def _then(policies: Policies, state: ClusterState, host: HostState, cause: int) -> Steps:
    if host.then == "stay":
        if host.name in state.rolling:
            yield Wake(cause, policies.timings.host_service_s, "serviced", host.name)
    else:
        yield PowerOffHost(cause, host.name, standby=host.then == "standby", back=host.then == "reboot")


def _next_of_rolling(state: ClusterState, policies: Policies, cause: int) -> Steps:
    for name in state.rolling:
        if state.hosts[name].is_open:
            yield from _begin(state, policies, state.hosts[name], "stay", cause)
            return
    yield v.RollingDone(state.now, "cluster", cause, Sentence("every host was worked on"))


def on_serviced(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Open the host and turn to the next."""
    if state.hosts[event.subject].maintenance == "on":
        yield v.MaintenanceOff(state.now, event.subject, cause)
        if event.subject not in state.rolling:
            yield from _next_of_rolling(state, policies, state.number)


def on_change(state: ClusterState, event: e.Event, cause: int, policies: Policies) -> Answer:
    """Something moved: go on emptying."""
    return _go_on(state, cause, policies) if state.emptying else NOTHING


def _go_on(state: ClusterState, cause: int, policies: Policies) -> Steps:
    for name in tuple(state.emptying):
        if state.hosts[name].powered:
            yield from evacuate(state, policies, state.hosts[name], cause)


def on_back(state: ClusterState, event: e.HostBack, cause: int, policies: Policies) -> Steps:
    """A host that was emptied to be restarted takes VMs again."""
    host = state.hosts[event.subject]
    if host.maintenance and host.then != "stay":
        yield v.MaintenanceOff(state.now, host.name, cause)
    yield from on_change(state, event, cause, policies)


ON_EVENT: Final[Rules] = {
    e.Asked: on_asked,
    e.HostBack: on_back,
    e.HostJoined: on_change,
    e.PrimaryElected: on_change,
    e.RecordBack: on_change,
    e.HostFailed: on_change,
    e.HostOff: on_change,
    e.HostCut: on_change,
    e.HostFenced: on_change,
    e.NetworkHealed: on_change,
    e.StorageBack: on_change,
    v.Migrated: on_change,
    v.MigrationFailed: on_change,
    v.StorageMoved: on_change,
    v.StartFailed: on_change,
    v.VmStarted: on_change,
    v.VmUp: on_change,
    v.VmOff: on_change,
    v.VmGivenUp: on_change,
    v.FtFailover: on_change,
    v.FtCopyLost: on_change,
    v.FtProtected: on_change,
    v.MaintenanceOff: on_change,
}
ON_WAKE: Final = {"serviced": on_serviced}
