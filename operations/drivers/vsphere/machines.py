"""A vSphere VM as one of the estate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pyVmomi import vim

from operations.drivers.vsphere.collector import Found
from operations.drivers.vsphere.names import Names
from planner.estate import VM, Disk, FtRole, Partition, Power, VmNic
from planner.formats.findings import Findings
from planner.formats.text import cleaned, shortened
from planner.formats.vsphere_words import NO_CONFIGURATION

VM_PROPERTIES: Final = (
    "name",
    "parent",
    "config.template",
    "config.instanceUuid",
    "config.hardware.numCPU",
    "config.hardware.memoryMB",
    "config.hardware.device",
    "config.cpuAllocation.reservation",
    "config.memoryAllocation.reservation",
    "config.ftInfo",
    "runtime.powerState",
    "runtime.host",
    "runtime.faultToleranceState",
    "summary.config.guestFullName",
    "summary.storage.committed",
    "guest.disk",
)
POWERS: Final[dict[str, Power]] = {"poweredOn": "on", "poweredOff": "off", "suspended": "suspended"}
BYTES_PER_MIB: Final = 2**20
KIB_PER_MIB: Final = 1024


def vm_of(row: Found, names: Names, findings: Findings) -> VM:
    """Read a VM.  A template and a VM that is just being made may lack its configuration: then it is told."""
    told = row.properties
    name = names.of_row(row)
    if "config.hardware.numCPU" not in told:
        findings.warn(NO_CONFIGURATION, sheet="VMs", vm=name)
    devices = told.get("config.hardware.device") or ()
    disks = tuple(_disks(devices, names))
    nics = tuple(_nics(devices, names))
    committed = told.get("summary.storage.committed")
    return VM(
        name=name,
        id=row.id,
        uuid=told.get("config.instanceUuid"),
        cluster=names.cluster_of_host(told.get("runtime.host")),
        host=names.of(told.get("runtime.host")),
        power=POWERS.get(str(told.get("runtime.powerState")), "off"),
        template=bool(told.get("config.template")),
        vcpus=int(told.get("config.hardware.numCPU") or 0),
        memory_mib=int(told.get("config.hardware.memoryMB") or 0),
        disk_mib=sum(disk.capacity_mib for disk in disks),
        disk_used_mib=None if committed is None else int(committed) // BYTES_PER_MIB,
        cpu_reservation_mhz=told.get("config.cpuAllocation.reservation") or None,
        memory_reservation_mib=told.get("config.memoryAllocation.reservation") or None,
        datastores=tuple(dict.fromkeys(disk.datastore for disk in disks if disk.datastore)),
        networks=tuple(dict.fromkeys(nic.network for nic in nics if nic.network)),
        disks=disks,
        partitions=_partitions(told.get("guest.disk")),
        nics=nics,
        ft=_ft(told.get("runtime.faultToleranceState"), told.get("config.ftInfo")),
        guest_os=told.get("summary.config.guestFullName") or None,
        folder=names.folder_of(row),
    )


def _ft(state: Any, info: Any) -> FtRole:
    """Say which half of an FT pair it is: role 1 is the primary."""
    if state in (None, "notConfigured"):
        return "none"
    return "secondary" if getattr(info, "role", 1) != 1 else "primary"


def _disks(devices: Any, names: Names) -> Iterator[Disk]:
    for device in devices:
        if isinstance(device, vim.vm.device.VirtualDisk):
            backing = device.backing
            size = device.capacityInBytes // KIB_PER_MIB if device.capacityInBytes else device.capacityInKB
            yield Disk(
                name=_label(device),
                capacity_mib=-(-int(size or 0) // KIB_PER_MIB),
                datastore=names.of(getattr(backing, "datastore", None)),
                thin=getattr(backing, "thinProvisioned", None),
                raw=True if hasattr(backing, "lunUuid") else None,
                sharing=_sharing(getattr(backing, "sharing", None)),
            )


def _sharing(word: Any) -> bool | None:
    return None if word is None else word != "sharingNone"


def _nics(devices: Any, names: Names) -> Iterator[VmNic]:
    for device in devices:
        if isinstance(device, vim.vm.device.VirtualEthernetCard):
            yield VmNic(
                label=_label(device),
                network=names.network_of(device.backing),
                mac=device.macAddress or None,
                connected=bool(device.connectable.connected) if device.connectable else None,
            )


def _label(device: Any) -> str:
    info = device.deviceInfo
    return shortened(cleaned(str(info.label))) if info and info.label else f"device {device.key}"


def _partitions(disks: Any) -> tuple[Partition, ...]:
    """Give what the guest's tools report."""
    return tuple(
        Partition(
            name=shortened(cleaned(str(disk.diskPath))) or "-",
            capacity_mib=int(disk.capacity) // BYTES_PER_MIB,
            consumed_mib=max(0, int(disk.capacity) - int(disk.freeSpace or 0)) // BYTES_PER_MIB,
        )
        for disk in disks or ()
        if disk.capacity
    )
