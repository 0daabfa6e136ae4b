"""What the hospital's two server rooms hold: hosts, storage arrays, fabrics, switches and cables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

from planner.estate import (
    Cluster,
    Controller,
    Fabric,
    Hba,
    Host,
    Link,
    Lun,
    Nic,
    Path,
    PortGroup,
    Rack,
    Site,
    Switch,
)

SITES: Final = (Site(name="North campus"), Site(name="South campus"))
RACKS: Final = tuple(
    Rack(name=f"{letter}{number}", site=f"{campus} campus")
    for letter, campus in (("N", "North"), ("S", "South"))
    for number in (1, 2)
)
FABRICS: Final = (Fabric(name="san-a"), Fabric(name="san-b"))
CONTROLLERS: Final = (
    Controller(name="array-n/ctl-1", array="array-n"),
    Controller(name="array-n/ctl-2", array="array-n"),
)


class ClusterSpec(Struct, frozen=True, kw_only=True):
    """One cluster, its hosts all alike.  `racks` are given to its hosts in turn."""

    name: str
    prefix: str
    hosts: int
    sockets: int
    cores: int
    cpu_mhz: float
    memory_gib: int
    vendor: str
    model: str
    cpu_model: str
    version: str
    racks: tuple[str, ...]
    nic_mbit: int
    luns: int
    lun_gib: int
    evc: str
    switch: str
    switch_kind: Literal["standard", "distributed"]
    networks: tuple[tuple[str, int], ...]
    failover_level: int | None = 1


CLUSTERS: Final = (
    ClusterSpec(
        name="Production", prefix="prd", hosts=8, sockets=2, cores=32, cpu_mhz=2900.0, memory_gib=512,
        vendor="Dell Inc.", model="PowerEdge R650", cpu_model="Intel(R) Xeon(R) Gold 6326 CPU @ 2.90GHz",
        version="VMware ESXi 7.0.3", racks=("N1", "S1", "N2", "S2"), nic_mbit=25_000,
        luns=14, lun_gib=8192, evc="intel-icelake", switch="dvs-production", switch_kind="distributed",
        networks=(
            ("srv-core", 110), ("srv-db", 120), ("srv-clin", 130), ("srv-adm", 140), ("srv-test", 190),
        ),
    ),
    ClusterSpec(
        name="DMZ", prefix="dmz", hosts=3, sockets=2, cores=16, cpu_mhz=2600.0, memory_gib=128,
        vendor="HPE", model="ProLiant DL360 Gen9", cpu_model="Intel(R) Xeon(R) CPU E5-2640 v3 @ 2.60GHz",
        version="VMware ESXi 6.7.0", racks=("N1", "N2", "S1"), nic_mbit=10_000,
        luns=2, lun_gib=2560, evc="intel-haswell", switch="vSwitch-dmz", switch_kind="standard",
        networks=(("dmz-front", 310), ("dmz-back", 320)),
    ),
    ClusterSpec(
        name="Management", prefix="mgt", hosts=2, sockets=2, cores=32, cpu_mhz=2300.0, memory_gib=384,
        vendor="Dell Inc.", model="PowerEdge R640", cpu_model="Intel(R) Xeon(R) Gold 5218 CPU @ 2.30GHz",
        version="VMware ESXi 7.0.3", racks=("N2", "S2"), nic_mbit=10_000,
        luns=3, lun_gib=4096, evc="intel-cascadelake", switch="vSwitch-mgmt", switch_kind="standard",
        networks=(("mgmt", 10), ("voice", 20)),
    ),
    ClusterSpec(
        name="Desktops", prefix="vdi", hosts=4, sockets=2, cores=36, cpu_mhz=3000.0, memory_gib=768,
        vendor="HPE", model="ProLiant DL380 Gen10 Plus",
        cpu_model="Intel(R) Xeon(R) Gold 6354 CPU @ 3.00GHz",
        version="VMware ESXi 8.0.2", racks=("N1", "N2"), nic_mbit=25_000,
        luns=4, lun_gib=4096, evc="intel-icelake", switch="dvs-desktops", switch_kind="distributed",
        networks=(("vdi-ward", 410), ("vdi-office", 420), ("vdi-infra", 430)),
    ),
)  # fmt: skip

# The two weak points of the story.
ONE_UPLINK_HOST: Final = "prd-esx06"  # its second uplink was never patched after a move
ONE_PATH_LUN: Final = "lun-prd-11"  # zoned on one fabric and one controller port only


def host_names(spec: ClusterSpec) -> tuple[str, ...]:
    """The names of a cluster's hosts, counted from 01."""
    return tuple(f"{spec.prefix}-esx{number:02d}" for number in range(1, spec.hosts + 1))


def datastore_names(spec: ClusterSpec) -> tuple[str, ...]:
    """The names of a cluster's datastores, one on each of its LUNs."""
    return tuple(f"ds-{spec.prefix}-{number:02d}" for number in range(1, spec.luns + 1))


def lun_of(datastore: str) -> str:
    """The LUN under a datastore: ds-prd-03 stands on lun-prd-03."""
    return f"lun-{datastore.removeprefix('ds-')}"


def rack_of(spec: ClusterSpec, number: int) -> str:
    """The rack of a cluster's host, counted from 1."""
    return spec.racks[(number - 1) % len(spec.racks)]


