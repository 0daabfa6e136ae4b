"""Close the last hosts: empty a few hosts, fill them again, keep what leaves less outside."""

from __future__ import annotations

import numpy as np

from planner.kernels.arrays import F64, I32, I64
from planner.kernels.jit import kernel
from planner.kernels.knapsack import branch, fill_table, read_table


@kernel
def _next(state: I64) -> int:
    """The next number of a 63-bit xorshift sequence; `state[0]` must not be 0."""
    word: int = state[0]
    word ^= (word << 13) & 0x7FFFFFFFFFFFFFFF
    word ^= word >> 7
    word ^= (word << 17) & 0x7FFFFFFFFFFFFFFF
    state[0] = word
    return word


@kernel
def _below(state: I64, limit: int) -> int:
    """A number from 0 to limit - 1."""
    return (_next(state) >> 8) % limit


@kernel
def _present(pool: I64) -> I64:
    """The shapes of which there is at least one VM."""
    rows = np.empty(pool.shape[0], np.int64)
    found = 0
    for shape in range(pool.shape[0]):
        if pool[shape] > 0:
            rows[found] = shape
            found += 1
    return rows[:found]


@kernel
def _content(
    demand: I64,
    pool: I64,
    worth: I64,
    size: I64,
    multiplier: F64,
    nodes: int,
    state: I64,
    jitter: int,
    best: I64,
    took: I32,
) -> tuple[I64, int]:
    """The most valuable content of one host out of a pool; `jitter` per mille blurs the worths.

    Returns:
        VMs of each shape, and the steps that it took.
    """
    shapes, resources = demand.shape
    rows = _present(pool)
    number = rows.shape[0]
    content = np.zeros(shapes, np.int64)
    need = np.empty((number, resources), np.int64)
    value = np.empty(number, np.int64)
    limit = np.empty(number, np.int64)
    ratio = np.empty(number)
    for row in range(number):
        shape = rows[row]
        scale = 1000
        if jitter > 0:
            scale += _below(state, 2 * jitter + 1) - jitter
        value[row] = worth[shape] * scale // 1000 + 1
        limit[row] = pool[shape]
        weight = 1e-300
        for resource in range(resources):
            need[row, resource] = demand[shape, resource]
            weight += multiplier[resource] * demand[shape, resource]
        ratio[row] = -value[row] / weight
    if best.shape[0] > 0:
        fill_table(need, value, limit, np.array([best.shape[0] - 1, best.shape[1] - 1]), best, took[:number])
        picked = read_table(need, took[:number], size[0], size[1])
        for row in range(number):
            content[rows[row]] = picked[row]
        return content, 2 * number * best.shape[0] * best.shape[1]
    order = np.argsort(ratio)
    _, _, found, steps = branch(need[order], value[order], limit[order], size, multiplier, 0, nodes, 1)
    if found.shape[0] > 0:
        for place in range(number):
            content[rows[order[place]]] = found[0, place]
    return content, steps + 8 * number


@kernel
def close_hosts(
    demand: I64,
    content: I64,
    left: I64,
    size: I64,
    worth: I64,
    multiplier: F64,
    reopened: int,
    nodes: int,
    work: int,
    rounds: int,
    seed: int,
    best: I64,
    took: I32,
) -> int:
    """Bring VMs that are left into hosts that are full, by filling a few hosts anew again and again.

    Args:
        demand: demand[shape, resource].
        content: in and out, content[host, shape].
        left: in and out, VMs of each shape outside.
        size: size[host, resource].
        worth: worth[shape], whole numbers; what is left is measured by it.
        multiplier: surrogate weight of each resource, for the search.
        reopened: hosts opened at once, at most.
        nodes: steps of one search.
        work: stop after so many steps in all, or
        rounds: after so many tries.
        seed: of the sequence that chooses the hosts; not 0.
        best, took: room for the table of `fill_table`; best of shape (0, 0) to search instead.

    Returns:
        Steps taken.  `left` is all zero where the last VM found its host.
    """
    hosts, shapes = content.shape
    state = np.array([seed], np.int64)
    for _ in range(8):
        _next(state)
    held = np.zeros(hosts, np.int64)
    outside = 0
    for shape in range(shapes):
        outside += left[shape] * worth[shape]
        for host in range(hosts):
            held[host] += content[host, shape] * worth[shape]
    steps = 0
    opened = np.empty(reopened, np.int64)
    fresh = np.empty((reopened, shapes), np.int64)
    for _ in range(rounds):
        if outside <= 0 or steps >= work:
            break
        number = min(hosts, 2 + _below(state, reopened - 1))
        for place in range(number):
            # Two draws, the emptier host wins: room is where the worth is missing.
            while True:
                host, other = _below(state, hosts), _below(state, hosts)
                if held[other] < held[host]:
                    host = other
                known = False
                for before in range(place):
                    known = known or opened[before] == host
                if not known or hosts <= number + 1:
                    break
            opened[place] = host
        for place in range(number):
            for before in range(place):
                if opened[before] == opened[place]:
                    number = place
                    break
            if number == place:
                break
        pool = left.copy()
        for place in range(number):
            for shape in range(shapes):
                pool[shape] += content[opened[place], shape]
        for place in range(number):
            jitter = 100 if place + 1 < number else 0
            fresh[place], spent = _content(
                demand, pool, worth, size[opened[place]], multiplier, nodes, state, jitter, best, took
            )
            steps += spent + 1
            for shape in range(shapes):
                pool[shape] -= fresh[place, shape]
        remaining = 0
        for shape in range(shapes):
            remaining += pool[shape] * worth[shape]
        if remaining <= outside:
            outside = remaining
            for place in range(number):
                host = opened[place]
                held[host] = 0
                for shape in range(shapes):
                    content[host, shape] = fresh[place, shape]
                    held[host] += fresh[place, shape] * worth[shape]
            for shape in range(shapes):
                left[shape] = pool[shape]
    return steps
