"""A libvirt domain as a VM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct

from planner.estate import VM, Disk, Power, VmNic
from planner.formats.amount import mib_of, whole
from planner.formats.findings import Findings
from planner.formats.libvirt_host import KIB, size_of
from planner.formats.libvirt_store import Volume
from planner.formats.text import shortened
from planner.formats.xml_text import Element
from planner.quality import FormatError
from planner.sentence import Sentence

VCPUS_MAX: Final = 100_000  # planner.estate.VM
MIB_MAX: Final = 10**12
SOURCES: Final = ("file", "dev", "volume", "name", "dir")  # what names the disk, by its type
NETWORKS: Final = ("network", "bridge", "dev", "portgroup")


class Places(Struct, frozen=True, kw_only=True):
    """Where a host's domains find their things: datastores by mount path, volumes by key, path or name."""

    host: str | None
    stores: Mapping[str, str]
    volumes: Mapping[str, Volume]


def vm_of(domain: Element, power: Power | None, places: Places, findings: Findings) -> VM:
    """Read a domain; one with an id is running, as libvirt writes the id of no other.

    Raises:
        FormatError: a number that makes no sense.  No memory, or a disk of unknown size, is not an error.
    """
    name = shortened(domain.word("name") or domain.word("uuid") or "domain")
    disks = tuple(_disks(domain, name, places, findings))
    nics = tuple(_nics(domain))
    written = [
        places.volumes[source].allocation_mib for source in _sources(domain) if source in places.volumes
    ]
    known = [size for size in written if size is not None]
    return VM(
        name=name,
        uuid=domain.word("uuid"),
        host=places.host,
        power=power or ("on" if domain.attributes.get("id") else "off"),
        vcpus=_vcpus(domain),
        memory_mib=_memory_mib(domain, name, findings),
        disk_mib=sum(disk.capacity_mib for disk in disks),
        disk_used_mib=sum(known) if known and len(known) == len(disks) else None,
        datastores=tuple(dict.fromkeys(disk.datastore for disk in disks if disk.datastore)),
        networks=tuple(dict.fromkeys(nic.network for nic in nics if nic.network)),
        disks=disks,
        nics=nics,
        guest_os=domain.word("os", "type"),
    )


def _memory_mib(domain: Element, vm: str, findings: Findings) -> int:
    memory = domain.one("memory")
    if memory is None:
        findings.warn("Domains that tell no memory count with 0 MiB, first {vm}", sheet="domains", vm=vm)
        return 0
    mib = mib_of(size_of(memory, KIB))
    if mib > MIB_MAX:
        raise FormatError(Sentence("{found} MiB are more than any host has", {"found": mib}), row=memory.line)
    return mib


def _vcpus(domain: Element) -> int:
    """Give the vCPUs in use: `current` where fewer are plugged in than may be; 1 where none is named."""
    element = domain.one("vcpu")
    if element is None:
        return 1
    text = element.attributes.get("current") or element.text
    count = whole(text)
    if count is None or count > VCPUS_MAX:
        raise FormatError(
            Sentence("{what} is no number of vCPUs: {found}", {"what": "vcpu", "found": shortened(text, 60)}),
            row=element.line,
        )
    return count


def _disk_elements(domain: Element) -> Iterator[Element]:
    devices = domain.one("devices")
    for disk in devices.all("disk") if devices else ():
        if disk.attributes.get("device", "disk") in ("disk", "lun"):
            yield disk


def _source(disk: Element) -> str | None:
    source = disk.one("source")
    found = (source.attributes.get(key) for key in SOURCES) if source else ()
    return next((value for value in found if value), None)


def _sources(domain: Element) -> Iterator[str]:
    return (source for disk in _disk_elements(domain) if (source := _source(disk)))


def _disks(domain: Element, vm: str, places: Places, findings: Findings) -> Iterator[Disk]:
    for number, disk in enumerate(_disk_elements(domain), start=1):
        source = _source(disk)
        volume = places.volumes.get(source or "")
        if volume is None:
            findings.warn(
                "Disks whose size no volume tells count with 0 MiB, first of {vm}", sheet="disks", vm=vm
            )
        target = disk.one("target")
        element = disk.one("source")
        pool = element.attributes.get("pool") if element else None
        yield Disk(
            name=shortened((target.attributes.get("dev") if target else None) or f"disk {number}"),
            capacity_mib=volume.capacity_mib if volume else 0,
            datastore=_store(source, pool, places),
            sharing=disk.one("shareable") is not None or None,
        )


def _store(source: str | None, pool: str | None, places: Places) -> str | None:
    """Find the datastore: the pool named, else the deepest mount path above the file."""
    if pool is not None:
        names = {store for store in places.stores.values() if store in (pool, f"{pool} ({places.host})")}
        return min(names, default=shortened(pool))
    parents = [str(path) for path in PurePosixPath(source or "").parents]
    return next((places.stores[path] for path in parents if path in places.stores), None)


def _nics(domain: Element) -> Iterator[VmNic]:
    devices = domain.one("devices")
    for number, nic in enumerate(devices.all("interface") if devices else (), start=1):
        source, mac, target = nic.one("source"), nic.one("mac"), nic.one("target")
        network = (
            next((source.attributes[key] for key in NETWORKS if key in source.attributes), None)
            if source
            else None
        )
        yield VmNic(
            label=shortened((target.attributes.get("dev") if target else None) or f"NIC {number}"),
            network=shortened(network) if network else None,
            mac=mac.attributes.get("address") if mac else None,
        )
