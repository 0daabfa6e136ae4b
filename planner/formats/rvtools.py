"""The sheets of an RVTools export -> Estate, whether they come from a workbook or from CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from planner.estate import Estate, Host
from planner.formats.cluster_rules import cluster_rules
from planner.formats.columns import COLUMNS
from planner.formats.details import cpu_reservations, disks, memory_reservations, nics, partitions
from planner.formats.findings import Findings
from planner.formats.headers import HEADERS
from planner.formats.hosts import ClusterNames, HostParts, clusters, hbas, homes, hosts, vmks
from planner.formats.hosts import nics as host_nics
from planner.formats.identity import without_duplicates, without_placeholders
from planner.formats.loading import load
from planner.formats.machines import Details, machines, owners
from planner.formats.networks import port_groups, switches
from planner.formats.roles import with_roles
from planner.formats.services import services_of
from planner.formats.sheet import Sheet
from planner.formats.storage import datastores, luns_and_paths, luns_of_datastores
from planner.formats.table import Table, read_of
from planner.formats.text import cleaned, shortened
from planner.quality import FormatError, SheetRead
from planner.sentence import Sentence

HOST_S_CLUSTER: Final = Sentence(
    "The VM names no cluster; that of its host {host} was taken, {cluster}"
).template
_SHEETS: Final = {name.casefold(): name for name in HEADERS}
_PREFIXES: Final = ("rvtools_tab", "rvtools_", "tab")


class Source(Protocol):
    """Where sheets come from: a workbook, or a set of CSV files."""

    @property
    def names(self) -> Sequence[str]:
        """The sheets, as the file calls them."""

    def sheet(self, name: str, kind: str) -> Sheet:
        """Open one sheet as the sheet of RVTools that it is."""

    def count(self, name: str) -> int:
        """Count the rows of a sheet below its header, without reading them."""


def sheet_kind(name: str) -> str | None:
    """Give the sheet of RVTools that a name means, None where it means none.

    >>> sheet_kind("RVTools_tabvInfo"), sheet_kind(" VINFO "), sheet_kind("Tabelle1")
    ('vInfo', 'vInfo', None)
    """
    plain = name.strip().casefold()
    for prefix in _PREFIXES:
        plain = plain.removeprefix(prefix)
    return _SHEETS.get(plain)


class RvtoolsReader:
    """Reads the sheets of one export in the order that lets each be freed before the next."""

    def __init__(self, source: Source, findings: Findings) -> None:
        self._source = source
        self._findings = findings
        self._names = self._known_sheets()

    def estate(self) -> Estate:
        """Read everything.

        Raises:
            FormatError: there is no vInfo, or a sheet lacks a column without which it says nothing.
        """
        findings = self._findings
        info = self._vinfo()
        host_table = self._table("vHost")
        all_homes = homes(info) + (homes(host_table) if host_table else [])
        names = ClusterNames(all_homes, findings)
        estate_hosts = self._hosts(host_table, names)
        vm_clusters = _vm_clusters(info, names, estate_hosts)
        estate_clusters, priorities = clusters(self._table("vCluster"), names, all_homes, findings)
        details = self._details(info)
        vms, kept = machines(info, details, vm_clusters, priorities, findings)
        findings.sheet_read(self._vinfo_read(info, len(vms)))
        if not vms:
            findings.warn("No row of the sheet is a VM: there is nothing to plan", sheet="vInfo")
        multipath = self._table("vMultiPath")
        luns, paths = luns_and_paths(multipath, findings) if multipath else ((), ())
        stores = self._table("vDatastore")
        estate = Estate(
            clusters=estate_clusters,
            hosts=estate_hosts,
            vms=vms,
            datastores=datastores(stores, luns_of_datastores(paths), findings) if stores else (),
            rules=cluster_rules(info, kept, vm_clusters, findings),
            services=services_of(vms, findings),
            luns=luns,
            paths=paths,
            switches=switches(self._table("vSwitch"), self._table("dvSwitch"), estate_hosts, findings),
            port_groups=with_roles(
                port_groups(self._table("vPort"), self._table("dvPort"), findings),
                estate_hosts,
                vms,
                findings,
            ),
        )
        self._count_the_rest()
        _check(estate, info, findings)
        return estate.sorted()

    def _known_sheets(self) -> dict[str, str]:
        known: dict[str, str] = {}
        for name in self._source.names:
            kind = sheet_kind(name)
            if kind is None:
                self._findings.warn(
                    "The sheet is none of RVTools; it was not read", sheet=shortened(cleaned(name))
                )
            elif kind in known:
                self._findings.warn(
                    "There are two sheets {kind}; this one was not read",
                    sheet=shortened(cleaned(name)),
                    kind=kind,
                )
            else:
                known[kind] = name
        if "vInfo" not in known:
            found = ", ".join(cleaned(name) for name in self._source.names)
            raise FormatError(
                Sentence(
                    "There is no sheet vInfo; the sheets found are: {found}", {"found": shortened(found, 400)}
                )
            )
        return known

    def _table(self, kind: str) -> Table | None:
        """Load a sheet if the export has it; one without a column it needs is left out with a warning."""
        name = self._names.get(kind)
        if name is None:
            return None
        try:
            return load(self._source.sheet(name, kind), self._findings)
        except FormatError as error:
            if kind == "vInfo" or not error.column:
                raise
            # A detail sheet that cannot be understood costs its details, not the import.
            self._findings.warn(
                "{reason}; the sheet was not read",
                sheet=kind,
                row=error.row,
                column=error.column,
                reason=str(error.message),
            )
            self._findings.sheet_read(
                SheetRead(name=kind, rows_read=0, rows_skipped=self._source.count(name))
            )
            return None

    def _vinfo(self) -> Table:
        table = self._table("vInfo")
        assert table is not None  # noqa: S101 - _known_sheets has refused a source without it
        self._vinfo_rows = len(table)
        return without_duplicates(without_placeholders(table))

    def _vinfo_read(self, info: Table, taken: int) -> SheetRead:
        told = read_of(info, 0)
        return msgspec.structs.replace(
            told, rows_read=taken, rows_skipped=self._vinfo_rows - taken, vms_lost=len(info) - taken
        )

    def _hosts(self, table: Table | None, names: ClusterNames) -> tuple[Host, ...]:
        if table is None:
            self._findings.assume("There is no vHost sheet: nothing is known of the hosts")
            return ()
        ports, adapters, kernel = self._table("vNIC"), self._table("vHBA"), self._table("vSC_VMK")
        parts = HostParts(
            nics=host_nics(ports, self._findings) if ports else {},
            hbas=hbas(adapters, self._findings) if adapters else {},
            vmks={} if kernel is None else vmks(kernel, self._findings),
        )
        return hosts(table, names, parts, self._findings)

    def _details(self, info: Table) -> Details:
        """Read the sheets about VMs, each freed before the next."""
        if not self._names.keys() & {"vCPU", "vMemory", "vDisk", "vPartition", "vNetwork"}:
            return Details()
        findings, register = self._findings, owners(info)
        cpu = self._table("vCPU")
        reserved = cpu_reservations(cpu, register, findings) if cpu else {}
        memory = self._table("vMemory")
        guaranteed = memory_reservations(memory, register, findings) if memory else {}
        disk = self._table("vDisk")
        vm_disks = disks(disk, register, findings) if disk else {}
        partition = self._table("vPartition")
        vm_partitions = partitions(partition, register, findings) if partition else {}
        network = self._table("vNetwork")
        return Details(
            cpu_reservation_mhz=reserved,
            memory_reservation_mib=guaranteed,
            disks=vm_disks,
            partitions=vm_partitions,
            nics=nics(network, register, findings) if network else {},
        )

    def _count_the_rest(self) -> None:
        """Name the sheets that are RVTools' and that the estate has no place for."""
        for kind, name in self._names.items():
            if kind not in COLUMNS:
                rows = self._source.count(name)
                self._findings.sheet_read(SheetRead(name=kind, rows_read=0, rows_unread=rows, used=False))


