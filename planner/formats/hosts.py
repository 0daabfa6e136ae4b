"""vHost, vCluster, vHBA and vNIC -> hosts and clusters."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from msgspec import Struct

from planner.estate import Cluster, Hba, Host, Nic, Priority, Vmk
from planner.formats import limits
from planner.formats.findings import Findings
from planner.formats.machines import PRIORITIES
from planner.formats.own_columns import attributes_of
from planner.formats.table import Table, read_of
from planner.formats.text import shortened
from planner.sentence import Sentence

UNUSABLE: Final = Sentence("The host {host} has no usable {column}; the row was skipped").template
TWICE: Final = Sentence("The host {host} stands twice; the second row was skipped").template
NAMELESS: Final = Sentence("The row names no cluster and was skipped").template
CONTRADICTION: Final = Sentence(
    "The cluster {cluster} stands twice with different settings; they count as unknown"
).template
_PCI: Final = re.compile(r"^\s*(?P<card>(?:[0-9a-fA-F]{1,4}:)+[0-9a-fA-F]{1,4})\.[0-9a-fA-F]+\s*$")
NEEDED: Final = ("sockets", "cores", "cpu_mhz", "memory_mib")

Part = TypeVar("Part", Nic, Hba, Vmk)

_Home: TypeAlias = tuple[str | None, str | None, str | None]


class ClusterNames:
    """What the estate calls each cluster: its name, with the datacenter or vCenter where two share one.

    Two clusters of one name are two clusters; taking them for one would halve the hosts that each needs.
    """

    def __init__(self, homes: Iterable[_Home], findings: Findings) -> None:
        """Learn from (vCenter, datacenter, cluster) of every host and VM."""
        self._servers: dict[str, set[str]] = defaultdict(set)
        self._datacenters: dict[str, set[str]] = defaultdict(set)
        for server, datacenter, cluster in homes:
            if cluster:
                self._servers[cluster] |= {server} if server else set()
                self._datacenters[cluster] |= {datacenter} if datacenter else set()
        for cluster in sorted(self._servers):
            marks = self._datacenters[cluster] if self.by_datacenter(cluster) else self._servers[cluster]
            if len(marks) > 1:
                findings.warn(
                    "{count} clusters are called {cluster}; they are told apart by {marks}",
                    column="Cluster",
                    count=len(marks),
                    cluster=cluster,
                    marks=shortened(", ".join(sorted(marks)), 200),
                )

    def by_datacenter(self, cluster: str) -> bool:
        """Whether clusters of this name are told apart by their datacenters."""
        return len(self._datacenters[cluster]) > 1

    def name(self, server: str | None, datacenter: str | None, cluster: str | None) -> str | None:
        """Give the cluster's name in the estate."""
        if not cluster:
            return None
        mark = None
        if self.by_datacenter(cluster):
            mark = datacenter
        elif len(self._servers[cluster]) > 1:
            mark = server
        return shortened(f"{cluster} [{mark}]" if mark else cluster)


class HostParts(Struct, frozen=True, kw_only=True):
    """What vNIC and vHBA say of each host, by its name."""

    nics: Mapping[str, tuple[Nic, ...]] = {}
    hbas: Mapping[str, tuple[Hba, ...]] = {}
    vmks: Mapping[str, tuple[Vmk, ...]] = {}


def homes(table: Table) -> list[_Home]:
    """Give vCenter, datacenter and cluster of each row of vHost or vInfo."""
    return list(
        zip(
            table.texts("server"),
            table.texts("datacenter"),
            table.texts("cluster"),
            strict=True,
        )
    )


