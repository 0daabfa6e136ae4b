"""What libvirt answers -> Estate: hosts from capabilities or node XML, VMs from domains, pools, networks.

A live driver gathers the same documents that `virsh capabilities`, `dumpxml`, `pool-dumpxml`,
`net-dumpxml` and `nodedev-dumpxml` print; here they are read, without a connection.

Source: libvirt.org/formatdomain.html, formatcaps.html, formatstorage.html, formatnode.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from planner.estate import VM, Datastore, Estate, EstateError, Fabric, Host, PortGroup, Power
from planner.formats.findings import Findings
from planner.formats.libvirt_domain import Places, vm_of
from planner.formats.libvirt_host import hbas_of, host_of_capabilities, host_of_node
from planner.formats.libvirt_store import Volume, datastore_of, port_group_of, volume_of
from planner.formats.text import shortened
from planner.formats.xml_text import Element, decoded_xml
from planner.quality import FormatError, Quality, Reading, SheetRead
from planner.sentence import Sentence

FORMAT: Final = "libvirt-xml"
ROOTS: Final = ("domain", "capabilities", "node", "pool", "network", "volume", "device", "domainCapabilities")


class Domain(Struct, frozen=True):
    """A domain as its host has it now; `power` None: what the XML shows."""

    xml: Element
    power: Power | None = None


class HostAnswers(Struct, frozen=True, kw_only=True):
    """Everything one libvirtd said; `host` None where it told too little of its hardware."""

    host: Host | None
    domains: tuple[Domain, ...] = ()
    pools: tuple[Element, ...] = ()
    volumes: tuple[Element, ...] = ()
    networks: tuple[Element, ...] = ()
    devices: tuple[Element, ...] = ()


def is_libvirt(root: Element) -> bool:
    """Whether an XML document is one of libvirt's."""
    return root.name in ROOTS


def read_libvirt(files: Mapping[str, bytes]) -> Reading:
    """Read XML documents by file name: one, or a folder of them.

    Each `node` is a host with all that stands in it, each `capabilities` a host called as its file.
    Domains, pools and networks in files of their own belong to the only host, where there is just one.

    Raises:
        FormatError: a file that is no XML of libvirt; the sheet is the file.
    """
    findings = Findings()
    roots = {name: _parsed(name, data) for name, data in sorted(files.items())}
    answers = [_of_node(name, root, findings) for name, root in roots.items() if root.name == "node"]
    answers += [
        HostAnswers(host=host_of_capabilities(PurePosixPath(name).stem, root, findings))
        for name, root in roots.items()
        if root.name == "capabilities"
    ]
    return reading_of(_with_loose(answers, list(roots.values())), findings)


def reading_of(answers: Sequence[HostAnswers], findings: Findings) -> Reading:
    """Join what several hosts said into one estate."""
    stores: dict[str, Datastore] = {}
    groups: dict[str, PortGroup] = {}
    vms: dict[str, VM] = {}
    hosts: list[Host] = []
    fabrics: dict[str, None] = {}
    for answer in answers:
        name = answer.host.name if answer.host else None
        own = [found for pool in answer.pools if (found := datastore_of(pool, name, findings)) is not None]
        for store, _ in own:
            _join_store(stores, store)
        for network in answer.networks:
            _join_group(groups, port_group_of(network, name))
        if answer.host is not None:
            hbas = hbas_of(answer.devices)
            fabrics.update(dict.fromkeys(hba.fabric for hba in hbas if hba.fabric))
            hosts.append(replace(answer.host, hbas=hbas))
        volumes: dict[str, Volume] = {}
        for element in answer.volumes:
            volumes.update(volume_of(element))
        places = Places(host=name, stores={path: store.name for store, path in own if path}, volumes=volumes)
        for domain in answer.domains:
            _join_vm(vms, vm_of(domain.xml, domain.power, places, findings), findings)
    estate = Estate(
        hosts=tuple(hosts),
        vms=tuple(vms.values()),
        datastores=tuple(stores.values()),
        port_groups=tuple(groups.values()),
        fabrics=tuple(Fabric(name=name) for name in fabrics),
    )
    return _reading(estate, findings)


