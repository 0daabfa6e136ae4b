"""What VMs need and what hosts give, as whole numbers in arrays that every planner room counts with.

Rows are VM copies (an FT VM has two) or hosts, columns are COLUMNS.  Needs are rounded up and
capacities down, so that a comparison is exact and never in the VM's favour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from planner.catalogue import memory
from planner.estate import VM, Host

Counts: TypeAlias = npt.NDArray[np.int64]

COLUMNS: Final = ("vcpu_milli", "memory_kib", "khz", "iops", "kbit_s")
VCPU, MEMORY, KHZ, IOPS, KBIT = range(5)
Amounts: TypeAlias = tuple[int, int, int, int, int]  # one row, by column of COLUMNS
# A capacity nobody told us, far above any sum of needs: it never refuses.
UNKNOWN: Final = 10**15
KIB_PER_MIB: Final = 1024
KBIT_PER_MBIT: Final = 1000

_HOST_BASE: Final = float(memory.HOST_BASE_MB.value)
_HOST_BASE_UP_TO_MIB: Final = float(memory.HOST_BASE_UP_TO_GB.value) * 1024
_HOST_SHARE: Final = float(memory.HOST_SHARE_ABOVE.value)
_VM_BASE: Final = float(memory.VM_BASE_MB.value)
_VM_PER_MIB: Final = float(memory.VM_PER_MEMORY_MB.value)
_VM_PER_VCPU: Final = float(memory.VM_PER_FURTHER_VCPU_MB.value)


class Load(Struct, frozen=True, kw_only=True, eq=False):
    """The copies to place: `needs[copy, column]`, and the FT pairs that must stand apart.

    `vms[copy]` is the VM a copy belongs to; `names` differ from it only for an FT secondary that the
    estate does not list itself.
    """

    names: tuple[str, ...]
    vms: tuple[str, ...]
    needs: Counts
    pairs: tuple[tuple[int, int], ...] = ()

    def total(self, column: int) -> int:
        """The sum of one column, exact whatever its size."""
        return sum(self.needs[:, column].tolist())


class Capacity(Struct, frozen=True, kw_only=True, eq=False):
    """The hosts to place on: `gives[host, column]`."""

    names: tuple[str, ...]
    gives: Counts

    @classmethod
    def of(cls, names: Sequence[str], gives: Sequence[Sequence[int]]) -> Capacity:
        """Put hosts into an array, no host too."""
        wide = len(gives[0]) if gives else len(COLUMNS)
        return cls(names=tuple(names), gives=np.array(gives, dtype=np.int64).reshape(len(names), wide))


def vm_overhead_mib(vcpus: int, memory_mib: int) -> float:
    """Say how much memory the hypervisor itself spends on one running VM.

    Linear in the configured memory and in the vCPUs after the first.

    Source: vSphere Resource Management 6.5 to 6.7, p. 34.  Its table says 25.90 MB for 1 vCPU and
    1,024 MB, and 168.60 MB for 8 vCPUs and 16,384 MB; the fit is within 1.1 MB of every cell.

    >>> round(vm_overhead_mib(1, 1024), 2), round(vm_overhead_mib(8, 16384), 2)
    (25.98, 167.5)
    """
    return _VM_BASE + _VM_PER_MIB * memory_mib + _VM_PER_VCPU * max(0, vcpus - 1)


def hypervisor_mib(host_memory_mib: float) -> float:
    """Say how much memory a host keeps free for the hypervisor: 899 MB, and 1 % above 28 GB.

    Source: vSphere's sliding scale of Mem.MinFreePct; published for hosts of 72 GB as 1,350 MB, of
    144 GB as 2,087, of 512 GB as 5,855, of 1 TB as 11,098.

    >>> [round(hypervisor_mib(gb * 1024)) for gb in (72, 144, 512, 1024)]
    [1350, 2087, 5855, 11098]
    """
    return _HOST_BASE + _HOST_SHARE * max(0.0, host_memory_mib - _HOST_BASE_UP_TO_MIB)


def usable_memory_mib(host_memory_mib: float) -> float:
    """Say what a host has left for VMs and their overhead."""
    return max(0.0, host_memory_mib - hypervisor_mib(host_memory_mib))


def held_mhz(vm: VM) -> float:
    """Say what a VM holds of its host's clock: what it reserves, or what it was measured to want if more.

    Nothing where neither is known; then its vCPUs alone are counted.

    >>> held_mhz(VM(name="db", power="on", vcpus=8, memory_mib=4096, disk_mib=0,
    ...             cpu_reservation_mhz=2000, cpu_demand_mhz=9500))
    9500.0
    """
    return float(max(vm.cpu_reservation_mhz or 0.0, vm.cpu_demand_mhz or 0.0))


def need_of(vm: VM) -> Amounts:
    """Say what one copy of a running VM takes.

    vCPUs / 1000, KiB with overhead, kHz that it holds, operations a second and kbit/s as measured.  What
    nobody measured takes nothing.

    >>> need_of(VM(name="db", power="on", vcpus=2, memory_mib=4096, disk_mib=0, iops_demand=1500.5,
    ...            network_demand_mbit=80))
    (2000, 4248259, 0, 1501, 80000)
    """
    memory_kib = math.ceil((vm.memory_mib + vm_overhead_mib(vm.vcpus, vm.memory_mib)) * KIB_PER_MIB)
    return (
        vm.vcpus * 1000,
        memory_kib,
        math.ceil(held_mhz(vm) * 1000),
        math.ceil(vm.iops_demand or 0.0),
        math.ceil((vm.network_demand_mbit or 0.0) * KBIT_PER_MBIT),
    )


def give_of(
    *,
    cores: int,
    cpu_mhz: float,
    memory_mib: float,
    vcpu_per_core: float,
    iops: float | None = None,
    network_mbit: float | None = None,
) -> Amounts:
    """Say what a host gives in the same units; a speed of 0 MHz is a speed nobody told.

    `iops`, `network_mbit` None: nobody told, so nobody is refused for it.
    """
    return (
        math.floor(cores * vcpu_per_core * 1000),
        math.floor(usable_memory_mib(memory_mib) * KIB_PER_MIB),
        min(math.floor(cores * cpu_mhz * 1000) if cpu_mhz else UNKNOWN, UNKNOWN),
        UNKNOWN if iops is None else math.floor(iops),
        UNKNOWN if network_mbit is None else math.floor(network_mbit * KBIT_PER_MBIT),
    )


def network_mbit(host: Host) -> int | None:
    """Add up the NICs of a host that are up; None where one of them does not tell its speed, or none is.

    >>> from planner.estate import Nic
    >>> nics = tuple(Nic(device=f"vmnic{n}", speed_mbit=10_000, up=n < 2) for n in range(3))
    >>> network_mbit(Host(name="h", sockets=1, cores=8, cpu_mhz=0, memory_mib=1024, nics=nics))
    20000
    """
    speeds = [nic.speed_mbit for nic in host.nics if nic.up is not False]
    if not speeds or not all(speeds):
        return None
    return sum(speed or 0 for speed in speeds)


def load_of(vms: Iterable[VM]) -> Load:
    """Gather the needs of all VMs that are load; an FT primary whose secondary is not listed counts twice."""
    running = [vm for vm in vms if vm.is_load]
    names = [vm.name for vm in running]
    owners = list(names)
    needs = [need_of(vm) for vm in running]
    pairs = _listed_pairs(running)
    paired = {first for first, _ in pairs}
    taken = set(names)
    for index, vm in enumerate(running):
        if vm.ft == "primary" and index not in paired:
            pairs.append((index, len(names)))
            names.append(_free_name(f"{vm.name} (FT secondary)", taken))
            owners.append(vm.name)
            needs.append(needs[index])
    table = np.array(needs, dtype=np.int64).reshape(len(names), len(COLUMNS))
    return Load(names=tuple(names), vms=tuple(owners), needs=table, pairs=tuple(pairs))


def capacity_of(hosts: Sequence[Host], vcpu_per_core: float) -> Capacity:
    """Gather what the hosts that can run VMs give: connected, and not in maintenance."""
    ready = [host for host in hosts if host.connected and not host.maintenance]
    gives = [
        give_of(
            cores=host.cores,
            cpu_mhz=host.cpu_mhz,
            memory_mib=host.memory_mib,
            vcpu_per_core=vcpu_per_core,
            iops=host.iops,
            network_mbit=network_mbit(host),
        )
        for host in ready
    ]
    return Capacity.of([host.name for host in ready], gives)


def _listed_pairs(vms: Sequence[VM]) -> list[tuple[int, int]]:
    """Find the primary of each secondary the estate lists: same UUID, or a name that begins with its own."""
    primaries = {vm.name: index for index, vm in enumerate(vms) if vm.ft == "primary"}
    by_uuid = {vm.uuid: vm.name for vm in vms if vm.ft == "primary" and vm.uuid}
    pairs: list[tuple[int, int]] = []
    for index, vm in enumerate(vms):
        if vm.ft != "secondary":
            continue
        name = by_uuid.get(vm.uuid or "") or _longest_prefix(vm.name, primaries)
        if name in primaries:
            pairs.append((primaries.pop(name), index))
    return sorted(pairs)


def _longest_prefix(name: str, names: Mapping[str, int]) -> str | None:
    return next((name[:end] for end in range(len(name), 0, -1) if name[:end] in names), None)


def _free_name(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted} {number}", number + 1
    taken.add(name)
    return name
