"""All that several libvirt hosts tell -> Observed: hardware, domains, pools, volumes, networks, statistics.

What is asked for is read as `planner.formats.libvirt` reads the files of `virsh dumpxml` and its like.

Source: libvirt.org/formatcaps.html, formatdomain.html; virConnectGetAllDomainStats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from xml.sax.saxutils import escape

from msgspec.structs import replace

from operations.drivers.base import DriverError
from operations.drivers.libvirt import binding
from operations.drivers.libvirt.fleet import Fleet, is_lost, said
from operations.drivers.libvirt.guests import power_of
from operations.drivers.libvirt.statistics import usage_of_hosts
from operations.drivers.remote import Definition, Observed, OnStage
from planner.estate import Estate, Host, Power
from planner.formats.findings import Findings
from planner.formats.libvirt import Domain, HostAnswers, reading_of
from planner.formats.libvirt_host import host_of_capabilities, host_of_node
from planner.formats.libvirt_recorded import with_recorded
from planner.formats.libvirt_words import (
    HOST_NEVER_SEEN,
    HOST_UNREACHED,
    IN_THE_CLEAR,
    NOT_TOLD,
    STARTS_ITSELF,
    UNSAFE_EMULATION,
)
from planner.formats.xml_text import Element, decoded_xml
from planner.quality import FormatError
from planner.sentence import Sentence

POWERS: Final[dict[str, Power]] = {"poweredOn": "on", "poweredOff": "off", "suspended": "suspended"}
TEST: Final = "TEST"  # libvirt's test driver, whose capabilities tell of no machine in particular
QEMU_OF_TCG: Final = 9_000_000
T = TypeVar("T")


def observe_inventory(fleet: Fleet, on_stage: OnStage, recorded: Estate | None = None) -> Observed:
    """Read every host that answers.

    Args:
        fleet: the hosts.
        on_stage: is told what is asked for next.
        recorded: what was seen before: a silent host and its VMs stay as they were seen last, not connected.

    Raises:
        DriverError: not one host answers, or one tells what makes no sense.
    """
    findings = Findings()
    answers: list[HostAnswers] = []
    definitions: list[Definition] = []
    for name in list(fleet.connections):
        on_stage(name)
        try:
            one = _HostReader(fleet, name, findings)
            answers.append(one.answers())
            definitions += one.definitions
        except binding.loaded().libvirtError as error:
            if not is_lost(fleet.connections[name]):
                raise DriverError(f"{name}: {said(error, fleet.login)}") from error
            fleet.lost(name, said(error, fleet.login))
        except FormatError as error:
            raise DriverError(error.message) from error
    if not fleet.connections:
        raise DriverError(Sentence("Not one host answers any more"))
    _tell_connections(fleet, recorded, findings)
    on_stage("measured use")
    usage = usage_of_hosts(fleet)
    reading = reading_of(answers, findings)
    estate = replace(reading.estate, vms=tuple(replace(vm, id=vm.uuid) for vm in reading.estate.vms))
    names = {vm.id: vm.name for vm in estate.vms}
    usage = tuple(replace(each, vm=str(names[each.vm])) for each in usage if each.vm in names)
    estate = with_recorded(estate, recorded, tuple(fleet.silent))
    quality = replace(reading.quality, warnings=findings.warnings, assumptions=findings.assumptions)
    return Observed(
        reading=replace(reading, estate=estate, quality=quality), usage=usage, definitions=tuple(definitions)
    )


def _tell_connections(fleet: Fleet, recorded: Estate | None, findings: Findings) -> None:
    known = {host.name for host in recorded.hosts} if recorded else set()
    for name, why in sorted(fleet.silent.items()):
        findings.warn(HOST_UNREACHED if name in known else HOST_NEVER_SEEN, sheet=name, host=name, said=why)
    for name, place in sorted(fleet.places.items()):
        if place.uri.startswith("qemu+tcp"):
            findings.warn(IN_THE_CLEAR, sheet=name, host=name)


class _HostReader:
    """Asks one host for everything, and remembers what it did not tell."""

    def __init__(self, fleet: Fleet, name: str, findings: Findings) -> None:
        self._fleet = fleet
        self._name = name
        self._findings = findings
        self._connection = fleet.connections[name]
        self._libvirt = binding.loaded()
        self.definitions: list[Definition] = []

    def answers(self) -> HostAnswers:
        """Ask, one kind of thing after the other."""
        libvirt, connection = self._libvirt, self._connection
        pools: Iterable[Any] = self._told(
            "pools", lambda: connection.listAllStoragePools(2), ()
        )  # 2: the active ones
        domains: list[Any] = []
        read: list[Domain] = []
        for domain in connection.listAllDomains(0):
            one = self._still(lambda domain=domain: self._domain(domain))  # type: ignore[misc]
            if one is not None:
                domains.append(domain)
                read.append(one)
        volumes: list[Any] = []
        for pool in pools:
            volumes += self._told("volumes", pool.listAllVolumes, ())
        networks = self._told("networks", lambda: connection.listAllNetworks(0), ())
        ports = libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_FC_HOST
        devices = self._told("devices", lambda: connection.listAllDevices(ports), ())
        known = self._elements(volumes)
        return HostAnswers(
            host=self._host(),
            domains=tuple(read),
            pools=self._elements(pools),
            volumes=(*self._disks(domains, read), *known),  # what a pool tells of a disk counts
            networks=self._elements(networks),
            devices=self._elements(devices),
        )

    def _elements(self, things: Iterable[Any]) -> tuple[Element, ...]:
        texts = [self._still(lambda thing=thing: thing.XMLDesc(0)) for thing in things]  # type: ignore[misc]
        return tuple(decoded_xml(text.encode()) for text in texts if text is not None)

    def _still(self, ask: Callable[[], T]) -> T | None:
        """Ask something; None where it was removed, or moved away, since the list of all was read."""
        libvirt = self._libvirt
        gone = (
            libvirt.VIR_ERR_NO_DOMAIN,
            libvirt.VIR_ERR_NO_STORAGE_VOL,
            libvirt.VIR_ERR_NO_STORAGE_POOL,
            libvirt.VIR_ERR_NO_NETWORK,
            libvirt.VIR_ERR_NO_NODE_DEVICE,
        )
        try:
            return ask()
        except libvirt.libvirtError as error:
            if error.get_error_code() in gone:
                return None
            raise

    def _told(self, what: str, ask: Callable[[], T], otherwise: T) -> T:
        """Ask for what a host may not have, or not tell; that it is missing is told, unless it has none."""
        try:
            return ask()
        except self._libvirt.libvirtError as error:
            if is_lost(self._connection):
                raise
            if error.get_error_code() != self._libvirt.VIR_ERR_NO_SUPPORT:
                self._findings.warn(
                    NOT_TOLD,
                    sheet=self._name,
                    host=self._name,
                    what=what,
                    said=said(error, self._fleet.login),
                )
            return otherwise

    def _host(self) -> Host | None:
        connection = self._connection
        host = None
        if connection.getType() != TEST:
            text = decoded_xml(connection.getCapabilities().encode())
            host = host_of_capabilities(self._name, text, Findings())
        info = connection.getInfo()
        if host is None or not host.cpu_mhz:
            node = host_of_node(self._name, decoded_xml(_node(info).encode()), self._findings)
            host = node if host is None or node is None else replace(host, cpu_mhz=node.cpu_mhz)
        if host is None:
            return None
        version = f"{connection.getType()} {_dotted(connection.getVersion())}"
        system = self._told("system", connection.getSysinfo, "")
        vendor, model = _system(system)
        return replace(
            host,
            version=f"{version}, libvirt {_dotted(connection.getLibVersion())}",
            vendor=vendor or host.vendor,
            model=model,
        )

    def _domain(self, domain: Any) -> Domain:
        state, _ = domain.state()
        active = domain.isActive() == 1
        xml = domain.XMLDesc(0)
        inactive = domain.XMLDesc(self._libvirt.VIR_DOMAIN_XML_INACTIVE)
        self.definitions.append(Definition(vm_id=domain.UUIDString(), host=self._name, text=inactive))
        if domain.isPersistent() and domain.autostart():
            self._findings.warn(STARTS_ITSELF, sheet=self._name, vm=domain.name(), host=self._name)
        emulated = "type='qemu'" in xml.partition(">")[0]
        version = self._connection.getVersion()
        if emulated and version < QEMU_OF_TCG:
            self._findings.warn(UNSAFE_EMULATION, sheet=self._name, host=self._name, version=_dotted(version))
        return Domain(decoded_xml(xml.encode()), POWERS[power_of(state, active=active)])

    def _disks(self, domains: Iterable[Any], read: Iterable[Domain]) -> list[Element]:
        """Tell the size of disks that stand in no pool, as the domain itself sees them."""
        found = []
        for domain, one in zip(domains, read, strict=True):
            devices = one.xml.one("devices")
            for disk in devices.all("disk") if devices else ():
                source, target = disk.one("source"), disk.one("target")
                name = _name_of(source) if source else None
                if name and target and disk.attributes.get("device", "disk") in ("disk", "lun"):
                    size = self._size(domain, target.attributes.get("dev", ""))
                    if size is not None:
                        found.append(decoded_xml(_volume(name, size).encode()))
        return found

    def _size(self, domain: Any, device: str) -> tuple[int, int] | None:
        try:
            capacity, allocation, _ = domain.blockInfo(device)
        except self._libvirt.libvirtError:
            if is_lost(self._connection):
                raise
            return None  # the reader says that no volume tells it
        return int(capacity), int(allocation)


def _name_of(source: Element) -> str | None:
    keys = ("file", "dev", "name")
    return next((source.attributes[key] for key in keys if source.attributes.get(key)), None)


def _volume(key: str, size: tuple[int, int]) -> str:
    return (
        f"<volume><key>{escape(key)}</key><capacity unit='bytes'>{size[0]}</capacity>"
        f"<allocation unit='bytes'>{size[1]}</allocation></volume>"
    )


def _node(info: list[Any]) -> str:
    """Write `virNodeInfo` as the node XML that the reader of files knows.  Memory is in MiB there."""
    model, memory_mib, active, mhz, nodes, sockets, cores, threads = info
    return (
        f"<node><cpu><nodes>{nodes}</nodes><sockets>{sockets}</sockets><cores>{cores}</cores>"
        f"<threads>{threads}</threads><active>{active}</active><mhz>{mhz}</mhz>"
        f"<model>{escape(str(model))}</model></cpu><memory unit='MiB'>{memory_mib}</memory></node>"
    )


def _system(text: str) -> tuple[str | None, str | None]:
    """Find who made a host, and what it is called, in its SMBIOS."""
    system = decoded_xml(text.encode()).one("system") if text else None
    told = {entry.attributes.get("name"): entry.text for entry in (system.all("entry") if system else ())}
    return told.get("manufacturer") or None, told.get("product") or None


def _dotted(version: int) -> str:
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"
