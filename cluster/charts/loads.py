"""What the figures are drawn from: hosts with their load, VMs with their size."""

from __future__ import annotations

from typing import Final

from django.db.models import Count, Q, Sum
from msgspec import Struct

from cluster import selectors
from cluster.models import Estate
from cluster.models.inventory import Power

_LOAD: Final = Q(vms__power=Power.ON, vms__template=False)


class HostLoad(Struct, frozen=True, kw_only=True):
    """One host of the heatmap; None: not known."""

    name: str
    vcpu_per_core: float | None
    memory_percent: float | None
    cpu_usage_percent: float | None
    vms_on: int | None


class VmBox(Struct, frozen=True, kw_only=True):
    """One VM of the treemap."""

    name: str
    host: str
    vcpus: int
    memory_mib: int
    power: str


def host_loads(estate: Estate, cluster: str) -> list[HostLoad]:
    """How each host of a cluster is loaded by the VMs that run on it, the fullest first.

    Where all VMs name hosts that the estate does not describe, the load is not known, and not nothing.
    """
    rows = (
        selectors.hosts_of_cluster(estate, cluster)
        .annotate(
            vms_on=Count("vms", filter=_LOAD),
            vcpus_on=Sum("vms__vcpus", filter=_LOAD, default=0),
            memory_on_mib=Sum("vms__memory_mib", filter=_LOAD, default=0),
        )
        .values("name", "cores", "memory_mib", "cpu_usage_percent", "vms_on", "vcpus_on", "memory_on_mib")
    )
    found = any(row["vms_on"] for row in rows)
    told = found or not selectors.vms_on_unknown_hosts(estate, cluster).exists()
    loads = [
        HostLoad(
            name=row["name"],
            vcpu_per_core=row["vcpus_on"] / row["cores"] if told else None,
            memory_percent=100 * row["memory_on_mib"] / row["memory_mib"] if told else None,
            cpu_usage_percent=row["cpu_usage_percent"],
            vms_on=row["vms_on"] if told else None,
        )
        for row in rows
    ]
    return sorted(loads, key=lambda load: (-(load.memory_percent or 0.0), load.name))


def host_vms(estate: Estate, cluster: str) -> list[VmBox]:
    """The VMs of a cluster by the host that they stand on; templates take no CPU or memory: left out."""
    rows = (
        selectors.vms_of_cluster(estate, cluster)
        .filter(template=False)
        .order_by("name")
        .values_list("name", "host_name", "vcpus", "memory_mib", "power")
    )
    return [
        VmBox(name=name, host=host or "", vcpus=vcpus, memory_mib=memory_mib, power=power)
        for name, host, vcpus, memory_mib, power in rows
    ]
