"""HA's first half: who watches, which host is dead, isolated or cut off, and making sure of it.

A silent host is judged after the detection time by the primary: no heartbeat, no ping and no beat on a
datastore is death, and a dead host is fenced before anything of it starts elsewhere.  A host that finds
itself alone answers as its isolation response says.  VMs whose guest hangs are reset where they are.
"""

from __future__ import annotations

from typing import Final

from operations import event as e
from operations import vm_event as v
from operations.action import FenceHost, ResetVm, StopVm, Wake
from operations.policy import Policies
from operations.restart import freeze, restart, watching_group
from operations.state import ClusterState, DatastoreState, HostState
from operations.step import Rules, Steps
from planner.sentence import Sentence

ROUNDING_S: Final = 1e-6
BEGINNING: Final = 1  # the first event: what led to a host that was silent from the start


def beats_on_datastore(state: ClusterState, host: HostState) -> bool:
    """Whether a host still writes to a datastore that others see."""
    return host.powered and any(_mounts(host, store) for store in state.datastores.values() if store.shared)


def _mounts(host: HostState, store: DatastoreState) -> bool:
    return (not store.hosts or host.name in store.hosts) and store.name not in host.storage_lost


def detection_s(state: ClusterState, policies: Policies) -> float:
    """How long a host must be silent; heartbeats over datastores take longer to miss."""
    shared = any(store.shared for store in state.datastores.values())
    return policies.timings.detect_with_datastores_s if shared else policies.timings.detect_s


def elect(state: ClusterState, policies: Policies, group: int, cause: int) -> Steps:
    """Choose who watches a group of hosts: most shared datastores, then the first name.

    With a quorum it needs the lock, which the last one keeps for a while; that one itself has it at once.
    """
    if not policies.ha.enabled or group in state.primaries:
        return
    if policies.ha.quorum and not state.majority(group):
        return
    voters = [
        host
        for host in state.hosts.values()
        if host.powered and host.connected and host.group == group and host.maintenance != "on"
    ]
    kept_until = state.locked_since + policies.timings.election_s - ROUNDING_S
    if policies.ha.quorum and state.lock_of and state.now < kept_until:
        voters = [host for host in voters if host.name == state.lock_of]
    if voters:
        best = min(voters, key=lambda host: (-_stores(state, host), host.name))
        yield e.PrimaryElected(state.now, best.name, cause)


def _stores(state: ClusterState, host: HostState) -> int:
    return sum(_mounts(host, store) for store in state.datastores.values() if store.shared)


# -- silence


def on_begin(state: ClusterState, event: e.RunBegun, cause: int, policies: Policies) -> Steps:
    """A cluster that ran before has its primary; a host that is silent from the start is judged."""
    yield from elect(state, policies, 0, cause)
    for host in state.hosts.values():
        if policies.ha.enabled and host.silent_at is not None:
            yield Wake(cause, detection_s(state, policies), "judge", host.name, host.silent_at)


def on_silent(state: ClusterState, event: e.Event, cause: int, policies: Policies) -> Steps:
    """Wait, for it may come back; elect another primary if it was the one."""
    host = state.hosts[event.subject]
    if not policies.ha.enabled or host.silent_at is None:
        return
    if policies.ha.quorum and host.silent_at == event.at_s and state.lost_majority():
        yield _no_majority(state, cause)
    if host.was_primary:
        yield Wake(cause, policies.timings.election_s, "elect", str(host.group))
    yield Wake(cause, detection_s(state, policies), "judge", host.name, host.silent_at)


def _no_majority(state: ClusterState, cause: int) -> e.Warned:
    why = Sentence("no majority of hosts is left: nothing restarts until one is back")
    return e.Warned(state.now, "cluster", cause, why)


def on_off(state: ClusterState, event: e.HostOff, cause: int, policies: Policies) -> Steps:
    """A host that was asked to go is not mourned; one that stopped by itself is."""
    host = state.hosts[event.subject]
    if not event.planned and not event.standby:
        yield from on_silent(state, event, cause, policies)
        return
    if policies.ha.enabled and policies.ha.quorum and state.lost_majority():
        yield _no_majority(state, cause)
    if host.was_primary:
        yield Wake(
            cause, 0.0 if policies.ha.quorum else policies.timings.election_s, "elect", str(host.group)
        )
    if event.waited_for:
        yield Wake(cause, detection_s(state, policies), "judge", host.name, event.at_s)
    elif event.planned and policies.ha.shutdown == "freeze":
        yield from freeze(state, host, cause)
    elif event.planned and host.lost:
        yield Wake(cause, policies.timings.restart_overhead_s, "restart", host.name, event.at_s)


