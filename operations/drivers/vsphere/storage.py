"""vSphere's datastores, LUNs, HBAs and the paths between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pyVmomi import vim

from operations.drivers.vsphere.collector import Found, Properties
from operations.drivers.vsphere.names import Names, id_of
from planner.estate import Datastore, Hba, Lun, Path, PathState
from planner.formats.text import cleaned, shortened

DATASTORE: Final = ("name", "parent", "summary", "info", "host")
BYTES_PER_MIB: Final = 2**20
KINDS: Final = (
    (vim.host.FibreChannelHba, "Fibre Channel"),
    (vim.host.InternetScsiHba, "iSCSI"),
    (vim.host.ParallelScsiHba, "Parallel SCSI"),
    (vim.host.BlockHba, "Block SCSI"),
)
STATES: Final[dict[str, PathState]] = {
    "active": "active", "standby": "standby", "disabled": "disabled", "dead": "dead", "unknown": "unknown",
}  # fmt: skip


def hbas_of(told: Properties) -> tuple[Hba, ...]:
    """Read a host's storage ports; the fabric behind a port is nothing that vSphere knows."""
    return tuple(
        Hba(
            device=shortened(str(hba.device)),
            kind=next((name for kind, name in KINDS if isinstance(hba, kind)), None),
            model=cleaned(str(hba.model)) or None if hba.model else None,
            wwn=f"{hba.portWorldWideName:016x}" if isinstance(hba, vim.host.FibreChannelHba) else None,
            status=str(hba.status) if hba.status else None,
        )
        for hba in told.get("config.storageDevice.hostBusAdapter") or ()
    )


def datastore_of(row: Found, names: Names, mounted: Mapping[str, Sequence[str]]) -> Datastore:
    """Read a datastore: used is what is not free, provisioned what thin disks may grow to besides."""
    told = row.properties
    summary = told.get("summary")
    capacity = int(getattr(summary, "capacity", 0) or 0)
    free = int(getattr(summary, "freeSpace", 0) or 0)
    growing = getattr(summary, "uncommitted", None)
    told_hosts = [name for mount in told.get("host") or () if (name := names.of(mount.key)) is not None]
    hosts = tuple(sorted({*told_hosts, *mounted.get(row.id, ())}))
    shared = getattr(summary, "multipleHostAccess", None)
    return Datastore(
        name=names.of_row(row),
        capacity_mib=capacity // BYTES_PER_MIB,
        used_mib=max(0, capacity - free) // BYTES_PER_MIB,
        provisioned_mib=None if growing is None else (capacity - free + int(growing)) // BYTES_PER_MIB,
        shared=len(hosts) > 1 if shared is None else bool(shared),
        kind=str(getattr(summary, "type", "") or "") or None,
        hosts=hosts,
        luns=tuple(dict.fromkeys(extents_of(told.get("info")))),
    )


def mounts_of(hosts: Sequence[Found], names: Names) -> Mapping[str, Sequence[str]]:
    """Gather, for the id of each datastore, the hosts that say that they mount it."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in hosts:
        for each in row.properties.get("datastore") or ():
            found[id_of(each) or ""].append(names.of_row(row))
    return found


def extents_of(info: Any) -> Sequence[str]:
    """Give the names of the LUNs that a VMFS datastore lies on."""
    vmfs = getattr(info, "vmfs", None)
    return [str(extent.diskName) for extent in getattr(vmfs, "extent", None) or ()]


def luns_and_paths(
    hosts: Sequence[Found], datastores: Sequence[Found], names: Names
) -> tuple[tuple[Lun, ...], tuple[Path, ...]]:
    """Read every way from a host to a LUN that carries a datastore or is told by a multipath."""
    store_of = {
        lun: names.of_row(row) for row in datastores for lun in extents_of(row.properties.get("info"))
    }
    luns: dict[str, Lun] = {}
    paths: list[Path] = []
    for row in hosts:
        told = row.properties
        adapters = {hba.key: str(hba.device) for hba in told.get("config.storageDevice.hostBusAdapter") or ()}
        disks = {lun.key: lun for lun in told.get("config.storageDevice.scsiLun") or ()}
        multipath = told.get("config.storageDevice.multipathInfo")
        local = names.of_row(row)
        for unit in getattr(multipath, "lun", None) or ():
            disk = disks.get(unit.lun)
            if disk is None or not isinstance(disk, vim.host.ScsiDisk):
                continue
            name = _lun_name(disk, local)
            luns.setdefault(name, _lun(disk, name))
            for path in unit.path or ():
                device = adapters.get(path.adapter, "")
                label = str(path.name)
                paths.append(
                    Path(
                        host=local,
                        lun=name,
                        name=shortened(label if label.startswith(device) else f"{device}:{label}"),
                        datastore=store_of.get(str(disk.canonicalName)),
                        state=STATES.get(str(path.state or path.pathState), "unknown"),
                        policy=str(unit.policy.policy) if unit.policy else None,
                    )
                )
    return tuple(luns.values()), tuple(paths)


def _lun_name(disk: Any, host: str) -> str:
    """Give the world-wide name; a local disk such as mpx.vmhba0:C0:T0:L0 is called alike on every host."""
    name = shortened(cleaned(str(disk.canonicalName)), 200)
    return f"{name} ({host})" if name.startswith("mpx.") else name


def _lun(disk: Any, name: str) -> Lun:
    size = disk.capacity
    return Lun(
        name=shortened(name),
        capacity_mib=int(size.block) * int(size.blockSize) // BYTES_PER_MIB if size else None,
        vendor=str(disk.vendor).strip() or None if disk.vendor else None,
        model=str(disk.model).strip() or None if disk.model else None,
    )
