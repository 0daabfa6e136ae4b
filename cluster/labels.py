"""What the planner's figures, resources and units are called on screens and in reports, and what they say.

A figure is found by its id; one that has no label yet shows its id in words rather than nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from msgspec import Struct


class Label(Struct, frozen=True):
    """The name of a figure, and one sentence for the reader who has never met it."""

    name: str | Promise
    help: str | Promise = ""


LABELS: Final[Mapping[str, Label]] = {
    # What is there
    "vms": Label(_("VMs"), _("Virtual machines, powered on or not; templates left out.")),
    "vms_on": Label(_("VMs powered on"), _("The VMs that want CPU and memory now.")),
    "vms_off": Label(
        _("VMs not running"), _("Powered off or suspended: they take storage, no CPU or memory.")
    ),
    "templates": Label(_("Templates"), _("Models for new VMs: they take storage and never run.")),
    "hosts": Label(_("Hosts"), _("Physical servers.")),
    "clusters": Label(_("Clusters"), _("Groups of hosts that carry each other's VMs.")),
    "datastores": Label(_("Datastores"), _("Storage that hosts mount; a shared one is counted once.")),
    "cores": Label(_("Physical cores"), _("Cores of all hosts; hyper-threads are not counted.")),
    "cores_n1": Label(_("Physical cores at N-1"), _("Cores left when one host of mean size is lost.")),
    "host_memory_gib": Label(_("Host memory"), _("Memory built into the hosts.")),
    "memory_on_gib": Label(_("VM memory, powered on"), _("Memory configured for the VMs that run.")),
    "vcpus_on": Label(_("vCPUs, powered on"), _("Virtual processors of the VMs that run.")),
    "storage_used_tib": Label(_("Storage used"), _("What the files of the VMs hold on the datastores.")),
    "guest_used_tib": Label(_("Used inside the VMs"), _("What the VMs' own file systems report as used.")),
    "vms_without_cluster": Label(_("VMs without cluster"), _("They are part of no plan.")),
    "hosts_without_cluster": Label(_("Hosts without cluster"), _("They are part of no plan.")),
    # Ratios
    "vms_per_host": Label(_("VMs per host"), _("Running VMs for each physical host: consolidation VM:host.")),
    "vcpu_per_core": Label(_("vCPUs per core"), _("Virtual processors that share one physical core.")),
    "vcpu_per_core_n1": Label(_("vCPUs per core at N-1"), _("The same when one host is lost.")),
    # The plan
    "hosts_today": Label(_("Hosts today"), _("Hosts that the cluster has.")),
    "hosts_for_load": Label(_("Hosts for the load"), _("Hosts that carry the running VMs, with none spare.")),
    "hosts_needed": Label(_("Hosts needed"), _("Hosts for the load and for the failures to be carried.")),
    "lower_bound": Label(_("Lower bound"), _("No plan can carry the load with fewer hosts than this.")),
    "failures_asked": Label(
        _("Failures to carry"), _("Hosts that may fail at once with every VM still running.")
    ),
    "failures_tolerated_today": Label(
        _("Failures tolerated today"), _("Hosts that may fail now with every VM still running.")
    ),
    "free_vms": Label(_("Room for more VMs"), _("VMs of the template named that still fit.")),
    "binding": Label(_("Binding resource"), _("The resource that runs out first.")),
    "may_fail": Label(_("May fail"), _("Hosts that may fail now with every VM still running.")),
    "confidence": Label(_("Confidence"), _("The share of forecasts of its own past that came true.")),
    "estate": Label(
        _("Estate"), _("Everything that was imported: sites, clusters, hosts, VMs, storage, network.")
    ),
    "consolidation": Label(
        _("Consolidation"), _("How many VMs share a host, or vCPUs a core; never without its kind.")
    ),
    "single_point": Label(
        _("Single point of failure"),
        _("A component whose loss alone cuts something off; nothing stands in for it."),
    ),
    "hosts_by_cpu": Label(_("Hosts by CPU"), _("Hosts that the vCPUs alone would ask for.")),
    "hosts_by_memory": Label(_("Hosts by memory"), _("Hosts that the memory alone would ask for.")),
    "hosts_by_storage": Label(
        _("Hosts by storage"),
        _("Hosts that local storage alone would ask for; none where storage is shared."),
    ),
    "memory_ratio": Label(
        _("Memory configured to memory built in"), _("Above 1, not all VMs could use their memory at once.")
    ),
    "vcpu_per_core_planned": Label(
        _("vCPUs per core, planned"), _("On the hosts that carry the load, none of them spare.")
    ),
    "vms_per_host_planned": Label(
        _("VMs per host, planned"), _("On the hosts that carry the load, none of them spare.")
    ),
    "storage_free_tib": Label(_("Storage free"), _("What is left on the datastores.")),
    "storage_provisioned_ratio": Label(
        _("Storage promised to storage there"),
        _("Above 1, disks that grow as they may would fill the datastores."),
    ),
    "cpu_usage_percent": Label(_("CPU usage of the hosts"), _("As the hosts reported it at the export.")),
    "memory_usage_percent": Label(
        _("Memory usage of the hosts"), _("As the hosts reported it at the export.")
    ),
    # vSphere HA's own three answers
    "admission_slot_failures": Label(
        _("Failures tolerated by slots"),
        _("The slot policy: one slot, as large as the largest reservation, a VM."),
    ),
    "admission_cpu_free_percent": Label(
        _("CPU not reserved"), _("The percentage policy: it must not fall below what is kept for failures.")
    ),
    "admission_memory_free_percent": Label(
        _("Memory not reserved"),
        _("The percentage policy: it must not fall below what is kept for failures."),
    ),
    "admission_dedicated": Label(
        _("Dedicated failover hosts suffice"), _("The policy that keeps whole hosts empty for failures.")
    ),
    # What goes into figures
    "failures": Label(_("Failures to carry")),
    "template": Label(_("VM counted in")),
    "vcpus": Label(_("vCPUs")),
    "memory": Label(_("Memory")),
    "held_mhz": Label(_("CPU reserved or measured")),
    "mhz_per_host": Label(_("CPU of one host")),
    "disk": Label(_("Disk")),
    "capacity": Label(_("Capacity")),
    "used": Label(_("Used")),
    "provisioned": Label(_("Promised")),
    "slot_mhz": Label(_("CPU of a slot")),
    "slot_mib": Label(_("Memory of a slot")),
    "slots": Label(_("Slots")),
    "slots_needed": Label(_("Slots needed")),
    "kept": Label(_("Kept for failures")),
    "usable_mhz": Label(_("CPU usable")),
    "usable_mib": Label(_("Memory usable")),
    "demand": Label(_("Need")),
    "capacity_today": Label(_("Capacity today")),
    "capacity_per_host": Label(_("Capacity of one host")),
}

RESOURCES: Final[Mapping[str, Label]] = {
    "cpu": Label(_("CPU")),
    "memory": Label(_("Memory")),
    "storage": Label(_("Storage")),
}

_UNITS: Final = (
    gettext_noop("vCPU"),
    gettext_noop("KiB"),
    gettext_noop("MiB"),
    gettext_noop("GiB"),
    gettext_noop("TiB"),
    gettext_noop("kWh"),
    gettext_noop("year"),
    gettext_noop("core-years"),
    gettext_noop("socket-years"),
    gettext_noop("host-years"),
    gettext_noop("pair-years"),
    gettext_noop("TiB-years"),
    gettext_noop("unit-years"),
    gettext_noop("administrator-years"),
    gettext_noop("VM-hours"),
    gettext_noop("hours"),
    gettext_noop("persons"),
    gettext_noop("ports"),
    gettext_noop("switches"),
    gettext_noop("controllers"),
    gettext_noop("licences of 16 cores"),
)
# Things that are counted: one host, two hosts.
_COUNTED: Final[Mapping[str, Promise]] = {
    "hosts": ngettext_lazy("host", "hosts"),
    "VMs": ngettext_lazy("VM", "VMs"),
    "cores": ngettext_lazy("core", "cores"),
    "sockets": ngettext_lazy("socket", "sockets"),
    "slots": ngettext_lazy("slot", "slots"),
    "lines": ngettext_lazy("line", "lines"),
}
# Names that the planner gives itself; every other name is a person's and stays as it is.
_NAMES: Final = frozenset({
    gettext_noop("average running VM"),
    gettext_noop("as given"),
    gettext_noop("(no cluster)"),
})  # fmt: skip


_MEASURED: Final[Mapping[str, Promise]] = {
    "vcpu": _("vCPUs"),
    "memory": _("Memory"),
    "cpu": _("CPU"),
    "storage": _("Storage"),
    "vms": _("VMs"),
}


def measured_of(resource: str) -> str:
    """What a measured resource is called, in the active language."""
    return str(_MEASURED.get(resource, resource))


def label_of(figure_id: str) -> str:
    """What a figure is called, in the active language."""
    label = LABELS.get(figure_id)
    return str(label.name) if label is not None else figure_id.replace("_", " ").capitalize()


def help_of(figure_id: str) -> str:
    """What a figure says, in one sentence of the active language; empty where the label says it all."""
    label = LABELS.get(figure_id)
    return str(label.help) if label is not None else ""


def resource_of(resource: str) -> str:
    """What a resource is called, in the active language."""
    return str(RESOURCES[resource].name)


def unit_of(unit: str, count: float = 2) -> str:
    """A unit as the reader writes it: GiB and MHz everywhere, 1 host but 2 hosts."""
    if unit in _COUNTED:
        # Grammar knows whole numbers only; what is not whole takes the form of two.
        return str(_COUNTED[unit] % (int(count) if count == int(count) else 2))
    return gettext(unit) if unit else ""


def card_unit_of(unit: str) -> str:
    """The unit of a price card: each word of `ports/switch` in the reader's language."""
    return "/".join(str(_CARD_UNITS.get(word, word)) for word in unit.split("/"))


