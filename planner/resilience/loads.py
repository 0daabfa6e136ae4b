"""The loads that are levelled and the score: how far hosts are from each other, in percentage points."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from planner.demand import MEMORY, VCPU
from planner.kernels.arrays import F64, I64
from planner.resilience.ground import Ground
from planner.resilience.levelling import Loads, score
from planner.sentence import Sentence

CPU_WEIGHT: Final = 1.0  # a choice of ours: a point of CPU is as good as a point of memory
MEMORY_WEIGHT: Final = 1.0
BROKEN: Final = 1000.0  # points of a must-rule that does not hold, or of a host too full
UNWANTED: Final = 100.0  # points of a should-rule that does not hold


class HostLoads(Struct, frozen=True, kw_only=True, eq=False):
    """Shares of each host in percent, as `Loads`, and what they rest on."""

    loads: Loads
    measured_cpu: bool
    measured_memory: bool
    notes: tuple[Sentence, ...]

    def percent(self, where: I64) -> F64:
        """percent[host, (CPU, memory)]."""
        return self.loads.values(where)

    def spread(self, where: I64) -> float:
        """The score without what rules cost."""
        return score(self.loads, where)


def host_loads(ground: Ground) -> HostLoads:
    """Say what each VM takes of a host, in percent: as measured where every VM tells, else as configured.

    CPU: measured MHz of cores x MHz, else vCPUs of those that may share the cores.  Memory: measured
    MiB of what the hypervisor leaves, else configured memory with its overhead.
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
    gives = np.column_stack((gives_cpu, standing.capacity[:, MEMORY].astype(float)))
    return HostLoads(
        loads=Loads(
            part=np.column_stack((cpu, memory)).reshape(len(need), 2),
            unit=100.0 / np.maximum(gives, 1.0),
            weight=np.array([CPU_WEIGHT, MEMORY_WEIGHT]),
        ),
        measured_cpu=measured_cpu,
        measured_memory=measured_memory,
        notes=_notes(measured_cpu, measured_memory),
    )


def _notes(measured_cpu: bool, measured_memory: bool) -> tuple[Sentence, ...]:
    notes = []
    if not measured_cpu:
        notes.append(Sentence("CPU is levelled by configured vCPUs: not every VM tells its demand"))
    if not measured_memory:
        notes.append(Sentence("memory is levelled as configured: not every VM tells its demand"))
    return tuple(notes)
