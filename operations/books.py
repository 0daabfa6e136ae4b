"""How the state's books are kept: what several events do alike.  For `changes` and `move_changes` alone."""

from __future__ import annotations

from operations.policy import COPY_DATASTORE_UNITS, COPY_HOST_UNITS, MOVE_UNITS
from operations.state import ClusterState, HostState, VmState


def power_off(state: ClusterState, host: HostState) -> None:
    """Take a host away with all it runs and all second copies it holds."""
    host.powered = host.returned = False
    host.idle_since = None
    fall_silent(state, host)
    host.starting = 0
    for name in host.vms:
        lose(state, state.vms[name], host)
    host.vms.clear()
    for name in tuple(host.copies):
        vm = state.vms[name]
        if vm.phase == "failover":
            host.lost[name] = None
            vm.last_host = host.name
            state.enter(vm, "down")
        drop_copy(state, vm)


def fall_silent(state: ClusterState, host: HostState) -> None:
    """Note since when nobody hears a host, and whether it was the primary."""
    if host.silent_at is None:
        host.silent_at = state.now
        host.silent_cause = state.number
    host.was_primary = state.primaries.get(host.group) == host.name
    if host.was_primary:
        del state.primaries[host.group]
        state.lock_of, state.locked_since = host.name, state.now


def lose(state: ClusterState, vm: VmState, host: HostState) -> None:
    """Let a VM go down with its host, or its second copy take over."""
    end_move(state, vm)
    state.leave(vm, host.name)
    if vm.phase in ("running", "booting"):
        begin_outage(state, vm, state.now)
    vm.stalled_at = None
    vm.host = None
    vm.activity = 0
    vm.last_host = host.name
    if vm.secondary is not None and vm.phase == "running" and state.hosts[vm.secondary].powered:
        vm.phase = "failover"
        return
    drop_copy(state, vm)
    vm.is_safe = False
    host.lost[vm.name] = None
    state.enter(vm, "down")


def mark_safe(state: ClusterState, host: HostState) -> None:
    """Be sure that the VMs lost with a host run nowhere."""
    for name in host.lost:
        state.vms[name].is_safe = True


def detach(state: ClusterState, vm: VmState, host: str) -> None:
    """Take a VM off a host where it ran or was to start; it certainly runs there no more."""
    state.leave(vm, host)
    state.hosts[host].vms.pop(vm.name, None)
    state.hosts[host].idle_since = state.now
    vm.host = None
    vm.last_host = host
    vm.activity = 0
    vm.is_safe = True


def end_move(state: ClusterState, vm: VmState) -> None:
    """Give back what a migration or a copy of disks under way holds."""
    if vm.copying is not None:
        state.datastores[vm.copying.datastore].used_mib -= vm.copying.size_mib
        end_copy(state, vm)
    if vm.target is not None and vm.host is not None:
        state.leave(vm, vm.target)
        state.hosts[vm.target].incoming.pop(vm.name, None)
        charge(state, vm, vm.host, vm.target, -1)
        vm.target = None
        vm.activity = 0


def charge(state: ClusterState, vm: VmState, source: str, target: str, sign: int) -> None:
    """Count one migration's units on both hosts, their NICs and the datastores."""
    for name in (source, target):
        host = state.hosts[name]
        host.units += MOVE_UNITS * sign
        host.streams += MOVE_UNITS * sign
    for name in vm.row.datastores:
        if name in state.datastores:
            state.datastores[name].units += MOVE_UNITS * sign


def end_copy(state: ClusterState, vm: VmState) -> None:
    """Give back the units of a copy of disks; what it took on the target stays booked."""
    charge_copy(state, vm, -1)
    vm.copying = None
    vm.activity = 0


def charge_copy(state: ClusterState, vm: VmState, sign: int) -> None:
    """Count one copy of disks on its host and both datastores."""
    if vm.copying is None or vm.host is None:
        return
    state.hosts[vm.host].units += COPY_HOST_UNITS * sign
    for name in (vm.copying.source, vm.copying.datastore):
        state.datastores[name].units += COPY_DATASTORE_UNITS * sign


def drop_copy(state: ClusterState, vm: VmState) -> None:
    """Give back the room of both second copies, made and in the making."""
    for name in (vm.secondary, vm.seeding):
        if name is not None:
            drop_copy_on(state, vm, name)


def drop_copy_on(state: ClusterState, vm: VmState, host: str) -> None:
    """Give back the room of one second copy."""
    state.leave(vm, host)
    state.hosts[host].copies.pop(vm.name, None)
    if vm.secondary == host:
        vm.secondary = None
    else:
        vm.seeding = None
        vm.seed_activity = 0


def forget(state: ClusterState, vm: VmState) -> None:
    """Let nothing wait for a VM any more."""
    if vm.hold:
        state.release(vm)
    if vm.last_host is not None:
        state.hosts[vm.last_host].lost.pop(vm.name, None)


def begin_outage(state: ClusterState, vm: VmState, at_s: float) -> None:
    """Note since when a VM is out: since it could no longer serve."""
    if vm.phase == "running":
        vm.down_at = at_s if vm.stalled_at is None else vm.stalled_at


def look_at_service(state: ClusterState, vm: VmState, at_s: float) -> None:
    """Note since when a running VM cannot serve, or that it can again."""
    if vm.phase != "running" or vm.host is None:
        return
    if not can_serve(state, vm, state.hosts[vm.host]):
        vm.stalled_at = at_s if vm.stalled_at is None else vm.stalled_at
    elif vm.stalled_at is not None:
        vm.out_s += at_s - vm.stalled_at
        vm.outages += 1
        vm.stalled_at = None


def can_serve(state: ClusterState, vm: VmState, host: HostState) -> bool:
    """Whether a VM that runs on a host has its network and its storage there."""
    if host.is_cut:
        return False
    for name in vm.row.datastores:
        store = state.datastores.get(name)
        if name in host.storage_lost or (store is not None and store.full and is_growing(vm)):
            return False
    return True


def is_growing(vm: VmState) -> bool:
    """Whether a full datastore stops a VM: it has a thin disk, or nobody said."""
    return not vm.row.disks or any(disk.thin is not False for disk in vm.row.disks)


def rejoin(host: HostState) -> None:
    """Hear a host again that was in another part of the network."""
    if host.powered and host.connected and not host.returned:
        host.silent_at = None
        host.verdict = "live"
