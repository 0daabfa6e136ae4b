"""What each event does to the state: one function an event.  `ClusterState.apply` calls them, nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from operations import event as e
from operations import vm_event as v
from operations.books import (
    begin_outage,
    detach,
    drop_copy,
    end_move,
    fall_silent,
    forget,
    look_at_service,
    mark_safe,
    power_off,
    rejoin,
)
from operations.state import ClusterState


def host_failed(state: ClusterState, event: e.HostFailed) -> None:
    """Take a host away with all that runs on it."""
    power_off(state, state.hosts[event.subject])


def host_off(state: ClusterState, event: e.HostOff) -> None:
    """Take a host away; one that was asked to go is fenced by that."""
    host = state.hosts[event.subject]
    power_off(state, host)
    host.standby = event.standby
    host.asked_off = event.planned and not event.standby
    if event.planned and host.was_primary:
        state.lock_of = ""  # given back before it went
    if event.planned and not event.waited_for:
        host.verdict = "fenced"
        mark_safe(state, host)


def host_back(state: ClusterState, event: e.HostBack) -> None:
    """Let a host run again, empty: what it ran before the power went is certainly over."""
    host = state.hosts[event.subject]
    host.powered = host.connected = True
    host.is_cut = host.standby = host.asked_off = False
    host.returned = event.waits
    if event.waits:
        return
    host.silent_at = None
    host.verdict = "live"
    host.fenced_at = event.at_s
    host.fenced_number = state.number
    mark_safe(state, host)


def host_cut(state: ClusterState, event: e.HostCut) -> None:
    """Take a host's networks; its VMs run on, and nobody reaches them if their network went too."""
    host = state.hosts[event.subject]
    host.connected = False
    host.is_cut = event.whole
    fall_silent(state, host)
    for name in host.vms:
        look_at_service(state, state.vms[name], event.at_s)


def host_joined(state: ClusterState, event: e.HostJoined) -> None:
    """Give a host its networks back."""
    host = state.hosts[event.subject]
    host.connected = True
    host.is_cut = host.returned = False
    host.silent_at = None
    host.verdict = "live"
    mark_safe(state, host)
    for name in host.vms:
        look_at_service(state, state.vms[name], event.at_s)


def network_parted(state: ClusterState, event: e.NetworkParted) -> None:
    """Split the hosts into groups; those outside the first are silent to it."""
    for number, names in enumerate(event.groups):
        for name in names:
            host = state.hosts[name]
            if number and host.silent_at is None:
                host.silent_at = event.at_s
                host.silent_cause = state.number
            elif not number and host.group:
                rejoin(host)
            host.group = number
    watching = [state.primaries[group] for group in sorted(state.primaries)]
    state.primaries = {}
    for name in watching:
        state.primaries.setdefault(state.hosts[name].group, name)


def network_healed(state: ClusterState, event: e.NetworkHealed) -> None:
    """Join all groups; the primary of the lowest group stays."""
    for host in state.hosts.values():
        if host.group:
            rejoin(host)
        host.group = 0
    if state.primaries:
        state.primaries = {0: state.primaries[min(state.primaries)]}


def primary_elected(state: ClusterState, event: e.PrimaryElected) -> None:
    """Give a group of hosts its primary."""
    state.primaries[state.hosts[event.subject].group] = event.subject
    state.watched_since = event.at_s


def host_unreachable(state: ClusterState, event: e.HostUnreachable) -> None:
    """Note that a host is silent and alive."""
    state.hosts[event.subject].verdict = "unreachable"


def host_isolated(state: ClusterState, event: e.HostIsolated) -> None:
    """Note that a host found itself alone."""
    host = state.hosts[event.subject]
    if host.verdict != "dead":
        host.verdict = "isolated"


def host_dead(state: ClusterState, event: e.HostDead) -> None:
    """Give a host up; from now on that is what leads to its fence."""
    host = state.hosts[event.subject]
    host.verdict = "dead"
    host.silent_cause = state.number


