"""Opens each number of a plan to its formula, its inputs, its assumptions and the page that explains it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from planner.admission import SLOT_MHZ_MIN, dedicated_policy, percentage_policy, slot_policy
from planner.catalogue import memory
from planner.consolidation import Members
from planner.demand import KHZ, usable_memory_mib, vm_overhead_mib
from planner.estate import Host
from planner.figure import Figure, Input
from planner.sentence import Sentence
from planner.sizing import Need, Sizing, Template, Wish
from planner.storage import SHARED, UNKNOWN, Storage
from planner.units import gib, tib

SIZING: Final = "sizing"
ADMISSION: Final = "admission"
STORAGE: Final = "storage"
_SLOT_SOURCE: Final = "vSphere Availability 6.7, p. 22 to 25"
_SHARE_SOURCE: Final = "vSphere Availability 6.7, p. 23"
_NO_CLOCK: Final = Sentence("The speed of a host's cores is not known")
_NOTHING_PROTECTS: Final = Sentence(
    "Admission control counts reservations: without them it does not protect performance"
)


def sizing_figures(
    sizing: Sizing, wish: Wish, template: Template | None, free_vms: int | None
) -> tuple[Figure, ...]:
    """Open hosts by resource and for the load, the bound, hosts needed, failures tolerated, free room."""
    why_none = () if sizing.host_model else (_NO_MODEL,)
    for_load = Input(name="hosts_for_load", value=sizing.hosts_for_load, unit="hosts")
    failures = Input(name="failures", value=wish.failures, unit="hosts")
    needed = None if sizing.hosts_for_load is None else sizing.hosts_for_load + wish.failures
    return (
        *(_by_resource(need, why_none, _held(sizing)) for need in sizing.needs),
        _hosts("hosts_for_load", sizing.hosts_for_load, _FOR_LOAD, _hosts_by(sizing), why_none),
        _hosts("lower_bound", sizing.lower_bound, _LOWER_BOUND, _hosts_by(sizing), why_none),
        _hosts("hosts_needed", needed, _NEEDED, (for_load, failures), why_none),
        _hosts("failures_tolerated_today", sizing.failures_tolerated_today, _TOLERATED, (), ()),
        _free(free_vms, template, failures),
        *_planned_ratios(sizing),
    )


_BY_VCPUS: Final = Sentence("vCPUs of running VMs / (cores of a host x vCPUs per core), rounded up")
_BY_VCPUS_OR_MHZ: Final = Sentence(
    "the larger of vCPUs of running VMs / (cores of a host x vCPUs per core) and MHz reserved or measured / "
    "(cores of a host x MHz), rounded up"
)
_NO_MODEL: Final = Sentence("The cluster has no host to count in, and none was described")
_FOR_LOAD: Final = Sentence("fewest hosts on which all running VMs could be packed whole, rules kept")
_LOWER_BOUND: Final = Sentence(
    "largest of: each resource's sum / what a host gives, L2 and u(k) of its sizes, VMs that stand apart, "
    "the pattern program"
)
_NEEDED: Final = Sentence("hosts for the load + failures to carry")
_TOLERATED: Final = Sentence(
    "largest k for which all running VMs find a place on what any loss of k hosts leaves"
)


def _hosts_by(sizing: Sizing) -> tuple[Input, ...]:
    return tuple(
        Input(name=f"hosts_by_{need.resource}", value=need.hosts, unit="hosts") for need in sizing.needs
    )


def _hosts(
    figure: str, value: int | None, formula: Sentence, inputs: tuple[Input, ...], said: tuple[Sentence, ...]
) -> Figure:
    return Figure(
        id=figure,
        value=value,
        unit="hosts",
        formula=formula,
        inputs=inputs,
        page=SIZING,
        assumptions=said if value is None else (),
    )


def _held(sizing: Sizing) -> tuple[Input, ...]:
    """Open the clock that VMs hold by reservation or measurement, and a host's; nothing where none do."""
    model, held_khz = sizing.host_model, sizing.load.total(KHZ)
    if not held_khz or model is None or not model.cpu_mhz:
        return ()
    return (
        Input(name="held_mhz", value=held_khz / 1000, unit="MHz"),
        Input(name="mhz_per_host", value=model.cores * model.cpu_mhz, unit="MHz"),
    )


