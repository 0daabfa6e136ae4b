"""A Proxmox guest's configuration: its disks, its network ports and which bridges they stand on.

    scsi0: ceph:vm-100-disk-0,size=32G      net0: virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=20
    rootfs: local-lvm:subvol-101-disk-0,size=8G     net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:...

Source: pve-docs qm.conf and pct.conf.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from planner.estate import VM, Disk, VmNic
from planner.formats.text import cleaned, shortened

_DISK: Final = re.compile(r"(?:ide|sata|scsi|virtio|efidisk|tpmstate|mp)\d+|rootfs")
_NIC: Final = re.compile(r"net\d+")
_MAC: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
_SIZE: Final = re.compile(r"(\d{1,15})(?:\.\d+)?([KMGT]?)")
_MIB: Final[Mapping[str, float]] = {"": 1 / 2**20, "K": 1 / 2**10, "M": 1.0, "G": 2.0**10, "T": 2.0**20}
MIB_MAX: Final = 10**12


def with_config(vm: VM, config: Mapping[str, object], local: Mapping[str, str]) -> VM:
    """Add what the configuration tells; a guest without one stays as it was.

    Args:
        vm: as the list of guests tells it.
        config: keys and values of its configuration.
        local: what a storage is called in the estate, by its name on the guest's node.
    """
    disks = tuple(_disks(config, local))
    nics = tuple(_nics(config))
    if not disks and not nics:
        return vm
    return replace(
        vm,
        disks=disks,
        disk_mib=sum(disk.capacity_mib for disk in disks) or vm.disk_mib,
        datastores=tuple(dict.fromkeys(disk.datastore for disk in disks if disk.datastore)),
        nics=nics,
        networks=tuple(dict.fromkeys(nic.network for nic in nics if nic.network)),
    )


def _disks(config: Mapping[str, object], local: Mapping[str, str]) -> Iterator[Disk]:
    for key in sorted(config):
        value = config[key]
        if not _DISK.fullmatch(key) or not isinstance(value, str):
            continue
        volume, _, options = value.partition(",")
        told = _options(options)
        storage, colon, _ = volume.partition(":")
        if told.get("media") == "cdrom" or volume == "none":
            continue
        known = shortened(cleaned(storage)) if colon else ""
        yield Disk(
            name=key,
            capacity_mib=size_mib(told.get("size", "")),
            datastore=local.get(known, known) or None if known else None,
            raw=None if colon else True,
        )


def _nics(config: Mapping[str, object]) -> Iterator[VmNic]:
    for key in sorted(config):
        value = config[key]
        if not _NIC.fullmatch(key) or not isinstance(value, str):
            continue
        told = _options(value)
        bridge = told.get("bridge")
        tag = told.get("tag")
        mac = next((text for text in told.values() if _MAC.fullmatch(text)), None)
        label = f"{bridge}.{tag}" if bridge and tag else bridge
        yield VmNic(
            label=key,
            network=shortened(cleaned(label)) if label else None,
            mac=mac,
            connected=told.get("link_down") != "1",
        )


def size_mib(text: str) -> int:
    """Read a size such as `32G`, rounded up to MiB; 0 where there is none.

    >>> size_mib("32G"), size_mib("528K"), size_mib("")
    (32768, 1, 0)
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        return 0
    number, unit = found.groups()
    return min(-int(-float(number) * _MIB[unit] // 1), MIB_MAX)


def _options(text: str) -> dict[str, str]:
    return {
        key: value for part in text.split(",") for key, _, value in (part.strip().partition("="),) if value
    }
