"""What is there: counts, memory, storage, and the consolidation ratios with the rule each follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from planner.estate import VM, Estate, Host
from planner.figure import Figure, Input
from planner.sentence import Sentence
from planner.units import gib, tib

PAGE: Final = "consolidation"
NO_CLUSTER: Final = "(no cluster)"


class Members(Struct, frozen=True, kw_only=True):
    """A cluster with its hosts and its VMs, templates among them."""

    name: str
    hosts: tuple[Host, ...]
    vms: tuple[VM, ...]


class Totals(Struct, frozen=True, kw_only=True):
    """The estate in one line; `vms` leaves templates out."""

    vms: int
    vms_on: int
    vms_off: int
    templates: int
    hosts: int
    clusters: int
    datastores: int
    vcpus_on: int
    memory_on_gib: float
    storage_used_tib: float
    guest_used_tib: float
    vms_without_cluster: int = 0
    hosts_without_cluster: int = 0


class ClusterSummary(Struct, frozen=True, kw_only=True):
    """What is there.  A ratio is None where no host is known, or only one for `_n1`."""

    name: str
    hosts: int
    cores: int
    host_memory_gib: float
    vms_on: int
    vms_off: int
    templates: int
    vcpus_on: int
    memory_on_gib: float
    vcpu_per_core: float | None
    vcpu_per_core_n1: float | None
    vms_per_host: float | None
    storage_used_tib: float
    guest_used_tib: float
    cores_n1: float | None = None


class _Count(Struct, frozen=True, kw_only=True):
    """What both a cluster and the whole estate are counted by."""

    vms_on: int
    vms_off: int
    templates: int
    vcpus_on: int
    memory_on_gib: float
    storage_used_tib: float
    guest_used_tib: float


def members(estate: Estate) -> tuple[Members, ...]:
    """Give the clusters with what belongs to them, in the order of their names.

    A VM without a cluster of its own belongs to that of its host.  What has no cluster at all is left
    out, unless the estate knows no cluster whatsoever: then everything is one, named `(no cluster)`.
    """
    of_host = {host.name: host.cluster for host in estate.hosts}
    hosts: dict[str | None, list[Host]] = {}
    vms: dict[str | None, list[VM]] = {}
    for host in estate.hosts:
        hosts.setdefault(host.cluster, []).append(host)
    for vm in estate.vms:
        vms.setdefault(vm.cluster or of_host.get(vm.host or ""), []).append(vm)
    names = {cluster.name for cluster in estate.clusters} | {*hosts, *vms} - {None}
    if not names and (hosts or vms):
        return (Members(name=NO_CLUSTER, hosts=tuple(estate.hosts), vms=tuple(estate.vms)),)
    return tuple(
        Members(name=name, hosts=tuple(hosts.get(name, ())), vms=tuple(vms.get(name, ())))
        for name in sorted(name for name in names if name is not None)
    )


def totals(estate: Estate) -> Totals:
    """Count the whole estate, what has no cluster among it."""
    count = _count(estate.vms)
    clusters = [cluster for cluster in members(estate) if cluster.name != NO_CLUSTER]
    return Totals(
        vms=count.vms_on + count.vms_off,
        vms_on=count.vms_on,
        vms_off=count.vms_off,
        templates=count.templates,
        hosts=len(estate.hosts),
        clusters=len(clusters),
        datastores=len(estate.datastores),
        vcpus_on=count.vcpus_on,
        memory_on_gib=count.memory_on_gib,
        storage_used_tib=count.storage_used_tib,
        guest_used_tib=count.guest_used_tib,
        vms_without_cluster=len(estate.vms) - sum(len(cluster.vms) for cluster in clusters),
        hosts_without_cluster=len(estate.hosts) - sum(len(cluster.hosts) for cluster in clusters),
    )


def summarize(cluster: Members) -> ClusterSummary:
    """Count one cluster and give its ratios.

    All hosts of the cluster count, those in maintenance too, as in the published rule; only running
    VMs that are no templates are load.

    Source: RVTools sizing workshop (ReinhardFrie/partnersizingworkshop), which publishes 257 vCPUs on
    5 hosts of 16 cores as 64 cores at N-1 and 4.0 vCPUs a core.

    >>> hosts = tuple(Host(name=f"esx{n}", sockets=2, cores=16, cpu_mhz=2700, memory_mib=262109)
    ...               for n in range(5))
    >>> vms = (VM(name="all", power="on", vcpus=257, memory_mib=1224168, disk_mib=0),)
    >>> summary = summarize(Members(name="Cluster1", hosts=hosts, vms=vms))
    >>> summary.cores_n1, summary.vcpu_per_core_n1, summary.memory_on_gib
    (64.0, 4.015625, 1195.4765625)
    """
    count = _count(cluster.vms)
    hosts = len(cluster.hosts)
    cores = sum(host.cores for host in cluster.hosts)
    cores_n1 = (hosts - 1) * cores / hosts if hosts > 1 else None
    return ClusterSummary(
        name=cluster.name,
        hosts=hosts,
        cores=cores,
        cores_n1=cores_n1,
        host_memory_gib=gib(sum(host.memory_mib for host in cluster.hosts)),
        vms_on=count.vms_on,
        vms_off=count.vms_off,
        templates=count.templates,
        vcpus_on=count.vcpus_on,
        memory_on_gib=count.memory_on_gib,
        vcpu_per_core=count.vcpus_on / cores if cores else None,
        vcpu_per_core_n1=count.vcpus_on / cores_n1 if cores_n1 else None,
        vms_per_host=count.vms_on / hosts if hosts else None,
        storage_used_tib=count.storage_used_tib,
        guest_used_tib=count.guest_used_tib,
    )


def storage_used_mib(vm: VM) -> int:
    """Say what the files of a VM hold; where no export says so, what its disks may grow to."""
    return vm.disk_mib if vm.disk_used_mib is None else vm.disk_used_mib


def assumptions(vms: Sequence[VM]) -> tuple[Sentence, ...]:
    """Say how VMs were counted, each rule with the number of VMs that it touched."""
    off = sum(not vm.template and vm.power == "off" for vm in vms)
    suspended = sum(not vm.template and vm.power == "suspended" for vm in vms)
    templates = sum(vm.template for vm in vms)
    unmeasured = sum(vm.disk_used_mib is None for vm in vms)
    said = [
        (off, Sentence("Powered-off VMs ({count}) count for storage, not for load")),
        (suspended, Sentence("Suspended VMs ({count}) count as off: for storage, not for load")),
        (templates, Sentence("Templates ({count}) count for storage, not for load")),
        (
            unmeasured,
            Sentence(
                "VMs without a figure of space in use ({count}): the size of their disks stands in for it"
            ),
        ),
    ]
    return tuple(Sentence(sentence.template, {"count": count}) for count, sentence in said if count)


def figures(summary: ClusterSummary) -> tuple[Figure, ...]:
    """Open the ratios and sums of a cluster to their formulas."""
    vcpus = Input(name="vcpus_on", value=summary.vcpus_on, unit="vCPU")
    cores = Input(name="cores", value=summary.cores, unit="cores")
    hosts = Input(name="hosts", value=summary.hosts, unit="hosts")
    vms = Input(name="vms_on", value=summary.vms_on, unit="VMs")
    memory = Input(name="memory_on_gib", value=summary.memory_on_gib, unit="GiB")
    given = Input(name="host_memory_gib", value=summary.host_memory_gib, unit="GiB")
    return (
        _ratio("vcpu_per_core", summary.vcpu_per_core, _VCPU_PER_CORE, vcpus, cores),
        _ratio("vcpu_per_core_n1", summary.vcpu_per_core_n1, _VCPU_PER_CORE_N1, vcpus, hosts, cores),
        _ratio("vms_per_host", summary.vms_per_host, _VMS_PER_HOST, vms, hosts),
        _ratio(
            "memory_ratio",
            summary.memory_on_gib / summary.host_memory_gib if summary.host_memory_gib else None,
            _MEMORY_RATIO,
            memory,
            given,
        ),
        _used("storage_used_tib", summary.storage_used_tib, _STORAGE_USED),
        _used("guest_used_tib", summary.guest_used_tib, _GUEST_USED),
    )


_VCPU_PER_CORE: Final = Sentence("vCPUs of running VMs / cores of all hosts")
_VCPU_PER_CORE_N1: Final = Sentence("vCPUs of running VMs / ((hosts - 1) x mean cores of a host)")
_VMS_PER_HOST: Final = Sentence("running VMs / hosts")
_MEMORY_RATIO: Final = Sentence("configured memory of running VMs / memory of all hosts")
_STORAGE_USED: Final = Sentence("sum of what the files of all VMs hold, powered-off ones and templates too")
_GUEST_USED: Final = Sentence("sum of what the file systems inside the VMs report as used")
_NO_HOST: Final = Sentence("The cluster has no host, or one where the formula leaves one out")


def _ratio(figure: str, value: float | None, formula: Sentence, *inputs: Input) -> Figure:
    return Figure(
        id=figure,
        value=value,
        formula=formula,
        inputs=inputs,
        page=PAGE,
        assumptions=() if value is not None else (_NO_HOST,),
    )


def _used(figure: str, value: float, formula: Sentence) -> Figure:
    return Figure(id=figure, value=value, unit="TiB", formula=formula, page="storage")


def _count(vms: Sequence[VM]) -> _Count:
    load = [vm for vm in vms if vm.is_load]
    templates = sum(vm.template for vm in vms)
    return _Count(
        vms_on=len(load),
        vms_off=len(vms) - templates - len(load),
        templates=templates,
        vcpus_on=sum(vm.vcpus for vm in load),
        memory_on_gib=gib(sum(vm.memory_mib for vm in load)),
        storage_used_tib=tib(sum(storage_used_mib(vm) for vm in vms)),
        guest_used_tib=tib(sum(vm.guest_used_mib for vm in vms)),
    )
