"""Why no host takes a VM after a loss: the open hosts counted by what they lack."""

from __future__ import annotations

from collections import Counter

import numpy as np

from planner.kernels.arrays import I32, I64, Flags
from planner.packing import lacking
from planner.reasons import REASON_OF
from planner.refusal import Reason, ReasonCount
from planner.resilience.ground import Ground


def why_not(ground: Ground, row: int, room: I64, present: I32, left: Flags) -> tuple[ReasonCount, ...]:
    """Count the hosts by the first thing that keeps a row off: reach or rule, then room, then who is there.

    Args:
        ground: the cluster.
        row: the VM, or the VMs that stay together.
        room, present: as they are when the VM is refused.
        left: hosts that count, those lost left out.
    """
    standing = ground.standing
    permitted = standing.permitted[standing.permit[row]]
    counts: Counter[tuple[Reason, str]] = Counter()
    for host in np.flatnonzero(left & ~permitted).tolist():
        counts[_bar(ground, row, ground.hosts[host].name)] += 1
    open_hosts = np.flatnonzero(left & permitted)
    short = lacking(standing.need[row], room[open_hosts])
    for column, hosts in zip(*np.unique(short, return_counts=True), strict=True):
        reason = (REASON_OF[int(column)], "") if column >= 0 else (Reason.RULE, _beside(ground, row))
        counts[reason] += int(hosts)
    return tuple(
        ReasonCount(reason=reason, hosts=hosts, detail=detail)
        for (reason, detail), hosts in sorted(counts.items())
    )


def _bar(ground: Ground, row: int, host: str) -> tuple[Reason, str]:
    """Name what keeps a row off a host whoever is there: a datastore, a network, a CPU, a rule."""
    for name in ground.names(row):
        if name in ground.barred:
            reasons = ground.barred[name].reasons
            return (reasons[0].reason, reasons[0].detail) if reasons else (Reason.RULE, "")
        bar = ground.tables.reach.why(name, host)
        if bar is not None:
            return bar.reason, bar.detail
    return Reason.RULE, ", ".join(ground.tables.units[row].rules)


def _beside(ground: Ground, row: int) -> str:
    return ", ".join(ground.tables.units[row].rules)
