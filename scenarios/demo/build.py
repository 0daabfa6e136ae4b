"""Builds estate.json: `python -m scenarios.demo.build`, from the root of the checkout.

Chance comes from the names (a SHA-256 of name and question), so the same estate comes out on every
machine and adding a VM changes no other.
"""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from planner import service as seen
from planner.estate import FORMAT, VM, Datastore, Disk, Estate, FtRole, Host, Partition, Rule, VmNic
from scenarios.demo import hardware
from scenarios.demo.hardware import CLUSTERS, ClusterSpec, datastore_names, host_names, lun_of
from scenarios.demo.services import Service, services

ESTATE: Final = Path(__file__).parent / "estate.json"
MEASURED_SHARE: Final = 0.88  # the monitoring agents of some VMs were never installed
TOOLS_SHARE: Final = 0.90  # VMs whose tools report their file systems
FT_PAIR: Final = ("nurse-call-01", "nurse-call-01 (secondary)")
CPU_RESERVED_MHZ: Final = {"ehr-db-01": 8000.0, **dict.fromkeys(FT_PAIR, 2000.0)}
MEMORY_RESERVED: Final = frozenset({"ehr-db-01", "ora-lab-01", "ora-lab-02", *FT_PAIR})
APART: Final = {
    "ad-dc": "Domain controllers apart",
    "sql-clin": "Clinical SQL nodes apart",
    "mail-mbx": "Mailbox servers apart",
}
PRIORITY: Final = {"ehr-db": "highest", "ad-dc": "highest", "nurse-call": "highest", "ehr-app": "high",
                   "icu-monitor": "high", "sql-clin": "high", "training-ehr": "lowest", "uat-ehr": "lowest",
                   "dev-integration": "lowest", "vdi-ward": "low", "vdi-office": "low"}  # fmt: skip
APART_FROM: Final = {"ad-dc": 0, "sql-clin": 2, "mail-mbx": 4}  # first host, counted from 0
BESIDE_ORACLE: Final = ("pharma-app-01", "ora-pharma-01")
LICENSED_ORACLE: Final = ("prd-esx01", "prd-esx02")


def estate() -> Estate:
    """The hospital: two campuses, four clusters, and the two weak points that `hardware` names."""
    vms = tuple(vm for spec in CLUSTERS for vm in _vms(spec))
    return Estate(
        clusters=hardware.clusters(),
        hosts=tuple(_with_usage(host, vms) for host in hardware.hosts()),
        vms=vms,
        datastores=tuple(store for spec in CLUSTERS for store in _datastores(spec, vms)),
        rules=_rules(),
        sites=hardware.SITES,
        racks=hardware.RACKS,
        luns=tuple(hardware.luns()),
        paths=tuple(hardware.paths()),
        controllers=hardware.CONTROLLERS,
        fabrics=hardware.FABRICS,
        switches=tuple(hardware.switches()),
        port_groups=tuple(hardware.port_groups()),
        links=tuple(hardware.links()),
        services=_what_users_see(),
    ).sorted()


def document(estate: Estate) -> bytes:
    """The estate document with one row a line, so that a difference shows the VM it is about."""
    lists = []
    for field in msgspec.structs.fields(estate):
        rows = ",\n".join(msgspec.json.encode(row).decode() for row in getattr(estate, field.name))
        lists.append(f'"{field.name}": [\n{rows}\n]')
    body = ",\n".join(lists)
    return f'{{"format": "{FORMAT}",\n{body}\n}}\n'.encode()


def chance(name: str, question: str) -> float:
    """A number from 0 to 1 that belongs to this name and this question for ever."""
    return int.from_bytes(hashlib.sha256(f"{question}:{name}".encode()).digest()[:4]) / 2**32


def _vms(spec: ClusterSpec) -> Iterator[VM]:
    placed: defaultdict[str, int] = defaultdict(int)
    room: defaultdict[str, int] = defaultdict(int)
    wanted = [
        (service, number)
        for service in services()
        if service.cluster == spec.name
        for number in range(1, service.count + 1)
    ]
    for service, number in sorted(wanted, key=lambda pair: (-pair[0].memory_gib, pair[0].stem, pair[1])):
        host = _host_for(spec, service, number, placed)
        if service.power == "on":
            placed[host] += service.memory_gib
        yield _vm(spec, service, number, host, _stores_for(spec, service, number, room))


def _host_for(spec: ClusterSpec, service: Service, number: int, placed: dict[str, int]) -> str:
    """The emptiest host by memory, a little uneven, as DRS leaves it; Oracle where it is licensed."""
    hosts = host_names(spec)
    if service.stem.startswith("ora-"):
        return LICENSED_ORACLE[number % len(LICENSED_ORACLE)]
    if service.stem == "nurse-call":
        return hosts[5 + number]
    if service.stem in APART:
        return hosts[(APART_FROM[service.stem] + number - 1) % len(hosts)]
    name = _name(service, number)
    if name == BESIDE_ORACLE[0]:
        return LICENSED_ORACLE[1]
    return min(hosts, key=lambda host: placed[host] + 48 * chance(name + host, "unevenness"))


