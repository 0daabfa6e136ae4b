"""An OVF descriptor -> Estate: what an appliance asks for, before anything of it is downloaded.

    Envelope -- References (files)                version 0.9:  Section xsi:type=DiskSection_Type
             -- DiskSection -- Disk                             Content xsi:type=VirtualSystem_Type
             -- NetworkSection, DeploymentOptionSection
             -- VirtualSystemCollection -- VirtualSystem -- VirtualHardwareSection -- Item

Source: DMTF DSP0243 1.1.0 and 2.1.1; the resource types are those of CIM_ResourceAllocationSettingData.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from planner.estate import VM, Disk, Estate, PortGroup, VmNic
from planner.formats.amount import factor_of, mib_of, whole
from planner.formats.findings import Findings
from planner.formats.text import shortened
from planner.formats.xml_text import Element, decoded_xml
from planner.quality import FormatError, Quality, Reading, SheetRead
from planner.sentence import Sentence

FORMAT: Final = "ovf"
CPU, MEMORY, ETHERNET, DISK, LOGICAL_DISK = "3", "4", "10", "17", "31"
ITEMS: Final = ("Item", "EthernetPortItem", "StorageItem")
COUNT_MAX: Final = 100_000  # planner.estate: vCPUs of a VM
MIB_MAX: Final = 10**12  # planner.estate.Mib
VMS_MAX: Final = 10_000
_BYTE: Final = 1
_MEBI: Final = 2**20
_MEGA: Final = 10**6


class _Disk(Struct, frozen=True):
    """A disk of the DiskSection, with what of it holds data where the descriptor tells."""

    capacity_mib: int
    populated_mib: int | None


class _Package(Struct, frozen=True):
    """What the virtual systems of one envelope share."""

    disks: dict[str, _Disk]
    networks: tuple[str, ...]
    properties: dict[str, str]
    configuration: str | None
    findings: Findings


def is_ovf(root: Element) -> bool:
    """Whether an XML document is an OVF descriptor."""
    return root.name == "Envelope"


def read_ovf(data: bytes, configuration: str | None = None) -> Reading:
    """Read a descriptor.

    Args:
        data: the bytes of the `.ovf` file.
        configuration: one of its deployment options; None: its default.

    Returns:
        An estate of its VMs and networks alone.  They count as running, for that is what room is asked for.

    Raises:
        FormatError: no well-formed XML, no envelope, or a number or reference that makes no sense; the row
            is the line.  A descriptor without a virtual system is not an error.
    """
    return estate_of(decoded_xml(data), configuration)


def estate_of(root: Element, configuration: str | None = None) -> Reading:
    """Read a parsed descriptor; see `read_ovf`."""
    if not is_ovf(root):
        raise FormatError(
            Sentence("The XML is no OVF descriptor: it begins with {found}", {"found": root.name}),
            row=root.line,
        )
    findings = Findings()
    properties = _properties(root)
    package = _Package(
        disks=_disks(root, properties),
        networks=_networks(root),
        properties=properties,
        configuration=_configuration(root, configuration, findings),
        findings=findings,
    )
    systems = list(_systems(root))
    if len(systems) > VMS_MAX:
        raise FormatError(Sentence("The descriptor holds more than {limit} VMs", {"limit": VMS_MAX}))
    vms = _named_apart([_vm(system, package) for system in systems])
    if vms:
        findings.assume("An appliance has no power state: its VMs count as running")
    else:
        findings.warn("The descriptor describes no VM")
    findings.sheet_read(SheetRead(name="VirtualSystem", rows_read=len(vms)))
    groups = tuple(PortGroup(name=name) for name in dict.fromkeys(package.networks))
    quality = Quality(
        format=FORMAT, sheets=findings.sheets, warnings=findings.warnings, assumptions=findings.assumptions
    )
    return Reading(estate=Estate(vms=vms, port_groups=groups).sorted(), quality=quality)


# -- sections; version 0.9 writes <Section xsi:type="ovf:DiskSection_Type">


def _kind(element: Element) -> str:
    """Give the element's name, or the type that version 0.9 gives instead."""
    if element.name not in ("Section", "Content"):
        return element.name
    return element.attributes.get("type", "").rpartition(":")[2].removesuffix("_Type")


def _sections(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element.children if _kind(child) == name)


def _systems(element: Element) -> Iterator[Element]:
    """Give the virtual systems, those of nested collections too."""
    for child in element.children:
        if _kind(child) == "VirtualSystem":
            yield child
        elif _kind(child) == "VirtualSystemCollection":
            yield from _systems(child)