def _by_resource(need: Need, why_none: tuple[Sentence, ...], held: tuple[Input, ...]) -> Figure:
    counted = need.resource != "storage" or need.hosts is not None or need.capacity_today is None
    match need.resource:
        case "cpu":
            formula = _BY_VCPUS_OR_MHZ if held else _BY_VCPUS
            source = "ratio: chosen; Ganeti's default policy is 4.0, VMware publishes no universal ratio"
        case "memory":
            formula = Sentence("memory of running VMs with overhead / usable memory of a host, rounded up")
            source = f"{memory.VM_BASE_MB.source}; {memory.HOST_BASE_MB.source}"
        case "storage":
            formula = Sentence("what the VMs' files hold / local storage of a host, rounded up")
            source = ""
            why_none = (UNKNOWN,) if counted else (SHARED,)
    return Figure(
        id=f"hosts_by_{need.resource}",
        value=need.hosts,
        unit="hosts",
        formula=formula,
        inputs=(
            Input(name="demand", value=need.demand, unit=need.unit),
            Input(name="capacity_per_host", value=need.capacity_per_host, unit=need.unit),
            *(held if need.resource == "cpu" else ()),
        ),
        assumptions=why_none if need.hosts is None else (),
        counted=counted,
        page=STORAGE if need.resource == "storage" else SIZING,
        source=source,
    )


def _free(free_vms: int | None, template: Template | None, failures: Input) -> Figure:
    inputs: tuple[Input, ...] = (failures,)
    if template is not None:
        inputs = (
            Input(name="template", value=template.name),
            Input(name="vcpus", value=template.vcpus, unit="vCPU"),
            Input(name="memory", value=gib(template.memory_mib), unit="GiB"),
            Input(name="disk", value=gib(template.disk_mib), unit="GiB"),
            *((Input(name="held_mhz", value=template.held_mhz, unit="MHz"),) if template.held_mhz else ()),
            failures,
        )
    return Figure(
        id="free_vms",
        value=free_vms,
        unit="VMs",
        formula=Sentence(
            "most VMs of the template that can be placed beside all others, failures still carried"
        ),
        inputs=inputs,
        page=SIZING,
        assumptions=() if free_vms is not None else (Sentence("Nothing runs here to take a template from"),),
    )


def _planned_ratios(sizing: Sizing) -> tuple[Figure, ...]:
    """Open the consolidation on the hosts that carry the load, none of them spare."""
    hosts, model = sizing.hosts_for_load, sizing.host_model
    cores = hosts * model.cores if hosts and model else None
    vcpus = sizing.needs[0].demand
    copies = len(sizing.load.names)
    return (
        Figure(
            id="vcpu_per_core_planned",
            value=vcpus / cores if cores else None,
            formula=Sentence("vCPUs of running VMs / cores of the hosts for the load"),
            inputs=(
                Input(name="vcpus", value=vcpus, unit="vCPU"),
                Input(name="cores", value=cores, unit="cores"),
            ),
            page="consolidation",
        ),
        Figure(
            id="vms_per_host_planned",
            value=copies / hosts if hosts else None,
            formula=Sentence("running VMs / hosts for the load"),
            inputs=(
                Input(name="vms", value=copies, unit="VMs"),
                Input(name="hosts_for_load", value=hosts, unit="hosts"),
            ),
            page="consolidation",
        ),
    )


def storage_figures(storage: Storage) -> tuple[Figure, ...]:
    """Open what the datastores give and what is free on them."""
    capacity, used = storage.capacity_mib, storage.used_mib
    inputs = (
        Input(name="capacity", value=None if capacity is None else tib(capacity), unit="TiB"),
        Input(name="used", value=None if used is None else tib(used), unit="TiB"),
        Input(name="provisioned", value=tib(storage.provisioned_mib), unit="TiB"),
    )
    free = storage.free_mib
    return (
        Figure(
            id="storage_free_tib",
            value=None if free is None else tib(free),
            unit="TiB",
            formula=Sentence("capacity of the datastores, each counted once - what is used on them"),
            inputs=inputs,
            assumptions=storage.assumptions,
            page=STORAGE,
        ),
        Figure(
            id="storage_provisioned_ratio",
            value=storage.provisioned_mib / capacity if capacity else None,
            formula=Sentence("what the disks of all VMs may grow to / capacity of the datastores"),
            inputs=inputs,
            assumptions=storage.assumptions,
            page=STORAGE,
        ),
    )


