"""Why a copy was left over: the hosts counted by what each lacks for it, on what an attempt left."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from planner.demand import IOPS, KBIT, KHZ, MEMORY, VCPU, Capacity, Counts
from planner.greedy import Task, Try
from planner.packing import lacking
from planner.reach import Reach
from planner.refusal import Reason, ReasonCount, Refusal
from planner.rules import Bound, Unit

REASON_OF: Final = {
    VCPU: Reason.CPU,
    MEMORY: Reason.MEMORY,
    KHZ: Reason.CPU,
    IOPS: Reason.IOPS,
    KBIT: Reason.BANDWIDTH,
}


def reasons_of(
    task: Task, best: Try, capacity: Capacity, bound: Bound, reach: Reach, quick: bool = False
) -> list[Refusal]:
    """Refuse each copy without a host that no rule refused before; quick: only name it."""
    before = {refusal.vm for refusal in bound.refusals}
    over = [copy for copy in np.flatnonzero(best.where < 0).tolist() if task.load.names[copy] not in before]
    if quick or not over:
        return [Refusal(vm=task.load.names[copy], reasons=()) for copy in over]
    unit_of = {copy: unit for unit in task.units for copy in unit.copies}
    held = _held(task, best, len(capacity.names))
    known: dict[bytes, tuple[ReasonCount, ...]] = {}
    refusals = []
    for copy in over:
        need = task.load.needs[copy]
        if copy in unit_of:
            reasons = _unit_reasons(task, copy, unit_of[copy], best, capacity, held, bound, reach)
        else:
            key = need.tobytes()
            known[key] = reasons = known.get(key) or _counted([(one, "") for one in short(need, best.left)])
        refusals.append(Refusal(vm=task.load.names[copy], reasons=reasons))
    return refusals


def short(need: Counts, left: Counts) -> list[Reason | None]:
    """Name what each host lacks most; None where all suffices."""
    return [REASON_OF[column] if column >= 0 else None for column in lacking(need, left).tolist()]


def too_large(vm: str, reason: Reason) -> Refusal:
    """Refuse what the one kind of host offered does not hold even when it is empty."""
    return Refusal(vm=vm, reasons=(ReasonCount(reason=reason, hosts=1),))


def _held(task: Task, best: Try, hosts: int) -> list[set[int]]:
    """Give the groups of which each host holds a unit."""
    held: list[set[int]] = [set() for _ in range(hosts)]
    for unit in task.units:
        host = int(best.where[unit.copies[0]])
        if host >= 0:
            held[host].update(unit.apart)
    return held


def _unit_reasons(
    task: Task,
    copy: int,
    unit: Unit,
    best: Try,
    capacity: Capacity,
    held: list[set[int]],
    bound: Bound,
    reach: Reach,
) -> tuple[ReasonCount, ...]:
    """Ask in turn: is the host out of reach, forbidden by name, too full, or held by another of a group?"""
    lacks = short(task.load.needs[list(unit.copies)].sum(axis=0), best.left)
    apart = {bound.apart_names[number] for number in unit.apart}
    tied = ", ".join(name for name in unit.rules if name not in apart)
    found: list[tuple[Reason | None, str]] = []
    for row, (host, lack) in enumerate(zip(capacity.names, lacks, strict=True)):
        bar = next(filter(None, (reach.why(task.load.vms[one], host) for one in unit.copies)), None)
        others = [bound.apart_names[number] for number in unit.apart if number in held[row]]
        if bar is not None:
            found.append((bar.reason, ""))
        elif unit.hosts is not None and host not in unit.hosts:
            found.append((Reason.RULE, tied))
        elif lack is not None:
            found.append((lack, ""))
        else:
            found.append((Reason.RULE, ", ".join(others) or ", ".join(unit.rules)))
    return _counted(found)


def _counted(found: list[tuple[Reason | None, str]]) -> tuple[ReasonCount, ...]:
    """Count hosts by reason; one that lacks nothing for a copy could have taken another in its place."""
    counts = Counter((reason or Reason.RULE, detail) for reason, detail in found)
    return tuple(
        ReasonCount(reason=reason, hosts=hosts, detail=detail)
        for (reason, detail), hosts in sorted(counts.items())
    )