_CARD_UNITS: Final[dict[str, Promise]] = {
    "16 cores": _("16 cores"),
    "2 cores": _("2 cores"),
    "VM pair": _("VM pair"),
    "VMs": _("VMs"),
    "administrator": _("administrator"),
    "controller": _("controller"),
    "controllers": _("controllers"),
    "copies": _("copies"),
    "core": _("core"),
    "host": _("host"),
    "hosts": _("hosts"),
    "hour": _("hour"),
    "hours": _("hours"),
    "person": _("person"),
    "port": _("port"),
    "ports": _("ports"),
    "processor": _("processor"),
    "ratio": _("ratio"),
    "socket": _("socket"),
    "socket pair": _("socket pair"),
    "switch": _("switch"),
    "unit": _("unit"),
    "units": _("units"),
    "year": _("year"),
}


def name_of(name: str) -> str:
    """A name as it was imported; one that the planner gave itself, in the active language."""
    if not name.strip():
        return gettext("(no name)")
    return gettext(name) if name in _NAMES else name


# What is lost at once; see `planner.lost_together`.
LOST_AT_ONCE: Final = {
    "host": _("a host"),
    "rack": _("a rack"),
    "site": _("a site"),
    "datacenter": _("a data centre"),
    "chassis": _("a chassis"),
    "model": _("all hosts of one model"),
    "cpu_model": _("all hosts of one CPU"),
    "version": _("all hosts of one version"),
}