def host_fenced(state: ClusterState, event: e.HostFenced) -> None:
    """Be sure that a host runs nothing any more."""
    host = state.hosts[event.subject]
    if host.returned:
        host.silent_at = None
    elif host.powered:
        power_off(state, host)
    host.verdict = "fenced"
    host.fenced_at = event.at_s
    host.fenced_number = state.number
    mark_safe(state, host)


def record_lost(state: ClusterState, event: e.RecordLost) -> None:
    """Lose the shared configuration."""
    state.record_up = False


def record_back(state: ClusterState, event: e.RecordBack) -> None:
    """Have the shared configuration back."""
    state.record_up = True


def asked(state: ClusterState, event: e.Asked) -> None:
    """Remember the hosts that a rolling maintenance still has before it."""
    if event.verb == "rolling":
        state.rolling = tuple(host.name for host in state.hosts.values() if host.is_open)


def demand_changed(state: ClusterState, event: e.DemandChanged) -> None:
    """Let a VM want more or less CPU."""
    state.vms[event.subject].cpu_mhz = event.cpu_mhz


def load_level(state: ClusterState, event: e.LoadLevel) -> None:
    """Remember since when the cluster is busy or idle."""
    state.level = event.level
    state.level_since = event.at_s


# -- VMs


def vm_restarting(state: ClusterState, event: v.VmRestarting) -> None:
    """Reserve room on a host and start there."""
    vm = state.vms[event.subject]
    if vm.hold:
        state.release(vm)
    if vm.last_host is not None:
        state.hosts[vm.last_host].lost.pop(vm.name, None)
        if vm.last_host != event.host and state.hosts[vm.last_host].maintenance:
            vm.home = vm.last_host
            state.homesick[vm.name] = None
    if not vm.attempts:
        vm.first_try_at = event.at_s
    vm.attempts = event.attempt
    if event.moved:
        vm.relocations += 1
        vm.local_tries = 0
    vm.activity = state.number
    vm.host = event.host
    vm.home = None if event.host == vm.home else vm.home
    vm.phase = "starting"  # from down: both count as not started
    state.occupy(vm, event.host)
    host = state.hosts[event.host]
    host.vms[vm.name] = None
    host.starting += 1


def vm_started(state: ClusterState, event: v.VmStarted) -> None:
    """Let a started VM boot."""
    vm = state.vms[event.subject]
    vm.phase = "booting"  # from starting: the counts are kept here, not by `enter`, for speed
    state.unstarted[vm.tier] -= 1
    state.hosts[event.host].starting -= 1


def vm_up(state: ClusterState, event: v.VmUp) -> None:
    """Let a VM answer again."""
    vm = state.vms[event.subject]
    vm.phase = "running"  # from booting: as above
    state.unready[vm.tier] -= 1
    vm.out_s += event.outage_s
    vm.outages += 1
    vm.attempts = vm.local_tries = vm.relocations = vm.activity = 0
    vm.tried = ()
    look_at_service(state, vm, event.at_s)


def start_failed(state: ClusterState, event: v.StartFailed) -> None:
    """Take a VM that did not start back; it may be tried elsewhere."""
    vm = state.vms[event.subject]
    state.hosts[event.host].starting -= 1
    detach(state, vm, event.host)
    vm.local_tries += 1
    vm.why = event.why
    if event.host not in vm.tried:
        vm.tried = (*vm.tried, event.host)
    state.enter(vm, "down")


