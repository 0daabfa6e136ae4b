"""Which VM runs on which host, and why nobody could use fewer: quick ways first, patterns where they leave
a gap, with the refusals and the bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from planner.bounds import Lowest, fewest_hosts, fewest_of
from planner.demand import Capacity, Counts, Load
from planner.estate import Rule
from planner.greedy import Task, Try, attempts, host_orders, in_order, searched, smallest_first, task_of
from planner.packing import OutOfSteps
from planner.patterned import stand
from planner.patterns.generation import Effort
from planner.reach import Reach
from planner.reasons import reasons_of, short, too_large
from planner.refusal import Refusal
from planner.rules import Bound, bind

QUICK_SHAPES: Final = 20_000  # beyond so many different needs the quick ways are not quick
QUESTION: Final = Effort(rounds=60, nodes=50_000, program_work=3_000_000, search_work=3_000_000)
EVERY_WAY: Final = "every way tried"


class Placement(Struct, frozen=True, kw_only=True):
    """Who runs where.  `placed` maps the name of a copy to that of its host; the rest is refused.

    `hosts` are those offered; `lower_bound` is what no placement of the placed copies can beat, and
    `bound_method` says what proves it.
    """

    hosts: tuple[str, ...]
    placed: dict[str, str]
    refusals: tuple[Refusal, ...]
    hosts_used: int
    lower_bound: int
    method: str
    bound_method: str = ""

    @property
    def complete(self) -> bool:
        """Whether every copy has a host."""
        return not self.refusals

    @property
    def gap(self) -> int:
        """Hosts beyond the bound: 0 is proven to be the fewest."""
        return self.hosts_used - self.lower_bound


def pack(load: Load, give: Sequence[int], rules: Sequence[Rule] = (), enough: int | None = None) -> Placement:
    """Place everything on the fewest hosts of one kind, as many as it takes.

    Several greedy ways are tried, and every way where there is but a handful of VMs; where they stay
    above the bound, patterns are generated, which both use fewer hosts and prove more.  A rule that
    names hosts binds nobody here, for these hosts have no names yet.

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
    task, refused = _without_too_large(load, bound, size)
    lowest = (
        fewest_hosts(task.needs, give, task.widest_apart) if task.items else Lowest(0, "nothing to place")
    )
    best = _quickly_packed(task, size, lowest, enough)
    if len(best.left) > max(lowest.hosts, enough or 0) and not (enough is not None and lowest.hosts > enough):
        best, lowest = _packed_harder(task, best, lowest, size, enough)
    names = tuple(f"new-{row + 1}" for row in range(len(best.left)))
    return _placement(load, best, names, (*bound.refusals, *refused), lowest)


def place(
    load: Load,
    capacity: Capacity,
    rules: Sequence[Rule] = (),
    *,
    quick: bool = False,
    reach: Reach | None = None,
) -> Placement:
    """Place everything on the hosts that are there, rules and all; how many are used does not matter.

    Args:
        load: the copies to place.
        capacity: the hosts, largest or smallest first as it turns out better.
        rules: those of the estate; contradictory ones refuse their VMs.
        quick: whether the first greedy way is enough, and refusals need no reasons, as for a
            question asked many times.
        reach: hosts that lack a datastore, a network or the CPU of a VM.

    Returns:
        A placement; each refused VM tells how many hosts lack what for it, counted on what the best
        attempt left.
    """
    bound = bind(load, rules, capacity.names, reach)
    refused = {refusal.vm for refusal in bound.refusals}
    task = task_of(load, bound.units, refused, capacity.gives.max(axis=0, initial=1))
    once = quick or _hopeless(load, capacity)
    best = _best(task, capacity, len(refused), once)
    if once and not quick:
        best = _fewest_over(task, capacity, best)
    if best.over > len(refused) and not once:
        best = _placed_harder(task, capacity, best)
    lowest = fewest_of(_needs_placed(task, best), capacity.gives, 0)
    said = reasons_of(task, best, capacity, bound, reach or Reach(), quick)
    return _placement(load, best, capacity.names, (*bound.refusals, *said), lowest)