def on_cut(state: ClusterState, event: e.HostCut, cause: int, policies: Policies) -> Steps:
    """The others wait for it, and it looks for them."""
    yield from on_silent(state, event, cause, policies)
    host = state.hosts[event.subject]
    if policies.ha.enabled and policies.ha.fencing != "watchdog" and host.silent_at is not None:
        times = policies.timings
        delay = times.primary_isolation_s if host.was_primary else times.isolation_s
        yield Wake(cause, delay, "isolate", host.name, host.silent_at)


def on_parted(state: ClusterState, event: e.NetworkParted, cause: int, policies: Policies) -> Steps:
    """Each part needs a primary; those outside the first are silent to it."""
    if not policies.ha.enabled:
        return
    if policies.ha.quorum and not state.majority(0):
        yield _no_majority(state, cause)
    for group in range(len(event.groups)):
        if group not in state.primaries:
            yield Wake(cause, policies.timings.election_s, "elect", str(group))
    for host in state.hosts.values():
        if host.group and host.silent_at == event.at_s:
            yield Wake(cause, detection_s(state, policies), "judge", host.name, event.at_s)


def on_elect(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Hold an election if nobody watches, and judge whom nobody could."""
    yield from elect(state, policies, int(event.subject), cause)
    yield from judge_all(state, policies)


def on_primary(state: ClusterState, event: e.PrimaryElected, cause: int, policies: Policies) -> Steps:
    """A new primary judges who has been silent long enough, with a quorum once it has seen that itself."""
    if policies.ha.quorum:
        for host in state.hosts.values():
            if host.silent_at is not None and host.verdict == "live":
                yield Wake(cause, detection_s(state, policies), "judge", host.name, host.silent_at)
    yield from judge_all(state, policies)


def judge_all(state: ClusterState, policies: Policies) -> Steps:
    """Judge every host that has been silent for long enough while nobody could."""
    for host in state.hosts.values():
        if host.silent_at is not None:
            yield from judge(state, policies, host, host.silent_cause or BEGINNING)


def was_silent(state: ClusterState, policies: Policies, host: HostState) -> bool:
    """Whether a host has been silent for long enough; with a quorum, to the primary that is there now."""
    since = host.silent_at or 0.0
    if policies.ha.quorum:
        since = max(since, state.watched_since)
    return state.now - since >= detection_s(state, policies) - ROUNDING_S


def on_judge(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Judge a host that has been silent since the wait began."""
    host = state.hosts[event.subject]
    if host.silent_at == event.since:
        yield from judge(state, policies, host, cause)


def judge(state: ClusterState, policies: Policies, host: HostState, cause: int) -> Steps:
    """Say what a silent host is: dead, or alive on its own."""
    if host.silent_at is None or host.verdict == "fenced" or host.standby:
        return
    if watching_group(state, policies) is None:
        return
    if host.verdict == "dead":
        yield fence(policies, host, cause)
        return
    if not was_silent(state, policies, host):
        return
    if not policies.ha.quorum and beats_on_datastore(state, host):
        if host.verdict == "live":
            yield e.HostUnreachable(state.now, host.name, cause, Sentence("it still beats on its datastores"))
        return
    silent_s = state.now - host.silent_at
    yield e.HostDead(state.now, host.name, cause, silent_s, len(host.lost) or len(host.vms))


def fence(policies: Policies, host: HostState, cause: int) -> FenceHost:
    """Ask for a host to be fenced as the policy says."""
    return FenceHost(cause, host.name, policies.ha.fencing, host.silent_at or 0.0)


def on_dead(state: ClusterState, event: e.HostDead, cause: int, policies: Policies) -> Steps:
    """Make sure of it."""
    yield fence(policies, state.hosts[event.subject], cause)


def on_fence_failed(state: ClusterState, event: e.FenceFailed, cause: int, policies: Policies) -> Steps:
    """Start nothing that may still run; say what waits."""
    host = state.hosts[event.subject]
    for name in (*host.lost, *host.vms):
        if state.vms[name].phase in ("down", "running") and state.vms[name].hold != "fence":
            why = Sentence("{host} may still run it", {"host": host.name})
            yield e.Warned(state.now, name, cause, why)


def on_isolate(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Do what a host does that sees nobody, not even its isolation address."""
    host = state.hosts[event.subject]
    if host.silent_at != event.since or not host.powered or host.connected:
        return
    response = policies.ha.isolation
    yield e.HostIsolated(state.now, host.name, cause, _ISOLATED[response])
    because = state.number
    if response != "none":
        for name in tuple(host.vms):
            yield StopVm(because, name, host.name, "isolation", response == "shutdown")


# -- hosts that return


def on_fenced(state: ClusterState, event: e.HostFenced, cause: int, policies: Policies) -> Steps:
    """A host that came back meanwhile takes VMs a round after what it ran went elsewhere."""
    if state.hosts[event.subject].returned:
        yield Wake(cause, policies.timings.local_retry_s, "rejoin", event.subject, event.at_s)


def on_rejoin(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Let it take part again, if it is still there."""
    host = state.hosts[event.subject]
    if host.returned and host.connected and host.fenced_at == event.since:
        yield e.HostJoined(state.now, host.name, cause, Sentence("takes VMs again"))


def on_back(state: ClusterState, event: e.Event, cause: int, policies: Policies) -> Steps:
    """Elect if nobody watches; restart what went down with the host, wherever there is room."""
    host = state.hosts[event.subject]
    yield Wake(cause, 0.0, "elect", str(host.group))
    if host.lost:
        yield Wake(cause, policies.timings.restart_overhead_s, "restart", host.name, event.at_s)


def on_healed(state: ClusterState, event: e.Event, cause: int, policies: Policies) -> Steps:
    """Elect if nobody watches, and judge whom nobody could."""
    yield Wake(cause, 0.0, "elect", "0")


def on_record_back(state: ClusterState, event: e.RecordBack, cause: int, policies: Policies) -> Steps:
    """Judge and restart what waited for the configuration."""
    yield from elect(state, policies, 0, cause)
    yield from judge_all(state, policies)
    names = [name for name, vm in state.vms.items() if vm.phase == "down" and vm.is_safe]
    yield from restart(state, policies, names, cause)


# -- VM monitoring


def on_hung(state: ClusterState, event: v.VmHung, cause: int, policies: Policies) -> Steps:
    """Wait for a heartbeat of the guest."""
    if policies.ha.monitors:
        yield Wake(cause, policies.timings.monitor_s, "monitor", event.subject, event.at_s)


def on_monitor(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Reset a guest that still hangs, but not for ever."""
    vm = state.vms[event.subject]
    if vm.phase != "hung" or vm.down_at > event.since:
        return
    if vm.activity:  # a reset in the middle of a move would lose it: look again when it is over
        yield Wake(cause, policies.timings.monitor_s, "monitor", vm.name, event.since)
        return
    recent = [at for at in vm.resets if at > state.now - policies.ha.reset_window_s]
    if len(recent) >= policies.ha.max_resets:
        why = Sentence("resets so far: {count}; it needs a person", {"count": len(recent)})
        yield e.Warned(state.now, vm.name, cause, why)
        return
    yield v.VmResetting(state.now, vm.name, cause, len(recent) + 1, policies.ha.max_resets)
    yield ResetVm(state.number, vm.name)


def on_gone(state: ClusterState, event: v.VmOff, cause: int, policies: Policies) -> Steps:
    """The last VM of a host that could not be fenced has stopped: now it can."""
    host = state.hosts[event.host]
    if host.verdict == "dead" and not host.vms:
        yield fence(policies, host, cause)


_ISOLATED: Final = {
    "none": Sentence("isolation response: none"),
    "power-off": Sentence("isolation response: power-off"),
    "shutdown": Sentence("isolation response: shutdown"),
}

ON_EVENT: Final[Rules] = {
    e.RunBegun: on_begin,
    e.HostFailed: on_silent,
    e.HostOff: on_off,
    e.HostCut: on_cut,
    e.NetworkParted: on_parted,
    e.PrimaryElected: on_primary,
    e.HostDead: on_dead,
    e.FenceFailed: on_fence_failed,
    e.HostFenced: on_fenced,
    e.HostBack: on_back,
    e.HostJoined: on_back,
    e.NetworkHealed: on_healed,
    e.RecordBack: on_record_back,
    v.VmHung: on_hung,
    v.VmOff: on_gone,
}
ON_WAKE: Final = {
    "judge": on_judge,
    "elect": on_elect,
    "isolate": on_isolate,
    "monitor": on_monitor,
    "rejoin": on_rejoin,
}