def _properties(root: Element) -> dict[str, str]:
    """Gather the default values of properties, which sizes may refer to as ${key}."""
    return {
        element.attributes["key"]: element.attributes["value"]
        for element in root.below()
        if element.name == "Property" and {"key", "value"} <= element.attributes.keys()
    }


def _networks(root: Element) -> tuple[str, ...]:
    return tuple(
        shortened(network.attributes["name"])
        for section in _sections(root, "NetworkSection")
        for network in section.all("Network")
        if network.attributes.get("name")
    )


def _configuration(root: Element, wanted: str | None, findings: Findings) -> str | None:
    """Choose the deployment option: the one wanted, else the one marked so, else the first."""
    options = [
        option
        for section in _sections(root, "DeploymentOptionSection")
        for option in section.all("Configuration")
        if option.attributes.get("id")
    ]
    ids = [option.attributes["id"] for option in options]
    if wanted is not None:
        if wanted not in ids:
            raise FormatError(
                Sentence(
                    "The descriptor has no configuration {name}; it has: {known}",
                    {"name": wanted, "known": ", ".join(ids) or "-"},
                )
            )
        return wanted
    if not ids:
        return None
    marked = [
        option.attributes["id"] for option in options if option.attributes.get("default") in ("true", "1")
    ]
    chosen = (marked or ids)[0]
    findings.assume(
        "Of the configurations {known}, the default {chosen} was read", known=", ".join(ids), chosen=chosen
    )
    return chosen


def _disks(root: Element, properties: dict[str, str]) -> dict[str, _Disk]:
    found: dict[str, _Disk] = {}
    for section in _sections(root, "DiskSection"):
        for disk in section.all("Disk"):
            name = disk.attributes.get("diskId")
            if not name:
                raise _refused(disk, Sentence("A disk has no diskId"))
            unit = disk.attributes.get("capacityAllocationUnits")
            capacity = _bytes(disk, "capacity", disk.attributes.get("capacity"), unit, _BYTE, properties)
            if capacity is None:
                raise _refused(disk, Sentence("The disk {found} has no capacity", {"found": name}))
            populated = _bytes(
                disk, "populatedSize", disk.attributes.get("populatedSize"), None, _BYTE, properties
            )
            found[name] = _Disk(_mib(disk, capacity), None if populated is None else _mib(disk, populated))
    return found


# -- one virtual system


def _vm(system: Element, package: _Package) -> VM:
    name = shortened(system.word("Name") or system.attributes.get("id") or "VM")
    items = list(_items(system, package))
    disks = tuple(_disks_of(items, package))
    nics = tuple(_nics_of(items, name, package))
    vcpus, reserved_hertz = _quantity(items, CPU, _MEGA, package)
    memory, reserved_bytes = _quantity(items, MEMORY, _MEBI, package)
    if vcpus is None:
        package.findings.warn(
            "The VM {vm} names no CPU; it counts with 0 vCPUs, so more may be needed", sheet=name, vm=name
        )
    if memory is None:
        package.findings.warn(
            "The VM {vm} names no memory; it counts with 0 MiB, so more may be needed", sheet=name, vm=name
        )
    if vcpus is not None and vcpus > COUNT_MAX:
        raise _refused(system, Sentence("{found} vCPUs are more than any host has", {"found": str(vcpus)}))
    populated = [package.disks[disk.name].populated_mib for disk in disks if disk.name in package.disks]
    known = [size for size in populated if size is not None]
    return VM(
        name=name,
        power="on",
        vcpus=vcpus or 0,
        memory_mib=_mib(system, memory or 0),
        disk_mib=sum(disk.capacity_mib for disk in disks),
        disk_used_mib=sum(known) if known and len(known) == len(disks) else None,
        cpu_reservation_mhz=None if reserved_hertz is None else reserved_hertz / _MEGA,
        memory_reservation_mib=None if reserved_bytes is None else _mib(system, reserved_bytes),
        networks=tuple(dict.fromkeys(nic.network for nic in nics if nic.network)),
        disks=disks,
        nics=nics,
        guest_os=next((os for os in map(_guest_os, _sections(system, "OperatingSystemSection")) if os), None),
    )


def _guest_os(section: Element) -> str | None:
    return section.word("Description") or section.attributes.get("osType")


def _items(system: Element, package: _Package) -> Iterator[Element]:
    """Give the hardware that counts: of the first section, of this configuration, no bound of a range."""
    hardware = list(_sections(system, "VirtualHardwareSection"))
    if len(hardware) > 1:
        package.findings.warn("A VM with several hardware sections: the first counts", row=hardware[1].line)
    for item in hardware[0].all(*ITEMS) if hardware else ():
        configurations = item.attributes.get("configuration", "").split()
        is_ours = not configurations or package.configuration in configurations
        if is_ours and item.attributes.get("bound", "normal") == "normal":
            yield item


