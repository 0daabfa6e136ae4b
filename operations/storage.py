"""Storage that goes away: single paths, all paths down (APD), a device lost for good (PDL), a full datastore.

APD is waited for, 140 s and then 180 s, before VMs are stopped and restarted where the datastore is
still seen; PDL is acted on at once.  The conservative response stops only what can start elsewhere.
"""

from __future__ import annotations

from typing import Final

from operations import event as e
from operations.action import StopVm, Wake
from operations.choice import refusal
from operations.policy import Policies
from operations.state import ClusterState, HostState, VmState
from operations.step import Rules, Steps
from planner.sentence import Sentence


def can_restart_elsewhere(state: ClusterState, policies: Policies, vm: VmState) -> bool:
    """Whether some other open host sees the VM's storage and has room."""
    return any(
        host.is_open and host.name != vm.host and refusal(state, policies, vm, host, strict=False) is None
        for host in state.hosts.values()
    )


def on_path_lost(state: ClusterState, event: e.PathLost, cause: int, policies: Policies) -> Steps:
    """Say when only one path is left."""
    if event.left == 1:
        last = state.datastores[event.datastore].paths[event.subject][0]
        why = Sentence("{datastore} hangs on one path: {path}", {"datastore": event.datastore, "path": last})
        yield e.Warned(state.now, event.subject, cause, why)


def on_lost(state: ClusterState, event: e.StorageLost, cause: int, policies: Policies) -> Steps:
    """Act at once on PDL, wait on APD."""
    response = policies.ha.pdl if event.how == "PDL" else policies.ha.apd
    if not policies.ha.enabled or response == "disabled":
        return
    if response == "warning":
        why = Sentence("{datastore} is lost: the policy only warns", {"datastore": event.datastore})
        yield e.Warned(state.now, event.subject, cause, why)
    elif event.how == "PDL":
        yield from _stop(state, policies, state.hosts[event.subject], event.datastore, cause, force=True)
    else:
        delay = policies.timings.apd_timeout_s
        yield Wake(cause, delay, "apd-timeout", f"{event.subject}\n{event.datastore}", event.at_s)


def on_timeout(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """The host gives the datastore up; its VMs have a last delay."""
    host, datastore = _named(state, event)
    if host.powered and host.storage_lost.get(datastore) == event.since:
        delay = policies.timings.apd_delay_s
        yield e.ApdTimedOut(state.now, host.name, cause, datastore, delay)
        yield Wake(state.number, delay, "apd-act", event.subject, event.since)


def on_act(state: ClusterState, event: e.Woke, cause: int, policies: Policies) -> Steps:
    """Stop the VMs, as the response says."""
    host, datastore = _named(state, event)
    if host.powered and host.storage_lost.get(datastore) == event.since:
        force = policies.ha.apd == "aggressive"
        yield from _stop(state, policies, host, datastore, cause, force=force)


def _named(state: ClusterState, event: e.Woke) -> tuple[HostState, str]:
    name, datastore = event.subject.split("\n")
    return state.hosts[name], datastore


def _stop(
    state: ClusterState, policies: Policies, host: HostState, datastore: str, cause: int, *, force: bool
) -> Steps:
    for name in tuple(host.vms):
        vm = state.vms[name]
        if datastore not in vm.row.datastores or vm.phase not in ("running", "booting", "hung"):
            continue
        if force or can_restart_elsewhere(state, policies, vm):
            yield StopVm(cause, name, host.name, "storage")
        else:
            why = Sentence("left as it is: no other host could start it")
            yield e.Warned(state.now, name, cause, why)


ON_EVENT: Final[Rules] = {e.PathLost: on_path_lost, e.StorageLost: on_lost}
ON_WAKE: Final = {"apd-timeout": on_timeout, "apd-act": on_act}
