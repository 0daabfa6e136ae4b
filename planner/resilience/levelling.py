"""Even out loads over hosts by moves, exchanges and pairs of moves.  Arrays, no estate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from planner.kernels.arrays import F64, I32, I64, Flags
from planner.patterns.standing import Standing

STEEPEST_UP_TO: Final = 4_000_000  # VMs x hosts up to which every move is weighed before each move
REFRESH: Final = 400  # moves after which remembered gains are renewed
LOOKS_AT_MOST: Final = 30_000_000  # pairs weighed in one look-ahead
REFUSED_AT_MOST: Final = 200  # moves that a guard may refuse before we stop asking
PARTNERS: Final = 16  # unlike hosts tried for each host
SWEEPS: Final = 2  # over all hosts for each price of a move
ASIDE: Final = 4  # least loaded hosts that take a VM out of the way
NO_GAIN: Final = 1e-9
FURTHER_UP_TO: Final = 10_000  # VMs x hosts up to which an end is searched on from
ROUNDS: Final = 3
PAIR: Final = 2
NOTHING: Final = (np.empty((0, 3), np.int64), np.empty(0))


@dataclass(frozen=True, slots=True)
class Loads:
    """What is levelled: value[host, load] = unit[host, load] x sum of part[vm, load] over its VMs.

    The score is the sum over the loads of weight x population standard deviation over the hosts that
    are `open_to` VMs.  `base[host, load]` is there whoever comes or goes.
    """

    part: F64
    unit: F64
    weight: F64
    base: F64 | None = None

    def values(self, where: I64) -> F64:
        """The loads of each host."""
        value = np.zeros_like(self.unit)
        on = where >= 0
        np.add.at(value, where[on], self.part[on])
        value *= self.unit
        return value if self.base is None else value + self.base


@dataclass(frozen=True, slots=True)
class Levelling:
    """Moves as moves[move, (vm, source, target)], the score after each, and where everybody is then."""

    before: float
    moves: I64
    scores: F64
    where: I64


# Says of moves, one after the other, how many of the first of them may be done.
Guard = Callable[[I64, I64], int]


def score(loads: Loads, where: I64) -> float:
    """The score as it is."""
    return float((loads.weight * loads.values(where).std(axis=0)).sum()) if len(loads.unit) else 0.0


def level(
    standing: Standing,
    where: I64,
    loads: Loads,
    *,
    movable: Flags,
    most: int,
    least_gain: float = NO_GAIN,
    look_ahead: bool = True,
    guard: Guard | None = None,
) -> Levelling:
    """Move VMs until no move, no exchange of two VMs and no pair of moves lowers the score enough.

    Every move is valid when it begins and leaves every rule whole: the VM needs its room on the target
    while it still has it on the source.  A VM moves once.

    Args:
        standing: needs, capacities, permits, groups.
        where: the host of each VM, -1 for none.
        loads: what is levelled.
        movable: VMs that may be moved.
        most: moves at most.
        least_gain: a move must lower the score by so much; those that help only together, on average.
        look_ahead: without, only moves that help alone, the best of all each time, as hbal does.
        guard: given (where, moves), how many of the moves may be done; the VM of the next one stays.
    """
    movable, now = movable.copy(), where.copy()
    current = before = score(loads, where)
    done: list[tuple[int, int, int]] = []
    scores: list[float] = []
    refused = 0
    while len(done) < most and refused < REFUSED_AT_MOST and len(now):
        ask = (standing, now, loads, movable, most - len(done), least_gain)
        moves, reached = _worthwhile(*ask, current) if look_ahead else _singles(*ask)
        if not len(moves):
            break
        allowed = len(moves) if guard is None else guard(now, moves)
        if allowed < len(moves):
            movable[moves[allowed, 0]] = False
            refused += 1
            allowed = worth(reached[:allowed], current, least_gain)
        for vm, source, target in moves[:allowed].tolist():
            done.append((vm, source, target))
            now[vm] = target
            movable[vm] = movable[vm] and not look_ahead
        scores += reached[:allowed].tolist()
        current = scores[-1] if scores else before
    return Levelling(
        before=before, moves=np.array(done, np.int64).reshape(-1, 3), scores=np.array(scores), where=now
    )


def worth(scores: F64, before: float, least_gain: float) -> int:
    """Say after how many moves to stop: where score + least gain x moves is lowest.

    >>> worth(np.array([9.0, 8.0, 9.5, 7.9]), 10.0, 0.1), worth(np.array([10.5]), 10.0, 0.1)
    (2, 0)
    """
    if not len(scores):
        return 0
    paid = scores + least_gain * np.arange(1, len(scores) + 1)
    best = int(paid.argmin())
    return best + 1 if paid[best] < before else 0


def _worthwhile(
    standing: Standing,
    where: I64,
    loads: Loads,
    movable: Flags,
    most: int,
    least_gain: float,
    before: float,
) -> tuple[I64, F64]:
    """The best of exchanges, single moves and, where neither is worth it, a pair of moves."""
    ask = (standing, where, loads, movable, most, least_gain)
    is_large = len(where) * len(loads.unit) > STEEPEST_UP_TO
    ways = [_exchanges(*ask)] if is_large else [_exchanges(*ask), _once(*ask)]
    found = [(moves, reached, worth(reached, before, least_gain)) for moves, reached in ways]
    cut = [(moves[:many], reached[:many]) for moves, reached, many in found if many]
    if cut and len(where) * len(loads.unit) <= FURTHER_UP_TO:
        for moves, reached in [_further(*ask, ended=moves) for moves, _ in cut]:
            many = worth(reached, before, least_gain)
            cut += [(moves[:many], reached[:many])] if many else []
    if cut:
        return min(cut, key=lambda way: float(way[1][-1]) + least_gain * len(way[0]))
    return pair(standing, where, loads, movable, least_gain) if most >= PAIR else NOTHING


def _further(
    standing: Standing,
    where: I64,
    loads: Loads,
    movable: Flags,
    most: int,
    least_gain: float,
    *,
    ended: I64,
) -> tuple[I64, F64]:
    """Search on from where a way ended, as if balanced a second time, and go there straight from today."""
    goal = where.copy()
    goal[ended[:, 0]] = ended[:, 2]
    for search in (_exchanges, _once) * ROUNDS:
        moves, reached = search(standing, goal, loads, movable, most, least_gain)
        many = worth(reached, score(loads, goal), least_gain)
        goal[moves[:many, 0]] = moves[:many, 2]
    moves, reached = _sequence(standing, where, goal, loads)
    return moves[:most], reached[:most]


def _once(
    standing: Standing, where: I64, loads: Loads, movable: Flags, most: int, least_gain: float
) -> tuple[I64, F64]:
    """Where the best single moves lead to, each VM moved once."""
    goal = where.copy()
    for vm, _, target in _singles(standing, where, loads, movable, most, least_gain)[0].tolist():
        goal[vm] = target
    return _sequence(standing, where, goal, loads)


def _arrays(standing: Standing, where: I64) -> tuple[I64, I64, I64, Flags, I64, I64, I32]:
    return (
        standing.need,
        standing.room(where),
        standing.permit,
        standing.permitted,
        standing.apart_start,
        standing.apart_group,
        standing.present(where),
    )


def _centred(loads: Loads, where: I64) -> F64:
    """Give the loads of each host less their mean.

    The score is the same, and the kernels' sums of squares keep the digits that tell a gain from none.
    """
    value = loads.values(where)
    value -= value.mean(axis=0)
    return value


def _singles(
    standing: Standing, where: I64, loads: Loads, movable: Flags, most: int, least_gain: float
) -> tuple[I64, F64]:
    """The best single moves, again and again; `where` stays as it is."""
    from planner.kernels import balancing

    if len(where) * len(standing.capacity) > STEEPEST_UP_TO:
        return lazily(standing, where, loads, movable, most, least_gain)
    return balancing.steepest_moves(
        where.copy(), movable, np.ones(len(standing.capacity), bool), loads.part, loads.unit,
        _centred(loads, where), loads.weight, most, least_gain, *_arrays(standing, where),
    )  # fmt: skip


def lazily(
    standing: Standing, where: I64, loads: Loads, movable: Flags, most: int, least_gain: float
) -> tuple[I64, F64]:
    """The same for large clusters, with gains that are remembered."""
    from planner.kernels import balancing

    return balancing.lazy_moves(
        where.copy(), movable, np.ones(len(standing.capacity), bool), loads.part, loads.unit,
        _centred(loads, where), loads.weight, most, least_gain, REFRESH, *_arrays(standing, where),
    )  # fmt: skip


def _exchanges(
    standing: Standing, where: I64, loads: Loads, movable: Flags, most: int, least_gain: float
) -> tuple[I64, F64]:
    """A better end found by moves and exchanges, and the way there; `where` stays as it is."""
    from planner.kernels import exchanging

    goal = where.copy()
    exchanging.exchange(
        goal, where, movable, loads.part, loads.unit, _centred(loads, where), loads.weight,
        most, least_gain, PARTNERS, SWEEPS, *_arrays(standing, where),
    )  # fmt: skip
    return _sequence(standing, where, goal, loads)


def _sequence(standing: Standing, where: I64, goal: I64, loads: Loads) -> tuple[I64, F64]:
    """An order in which each move is valid; who is blocked stays."""
    from planner.kernels import exchanging

    return exchanging.sequence(
        where.copy(),
        goal,
        loads.part,
        loads.unit,
        _centred(loads, where),
        loads.weight,
        *_arrays(standing, where),
    )


def pair(standing: Standing, where: I64, loads: Loads, movable: Flags, least_gain: float) -> tuple[I64, F64]:
    """The best two moves at once, tried from the hosts that are farthest from the average."""
    from planner.kernels import pairing, repairing

    hosts = len(standing.capacity)
    if hosts < 2:
        return NOTHING
    value = _centred(loads, where)
    far = (np.abs(value) * loads.weight).sum(axis=1)
    each = max(1, len(where) // hosts * len(where) * (ASIDE + 1))
    sources = np.argsort(-far, kind="stable")[: max(2, LOOKS_AT_MOST // each)]
    aside = np.argsort((value * loads.weight).sum(axis=1), kind="stable")[:ASIDE]
    start, vms = repairing.by_host(where, hosts)
    gain, found = pairing.best_pair(
        sources, aside, start, vms, movable, np.ones(hosts, bool), loads.part, loads.unit, value,
        loads.weight, 2 * least_gain, *_arrays(standing, where),
    )  # fmt: skip
    if gain <= 0.0:
        return NOTHING
    other, target, third, vm, source = found.tolist()
    after = where.copy()
    after[other] = third
    between = score(loads, after)
    after[vm] = target
    moves = np.array([[other, target, third], [vm, source, target]], np.int64)
    return moves, np.array([between, score(loads, after)])
