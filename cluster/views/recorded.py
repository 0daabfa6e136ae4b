"""Every field of a host or a VM as it was recorded; a dash where nothing was."""

from __future__ import annotations

from django.utils.translation import gettext

from cluster.models import Host, VirtualMachine
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