def _vm_clusters(info: Table, names: ClusterNames, known_hosts: Sequence[Host]) -> list[str | None]:
    """Give the cluster of each VM: its own, else that of its host, with a warning."""
    cluster_of = {host.name: host.cluster for host in known_hosts}
    vm_clusters: list[str | None] = []
    for place, (home, host) in enumerate(zip(homes(info), info.texts("host"), strict=True)):
        cluster = names.name(*home)
        if cluster is None and host is not None and cluster_of.get(host):
            cluster = cluster_of[host]
            info.warn(HOST_S_CLUSTER, "cluster", place, host=host, cluster=cluster)
        vm_clusters.append(cluster)
    return vm_clusters


def _check(estate: Estate, info: Table, findings: Findings) -> None:
    """Warn of what each row alone cannot show."""
    _check_hosts(estate, info, findings)
    if not estate.datastores:
        findings.assume("There is no datastore to read: how much storage there is remains unknown")
    if not any(vm.partitions for vm in estate.vms):
        findings.assume("No VM reports its file systems: what the guests themselves hold is unknown")
    largest: dict[str | None, int] = {}
    for host in estate.hosts:
        largest[host.cluster] = max(largest.get(host.cluster, 0), host.memory_mib)
    too_big = [
        vm for vm in estate.vms if vm.is_load and vm.memory_mib > largest.get(vm.cluster, vm.memory_mib)
    ]
    if too_big:
        first = min(too_big, key=lambda vm: vm.name)
        findings.warn_often(
            "The VM {vm} has more memory than the largest host of its cluster",
            len(too_big),
            sheet="vInfo",
            column=info.header("memory_mib"),
            vm=first.name,
        )


def _check_hosts(estate: Estate, info: Table, findings: Findings) -> None:
    known = {host.name for host in estate.hosts}
    cells = info.texts("host")
    strangers = [
        (row, host) for row, host in zip(info.rows, cells, strict=True) if host and host not in known
    ]
    if known and strangers:
        row, host = strangers[0]
        findings.warn_often(
            "The host {host} is not in vHost; {count} VMs name {hosts} such hosts, kept as they stand",
            len(strangers),
            sheet="vInfo",
            row=row,
            column=info.header("host"),
            host=host,
            count=len(strangers),
            hosts=len({stranger for _, stranger in strangers}),
        )
    homeless = [vm for vm in estate.vms if vm.cluster is None]
    if homeless:
        findings.warn_often(
            "The VM {vm} belongs to no cluster",
            len(homeless),
            sheet="vInfo",
            column="Cluster",
            vm=min(vm.name for vm in homeless),
        )