def hosts(table: Table, names: ClusterNames, parts: HostParts, findings: Findings) -> tuple[Host, ...]:
    """Build the hosts; one whose cores, sockets, speed or memory cannot be used is skipped with a warning."""
    labels = table.texts("host")
    sockets = table.counts("sockets", *limits.HOST_SOCKETS)
    cores = _cores(table, sockets, findings)
    speeds = table.numbers("cpu_mhz", 1, limits.MHZ[1])
    memory = table.sizes("memory_mib", *limits.HOST_MEMORY_MIB)
    clusters = [names.name(*home) for home in homes(table)]
    datacenters = table.texts("datacenter")
    maintenance = table.flags("maintenance")
    cpu_usage = table.numbers("cpu_usage_percent", *limits.PERCENT)
    memory_usage = table.numbers("memory_usage_percent", *limits.PERCENT)
    vendors, models = table.texts("vendor"), table.texts("model")
    cpu_models, versions = table.texts("cpu_model"), table.texts("version")
    evc = table.texts("evc")
    attributes = attributes_of(table)
    built: dict[str, Host] = {}
    for place, name in enumerate(labels):
        socket, core, speed, memory_mib = sockets[place], cores[place], speeds[place], memory[place]
        if name is None or socket is None or core is None or speed is None or memory_mib is None:
            values = (socket, core, speed, memory_mib)
            field = "host" if name is None else NEEDED[values.index(None)]
            table.warn(UNUSABLE, field, place, host=name or "")
            continue
        if name in built:
            table.warn(TWICE, "host", place, host=name)
            continue
        built[name] = Host(
            name=name,
            cluster=clusters[place],
            sockets=socket,
            cores=core,
            cpu_mhz=speed,
            memory_mib=memory_mib,
            datacenter=datacenters[place],
            vendor=vendors[place],
            model=models[place],
            cpu_model=cpu_models[place],
            version=versions[place],
            evc=evc[place],
            maintenance=maintenance[place] is True,
            cpu_usage_percent=cpu_usage[place],
            memory_usage_percent=memory_usage[place],
            nics=parts.nics.get(name, ()),
            hbas=parts.hbas.get(name, ()),
            vmks=parts.vmks.get(name, ()),
            attributes=attributes.get(place, {}),
        )
    findings.sheet_read(read_of(table, len(table) - len(built)))
    return tuple(built.values())


def clusters(
    table: Table | None, names: ClusterNames, homes: Sequence[_Home], findings: Findings
) -> tuple[tuple[Cluster, ...], dict[str, Priority]]:
    """Build the clusters that vCluster lists or any host or VM names.

    Returns:
        The clusters, and the restart priority that each gives its VMs where it is known.
    """
    datacenters: dict[str, str | None] = {}
    plain: dict[str, set[str]] = defaultdict(set)
    for server, datacenter, cluster in homes:
        name = names.name(server, datacenter, cluster)
        if name and cluster:
            datacenters[name] = datacenters.get(name) or datacenter
            plain[cluster].add(name)
    settings = _settings(table, names, findings) if table else {}
    if table is None and datacenters:
        findings.assume("There is no vCluster sheet: the HA and DRS settings of the clusters are unknown")
    built: dict[str, Cluster] = {}
    priorities: dict[str, Priority] = {}
    for name in sorted(set(datacenters) | {name for name in settings if not plain.get(name)}):
        cluster = next((cluster for cluster, called in plain.items() if name in called), name)
        setting = settings.get(name) or settings.get(cluster) or _Setting()
        built[name] = Cluster(
            name=name,
            datacenter=datacenters.get(name),
            ha_enabled=setting.ha_enabled,
            drs_enabled=setting.drs_enabled,
            admission_control=setting.admission_control,
            failover_level=setting.failover_level,
        )
        if setting.restart_priority:
            priorities[name] = setting.restart_priority
    return tuple(built.values()), priorities


class _Setting(Struct, frozen=True):
    ha_enabled: bool | None = None
    drs_enabled: bool | None = None
    admission_control: bool | None = None
    failover_level: int | None = None
    restart_priority: Priority | None = None


def _settings(table: Table, names: ClusterNames, findings: Findings) -> dict[str, _Setting]:
    """Give the settings of each cluster; two rows of one name that differ make them unknown."""
    labels = table.texts("cluster")
    servers = table.texts("server")
    columns = zip(
        table.flags("ha_enabled"),
        table.flags("drs_enabled"),
        table.flags("admission_control"),
        table.counts("failover_level", *limits.COUNT),
        (PRIORITIES.get((word or "").casefold()) for word in table.texts("restart_priority")),
        strict=True,
    )
    settings: dict[str, _Setting] = {}
    skipped = 0
    for place, (label, server, values) in enumerate(zip(labels, servers, columns, strict=True)):
        if label is None:
            table.warn(NAMELESS, "cluster", place)
            skipped += 1
            continue
        name = label if names.by_datacenter(label) else names.name(server, None, label) or label
        setting = _Setting(*values)
        if settings.setdefault(name, setting) != setting:
            table.warn(CONTRADICTION, "cluster", place, cluster=label)
            settings[name] = _Setting()
            skipped += 1
    findings.sheet_read(read_of(table, skipped))
    return settings


