"""Compiles every kernel, or loads it from disk, before somebody waits for an answer.

`python -m planner.warming` does it in a process of its own and leaves the machine code in the cache:
about a minute of the processor the first time, two seconds after that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from planner.kernels.cache import COMPLETE, cache_folder
from planner.patterns.closing import without_a_host
from planner.patterns.distinct import pack_distinct
from planner.patterns.generation import Effort, pack
from planner.patterns.pricing import WORTH_OF_HOST, Pricer, coarse_tops
from planner.patterns.shapes import NO_LIMIT, Shapes, by_heuristics, shape_sizes
from planner.patterns.standing import Standing, repair, stand_all


def warm() -> None:
    """Put a tiny question to every kernel, with arrays of the types that real ones have."""
    for question in QUESTIONS:
        question()


def main() -> None:
    """Warm, and note that the cache is complete."""
    warm()
    folder = cache_folder()
    if folder is not None:
        (folder / COMPLETE).touch()


def _fleet(resources: int) -> Shapes:
    """Five shapes on one kind of host."""
    demand = np.array([[3, 5, 2], [5, 3, 1], [4, 4, 4], [2, 6, 3], [6, 2, 5]], np.int64)[:, :resources]
    counts = np.array([4, 3, 2, 3, 2], np.int64)
    return Shapes(demand, counts, np.full((1, resources), 10, np.int64), np.array([NO_LIMIT]))


def _patterns() -> None:
    """Heuristics, both pricings, both ways to close the last host."""
    for resources in (2, 3):
        shapes = _fleet(resources)
        best = by_heuristics(shapes)[0]
        prices = shape_sizes(shapes, best.hosts_used)
        Pricer(shapes).price(prices, np.zeros(1), shapes.counts, 100)
        without_a_host(shapes, best, prices, 1000, (10, 10) if resources == 2 else None)
        pack(shapes, Effort(rounds=3, nodes=100))
    coarse_tops(_fleet(2), np.full(5, WORTH_OF_HOST // 4))


def _distinct() -> None:
    """Windows, by both scores."""
    shapes = _fleet(3)
    pack_distinct(shapes.demand, shapes.capacity, np.array([3], np.int64))


def _standing() -> None:
    """Place under rules, and repair what no longer holds, until somebody has to make room."""
    need, capacity = np.array([[6], [4], [3], [5], [2]], np.int64), np.full((2, 1), 10, np.int64)
    standing = Standing.of(need, capacity, {0: frozenset([0])}, [[1, 2]])
    stand_all(standing)
    repair(standing, np.array([1, 0, 0, 0, 0]))
    repair(standing, np.array([-1, 1, 1, 0, 0]))


QUESTIONS: Final[tuple[Callable[[], None], ...]] = (_patterns, _distinct, _standing)


if __name__ == "__main__":
    main()
