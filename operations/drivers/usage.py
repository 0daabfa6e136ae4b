"""What a VM used over a window of time: average, 95th percentile, peak, and how much of the window was seen.

Pure: samples come from the drivers, numbers go to the estate's demand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from planner.estate import VM, Estate
from planner.formats.findings import Findings
from planner.formats.vsphere_words import MEASURED

COVERAGE_MIN: Final = 0.5  # below it a percentile of the window says little: the demand stays unknown
PERCENTILE: Final = 95.0
WINDOW_S: Final = 86_400  # a day: every hour of it once


class Usage(Struct, frozen=True, kw_only=True):
    """One measure of one thing over a window; the peak is that of the samples, averages themselves."""

    average: float
    p95: float
    peak: float
    coverage: float


class VmUsage(Struct, frozen=True, kw_only=True):
    """What a VM used; None: nobody measured.  CPU in MHz, memory in MiB, newly written memory in MiB/s."""

    vm: str
    window_s: int
    sample_s: int
    cpu_mhz: Usage | None = None
    memory_mib: Usage | None = None
    dirty_mib_s: float | None = None


def usage_of(samples: Sequence[float | None], expected: int) -> Usage | None:
    """Sum samples up; None where there is none.

    The 95th percentile is the smallest sample that at least 95 % of the samples do not exceed (nearest rank).

    Args:
        samples: in any order; None or a negative one is a gap.
        expected: how many there would be without gaps, at least 1.

    >>> usage_of([*range(1, 20), 100.0, None, -1], 40)
    Usage(average=14.5, p95=19.0, peak=100.0, coverage=0.5)
    >>> usage_of([None], 10)
    """
    seen = sorted(
        float(value) for value in samples if value is not None and value >= 0 and math.isfinite(value)
    )
    if not seen:
        return None
    rank = max(1, math.ceil(len(seen) * PERCENTILE / 100.0))
    return Usage(
        average=math.fsum(seen) / len(seen),
        p95=seen[rank - 1],
        peak=seen[-1],
        coverage=min(1.0, len(seen) / max(1, expected)),
    )


def with_demand(estate: Estate, usage: Sequence[VmUsage]) -> Estate:
    """Give VMs the 95th percentile of what they used as their demand, where enough of the window was seen."""
    of: Mapping[str, VmUsage] = {each.vm: each for each in usage}
    return replace(estate, vms=tuple(_wanting(vm, of.get(vm.name)) for vm in estate.vms))


def _wanting(vm: VM, used: VmUsage | None) -> VM:
    if used is None or not vm.is_load:
        return vm
    cpu, memory = _told(used.cpu_mhz), _told(used.memory_mib)
    return replace(
        vm,
        cpu_demand_mhz=vm.cpu_demand_mhz if cpu is None else cpu,
        memory_demand_mib=vm.memory_demand_mib if memory is None else math.ceil(memory),
    )


def _told(usage: Usage | None) -> float | None:
    return usage.p95 if usage is not None and usage.coverage >= COVERAGE_MIN else None


def tell_measured(findings: Findings, usage: Sequence[VmUsage], running: int) -> None:
    """Say how much of the demand was really measured."""
    if not usage:
        return
    told = sum(_told(each.cpu_mhz) is not None for each in usage)
    first = usage[0]
    findings.assume(
        MEASURED, hours=first.window_s // 3600, sample=first.sample_s, count=told, running=running
    )
