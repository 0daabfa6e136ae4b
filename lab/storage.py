"""The shared storage: one machine that serves a disk to each VM over NBD, which knows no locks.

That is on purpose: whatever keeps a VM from running twice here is the product, not the storage.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lab import network
from lab.machine import DISKS, Machine

SIZE_BYTES: Final = 64 * 1024 * 1024
PORT: Final = 10809


def storage(tree: Path, vms: Sequence[str]) -> Machine:
    """The machine, off, and an empty disk for each VM."""
    DISKS.mkdir(parents=True, exist_ok=True)
    for name in vms:
        with (DISKS / name).open("wb") as disk:
            disk.truncate(SIZE_BYTES)
    disks = " ".join(
        f"--blockdev driver=file,node-name={name},filename=/lab/disks/{name},cache.direct=off "
        f"--export type=nbd,id={name}-out,node-name={name},name={name},writable=on"
        for name in vms
    )
    server = f"--nbd-server addr.type=inet,addr.host=0.0.0.0,addr.port={PORT},max-connections=0"
    return Machine(network.SAN, tree, (f"qemu-storage-daemon {server} {disks}",))


def disk_xml(vm: str) -> str:
    """The disk of a VM, as libvirt is told of it."""
    host = f"<host name='{network.address(network.SAN)}' port='{PORT}'/>"
    return (
        "<disk type='network' device='disk'><driver name='qemu' type='raw' cache='none'/>"
        f"<source protocol='nbd' name='{vm}'>{host}</source>"
        "<target dev='vda' bus='virtio'/></disk>"
    )


def last_written(vm: str) -> tuple[int, str]:
    """What stands in a disk's first sector: the count of writes, and the boot id of whoever wrote it."""
    with (DISKS / vm).open("rb") as disk:
        sector = disk.read(44)
    return struct.unpack("<Q", sector[:8])[0], sector[8:].decode(errors="replace").strip("\0")
