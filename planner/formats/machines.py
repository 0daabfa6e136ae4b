"""vInfo and the sheets about VMs -> VMs."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from msgspec import Struct

from planner.estate import VM, Disk, FtRole, Partition, Power, Priority, VmNic
from planner.formats import limits
from planner.formats.findings import Findings
from planner.formats.identity import distinct_names
from planner.formats.own_columns import attributes_of
from planner.formats.ownership import Owners
from planner.formats.table import Table, shown
from planner.formats.text import shortened
from planner.sentence import Sentence

T = TypeVar("T")

POWER: Final[dict[str, Power]] = {
    "poweredon": "on",
    "poweredoff": "off",
    "suspended": "suspended",
    "on": "on",
    "off": "off",
}
# vim.vm.FaultToleranceInfo.role: 1 is the primary, any other number a secondary.
FT_ROLES: Final[dict[str, FtRole]] = {
    "1": "primary",
    "primary": "primary",
    "2": "secondary",
    "secondary": "secondary",
}
FT_STATES: Final[dict[str, FtRole]] = {
    "notconfigured": "none",
    "none": "none",
    "disabled": "none",
    "enabled": "primary",
    "needsecondary": "primary",
    "starting": "primary",
    "running": "primary",
}  # vim.VirtualMachine.FaultToleranceState; without a role the VM that has a state is the primary
PRIORITIES: Final[dict[str, Priority]] = {
    name: name for name in ("disabled", "lowest", "low", "medium", "high", "highest")
}  # vim.cluster.DasVmSettings.RestartPriority
CLUSTER_PRIORITY: Final = frozenset({"clusterrestartpriority", "cluster"})
TEXT_FIELDS: Final = ("vm_id", "vm_uuid", "host", "path", "os_tools", "os_configured", "folder", "owner")
UNUSABLE: Final = Sentence("{vm} has no usable {column} ({found}); the row was skipped").template
DISKS_UNTOLD: Final = Sentence("{sheet} says nothing of the size of disks: they count as 0").template
DISK_UNKNOWN: Final = Sentence("How large the disks are is not known; they count as 0").template
UNSAID: Final = Sentence("{vm} has an empty {column}; the row was skipped").template
NO_FT_STATE: Final = Sentence("{found} is no state of fault tolerance; the VM counts as unprotected").template
NO_PRIORITY: Final = Sentence("{found} is no restart priority; the cluster's counts").template
_DATASTORE: Final = re.compile(r"^\[([^\]]+)\]")


class Details(Struct, frozen=True, kw_only=True):
    """What the other sheets say of each VM, by its place in vInfo."""

    disks: Mapping[int, tuple[Disk, ...]] = {}
    partitions: Mapping[int, tuple[Partition, ...]] = {}
    nics: Mapping[int, tuple[VmNic, ...]] = {}
    cpu_reservation_mhz: Mapping[int, float] = {}
    memory_reservation_mib: Mapping[int, int] = {}


def owners(info: Table) -> Owners:
    """Give the register by which other sheets find the VMs of vInfo."""
    return Owners(*(info.texts(field) for field in ("vm", "vm_id", "vm_uuid", "server")))


def datastore_of(path: str | None) -> str | None:
    """Give the datastore of a path such as `[ds1] web01/web01.vmx`."""
    found = _DATASTORE.match(path) if path else None
    return shortened(found.group(1)) if found else None


def machines(
    info: Table,
    details: Details,
    clusters: Sequence[str | None],
    cluster_priorities: Mapping[str, Priority],
    findings: Findings,
) -> tuple[tuple[VM, ...], dict[int, str]]:
    """Build the VMs.

    A row whose vCPUs, memory, disk size or power state cannot be used is skipped with a warning, for the
    estate knows no VM without them.

    Args:
        info: vInfo, one row a VM.
        clusters: the cluster of each row, as the estate calls it.
        cluster_priorities: cluster -> restart priority of the VMs that follow their cluster.

    Returns:
        The VMs, and the name of each by its place in vInfo.
    """
    names = distinct_names(info, findings)
    columns = _Columns(
        vcpus=info.counts("vcpus", *limits.VM_VCPUS),
        memory_mib=info.sizes("memory_mib", *limits.VM_MEMORY_MIB),
        power=_powers(info, findings),
        disk_mib=_disk_sizes(info, details, findings),
        disk_used_mib=info.sizes("in_use_mib", *limits.MIB),
        template=info.flags("template"),
        networks=list(zip(*(info.texts(f"network_{number}") for number in range(1, 9)), strict=True)),
        ft=_ft_roles(info),
        restart_priority=_priorities(info, clusters, cluster_priorities),
        attributes=attributes_of(info),
    )
    texts = {field: info.texts(field) for field in TEXT_FIELDS}
    vms: list[VM] = []
    kept: dict[int, str] = {}
    for place, name in enumerate(names):
        unusable = columns.unusable(place)
        if unusable is not None:
            cells = info.cells(unusable)
            if cells and cells[place] is not None:
                info.warn(UNUSABLE, unusable, place, vm=name, found=shown(cells[place]))
            else:
                info.warn(UNSAID, unusable, place, vm=name)
            continue
        kept[place] = name
        vms.append(_machine(name, place, clusters[place], columns, texts, details))
    return tuple(vms), kept


class _Columns(Struct, frozen=True, kw_only=True):
    """The converted columns of vInfo, one entry a row."""

    vcpus: list[int | None]
    memory_mib: list[int | None]
    power: list[Power | None]
    disk_mib: list[int]
    disk_used_mib: list[int | None]
    template: list[bool | None]
    networks: list[tuple[str | None, ...]]
    ft: list[FtRole]
    restart_priority: list[Priority]
    attributes: dict[int, dict[str, str]]

    def unusable(self, place: int) -> str | None:
        """Give the first field without which a row is no VM, None where it has them all."""
        if self.vcpus[place] is None:
            return "vcpus"
        if self.memory_mib[place] is None:
            return "memory_mib"
        return "power" if self.power[place] is None else None


def _machine(
    name: str,
    place: int,
    cluster: str | None,
    columns: _Columns,
    texts: Mapping[str, Sequence[str | None]],
    details: Details,
) -> VM:
    disks, nics = details.disks.get(place, ()), details.nics.get(place, ())
    return VM(
        name=name,
        id=texts["vm_id"][place],
        uuid=texts["vm_uuid"][place],
        cluster=cluster,
        host=texts["host"][place],
        power=columns.power[place] or "on",
        template=columns.template[place] is True,
        vcpus=columns.vcpus[place] or 0,
        memory_mib=columns.memory_mib[place] or 0,
        disk_mib=columns.disk_mib[place],
        disk_used_mib=columns.disk_used_mib[place],
        cpu_reservation_mhz=details.cpu_reservation_mhz.get(place),
        memory_reservation_mib=details.memory_reservation_mib.get(place),
        datastores=_datastores(texts["path"][place], disks),
        networks=_networks(nics, columns.networks[place]),
        disks=disks,
        partitions=details.partitions.get(place, ()),
        nics=nics,
        ft=columns.ft[place],
        restart_priority=columns.restart_priority[place],
        guest_os=texts["os_tools"][place] or texts["os_configured"][place],
        folder=texts["folder"][place],
        owner=texts["owner"][place],
        attributes=columns.attributes.get(place, {}),
    )


def by_owner(rows: list[tuple[int, T]]) -> dict[int, tuple[T, ...]]:
    """Gather rows by the VM they belong to."""
    gathered: dict[int, list[T]] = defaultdict(list)
    for owner, row in rows:
        gathered[owner].append(row)
    return {owner: tuple(own) for owner, own in gathered.items()}


def _powers(info: Table, findings: Findings) -> list[Power | None]:
    if "power" not in info:
        findings.assume("{sheet} does not say which VMs run: all count as powered on", sheet=info.name)
        return ["on"] * len(info)
    return [POWER.get((state or "").casefold()) for state in info.texts("power")]


def _disk_sizes(info: Table, details: Details, findings: Findings) -> list[int]:
    """Give what the disks may grow to: provisioned, else their capacity, else what vDisk adds up to, else
    what the files hold.  A VM of which nothing of that is known is load all the same: its disks count 0,
    with a warning.
    """
    columns = [info.sizes(field, *limits.MIB) for field in ("provisioned_mib", "capacity_mib", "in_use_mib")]
    sizes: list[int] = []
    sources: Counter[str] = Counter()
    unknown: list[int] = []
    for place, (wide, narrow, held) in enumerate(zip(*columns, strict=True)):
        disks = details.disks.get(place)
        in_disks = sum(disk.capacity_mib for disk in disks) if disks else None
        known = (("", wide), ("Total disk capacity", narrow), ("vDisk, Capacity", in_disks), ("In Use", held))
        source, size = next(((told, size) for told, size in known if size is not None), ("unknown", None))
        sources[source] += 1
        sizes.append(size or 0)
        if size is None:
            unknown.append(place)
    _tell_sources(info, sources, unknown, findings)
    return sizes


def _tell_sources(info: Table, sources: Counter[str], unknown: Sequence[int], findings: Findings) -> None:
    """Say where the sizes of the disks come from, where it is not the usual column."""
    if unknown and len(unknown) == len(info) > 1:
        findings.warn_often(DISKS_UNTOLD, len(unknown), sheet=info.name)
    else:
        for place in unknown:
            info.warn(DISK_UNKNOWN, "provisioned_mib", place)
    if sources["In Use"] and sources["In Use"] == sources.total():
        findings.assume(
            "{sheet} does not say how large the disks may grow: what they hold counts", sheet=info.name
        )
        return
    for told in ("Total disk capacity", "vDisk, Capacity", "In Use"):
        if sources[told]:
            findings.assume(
                "The size of the disks of {count} VMs comes from {column}", count=sources[told], column=told
            )


def _datastores(path: str | None, disks: tuple[Disk, ...]) -> tuple[str, ...]:
    home = datastore_of(path)
    return tuple(sorted({disk.datastore for disk in disks if disk.datastore} | ({home} if home else set())))


def _networks(nics: tuple[VmNic, ...], listed: tuple[str | None, ...]) -> tuple[str, ...]:
    named = {nic.network for nic in nics if nic.network} or {network for network in listed if network}
    return tuple(sorted(named))


def _ft_roles(info: Table) -> list[FtRole]:
    roles: list[FtRole] = []
    for place, (state, role) in enumerate(zip(info.texts("ft_state"), info.texts("ft_role"), strict=True)):
        known = FT_STATES.get((state or "none").casefold())
        if known is None:
            info.warn(NO_FT_STATE, "ft_state", place, found=shown(state))
        protected = known not in (None, "none") or (state is None and role is not None)
        roles.append(FT_ROLES.get((role or "1").casefold(), "none") if protected else "none")
    return roles


def _priorities(
    info: Table, clusters: Sequence[str | None], cluster_priorities: Mapping[str, Priority]
) -> list[Priority]:
    priorities: list[Priority] = []
    for place, text in enumerate(info.texts("restart_priority")):
        word = (text or "").casefold()
        own = PRIORITIES.get(word)
        if own is None and word and word not in CLUSTER_PRIORITY:
            info.warn(NO_PRIORITY, "restart_priority", place, found=shown(text))
        priorities.append(own or cluster_priorities.get(clusters[place] or "", "medium"))
    return priorities
