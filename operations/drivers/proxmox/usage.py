"""Proxmox's RRD statistics -> what each guest used over a day: averages of half an hour, and the peaks.

A row without a value is a gap: the guest was off, or the node away.

Source: pve.proxmox.com/pve-docs/api-viewer, /nodes/NODE/qemu/VMID/rrddata; `cpu` is a share of `maxcpu`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from operations.drivers.proxmox.client import Client, Refused
from operations.drivers.usage import WINDOW_S, Usage, VmUsage, usage_of
from planner.formats.amount import BYTES_PER_MIB

Row: TypeAlias = Mapping[str, Any]
USUAL_SAMPLE_S: Final = 1_800


def usage_of_guests(client: Client, guests: Sequence[Row]) -> tuple[VmUsage, ...]:
    """Read a day of every running guest; its CPU only where its node's clock is known."""
    return tuple(
        found
        for row in guests
        if row.get("status") == "running" and (found := _of_guest(client, row)) is not None
    )


def _of_guest(client: Client, row: Row) -> VmUsage | None:
    kind, number = str(row.get("type", "qemu")), int(row["vmid"])
    path = ("nodes", str(row["node"]), kind, number, "rrddata")
    try:
        average = client.get(*path, timeframe="day", cf="AVERAGE")
        peak = client.get(*path, timeframe="day", cf="MAX")
    except Refused:
        return None
    return usage_of_rows(f"{kind}/{number}", _rows(average), _rows(peak), _mhz(row))


def usage_of_rows(name: str, average: Sequence[Row], peak: Sequence[Row], mhz: float) -> VmUsage:
    """Sum two RRDs up: the one of averages, and the one of maxima for the peaks.

    >>> day = [{"time": 1800 * n, "cpu": 0.5, "maxcpu": 4, "mem": 2**30} for n in range(48)]
    >>> used = usage_of_rows("qemu/100", day, [{"time": 0, "cpu": 0.9, "maxcpu": 4, "mem": 2**31}], 2000.0)
    >>> used.cpu_mhz.p95, used.cpu_mhz.peak, used.memory_mib.peak, used.cpu_mhz.coverage
    (4000.0, 7200.0, 2048.0, 1.0)
    """
    sample_s = _sample_s(average)
    expected = WINDOW_S // sample_s
    cpu = usage_of([_cpu(row, mhz) for row in average[-expected:]], expected) if mhz else None
    memory = usage_of([_memory(row) for row in average[-expected:]], expected)
    return VmUsage(
        vm=name,
        window_s=WINDOW_S,
        sample_s=sample_s,
        cpu_mhz=_with_peak(cpu, [_cpu(row, mhz) for row in peak[-expected:]]),
        memory_mib=_with_peak(memory, [_memory(row) for row in peak[-expected:]]),
    )


def _with_peak(usage: Usage | None, peaks: Sequence[float | None]) -> Usage | None:
    highest = max((value for value in peaks if value is not None), default=None)
    if usage is None or highest is None:
        return usage
    return replace(usage, peak=max(usage.peak, highest))


def _sample_s(rows: Sequence[Row]) -> int:
    """Find the distance of two rows: it depends on the release."""
    times = [int(row["time"]) for row in rows if _number(row, "time") is not None]
    steps = sorted(late - early for early, late in pairwise(times) if late > early)
    return min(max(1, steps[len(steps) // 2]), WINDOW_S) if steps else USUAL_SAMPLE_S


def _cpu(row: Row, mhz: float) -> float | None:
    share, cpus = _number(row, "cpu"), _number(row, "maxcpu")
    return None if share is None or cpus is None else share * cpus * mhz


def _memory(row: Row) -> float | None:
    used = _number(row, "mem")
    return None if used is None else used / BYTES_PER_MIB


def _number(row: Row, key: str) -> float | None:
    value = row.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _mhz(row: Row) -> float:
    value = row.get("node_mhz")
    return float(value) if isinstance(value, (int, float)) else 0.0


def _rows(found: object) -> list[Row]:
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
