"""Whose turn it is to be restarted: who is due, who waits for what, which priority may go."""

from __future__ import annotations

from operations.policy import Policies
from operations.state import ClusterState, VmState


def gate_is_open(state: ClusterState, policies: Policies, tier: int) -> bool:
    """Whether every VM of a higher priority is as far as the policy asks."""
    gate = policies.ha.gate
    if gate == "none" or tier <= state.forced_tier:
        return True
    return not any((state.unstarted if gate == "started" else state.unready)[:tier])


def due(state: ClusterState, fenced_by_s: float) -> list[str]:
    """VMs that went down, may start again, and whose host was given up or came back by a time."""
    return [
        name
        for host in state.hosts.values()
        if host.lost and host.fenced_at <= fenced_by_s
        for name in host.lost
        if state.vms[name].is_safe
    ]


def held(state: ClusterState, *holds: str) -> list[str]:
    """VMs that wait for one of these."""
    return [name for hold in holds for name in state.held.get(hold, ())]


def missing(state: ClusterState, vm: VmState) -> str | None:
    """The first VM it depends on that should run and does not answer."""
    for name in vm.guest.after:
        other = state.vms.get(name)
        if other is not None and other.phase in ("down", "starting", "booting", "hung"):
            return name
    return None


def fence_of(state: ClusterState, vm: VmState) -> int:
    """The event since which a VM's last host runs it no more; 0 where there is none."""
    return 0 if vm.last_host is None else state.hosts[vm.last_host].fenced_number
