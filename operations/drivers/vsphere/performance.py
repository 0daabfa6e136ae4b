"""vSphere's performance counters -> what each VM used: a day of samples of 5 minutes.

`cpu.usagemhz.average` and `mem.usage.average` are kept by every vCenter (statistics level 1); a peak of finer
samples is not (level 4), so the peak here is that of the 5-minute averages.  A vCenter answers at most 64
series a question (`config.vpxd.stats.maxQueryMetrics`), so 32 VMs go into one.

Source: vSphere Web Services SDK, PerformanceManager; Broadcom KB 315397 (maxQueryMetrics).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from pyVmomi import vim

from operations.drivers.usage import WINDOW_S, Usage, VmUsage, usage_of
from operations.drivers.vsphere.collector import Found

SAMPLE_S: Final = 300  # a vCenter's finest kept samples: 5 minutes, for a day
REALTIME_S: Final = 20  # what an ESXi host alone keeps, for an hour
REALTIME_WINDOW_S: Final = 3_600
VMS_A_QUESTION: Final = 32
CPU: Final = ("cpu", "usagemhz", "average")
MEMORY: Final = ("mem", "usage", "average")
HUNDREDTHS: Final = 10_000.0  # of a percent in one
ON: Final = "poweredOn"


def usage_of_vms(instance: Any, rows: Sequence[Found], names: Mapping[str, str]) -> Iterator[VmUsage]:
    """Read what every running VM used; one that a server keeps no samples of is left out.

    Args:
        instance: an open session.
        rows: VMs with their power state and memory.
        names: what each id is called in the estate.
    """
    content = instance.RetrieveContent()
    counters = counter_ids(content.perfManager)
    if not counters:
        return
    alone = content.about.apiType == "HostAgent"
    sample_s, window_s = (REALTIME_S, REALTIME_WINDOW_S) if alone else (SAMPLE_S, WINDOW_S)
    until = instance.CurrentTime()
    running = {row.id: row for row in rows if str(row.properties.get("runtime.powerState")) == ON}
    ids = sorted(running)
    for at in range(0, len(ids), VMS_A_QUESTION):
        specs = [
            vim.PerformanceManager.QuerySpec(
                entity=vim.VirtualMachine(each, instance._stub),
                metricId=[
                    vim.PerformanceManager.MetricId(counterId=one, instance="") for one in counters.values()
                ],
                intervalId=sample_s,
                startTime=until - timedelta(seconds=window_s),
                endTime=until,
                maxSample=window_s // sample_s,
                format="csv",
            )
            for each in ids[at : at + VMS_A_QUESTION]
        ]
        for answer in content.perfManager.QueryPerf(specs):
            row = running[answer.entity._moId]
            yield _vm_usage(answer, names[row.id], row, counters, sample_s, window_s)


def counter_ids(manager: Any) -> dict[tuple[str, str, str], int]:
    """Find the ids of our two counters; each server numbers its own."""
    found = {
        (str(each.groupInfo.key), str(each.nameInfo.key), str(each.rollupType)): int(each.key)
        for each in manager.perfCounter
    }
    return {name: found[name] for name in (CPU, MEMORY) if name in found}


def _vm_usage(
    answer: Any,
    name: str,
    row: Found,
    counters: Mapping[tuple[str, str, str], int],
    sample_s: int,
    window_s: int,
) -> VmUsage:
    expected = window_s // sample_s
    of = {
        int(series.id.counterId): samples(series) for series in answer.value or () if not series.id.instance
    }
    memory_mib = float(row.properties.get("config.hardware.memoryMB") or 0)
    share = usage_of(of.get(counters.get(MEMORY, -1), ()), expected)
    return VmUsage(
        vm=name,
        window_s=window_s,
        sample_s=sample_s,
        cpu_mhz=usage_of(of.get(counters.get(CPU, -1), ()), expected),
        memory_mib=None if share is None or not memory_mib else _scaled(share, memory_mib / HUNDREDTHS),
    )


def samples(series: Any) -> list[float | None]:
    """Read one series: text with commas as we ask for it, or numbers from a server that writes them.

    >>> samples(type("Csv", (), {"value": "10,,-1,30"}))
    [10.0, None, -1.0, 30.0]
    """
    if isinstance(series.value, str):
        return [float(text) if text.strip() else None for text in series.value.split(",")]
    return [float(value) for value in series.value or ()]


def _scaled(usage: Usage, by: float) -> Usage:
    return Usage(
        average=usage.average * by, p95=usage.p95 * by, peak=usage.peak * by, coverage=usage.coverage
    )