def admission_figures(cluster: Members, failures: int) -> tuple[Figure, ...]:
    """Open vSphere HA's three admission policies, as they would judge the cluster today."""
    hosts = [host for host in cluster.hosts if host.connected and not host.maintenance]
    load = [vm for vm in cluster.vms if vm.is_load]
    if not hosts:
        return ()
    if any(not host.cpu_mhz for host in hosts):
        return (_slot_failures(None, (), (_NO_CLOCK,)),)
    mhz = [host.cores * host.cpu_mhz for host in hosts]
    mib = [usable_memory_mib(host.memory_mib) for host in hosts]
    taken_mhz = [vm.cpu_reservation_mhz or SLOT_MHZ_MIN for vm in load]
    taken_mib = [(vm.memory_reservation_mib or 0) + vm_overhead_mib(vm.vcpus, vm.memory_mib) for vm in load]
    unreserved = sum(not vm.cpu_reservation_mhz and not vm.memory_reservation_mib for vm in load)
    said = (
        Sentence(
            "Running VMs that reserve nothing: {count} of {vms}", {"count": unreserved, "vms": len(load)}
        ),
        _NOTHING_PROTECTS,
    )
    slots = slot_policy(mhz, mib, taken_mhz, taken_mib)
    share = min(1.0, failures / len(hosts))
    shares = percentage_policy(mhz, mib, taken_mhz, taken_mib, share) if sum(mib) else None
    dedicated = dedicated_policy(mhz, mib, taken_mhz, taken_mib, failures)
    slot_inputs = (
        Input(name="slot_mhz", value=slots.slot_mhz, unit="MHz"),
        Input(name="slot_mib", value=slots.slot_mib, unit="MiB"),
        Input(name="slots", value=sum(slots.slots_per_host), unit="slots"),
        Input(name="slots_needed", value=slots.slots_needed, unit="slots"),
    )
    return (
        _slot_failures(slots.failures_tolerated, slot_inputs, said),
        _share("admission_cpu_free_percent", None if shares is None else shares.cpu_free, share, said),
        _share("admission_memory_free_percent", None if shares is None else shares.memory_free, share, said),
        Figure(
            id="admission_dedicated",
            value=dedicated.admits and dedicated.covers,
            formula=Sentence(
                "reservations fit on the hosts that are not kept, and those kept are as large as any"
            ),
            inputs=(
                Input(name="kept", value=failures, unit="hosts"),
                Input(name="usable_mhz", value=dedicated.usable_mhz, unit="MHz"),
                Input(name="usable_mib", value=dedicated.usable_mib, unit="MiB"),
            ),
            assumptions=said,
            page=ADMISSION,
            source="vSphere Availability 6.7, p. 27",
        ),
    )


def _slot_failures(value: int | None, inputs: tuple[Input, ...], said: tuple[Sentence, ...]) -> Figure:
    return Figure(
        id="admission_slot_failures",
        value=value,
        unit="hosts",
        formula=Sentence(
            "most hosts, those with the most slots first, whose loss leaves a slot for every VM"
        ),
        inputs=inputs,
        assumptions=said,
        page=ADMISSION,
        source=_SLOT_SOURCE,
    )


def _share(figure: str, free: float | None, kept: float, said: tuple[Sentence, ...]) -> Figure:
    return Figure(
        id=figure,
        value=None if free is None else 100 * free,
        unit="%",
        formula=Sentence(
            "(what the hosts give - what is reserved) / what the hosts give; must not fall below what is kept"
        ),
        inputs=(Input(name="kept", value=100 * kept, unit="%"),),
        assumptions=said,
        page=ADMISSION,
        source=_SHARE_SOURCE,
    )


def usage_figures(hosts: Sequence[Host]) -> tuple[Figure, ...]:
    """Open what the hosts themselves measured, where they did."""
    cpu = [host.cpu_usage_percent for host in hosts if host.cpu_usage_percent is not None]
    used = [host.memory_usage_percent for host in hosts if host.memory_usage_percent is not None]
    found = (("cpu_usage_percent", cpu), ("memory_usage_percent", used))
    return tuple(
        Figure(
            id=figure,
            value=sum(measured) / len(measured),
            unit="%",
            formula=Sentence("mean of what the hosts reported when the export was made"),
            inputs=(Input(name="hosts", value=len(measured), unit="hosts"),),
            assumptions=(Sentence("One moment, not a peak: the plan does not count with it"),),
            page=SIZING,
        )
        for figure, measured in found
        if measured
    )
