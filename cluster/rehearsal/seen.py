"""What can be seen of a rehearsal: where each VM is and how it fares, and how each host stands.

The browser gets the opening and, with each event, what it changed; it knows no rule of HA or FT, so what
it shows at any second is what the engine had.  VMs and hosts go by their place in the opening.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias

from operations.event import Event
from operations.state import ClusterState, HostState, VmState

VmSeen: TypeAlias = tuple[str, int, int]  # phase, host, other host (target of a move, second copy); -1: none
# state, whether it is the primary, memory taken in MiB, dead links: the places of paths in the opening, and
# -1 minus the place of each datastore that is lost whole
HostSeen: TypeAlias = tuple[str, bool, int, tuple[int, ...]]
Changes: TypeAlias = dict[Literal["v", "h"], list[list[Any]]]
NOWHERE: Final = -1
HOSTS_WITH_LINKS: Final = 30  # more cards leave no room for links: the menu of a host has them still


class Seen:
    """Follows a state from its opening and says what each event changed."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._host_at = {name: at for at, name in enumerate(state.hosts)}
        self._vm_at = {name: at for at, name in enumerate(state.vms)}
        self._host_names = tuple(state.hosts)
        self._store_at = {name: at for at, name in enumerate(state.datastores)}
        self._paths = {host: self._paths_of(host) for host in state.hosts}
        self._hosts = [self._host(host) for host in state.hosts.values()]
        self._vms = [self._vm(vm) for vm in state.vms.values()]
        self.opening = self._opening()

    def after(self, event: Event) -> Changes:
        """What the event changed.  An event about one VM changes it and the hosts it was and is on."""
        at = self._vm_at.get(event.subject)
        if at is None or event.subject in self._host_at:
            return _said(self._changed_vms(self._vm_at), self._changed_hosts(self._host_at))
        was = self._vms[at]
        vms = self._changed_vms((event.subject,))
        touched = {place for place in (*was[1:], *self._vms[at][1:]) if place != NOWHERE}
        return _said(vms, self._changed_hosts(self._host_names[place] for place in sorted(touched)))

    def everything(self) -> tuple[list[VmSeen], list[HostSeen]]:
        """All that can be seen now."""
        state = self._state
        return [self._vm(vm) for vm in state.vms.values()], [
            self._host(host) for host in state.hosts.values()
        ]

    def _changed_vms(self, names: Iterable[str]) -> list[list[Any]]:
        changed = []
        for name in names:
            at, now = self._vm_at[name], self._vm(self._state.vms[name])
            if now != self._vms[at]:
                self._vms[at] = now
                changed.append([at, *now])
        return changed

    def _changed_hosts(self, names: Iterable[str]) -> list[list[Any]]:
        changed = []
        for name in names:
            at, now = self._host_at[name], self._host(self._state.hosts[name])
            if now != self._hosts[at]:
                self._hosts[at] = now
                changed.append([at, *now])
        return changed

    def _vm(self, vm: VmState) -> VmSeen:
        """A VM that is down is shown where it last ran."""
        host = vm.host if vm.host is not None else vm.last_host
        other = vm.target or vm.secondary or vm.seeding
        return phase_of(vm), self._place(host), self._place(other)

    def _host(self, host: HostState) -> HostSeen:
        is_primary = self._state.primaries.get(host.group) == host.name
        return state_of(host), is_primary, host.used_mib, self._dead_links(host)

    def _dead_links(self, host: HostState) -> tuple[int, ...]:
        """Which paths of the opening a host has lost, and which datastores."""
        stores = self._state.datastores
        paths = [
            at
            for at, (store, path) in enumerate(self._paths[host.name])
            if path not in stores[store].paths.get(host.name, ())
        ]
        return (*(NOWHERE - self._store_at[name] for name in sorted(host.storage_lost)), *paths)

    def _paths_of(self, host: str) -> tuple[tuple[str, str], ...]:
        return tuple(
            (name, path)
            for name, store in self._state.datastores.items()
            for path in store.paths.get(host, ())
        )

    def _mounts(self, host: str) -> list[int]:
        """The shared datastores that a host mounts, by place."""
        return [
            at
            for at, store in enumerate(self._state.datastores.values())
            if store.shared and (not store.hosts or host in store.hosts)
        ]

    def _place(self, host: str | None) -> int:
        return NOWHERE if host is None else self._host_at[host]

    def _opening(self) -> dict[str, Any]:
        state = self._state
        hosts = zip(state.hosts.values(), self._hosts, strict=True)
        vms = zip(state.vms.values(), self._vms, strict=True)
        stores = list(state.datastores)
        return {
            "hosts": [
                {
                    "name": host.name,
                    "memory_mib": host.memory_mib,
                    "rack": host.row.rack,
                    "site": host.row.site,
                    "seen": list(seen),
                }
                for host, seen in hosts
            ],
            "vms": [
                {"name": vm.name, "memory_mib": vm.memory_mib, "ft": vm.ft, "seen": list(seen)}
                for vm, seen in vms
            ],
            "datastores": stores,
            "paths": [
                [[self._store_at[name], path] for name, path in self._paths[host]] for host in state.hosts
            ],
            "mounts": [self._mounts(host) for host in state.hosts]
            if len(state.hosts) <= HOSTS_WITH_LINKS
            else [],
        }


def phase_of(vm: VmState) -> str:
    """How a VM fares: its phase, and whether a running one moves or cannot serve."""
    if vm.phase == "running":
        if vm.stalled_at is not None:
            return "stalled"
        return "moving" if vm.target is not None else "running"
    if vm.guest.error:
        return "off"  # in error from the start: nobody counts on it
    return "waiting" if vm.phase == "down" and vm.hold else vm.phase


def state_of(host: HostState) -> str:
    """How a host stands: the worst that is true of it."""
    if host.standby:
        return "standby"
    if not host.powered:
        return "off"
    if not host.connected:
        return "cut"
    if host.verdict != "live":
        return host.verdict
    if host.group:
        return "parted"
    if host.storage_lost:
        return "no-storage"
    return host.maintenance or "up"


def _said(vms: list[list[Any]], hosts: list[list[Any]]) -> Changes:
    said: Changes = {}
    if vms:
        said["v"] = vms
    if hosts:
        said["h"] = hosts
    return said
