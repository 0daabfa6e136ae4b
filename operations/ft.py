"""Fault tolerance: where the second copy of a VM goes, and when it has none.

A failure of one host costs an FT VM nothing; until the next second copy is seeded it is an ordinary VM,
and a second failure in that window restarts it by HA.  A fault of the guest hits both copies.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from operations import event as e
from operations import vm_event as v
from operations.action import SeedSecondary
from operations.choice import is_near, load_after, no_host, refusal
from operations.policy import Policies
from operations.state import ClusterState, HostState, VmState
from operations.step import NOTHING, Answer, Rules, Steps
from planner.sentence import Sentence

MBIT_PER_MIB: Final = 8 * 2**20 / 1e6


def second_host(state: ClusterState, policies: Policies, vm: VmState) -> HostState | None:
    """Give the least loaded host for the second copy: apart from the first, within the FT limits."""
    fitting = [host for host in state.hosts.values() if _refusal(state, policies, vm, host) is None]
    return min(fitting, key=lambda host: (load_after(host, vm, policies), host.name), default=None)


def _refusal(state: ClusterState, policies: Policies, vm: VmState, host: HostState) -> str | None:
    if not host.is_open:
        return "busy"
    if vm.host is not None and not _can_be_seeded(state, vm.host, host.name):
        return "storage"
    if is_near(state, policies, host.name, vm.host):
        return "rule"
    why = refusal(state, policies, vm, host, strict=False)
    return why or ("cpu" if not _carries_logging(state, policies, vm, host) else None)


def _can_be_seeded(state: ClusterState, source: str, host: str) -> bool:
    return state.hosts[source].connected and state.are_linked(source, host)


def _carries_logging(state: ClusterState, policies: Policies, vm: VmState, host: HostState) -> bool:
    """Whether the logging of all FT VMs of a host fits into its share of the NIC."""
    names = dict.fromkeys((*host.vms, *host.copies, vm.name))
    mbit = sum(state.vms[name].guest.ft_logging_mbit for name in names if state.vms[name].ft)
    return mbit <= host.link_mib_s * MBIT_PER_MIB * policies.ft.share_of_nic


def protect(state: ClusterState, policies: Policies, cause: int) -> Steps:
    """Seed a second copy for every FT VM that runs without one."""
    for vm in state.at_risk():
        if vm.phase != "running" or vm.target is not None:
            continue
        if not vm.told_unprotected:
            why = Sentence("one copy left, on {host}: the next failure stops it", {"host": vm.host})
            yield v.FtUnprotected(state.now, vm.name, cause, why)
            cause = state.number
        host = second_host(state, policies, vm)
        if host is not None:
            yield v.FtSeeding(state.now, vm.name, cause, host.name)
            yield SeedSecondary(state.number, vm.name, vm.host or "", host.name)


def reseed(state: ClusterState, policies: Policies, host: HostState, cause: int) -> Steps:
    """Make the second copies of a host that is being emptied anew elsewhere; the old ones stay until then."""
    for name in tuple(host.copies):
        vm = state.vms[name]
        if vm.secondary == host.name and vm.seeding is None and vm.phase == "running" and vm.target is None:
            other = second_host(state, policies, vm)
            if other is not None:
                yield v.FtSeeding(state.now, vm.name, cause, other.name)
                yield SeedSecondary(state.number, vm.name, vm.host or "", other.name)


def why_unprotected(state: ClusterState, policies: Policies, vm: VmState) -> Sentence:
    """Say why no host takes a second copy."""
    counts = Counter(why for host in state.hosts.values() if (why := _refusal(state, policies, vm, host)))
    return no_host(0, counts)


def on_change(state: ClusterState, event: e.Event, cause: int, policies: Policies) -> Answer:
    """Look whether an FT VM lost its second copy, or can have one again."""
    return protect(state, policies, cause) if state.ft_names else NOTHING


def on_hung(state: ClusterState, event: v.VmHung, cause: int, policies: Policies) -> Steps:
    """Say what FT is not for."""
    vm = state.vms[event.subject]
    if vm.ft and vm.secondary is not None:
        why = Sentence("both copies run the same fault: FT does not help")
        yield e.Warned(state.now, vm.name, cause, why)


ON_EVENT: Final[Rules] = {
    e.RunBegun: on_change,
    e.HostFailed: on_change,
    e.HostOff: on_change,
    e.HostFenced: on_change,
    e.HostBack: on_change,
    e.HostJoined: on_change,
    e.NetworkHealed: on_change,
    v.FtFailover: on_change,
    v.FtCopyLost: on_change,
    v.VmUp: on_change,
    v.VmOff: on_change,
    v.Migrated: on_change,
    v.MigrationFailed: on_change,
    v.MaintenanceOff: on_change,
    v.VmHung: on_hung,
}
