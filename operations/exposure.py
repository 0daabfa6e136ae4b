"""What loses its protection while a host is empty, said before it begins; and who runs without a licence.

Said are: whether another host may fail meanwhile (N+1), FT pairs that lose a copy, datastores and virtual
switches that the VMs would hang on by one path or one NIC, licences that the other hosts need, and what
cannot leave at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from operations import event as e
from operations import vm_event as v
from operations.policy import Policies
from operations.prerequisites import unmet
from operations.state import FREE, NO_RESTART, ClusterState, HostState, VmState
from operations.step import Rules, Steps
from planner.sentence import Sentence

LOOKED_AT: Final = 5  # of the other hosts, the fullest: whether their failure could be carried meanwhile
NAMED: Final = 5  # of a list of names; the rest is counted


def preflight(state: ClusterState, policies: Policies, host: HostState) -> tuple[Sentence, ...]:
    """Say what loses its protection while a host is empty, and what cannot leave it."""
    others = [other for other in state.hosts.values() if other.is_open and other is not host]
    leaving = [state.vms[name] for name in host.vms]
    return (
        *_failures(state, host, others),
        *_pairs(state, host),
        *(why for vm in leaving if (why := stuck(state, policies, vm)) is not None),
        *_single_paths(state, leaving, others),
        *_single_nics(others),
        *_licences(state, leaving, others),
    )


# -- N+1


def _failures(state: ClusterState, host: HostState, others: list[HostState]) -> Iterator[Sentence]:
    """Whether the other hosts carry its VMs, and then the failure of one of them."""
    free = sum(other.memory_mib - other.used_mib for other in others)
    if free < host.used_mib:
        missing = host.used_mib - free
        yield Sentence("the other hosts lack {missing} MiB for its VMs", {"missing": missing})
        return
    found: list[tuple[int, int, str]] = []
    for other in sorted(others, key=lambda one: (-one.used_mib, one.name))[:LOOKED_AT]:
        left = without_room(state, (host, other))
        lost = [vm for vm in left if vm.host == other.name]
        found.append((len(lost), sum(vm.memory_mib for vm in lost), other.name))
    count, missing, name = max(found, key=lambda one: one[:2], default=(0, 0, ""))
    if count:
        yield Sentence(
            "while it is empty, the failure of {other} leaves VMs without room: {count} ({missing} MiB)",
            {"other": name, "count": count, "missing": missing},
        )


def without_room(state: ClusterState, gone: tuple[HostState, ...]) -> list[VmState]:
    """Place the VMs of hosts that are gone on the open ones, and give those that find no room.

    The hosts in the order given, the largest VM first, each to the host with most memory free that takes
    it; VMs that are not restarted are left out.  A better packing may exist: what has room here has room.
    """
    free = {
        host.name: [host.memory_mib - host.used_mib, host.vcpus - host.used_vcpus]
        for host in state.hosts.values()
        if host.is_open and host not in gone
    }
    new: dict[str, str] = {}
    left: list[VmState] = []
    for host in gone:
        vms = (state.vms[name] for name in host.vms)
        for vm in sorted(vms, key=lambda vm: (-vm.memory_mib, vm.name)):
            name = _room_for(state, vm, free, new, {one.name for one in gone})
            if name is not None:
                new[vm.name] = name
                free[name][0] -= vm.memory_mib
                free[name][1] -= vm.vcpus
            elif vm.tier != NO_RESTART:
                left.append(vm)
    return left


def _room_for(
    state: ClusterState, vm: VmState, free: dict[str, list[int]], new: dict[str, str], gone: set[str]
) -> str | None:
    bonds = state.bonds.get(vm.name, FREE)
    taken = {new.get(mate) or state.vms[mate].host for mate in bonds.apart if mate in state.vms} - gone
    for name in sorted(free, key=lambda one: (-free[one][0], one)):
        memory, vcpus = free[name]
        if memory < vm.memory_mib:
            return None
        allowed = name not in bonds.must_not and (bonds.must is None or name in bonds.must)
        fits = vcpus >= vm.vcpus and allowed and name not in taken
        if fits and (vm.is_plain or state.reaches(state.hosts[name], vm)):
            return name
    return None


# -- FT, paths, NICs


def _pairs(state: ClusterState, host: HostState) -> Iterator[Sentence]:
    copies = len(host.copies) + sum(state.vms[name].ft for name in host.vms)
    if copies:
        yield Sentence("FT VMs that lose a copy until it is made anew: {count}", {"count": copies})


def _single_paths(state: ClusterState, leaving: list[VmState], others: list[HostState]) -> Iterator[Sentence]:
    """Datastores of the VMs that leave which other hosts reach over one path."""
    used = {name for vm in leaving for name in vm.row.datastores}
    for store in state.datastores.values():
        thin = [other.name for other in others if len(store.paths.get(other.name, ("", ""))) == 1]
        if thin and store.name in used:
            yield Sentence(
                "{datastore} is reached over one path only by {hosts}",
                {"datastore": store.name, "hosts": _named(thin)},
            )


def _single_nics(others: list[HostState]) -> Iterator[Sentence]:
    """Virtual switches that hang on one NIC that is up, where the estate tells of switches."""
    thin: dict[str, list[str]] = {}
    for other in others:
        counts = Counter(nic.switch for nic in other.row.nics if nic.switch and nic.up is not False)
        for switch in sorted(name for name, count in counts.items() if name and count == 1):
            thin.setdefault(switch, []).append(other.name)
    for switch, hosts in thin.items():
        yield Sentence(
            "{switch} hangs on one NIC only at {hosts}", {"switch": switch, "hosts": _named(hosts)}
        )


def _named(names: list[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} + {len(names) - NAMED}"


# -- licences


def _licences(state: ClusterState, leaving: list[VmState], others: list[HostState]) -> Iterator[Sentence]:
    """Licences that bind VMs to hosts, and hosts that would run Windows Server for the first time.

    Windows Server is licensed by all cores of every host on which one may run: Microsoft's product terms.
    """
    for vm in leaving:
        open_ones = [other.name for other in others if other.name in vm.guest.licensed]
        if vm.guest.licensed and not open_ones:
            yield Sentence(
                "{vm} is licensed for {hosts} alone, none of which is open",
                {"vm": vm.name, "hosts": _named(list(vm.guest.licensed))},
            )
    windows = [vm for vm in leaving if is_windows_server(vm)]
    new = [
        other
        for other in others
        if not any(is_windows_server(state.vms[name]) for name in (*other.vms, *other.copies))
    ]
    if windows and new:
        yield Sentence(
            "Windows Server may come to hosts that run none now, all of whose {cores} cores need a licence:"
            " {hosts}",
            {"cores": sum(other.row.cores for other in new), "hosts": _named([one.name for one in new])},
        )


def is_windows_server(vm: VmState) -> bool:
    """Whether a VM runs Windows Server, as its guest operating system says."""
    return "windows server" in (vm.row.guest_os or "").lower()


def on_arrival(state: ClusterState, event: v.VmStarted | v.Migrated, cause: int, policies: Policies) -> Steps:
    """Tell of a VM that came to a host for which it has no licence."""
    vm = state.vms[event.subject]
    if vm.guest.licensed and event.host not in vm.guest.licensed:
        why = Sentence("has no licence for {host}", {"host": event.host})
        yield e.Warned(state.now, vm.name, cause, why)


# -- what cannot leave


def stuck(state: ClusterState, policies: Policies, vm: VmState) -> Sentence | None:
    """Why a VM fits no other open host at all; None when one takes it."""
    if vm.guest.container or vm.seeding is not None:
        return None
    reasons: list[Sentence] = []
    for other in _open_elsewhere(state, vm):
        missing = unmet(state, policies, vm, other, strict=False)
        if not missing:
            return None
        reasons.append(missing[0].words)
    return reasons[0] if reasons else Sentence("{vm} has no other host", {"vm": vm.name})


def _open_elsewhere(state: ClusterState, vm: VmState) -> Iterable[HostState]:
    return (other for other in state.hosts.values() if other.is_open and other.name != vm.host)


ON_EVENT: Final[Rules] = {v.VmStarted: on_arrival, v.Migrated: on_arrival}
