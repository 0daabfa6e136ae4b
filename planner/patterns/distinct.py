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
RUNS_OF_A_MILLION: Final = 2
LARGE: Final = 300_000


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

    Each host is filled from a window of the largest VMs that may fit and then closed with VMs that take
    just what is left of the scarcest resource; several windows and scores are tried, and the best counts.

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
    runs = RUNS if len(able) <= LARGE else RUNS[:RUNS_OF_A_MILLION]
    for window, by_dot in runs if len(able) else ():
        found = _run(inner, able, len(demand), window, by_dot, bound)
        if (found.refused, found.hosts_used) < (best.refused, best.hosts_used) or best.method == "nothing":
            best = found
        if best.refused == len(demand) - len(able) and best.hosts_used == bound.hosts:
            break
    return best


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
