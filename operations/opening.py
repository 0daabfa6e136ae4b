"""The state a run opens with, made from one cluster of an estate; and cheap copies of it for drills."""

from __future__ import annotations

from collections.abc import Mapping
from operator import methodcaller
from typing import Final

from msgspec import structs

from operations.guest import PLAIN, Guest
from operations.move_changes import ON_EVENT
from operations.policy import Policies
from operations.state import FREE, TIERS, Bonds, ClusterState, DatastoreState, HostState, VmState
from planner.estate import VM, Datastore, Estate, EstateError, Host, Rule

MIB_PER_MBIT: Final = 1e6 / 8 / 2**20  # 1 Mbit in MiB
SLOW_NIC_MBIT: Final = 1000
_copied: Final = methodcaller("__copy__")  # what `copy.copy` calls in the end; a drill copies thousands


def open_state(
    estate: Estate,
    policies: Policies,
    guests: Mapping[str, Guest] | None = None,
    *,
    cluster: str | None = None,
    cold: bool = False,
) -> ClusterState:
    """Make the state of one cluster as the estate recorded it.

    Templates, second copies of FT pairs and VMs on no host of the cluster are no VMs of their own here.
    `cluster` None: the only one there is, or every host where the estate names none.

    Args:
        guests: behaviour of VMs by name, where it differs from the default.
        cold: no VM runs yet; those recorded as on are wanted.

    Raises:
        EstateError: several clusters and none chosen, an unknown cluster, or no host in it.
    """
    estate = estate.sorted()
    members = _members(estate, cluster)
    ports = {group.name for group in estate.port_groups if "vmotion" in group.roles}
    hosts = {host.name: _host(host, policies, ports) for host in members}
    guests = guests or {}
    bonds = _bonds(estate.rules)
    stores = {store.name: _datastore(store, estate) for store in estate.datastores}
    networks = {group.name: frozenset(group.hosts) for group in estate.port_groups if group.hosts}
    rows = [_with_stores(vm) for vm in estate.vms if not vm.template and vm.host in hosts]
    seconds = _second_copies(rows)
    every = frozenset(hosts)
    vms = {
        vm.name: _vm(vm, guests.get(vm.name, PLAIN), bonds, stores, networks, every)
        for vm in rows
        if vm.name not in seconds
    }
    state = ClusterState(hosts, vms, stores, bonds, networks, ON_EVENT)
    for vm in vms.values():
        _settle(state, vm, vm.row.host or "", cold)
    for name, primary in seconds.items():
        _pair(state, next(row for row in rows if row.name == name), primary)
    return state


def fork(state: ClusterState) -> ClusterState:
    """Give an independent copy, so that one opening serves thousands of drills."""
    hosts = {name: _copied(host) for name, host in state.hosts.items()}
    for host in hosts.values():
        host.vms = host.vms.copy()
        host.lost = host.lost.copy()
        host.incoming = host.incoming.copy()
        host.copies = host.copies.copy()
        host.storage_lost = host.storage_lost.copy()
    vms = {name: _copied(vm) for name, vm in state.vms.items()}
    stores = {name: _copied(store) for name, store in state.datastores.items()}
    for store in stores.values():
        store.paths = store.paths.copy()
    other = ClusterState(hosts, vms, stores, state.bonds, state.networks, state.on_apply)
    other.number, other.now, other.record_up = state.number, state.now, state.record_up
    other.primaries = state.primaries.copy()
    other.watched_since = state.watched_since
    other.lock_of, other.locked_since = state.lock_of, state.locked_since
    other.held = {hold: names.copy() for hold, names in state.held.items()}
    other.queued = state.queued.copy()
    other.emptying = state.emptying.copy()
    other.unready, other.unstarted = state.unready.copy(), state.unstarted.copy()
    other.rolling, other.forced_tier = state.rolling, state.forced_tier
    other.level, other.level_since = state.level, state.level_since
    return other


def _members(estate: Estate, cluster: str | None) -> tuple[Host, ...]:
    names = sorted({host.cluster for host in estate.hosts if host.cluster is not None})
    if cluster is None and len(names) > 1:
        raise EstateError(f"the estate has {len(names)} clusters; choose one of {', '.join(names)}")
    if cluster is not None and cluster not in names:
        raise EstateError(f"there is no cluster {cluster!r}; there are {', '.join(names) or 'none'}")
    members = estate.hosts if cluster is None else estate.hosts_of(cluster)
    if not members:
        raise EstateError("the estate has no host")
    return members


def _host(host: Host, policies: Policies, migration_groups: set[str]) -> HostState:
    """A host as recorded.  It has no port for migrations only where its ports are known and none is one."""
    speeds = [nic.speed_mbit for nic in host.nics if nic.up is not False and nic.speed_mbit]
    mbit = max(speeds) if speeds else policies.migration.unknown_link_mbit
    limits = policies.migration
    return HostState(
        name=host.name,
        row=host,
        memory_mib=int(host.memory_mib * policies.capacity.memory_ratio),
        vcpus=int(host.cores * policies.capacity.vcpu_per_core),
        link_mib_s=mbit * MIB_PER_MBIT * limits.link_share,
        nic_units=limits.slow_nic_units if mbit <= SLOW_NIC_MBIT else limits.fast_nic_units,
        powered=host.connected,
        connected=host.connected,
        verdict="live" if host.connected else "fenced",
        maintenance="on" if host.maintenance else "",
        may_migrate=not (migration_groups and host.vmks)
        or any(port.port_group in migration_groups for port in host.vmks),
    )