def consolidate(
    load: Load, capacity: Capacity, rules: Sequence[Rule] = (), *, reach: Reach | None = None
) -> Placement:
    """Place everything on the fewest of the hosts that are there, rules and all, and prove how few there
    could be.

    Args, Returns: as for `place`; the bound ignores rules other than the VMs that stand apart, which
    can only cost hosts: it holds with them too.  With a handful of VMs every way is tried, rules and all.
    """
    bound = bind(load, rules, capacity.names, reach)
    refused = {refusal.vm for refusal in bound.refusals}
    task = task_of(load, bound.units, refused, capacity.gives.max(axis=0, initial=1))
    lowest = fewest_of(task.needs, capacity.gives, task.widest_apart)
    hopeless = _hopeless(load, capacity)
    best = _best(task, capacity, len(refused), hopeless, fewest=lowest.hosts)
    if hopeless:
        best = _fewest_over(task, capacity, best)
    if task.items and not hopeless and (best.over > len(refused) or best.hosts_used > lowest.hosts):
        found, proven = stand(task, capacity.names, capacity.gives)
        best = min(best, found, key=lambda attempt: attempt.rank)
        if best.over > len(refused):
            best = _placed_harder(task, capacity, best)
        if proven.hosts is not None:
            lowest = lowest.stronger(Lowest(proven.hosts, proven.method))
        if best.over <= len(refused):
            best, lowest = _searched_fewer(task, capacity, best, lowest)
    if best.over > len(refused):  # the bound of all says nothing of those that were placed
        lowest = fewest_of(_needs_placed(task, best), capacity.gives, 0)
    said = reasons_of(task, best, capacity, bound, reach or Reach())
    return _placement(load, best, capacity.names, (*bound.refusals, *said), lowest)


def _hopeless(load: Load, capacity: Capacity) -> bool:
    """Say whether even the sums are too large, so that no better way is worth its time."""
    return any(load.total(column) > sum(gives) for column, gives in enumerate(capacity.gives.T.tolist()))


def _fewest_over(task: Task, capacity: Capacity, best: Try) -> Try:
    """Where not all fit by their sums alone, try whether the smallest first leave fewer without a host."""
    if len(task.shapes.copies) > QUICK_SHAPES:
        return best
    return min(best, smallest_first(task, capacity.gives, capacity.names), key=lambda attempt: attempt.rank)


def _quickly_packed(task: Task, size: Counts, lowest: Lowest, enough: int | None) -> Try:
    """Try the quick ways until one meets the bound, or what is enough."""
    best: Try | None = None
    empty = np.empty((0, len(size)), dtype=np.int64)
    if len(task.shapes.copies) <= QUICK_SHAPES:
        for attempt in attempts(task, empty, (), size):
            if best is None or len(attempt.left) < len(best.left):
                best = attempt
            if len(best.left) <= max(lowest.hosts, enough or 0) or (
                enough is not None and lowest.hosts > enough
            ):
                break
    if best is not None:
        return best
    # One host a copy: what the search for fewer may fall back on.
    where = np.full(len(task.load.names), -1)
    for row, copies in enumerate([list(unit.copies) for unit in task.units]):
        where[copies] = row
    loose = np.concatenate([np.empty(0, np.int64), *task.shapes.copies])
    where[loose] = len(task.units) + np.arange(len(loose))
    return Try(where=where, left=size - task.needs if task.items else empty, method="one each")


