"""vCPU, vMemory, vDisk, vPartition and vNetwork -> what each VM holds, by its place in vInfo."""

from __future__ import annotations

from typing import Final

from planner.estate import Disk, Partition, VmNic
from planner.formats import limits
from planner.formats.findings import Findings
from planner.formats.machines import by_owner, datastore_of
from planner.formats.ownership import Owners
from planner.formats.table import Table, read_of
from planner.sentence import Sentence

UNUSABLE: Final = Sentence("The row has no usable {column} and was skipped").template
SHARED_MODES: Final = frozenset({"sharingmultiwriter", "multiwriter", "multi-writer"})
SHARED_BUSES: Final = frozenset({"physicalsharing", "virtualsharing", "physical", "virtual"})


def cpu_reservations(table: Table, owners: Owners, findings: Findings) -> dict[int, float]:
    """Give the MHz guaranteed to each VM."""
    owned = owners.of(table)
    reserved = table.numbers("reservation_mhz", *limits.MHZ)
    findings.sheet_read(read_of(table, owned.count(None)))
    return {
        owner: mhz
        for owner, mhz in zip(owned, reserved, strict=True)
        if owner is not None and mhz is not None
    }


def memory_reservations(table: Table, owners: Owners, findings: Findings) -> dict[int, int]:
    """Give the MiB guaranteed to each VM."""
    owned = owners.of(table)
    reserved = table.sizes("reservation_mib", *limits.MIB)
    findings.sheet_read(read_of(table, owned.count(None)))
    return {
        owner: mib
        for owner, mib in zip(owned, reserved, strict=True)
        if owner is not None and mib is not None
    }


def disks(table: Table, owners: Owners, findings: Findings) -> dict[int, tuple[Disk, ...]]:
    """Give the disks of each VM, by name; a disk of unknown size is skipped."""
    owned = owners.of(table)
    capacities = table.sizes("capacity_mib", *limits.MIB)
    names = table.texts("disk")
    keys = table.texts("disk_key")
    paths, disk_paths = table.texts("path"), table.texts("disk_path")
    thin, raw = table.flags("thin"), table.flags("raw")
    modes, buses = table.texts("sharing"), table.texts("shared_bus")
    rows: list[tuple[int, Disk]] = []
    for place, (owner, capacity) in enumerate(zip(owned, capacities, strict=True)):
        if owner is None:
            continue
        if capacity is None:
            table.warn(UNUSABLE, "capacity_mib", place)
            continue
        mode, bus = modes[place], buses[place]
        shared = None if mode is None and bus is None else _is_shared(mode, bus)
        rows.append(
            (
                owner,
                Disk(
                    name=names[place] or keys[place] or str(table.rows[place]),
                    capacity_mib=capacity,
                    datastore=datastore_of(paths[place]) or datastore_of(disk_paths[place]),
                    thin=thin[place],
                    raw=raw[place],
                    sharing=shared,
                ),
            )
        )
    findings.sheet_read(read_of(table, len(table) - len(rows)))
    return by_owner(sorted(rows, key=lambda row: (row[0], row[1].name, row[1].capacity_mib)))


def partitions(table: Table, owners: Owners, findings: Findings) -> dict[int, tuple[Partition, ...]]:
    """Give the file systems of each VM, by name; one whose size or content is unknown is skipped."""
    owned = owners.of(table)
    names = table.texts("disk")
    capacities = table.sizes("capacity_mib", *limits.MIB)
    consumed = table.sizes("consumed_mib", *limits.MIB)
    free = table.sizes("free_mib", *limits.MIB)
    rows: list[tuple[int, Partition]] = []
    for place, (owner, capacity) in enumerate(zip(owned, capacities, strict=True)):
        if owner is None:
            continue
        used, left = consumed[place], free[place]
        if used is None and capacity is not None and left is not None and left <= capacity:
            used = capacity - left
        if capacity is None or used is None:
            table.warn(UNUSABLE, "capacity_mib" if capacity is None else "consumed_mib", place)
            continue
        name = names[place] or str(table.rows[place])
        rows.append((owner, Partition(name=name, capacity_mib=capacity, consumed_mib=used)))
    findings.sheet_read(read_of(table, len(table) - len(rows)))
    return by_owner(sorted(rows, key=lambda row: (row[0], row[1].name, row[1].capacity_mib)))


def nics(table: Table, owners: Owners, findings: Findings) -> dict[int, tuple[VmNic, ...]]:
    """Give the network ports of each VM, by label."""
    owned = owners.of(table)
    labels, adapters = table.texts("label"), table.texts("adapter")
    networks, macs = table.texts("network"), table.texts("mac")
    connected = table.flags("connected")
    rows = [
        (
            owner,
            VmNic(
                label=labels[place] or adapters[place] or "NIC",
                network=networks[place],
                mac=macs[place],
                connected=connected[place],
            ),
        )
        for place, owner in enumerate(owned)
        if owner is not None
    ]
    findings.sheet_read(read_of(table, len(table) - len(rows)))
    return by_owner(sorted(rows, key=lambda row: (row[0], row[1].label, row[1].mac or "")))


def _is_shared(mode: str | None, bus: str | None) -> bool:
    return (mode or "").casefold() in SHARED_MODES or (bus or "").casefold() in SHARED_BUSES
