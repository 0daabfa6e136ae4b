"""What silent hosts of an estate had: they and their VMs stay as they were seen last, not connected."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from planner.estate import VM, Datastore, Estate, PortGroup


def with_recorded(estate: Estate, recorded: Estate | None, silent: Sequence[str]) -> Estate:
    """Join what was just read with what was known of the hosts that did not answer.

    A VM that is seen running elsewhere is there, and not on a silent host: one UUID is one VM.  One that
    another host merely has a definition of stays where it was seen to run.

    >>> with_recorded(Estate(), None, ["h1"]).hosts
    ()
    """
    away = set(silent)
    if recorded is None or not away:
        return estate
    hosts = tuple(replace(host, connected=False) for host in recorded.hosts if host.name in away)
    kept = {vm.uuid: vm for vm in recorded.vms if vm.host in away}
    seen = {vm.uuid: vm for vm in estate.vms}
    lost = [vm for uuid, vm in kept.items() if uuid not in seen or not _runs(seen[uuid])]
    gone = {vm.uuid for vm in lost}
    here = [vm for vm in estate.vms if vm.uuid not in gone]
    return replace(
        estate,
        hosts=(*estate.hosts, *hosts),
        vms=(*here, *_named_apart(lost, {vm.name for vm in here})),
        datastores=_stores(estate.datastores, recorded.datastores, away),
        port_groups=_groups(estate.port_groups, recorded.port_groups, away),
        fabrics=tuple({fabric.name: fabric for fabric in (*recorded.fabrics, *estate.fabrics)}.values()),
    ).sorted()


def _runs(vm: VM) -> bool:
    return vm.power != "off"


def _named_apart(lost: Sequence[VM], taken: set[str]) -> list[VM]:
    """Give a VM another name where a new one bears its own by now."""
    found = []
    for vm in lost:
        name, number = vm.name, 2
        while name in taken:
            name, number = f"{vm.name[:240]} ({number})", number + 1
        taken.add(name)
        found.append(vm if name == vm.name else replace(vm, name=name))
    return found


def _stores(now: Sequence[Datastore], before: Sequence[Datastore], away: set[str]) -> tuple[Datastore, ...]:
    stores = {store.name: store for store in now}
    for store in before:
        mounted = tuple(host for host in store.hosts if host in away)
        known = stores.get(store.name)
        if mounted:
            base = known or store
            hosts = (*(known.hosts if known else ()), *mounted)
            stores[store.name] = replace(base, hosts=tuple(dict.fromkeys(hosts)))
    return tuple(stores.values())


def _groups(now: Sequence[PortGroup], before: Sequence[PortGroup], away: set[str]) -> tuple[PortGroup, ...]:
    groups = {group.name: group for group in now}
    for group in before:
        had = tuple(host for host in group.hosts if host in away)
        known = groups.get(group.name)
        if had:
            hosts = (*(known.hosts if known else ()), *had)
            groups[group.name] = replace(known or group, hosts=tuple(dict.fromkeys(hosts)))
    return tuple(groups.values())
