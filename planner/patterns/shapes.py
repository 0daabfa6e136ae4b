"""VMs as shapes, hosts as types, and a packing as patterns: the pure form of the placement question.

A shape is a demand that many VMs share; a host type is a capacity that many hosts share; a pattern is
the content of one host.  Rules are no concern of this module: see `planner.placement`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from planner.kernels.arrays import F64, I64

NO_LIMIT: Final = 2**40  # "as many hosts as it takes"


@dataclass(frozen=True, slots=True)
class Shapes:
    """What is to be packed and into what.

    `demand[shape, resource]` and `capacity[type, resource]` are integers of one unit a resource;
    `counts[shape]` VMs, `hosts[type]` hosts there are.
    """

    demand: I64
    counts: I64
    capacity: I64
    hosts: I64

    def __post_init__(self) -> None:
        if self.demand.ndim != 2 or self.capacity.ndim != 2 or self.demand.shape[1] != self.capacity.shape[1]:
            raise ValueError("demand and capacity must have the same resources")
        for name in ("demand", "counts", "capacity", "hosts"):
            # One layout and one type, so that each kernel is compiled once.
            plain = np.ascontiguousarray(getattr(self, name), np.int64)
            object.__setattr__(self, name, plain)
        if (self.demand < 0).any() or (self.capacity < 0).any() or (self.counts < 0).any():
            raise ValueError("a demand, a capacity or a count is negative")

    @property
    def vms(self) -> int:
        """VMs in all."""
        return int(self.counts.sum())

    def fitting(self) -> I64:
        """Shapes that fit at least one type of host when it is empty."""
        fits = (self.demand[:, None, :] <= self.capacity[None, :, :]).all(axis=2)
        return np.flatnonzero((fits & (self.hosts > 0)[None, :]).any(axis=1))

    def scaled(self) -> Shapes:
        """The same question in the coarsest units that change nothing.

        A resource of which every host has enough for all VMs together binds nothing and is left out.
        Every demand of a resource is a multiple of their common divisor, so what is left of a capacity
        beyond a multiple of it can never be used.
        """
        total = self.demand.T @ self.counts
        binding = np.flatnonzero(total > self.capacity.min(axis=0))
        if not len(binding):
            binding = np.array([int(np.argmax(total / np.maximum(self.capacity.min(axis=0), 1)))])
        demand, capacity = self.demand[:, binding], self.capacity[:, binding]
        divisor = np.maximum(np.gcd.reduce(demand[self.counts > 0], axis=0, initial=0), 1)
        capacity = np.minimum(capacity // divisor, total[binding] // divisor + 1)
        # A shape of no VM may be no multiple; round it up, it is never placed.
        return Shapes(-(-demand // divisor), self.counts, capacity, self.hosts)

    def with_counts(self, counts: I64) -> Shapes:
        """The same shapes and hosts with other counts."""
        return Shapes(self.demand, counts, self.capacity, self.hosts)


@dataclass(frozen=True, slots=True)
class Packing:
    """`times[row]` hosts of type `kinds[row]` hold `patterns[row, shape]` VMs; `left[shape]` have no host."""

    patterns: I64
    kinds: I64
    times: I64
    left: I64
    method: str = field(default="", compare=False)

    @property
    def hosts_used(self) -> int:
        """Hosts that hold at least one VM."""
        return int(self.times.sum())

    @property
    def refused(self) -> int:
        """VMs without a host."""
        return int(self.left.sum())

    @property
    def rank(self) -> tuple[int, int]:
        """What makes one packing better than another: fewer VMs refused, then fewer hosts used."""
        return self.refused, self.hosts_used


def joined(first: Packing, second: Packing) -> Packing:
    """Two packings of different hosts as one; what is left is what the second left."""
    return Packing(
        np.concatenate((first.patterns, second.patterns)),
        np.concatenate((first.kinds, second.kinds)),
        np.concatenate((first.times, second.times)),
        second.left,
        first.method if len(first.times) else second.method,
    )


def shape_norms(shapes: Shapes) -> tuple[F64, F64]:
    """The share of the largest host that each shape takes, and the weight of each resource.

    Returns:
        share[shape, resource] of the largest capacity of that resource, and weight[resource]: total
        demand in hosts, so that a resource in short supply weighs more.
    """
    widest = np.maximum(shapes.capacity.max(axis=0), 1).astype(np.float64)
    share = shapes.demand / widest
    weight = shapes.counts @ share
    return share, weight / max(float(weight.max(initial=0.0)), 1e-300)


def shape_sizes(shapes: Shapes, hosts: int) -> F64:
    """What a VM of each shape is worth, as long as no program says better: its shares of a host, so
    scaled that all VMs are worth `hosts`."""
    share, _ = shape_norms(shapes)
    size = share.sum(axis=1)
    return np.asarray(size / max(float(size @ shapes.counts), 1e-300) * hosts)


def type_order(shapes: Shapes) -> I64:
    """Host types, largest first: the sum of their capacities in units of the resources' need."""
    need = np.maximum(shapes.demand.T @ shapes.counts, 1)
    return np.argsort(-(shapes.capacity / need).min(axis=1) * 1.0, kind="stable")


