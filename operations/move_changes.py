"""What migrations, maintenance, FT and storage do to the state; the second half of `changes.py`."""

from __future__ import annotations

from typing import Final

from msgspec import structs

from operations import event as e
from operations import vm_event as v
from operations.books import charge, charge_copy, drop_copy_on, end_copy, end_move, look_at_service
from operations.changes import ON_HOST_EVENT
from operations.state import Apply, ClusterState


def migrating(state: ClusterState, event: v.Migrating) -> None:
    """Reserve room at the target and the units of the move."""
    vm = state.vms[event.subject]
    state.queued.pop(vm.name, None)
    if state.hosts[event.source].maintenance:
        vm.home = event.source
        state.homesick[vm.name] = None
    vm.target = event.host
    vm.activity = state.number
    state.occupy(vm, event.host)
    state.hosts[event.host].incoming[vm.name] = None
    charge(state, vm, event.source, event.host, 1)


def migrated(state: ClusterState, event: v.Migrated) -> None:
    """Let a VM run at the target."""
    vm = state.vms[event.subject]
    charge(state, vm, event.source, event.host, -1)
    state.leave(vm, event.source)
    state.hosts[event.source].vms.pop(vm.name, None)
    state.hosts[event.source].idle_since = event.at_s
    target = state.hosts[event.host]
    target.incoming.pop(vm.name, None)
    target.vms[vm.name] = None
    vm.host = event.host
    vm.home = None if event.host == vm.home else vm.home
    vm.target = None
    vm.activity = 0
    vm.moved_at = event.at_s
    vm.failed_moves = 0
    look_at_service(state, vm, event.at_s)


def migration_failed(state: ClusterState, event: v.MigrationFailed) -> None:
    """Keep a VM where it is."""
    vm = state.vms[event.subject]
    end_move(state, vm)
    vm.failed_moves += 1


def move_waiting(state: ClusterState, event: v.MoveWaiting) -> None:
    """Remember a move that waits for its turn."""
    state.queued[event.subject] = event.host


def refused(state: ClusterState, event: e.Refused) -> None:
    """Forget a move that is not done."""
    state.queued.pop(event.subject, None)


def storage_moving(state: ClusterState, event: v.StorageMoving) -> None:
    """Charge a copy of disks to its host and both datastores, and take its room on the target."""
    vm = state.vms[event.subject]
    vm.copying = event
    state.datastores[event.datastore].used_mib += event.size_mib
    vm.activity = state.number
    charge_copy(state, vm, 1)


def storage_moved(state: ClusterState, event: v.StorageMoved) -> None:
    """Let a VM's disks stand on the other datastore."""
    vm = state.vms[event.subject]
    size = 0 if vm.copying is None else vm.copying.size_mib
    end_copy(state, vm)
    names = dict.fromkeys(event.datastore if name == event.source else name for name in vm.row.datastores)
    disks = tuple(
        structs.replace(disk, datastore=event.datastore) if disk.datastore == event.source else disk
        for disk in vm.row.disks
    )
    vm.row = structs.replace(vm.row, datastores=tuple(names), disks=disks)
    source = state.datastores[event.source]
    source.used_mib = max(0, source.used_mib - size)  # an estate may record less than the VM's disks hold


def emptying(state: ClusterState, event: v.Emptying) -> None:
    """Close a host to new VMs."""
    host = state.hosts[event.subject]
    host.maintenance = "emptying"
    host.then = event.then
    host.emptying_since = event.at_s
    host.told_blocked = False
    state.emptying[event.subject] = None


def maintenance_on(state: ClusterState, event: v.MaintenanceOn) -> None:
    """Let a host be worked on."""
    state.hosts[event.subject].maintenance = "on"
    state.emptying.pop(event.subject, None)


def maintenance_off(state: ClusterState, event: v.MaintenanceOff) -> None:
    """Open a host again; a rolling maintenance goes on with the next."""
    state.hosts[event.subject].maintenance = ""
    state.emptying.pop(event.subject, None)
    state.rolling = tuple(name for name in state.rolling if name != event.subject)


def blocked(state: ClusterState, event: v.MaintenanceBlocked) -> None:
    """Remember that it was told."""
    state.hosts[event.subject].told_blocked = True


