"""Quick ways to place copies on hosts, in numpy alone: most plans meet their bound here and need no more.

A solver and compiled kernels take a second to load, and a minute the first time; who asks for a small
cluster should not wait for them.  What these ways leave open is the matter of `placement`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from planner.demand import Capacity, Counts, Load
from planner.packing import (
    Filling,
    OutOfSteps,
    Score,
    Shapes,
    affordable,
    first_fit,
    group,
    host_by_host,
    orders,
    search,
)
from planner.rules import Unit

SEARCH_ITEMS: Final = 12  # so few can be tried in every way
TRIES: Final = ((1_500, 9), (20_000, 3), (10**9, 1))  # shapes up to, orders tried


class Try(Struct, kw_only=True, eq=False):
    """One attempt: the host row of each copy (-1: none), what is left, and how it was made."""

    where: Counts
    left: Counts
    method: str

    @property
    def over(self) -> int:
        """Copies without a host."""
        return int((self.where < 0).sum())

    @property
    def hosts_used(self) -> int:
        """Hosts that hold a copy."""
        return len(np.unique(self.where[self.where >= 0]))

    @property
    def rank(self) -> tuple[int, int]:
        """What makes one attempt better than another: fewer copies left over, then fewer hosts."""
        return self.over, self.hosts_used


class Task(Struct, frozen=True, kw_only=True, eq=False):
    """What is to be placed: free copies grouped by shape, and units under rules, hardest first."""

    load: Load
    shapes: Shapes
    units: tuple[Unit, ...]
    unit_needs: Counts
    scale: Counts

    @property
    def items(self) -> int:
        """Units and free copies in all."""
        return len(self.units) + sum(self.shapes.counts)

    @property
    def needs(self) -> Counts:
        """What each unit and each free copy takes."""
        return np.vstack([self.unit_needs, *(self.load.needs[copies] for copies in self.shapes.copies)])

    @property
    def widest_apart(self) -> int:
        """Units of the largest group that stands apart."""
        sizes: dict[int, int] = {}
        for unit in self.units:
            for number in unit.apart:
                sizes[number] = sizes.get(number, 0) + 1
        return max(sizes.values(), default=0)


def task_of(load: Load, units: Sequence[Unit], refused: set[str], scale: Counts) -> Task:
    """Split the load into free copies, grouped, and units, those with the fewest hosts to go first."""
    free = np.ones(len(load.names), dtype=bool)
    for unit in units:
        free[list(unit.copies)] = False
    if refused:
        free &= np.array([name not in refused for name in load.names])
    sums = [load.needs[list(unit.copies)].sum(axis=0) for unit in units]
    size = [float((total / np.maximum(scale, 1)).sum()) for total in sums]
    choice = [len(unit.hosts) if unit.hosts is not None else 2**31 for unit in units]
    order = sorted(range(len(units)), key=lambda row: (choice[row], -size[row], units[row].copies))
    return Task(
        load=load,
        shapes=group(load.needs, np.flatnonzero(free)),
        units=tuple(units[row] for row in order),
        unit_needs=np.array([sums[row] for row in order], dtype=np.int64).reshape(-1, load.needs.shape[1]),
        scale=scale,
    )


def host_orders(gives: Counts) -> list[Counts]:
    """Give the hosts largest first, then smallest first where they differ."""
    if not len(gives):
        return []
    size = (gives / np.maximum(gives.max(axis=0), 1)).sum(axis=1)
    largest = np.argsort(-size, kind="stable")
    if (gives == gives[0]).all():
        return [largest]
    return [largest, np.argsort(size, kind="stable")]


def attempts(task: Task, start: Counts, names: Sequence[str], give: Counts | None) -> Iterator[Try]:
    """Try each way to place the units, then each way to place the free copies around them."""
    for roomiest in (False, True) if task.units and give is None else (False,):
        base = _place_units(task, start, names, give, roomiest)
        if not len(task.shapes.copies):
            yield base
            continue
        tries = orders(task.shapes, task.scale, task.shapes.counts)
        for number, order in enumerate(tries[: _tries(len(task.shapes.copies))]):
            filling = first_fit(task.shapes, order, base.left, give)
            yield _with_free(task, base, filling, f"first fit, order {number + 1}")
        if affordable(task.shapes):
            scores: tuple[Score, ...] = ("dot", "distance")
            for score in scores:
                filling = host_by_host(task.shapes, base.left, give, task.scale, score)
                yield _with_free(task, base, filling, f"host by host, {score}")


def smallest_first(task: Task, start: Counts, names: Sequence[str]) -> Try:
    """Place the units, then the free copies smallest first: where not all fit, this leaves fewest over."""
    base = _place_units(task, start, names, None, False)
    if not len(task.shapes.copies):
        return base
    order = orders(task.shapes, task.scale, task.shapes.counts)[0][::-1].copy()
    return _with_free(task, base, first_fit(task.shapes, order, base.left, None), "first fit, smallest first")


def _tries(shapes: int) -> int:
    """Say how many orders are worth their time; each costs some microseconds a shape."""
    return next(tries for most, tries in TRIES if shapes <= most)


def _place_units(task: Task, start: Counts, names: Sequence[str], give: Counts | None, roomiest: bool) -> Try:
    """Place the units one by one: on the first host that may take them, or on the one with the most room."""
    left = start.copy()
    where = np.full(len(task.load.names), -1, dtype=np.int64)
    rows = {name: row for row, name in enumerate(names)}
    held: dict[int, set[int]] = {}
    for unit, need in zip(task.units, task.unit_needs, strict=True):
        able = (left >= need).all(axis=1)
        if unit.hosts is not None:
            permitted = np.zeros(len(left), dtype=bool)
            permitted[[rows[name] for name in unit.hosts]] = True
            able &= permitted
        for number in unit.apart:
            able[list(held.get(number, ()))] = False
        able_rows = np.flatnonzero(able)
        if len(able_rows):
            room = (left[able_rows] / np.maximum(task.scale, 1)).min(axis=1)
            row = int(able_rows[room.argmax() if roomiest else 0])
        elif give is not None:
            row = len(left)
            left = np.vstack([left, give])
        else:
            continue
        left[row] -= need
        where[list(unit.copies)] = row
        for number in unit.apart:
            held.setdefault(number, set()).add(row)
    return Try(where=where, left=left, method="units")


def _with_free(task: Task, base: Try, filling: Filling, method: str) -> Try:
    """Turn what was placed by shape into the host of each copy."""
    where = base.where.copy()
    taken = [0] * len(task.shapes.copies)
    for shape, host, count in filling.placed:
        first = taken[shape]
        where[task.shapes.copies[shape][first : first + count]] = host
        taken[shape] = first + count
    return Try(where=where, left=filling.left, method=method)


def in_order(attempt: Try, order: Counts) -> Try:
    """Translate rows of the order tried back into rows of the capacity."""
    left = np.empty_like(attempt.left)
    left[order] = attempt.left
    where = np.where(attempt.where >= 0, order[attempt.where], -1)
    return Try(where=where, left=left, method=attempt.method)


def _items(task: Task) -> tuple[list[tuple[int, ...]], list[Unit | None]]:
    """List everything to place one by one, largest first."""
    items = [(unit.copies, unit) for unit in task.units]
    loose: list[tuple[tuple[int, ...], Unit | None]] = [
        ((copy,), None) for copies in task.shapes.copies for copy in copies.tolist()
    ]
    every = [*items, *loose]
    share = task.load.needs / np.maximum(task.scale, 1)
    every.sort(key=lambda item: (-float(share[list(item[0])].sum()), item[0]))
    return [copies for copies, _ in every], [unit for _, unit in every]


def searched(task: Task, capacity: Capacity, most: int | None = None) -> Try | None:
    """Try every way, where there are few enough copies; None when that finds none on `most` hosts.

    Raises:
        OutOfSteps: it was not tried to the end, so finding none proves nothing.
    """
    if task.items > SEARCH_ITEMS:
        raise OutOfSteps
    groups, units = _items(task)
    rows = {name: row for row, name in enumerate(capacity.names)}
    allowed = [
        None if unit is None or unit.hosts is None else frozenset(rows[name] for name in unit.hosts)
        for unit in units
    ]
    apart = [frozenset(unit.apart if unit is not None else ()) for unit in units]
    needs = np.array([task.load.needs[list(copies)].sum(axis=0) for copies in groups], dtype=np.int64)
    found = search(needs, allowed, apart, capacity.gives, most) if groups else None
    if found is None:
        return None
    where = np.full(len(task.load.names), -1, dtype=np.int64)
    left = capacity.gives.copy()
    for copies, host, need in zip(groups, found, needs, strict=True):
        where[list(copies)] = host
        left[host] -= need
    return Try(where=where, left=left, method="every way")
