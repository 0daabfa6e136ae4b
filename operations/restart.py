"""HA's second half: VMs that are down start again, most important first, where there is room.

A VM starts when whoever ran it has certainly stopped, its turn by priority and dependency has come, and
a host has room and a free place to start in.  What cannot start waits under the name of what it waits
for (`hold`), and is looked at again when that appears.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from operations import event as e
from operations import vm_event as v
from operations.action import StartVm, Wake
from operations.choice import Chooser, pick_for_group, preference, refusal
from operations.moves import begin_move, has_turn
from operations.policy import Policies
from operations.prerequisites import unmet
from operations.state import NO_RESTART, ClusterState, HostState, VmState
from operations.step import NOTHING, Answer, Rules, Steps
from operations.turns import due, fence_of, gate_is_open, held, missing
from planner.sentence import Sentence

ROOM_HOLDS: Final = ("room", "slot")


def watching_group(state: ClusterState, policies: Policies) -> int | None:
    """The network group whose primary restarts VMs; None while nobody may."""
    if not policies.ha.enabled or not state.record_up or not state.primaries:
        return None
    group = min(state.primaries)
    return group if not policies.ha.quorum or state.majority(group) else None


def restart(
    state: ClusterState,
    policies: Policies,
    names: Iterable[str],
    cause: int,
    *,
    patient: bool = True,
    by_host: bool = False,
) -> Steps:
    """Start those of the VMs named that may start now, by priority and then by name.

    Not `patient`: what took too long is waited for no more.  `by_host`: a VM's cause is its host's fence.
    """
    group = watching_group(state, policies)
    waiting = [] if group is None else _in_turn(state, names)
    if not waiting:
        return
    chooser = Chooser(state, policies, group)
    gate, after_all = policies.ha.gate, not patient
    for vm in waiting:
        if vm.tier == NO_RESTART:
            yield _give_up(state, vm, cause, Sentence("its restart is disabled"))
        elif not (gate == "none" or after_all or gate_is_open(state, policies, vm.tier)):
            yield from _hold(state, vm, cause, "tier", Sentence("for the VMs of higher priority"))
            yield Wake(cause, policies.timings.tier_timeout_s, "tier", str(vm.tier))
        elif vm.guest.after and not after_all and (other := missing(state, vm)) is not None:
            yield from _hold(state, vm, cause, "depends", Sentence("for {other}", {"other": other}))
            yield Wake(cause, policies.timings.tier_timeout_s, "depend", vm.name)
        else:
            host = _best(state, policies, vm, chooser)
            because = fence_of(state, vm) or cause if by_host else cause
            if host is None:
                yield from _wait_for_room(state, vm, because, chooser)
            else:
                moved = bool(vm.local_tries) and _is_moving_on(policies, vm)
                yield v.VmRestarting(state.now, vm.name, because, host.name, vm.attempts + 1, moved)
                yield StartVm(state.number, vm.name, host.name)


def _in_turn(state: ClusterState, names: Iterable[str]) -> list[VmState]:
    """Those of the VMs that may start at all, the important first, each once."""
    vms = [state.vms[name] for name in dict.fromkeys(names)]
    ready = [
        vm for vm in vms if vm.phase == "down" and vm.is_safe and not (vm.hold and _is_frozen(state, vm))
    ]
    ready.sort(key=_turn)
    return ready


def _turn(vm: VmState) -> tuple[int, str]:
    return vm.tier, vm.name


def _is_frozen(state: ClusterState, vm: VmState) -> bool:
    """Whether it waits for its own host to come back from a planned restart."""
    return vm.hold == "host" and vm.last_host is not None and not state.hosts[vm.last_host].is_open


def freeze(state: ClusterState, host: HostState, cause: int) -> Steps:
    """Let the VMs of a host that is restarted on purpose wait for it."""
    for name in host.lost:
        yield from _hold(state, state.vms[name], cause, "host", _until_back(host))


def _until_back(host: HostState) -> Sentence:
    return Sentence("until {host} is back, as the shutdown policy says", {"host": host.name})


def _best(state: ClusterState, policies: Policies, vm: VmState, chooser: Chooser) -> HostState | None:
    """The host a VM starts on: its own if that is back, one not tried yet, or any."""
    if vm.tried or vm.guest.home:
        host = chooser.pick(vm, vm.tried)
        return host or (_tried_last(state, policies, vm) or chooser.pick(vm) if vm.tried else None)
    name = vm.home or vm.last_host
    if name is None or not _takes(state, policies, vm, state.hosts[name]):
        return None if name is not None and _has_to_queue(state, policies, vm, name) else chooser.pick(vm)
    best = chooser.pick(vm) if policies.ha.keeps_rules and not vm.is_plain else None
    if best is not None and preference(state, vm, best.name)[:2] < preference(state, vm, name)[:2]:
        return best
    return state.hosts[name]


def _has_to_queue(state: ClusterState, policies: Policies, vm: VmState, name: str) -> bool:
    """Whether a VM waits for its own host, which starts others first; in vSphere it goes elsewhere."""
    host = state.hosts[name]
    is_busy = host.is_open and host.starting >= policies.ha.batch
    strict = policies.ha.strict_gather
    return policies.ha.relocates and is_busy and refusal(state, policies, vm, host, strict=strict) is None


def _wait_for_room(state: ClusterState, vm: VmState, cause: int, chooser: Chooser) -> Steps:
    """Say once what a VM waits for."""
    if vm.hold not in ROOM_HOLDS or chooser.has_news(vm):
        hold, why = chooser.explain(vm)
        yield from _hold(state, vm, cause, hold, why)


def _tried_last(state: ClusterState, policies: Policies, vm: VmState) -> HostState | None:
    """With no host left untried, a VM that is relocated stays where it was tried last."""
    if not policies.ha.relocates or vm.last_host is None:
        return None
    host = state.hosts[vm.last_host]
    return host if _takes(state, policies, vm, host) else None


def start_on(state: ClusterState, vm: VmState, host: str, cause: int, *, moved: bool = False) -> Steps:
    """Start a VM on a host."""
    yield v.VmRestarting(state.now, vm.name, cause, host, vm.attempts + 1, moved)
    yield StartVm(state.number, vm.name, host)


def _hold(state: ClusterState, vm: VmState, cause: int, hold: str, why: Sentence) -> Steps:
    """Let a VM wait, and say so once for each reason."""
    if vm.hold != hold:
        yield v.VmWaiting(state.now, vm.name, cause, why, hold)


def _give_up(state: ClusterState, vm: VmState, cause: int, why: Sentence) -> v.VmGivenUp:
    return v.VmGivenUp(state.now, vm.name, cause, why)


# -- what makes HA look again


def on_fenced(state: ClusterState, event: e.HostFenced, cause: int, policies: Policies) -> Steps:
    """List, place and request take a while."""
    if state.hosts[event.subject].lost:
        yield Wake(cause, policies.timings.restart_overhead_s, "restart", event.subject, event.at_s)


def on_restart_due(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Restart the VMs of every host that was fenced no later, so that priorities hold among them."""
    yield from restart(state, policies, due(state, event.since), cause, by_host=True)


