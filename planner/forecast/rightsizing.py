"""VMs that were given more, or less, than they were ever measured to want; with the evidence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
from msgspec import Struct

from planner.estate import VM, Estate, Host
from planner.sentence import Sentence

# The 97th percentile where there are less than three months of data.
# Source: vmware-operations-guide, chapter 3, "Right-sizing".
PERCENTILE: Final = 97.0
# Red Hat's migration planner fills nodes to 80 %; that a guest, too, works well up to there is ours.
TARGET_USE: Final = 0.8
# Ours, not published: fewer samples than this, or in fewer than half of the dates, prove nothing.
SAMPLES_MIN: Final = 10
SPAN_MIN_DAYS: Final = 14.0
COVERAGE_MIN: Final = 0.5
MEMORY_STEP_MIB: Final = 256
MEMORY_MIN_MIB: Final = 512
MEMORY_WORTH_MIB: Final = 1024  # less is not worth a change
MEMORY_WORTH_SHARE: Final = 0.25


class Evidence(Struct, frozen=True, kw_only=True):
    """What was measured of one VM: how often, out of how many dates on which it ran, and how much."""

    samples: int
    dates: int
    span_days: float
    median: float
    percentile: float
    peak: float

    @property
    def coverage(self) -> float:
        """The share of dates on which it was measured."""
        return self.samples / self.dates if self.dates else 0.0

    @property
    def suffices(self) -> bool:
        """Whether there is enough of it to act on."""
        return (
            self.samples >= SAMPLES_MIN and self.span_days >= SPAN_MIN_DAYS and self.coverage >= COVERAGE_MIN
        )


class Suggestion(Struct, frozen=True, kw_only=True):
    """One VM whose size does not fit what it wants; a size that fits is None."""

    vm: str
    cluster: str
    vcpus: int
    vcpus_wanted: int | None = None
    memory_mib: int
    memory_wanted_mib: int | None = None
    cpu: Evidence | None = None
    memory: Evidence | None = None

    @property
    def vcpus_freed(self) -> int:
        """vCPUs that would be freed; negative: more are wanted."""
        return 0 if self.vcpus_wanted is None else self.vcpus - self.vcpus_wanted

    @property
    def memory_freed_mib(self) -> int:
        """Memory that would be freed; negative: more is wanted."""
        return 0 if self.memory_wanted_mib is None else self.memory_mib - self.memory_wanted_mib


class Rightsizing(Struct, frozen=True, kw_only=True):
    """All suggestions of an estate, the largest first, and how many VMs could be judged at all."""

    suggestions: tuple[Suggestion, ...]
    vms: int
    judged_cpu: int
    judged_memory: int
    dates: int
    remarks: tuple[Sentence, ...] = ()


class Demand(Struct, frozen=True, array_like=True):
    """What one VM was measured to want on one date; None: it ran, and nobody measured."""

    mhz: float | None = None
    mib: float | None = None


# By the VM's id, or by its name where it has none.
Demands: TypeAlias = Mapping[str, Demand]


MEMORY_CAUTION: Final = Sentence(
    "Measured memory is what a guest touched, without its caches: ask its owner before taking memory away"
)


def demands_of(estate: Estate) -> dict[str, Demand]:
    """Give what each running VM of an estate was measured to want on its date."""
    return {key_of(vm): Demand(vm.cpu_demand_mhz, vm.memory_demand_mib) for vm in estate.vms if vm.is_load}


def key_of(vm: VM) -> str:
    """Say what a VM is known by when its name may change."""
    return vm.id or vm.name


def rightsize(estate: Estate, dated: Iterable[tuple[float, Demands]]) -> Rightsizing:
    """Compare what VMs have with what they were measured to want over several dates.

    A VM is known by its id, or by its name where it has none.  What it wants is the 97th percentile of its
    samples, at 80 % use: vCPUs of its host's clock, memory in steps of 256 MiB.  Fewer than ten
    samples, less than two weeks, or samples on fewer than half of the dates on which it ran prove nothing; a
    change of less than one vCPU, 1 GiB or a quarter of its memory is not worth its trouble.

    Args:
        estate: what VMs have now.
        dated: day and demands of each date, in any order.

    Returns:
        The suggestions; no date, or no sample at all, is not an error.
    """
    in_order = sorted(dated, key=lambda each: each[0])
    samples: dict[str, list[tuple[float, Demand]]] = {}
    for at_days, demands in in_order:
        for key, demand in demands.items():
            samples.setdefault(key, []).append((at_days, demand))
    clocks = _Clocks(estate.hosts)
    judged = [_judged(vm, samples.get(key_of(vm), []), clocks) for vm in estate.vms if vm.is_load]
    useful = [one for one in judged if one.vcpus_wanted is not None or one.memory_wanted_mib is not None]
    return Rightsizing(
        suggestions=tuple(sorted(useful, key=lambda one: (-_size_of(one), one.vm))),
        vms=len(judged),
        judged_cpu=sum(one.cpu is not None and one.cpu.suffices for one in judged),
        judged_memory=sum(one.memory is not None and one.memory.suffices for one in judged),
        dates=len(in_order),
        remarks=(MEMORY_CAUTION,) if any(one.memory_freed_mib > 0 for one in useful) else (),
    )


class _Clocks:
    """The clock of the host a VM runs on; where that is not known, the slowest of its cluster."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self.of_host = {host.name: host.cpu_mhz for host in hosts if host.cpu_mhz}
        self.of_cluster: dict[str | None, float] = {}
        for host in hosts:
            if host.cpu_mhz:
                known = self.of_cluster.get(host.cluster, math.inf)
                self.of_cluster[host.cluster] = min(known, host.cpu_mhz)

    def of(self, vm: VM) -> float | None:
        return self.of_host.get(vm.host or "") or self.of_cluster.get(vm.cluster)