def _packed_harder(
    task: Task, best: Try, lowest: Lowest, size: Counts, enough: int | None
) -> tuple[Try, Lowest]:
    """Go down host by host where every way can be tried, else by patterns."""
    best, lowest = _searched_fewer(task, _alike(size, len(best.left)), best, lowest, enough or 0)
    if best.hosts_used <= max(lowest.hosts, enough or 0):
        return _without_empty(best), lowest
    hosts = best.hosts_used
    if best.method == "one each":
        hosts = min(hosts, lowest.hosts + lowest.hosts // 5 + task.widest_apart + 16)
    found, proven = stand(task, (), np.tile(size, (hosts, 1)))
    if proven.hosts is not None:
        lowest = lowest.stronger(Lowest(proven.hosts, proven.method))
    if not (found.where[best.where >= 0] < 0).any() and found.hosts_used < best.hosts_used:
        best = found
    return _without_empty(best), lowest


def _alike(size: Counts, hosts: int) -> Capacity:
    return Capacity(names=tuple(str(row) for row in range(hosts)), gives=np.tile(size, (hosts, 1)))


def _without_empty(attempt: Try) -> Try:
    """Leave out the hosts that hold nothing."""
    used, rows = np.unique(attempt.where[attempt.where >= 0], return_inverse=True)
    where = attempt.where.copy()
    where[where >= 0] = rows
    return Try(where=where, left=attempt.left[used], method=attempt.method)


def _searched_fewer(
    task: Task, capacity: Capacity, best: Try, lowest: Lowest, enough: int = 0
) -> tuple[Try, Lowest]:
    """Allow one host fewer, and again, while trying every way still finds one and it is not enough."""
    while best.hosts_used > max(lowest.hosts, enough):
        try:
            fewer = searched(task, capacity, best.hosts_used - 1)
        except OutOfSteps:
            break
        if fewer is None:
            return best, Lowest(best.hosts_used, EVERY_WAY)
        best = fewer
    return best, lowest


def _placed_harder(task: Task, capacity: Capacity, best: Try) -> Try:
    """Try every way where there are few enough copies, else patterns."""
    try:
        return searched(task, capacity) or best
    except OutOfSteps:
        found, _ = stand(task, capacity.names, capacity.gives, QUESTION)
        return found if found.over < best.over else best


def _needs_placed(task: Task, best: Try) -> Counts:
    return task.load.needs[best.where >= 0]


def _best(task: Task, capacity: Capacity, refused: int, once: bool, fewest: int | None = None) -> Try:
    """Try one way after the other until one refuses nobody but those refused already, or only the first.

    With `fewest`, until one also uses no more hosts than that.
    """
    best = Try(where=np.full(len(task.load.names), -1), left=capacity.gives.copy(), method="nothing")
    if len(task.shapes.copies) > QUICK_SHAPES:
        return best
    for order in host_orders(capacity.gives):
        names = [capacity.names[row] for row in order.tolist()]
        for attempt in attempts(task, capacity.gives[order], names, None):
            if attempt.rank < best.rank or best.method == "nothing":
                best = in_order(attempt, order)
            if once or (best.over == refused and (fewest is None or best.hosts_used <= fewest)):
                return best
    return best


def _without_too_large(load: Load, bound: Bound, size: Counts) -> tuple[Task, list[Refusal]]:
    """Take out what no host of this size holds, whatever else it holds."""
    refusals: list[Refusal] = []
    units = []
    in_unit: set[int] = set()
    for unit in bound.units:
        in_unit.update(unit.copies)
        lacking = short(load.needs[list(unit.copies)].sum(axis=0), size[None, :])[0]
        if lacking is None:
            units.append(unit)
        else:
            refusals.extend(too_large(load.names[copy], lacking) for copy in unit.copies)
    for copy in np.flatnonzero((load.needs > size).any(axis=1)).tolist():
        lacking = short(load.needs[copy], size[None, :])[0]
        if copy not in in_unit and lacking is not None:
            refusals.append(too_large(load.names[copy], lacking))
    refused = {refusal.vm for refusal in (*bound.refusals, *refusals)}
    return task_of(load, units, refused, size), refusals


def _placement(
    load: Load, best: Try, hosts: tuple[str, ...], refusals: tuple[Refusal, ...], lowest: Lowest
) -> Placement:
    on = np.flatnonzero(best.where >= 0).tolist()
    where = best.where.tolist()
    placed = {load.names[copy]: hosts[where[copy]] for copy in on}
    return Placement(
        hosts=hosts,
        placed=placed,
        refusals=refusals,
        hosts_used=best.hosts_used,
        lower_bound=lowest.hosts,
        method=best.method,
        bound_method=lowest.method,
    )