def on_vm_off(state: ClusterState, event: v.VmOff, cause: int, policies: Policies) -> Steps:
    """Restart a VM that stopped and should run; its room is there for others."""
    if event.wanted:
        yield Wake(cause, policies.timings.restart_overhead_s, "restart-vm", event.subject)
    yield from on_room(state, event, cause, policies)


def on_vm_due(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Restart one VM."""
    yield from restart(state, policies, (event.subject,), cause)


def on_impatient(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Restart one VM without waiting for what it depends on any longer."""
    if state.vms[event.subject].hold == "depends":
        yield from restart(state, policies, (event.subject,), cause, patient=False)


def on_wanted(state: ClusterState, event: v.VmWanted, cause: int, policies: Policies) -> Steps:
    """Start a VM that somebody wants; one of a host that is restarted on purpose may have to wait for it."""
    vm = state.vms[event.subject]
    host = None if vm.last_host is None else state.hosts[vm.last_host]
    if host is not None and host.asked_off and policies.ha.shutdown == "freeze":
        yield from _hold(state, vm, cause, "host", _until_back(host))
    yield from restart(state, policies, (event.subject,), cause)


def on_room(state: ClusterState, event: e.Event, cause: int, policies: Policies) -> Answer:
    """Look again at the VMs that wait for room."""
    names = held(state, *ROOM_HOLDS) if state.held else []
    return restart(state, policies, names, cause) if names else NOTHING


def on_started(state: ClusterState, event: v.VmStarted, cause: int, policies: Policies) -> Answer:
    """A place to start in is free, and perhaps the next priority's turn has come."""
    if not state.held:
        return NOTHING
    names = held(state, "slot")
    if policies.ha.gate == "started":
        names += held(state, "tier")
    return restart(state, policies, names, cause) if names else NOTHING


def on_up(state: ClusterState, event: v.VmUp, cause: int, policies: Policies) -> Answer:
    """What depends on this VM may start, and perhaps the next priority."""
    if not state.held:
        return NOTHING
    names = held(state, "depends")
    if policies.ha.gate == "up":
        names += held(state, "tier")
    return restart(state, policies, names, cause) if names else NOTHING


def on_tier_late(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Let a priority go that waited too long for those above it."""
    tier = int(event.subject)
    if any(state.vms[name].tier == tier for name in held(state, "tier")):
        yield v.TierReleased(state.now, event.subject, cause, tier)
        yield from restart(state, policies, held(state, "tier"), state.number)


def on_watch(state: ClusterState, event: e.Event, cause: int, policies: Policies) -> Steps:
    """Restart what waited for somebody to watch, or for a majority."""
    names = due(state, max(0.0, state.now - policies.timings.restart_overhead_s))
    yield from restart(state, policies, [*names, *held(state, *ROOM_HOLDS)], cause)


def on_move_failed(state: ClusterState, event: v.MigrationFailed, cause: int, policies: Policies) -> Steps:
    """A VM that is not where the record has it needs a person: starting it could start it twice."""
    if event.is_missing:
        yield _give_up(state, state.vms[event.subject], cause, event.why)
    yield from on_room(state, event, cause, policies)


# -- starts that fail


def on_start_failed(state: ClusterState, event: v.StartFailed, cause: int, policies: Policies) -> Steps:
    """Try again later, elsewhere, or give up."""
    vm = state.vms[event.subject]
    if policies.ha.relocates:
        yield from _retry_or_relocate(state, policies, vm, cause)
    else:
        yield from _retry_by_clock(state, policies, vm, cause)
    yield from on_room(state, event, cause, policies)


def _retry_by_clock(state: ClusterState, policies: Policies, vm: VmState, cause: int) -> Steps:
    """vSphere: at fixed times after the first try, then never again."""
    times = policies.ha.retries_s
    if vm.attempts >= len(times):
        yield _give_up(state, vm, cause, Sentence("every try failed ({tries})", {"tries": vm.attempts}))
        return
    delay = max(0.0, vm.first_try_at + times[vm.attempts] - state.now)
    yield from _hold(state, vm, cause, "retry", _next_try(delay))
    yield Wake(cause, delay, "retry", vm.name)


def _next_try(delay_s: float) -> Sentence:
    return Sentence("for the next try in {delay} s", {"delay": round(delay_s)})


def _retry_or_relocate(state: ClusterState, policies: Policies, vm: VmState, cause: int) -> Steps:
    """Proxmox: on the spot, then on hosts not tried yet, then an error."""
    moves = policies.ha.max_relocate if vm.guest.max_relocate is None else vm.guest.max_relocate
    if not _is_moving_on(policies, vm):
        delay = policies.timings.local_retry_s
    elif vm.relocations < moves:
        delay = 0.0
    else:
        hosts = ", ".join(vm.tried)
        yield _give_up(state, vm, cause, Sentence("it did not start on {hosts}", {"hosts": hosts}))
        return
    yield from _hold(state, vm, cause, "retry", _next_try(delay))
    yield Wake(cause, delay, "retry", vm.name)


def _is_moving_on(policies: Policies, vm: VmState) -> bool:
    """Whether a VM has used up its tries on one host, so that its next try is a relocation."""
    tries = policies.ha.max_restart if vm.guest.max_restart is None else vm.guest.max_restart
    return policies.ha.relocates and vm.local_tries > tries


def on_retry(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Try once more."""
    vm = state.vms[event.subject]
    if vm.hold != "retry":
        return
    if not policies.ha.relocates:
        yield from restart(state, policies, (vm.name,), cause, patient=False)
        return
    if _is_moving_on(policies, vm):
        yield from _relocate(state, policies, vm, cause)
    elif vm.last_host is not None and _takes(state, policies, vm, state.hosts[vm.last_host]):
        yield from start_on(state, vm, vm.last_host, cause)
    else:
        yield from restart(state, policies, (vm.name,), cause, patient=False)


def _takes(state: ClusterState, policies: Policies, vm: VmState, host: HostState) -> bool:
    """Whether a VM may start on one host now."""
    if not host.powered or not host.is_open or host.starting >= policies.ha.batch:
        return False
    return refusal(state, policies, vm, host, strict=policies.ha.strict_gather) is None


def _relocate(state: ClusterState, policies: Policies, vm: VmState, cause: int) -> Steps:
    """Start a VM on a host not tried yet, with all VMs that must stay beside it; if there is none, again."""
    group = watching_group(state, policies)
    if group is None:
        return
    if vm.guest.lock and vm.last_host is not None:
        yield e.Refused(state.now, vm.name, cause, _LOCKED[vm.guest.lock])
        if _takes(state, policies, vm, state.hosts[vm.last_host]):
            yield from start_on(state, vm, vm.last_host, cause, moved=True)
        else:
            yield from _hold(state, vm, cause, "room", Sentence("for its host"))
        return
    unit = [vm, *_running_mates(state, vm)]
    host = pick_for_group(state, policies, unit, vm.tried)
    if host is None or len(unit) == 1:
        chooser = Chooser(state, policies, group)
        host = _best(state, policies, vm, chooser)
        if host is None:
            yield from _wait_for_room(state, vm, cause, chooser)
        else:
            yield from start_on(state, vm, host.name, cause, moved=True)
        return
    yield from start_on(state, vm, host.name, cause, moved=True)
    for mate in unit[1:]:
        may_move = not mate.activity and has_turn(state, policies, mate, host.name)
        if mate.host != host.name and may_move and not unmet(state, policies, mate, host, strict=False):
            yield from begin_move(
                state, mate, host.name, cause, Sentence("to stay beside {vm}", {"vm": vm.name})
            )


def _running_mates(state: ClusterState, vm: VmState) -> list[VmState]:
    bonds = state.bonds.get(vm.name)
    names = sorted(bonds.together) if bonds is not None else []
    return [mate for name in names if (mate := state.vms.get(name)) is not None and mate.host is not None]


_LOCKED: Final = {
    "backup": Sentence("locked (backup): it cannot move"),
    "create": Sentence("locked (create): it cannot move"),
}

ON_EVENT: Final[Rules] = {
    e.HostFenced: on_fenced,
    e.PrimaryElected: on_watch,
    e.HostBack: on_watch,
    e.HostJoined: on_watch,
    e.NetworkHealed: on_watch,
    e.NetworkParted: on_watch,
    e.StorageBack: on_room,
    v.VmStarted: on_started,
    v.VmUp: on_up,
    v.VmOff: on_vm_off,
    v.VmWanted: on_wanted,
    v.VmDisabled: on_room,
    v.VmGivenUp: on_room,
    v.StartFailed: on_start_failed,
    v.Migrated: on_room,
    v.MigrationFailed: on_move_failed,
    v.Emptying: on_room,
    v.MaintenanceOff: on_room,
    v.FtProtected: on_room,
    v.FtCopyLost: on_room,
    e.HostFailed: on_room,
    e.HostOff: on_room,
}
ON_WAKE: Final = {
    "restart": on_restart_due,
    "restart-vm": on_vm_due,
    "retry": on_retry,
    "depend": on_impatient,
    "tier": on_tier_late,
}
