"""The whole estate as frozen typed values: what was imported, sorted by name.

    Site -- Rack -- Host -- Nic, Hba          Cluster -- Host -- VM -- Disk, VmNic, Partition
                     |        |                                   |
                  Switch   Fabric -- Controller -- Lun -- Datastore        Feed -- Psu of a host
          Service -- Tier -- VM

The types are also the estate document (`headroom-estate/1`): `planner.formats.json` reads and writes
them as they stand here, and its JSON Schema is made from them.  A reference is a name.  A host or a
datastore that a VM names and the estate lacks is kept as it was found: the importer warns, and
`Estate.unknown_hosts` tells.  None is "not known", never zero.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from planner.row import Count, Mhz, Mib, Name, Rate, Row
from planner.service import Service

FORMAT: Final = "headroom-estate/1"

Power: TypeAlias = Literal["on", "off", "suspended"]
FtRole: TypeAlias = Literal["none", "primary", "secondary"]
Priority: TypeAlias = Literal["disabled", "lowest", "low", "medium", "high", "highest"]
RuleKind: TypeAlias = Literal[
    "spread", "gather", "must-run-on", "should-run-on", "must-not-run-on", "should-not-run-on"
]
PathState: TypeAlias = Literal["active", "standby", "disabled", "dead", "unknown"]
Role: TypeAlias = Literal["management", "vmotion", "ft-logging", "storage", "vm"]  # what a network is for
RaidLevel: TypeAlias = Literal["none", "0", "1", "10", "5", "50", "6", "60", "distributed"]
Lacp: TypeAlias = Literal["off", "slow", "fast", "on"]  # "on": bundled, at a rate that nobody told


class EstateError(ValueError):
    """An estate that contradicts itself: two hosts of one name, a rule about a VM that is not there."""


class Site(Row, frozen=True, kw_only=True):
    """A place that can be lost as a whole."""

    name: Name


class Rack(Row, frozen=True, kw_only=True):
    """A rack of a site, in one of its rooms."""

    name: Name
    site: Name | None = None
    room: Name | None = None


class Room(Row, frozen=True, kw_only=True):
    """A room of a site: one fire section, one cooling."""

    name: Name
    site: Name | None = None


class Feed(Row, frozen=True, kw_only=True):
    """Where power comes from; it lives while any one of `upstream` does, or by itself where that is empty."""

    name: Name
    kind: Literal["supply", "ups", "pdu"] = "pdu"
    upstream: tuple[Name, ...] = ()
    rack: Name | None = None


class Cluster(Row, frozen=True, kw_only=True):
    """A vSphere cluster, or what other products call so."""

    name: Name
    datacenter: str | None = None
    ha_enabled: bool | None = None
    drs_enabled: bool | None = None
    admission_control: bool | None = None
    failover_level: Count | None = None
    witness_site: Name | None = None


class Nic(Row, frozen=True, kw_only=True):
    """A physical network port of a host, on a virtual `switch` under the name `uplink`.

    Ports of one `card` die together.
    """

    device: Name
    speed_mbit: Count | None = None
    switch: str | None = None
    mac: str | None = None
    driver: str | None = None
    up: bool | None = None
    card: str | None = None
    uplink: str | None = None


class Hba(Row, frozen=True, kw_only=True):
    """A storage port of a host; `kind` as exported (Fibre Channel, iSCSI, Block SCSI ...)."""

    device: Name
    kind: str | None = None
    model: str | None = None
    wwn: str | None = None
    fabric: Name | None = None
    status: str | None = None
    card: str | None = None
    speed_mbit: Count | None = None


class Psu(Row, frozen=True, kw_only=True):
    """A power supply unit of a host; the host lives while any one of them does."""

    device: Name
    feed: Name | None = None


class Vmk(Row, frozen=True, kw_only=True):
    """A port of the hypervisor itself, in a port group whose roles tell what it is for."""

    device: Name
    port_group: str | None = None
    ip: str | None = None


class Host(Row, frozen=True, kw_only=True):
    """A physical server.  `cores` are physical cores of the whole host, never threads.

    `iops` is what its adapters or its own disks carry at most; None: nobody told.  `attributes` are the
    customer's own words about it (tag -> value), by which hosts may also be lost together.
    """

    name: Name
    cluster: Name | None = None
    sockets: Annotated[int, Meta(ge=1, le=1024)]
    cores: Annotated[int, Meta(ge=1, le=100_000)]
    cpu_mhz: Mhz
    memory_mib: Annotated[int, Meta(ge=1, le=10**12)]
    site: Name | None = None
    rack: Name | None = None
    datacenter: str | None = None
    vendor: str | None = None
    model: str | None = None
    cpu_model: str | None = None
    version: str | None = None
    evc: str | None = None
    maintenance: bool = False
    connected: bool = True
    cpu_usage_percent: Annotated[float, Meta(ge=0, le=100)] | None = None
    memory_usage_percent: Annotated[float, Meta(ge=0, le=100)] | None = None
    nics: tuple[Nic, ...] = ()
    hbas: tuple[Hba, ...] = ()
    chassis: Name | None = None
    psus: tuple[Psu, ...] = ()
    vmks: tuple[Vmk, ...] = ()
    iops: Rate | None = None
    attributes: dict[str, str] = {}


class Datastore(Row, frozen=True, kw_only=True):
    """Storage that hosts mount; `hosts` empty means that the estate does not say which."""

    name: Name
    capacity_mib: Mib
    used_mib: Mib
    provisioned_mib: Mib | None = None
    shared: bool = True
    kind: str | None = None
    hosts: tuple[Name, ...] = ()
    luns: tuple[Name, ...] = ()


class Lun(Row, frozen=True, kw_only=True):
    """A block device that arrays present; what a VMFS datastore stands on.

    `controller` owns it; any of `controllers` gives it out (none named: all of the owner's array).  Its
    blocks lie in a `raid_group`.
    """

    name: Name
    capacity_mib: Mib | None = None
    controller: Name | None = None
    vendor: str | None = None
    model: str | None = None
    controllers: tuple[Name, ...] = ()
    raid_group: Name | None = None


class RaidGroup(Row, frozen=True, kw_only=True):
    """The disks of an array that LUNs are cut from; without parity or mirrors, one disk takes them all."""

    name: Name
    array: str | None = None
    level: RaidLevel | None = None
    disks: Count | None = None


class Path(Row, frozen=True, kw_only=True):
    """One way from a host to a LUN: HBA, fabric, controller port, LUN."""

    host: Name
    lun: Name
    name: Name
    datastore: Name | None = None
    state: PathState = "unknown"
    policy: str | None = None
    hba: Name | None = None
    fabric: Name | None = None
    controller: Name | None = None


class ControllerPort(Row, frozen=True, kw_only=True):
    """A front-end port of a controller."""

    device: Name
    fabric: Name | None = None
    wwn: str | None = None
    speed_mbit: Count | None = None


class Controller(Row, frozen=True, kw_only=True):
    """A storage controller of an array; `iops_max` is what its maker or a measurement says it gives."""

    name: Name
    array: str | None = None
    rack: Name | None = None
    feeds: tuple[Name, ...] = ()
    ports: tuple[ControllerPort, ...] = ()
    iops_max: Rate | None = None


class Fabric(Row, frozen=True, kw_only=True):
    """One of the storage networks; two crossed ones are redundant."""

    name: Name


class Switch(Row, frozen=True, kw_only=True):
    """A virtual or physical switch; a virtual one belongs to the hosts named.

    A physical one may be part of a storage `fabric`; those of one `stack` share their control plane, those
    of one `mlag` take a bundle of links together and share nothing else.
    """

    name: Name
    kind: Literal["standard", "distributed", "physical"] = "standard"
    mtu: Count | None = None
    hosts: tuple[Name, ...] = ()
    uplinks: tuple[Name, ...] = ()
    lacp: Lacp | None = None
    fabric: Name | None = None
    stack: Name | None = None
    rack: Name | None = None
    feeds: tuple[Name, ...] = ()
    mlag: Name | None = None


class PortGroup(Row, frozen=True, kw_only=True):
    """A network as VMs see it.  `active`, `standby`: NICs or uplinks; both empty: all of the switch."""

    name: Name
    switch: str | None = None
    vlan: str | None = None
    hosts: tuple[Name, ...] = ()
    roles: tuple[Role, ...] = ()
    active: tuple[str, ...] = ()
    standby: tuple[str, ...] = ()
    teaming: str | None = None


class Link(Row, frozen=True, kw_only=True):
    """A cable between two ends, each written `kind:name`.

    `host:esx1/vmnic0`, `host:esx1/vmhba2`, `switch:tor-a`, `port:spa/p0`, `clients:lan`.
    """

    a: Name
    b: Name
    speed_mbit: Count | None = None


class Disk(Row, frozen=True, kw_only=True):
    """A virtual disk."""

    name: Name
    capacity_mib: Mib
    datastore: Name | None = None
    thin: bool | None = None
    raw: bool | None = None
    sharing: bool | None = None


class Partition(Row, frozen=True, kw_only=True):
    """A file system inside the VM, as its tools report it."""

    name: Name
    capacity_mib: Mib
    consumed_mib: Mib


class VmNic(Row, frozen=True, kw_only=True):
    """A network port of a VM."""

    label: Name
    network: str | None = None
    mac: str | None = None
    connected: bool | None = None


class VM(Row, frozen=True, kw_only=True):
    """A virtual machine.

    `disk_mib` is what its disks may grow to, `disk_used_mib` what its files hold on the datastores.
    `cpu_demand_mhz`, `memory_demand_mib`, `iops_demand`, `network_demand_mbit` and `disk_demand_mbit` are
    measured; None: nobody measured.
    """

    name: Name
    id: str | None = None
    uuid: str | None = None
    cluster: Name | None = None
    host: Name | None = None
    power: Power
    template: bool = False
    vcpus: Annotated[int, Meta(ge=0, le=100_000)]
    memory_mib: Mib
    disk_mib: Mib
    disk_used_mib: Mib | None = None
    cpu_demand_mhz: Mhz | None = None
    memory_demand_mib: Mib | None = None
    iops_demand: Rate | None = None
    network_demand_mbit: Rate | None = None
    disk_demand_mbit: Rate | None = None
    cpu_reservation_mhz: Mhz | None = None
    memory_reservation_mib: Mib | None = None
    datastores: tuple[Name, ...] = ()
    networks: tuple[str, ...] = ()
    disks: tuple[Disk, ...] = ()
    partitions: tuple[Partition, ...] = ()
    nics: tuple[VmNic, ...] = ()
    ft: FtRole = "none"
    restart_priority: Priority = "medium"
    guest_os: str | None = None
    folder: str | None = None
    owner: str | None = None
    attributes: dict[str, str] = {}

    @property
    def is_load(self) -> bool:
        """Whether it wants CPU and memory: powered on, and not a template."""
        return self.power == "on" and not self.template

    @property
    def guest_used_mib(self) -> int:
        """What its own file systems hold; 0 where its tools report none."""
        return sum(partition.consumed_mib for partition in self.partitions)


class Rule(Row, frozen=True, kw_only=True):
    """Which VMs stay together, stay apart, or belong on which hosts."""

    kind: RuleKind
    vms: tuple[Name, ...]
    hosts: tuple[Name, ...] = ()
    name: str = ""
    cluster: Name | None = None


# fmt: off
Named = TypeVar(
    "Named", Site, Rack, Room, Feed, Cluster, Host, Datastore, Lun, RaidGroup, Controller, Fabric, Switch,
    PortGroup, VM, Service
)
# fmt: on


class Estate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything imported.  Whoever builds one ends with `.sorted()`."""

    clusters: tuple[Cluster, ...] = ()
    hosts: tuple[Host, ...] = ()
    vms: tuple[VM, ...] = ()
    datastores: tuple[Datastore, ...] = ()
    rules: tuple[Rule, ...] = ()
    sites: tuple[Site, ...] = ()
    racks: tuple[Rack, ...] = ()
    luns: tuple[Lun, ...] = ()
    paths: tuple[Path, ...] = ()
    controllers: tuple[Controller, ...] = ()
    fabrics: tuple[Fabric, ...] = ()
    switches: tuple[Switch, ...] = ()
    port_groups: tuple[PortGroup, ...] = ()
    links: tuple[Link, ...] = ()
    rooms: tuple[Room, ...] = ()
    feeds: tuple[Feed, ...] = ()
    raid_groups: tuple[RaidGroup, ...] = ()
    services: tuple[Service, ...] = ()

    def sorted(self) -> Estate:
        """The same estate with every row in the order of its name, so that no answer hangs on file order."""
        return msgspec.structs.replace(
            self,
            clusters=_by_name(self.clusters, "clusters"),
            hosts=_by_name(self.hosts, "hosts"),
            vms=_by_name(self.vms, "vms"),
            datastores=_by_name(self.datastores, "datastores"),
            rules=tuple(sorted(self.rules, key=lambda rule: (rule.kind, rule.vms, rule.hosts, rule.name))),
            sites=_by_name(self.sites, "sites"),
            racks=_by_name(self.racks, "racks"),
            luns=_by_name(self.luns, "luns"),
            paths=tuple(sorted(self.paths, key=lambda path: (path.host, path.lun, path.name))),
            controllers=_by_name(self.controllers, "controllers"),
            fabrics=_by_name(self.fabrics, "fabrics"),
            switches=_by_name(self.switches, "switches"),
            port_groups=_by_name(self.port_groups, "port_groups"),
            links=tuple(sorted(self.links, key=lambda link: (link.a, link.b))),
            rooms=_by_name(self.rooms, "rooms"),
            feeds=_by_name(self.feeds, "feeds"),
            raid_groups=_by_name(self.raid_groups, "raid_groups"),
            services=_by_name(self.services, "services"),
        )

    def hosts_of(self, cluster: str | None) -> tuple[Host, ...]:
        """The hosts of one cluster (None: those of no cluster), in the order of their names."""
        return tuple(host for host in self.hosts if host.cluster == cluster)

    def vms_of(self, cluster: str | None) -> tuple[VM, ...]:
        """The VMs of one cluster, templates among them, in the order of their names."""
        return tuple(vm for vm in self.vms if vm.cluster == cluster)

    def unknown_hosts(self) -> tuple[str, ...]:
        """Hosts that VMs name and the estate does not describe."""
        known = {host.name for host in self.hosts}
        return tuple(sorted({vm.host for vm in self.vms if vm.host is not None} - known))


def _by_name(rows: tuple[Named, ...], kind: str) -> tuple[Named, ...]:
    """Sort rows by name; two of one name are an error, for a reference could mean either."""
    twice = sorted(name for name, count in Counter(row.name for row in rows).items() if count > 1)
    if twice:
        raise EstateError(f"{kind}: {len(twice)} names stand twice, the first is {twice[0]!r}")
    return tuple(sorted(rows, key=lambda row: row.name))
