"""libvirt's storage pools, volumes and networks as datastores and port groups."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from planner.estate import Datastore, PortGroup
from planner.formats.amount import BYTES_PER_MIB, mib_of
from planner.formats.findings import Findings
from planner.formats.libvirt_host import size_of
from planner.formats.text import shortened
from planner.formats.xml_text import Element

# Pools that several hosts can mount at once: libvirt.org/storage.html.
SHARED: Final = frozenset(
    {"netfs", "iscsi", "iscsi-direct", "rbd", "gluster", "sheepdog", "vstorage", "mpath", "scsi"}
)


class Volume(Struct, frozen=True):
    """A virtual disk's size, and what of it is written."""

    capacity_mib: int
    allocation_mib: int | None


def datastore_of(pool: Element, host: str | None, findings: Findings) -> tuple[Datastore, str | None] | None:
    """Read a pool, and the folder it is mounted at; None where it tells no capacity.

    A pool that only its host can use bears the host's name too, for every host calls its own `default`.
    """
    name = shortened(pool.word("name") or "pool")
    capacity = pool.one("capacity")
    if capacity is None:
        findings.warn("The pool {name} tells no capacity; it was left out", sheet="pools", name=name)
        return None
    allocation = pool.one("allocation")
    kind = pool.attributes.get("type")
    shared = kind in SHARED
    store = Datastore(
        name=name if shared or host is None else shortened(f"{name} ({host})"),
        capacity_mib=size_of(capacity, 1) // BYTES_PER_MIB,
        used_mib=mib_of(size_of(allocation, 1)) if allocation is not None else 0,
        shared=shared,
        kind=kind,
        hosts=(host,) if host is not None else (),
    )
    return store, pool.word("target", "path")


def volume_of(volume: Element) -> dict[str, Volume]:
    """Read a volume, under its key, its path and its name."""
    capacity = volume.one("capacity")
    if capacity is None:
        return {}
    allocation = volume.one("allocation")
    found = Volume(
        capacity_mib=mib_of(size_of(capacity, 1)),
        allocation_mib=mib_of(size_of(allocation, 1)) if allocation is not None else None,
    )
    keys = (volume.word("key"), volume.word("target", "path"), volume.word("name"))
    return {key: found for key in keys if key}


def port_group_of(network: Element, host: str | None) -> PortGroup:
    """Read a network; the bridge it makes, or uses, is its switch."""
    bridge = network.one("bridge")
    tag = network.one("vlan", "tag")
    return PortGroup(
        name=shortened(network.word("name") or "network"),
        switch=bridge.attributes.get("name") if bridge else None,
        vlan=tag.attributes.get("id") if tag else None,
        hosts=(host,) if host is not None else (),
    )