def _reading(estate: Estate, findings: Findings) -> Reading:
    for field in ("hosts", "vms", "datastores", "port_groups"):
        findings.sheet_read(SheetRead(name=field, rows_read=len(getattr(estate, field))))
    try:
        estate = estate.sorted()
    except EstateError as error:
        raise FormatError(Sentence("{reason}", {"reason": str(error)})) from error
    quality = Quality(
        format=FORMAT, sheets=findings.sheets, warnings=findings.warnings, assumptions=findings.assumptions
    )
    return Reading(estate=estate, quality=quality)


def _parsed(name: str, data: bytes) -> Element:
    try:
        root = decoded_xml(data)
    except FormatError as error:
        raise FormatError(error.message, sheet=shortened(name), row=error.row) from error
    if not is_libvirt(root):
        raise FormatError(
            Sentence(
                "The XML is none of libvirt's: it begins with {found}", {"found": shortened(root.name, 60)}
            ),
            sheet=shortened(name),
            row=root.line,
        )
    return root


def _of_node(name: str, root: Element, findings: Findings) -> HostAnswers:
    return HostAnswers(
        host=host_of_node(PurePosixPath(name).stem, root, findings),
        domains=tuple(Domain(child) for child in root.all("domain")),
        pools=tuple(root.all("pool")),
        volumes=tuple(volume for pool in root.all("pool") for volume in pool.all("volume")),
        networks=tuple(root.all("network")),
        devices=tuple(root.all("device")),
    )


def _with_loose(answers: Sequence[HostAnswers], roots: Sequence[Element]) -> list[HostAnswers]:
    """Add the documents that stand in files of their own."""
    only = answers[0] if len(answers) == 1 else HostAnswers(host=None)

    def of(name: str) -> tuple[Element, ...]:
        return tuple(root for root in roots if root.name == name)

    joined = HostAnswers(
        host=only.host,
        domains=(*only.domains, *map(Domain, of("domain"))),
        pools=(*only.pools, *of("pool")),
        volumes=(*only.volumes, *of("volume")),
        networks=(*only.networks, *of("network")),
        devices=(*only.devices, *of("device")),
    )
    return [joined] if len(answers) == 1 else [*answers, joined]


def _join_store(stores: dict[str, Datastore], store: Datastore) -> None:
    """Add a pool; a shared one that another host has told already gains a host."""
    known = stores.get(store.name)
    hosts = store.hosts if known is None else tuple(dict.fromkeys((*known.hosts, *store.hosts)))
    stores[store.name] = replace(known or store, hosts=hosts)


def _join_group(groups: dict[str, PortGroup], group: PortGroup) -> None:
    known = groups.get(group.name)
    hosts = group.hosts if known is None else tuple(dict.fromkeys((*known.hosts, *group.hosts)))
    groups[group.name] = replace(known or group, hosts=hosts)


def _join_vm(vms: dict[str, VM], vm: VM, findings: Findings) -> None:
    """Add a domain.  One UUID on two hosts is one VM, on the host where it runs."""
    known = vms.get(vm.name)
    if known is not None and known.uuid == vm.uuid and vm.uuid is not None:
        if known.power == "on" and vm.power == "on":
            findings.warn("{vm} runs on two hosts at once: {first} and {second}", vm=vm.name,
                          first=known.host or "-", second=vm.host or "-")  # fmt: skip
        vms[vm.name] = vm if known.power != "on" else known
        return
    name, number = vm.name, 2
    while name in vms:
        name, number = f"{shortened(vm.name, 240)} ({number})", number + 1
    if name != vm.name:
        findings.warn("Several domains are called {vm}; they are numbered", vm=vm.name)
        vm = replace(vm, name=name)
    vms[name] = vm