def _quantity(
    items: Sequence[Element], kind: str, default: int, package: _Package
) -> tuple[int | None, int | None]:
    """Sum what the items of one kind ask for, in bytes (vCPUs: in pieces), and reserve, in bytes or hertz."""
    total: int | None = None
    reserved: int | None = None
    for item in items:
        if item.word("ResourceType") != kind:
            continue
        unit = item.word("AllocationUnits")
        asked, kept = item.word("VirtualQuantity"), item.word("Reservation")
        is_count = kind == CPU
        amount = _bytes(
            item,
            "VirtualQuantity",
            asked,
            None if is_count else unit,
            1 if is_count else default,
            package.properties,
        )
        if amount is not None:
            total = (total or 0) + amount
        guaranteed = _bytes(item, "Reservation", kept, unit, default, package.properties)
        if guaranteed:
            reserved = (reserved or 0) + guaranteed
    return total, reserved


def _disks_of(items: Sequence[Element], package: _Package) -> Iterator[Disk]:
    for number, item in enumerate(
        (item for item in items if item.word("ResourceType") in (DISK, LOGICAL_DISK)), start=1
    ):
        reference = item.word("HostResource")
        if reference is None:
            yield from _own_disk(item, number, package)
            continue
        kind, _, name = reference.removeprefix("ovf:").strip("/").partition("/")
        if kind == "file":
            package.findings.warn("A disk that is a bare file has no size in the descriptor", row=item.line)
        elif name not in package.disks:
            raise _refused(item, Sentence("The disk {found} stands in no DiskSection", {"found": reference}))
        else:
            yield Disk(name=shortened(name), capacity_mib=package.disks[name].capacity_mib)


def _own_disk(item: Element, number: int, package: _Package) -> Iterator[Disk]:
    """Give a disk that the item itself sizes."""
    unit = item.word("AllocationUnits") or item.word("VirtualQuantityUnits")
    size = _bytes(item, "VirtualQuantity", item.word("VirtualQuantity"), unit, _BYTE, package.properties)
    if size is None:
        package.findings.warn("A disk without size and file was left out", row=item.line)
    else:
        yield Disk(
            name=shortened(item.word("ElementName") or f"disk {number}"), capacity_mib=_mib(item, size)
        )


def _nics_of(items: Sequence[Element], vm: str, package: _Package) -> Iterator[VmNic]:
    for number, item in enumerate((item for item in items if item.word("ResourceType") == ETHERNET), start=1):
        network = item.word("Connection")
        if network and package.networks and network not in package.networks:
            package.findings.warn(
                "The network {network} stands in no NetworkSection", sheet=vm, row=item.line, network=network
            )
        label = item.word("ElementName") or item.word("Caption") or f"NIC {number}"
        yield VmNic(label=shortened(label), network=shortened(network) if network else None)


def _named_apart(vms: Sequence[VM]) -> tuple[VM, ...]:
    """Number the second and further VM of one name."""
    taken: set[str] = set()
    named = []
    for vm in vms:
        name, number = vm.name, 2
        while name in taken:
            name, number = f"{shortened(vm.name, 240)} ({number})", number + 1
        taken.add(name)
        named.append(replace(vm, name=name))
    return tuple(named)


# -- numbers


def _bytes(
    element: Element, what: str, text: str | None, unit: str | None, default: int, properties: dict[str, str]
) -> int | None:
    """Give a size in its base unit; None where none is written."""
    if text is None or not text.strip():
        return None
    value = text.strip()
    if value.startswith("${") and value.endswith("}"):
        key = value[2:-1]
        if key not in properties:
            raise _refused(
                element,
                Sentence(
                    "{what} refers to the property {found}, which has no value", {"what": what, "found": key}
                ),
            )
        value = properties[key]
    amount = whole(value)
    if amount is None:
        raise _refused(
            element, Sentence("{what} is no whole number: {found}", {"what": what, "found": value})
        )
    factor = default if unit is None else factor_of(unit)
    if factor is None:
        raise _refused(
            element, Sentence("The unit {found} of {what} is not known", {"what": what, "found": unit or ""})
        )
    return amount * factor


def _mib(element: Element, size: int) -> int:
    mib = mib_of(size)
    if mib > MIB_MAX:
        raise _refused(element, Sentence("{found} bytes are more than any store holds", {"found": str(size)}))
    return mib


def _refused(element: Element, sentence: Sentence) -> FormatError:
    shown = {key: shortened(str(value), 60) for key, value in sentence.values.items()}
    return FormatError(Sentence(sentence.template, dict(shown)), row=element.line)