def rolling_done(state: ClusterState, event: v.RollingDone) -> None:
    """End a rolling maintenance."""
    state.rolling = ()


def ft_failover(state: ClusterState, event: v.FtFailover) -> None:
    """Let the second copy be the VM."""
    vm = state.vms[event.subject]
    host = state.hosts[event.host]
    host.copies.pop(vm.name, None)
    host.vms[vm.name] = None
    vm.host = event.host
    vm.secondary = None
    vm.phase = "running"
    look_at_service(state, vm, event.at_s)


def ft_unprotected(state: ClusterState, event: v.FtUnprotected) -> None:
    """Remember that it was told."""
    state.vms[event.subject].told_unprotected = True


def ft_copy_lost(state: ClusterState, event: v.FtCopyLost) -> None:
    """Give the room of a second copy back."""
    drop_copy_on(state, state.vms[event.subject], event.host)


def ft_seeding(state: ClusterState, event: v.FtSeeding) -> None:
    """Reserve room for a second copy."""
    vm = state.vms[event.subject]
    vm.seeding = event.host
    vm.seed_activity = state.number
    state.occupy(vm, event.host)
    state.hosts[event.host].copies[vm.name] = None


def ft_protected(state: ClusterState, event: v.FtProtected) -> None:
    """Let the second copy stand by."""
    vm = state.vms[event.subject]
    if vm.secondary is not None:
        state.leave(vm, vm.secondary)
        state.hosts[vm.secondary].copies.pop(vm.name, None)
    vm.secondary, vm.seeding = vm.seeding, None
    vm.seed_activity = 0
    vm.told_unprotected = False


def path_lost(state: ClusterState, event: e.PathLost) -> None:
    """Take one path of a host to a datastore."""
    paths = state.datastores[event.datastore].paths
    paths[event.subject] = tuple(name for name in paths.get(event.subject, ()) if name != event.path)


def path_back(state: ClusterState, event: e.PathBack) -> None:
    """Give one path back."""
    paths = state.datastores[event.datastore].paths
    paths[event.subject] = (*paths.get(event.subject, ()), event.path)


def storage_lost(state: ClusterState, event: e.StorageLost) -> None:
    """Take a datastore from a host: its VMs there can no longer write."""
    host = state.hosts[event.subject]
    host.storage_lost[event.datastore] = event.at_s
    for name in host.vms:
        look_at_service(state, state.vms[name], event.at_s)


def storage_back(state: ClusterState, event: e.StorageBack) -> None:
    """Give a datastore back to a host."""
    host = state.hosts[event.subject]
    host.storage_lost.pop(event.datastore, None)
    for name in host.vms:
        look_at_service(state, state.vms[name], event.at_s)


def datastore_full(state: ClusterState, event: e.DatastoreFull) -> None:
    """Stop the VMs whose disks want to grow."""
    state.datastores[event.subject].full = True
    for vm in state.vms.values():
        look_at_service(state, vm, event.at_s)


def datastore_freed(state: ClusterState, event: e.DatastoreFreed) -> None:
    """Let them go on."""
    state.datastores[event.subject].full = False
    for vm in state.vms.values():
        look_at_service(state, vm, event.at_s)


ON_EVENT: Final[dict[type[e.Event], Apply]] = {
    **ON_HOST_EVENT,
    v.Migrating: migrating,
    v.Migrated: migrated,
    v.MigrationFailed: migration_failed,
    v.MoveWaiting: move_waiting,
    e.Refused: refused,
    v.StorageMoving: storage_moving,
    v.StorageMoved: storage_moved,
    v.Emptying: emptying,
    v.MaintenanceOn: maintenance_on,
    v.MaintenanceOff: maintenance_off,
    v.MaintenanceBlocked: blocked,
    v.RollingDone: rolling_done,
    v.FtFailover: ft_failover,
    v.FtUnprotected: ft_unprotected,
    v.FtCopyLost: ft_copy_lost,
    v.FtSeeding: ft_seeding,
    v.FtProtected: ft_protected,
    e.PathLost: path_lost,
    e.PathBack: path_back,
    e.StorageLost: storage_lost,
    e.StorageBack: storage_back,
    e.DatastoreFull: datastore_full,
    e.DatastoreFreed: datastore_freed,
}