def by_heuristics(shapes: Shapes) -> list[Packing]:
    """Pack by eight rules of thumb, best first; milliseconds, whatever the number of VMs.

    No single rule wins: the best for one fleet is the worst for the next.
    """
    from planner.kernels import filling

    share, weight = shape_norms(shapes)
    ones = np.ones_like(weight)
    order = type_order(shapes)
    runs = [
        ("ffd largest share", share.max(axis=1), ones, filling.BY_ORDER),
        ("ffd sum of shares", share.sum(axis=1), ones, filling.BY_ORDER),
        ("ffd weighted sum", share @ weight, ones, filling.BY_ORDER),
        ("dot product", None, weight, filling.BY_DOT),
        ("normalised dot product", None, ones, filling.BY_COSINE),
        ("weighted normalised dot product", None, weight, filling.BY_COSINE),
        ("least distance", None, ones, filling.BY_DISTANCE),
        ("weighted least distance", None, weight, filling.BY_DISTANCE),
    ]
    packings = []
    for name, size, weights, rule in runs:
        ranked = np.zeros(0, np.int64) if size is None else np.argsort(-size, kind="stable")
        patterns, kinds, times, left = filling.fill_hosts(
            shapes.demand, shapes.counts, shapes.capacity[order], shapes.hosts[order], ranked, weights, rule
        )
        packings.append(Packing(patterns, order[kinds], times, left, name))
    return sorted(packings, key=lambda packing: packing.rank)


def trimmed(shapes: Shapes, packing: Packing) -> Packing:
    """Take out what a packing holds beyond the counts, and the hosts that this empties."""
    held = packing.times @ packing.patterns
    surplus = np.maximum(held - shapes.counts, 0)
    patterns, kinds, times = [], [], []
    for row in range(len(packing.times) - 1, -1, -1):
        pattern, hosts = packing.patterns[row], int(packing.times[row])
        while hosts > 0:
            take = np.minimum(pattern, surplus)
            active = take > 0
            replays = min(hosts, int((surplus[active] // take[active]).min())) if active.any() else hosts
            surplus = surplus - replays * take
            if (pattern > take).any():
                patterns.append(pattern - take)
                kinds.append(int(packing.kinds[row]))
                times.append(replays)
            hosts -= replays
    left = np.maximum(shapes.counts - held, 0)
    if not patterns:
        return Packing(packing.patterns[:0], packing.kinds[:0], packing.times[:0], left, packing.method)
    return Packing(np.array(patterns), np.array(kinds), np.array(times), left, packing.method)


def faults(shapes: Shapes, packing: Packing) -> list[str]:
    """Recount a packing: every capacity, every host type, every VM once.  Empty means that it holds."""
    found = []
    used = packing.patterns @ shapes.demand
    if (used > shapes.capacity[packing.kinds]).any():
        found.append("a host holds more than its capacity")
    if (packing.times @ packing.patterns + packing.left != shapes.counts).any():
        found.append("the VMs held and refused are not the VMs given")
    if (np.bincount(packing.kinds, packing.times, len(shapes.hosts)) > shapes.hosts).any():
        found.append("more hosts of a type are used than there are")
    if (packing.patterns < 0).any() or (packing.times <= 0).any():
        found.append("a pattern or its number is not positive")
    return found
