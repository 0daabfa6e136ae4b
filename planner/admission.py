"""How many host failures a cluster stands: by demand, really re-placed, and by vSphere HA's policies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import numpy as np
from msgspec import Struct

from planner.demand import Capacity, Counts, Load
from planner.estate import Rule
from planner.packing import how_many
from planner.placement import Placement, pack, place
from planner.reach import Reach

# Packings we are ready to do for one number of failures: gladly, and before giving up.
CASES_FEW: Final = 16
CASES_MANY: Final = 256
QUICK_FROM: Final = 3_000  # VMs from which one greedy way must do where many questions are asked
ROWS_MAX: Final = 1000  # hosts we are ready to compare with each other
SLOT_MHZ_MIN: Final = 32.0  # das.vmcpuminmhz: what a VM without CPU reservation counts
WorstCase: TypeAlias = Literal["identical", "largest-first", "every-loss", "lowered", "untried"]


class Tolerance(Struct, frozen=True, kw_only=True):
    """What was tried for a number of lost hosts: the placements on what is left, and how the loss was chosen.

    `worst_case`: "identical" (all hosts alike, one loss stands for all), "largest-first" (the largest
    are lost), "every-loss" (no host is the largest in everything, so each loss that could be the worst
    was tried), "lowered" (too many such losses: some hosts count for less than they give, which is on
    the safe side), "untried" (too many even so).  The answer holds whichever hosts fail.
    """

    failures: int
    carried: bool
    worst_case: WorstCase
    placements: tuple[tuple[Capacity, Placement], ...] = ()


class SlotVerdict(Struct, frozen=True, kw_only=True):
    """What "host failures the cluster tolerates" by slots comes to."""

    slot_mhz: float
    slot_mib: float
    slots_per_host: tuple[int, ...]
    slots_needed: int
    failures_tolerated: int


class ShareVerdict(Struct, frozen=True, kw_only=True):
    """What "percentage of cluster resources reserved" comes to; shares of 0 to 1."""

    cpu_free: float
    memory_free: float
    reserved: float
    admits: bool


class DedicatedVerdict(Struct, frozen=True, kw_only=True):
    """What "dedicated failover hosts" comes to: what stays for VMs, and if the kept hosts replace any."""

    usable_mhz: float
    usable_mib: float
    covers: bool
    admits: bool


def slot_policy(
    host_mhz: Sequence[float],
    host_mib: Sequence[float],
    reserved_mhz: Sequence[float],
    reserved_mib: Sequence[float],
) -> SlotVerdict:
    """Count the host failures that leave a slot for every powered-on VM.

    A slot is the largest CPU reservation by the largest memory reservation (plus overhead) of any
    powered-on VM; a VM without a CPU reservation counts 32 MHz.  The hosts with the most slots are
    taken away first, so the answer holds whichever hosts fail.

    Args:
        host_mhz, host_mib: usable capacity per host; hosts in maintenance left out.
        reserved_mhz, reserved_mib: per powered-on VM; memory includes overhead.

    Raises:
        ValueError: no host.  A cluster already too full is not an error: it tolerates 0 failures.

    Source: vSphere Availability 6.7, p. 25, "Slot Policy Admission Control".

    >>> ghz, gib = 1000.0, 1024.0
    >>> slot_policy([9 * ghz, 9 * ghz, 6 * ghz], [9 * gib, 6 * gib, 6 * gib],
    ...             [2 * ghz, 2 * ghz, ghz, ghz, ghz], [gib, gib, 2 * gib, gib, gib])
    SlotVerdict(slot_mhz=2000.0, slot_mib=2048.0, slots_per_host=(4, 3, 3), slots_needed=5,
                failures_tolerated=1)
    """
    if not host_mhz:
        raise ValueError("no host")
    slot_mhz = max((mhz or SLOT_MHZ_MIN for mhz in reserved_mhz), default=SLOT_MHZ_MIN)
    slot_mib = max([1.0, *reserved_mib])
    slots = tuple(
        min(math.floor(mhz / slot_mhz), math.floor(mib / slot_mib))
        for mhz, mib in zip(host_mhz, host_mib, strict=True)
    )
    needed = len(reserved_mhz)
    left = sorted(slots)
    failures = 0
    while len(left) > 1 and sum(left[:-1]) >= needed:
        left.pop()
        failures += 1
    return SlotVerdict(
        slot_mhz=slot_mhz,
        slot_mib=slot_mib,
        slots_per_host=slots,
        slots_needed=needed,
        failures_tolerated=failures,
    )


def percentage_policy(
    host_mhz: Sequence[float],
    host_mib: Sequence[float],
    reserved_mhz: Sequence[float],
    reserved_mib: Sequence[float],
    reserved: float,
) -> ShareVerdict:
    """Say which share of CPU and memory no reservation takes, and whether it is at least the share kept.

    Args:
        host_mhz, host_mib, reserved_mhz, reserved_mib: as in `slot_policy`.
        reserved: the share kept for failures, 0 to 1.

    Raises:
        ValueError: the hosts give nothing.

    Source: vSphere Availability 6.7, p. 23: 7 GHz and 6 GB of 24 GHz and 21 GB taken leave 70 % and 71 %.

    >>> verdict = percentage_policy([9, 9, 6], [9, 6, 6], [2, 2, 1, 1, 1], [1, 1, 2, 1, 1], 0.25)
    >>> round(verdict.cpu_free, 3), round(verdict.memory_free, 3), verdict.admits
    (0.708, 0.714, True)
    """
    mhz, mib = sum(host_mhz), sum(host_mib)
    if not mhz or not mib:
        raise ValueError("the hosts give nothing")
    cpu_free = (mhz - sum(reserved_mhz)) / mhz
    memory_free = (mib - sum(reserved_mib)) / mib
    return ShareVerdict(
        cpu_free=cpu_free,
        memory_free=memory_free,
        reserved=reserved,
        admits=min(cpu_free, memory_free) >= reserved,
    )


def dedicated_policy(
    host_mhz: Sequence[float],
    host_mib: Sequence[float],
    reserved_mhz: Sequence[float],
    reserved_mib: Sequence[float],
    kept: int,
) -> DedicatedVerdict:
    """Say what is left for VMs when the largest hosts run none and wait for failures.

    They cover the loss of as many others when each is at least as large, in CPU and in memory, as the
    largest of those that work.

    Source: vSphere Availability 6.7, p. 27, "Dedicated Failover Hosts Admission Control".

    >>> dedicated_policy([9, 9, 6], [9, 6, 6], [2, 2, 1, 1, 1], [1, 1, 2, 1, 1], 1)
    DedicatedVerdict(usable_mhz=15, usable_mib=12, covers=True, admits=True)
    """
    hosts = sorted(zip(host_mhz, host_mib, strict=True), reverse=True)
    waiting, working = hosts[:kept], hosts[kept:]
    usable_mhz = sum(mhz for mhz, _ in working)
    usable_mib = sum(mib for _, mib in working)
    covers = all(mhz >= other[0] and mib >= other[1] for mhz, mib in waiting for other in working)
    admits = bool(working) and sum(reserved_mhz) <= usable_mhz and sum(reserved_mib) <= usable_mib
    return DedicatedVerdict(usable_mhz=usable_mhz, usable_mib=usable_mib, covers=covers, admits=admits)


def tolerates(
    load: Load,
    capacity: Capacity,
    rules: Sequence[Rule],
    failures: int,
    packing: Placement | None = None,
    *,
    quick: bool = False,
    reach: Reach | None = None,
) -> Tolerance:
    """Say whether everything can still be placed after the loss of any `failures` hosts.

    All VMs may be placed anew, running ones too (vMotion makes room), and all must-rules hold after
    the loss as before it.  Losing nobody asks whether the load fits at all.

    Args:
        load, capacity, rules: as for `place`.
        failures: hosts lost at once.
        packing: of the same load on hosts like these, where it is there already and all are alike.
        quick: whether hosts that differ are tried in one greedy way alone.
        reach: hosts that lack a datastore, a network or the CPU of a VM.
    """
    hosts = len(capacity.names)
    if failures >= hosts:
        carried = not len(load.names) and failures == hosts
        return Tolerance(failures=failures, carried=carried, worst_case="identical")
    if identical(load, capacity, rules, reach):
        return _tolerates_identical(load, capacity, rules, failures, packing)
    worst_case, cases = _losses(load, capacity, ties_of(load, rules, reach), failures)
    placements = []
    for left in cases:
        placement = place(load, left, rules, quick=quick, reach=reach)
        placements.append((left, placement))
        if not placement.complete:
            break
    carried = bool(cases) and placements[-1][1].complete
    return Tolerance(failures=failures, carried=carried, worst_case=worst_case, placements=tuple(placements))


def failures_tolerated(
    load: Load,
    capacity: Capacity,
    rules: Sequence[Rule],
    asked: Tolerance,
    packing: Placement | None = None,
) -> int | None:
    """Give the largest number of hosts of which any may be lost; None when not even losing none works.

    Of hosts all alike it is those that the packing does not need.  Otherwise numbers are tried from
    the largest that the sums allow downward, in growing steps, and then by halving; losing fewer hosts
    is never worse, and the number given was itself tried.

    Args:
        load, capacity, rules, packing: as for `tolerates`.
        asked: what is known already of the failures asked for.
    """
    if identical(load, capacity, rules):
        packing = packing or pack(load, capacity.gives[0].tolist(), rules)
        spare = len(capacity.names) - packing.hosts_used
        return spare if packing.complete and spare >= 0 else None
    quick = len(load.names) > QUICK_FROM
    good, bad = -1, _failures_at_most(load, capacity) + 1
    if asked.carried:
        good = asked.failures
    elif not quick:
        bad = min(bad, asked.failures)
    stride, found = 1, False
    while bad - good > 1:
        tried = (good + bad) // 2 if found else max(good + 1, bad - stride)
        if tolerates(load, capacity, rules, tried, quick=quick).carried:
            good, found = tried, True
        else:
            bad, stride = tried, stride * 2
    return good if good >= 0 else None


def _failures_at_most(load: Load, capacity: Capacity) -> int:
    """Bound the failures by the sums alone; -1 where even all hosts give less than is needed.

    Of each resource, the loss may be of the hosts that give most of it.
    """
    most = len(capacity.names)
    for column in range(load.needs.shape[1]):
        total, hosts = load.total(column), 0
        for give in sorted(capacity.gives[:, column].tolist()):
            if total <= 0:
                break
            total, hosts = total - give, hosts + 1
        most = min(most, len(capacity.names) - hosts if total <= 0 else -1)
    return most


def _tolerates_identical(
    load: Load, capacity: Capacity, rules: Sequence[Rule], failures: int, packing: Placement | None
) -> Tolerance:
    left = len(capacity.names) - failures
    packing = packing or pack(load, capacity.gives[0].tolist(), rules, enough=left)
    carried = packing.complete and packing.hosts_used <= left
    unused = tuple(f"new-{row + 1}" for row in range(len(packing.hosts), left))
    names = packing.hosts + unused
    offered = Capacity(names=names, gives=np.tile(capacity.gives[0], (len(names), 1)))
    return Tolerance(
        failures=failures, carried=carried, worst_case="identical", placements=((offered, packing),)
    )


def identical(load: Load, capacity: Capacity, rules: Sequence[Rule], reach: Reach | None = None) -> bool:
    """Say whether no VM could tell the hosts apart: equal where it matters, and none barred or named."""
    gives = capacity.gives[:, _columns(load)]
    alike = bool(len(gives)) and bool((gives == gives[0]).all())
    return alike and not ties_of(load, rules, reach)


def ties_of(load: Load, rules: Sequence[Rule], reach: Reach | None) -> list[frozenset[str]]:
    """Give the sets of hosts that running VMs can tell apart: named in a must-rule, or out of reach."""
    running = set(load.vms)
    barred = {bar.hosts for vm, bars in (reach or Reach()).bars.items() if vm in running for bar in bars}
    named = {frozenset(rule.hosts) for rule in _naming(load, rules)}
    return sorted(barred | named, key=sorted)


def room_beside(tolerance: Tolerance, load: Load, need: Sequence[int]) -> int:
    """Count the copies of one need that fit beside what was placed, after each loss that was tried."""
    wanted = np.array(need, dtype=np.int64)
    rooms = []
    for offered, placement in tolerance.placements:
        rows = {name: row for row, name in enumerate(offered.names)}
        used = np.zeros_like(offered.gives)
        hosts = [rows[placement.placed[name]] for name in load.names]
        np.add.at(used, hosts, load.needs)
        rooms.append(int(how_many(offered.gives - used, wanted).sum()))
    return min(rooms, default=0)


def _columns(load: Load) -> list[int]:
    """Name the columns that any copy needs; the others cannot make a difference."""
    return np.flatnonzero(load.needs.any(axis=0)).tolist()


def _naming(load: Load, rules: Sequence[Rule]) -> list[Rule]:
    """Give the rules that tie running VMs to hosts."""
    running = set(load.vms)
    kinds = ("must-run-on", "must-not-run-on")
    return [rule for rule in rules if rule.kind in kinds and not running.isdisjoint(rule.vms)]


def _losses(
    load: Load, capacity: Capacity, ties: Sequence[frozenset[str]], failures: int
) -> tuple[WorstCase, list[Capacity]]:
    """Give what may be left after the loss of `failures` hosts, so that nothing worse can happen.

    To lose a host is never better than to lose, in its place, one that gives less of everything.  So
    only losses count that take the larger before the smaller; hosts are compared only with those the
    same rules name.  Where no order is clear there are several such losses, and each is a case.
    Where there are too many of them, hosts are lowered until the order is clear; where rules tie VMs
    to so many different hosts that this does not help, nothing is tried, which counts as not carried.
    """
    columns = _columns(load)
    tied = [tuple(name in hosts for hosts in ties) for name in capacity.names]
    gives = capacity.gives[:, columns]
    cases = _largest_losses(gives, tied, failures, CASES_FEW)
    if cases is not None:
        worst_case: WorstCase = "largest-first" if len(cases) == 1 else "every-loss"
        return worst_case, [_without(capacity, lost) for lost in cases]
    row, kinds = _in_a_row(capacity, tied, columns)
    lowered = _largest_losses(row.gives[:, columns], kinds, failures, CASES_FEW)
    if lowered is not None:
        return "lowered", [_without(row, lost) for lost in lowered]
    cases = _largest_losses(gives, tied, failures, CASES_MANY)
    if cases is not None:
        return "every-loss", [_without(capacity, lost) for lost in cases]
    return "untried", []


def _largest_losses(
    gives: Counts, tied: Sequence[tuple[bool, ...]], failures: int, most: int
) -> list[frozenset[int]] | None:
    """Give every way to lose so many hosts, each taken only when all larger ones are; None: above `most`."""
    rows = len(gives)
    if rows > ROWS_MAX:
        return None
    larger = (gives[:, None, :] >= gives[None, :, :]).all(axis=2)
    equal = larger & larger.T
    earlier = np.arange(rows)[:, None] > np.arange(rows)[None, :]  # of equal hosts the last goes first
    alike = np.array([[mine == other for other in tied] for mine in tied], dtype=bool)
    before = alike & larger & (~equal | earlier)
    np.fill_diagonal(before, False)
    cases = {frozenset[int](): before.sum(axis=0)}
    for _ in range(failures):
        further: dict[frozenset[int], Counts] = {}
        for lost, waiting in cases.items():
            for row in np.flatnonzero(waiting == 0).tolist():
                if row not in lost:
                    further[lost | {row}] = waiting - before[row]
        if len(further) > most:
            return None
        cases = further
    return sorted(cases, key=sorted)


def _in_a_row(
    capacity: Capacity, tied: Sequence[tuple[bool, ...]], columns: Sequence[int]
) -> tuple[Capacity, list[tuple[bool, ...]]]:
    """Lower the hosts named by the same rules until each has at least what those before it have."""
    gives = capacity.gives[:, columns]
    share = (gives / np.maximum(gives.max(axis=0), 1)).sum(axis=1).tolist()
    order = sorted(range(len(capacity.names)), key=lambda row: (tied[row], share[row], row))
    kinds = [tied[row] for row in order]
    lower: Counts = capacity.gives[order].copy()
    for row in range(len(order) - 2, -1, -1):
        if kinds[row] == kinds[row + 1]:
            lower[row] = np.minimum(lower[row], lower[row + 1])
    return Capacity(names=tuple(capacity.names[row] for row in order), gives=lower), kinds


def _without(capacity: Capacity, lost: frozenset[int]) -> Capacity:
    kept = [row for row in range(len(capacity.names)) if row not in lost]
    return Capacity(names=tuple(capacity.names[row] for row in kept), gives=capacity.gives[kept])