def site_of(rack: str) -> str:
    """The campus of a rack."""
    return "North campus" if rack.startswith("N") else "South campus"


def clusters() -> tuple[Cluster, ...]:
    """The clusters with the settings that vCenter shows for them."""
    return tuple(
        Cluster(
            name=spec.name,
            datacenter="Hospital",
            ha_enabled=True,
            drs_enabled=spec.name != "Management",
            admission_control=spec.name in {"Production", "DMZ"},
            failover_level=spec.failover_level,
        )
        for spec in CLUSTERS
    )


def hosts() -> Iterator[Host]:
    """Every host with its network and storage ports, its load still unknown."""
    for cluster_number, spec in enumerate(CLUSTERS, start=1):
        for number, name in enumerate(host_names(spec), start=1):
            rack = rack_of(spec, number)
            address = f"{cluster_number:02x}:{number:02x}"
            yield Host(
                name=name,
                cluster=spec.name,
                sockets=spec.sockets,
                cores=spec.cores,
                cpu_mhz=spec.cpu_mhz,
                memory_mib=spec.memory_gib * 1024,
                site=site_of(rack),
                rack=rack,
                datacenter="Hospital",
                vendor=spec.vendor,
                model=spec.model,
                cpu_model=spec.cpu_model,
                version=spec.version,
                evc=spec.evc,
                nics=tuple(
                    Nic(
                        device=f"vmnic{port}",
                        speed_mbit=spec.nic_mbit if not _is_unpatched(name, port) else None,
                        switch=spec.switch,
                        mac=f"00:50:56:{address}:{port:02x}",
                        driver="i40en",
                        up=not _is_unpatched(name, port),
                    )
                    for port in (0, 1)
                ),
                hbas=tuple(
                    Hba(
                        device=f"vmhba{port + 2}",
                        kind="Fibre Channel",
                        model="QLE2692 Dual Port 16Gb Fibre Channel",
                        wwn=f"21:00:00:24:ff:{address}:{port:02x}",
                        fabric=FABRICS[port].name,
                        status="online",
                    )
                    for port in (0, 1)
                ),
            )


def luns() -> Iterator[Lun]:
    """Every LUN, owned by the two controllers in turn."""
    for spec in CLUSTERS:
        for number, datastore in enumerate(datastore_names(spec)):
            yield Lun(
                name=lun_of(datastore),
                capacity_mib=spec.lun_gib * 1024,
                controller=CONTROLLERS[number % len(CONTROLLERS)].name,
                vendor="HPE",
                model="Primera A630",
            )


def paths() -> Iterator[Path]:
    """Four ways from every host to every LUN of its cluster: two fabrics by two controllers."""
    for spec in CLUSTERS:
        for host in host_names(spec):
            for number, datastore in enumerate(datastore_names(spec)):
                for hba in (2, 3):
                    for target in (0, 1):
                        if lun_of(datastore) == ONE_PATH_LUN and (hba, target) != (2, 0):
                            continue
                        yield Path(
                            host=host,
                            lun=lun_of(datastore),
                            name=f"vmhba{hba}:C0:T{target}:L{number}",
                            datastore=datastore,
                            state="active",
                            policy="Round Robin",
                        )


def switches() -> Iterator[Switch]:
    """One virtual switch a cluster, one physical switch a rack, and a core of two."""
    for spec in CLUSTERS:
        yield Switch(
            name=spec.switch,
            kind=spec.switch_kind,
            mtu=9000 if spec.switch_kind == "distributed" else 1500,
            hosts=host_names(spec),
            uplinks=("vmnic0", "vmnic1"),
        )
    for rack in RACKS:
        yield Switch(name=f"tor-{rack.name.lower()}", kind="physical", mtu=9216)
    for side in ("core-north", "core-south"):
        yield Switch(name=side, kind="physical", mtu=9216)


def port_groups() -> Iterator[PortGroup]:
    """The networks that VMs see."""
    for spec in CLUSTERS:
        for name, vlan in spec.networks:
            yield PortGroup(name=name, switch=spec.switch, vlan=str(vlan), hosts=host_names(spec))


def links() -> Iterator[Link]:
    """Every cable: uplinks to the two rack switches of the campus, HBAs and controllers to the fabrics."""
    for spec in CLUSTERS:
        for number, host in enumerate(host_names(spec), start=1):
            campus = rack_of(spec, number)[0].lower()
            for port in (0, 1):
                if not _is_unpatched(host, port):
                    yield Link(
                        a=f"host:{host}/vmnic{port}",
                        b=f"switch:tor-{campus}{port + 1}",
                        speed_mbit=spec.nic_mbit,
                    )
                yield Link(
                    a=f"host:{host}/vmhba{port + 2}", b=f"fabric:{FABRICS[port].name}", speed_mbit=16_000
                )
    for rack in RACKS:
        for side in ("core-north", "core-south"):
            yield Link(a=f"switch:tor-{rack.name.lower()}", b=f"switch:{side}", speed_mbit=100_000)
    yield Link(a="switch:core-north", b="switch:core-south", speed_mbit=100_000)
    for controller in CONTROLLERS:
        for fabric in FABRICS:
            yield Link(a=f"controller:{controller.name}", b=f"fabric:{fabric.name}", speed_mbit=32_000)


def _is_unpatched(host: str, port: int) -> bool:
    return host == ONE_UPLINK_HOST and port == 1
