"""Column generation: the fewest hosts for a fleet, with the proof of how few there could be.

    heuristics -> incumbent          patterns <- priced by the duals <- linear program
         |                               |                                  |
         +---- ----- whole patterns, dive, last hosts closed <-----------+---> lower bound

A pattern is what one host may hold.  The linear program over all patterns is a far better bound than
the sum of the demands, for it knows which VMs do not combine; its duals price the VMs, and a content
worth more than its host is the next pattern.  See `planner.patterns.pricing` for what the prices prove.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from planner.kernels.arrays import F64, I64
from planner.patterns.closing import without_a_host
from planner.patterns.pricing import WORTH_OF_HOST, Priced, Pricer, coarse_tops, hosts_proven
from planner.patterns.program import PatternProgram
from planner.patterns.shapes import Packing, Shapes, by_heuristics, joined, shape_sizes, trimmed

CONTINUOUS: Final = "sum of demand"
FEW_SHAPES: Final = 100  # up to here the program is quick, and what it says is the better start
PATTERN: Final = "pattern linear program"


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try; counts, not seconds, so that the same question has the same answer."""

    rounds: int = 120  # of pricing, until the bound stands
    nodes: int = 200_000  # of one search for a content
    dive_rounds: int = 4  # of pricing after each step of the dive
    dive_nodes: int = 20_000
    program_work: int = 9_000_000  # simplex steps times rows and columns, of the bound and again of the dive
    price_work: int = 5_000_000  # steps of the searches for contents, of the bound and again of the dive
    table_work: int = 800_000_000  # cells of the tables that close the last host
    search_work: int = 10_000_000  # steps of the search that does so where no table fits


@dataclass(frozen=True, slots=True)
class Bound:
    """No placement of all VMs uses fewer hosts; `hosts` None: no placement of all VMs exists at all."""

    hosts: int | None
    method: str

    def stronger(self, other: Bound) -> Bound:
        """The bound that excludes more; this one where they exclude the same."""
        if self.hosts is None:
            return self
        return other if other.hosts is None or other.hosts > self.hosts else self


@dataclass(frozen=True, slots=True)
class Proven:
    """A packing and the bound that says how good it is."""

    packing: Packing
    bound: Bound

    @property
    def gap(self) -> int | None:
        """Hosts used beyond the bound; None where VMs are refused, for the bound counts a host for all."""
        if self.packing.refused or self.bound.hosts is None:
            return None
        return self.packing.hosts_used - self.bound.hosts


def continuous_bound(shapes: Shapes) -> Bound:
    """Divide the demand by the largest hosts, resource by resource, in whole numbers."""
    total = shapes.demand.T @ shapes.counts
    worst: int | None = 0
    for resource in range(len(total)):
        one = np.array([1], np.int64)
        needed = hosts_proven(
            one, shapes.capacity[:, resource].tolist(), one * int(total[resource]), shapes.hosts
        )
        if needed is None:
            return Bound(None, CONTINUOUS)
        worst = max(worst or 0, needed)
    if shapes.vms and not worst:
        worst = 1
    return Bound(worst, CONTINUOUS)


def pack(shapes: Shapes, effort: Effort | None = None) -> Proven:
    """Pack a fleet on the fewest hosts and say how few there could be.

    Args:
        shapes: what is to be packed and into what; types of hosts may be scarce.
        effort: how hard to try.

    Returns:
        A packing that holds every VM that it can, and a bound.  VMs larger than any host are left, and
        the bound then speaks of the others.
    """
    effort = effort or Effort()
    able = np.zeros(len(shapes.counts), bool)
    able[shapes.fitting()] = True
    rows = np.flatnonzero(able & (shapes.counts > 0))
    if not len(rows):
        none = np.zeros(0, np.int64)
        empty = np.zeros((0, len(shapes.counts)), np.int64)
        return Proven(Packing(empty, none, none, shapes.counts.copy(), "nothing"), Bound(0, CONTINUOUS))
    inner = Shapes(shapes.demand[rows], shapes.counts[rows], shapes.capacity, shapes.hosts).scaled()
    proven = _Generation(inner, effort).run()
    packing = proven.packing
    patterns = np.zeros((len(packing.patterns), len(shapes.counts)), np.int64)
    patterns[:, rows] = packing.patterns
    left = shapes.counts.copy()
    left[rows] = packing.left
    return Proven(Packing(patterns, packing.kinds, packing.times, left, packing.method), proven.bound)


