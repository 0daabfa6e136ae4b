"""What is known of disk operations and network: who told, and what it means where nobody did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from planner.demand import network_mbit
from planner.estate import VM, Host
from planner.sentence import Sentence

SAID: Final = (
    Sentence(
        "Disk operations: told by {count} of {vms} running VMs and {told} of {hosts} hosts; who tells "
        "nothing takes nothing and carries enough"
    ),
    Sentence(
        "Network: told by {count} of {vms} running VMs and {told} of {hosts} hosts; who tells nothing takes "
        "nothing and carries enough"
    ),
)


def rates_told(hosts: Sequence[Host], vms: Sequence[VM]) -> tuple[Sentence, ...]:
    """Say how far disk operations and network were judged; nothing where no running VM tells any.

    >>> vm = VM(name="db", power="on", vcpus=1, memory_mib=1, disk_mib=0, iops_demand=500)
    >>> host = Host(name="h", sockets=1, cores=8, cpu_mhz=0, memory_mib=1024, iops=20_000)
    >>> str(*rates_told([host], [vm])).partition(";")[0]
    'Disk operations: told by 1 of 1 running VMs and 1 of 1 hosts'
    """
    running = [vm for vm in vms if vm.is_load]
    told = (
        (
            sum(vm.iops_demand is not None for vm in running),
            sum(host.iops is not None for host in hosts),
        ),
        (
            sum(vm.network_demand_mbit is not None for vm in running),
            sum(network_mbit(host) is not None for host in hosts),
        ),
    )
    return tuple(
        Sentence(said.template, {"count": by_vms, "vms": len(running), "told": by_hosts, "hosts": len(hosts)})
        for said, (by_vms, by_hosts) in zip(SAID, told, strict=True)
        if by_vms
    )