def _datastore(store: Datastore, estate: Estate) -> DatastoreState:
    paths: dict[str, tuple[str, ...]] = {}
    for path in estate.paths:
        if path.state != "dead" and (path.datastore == store.name or path.lun in store.luns):
            paths[path.host] = (*paths.get(path.host, ()), path.name)
    return DatastoreState(
        name=store.name,
        capacity_mib=store.capacity_mib,
        used_mib=store.used_mib,
        shared=store.shared,
        hosts=frozenset(store.hosts),
        paths=paths,
    )


def _with_stores(vm: VM) -> VM:
    """Take a VM's datastores from its disks where the estate lists only those."""
    if vm.datastores or not vm.disks:
        return vm
    names = dict.fromkeys(disk.datastore for disk in vm.disks if disk.datastore is not None)
    return structs.replace(vm, datastores=tuple(names))


def _vm(
    row: VM,
    guest: Guest,
    bonds: Mapping[str, Bonds],
    stores: Mapping[str, DatastoreState],
    networks: Mapping[str, frozenset[str]],
    every: frozenset[str],
) -> VmState:
    mounted = all(
        name not in stores or not stores[name].hosts or every <= stores[name].hosts for name in row.datastores
    )
    wired = all(every <= networks.get(name, every) for name in row.networks)
    is_ft = row.ft == "primary"
    return VmState(
        name=row.name,
        row=row,
        guest=guest,
        memory_mib=row.memory_mib,
        vcpus=row.vcpus,
        tier=TIERS[row.restart_priority],
        is_plain=row.name not in bonds
        and mounted
        and wired
        and not is_ft
        and not guest.home
        and not guest.licensed,
        ft=is_ft,
        cpu_mhz=row.cpu_demand_mhz or 0.0,
    )


def _settle(state: ClusterState, vm: VmState, name: str, cold: bool) -> None:
    """Put a VM where the estate says it is."""
    host = state.hosts[name]
    vm.last_host = name
    if vm.guest.error:
        vm.phase = "error"
    elif vm.row.power == "on" and not cold and host.powered:
        vm.phase = "running"
        vm.host = name
        host.vms[vm.name] = None
        state.occupy(vm, name)
    elif vm.row.power == "on":
        host.lost[vm.name] = None
        state.enter(vm, "down")


def _second_copies(rows: list[VM]) -> dict[str, str]:
    """Give the primary of each second copy: the same UUID, or else the longest name that it begins with.

    "db1 (secondary)" belongs to db1; "db10 (secondary)" does not.  A primary has one second copy.
    """
    free = {row.name: row for row in rows if row.ft == "primary"}
    pairs: dict[str, str] = {}
    for row in rows:
        fitting = [name for name, primary in free.items() if _is_copy(row, primary)]
        if row.ft == "secondary" and fitting:
            pairs[row.name] = max(fitting, key=lambda name: (len(name), name))
            del free[pairs[row.name]]
    return pairs


def _is_copy(row: VM, primary: VM) -> bool:
    is_same = row.uuid is not None and row.uuid == primary.uuid
    return is_same or row.name.startswith(f"{primary.name} ")


def _pair(state: ClusterState, row: VM, primary: str) -> None:
    vm = state.vms[primary]
    if row.host is not None and row.host != vm.host and vm.host is not None and row.power == "on":
        vm.secondary = row.host
        state.occupy(vm, row.host)
        state.hosts[row.host].copies[vm.name] = None


def _bonds(rules: tuple[Rule, ...]) -> dict[str, Bonds]:
    """Gather what all rules say about each VM; several must-rules intersect."""
    found: dict[str, Bonds] = {}
    for rule in rules:
        for name in rule.vms:
            found[name] = _bound(found.get(name, FREE), rule, name)
    return {name: bonds for name, bonds in found.items() if bonds != FREE}


def _bound(bonds: Bonds, rule: Rule, name: str) -> Bonds:
    others = frozenset(rule.vms) - {name}
    hosts = frozenset(rule.hosts)
    bonds = structs.replace(bonds, rules=(*bonds.rules, rule.name or rule.kind))
    match rule.kind:
        case "spread":
            return structs.replace(bonds, apart=bonds.apart | others)
        case "gather":
            return structs.replace(bonds, together=bonds.together | others)
        case "must-run-on":
            return structs.replace(bonds, must=hosts if bonds.must is None else bonds.must & hosts)
        case "must-not-run-on":
            return structs.replace(bonds, must_not=bonds.must_not | hosts)
        case "should-run-on":
            return structs.replace(bonds, should=bonds.should | hosts)
        case "should-not-run-on":
            return structs.replace(bonds, should_not=bonds.should_not | hosts)
