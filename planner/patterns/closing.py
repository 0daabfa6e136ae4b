"""The last host: take the emptiest one away and try to bring its VMs into the others."""

from __future__ import annotations

from typing import Final

import numpy as np

from planner.kernels.arrays import F64, I64
from planner.patterns.pricing import surrogate
from planner.patterns.shapes import Packing, Shapes

WORTH: Final = 2**30
HOSTS_AT_ONCE: Final = 256  # those that the search opens; the rest of a large fleet stays as it is
SEARCH_NODES: Final = 400
ROUNDS_A_HOST: Final = 200  # a few hosts are soon shuffled in every way


def without_a_host(
    shapes: Shapes, packing: Packing, prices: F64, work: int, table: tuple[int, int] | None, seed: int = 1
) -> Packing | None:
    """The same packing on one host fewer, or None where the search does not find it.

    Args:
        shapes, packing: the question and an answer without refusals.
        prices: what a VM of each shape is worth, in hosts.
        work: steps of the search.
        table: the two capacities where a table is small enough to fill hosts by, else None.
        seed: which hosts are tried first; not 0.
    """
    from planner.kernels import closing

    content = np.repeat(packing.patterns, packing.times, axis=0)
    kinds = np.repeat(packing.kinds, packing.times)
    worth = np.floor(prices * WORTH).astype(np.int64) + 1
    order = np.argsort(content @ worth, kind="stable")
    if len(order) < 2:
        return None
    open_hosts, still = order[1 : HOSTS_AT_ONCE + 1], order[HOSTS_AT_ONCE + 1 :]
    left = content[order[0]].copy()
    opened = content[open_hosts]
    multiplier = surrogate(shapes.demand, worth, np.maximum(shapes.counts, 1), shapes.capacity.max(axis=0))
    side = (0, 0) if table is None else (table[0] + 1, table[1] + 1)
    best = np.zeros(side, np.int64)
    took = np.zeros((len(worth) if table else 0, *side), np.int32)
    reopened = 2 if table else 4
    sizes = shapes.capacity[kinds[open_hosts]]
    rounds = ROUNDS_A_HOST * len(open_hosts)
    closing.close_hosts(
        shapes.demand,
        opened,
        left,
        sizes,
        worth,
        multiplier,
        reopened,
        SEARCH_NODES,
        work,
        rounds,
        seed,
        best,
        took,
    )
    if left.any():
        return None
    return gathered(
        np.concatenate((content[still], opened)), np.concatenate((kinds[still], kinds[open_hosts])), left
    )


def gathered(content: I64, kinds: I64, left: I64) -> Packing:
    """Hosts one by one as patterns and their numbers."""
    rows = np.concatenate((kinds[:, None], content), axis=1)
    rows = rows[content.any(axis=1)]
    unique, times = np.unique(rows, axis=0, return_counts=True)
    return Packing(unique[:, 1:], unique[:, 0], times.astype(np.int64), left, "patterns, closed")
