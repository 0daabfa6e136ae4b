"""What a VM of each shape is worth, the contents of a host that are worth more than the host, and what
that proves.

Any worth of the shapes proves something: if no host can hold more than `top` of it, the fleet needs at
least total / top hosts.  Worths are whole numbers here and the tops are found (or bounded from above) in
whole numbers, so the proof does not hang on the rounding of a solver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from planner.kernels.arrays import F64, I64
from planner.patterns.shapes import Shapes

WORTH_OF_HOST: Final = 2**40  # the grid of the worths: sums of a million VMs stay below 2**63
# A content worth less than a millionth above its host is not looked for: it costs the bound a millionth
# and spares the search through the thousands of contents that are worth exactly one host.
TIE: Final = WORTH_OF_HOST // 1_000_000
TABLE_CELLS: Final = 3_000_000  # shapes x rooms of a table that also tells its contents (12 MB)
PROOF_CELLS: Final = 4_000_000  # rooms of a table that tells values only (32 MB)
KEPT: Final = 24  # contents that one search may return
SHORT_NODES: Final = 60_000  # shared by the short searches, one for each shape
SHORT_STARTS: Final = 200
FIRSTS: Final = 100  # shapes that the short searches of one pricing start from
ENOUGH_SHORT: Final = 3
SHORT_KEPT: Final = 60  # of their contents: more would slow the linear program, not speed the bound


@dataclass(frozen=True, slots=True)
class Priced:
    """Contents worth adding, and the proof that the worths give: `tops[type]` is exceeded by no host."""

    patterns: I64
    kinds: I64
    worth: I64
    tops: tuple[int, ...]


def hosts_proven(worth: I64, tops: Sequence[int], counts: I64, hosts: I64) -> int | None:
    """The fewest hosts that can hold the worth of all VMs, when no host holds more than its top.

    Returns:
        A lower bound of the hosts of any placement of all VMs; None where even all hosts together
        cannot hold them, which proves that not every VM can be placed.

    >>> hosts_proven(np.array([3, 5]), [10], np.array([4, 4]), np.array([99]))
    4
    >>> hosts_proven(np.array([3, 5]), [10, 6], np.array([4, 4]), np.array([2, 1])) is None
    True
    """
    missing = sum(int(value) * int(count) for value, count in zip(worth, counts, strict=True))
    used = 0
    for top, number in sorted(zip(tops, hosts, strict=True), key=lambda pair: -pair[0]):
        if missing <= 0:
            break
        if top <= 0:
            return None
        take = min(int(number), -(-missing // top))
        used += take
        missing -= take * top
    return used if missing <= 0 else None


def surrogate(demand: I64, value: I64, limit: I64, size: I64, rounds: int = 12) -> F64:
    """Multipliers that make one weight of several resources, so that its fractional fill is worth little.

    The ceiling of the search is the fractional fill of that one weight; the multipliers are improved
    round by round, the scarce resource of the last fill weighing more.
    """
    share = demand / np.maximum(size, 1)
    weights = np.full(len(size), 1.0 / len(size))
    best, best_weights = np.inf, weights
    step = 1.0
    for _ in range(rounds):
        size_of = np.maximum(share @ weights, 1e-12)
        order = np.argsort(-value / size_of, kind="stable")
        filled = np.cumsum(size_of[order] * limit[order])
        last = int(np.searchsorted(filled, 1.0))
        amounts = np.zeros(len(value))
        amounts[order[:last]] = limit[order[:last]]
        if last < len(order):
            before = filled[last - 1] if last else 0.0
            amounts[order[last]] = (1.0 - before) / size_of[order[last]]
        ceiling = float(amounts @ value)
        if ceiling < best:
            best, best_weights = ceiling, weights
        weights = weights * np.exp(step * (share.T @ amounts - 1.0))
        weights = np.maximum(weights / weights.sum(), 1e-7)
        step *= 0.8
    return np.asarray(best_weights / np.maximum(size, 1), dtype=np.float64)


class Pricer:
    """Finds contents worth more than a host, by a table where it is small and by search where not."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self._turn = -1
        self.work = 0  # steps of all searches, near enough
        self._size = shapes.capacity.max(axis=0)
        cells = int(np.prod((self._size + 1).astype(np.float64)))
        self.exact_table = shapes.demand.shape[1] == 2 and cells * len(shapes.counts) <= TABLE_CELLS
        if self.exact_table:
            self._best = np.zeros((int(self._size[0]) + 1, int(self._size[1]) + 1), np.int64)
            self._took = np.zeros((len(shapes.counts), *self._best.shape), np.int32)

    def price(self, prices: F64, host_prices: F64, counts: I64, nodes: int, thorough: bool = False) -> Priced:
        """Find contents of more worth than their host.

        Args:
            prices: the dual price of each shape, in hosts.
            host_prices: the dual price of each host type, zero or less: what a scarce type costs more.
            counts: VMs of each shape there are: no content holds more.
            nodes: steps of the search for each host type; a part of them where short searches find enough,
            thorough: unless this is asked for.
        """
        worth = np.floor(np.maximum(prices, 0.0) * WORTH_OF_HOST).astype(np.int64)
        floors = np.ceil((1.0 - host_prices) * WORTH_OF_HOST).astype(np.int64) + TIE
        if self.exact_table:
            return self._by_table(worth, floors, counts)
        return self._by_search(worth, floors, counts, nodes, thorough)

    def _firsts(self, shapes: int) -> I64:
        """The shapes that the short searches start from: all in turn, some each time."""
        step = -(-shapes // FIRSTS)
        self._turn = (self._turn + 1) % step
        return np.arange(self._turn, shapes, step, dtype=np.int64)

    def _by_table(self, worth: I64, floors: I64, counts: I64) -> Priced:
        """Read every content from one table: the best, and the best with each shape in it."""
        from planner.kernels import knapsack

        demand = self.shapes.demand
        knapsack.fill_table(demand, worth, counts, self._size, self._best, self._took)
        patterns, kinds, tops = [], [], []
        for kind, size in enumerate(self.shapes.capacity):
            top = int(self._best[size[0], size[1]])
            tops.append(top)
            if top <= floors[kind]:
                continue
            for shape in range(-1, len(worth)):
                need = demand[shape] if shape >= 0 else np.zeros(2, np.int64)
                if shape >= 0 and ((need > size).any() or not counts[shape]):
                    continue
                room = size - need
                value = int(self._best[room[0], room[1]]) + (int(worth[shape]) if shape >= 0 else 0)
                if value <= floors[kind]:
                    continue
                pattern = knapsack.read_table(demand, self._took, room[0], room[1])
                if shape >= 0:
                    pattern[shape] += 1
                if (pattern <= counts).all():
                    patterns.append(pattern)
                    kinds.append(kind)
        return _priced(patterns, kinds, worth, tops)

    def _by_search(self, worth: I64, floors: I64, counts: I64, nodes: int, thorough: bool) -> Priced:
        """Search each host type: a short one for each shape, then branch and bound."""
        from planner.kernels import knapsack

        patterns: list[I64] = []
        kinds: list[int] = []
        tops: list[int] = []
        for kind, size in enumerate(self.shapes.capacity):
            useful = np.flatnonzero((worth > 0) & (counts > 0) & (self.shapes.demand <= size).all(axis=1))
            if not len(useful):
                tops.append(0)
                continue
            demand, value, limit = self.shapes.demand[useful], worth[useful], counts[useful]
            multiplier = surrogate(demand, value, limit, size)
            order = np.argsort(-value / np.maximum(demand @ multiplier, 1e-300), kind="stable")
            demand, value, limit, useful = demand[order], value[order], limit[order], useful[order]
            floor = int(floors[kind])
            repeats = max(1, SHORT_STARTS // len(value))
            firsts = self._firsts(len(value))
            short_nodes = max(100, SHORT_NODES // len(value))
            short = knapsack.complete(
                demand, value, limit, size, multiplier, floor, short_nodes, firsts, repeats
            )
            # Where the short searches find contents, the long one would only prove what is soon outdated.
            most = nodes if thorough or len(short) < ENOUGH_SHORT else nodes // 20
            _, roof, found, steps = knapsack.branch(demand, value, limit, size, multiplier, floor, most, KEPT)
            self.work += int(steps) + len(firsts) * (short_nodes + len(value) // 4)
            tops.append(int(roof))
            short = short[np.argsort(-(short @ value), kind="stable")[:SHORT_KEPT]]
            for content in (*short, *found):
                pattern = np.zeros(len(worth), np.int64)
                pattern[useful] = content
                patterns.append(pattern)
                kinds.append(kind)
        return _priced(patterns, kinds, worth, tops)


def coarse_tops(shapes: Shapes, worth: I64) -> tuple[int, ...] | None:
    """Bound the worth of a host by a table of rounded-down demands; None for other than two resources.

    Rounding every demand down (and no capacity up) lets a host hold more than it can: what it cannot
    exceed then, it cannot exceed at all.
    """
    from planner.kernels import knapsack

    if shapes.demand.shape[1] != 2:
        return None
    size = shapes.capacity.max(axis=0).astype(np.float64) + 1.0
    grain = np.ones(2)
    wide = int(np.argmax(size))
    grain[wide] = max(1.0, np.ceil(size.prod() / PROOF_CELLS))
    if size[1 - wide] > PROOF_CELLS / 64:
        grain = np.maximum(1.0, np.ceil(size / PROOF_CELLS**0.5))
    step = grain.astype(np.int64)
    demand, capacity = shapes.demand // step, shapes.capacity // step
    if ((demand == 0).all(axis=1) & (worth > 0)).any():
        return None
    most = capacity.max(axis=0)
    best = np.zeros((int(most[0]) + 1, int(most[1]) + 1), np.int64)
    knapsack.fill_values(demand, worth, shapes.counts, most, best)
    return tuple(int(best[size[0], size[1]]) for size in capacity)


def _priced(patterns: list[I64], kinds: list[int], worth: I64, tops: list[int]) -> Priced:
    """Stack the contents found."""
    stacked = np.array(patterns, np.int64).reshape(len(patterns), len(worth))
    return Priced(stacked, np.array(kinds, np.int64), worth, tuple(tops))