def _stores_for(spec: ClusterSpec, service: Service, number: int, room: dict[str, int]) -> tuple[str, ...]:
    """One datastore a disk: the one with the least on it; a VM's small disks share one."""
    names = datastore_names(spec)
    chosen = []
    for index, gib in enumerate(service.disks_gib):
        store = chosen[0] if index and gib <= 400 else min(names, key=lambda name: (room[name], name))
        room[store] += gib
        chosen.append(store)
    return tuple(chosen)


def _vm(spec: ClusterSpec, service: Service, number: int, host: str, stores: tuple[str, ...]) -> VM:
    name = _name(service, number)
    on = service.power == "on"
    measured = on and chance(name, "measured") < MEASURED_SHARE
    disks = tuple(
        Disk(
            name=f"Hard disk {index}",
            capacity_mib=gib * 1024,
            datastore=store,
            thin=service.network != "srv-db",
            raw=False,
        )
        for index, (gib, store) in enumerate(zip(service.disks_gib, stores, strict=True), start=1)
    )
    fills = [0.35 + 0.5 * chance(name, f"disk {disk.name}") for disk in disks]
    used = sum(_files_mib(disk, fill) for disk, fill in zip(disks, fills, strict=True))
    memory_mib = service.memory_gib * 1024
    reserved = memory_mib if name in MEMORY_RESERVED else None
    swap = memory_mib - (reserved or 0) if on else 0
    return VM(
        name=name,
        id=f"vm-{int(chance(name, 'id') * 9e5) + 1000}",
        uuid=_uuid(FT_PAIR[0] if name in FT_PAIR else name),
        cluster=spec.name,
        host=host,
        power=service.power,
        template=service.template,
        vcpus=service.vcpus,
        memory_mib=memory_mib,
        disk_mib=sum(disk.capacity_mib for disk in disks),
        disk_used_mib=used + swap,
        cpu_demand_mhz=_cpu_demand(spec, service, name) if measured else None,
        memory_demand_mib=_memory_demand(service, name) if measured else None,
        cpu_reservation_mhz=CPU_RESERVED_MHZ.get(name),
        memory_reservation_mib=reserved,
        datastores=tuple(sorted(set(stores))),
        networks=(service.network,),
        disks=disks,
        partitions=_partitions(service, name, fills) if on and chance(name, "tools") < TOOLS_SHARE else (),
        nics=(VmNic(label="Network adapter 1", network=service.network, mac=_mac(name), connected=on),),
        ft=_ft_role(name),
        restart_priority=PRIORITY.get(service.stem, "medium"),
        guest_os=service.guest,
        folder=f"Hospital/{service.folder}",
        owner=service.owner,
    )


def _name(service: Service, number: int) -> str:
    if service.stem == "nurse-call":
        return FT_PAIR[number - 1]
    return service.stem if service.template else f"{service.stem}-{number:02d}"


def _cpu_demand(spec: ClusterSpec, service: Service, name: str) -> float:
    """The busy share of its vCPUs at the peak, give or take a third."""
    return round(service.vcpus * spec.cpu_mhz * service.load * (0.67 + 0.66 * chance(name, "cpu")), 0)


def _memory_demand(service: Service, name: str) -> int:
    """Databases touch nearly all of their memory, other servers two thirds of it or more."""
    least = 0.90 if service.network in {"srv-db", "dmz-back"} else 0.62
    return int(service.memory_gib * 1024 * (least + (0.98 - least) * chance(name, "memory")))


def _files_mib(disk: Disk, fill: float) -> int:
    """A thin disk holds a little more than its file systems do, a thick one its whole size."""
    return int(disk.capacity_mib * min(1.0, fill * 1.08)) if disk.thin else disk.capacity_mib


def _partitions(service: Service, name: str, fills: list[float]) -> tuple[Partition, ...]:
    windows = "Windows" in service.guest
    roots = [f"{letter}:\\" for letter in "CDEFG"] if windows else ["/", "/data", "/logs", "/backup"]
    return tuple(
        Partition(name=root, capacity_mib=int(gib * 1000), consumed_mib=int(gib * 1000 * fill))
        for root, gib, fill in zip(roots, service.disks_gib, fills, strict=False)
    )


def _ft_role(name: str) -> FtRole:
    if name not in FT_PAIR:
        return "none"
    return "primary" if name == FT_PAIR[0] else "secondary"


