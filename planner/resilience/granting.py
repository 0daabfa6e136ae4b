"""The migrations that mend rules: straight to a host that takes the VM, or after another VM has made way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Final

import numpy as np

from planner.kernels.arrays import I32, I64, Flags
from planner.resilience.ground import Ground, may_take, put
from planner.resilience.levelling import Guard
from planner.resilience.loads import HostLoads
from planner.resilience.mending import Broken, Judge, Wish
from planner.resilience.moving import Step
from planner.sentence import Sentence

TARGETS_TRIED: Final = 8  # hosts tried for a VM that ought to move, before it stays
BLOCKERS_TRIED: Final = 16  # VMs of each that are asked to make way, the smallest first
Granted = list[tuple[Step, Sentence]]


@dataclass(frozen=True, slots=True)
class Mended:
    """Moves in order, with the reason of each, and where everybody stands after them."""

    steps: list[Step]
    reasons: list[Sentence]
    where: I64


def mend(
    judge: Judge, loads: HostLoads, guard: Guard | None, where: I64, may_move: Flags, most: int
) -> Mended:
    """Move whoever stands where a rule forbids, in rounds, until a round moves nobody.

    Args:
        judge: counts what does not hold.
        loads: the least loaded of equally good hosts is taken.
        guard: refuses moves that make a loss of hosts worse.
        where: the host of each row, -1 for none.
        may_move: rows that may; each moves once.
        most: migrations at most.
    """
    ground, where, may_move = judge.ground, where.copy(), may_move.copy()
    steps: list[Step] = []
    reasons: list[Sentence] = []
    moved = True
    while moved:
        moved = False
        for _, bundle in groupby(list(judge.wishes(where)), key=_bundle):
            wishes = list(bundle)
            if not all(may_move[wish.row] for wish in wishes):
                continue
            granted = _granted(judge, loads, guard, where, wishes, may_move)
            left = most - count_moves(ground, steps)
            if granted is None or count_moves(ground, [step for step, _ in granted]) > left:
                continue
            for step, reason in granted:
                steps.append(step)
                reasons.append(reason)
                where[step.row] = step.target
                may_move[step.row] = False
            moved = True
    return Mended(steps, reasons, where)


def count_moves(ground: Ground, steps: Sequence[Step]) -> int:
    """Count migrations: VMs that stay together are one each."""
    return sum(len(ground.names(step.row)) for step in steps)


def _bundle(wish: Wish) -> tuple[str, int]:
    """Tell wishes that go together from those that stand alone."""
    return (wish.bundle, -1) if wish.bundle else ("", wish.row)


def _granted(
    judge: Judge,
    loads: HostLoads,
    guard: Guard | None,
    where: I64,
    wishes: Sequence[Wish],
    may_move: Flags,
) -> Granted | None:
    """Give the moves that grant wishes so that less is broken than before; None where there are none."""
    before = judge.count(where)
    is_alone = len(wishes) == 1 and not wishes[0].bundle
    if is_alone:
        gone = where.copy()
        gone[wishes[0].row] = -1
        if not _is_less(judge.count(gone), before):
            return None  # somebody else who moved has mended it
    now = where.copy()
    granted: Granted = []
    for number, wish in enumerate(wishes, 1):
        for target in islice(_targets(judge, loads, now, wish), TARGETS_TRIED):
            after = now.copy()
            after[wish.row] = target
            if number == len(wishes) and not _is_less(judge.count(after), before):
                continue
            if _allows(guard, now, wish.row, target):
                granted.append((_step(wish.row, now, target), wish.reason))
                now = after
                break
        else:
            return _after_way(judge, loads, guard, where, wishes[0], may_move) if is_alone else None
    return granted


def _after_way(
    judge: Judge, loads: HostLoads, guard: Guard | None, where: I64, wish: Wish, may_move: Flags
) -> Granted | None:
    """Two moves: one VM makes way to a third host, the other takes its place; None where no two help."""
    ground, standing = judge.ground, judge.ground.standing
    before, source = judge.count(where), int(where[wish.row])
    able = standing.permitted[standing.permit[wish.row]] & wish.hosts
    able[source] = False
    for target in islice(_ordered(judge, loads, where, wish.row, able), TARGETS_TRIED):
        room, present = standing.room(where), standing.present(where)
        for blocker in islice(_blockers(ground, where, wish.row, target, room, present), BLOCKERS_TRIED):
            if not may_move[blocker] or blocker == wish.row:
                continue
            third = _third(judge, loads, where, blocker, target, room, present)
            if third is None:
                continue
            between = where.copy()
            between[blocker] = third
            after = between.copy()
            after[wish.row] = target
            if judge.count(between).must > before.must or not _is_less(judge.count(after), before):
                continue
            if _allows(guard, where, blocker, third) and _allows(guard, between, wish.row, target):
                way = Sentence(
                    "makes way on {host} for {vm}",
                    {"host": ground.hosts[target].name, "vm": ground.names(wish.row)[0]},
                )
                return [
                    (_step(blocker, where, third), way),
                    (_step(wish.row, between, target), wish.reason),
                ]
    return None


def _blockers(ground: Ground, where: I64, row: int, target: int, room: I64, present: I32) -> Iterator[int]:
    """Give the VMs of a host each of which, gone, would let a row in, the smallest first."""
    standing = ground.standing
    rows = np.flatnonzero(where == target)
    enough = (room[target] + standing.need[rows] >= standing.need[row]).all(axis=1)
    rows = rows[enough]
    size = (standing.need[rows] / np.maximum(standing.capacity[target], 1)).max(axis=1)
    for blocker in rows[np.argsort(size, kind="stable")].tolist():
        put(standing, blocker, target, room, present, -1)
        lets_in = bool(may_take(standing, row, room, present)[target])
        put(standing, blocker, target, room, present)
        if lets_in:
            yield blocker


def _third(
    judge: Judge, loads: HostLoads, where: I64, blocker: int, target: int, room: I64, present: I32
) -> int | None:
    """Give the host to which a VM that makes way goes, one that it prefers and that is little loaded."""
    able = may_take(judge.ground.standing, blocker, room, present)
    able[target] = False
    return next(_ordered(judge, loads, where, blocker, able), None)


def _step(row: int, where: I64, target: int) -> Step:
    return Step(row=row, source=int(where[row]), target=target)


def _allows(guard: Guard | None, where: I64, row: int, target: int) -> bool:
    return guard is None or guard(where, np.array([[row, where[row], target]], np.int64)) > 0


def _is_less(one: Broken, other: Broken) -> bool:
    return (one.must, one.should) < (other.must, other.should)


def _targets(judge: Judge, loads: HostLoads, where: I64, wish: Wish) -> Iterator[int]:
    """Give the hosts that take a row now, those it prefers first, the least loaded first."""
    standing = judge.ground.standing
    able = may_take(standing, wish.row, standing.room(where), standing.present(where)) & wish.hosts
    able[where[wish.row]] = False
    return _ordered(judge, loads, where, wish.row, able)


def _ordered(judge: Judge, loads: HostLoads, where: I64, row: int, able: Flags) -> Iterator[int]:
    full = loads.percent(where).max(axis=1)
    liked = judge.preferred.get(row)
    order = np.lexsort((full, ~liked if liked is not None else np.zeros(len(full), bool)))
    return (int(host) for host in order if able[host])