def _judged(vm: VM, samples: Sequence[tuple[float, Demand]], clocks: _Clocks) -> Suggestion:
    cpu = evidence_of([(at_days, demand.mhz) for at_days, demand in samples])
    memory = evidence_of([(at_days, demand.mib) for at_days, demand in samples])
    clock = clocks.of(vm)
    return Suggestion(
        vm=vm.name,
        cluster=vm.cluster or "",
        vcpus=vm.vcpus,
        vcpus_wanted=_vcpus_wanted(vm, cpu, clock) if cpu is not None and clock is not None else None,
        memory_mib=vm.memory_mib,
        memory_wanted_mib=_memory_wanted(vm, memory) if memory is not None else None,
        cpu=cpu,
        memory=memory,
    )


def evidence_of(samples: Sequence[tuple[float, float | None]]) -> Evidence | None:
    """Sum up samples (day, value; None: it ran and was not measured); None where nothing was measured.

    >>> evidence_of([(day, float(day)) for day in range(1, 101)]).percentile
    97.03
    """
    values = np.array([value for _, value in samples if value is not None], dtype=np.float64)
    if not len(values):
        return None
    days = [at_days for at_days, value in samples if value is not None]
    return Evidence(
        samples=len(values),
        dates=len(samples),
        span_days=max(days) - min(days),
        median=float(np.median(values)),
        percentile=round(float(np.percentile(values, PERCENTILE)), 6),
        peak=float(values.max()),
    )


def _vcpus_wanted(vm: VM, cpu: Evidence, clock_mhz: float) -> int | None:
    if not cpu.suffices:
        return None
    wanted = max(1, math.ceil(cpu.percentile / (clock_mhz * TARGET_USE) - 1e-9))
    return wanted if wanted != vm.vcpus else None


def _memory_wanted(vm: VM, memory: Evidence) -> int | None:
    if not memory.suffices:
        return None
    wanted = max(
        MEMORY_MIN_MIB, math.ceil(memory.percentile / TARGET_USE / MEMORY_STEP_MIB) * MEMORY_STEP_MIB
    )
    change = abs(vm.memory_mib - wanted)
    worth = change >= MEMORY_WORTH_MIB and change >= MEMORY_WORTH_SHARE * vm.memory_mib
    return wanted if worth else None


def _size_of(one: Suggestion) -> float:
    """How much a suggestion changes, in GiB and vCPUs alike."""
    return abs(one.vcpus_freed) + abs(one.memory_freed_mib) / 1024