class _Generation:
    """One run: the pool of patterns, the program over them, the best packing and the best bound."""

    def __init__(self, shapes: Shapes, effort: Effort) -> None:
        self.shapes, self.effort = shapes, effort
        heuristics = by_heuristics(shapes)
        self.best = heuristics[0]
        self.bound = continuous_bound(shapes)
        self._first = heuristics
        self._seen: set[bytes] = set()
        self.patterns = np.zeros((0, len(shapes.counts)), np.int64)
        self.kinds = np.zeros(0, np.int64)

    def closed(self) -> bool:
        """Whether the best packing is as good as the bound."""
        return not self.best.refused and self.best.hosts_used == self.bound.hosts

    def run(self) -> Proven:
        """Heuristics, linear program, whole patterns, dive, last hosts; stop where the bound is met."""
        if self.closed():
            return Proven(self.best, self.bound)
        self._start()
        if not self.pricer.exact_table:
            self._close(shape_sizes(self.shapes, self.best.hosts_used))
        amounts = self._generate()
        for close in (self._round, self._dive, self._finish):
            if self.closed():
                break
            close(amounts)
        return Proven(self.best, self.bound)

    def _start(self) -> None:
        """Open the program with the contents that the heuristics found."""
        self.pricer = Pricer(self.shapes)
        self.program = PatternProgram(self.shapes.counts, self.shapes.hosts)
        for packing in self._first:
            self._learn(packing.patterns, packing.kinds)

    def _learn(self, patterns: I64, kinds: I64) -> int:
        """Add the contents not seen before; returns how many."""
        fresh = []
        for row in range(len(patterns)):
            key = bytes(patterns[row].tobytes()) + int(kinds[row]).to_bytes(4, "little")
            if key not in self._seen:
                self._seen.add(key)
                fresh.append(row)
        if fresh:
            self.patterns = np.concatenate((self.patterns, patterns[fresh]))
            self.kinds = np.concatenate((self.kinds, kinds[fresh]))
            self.program.add(patterns[fresh], kinds[fresh])
        return len(fresh)

    def _improve(self, packing: Packing) -> None:
        """Keep a packing that is better."""
        if packing.rank < self.best.rank:
            self.best = packing

    def _prove(self, priced: Priced) -> float:
        """Draw the bound from one pricing; returns it before rounding up, for the smoothing."""
        hosts = hosts_proven(priced.worth, priced.tops, self.shapes.counts, self.shapes.hosts)
        self.bound = self.bound.stronger(Bound(hosts, PATTERN))
        return float(priced.worth @ self.shapes.counts.astype(np.float64)) / max(priced.tops)

    def _generate(self) -> F64:
        """Price and solve until no content is worth more than its host, or the bound cannot grow."""
        centre, centre_value = np.zeros(len(self.shapes.counts)), 0.0
        amounts = np.zeros(0)
        smooth = 0.0 if self.pricer.exact_table else 0.5
        for _ in range(self.effort.rounds):
            value, amounts, prices, host_prices = self.program.solve()
            if self.closed() or self.bound.hosts is None or value <= self.bound.hosts:
                break
            if self.program.work > self.effort.program_work or self.pricer.work > self.effort.price_work:
                self._last_proof(centre if centre_value else prices, host_prices)
                break
            price = smooth * centre + (1.0 - smooth) * prices if centre_value else prices
            priced = self.pricer.price(price, host_prices, self.shapes.counts, self.effort.nodes)
            proven = self._prove(priced)
            if proven > centre_value:
                centre, centre_value = price, proven
            if not self._learn(priced.patterns, priced.kinds):
                if smooth == 0.0 or price is prices:
                    self._finish_proof(prices)
                    break
                smooth = 0.0
        return amounts

    def _last_proof(self, price: F64, host_prices: F64) -> None:
        """Where the effort is spent, search thoroughly once more by the best prices: that may prove more."""
        priced = self.pricer.price(price, host_prices, self.shapes.counts, self.effort.nodes, thorough=True)
        self._prove(priced)
        self._learn(priced.patterns, priced.kinds)

    def _finish_proof(self, prices: F64) -> None:
        """Where the search was stopped early, try the coarse table: it may bound more tightly."""
        if self.pricer.exact_table or self.closed():
            return
        worth = np.floor(np.maximum(prices, 0.0) * WORTH_OF_HOST).astype(np.int64)
        tops = coarse_tops(self.shapes, worth)
        if tops is not None:
            self._prove(Priced(self.patterns[:0], self.kinds[:0], worth, tops))

    def _whole(self, amounts: F64) -> tuple[Packing, Shapes]:
        """The whole part of a solution, and the question that remains."""
        times = np.floor(amounts + 1e-7).astype(np.int64)
        taken = np.flatnonzero(times)
        packing = Packing(
            self.patterns[taken],
            self.kinds[taken],
            times[taken],
            self.shapes.counts * 0,
            "patterns",
        )
        return packing, self._remaining(self.shapes, packing)

    @staticmethod
    def _remaining(shapes: Shapes, packing: Packing) -> Shapes:
        """What a packing leaves to pack, and the hosts that it leaves."""
        counts = np.maximum(shapes.counts - packing.times @ packing.patterns, 0)
        used = np.bincount(packing.kinds, packing.times, len(shapes.hosts)).astype(np.int64)
        return Shapes(shapes.demand, counts, shapes.capacity, np.maximum(shapes.hosts - used, 0))

    def _round(self, amounts: F64) -> None:
        """Take the whole part of the linear program and fill up by the heuristics."""
        whole, rest = self._whole(amounts)
        self._improve(trimmed(self.shapes, joined(whole, by_heuristics(rest)[0])))

    def _dive(self, amounts: F64) -> None:
        """Fix the whole part, solve again for the rest, fix again: the pool grows where it is needed."""
        fixed, rest = self._whole(amounts)
        start, searched = self.program.work, self.pricer.work
        nearly_whole = 0.02 if len(self.shapes.counts) <= FEW_SHAPES else 0.3
        while (
            rest.vms
            and self.program.work - start < self.effort.program_work
            and self.pricer.work - searched < self.effort.price_work
        ):
            self.program.set_counts(rest.counts, rest.hosts)
            for _ in range(self.effort.dive_rounds):
                _, amounts, prices, host_prices = self.program.solve()
                priced = self.pricer.price(prices, host_prices, rest.counts, self.effort.dive_nodes)
                if not self._learn(priced.patterns, priced.kinds):
                    break
            else:
                _, amounts, _, _ = self.program.solve()
            step = np.floor(amounts + nearly_whole).astype(np.int64)
            if not step.any():
                if amounts.max(initial=0.0) < 1e-7:
                    break
                step[int(np.argmax(amounts))] = 1
            taken = np.flatnonzero(step)
            part = Packing(
                self.patterns[taken], self.kinds[taken], step[taken], rest.counts, "patterns, dive"
            )
            part = trimmed(rest, part)
            fixed = joined(fixed, part)
            rest = self._remaining(rest, part)
            self._improve(trimmed(self.shapes, joined(fixed, by_heuristics(rest)[0])))
            if self.closed():
                break
        self.program.set_counts(self.shapes.counts, self.shapes.hosts)

    def _finish(self, _: F64) -> None:
        """Close the last hosts by the prices of the whole program."""
        prices = self.program.solve()[2]
        self._close(prices)

    def _close(self, prices: F64) -> None:
        """Take one host away after the other, as long as its VMs find room in the others."""
        if self.best.refused:
            return
        size = self.shapes.capacity.max(axis=0)
        table = (int(size[0]), int(size[1])) if self.pricer.exact_table else None
        work = self.effort.table_work if table else self.effort.search_work
        while not self.closed():
            fewer = without_a_host(self.shapes, self.best, prices, work, table)
            if fewer is None:
                break
            self._improve(fewer)
            self._learn(fewer.patterns, fewer.kinds)
