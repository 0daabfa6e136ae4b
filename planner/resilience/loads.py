"""The loads that are levelled and the score: how far hosts are from each other, in percentage points.

CPU and memory always; disk operations and network where every VM tells what it wants and every host what
it carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from planner.demand import IOPS, KBIT, MEMORY, UNKNOWN, VCPU
from planner.estate import VM
from planner.kernels.arrays import F64, I64
from planner.resilience.ground import Ground
from planner.resilience.levelling import Loads, score
from planner.sentence import Sentence

CPU_WEIGHT: Final = 1.0  # a choice of ours: a point of CPU is as good as a point of memory
MEMORY_WEIGHT: Final = 1.0
FURTHER_WEIGHT: Final = 0.5  # of disk operations and of network: a choice of ours, as hbal's for its loads
BROKEN: Final = 1000.0  # points of a must-rule that does not hold, or of a host too full
UNWANTED: Final = 100.0  # points of a should-rule that does not hold


class HostLoads(Struct, frozen=True, kw_only=True, eq=False):
    """Shares of each host in percent, as `Loads`, and what they rest on.

    `names` of the loads: "cpu", "memory", and those of "iops" and "network" that are known.
    """

    loads: Loads
    names: tuple[str, ...]
    measured_cpu: bool
    measured_memory: bool
    notes: tuple[Sentence, ...]

    def percent(self, where: I64) -> F64:
        """percent[host, load], in the order of `names`."""
        return self.loads.values(where)

    def spread(self, where: I64) -> float:
        """The score without what rules cost."""
        return score(self.loads, where)


def host_loads(ground: Ground) -> HostLoads:
    """Say what each VM takes of a host, in percent: as measured where every VM tells, else as configured.

    CPU: measured MHz of cores x MHz, else vCPUs of those that may share the cores.  Memory: measured
    MiB of what the hypervisor leaves, else configured memory with its overhead.  Disk operations and
    network: as measured of what the host carries, where everybody tells.
    """
    standing = ground.standing
    rows = range(len(standing.need))
    vms = [[ground.vms[name] for name in ground.names(row) if name in ground.vms] for row in rows]
    flat = [vm for row in vms for vm in row]
    measured_cpu = bool(flat) and all(vm.cpu_demand_mhz is not None for vm in flat)
    measured_cpu = measured_cpu and all(host.cpu_mhz for host in ground.hosts)
    measured_memory = bool(flat) and all(vm.memory_demand_mib is not None for vm in flat)
    need = standing.need.astype(float)
    cpu, memory = need[:, VCPU] / 1000, need[:, MEMORY]
    gives_cpu = standing.capacity[:, VCPU] / 1000
    if measured_cpu:
        cpu = np.array([sum(vm.cpu_demand_mhz or 0.0 for vm in row) for row in vms])
        gives_cpu = np.array([host.cores * host.cpu_mhz for host in ground.hosts])
    if measured_memory:
        memory = np.array([1024.0 * sum(vm.memory_demand_mib or 0 for vm in row) for row in vms])
    further = _further(ground, flat)
    columns = [column for _, column in further]
    gives = np.column_stack(
        (gives_cpu, standing.capacity[:, MEMORY], *standing.capacity[:, columns].T)
    ).astype(float)
    return HostLoads(
        loads=Loads(
            part=np.column_stack((cpu, memory, *need[:, columns].T)).reshape(len(need), 2 + len(columns)),
            unit=100.0 / np.maximum(gives, 1.0),
            weight=np.array([CPU_WEIGHT, MEMORY_WEIGHT, *([FURTHER_WEIGHT] * len(columns))]),
        ),
        names=("cpu", "memory", *(name for name, _ in further)),
        measured_cpu=measured_cpu,
        measured_memory=measured_memory,
        notes=_notes(measured_cpu, measured_memory),
    )


def _further(ground: Ground, vms: Sequence[VM]) -> list[tuple[str, int]]:
    """Name the further loads that are known of every VM and every host, with their columns."""
    capacity = ground.standing.capacity
    told = {
        ("iops", IOPS): all(vm.iops_demand is not None for vm in vms),
        ("network", KBIT): all(vm.network_demand_mbit is not None for vm in vms),
    }
    return [
        (name, column)
        for (name, column), by_vms in told.items()
        if vms and by_vms and column < capacity.shape[1] and (capacity[:, column] < UNKNOWN).all()
    ]


def _notes(measured_cpu: bool, measured_memory: bool) -> tuple[Sentence, ...]:
    notes = []
    if not measured_cpu:
        notes.append(Sentence("CPU is levelled by configured vCPUs: not every VM tells its demand"))
    if not measured_memory:
        notes.append(Sentence("memory is levelled as configured: not every VM tells its demand"))
    return tuple(notes)