def _cores(table: Table, sockets: list[int | None], findings: Findings) -> list[int | None]:
    """Give the physical cores of each host: as listed, else sockets times cores of one."""
    cores = table.counts("cores", *limits.HOST_CORES)
    per_socket = table.counts("cores_per_socket", *limits.HOST_CORES)
    multiplied = Counter[bool]()
    for place, (core, socket, each) in enumerate(zip(cores, sockets, per_socket, strict=True)):
        if core is None and socket is not None and each is not None:
            cores[place] = socket * each
            multiplied[True] += 1
    if multiplied[True]:
        findings.assume("The cores of {count} hosts are # CPU times Cores per CPU", count=multiplied[True])
    return cores


def nics(table: Table, findings: Findings) -> dict[str, tuple[Nic, ...]]:
    """Give the network ports of each host; a port without a speed has no link."""
    owners = table.texts("host")
    devices = table.texts("device")
    drivers, macs = table.texts("driver"), table.texts("mac")
    speeds = table.counts("speed_mbit", *limits.COUNT)
    switches = table.texts("switch")
    uplinks, cards = table.texts("uplink"), [_card(pci) for pci in table.texts("pci")]
    rows: dict[tuple[str, str], Nic] = {}
    for owner, device, driver, mac, speed, switch, uplink, card in zip(
        owners, devices, drivers, macs, speeds, switches, uplinks, cards, strict=True
    ):
        if owner and device:
            rows.setdefault(
                (owner, device),
                Nic(
                    device=device,
                    speed_mbit=speed,
                    switch=switch,
                    mac=mac,
                    driver=driver,
                    up=None if speed is None else speed > 0,
                    card=card,
                    uplink=uplink,
                ),
            )
    findings.sheet_read(read_of(table, len(table) - len(rows)))
    return _by_host(rows)


def hbas(table: Table, findings: Findings) -> dict[str, tuple[Hba, ...]]:
    """Give the storage ports of each host."""
    owners = table.texts("host")
    devices = table.texts("device")
    kinds, models = table.texts("kind"), table.texts("model")
    wwns, statuses = table.texts("wwn"), table.texts("status")
    cards = [_card(pci) for pci in table.texts("pci")]
    rows: dict[tuple[str, str], Hba] = {}
    for owner, device, kind, model, wwn, status, card in zip(
        owners, devices, kinds, models, wwns, statuses, cards, strict=True
    ):
        if owner and device:
            rows.setdefault(
                (owner, device),
                Hba(device=device, kind=kind, model=model, wwn=wwn, status=status, card=card),
            )
    findings.sheet_read(read_of(table, len(table) - len(rows)))
    return _by_host(rows)


def vmks(table: Table, findings: Findings) -> dict[str, tuple[Vmk, ...]]:
    """Give the hypervisor's own network ports of each host."""
    rows: dict[tuple[str, str], Vmk] = {}
    owners, devices = table.texts("host"), table.texts("device")
    groups, addresses = table.texts("port_group"), table.texts("ip")
    for owner, device, group, ip in zip(owners, devices, groups, addresses, strict=True):
        if owner and device:
            rows.setdefault((owner, device), Vmk(device=device, port_group=group, ip=ip))
    findings.sheet_read(read_of(table, len(table) - len(rows)))
    return _by_host(rows)


def _card(pci: str | None) -> str | None:
    """Give the card that a PCI address names: bus and device, without the port's own function.

    >>> _card("0000:3b:00.1"), _card("vmxnet"), _card(None)
    ('0000:3b:00', None, None)
    """
    found = _PCI.match(pci or "")
    return found["card"] if found else None


def _by_host(parts: Mapping[tuple[str, str], Part]) -> dict[str, tuple[Part, ...]]:
    gathered: dict[str, list[Part]] = defaultdict(list)
    for (host, _), part in sorted(parts.items(), key=lambda item: item[0]):
        gathered[host].append(part)
    return {host: tuple(own) for host, own in gathered.items()}
