"""Every field of a host or a VM as it was recorded; a dash where nothing was."""

from __future__ import annotations

from django.utils.translation import gettext
from msgspec import Struct

from cluster.models import Host, Use, VirtualMachine
from cluster.shown import value
from cluster.templatetags.parts import NOT_RECORDED, known, size

Recorded = list[tuple[str, str]]


def recorded_of_host(host: Host) -> Recorded:
    """A host's fields in the order in which an administrator asks for them."""
    return [
        (gettext("Cluster"), known(host.cluster_name)),
        (gettext("Datacenter"), known(host.datacenter)),
        (gettext("Site"), known(host.site_name)),
        (gettext("Rack"), known(host.rack_name)),
        (gettext("Vendor"), known(host.vendor)),
        (gettext("Model"), known(host.model)),
        (gettext("CPU model"), known(host.cpu_model)),
        (gettext("Sockets"), known(host.sockets)),
        (gettext("Physical cores"), known(host.cores)),
        (gettext("Speed of a core, MHz"), known(host.cpu_mhz)),
        (gettext("Memory"), size(host.memory_mib)),
        (gettext("Hypervisor"), known(host.version)),
        (gettext("EVC mode"), known(host.evc)),
        (gettext("Disk operations a second, at most"), known(host.iops)),
        (gettext("Maintenance mode"), known(host.maintenance)),
        (gettext("Connected"), known(host.connected)),
    ]


def recorded_of_vm(vm: VirtualMachine) -> Recorded:
    """A VM's fields in the order in which an administrator asks for them."""
    return [
        (gettext("Cluster"), known(vm.cluster_name)),
        (gettext("Host"), known(vm.host_name)),
        (gettext("Guest OS"), known(vm.guest_os)),
        (gettext("Folder"), known(vm.folder)),
        (gettext("Owner"), known(vm.owner)),
        (gettext("Datastores"), ", ".join(vm.datastore_names) or NOT_RECORDED),
        (gettext("Port groups"), ", ".join(vm.network_names) or NOT_RECORDED),
        (gettext("CPU demand, MHz"), known(vm.cpu_demand_mhz)),
        (gettext("Memory demand"), size(vm.memory_demand_mib)),
        (gettext("Disk operations a second"), known(vm.iops_demand)),
        (gettext("Network demand, Mbit/s"), known(vm.network_demand_mbit)),
        (gettext("CPU reserved, MHz"), known(vm.cpu_reservation_mhz)),
        (gettext("Memory reserved"), size(vm.memory_reservation_mib)),
        (gettext("Fault tolerance"), vm.get_ft_display()),
        (gettext("Restart priority"), vm.get_restart_priority_display()),
        (gettext("Identifier"), known(vm.source_id)),
        (gettext("UUID"), known(vm.uuid)),
    ]


class Measured(Struct, frozen=True):
    """One measure of a VM over the window that was read last; each value with its unit."""

    name: str
    average: str
    p95: str
    peak: str
    coverage: str


def uses_of(vm: VirtualMachine) -> list[Measured]:
    """What a VM used, by the counters of the connection that its estate is read through."""
    use = Use.objects.filter(connection__name=vm.estate.name, vm=vm.name).first()
    if use is None:
        return []
    hours, sample_s = use.window_s / 3600, use.sample_s
    within = gettext("{hours} h, samples of {seconds} s").format(hours=f"{hours:g}", seconds=sample_s)
    rows = []
    if use.cpu_coverage is not None:
        values = [
            f"{value(round(one))} MHz" for one in (use.cpu_average_mhz, use.cpu_p95_mhz, use.cpu_peak_mhz)
        ]
        rows.append(Measured(gettext("CPU"), *values, _share(use.cpu_coverage, within)))
    if use.memory_coverage is not None:
        values = [size(one) for one in (use.memory_average_mib, use.memory_p95_mib, use.memory_peak_mib)]
        rows.append(Measured(gettext("Memory"), *values, _share(use.memory_coverage, within)))
    if use.dirty_mib_s is not None:
        once = gettext("one sample of {seconds} s").format(seconds=sample_s)
        rate = f"{value(round(use.dirty_mib_s, 1))} MiB/s"
        rows.append(Measured(gettext("Memory newly written"), rate, "–", "–", once))
    return rows


def _share(coverage: float, within: str) -> str:
    return gettext("{share} % of {window}").format(share=value(round(100 * coverage)), window=within)