def _uuid(name: str) -> str:
    digest = hashlib.sha256(f"uuid:{name}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"


def _mac(name: str) -> str:
    digest = hashlib.sha256(f"mac:{name}".encode()).digest()
    return f"00:50:56:{digest[0] % 64:02x}:{digest[1]:02x}:{digest[2]:02x}"


def _datastores(spec: ClusterSpec, vms: tuple[VM, ...]) -> Iterator[Datastore]:
    """A datastore a LUN.  It holds its VMs' disks, their swap files, and some images and old files."""
    held: defaultdict[str, int] = defaultdict(int)
    granted: defaultdict[str, int] = defaultdict(int)
    for vm in vms:
        if vm.cluster != spec.name or vm.disk_used_mib is None:
            continue
        share = vm.disk_used_mib / vm.disk_mib
        for disk in vm.disks:
            if disk.datastore is not None:
                held[disk.datastore] += int(disk.capacity_mib * share)
                granted[disk.datastore] += disk.capacity_mib
    for name in datastore_names(spec):
        capacity = spec.lun_gib * 1024
        loose = int(capacity * (0.01 + 0.03 * chance(name, "loose files")))
        used = held[name] + loose
        if used > capacity:
            raise ValueError(f"{name} holds {used} MiB of {capacity}")
        yield Datastore(
            name=name,
            capacity_mib=capacity,
            used_mib=used,
            provisioned_mib=granted[name] + loose,
            shared=True,
            kind="VMFS 6",
            hosts=host_names(spec),
            luns=(lun_of(name),),
        )


def _with_usage(host: Host, vms: tuple[VM, ...]) -> Host:
    """The host with the load of its VMs at the peak; one nobody measured counts a tenth of its vCPUs."""
    own = [vm for vm in vms if vm.host == host.name and vm.is_load]
    cpu = sum(
        0.10 * vm.vcpus * host.cpu_mhz if vm.cpu_demand_mhz is None else vm.cpu_demand_mhz for vm in own
    )
    memory = sum(vm.memory_mib if vm.memory_demand_mib is None else vm.memory_demand_mib for vm in own)
    return msgspec.structs.replace(
        host,
        cpu_usage_percent=round(100 * cpu / (host.cores * host.cpu_mhz), 1),
        memory_usage_percent=round(min(99.0, 100 * memory / host.memory_mib + 1.2), 1),
    )


def _numbered(stem: str) -> tuple[str, ...]:
    """The VMs of one row of services.csv."""
    count = next(service.count for service in services() if service.stem == stem)
    return tuple(f"{stem}-{number:02d}" for number in range(1, count + 1))


def _what_users_see() -> tuple[seen.Service, ...]:
    """Three services, each a few VMs together; of the archive of images nobody told how many it needs."""
    database = ("ehr-db-01", "ehr-db-standby-01")
    return (
        seen.Service(
            name="Directory", tiers=(seen.Tier(name="controllers", vms=_numbered("ad-dc"), needed=1),)
        ),
        seen.Service(
            name="Imaging",
            tiers=(
                seen.Tier(name="gateway", vms=_numbered("pacs-gateway"), needed=2),
                seen.Tier(name="core", vms=_numbered("pacs-core"), needed=1),
                seen.Tier(name="archive", vms=_numbered("pacs-archive")),
            ),
        ),
        seen.Service(
            name="Patient record",
            tiers=(
                seen.Tier(name="web", vms=_numbered("ehr-web"), needed=2),
                seen.Tier(name="application", vms=_numbered("ehr-app"), needed=6),
                seen.Tier(name="database", vms=database, needed=1),
            ),
        ),
    )


def _rules() -> tuple[Rule, ...]:
    north = tuple(host for host in host_names(CLUSTERS[0]) if int(host[-2:]) % 2 == 1)
    apart = tuple(Rule(kind="spread", vms=_numbered(stem), name=name) for stem, name in APART.items())
    rules = (
        *apart,
        Rule(kind="spread", vms=("ehr-db-01", "ehr-db-standby-01"), name="Patient record database apart"),
        Rule(kind="spread", vms=FT_PAIR, name="Nurse call pair apart"),
        Rule(kind="gather", vms=BESIDE_ORACLE, name="Pharmacy beside its database"),
        Rule(
            kind="must-run-on",
            vms=("ora-lab-01", "ora-lab-02", "ora-pharma-01"),
            hosts=LICENSED_ORACLE,
            name="Oracle only where it is licensed",
        ),
        Rule(
            kind="should-run-on",
            vms=("ad-dc-01", "ad-dc-03"),
            hosts=north,
            name="Half the directory in the north",
        ),
    )
    return tuple(msgspec.structs.replace(rule, cluster="Production") for rule in rules)


if __name__ == "__main__":
    ESTATE.write_bytes(document(estate()))
    sys.stdout.write(f"{ESTATE}\n")