def lost_by(what: str) -> str:
    """Say what is lost at once; a tag of the customer's own by its name."""
    known = LOST_AT_ONCE.get(what)
    return str(known) if known else gettext("all hosts of one value of {tag}").format(tag=what)


# What proves a lower bound; see `planner.bounds` and `planner.patterns.generation`.
PROOFS: Final = {
    "sum of demand": _("the sum of the demand"),
    "sizes that do not share a host (L2)": _("sizes that do not share a host (L2)"),
    "sizes rounded to parts of a host (u(k))": _("sizes rounded to parts of a host, u(k)"),
    "VMs that stand apart": _("VMs that stand apart"),
    "every way tried": _("every way tried"),
    "pattern linear program": _("the linear program of the patterns"),
    "nothing to place": _("nothing to place"),
}


TOLD_KINDS: Final = {  # a part of an event's kind, and what people call it
    "done": gettext_noop("work that is done"),
    "failed": gettext_noop("work that failed"),
    "cancelled": gettext_noop("work that was cancelled"),
    "queued": gettext_noop("work that was asked for"),
    "progress": gettext_noop("progress of work"),
    "operation": gettext_noop("real operations"),
    "line": gettext_noop("the line stopped or freed"),
    "estate": gettext_noop("estates removed"),
    "report": gettext_noop("reports by mail"),
    "webhook": gettext_noop("webhooks switched off"),
}
