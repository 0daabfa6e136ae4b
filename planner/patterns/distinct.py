"""Fleets in which hardly two VMs are alike: millions of them, seconds, and still a bound beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from planner.kernels.arrays import F64, I64
from planner.patterns.generation import CONTINUOUS, Bound, continuous_bound
from planner.patterns.shapes import Shapes, type_order

# Window and score of each run, quickest first; the runs stop where the bound is met.
RUNS: Final = ((16, False), (16, True), (64, False), (64, True), (256, False), (256, True), (1024, False))
RUNS_OF_MANY: Final = 2
MANY: Final = 50_000
# Hosts looked at for each VM when all are open, by the number of VMs up to which it stays a second or two.
LOOKS: Final = ((2_000, 2**30), (300_000, 256), (2**62, 64))
SPREADS: Final = 9  # numbers of hosts tried


@dataclass(frozen=True, slots=True)
class Spread:
    """`where[vm]` is a host (-1: none), `kinds[host]` its type; no placement uses fewer than the bound."""

    where: I64
    kinds: I64
    bound: Bound
    method: str

    @property
    def hosts_used(self) -> int:
        """Hosts that hold at least one VM."""
        return len(self.kinds)

    @property
    def refused(self) -> int:
        """VMs without a host."""
        return int((self.where < 0).sum())


def pack_distinct(demand: I64, capacity: I64, hosts: I64, known: Bound | None = None) -> Spread:
    """Pack VMs of all sizes on few hosts, whatever their number.

    First the VMs are spread, large ones first, over as many hosts as the bound says, then over a few more
    until all of them find room.  The rival fills one host after the other from a window of the largest
    VMs that may fit and closes it with what takes just the rest of the scarcest resource: better where a
    host holds few VMs.  The best counts.

    Args:
        demand: demand[vm, resource], whole numbers.
        capacity, hosts: capacity[type, resource] and how many hosts of each type there are.
        known: a bound from elsewhere; the sum of the demands is tried in any case.
    """
    shapes = Shapes(demand, np.ones(len(demand), np.int64), capacity, hosts)
    able = shapes.fitting()
    inner = Shapes(demand[able], shapes.counts[able], capacity, hosts)
    bound = continuous_bound(inner) if len(able) else Bound(0, CONTINUOUS)
    if known is not None:
        bound = bound.stronger(known)
    best = Spread(np.full(len(demand), -1, np.int64), np.zeros(0, np.int64), bound, "nothing")
    if len(able) and bound.hosts is not None:
        best = _better(best, _spread(inner, able, len(demand), bound))
        if best.refused == len(demand) - len(able) and best.hosts_used == bound.hosts:
            return best
    runs = RUNS if len(able) <= MANY else RUNS[:RUNS_OF_MANY]
    for window, by_dot in runs if len(able) else ():
        best = _better(best, _run(inner, able, len(demand), window, by_dot, bound))
        if best.refused == len(demand) - len(able) and best.hosts_used == bound.hosts:
            break
    return best


def _better(best: Spread, found: Spread | None) -> Spread:
    """The one that refuses fewer, then uses fewer hosts; the first of equals."""
    if found is None:
        return best
    better = (found.refused, found.hosts_used) < (best.refused, best.hosts_used)
    return found if better or best.method == "nothing" else best


def _spread(shapes: Shapes, able: I64, vms: int, bound: Bound) -> Spread | None:
    """Spread over ever more hosts until all VMs find room, then over fewer while they still do."""
    most = min(int(shapes.hosts.sum()), len(able))
    fewest, reach = (bound.hosts or 1) - 1, None
    hosts, best = min(max(bound.hosts or 1, 1), most), None
    for _ in range(SPREADS):
        found = _spread_over(shapes, hosts)
        if (found[0] >= 0).all():
            best, reach = found, hosts
        else:
            fewest = hosts
        if reach is None and hosts == most:
            break
        step = max(1, 2 * (fewest - (bound.hosts or 1) + 1), (bound.hosts or 1) // 500)
        hosts = min(fewest + step, most) if reach is None else (fewest + reach) // 2
        if reach is not None and reach - fewest <= 1:
            break
    if best is None:
        return None
    used, rows = np.unique(best[0], return_inverse=True)
    where = np.full(vms, -1, np.int64)
    where[able] = rows
    return Spread(where, best[1][used], bound, "spread over a fixed number of hosts")


def _spread_over(shapes: Shapes, hosts: int) -> tuple[I64, I64]:
    """Give the host of each VM, -1 where it finds none, and the type of each of so many hosts."""
    from planner.kernels import sampling, spreading

    order = type_order(shapes)
    kinds = np.repeat(order, np.minimum(shapes.hosts[order], hosts))[:hosts]
    widest = np.maximum(shapes.capacity.max(axis=0), 1).astype(np.float64)
    share = shapes.demand / widest
    ranked = np.argsort(-share.max(axis=1), kind="stable")
    room = np.ascontiguousarray(shapes.capacity[kinds] / widest * (1.0 - sampling.ROUNDING))
    looks = next(looks for most, looks in LOOKS if len(ranked) <= most)
    found = spreading.spread_over(share[ranked], room, looks, 1)
    left = np.flatnonzero(found < 0)
    if 0 < len(left) <= len(ranked) // 100:  # those few may look at every host
        found[left] = spreading.spread_over(share[ranked[left]], room, 2**30, 1)
    where = np.empty(len(ranked), np.int64)
    where[ranked] = found
    return where, kinds


def _run(shapes: Shapes, able: I64, vms: int, window: int, by_dot: bool, bound: Bound) -> Spread:
    """Sort by weighted size and fill."""
    from planner.kernels import sampling

    order = type_order(shapes)
    widest = np.maximum(shapes.capacity.max(axis=0), 1).astype(np.float64)
    share = shapes.demand / widest
    total = share.sum(axis=0)
    weight: F64 = np.maximum(total / max(float(total.max()), 1e-300), 1e-9)
    ranked = np.argsort(-(share @ weight), kind="stable")
    where, kinds = sampling.fill_from_windows(
        share[ranked],
        weight,
        weight,
        int(np.argmax(total)),
        shapes.capacity[order] / widest,
        shapes.hosts[order],
        window,
        by_dot,
    )
    result = np.full(vms, -1, np.int64)
    result[able[ranked]] = where
    return Spread(
        result, order[kinds], bound, f"window of {window}, {'dot product' if by_dot else 'distance'}"
    )