def vm_off(state: ClusterState, event: v.VmOff) -> None:
    """Stop a VM for sure, both copies of an FT pair."""
    vm = state.vms[event.subject]
    if event.moved and state.hosts[event.host].maintenance:
        vm.home = event.host
        state.homesick[vm.name] = None
    if vm.host is not None:
        if vm.phase == "starting":
            state.hosts[vm.host].starting -= 1
        end_move(state, vm)
        drop_copy(state, vm)
        if vm.phase in ("running", "booting", "hung") and event.wanted:
            begin_outage(state, vm, event.at_s)
        detach(state, vm, vm.host)
    vm.stalled_at = None
    vm.is_safe = True
    if event.wanted:
        state.hosts[event.host].lost[vm.name] = None
    elif vm.hold:
        state.release(vm)
    state.enter(vm, "down" if event.wanted else "off")


def vm_waiting(state: ClusterState, event: v.VmWaiting) -> None:
    """Let a VM wait."""
    vm = state.vms[event.subject]
    if vm.hold:
        state.release(vm)
    vm.hold = event.hold
    vm.why = event.why
    state.held.setdefault(event.hold, {})[vm.name] = None


def vm_given_up(state: ClusterState, event: v.VmGivenUp) -> None:
    """Leave a VM to a person."""
    vm = state.vms[event.subject]
    forget(state, vm)
    vm.why = event.why
    if vm.host is not None:
        end_move(state, vm)
        drop_copy(state, vm)
        begin_outage(state, vm, event.at_s)
        detach(state, vm, vm.host)
    state.enter(vm, "error")


def vm_disabled(state: ClusterState, event: v.VmDisabled) -> None:
    """Want a VM no longer; whoever runs it stops it by another event."""
    vm = state.vms[event.subject]
    forget(state, vm)
    vm.stalled_at = None
    if vm.host is None:
        state.enter(vm, "off")


def vm_wanted(state: ClusterState, event: v.VmWanted) -> None:
    """Want a VM that was off or in error."""
    vm = state.vms[event.subject]
    vm.down_at = event.at_s
    vm.is_safe = True
    vm.attempts = vm.local_tries = vm.relocations = 0
    vm.tried = ()
    if vm.last_host is not None:
        state.hosts[vm.last_host].lost[vm.name] = None
    state.enter(vm, "down")


def vm_hung(state: ClusterState, event: v.VmHung) -> None:
    """Let a guest stop answering."""
    vm = state.vms[event.subject]
    begin_outage(state, vm, event.at_s)
    vm.stalled_at = None
    state.enter(vm, "hung")


def vm_resetting(state: ClusterState, event: v.VmResetting) -> None:
    """Boot a hung VM again where it is."""
    vm = state.vms[event.subject]
    vm.resets = (*vm.resets, event.at_s)
    vm.activity = state.number
    state.enter(vm, "booting")


def tier_released(state: ClusterState, event: v.TierReleased) -> None:
    """Let a priority go though those above it are not ready."""
    state.forced_tier = max(state.forced_tier, event.tier)


ON_HOST_EVENT: Final[dict[type[e.Event], Callable[[ClusterState, Any], None]]] = {
    e.HostFailed: host_failed,
    e.HostOff: host_off,
    e.HostBack: host_back,
    e.HostCut: host_cut,
    e.HostJoined: host_joined,
    e.NetworkParted: network_parted,
    e.NetworkHealed: network_healed,
    e.PrimaryElected: primary_elected,
    e.HostUnreachable: host_unreachable,
    e.HostIsolated: host_isolated,
    e.HostDead: host_dead,
    e.HostFenced: host_fenced,
    e.RecordLost: record_lost,
    e.RecordBack: record_back,
    e.Asked: asked,
    e.DemandChanged: demand_changed,
    e.LoadLevel: load_level,
    v.VmRestarting: vm_restarting,
    v.VmStarted: vm_started,
    v.VmUp: vm_up,
    v.StartFailed: start_failed,
    v.VmOff: vm_off,
    v.VmWaiting: vm_waiting,
    v.VmGivenUp: vm_given_up,
    v.VmDisabled: vm_disabled,
    v.VmWanted: vm_wanted,
    v.VmHung: vm_hung,
    v.VmResetting: vm_resetting,
    v.TierReleased: tier_released,
}
