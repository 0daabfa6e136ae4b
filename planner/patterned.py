"""A task put to the pattern core: names and rules become arrays, hosts found become rows again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planner.demand import Counts
from planner.greedy import Task, Try
from planner.patterns.generation import Bound, Effort
from planner.patterns.standing import Standing, stand_all


def stand(task: Task, names: Sequence[str], gives: Counts, effort: Effort | None = None) -> tuple[Try, Bound]:
    """Place a task on hosts by patterns, on as few as can be found, and say how few there could be.

    The bound speaks of every copy of the task; `hosts` None: no placement of all of them exists.
    """
    stood = stand_all(_standing(task, names, gives), effort)
    where = np.full(len(task.load.names), -1, np.int64)
    units = len(task.units)
    for unit, host in zip(task.units, stood.where[:units].tolist(), strict=True):
        where[list(unit.copies)] = host
    if len(task.shapes.copies):
        where[np.concatenate(task.shapes.copies)] = stood.where[units:]
    left = gives.copy()
    on = where >= 0
    np.subtract.at(left, where[on], task.load.needs[on])
    return Try(where=where, left=left, method=stood.method), stood.bound or Bound(0, "none")


def _standing(task: Task, names: Sequence[str], gives: Counts) -> Standing:
    """Make rows of the units, then of the free copies in the order of their shapes."""
    rows = {name: row for row, name in enumerate(names)}
    known: dict[frozenset[str], frozenset[int]] = {}
    hosts_of = {}
    groups: dict[int, list[int]] = {}
    for row, unit in enumerate(task.units):
        if unit.hosts is not None:
            if unit.hosts not in known:
                known[unit.hosts] = frozenset(rows[name] for name in unit.hosts)
            hosts_of[row] = known[unit.hosts]
        for number in unit.apart:
            groups.setdefault(number, []).append(row)
    return Standing.of(task.needs, gives, hosts_of, [groups[number] for number in sorted(groups)])
