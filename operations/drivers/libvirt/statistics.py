"""What libvirt measures of its domains now: CPU, memory, and how fast memory is dirtied.

libvirt keeps no history, so a reading sees some seconds of the day that demand is taken from: its coverage
says so, and demand stays unknown.  The rate at which memory is dirtied is sampled page by page; the other
mode, `dirty-bitmap`, crashes QEMU 7.2 without KVM and is never used.

Source: virConnectGetAllDomainStats, virDomainStartDirtyRateCalc.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from operations.drivers.libvirt import binding
from operations.drivers.libvirt.fleet import Fleet, is_lost, said
from operations.drivers.usage import WINDOW_S, VmUsage, usage_of
from planner.formats.amount import BYTES_PER_MIB

SAMPLE_S: Final = 1  # the shortest that the calculation of the dirty rate takes
SETTLED_S: Final = 0.5  # beyond it, until its result stands there
KIB_PER_MIB: Final = 1024
NS_PER_S: Final = 1e9
MEASURED: Final = 2  # VIR_DOMAIN_DIRTYRATE_MEASURED
BYTES_PER_MB: Final = 2**20  # QEMU tells MiB and calls them MB

Stats = Mapping[str, Any]


def usage_of_hosts(fleet: Fleet) -> tuple[VmUsage, ...]:
    """Measure all that runs, on all hosts at once; VMs are told by their UUID."""
    began = {name: _begun(fleet, name) for name in list(fleet.connections)}
    if not any(began.values()):
        return ()
    time.sleep(SAMPLE_S + SETTLED_S)
    return tuple(
        found
        for name, first in began.items()
        for uuid, second in _stats(fleet, name).items()
        if (found := _usage(fleet, name, uuid, first.get(uuid), second)) is not None
    )


def _begun(fleet: Fleet, name: str) -> dict[str, tuple[float, Stats]]:
    """Begin to sample, where this session may."""
    libvirt = binding.loaded()
    found = _stats(fleet, name)
    if fleet.login.acts and name in fleet.connections:
        for uuid in found:
            try:
                domain = fleet.connections[name].lookupByUUIDString(uuid)
                domain.startDirtyRateCalc(SAMPLE_S, libvirt.VIR_DOMAIN_DIRTYRATE_MODE_PAGE_SAMPLING)
            except libvirt.libvirtError:
                continue  # older, or its test driver: then its rate is unknown
    return found


def _stats(fleet: Fleet, name: str) -> dict[str, tuple[float, Stats]]:
    """Read the statistics of what runs on a host, with the moment of each."""
    libvirt = binding.loaded()
    connection = fleet.connections.get(name)
    if connection is None:
        return {}
    wanted = (
        libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
        | libvirt.VIR_DOMAIN_STATS_BALLOON
        | libvirt.VIR_DOMAIN_STATS_DIRTYRATE
    )
    try:
        rows = connection.getAllDomainStats(wanted, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE)
    except libvirt.libvirtError as error:
        if is_lost(connection):
            fleet.lost(name, said(error, fleet.login))
        return {}  # measured nothing: unknown
    return {domain.UUIDString(): (time.monotonic(), stats) for domain, stats in rows}


def _usage(
    fleet: Fleet, name: str, uuid: str, first: tuple[float, Stats] | None, second: tuple[float, Stats]
) -> VmUsage | None:
    at, stats = second
    mhz = _mhz(fleet, name)
    expected = WINDOW_S // SAMPLE_S
    cpu = None
    if first is not None and mhz:
        used_ns = _number(stats, "cpu.time") - _number(first[1], "cpu.time")
        if "cpu.time" in stats and at > first[0]:
            cpu = usage_of([used_ns / NS_PER_S / (at - first[0]) * mhz], expected)
    memory = usage_of([_memory_mib(stats)], expected)
    dirty = _dirty(stats)
    if cpu is None and memory is None and dirty is None:
        return None
    return VmUsage(
        vm=uuid, window_s=WINDOW_S, sample_s=SAMPLE_S, cpu_mhz=cpu, memory_mib=memory, dirty_mib_s=dirty
    )


def _mhz(fleet: Fleet, name: str) -> float:
    libvirt = binding.loaded()
    try:
        return float(fleet.connections[name].getInfo()[3]) if name in fleet.connections else 0.0
    except libvirt.libvirtError:
        return 0.0  # unknown, and so is what it would turn into MHz


def _memory_mib(stats: Stats) -> float | None:
    """What the guest itself uses: only its balloon driver tells that."""
    available, unused = stats.get("balloon.available"), stats.get("balloon.unused")
    if available is None or unused is None:
        return None
    return float(available - unused) / KIB_PER_MIB


def _dirty(stats: Stats) -> float | None:
    if stats.get("dirtyrate.calc_status") != MEASURED:
        return None
    rate = stats.get("dirtyrate.megabytes_per_second")
    return None if rate is None else float(rate) * BYTES_PER_MB / BYTES_PER_MIB


def _number(stats: Stats, key: str) -> float:
    return float(stats.get(key, 0))
