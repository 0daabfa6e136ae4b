"""Which VM runs on which host: the best of several greedy ways, with the refusals and the bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from planner.bounds import fewest_hosts
from planner.demand import MEMORY, RESERVED, VCPU, Capacity, Counts, Load
from planner.estate import Rule
from planner.packing import (
    Filling,
    Score,
    Shapes,
    affordable,
    first_fit,
    group,
    host_by_host,
    lacking,
    orders,
    search,
)
from planner.refusal import Reason, ReasonCount, Refusal, count_reasons
from planner.rules import Bound, Unit, bind

SEARCH_ITEMS: Final = 12  # so few can be tried in every way
TRIES: Final = ((1_500, 9), (20_000, 3), (10**9, 1))  # shapes up to, orders tried
REASON_OF: Final = {VCPU: Reason.CPU, MEMORY: Reason.MEMORY, RESERVED: Reason.CPU}


class Placement(Struct, frozen=True, kw_only=True):
    """Who runs where.  `placed` maps the name of a copy to that of its host; the rest is refused.

    `hosts` are those offered; `lower_bound` is what no placement of the placed copies can beat.
    """

    hosts: tuple[str, ...]
    placed: dict[str, str]
    refusals: tuple[Refusal, ...]
    hosts_used: int
    lower_bound: int
    method: str

    @property
    def complete(self) -> bool:
        """Whether every copy has a host."""
        return not self.refusals


class _Try(Struct, kw_only=True, eq=False):
    """One attempt: the host row of each copy (-1: none), what is left, and how it was made."""

    where: Counts
    left: Counts
    method: str

    @property
    def over(self) -> int:
        return int((self.where < 0).sum())


class _Task(Struct, frozen=True, kw_only=True, eq=False):
    """What is to be placed: free copies grouped by shape, and units under rules, hardest first."""

    load: Load
    shapes: Shapes
    units: tuple[Unit, ...]
    unit_needs: Counts
    scale: Counts


def pack(load: Load, give: Sequence[int], rules: Sequence[Rule] = (), enough: int | None = None) -> Placement:
    """Place everything on the fewest hosts of one kind, as many as it takes.

    Several greedy ways are tried, and every way where there is but a handful of VMs; the one with the
    fewest hosts counts.  A rule that names hosts binds nobody here, for these hosts have no names yet.

    Args:
        load: the copies to place.
        give: what one host gives, by column of `demand.COLUMNS`.
        rules: those of the estate.
        enough: a number of hosts with which the search may end, when all that matters is to stay
            within it or to know that the bound forbids it.

    Returns:
        A placement on hosts `new-1` ... .  Copies larger than a host, and those under contradictory
        rules, are refused and do not count in the bound.

    >>> from planner.estate import VM
    >>> from planner.demand import give_of, load_of
    >>> vms = [VM(name=f"vm{n}", power="on", vcpus=4, memory_mib=16384, disk_mib=0) for n in range(200)]
    >>> terabyte = give_of(cores=64, cpu_mhz=2400, memory_mib=1048576, vcpu_per_core=4)
    >>> found = pack(load_of(vms), terabyte)
    >>> found.hosts_used, found.lower_bound
    (4, 4)
    """
    size = np.array(give, dtype=np.int64)
    bound = bind(load, rules, None)
    task, too_large = _without_too_large(load, bound, size)
    items = np.vstack([task.unit_needs, *(load.needs[copies] for copies in task.shapes.copies)])
    lowest = fewest_hosts(items, list(give), _widest_apart(task.units)) if len(items) else 0
    best: _Try | None = None
    empty = np.empty((0, len(size)), dtype=np.int64)
    for attempt in _attempts(task, empty, (), size):
        if best is None or len(attempt.left) < len(best.left):
            best = attempt
        if len(best.left) <= max(lowest, enough or 0) or (enough is not None and lowest > enough):
            break
    if best is None:
        best = _Try(where=np.full(len(load.names), -1), left=empty, method="")
    best = _searched_fewer(task, best, max(lowest, enough or 0), size)
    names = tuple(f"new-{row + 1}" for row in range(len(best.left)))
    return _placement(load, best, names, (*bound.refusals, *too_large), lowest)


def place(load: Load, capacity: Capacity, rules: Sequence[Rule] = (), *, quick: bool = False) -> Placement:
    """Place everything on the hosts that are there, rules and all.

    Args:
        load: the copies to place.
        capacity: the hosts, largest or smallest first as it turns out better.
        rules: those of the estate; contradictory ones refuse their VMs.
        quick: whether the first greedy way is enough, and refusals need no reasons, as for a
            question asked many times.

    Returns:
        A placement; each refused VM tells how many hosts lack what for it, counted on what the best
        attempt left.
    """
    bound = bind(load, rules, capacity.names)
    refused = {refusal.vm for refusal in bound.refusals}
    task = _task(load, bound.units, refused, capacity.gives.max(axis=0, initial=1))
    hopeless = any(load.total(column) > sum(gives) for column, gives in enumerate(capacity.gives.T.tolist()))
    once = quick or hopeless
    best = _best(task, capacity, len(refused), once)
    if best.over > len(refused) and not once:
        best = _searched(task, capacity) or best
    refusals = (*bound.refusals, *_reasons(task, best, capacity, refused, quick))
    return _placement(load, best, capacity.names, refusals, _fewest_real(load, capacity))


def _best(task: _Task, capacity: Capacity, refused: int, once: bool) -> _Try:
    """Try one way after the other until one refuses nobody but those refused already, or only the first."""
    best = _Try(where=np.full(len(task.load.names), -1), left=capacity.gives.copy(), method="")
    for order in _host_orders(capacity.gives):
        names = [capacity.names[row] for row in order.tolist()]
        for attempt in _attempts(task, capacity.gives[order], names, None):
            if attempt.over < best.over:
                best = _in_order(attempt, order)
            if best.over == refused or once:
                return best
    return best


def _task(load: Load, units: Sequence[Unit], refused: set[str], scale: Counts) -> _Task:
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
    return _Task(
        load=load,
        shapes=group(load.needs, np.flatnonzero(free)),
        units=tuple(units[row] for row in order),
        unit_needs=np.array([sums[row] for row in order], dtype=np.int64).reshape(-1, load.needs.shape[1]),
        scale=scale,
    )


def _without_too_large(load: Load, bound: Bound, size: Counts) -> tuple[_Task, list[Refusal]]:
    """Take out what no host of this size holds, whatever else it holds."""
    refusals: list[Refusal] = []
    units = []
    in_unit: set[int] = set()
    for unit in bound.units:
        in_unit.update(unit.copies)
        short = _short(load.needs[list(unit.copies)].sum(axis=0), size[None, :])[0]
        if short is None:
            units.append(unit)
        else:
            refusals.extend(_refusal(load.names[copy], short) for copy in unit.copies)
    for copy in np.flatnonzero((load.needs > size).any(axis=1)).tolist():
        short = _short(load.needs[copy], size[None, :])[0]
        if copy not in in_unit and short is not None:
            refusals.append(_refusal(load.names[copy], short))
    refused = {refusal.vm for refusal in (*bound.refusals, *refusals)}
    return _task(load, units, refused, size), refusals


def _short(need: Counts, left: Counts) -> list[Reason | None]:
    """Name what each host lacks most; None where all suffices."""
    return [REASON_OF[column] if column >= 0 else None for column in lacking(need, left).tolist()]


def _refusal(vm: str, reason: Reason) -> Refusal:
    return Refusal(vm=vm, reasons=(ReasonCount(reason=reason, hosts=1),))


def _widest_apart(units: Sequence[Unit]) -> int:
    """Say how many units the largest group that stands apart has."""
    sizes: dict[int, int] = {}
    for unit in units:
        for number in unit.apart:
            sizes[number] = sizes.get(number, 0) + 1
    return max(sizes.values(), default=0)


def _host_orders(gives: Counts) -> list[Counts]:
    """Give the hosts largest first, then smallest first where they differ."""
    if not len(gives):
        return []
    size = (gives / np.maximum(gives.max(axis=0), 1)).sum(axis=1)
    largest = np.argsort(-size, kind="stable")
    if (gives == gives[0]).all():
        return [largest]
    return [largest, np.argsort(size, kind="stable")]


def _attempts(task: _Task, start: Counts, names: Sequence[str], give: Counts | None) -> Iterator[_Try]:
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


def _tries(shapes: int) -> int:
    """Say how many orders are worth their time; each costs some microseconds a shape."""
    return next(tries for most, tries in TRIES if shapes <= most)


def _place_units(
    task: _Task, start: Counts, names: Sequence[str], give: Counts | None, roomiest: bool
) -> _Try:
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
    return _Try(where=where, left=left, method="units")


def _with_free(task: _Task, base: _Try, filling: Filling, method: str) -> _Try:
    """Turn what was placed by shape into the host of each copy."""
    where = base.where.copy()
    taken = [0] * len(task.shapes.copies)
    for shape, host, count in filling.placed:
        first = taken[shape]
        where[task.shapes.copies[shape][first : first + count]] = host
        taken[shape] = first + count
    return _Try(where=where, left=filling.left, method=method)


def _in_order(attempt: _Try, order: Counts) -> _Try:
    """Translate rows of the order tried back into rows of the capacity."""
    left = np.empty_like(attempt.left)
    left[order] = attempt.left
    where = np.where(attempt.where >= 0, order[attempt.where], -1)
    return _Try(where=where, left=left, method=attempt.method)


def _items(task: _Task) -> tuple[list[tuple[int, ...]], list[Unit | None]]:
    """List everything to place one by one, largest first."""
    items = [(unit.copies, unit) for unit in task.units]
    loose: list[tuple[tuple[int, ...], Unit | None]] = [
        ((copy,), None) for copies in task.shapes.copies for copy in copies.tolist()
    ]
    every = [*items, *loose]
    share = task.load.needs / np.maximum(task.scale, 1)
    every.sort(key=lambda item: (-float(share[list(item[0])].sum()), item[0]))
    return [copies for copies, _ in every], [unit for _, unit in every]


def _searched(task: _Task, capacity: Capacity) -> _Try | None:
    """Try every way, where there are few enough copies; None when that finds none either."""
    if len(task.units) + sum(task.shapes.counts) > SEARCH_ITEMS:
        return None
    groups, units = _items(task)
    rows = {name: row for row, name in enumerate(capacity.names)}
    allowed = [
        None if unit is None or unit.hosts is None else frozenset(rows[name] for name in unit.hosts)
        for unit in units
    ]
    apart = [frozenset(unit.apart if unit is not None else ()) for unit in units]
    needs = np.array([task.load.needs[list(copies)].sum(axis=0) for copies in groups], dtype=np.int64)
    found = search(needs, allowed, apart, capacity.gives) if groups else None
    if found is None:
        return None
    where = np.full(len(task.load.names), -1, dtype=np.int64)
    left = capacity.gives.copy()
    for copies, host, need in zip(groups, found, needs, strict=True):
        where[list(copies)] = host
        left[host] -= need
    return _Try(where=where, left=left, method="every way")


def _searched_fewer(task: _Task, best: _Try, lowest: int, size: Counts) -> _Try:
    """Go down host by host from the best attempt while trying every way still finds one."""
    while len(best.left) > max(lowest, 1):
        hosts = len(best.left) - 1
        names = tuple(str(row) for row in range(hosts))
        fewer = _searched(task, Capacity(names=names, gives=np.tile(size, (hosts, 1))))
        if fewer is None:
            break
        best = fewer
    return best


def _fewest_real(load: Load, capacity: Capacity) -> int:
    """Say how many of the real hosts it takes at least: the largest ones, until the sum is reached."""
    fewest = 0
    for column in range(load.needs.shape[1]):
        total, hosts = load.total(column), 0
        for give in sorted(capacity.gives[:, column].tolist(), reverse=True):
            if total <= 0:
                break
            total, hosts = total - give, hosts + 1
        fewest = max(fewest, hosts)
    return fewest


def _reasons(task: _Task, best: _Try, capacity: Capacity, refused: set[str], quick: bool) -> list[Refusal]:
    """Count, for each copy left over, the hosts by what they lack for it; quick: only name the copies."""
    over = [copy for copy in np.flatnonzero(best.where < 0).tolist() if task.load.names[copy] not in refused]
    if quick:
        return [Refusal(vm=task.load.names[copy], reasons=()) for copy in over]
    unit_of = {copy: unit for unit in task.units for copy in unit.copies}
    known: dict[bytes, tuple[ReasonCount, ...]] = {}
    refusals = []
    for copy in over:
        need = task.load.needs[copy]
        key = need.tobytes()
        if copy in unit_of:
            reasons = _unit_reasons(task, unit_of[copy], best, capacity)
        else:
            known[key] = reasons = known.get(key) or count_reasons(_short(need, best.left), "")
        refusals.append(Refusal(vm=task.load.names[copy], reasons=reasons))
    return refusals


def _unit_reasons(task: _Task, unit: Unit, best: _Try, capacity: Capacity) -> tuple[ReasonCount, ...]:
    need = task.load.needs[list(unit.copies)].sum(axis=0)
    short = [
        Reason.RULE if unit.hosts is not None and name not in unit.hosts else lacking
        for name, lacking in zip(capacity.names, _short(need, best.left), strict=True)
    ]
    return count_reasons(short, ", ".join(unit.rules))


def _placement(
    load: Load, best: _Try, hosts: tuple[str, ...], refusals: tuple[Refusal, ...], lowest: int
) -> Placement:
    placed = {name: hosts[row] for name, row in zip(load.names, best.where.tolist(), strict=True) if row >= 0}
    return Placement(
        hosts=hosts,
        placed=placed,
        refusals=refusals,
        hosts_used=len(set(placed.values())),
        lower_bound=lowest,
        method=best.method,
    )
