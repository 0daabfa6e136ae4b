"""Which migrations even out a cluster, what each brings and costs; or which hosts can sleep.

It recommends and cannot act: nothing here or below knows a hypervisor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from typing import Final

import numpy as np
from msgspec import Struct

from planner.kernels.arrays import F64, I64, Flags
from planner.patterns.standing import Standing
from planner.resilience.evacuation import link_notes
from planner.resilience.ground import Ground, may_take
from planner.resilience.guarding import LossGuard
from planner.resilience.levelling import Guard, Levelling, level
from planner.resilience.loads import BROKEN, UNWANTED, HostLoads, host_loads
from planner.resilience.mending import Broken, Judge, Wish
from planner.resilience.moving import Cost, Step, moves_of, staged
from planner.sentence import Sentence

MOVES_AT_MOST: Final = 10_000
LEAST_GAIN: Final = 0.5
CALM: Final = 1.0
EVENED: Final = (
    Sentence(
        "CPU of {source} {source_before} % → {source_after} %, of {target} {target_before} % → "
        "{target_after} %"
    ),
    Sentence(
        "memory of {source} {source_before} % → {source_after} %, of {target} {target_before} % → "
        "{target_after} %"
    ),
)
TARGETS_TRIED: Final = 8  # hosts tried for a VM that ought to move, before it stays


class BalancePolicy(Struct, frozen=True, kw_only=True):
    """What tunes the recommendations.

    `min_gain` is the points of the score times the hosts that a move must bring; a spread below `calm`
    points is left alone; `held` names VMs that stay, such as those moved lately: so nothing swings.
    `failures` 1 or 2: no move may make any loss of so many hosts worse than it is today.  `continuous`
    keeps rules whole during the moves too: VMs that must stand together then stay.
    """

    max_moves: int = MOVES_AT_MOST
    min_gain: float = LEAST_GAIN
    calm: float = CALM
    failures: int = 0
    held: frozenset[str] = frozenset()
    continuous: bool = False


class Recommendation(Struct, frozen=True, kw_only=True):
    """One migration: what it brings, what it costs, and why.  See `moving.Move` for the stage."""

    vm: str
    source: str
    target: str
    score_after: float
    reason: Sentence
    stage: int
    cost: Cost


class HostLoad(Struct, frozen=True, kw_only=True):
    """How full a host is before and after, in percent."""

    host: str
    cpu_before: float
    cpu_after: float
    memory_before: float
    memory_after: float


class Balance(Struct, frozen=True, kw_only=True):
    """Moves in the order in which they are valid.  `broken` counts rules and hosts that do not hold."""

    cluster: str
    score_before: float
    score_after: float
    broken_before: Broken
    broken_after: Broken
    moves: tuple[Recommendation, ...]
    hosts: tuple[HostLoad, ...]
    placed: dict[str, str]
    notes: tuple[Sentence, ...] = ()


def balance(ground: Ground, policy: BalancePolicy | None = None) -> Balance:
    """Recommend migrations: first those that mend rules, then those that even out CPU and memory.

    The score: 1,000 points for each must-rule that does not hold and each host too full, 100 for each
    preference, and the standard deviation over the hosts of CPU and of memory in percentage points.
    Every move is valid when it begins, with the memory of the VM on both hosts, and breaks no rule.

    Docs: docs/formulas/balance.md.
    """
    policy = policy or BalancePolicy()
    loads, judge = host_loads(ground), Judge(ground)
    guard = LossGuard(ground, policy.failures).allowed if policy.failures else None
    steps, reasons, where = _mended(judge, policy, loads, guard)
    scores = _scores(judge, loads, steps)
    found = _levelled(judge, policy, loads, guard, where, policy.max_moves - _count(ground, steps))
    begun = len(steps)
    steps += [Step(row=row, source=source, target=target) for row, source, target in found.moves.tolist()]
    percents = _percents(loads, ground.where, steps)
    reasons += [
        _evens(ground, step, *pair) for step, pair in zip(steps[begun:], percents[begun:], strict=True)
    ]
    scores += _scores_of_levelling(judge, where, found)
    return Balance(
        cluster=ground.cluster,
        score_before=score_of(judge, loads, ground.where),
        score_after=score_of(judge, loads, found.where),
        broken_before=judge.count(ground.where),
        broken_after=judge.count(found.where),
        moves=tuple(_recommended(ground, steps, reasons, scores)),
        hosts=_host_loads(ground, loads, found.where),
        placed=ground.tables.placed(found.where),
        notes=(*ground.notes, *loads.notes, *_policy_notes(policy), *link_notes(ground.hosts)),
    )


def score_of(judge: Judge, loads: HostLoads, where: I64) -> float:
    """The score: what is broken first, then how far the hosts are from each other."""
    return _points(judge.count(where)) + loads.spread(where)


def _points(broken: Broken) -> float:
    return BROKEN * broken.must + UNWANTED * broken.should


def _scores(judge: Judge, loads: HostLoads, steps: Sequence[Step]) -> list[float]:
    """The score after each step."""
    where, scores = judge.ground.where.copy(), []
    for step in steps:
        where[step.row] = step.target
        scores.append(score_of(judge, loads, where))
    return scores


def _scores_of_levelling(judge: Judge, where: I64, found: Levelling) -> list[float]:
    """The score after each levelling move; they break nothing that holds."""
    if not _points(judge.count(where)):
        return [float(spread) for spread in found.scores]
    where, scores = where.copy(), []
    for (row, _, target), spread in zip(found.moves.tolist(), found.scores.tolist(), strict=True):
        where[row] = target
        scores.append(_points(judge.count(where)) + spread)
    return scores


def _mended(
    judge: Judge, policy: BalancePolicy, loads: HostLoads, guard: Guard | None
) -> tuple[list[Step], list[Sentence], I64]:
    """Move whoever stands where a rule forbids, in rounds, until a round moves nobody."""
    ground = judge.ground
    where = ground.where.copy()
    steps: list[Step] = []
    reasons: list[Sentence] = []
    may_move = _movable(ground, policy)
    moved = True
    while moved:
        moved = False
        for _, bundle in groupby(list(judge.wishes(where)), key=_bundle):
            wishes = list(bundle)
            left = policy.max_moves - _count(ground, steps)
            if not all(may_move[wish.row] for wish in wishes):
                continue
            granted = _granted(judge, loads, guard, where, wishes)
            if granted is None or _count(ground, granted) > left:
                continue
            for step, wish in zip(granted, wishes, strict=True):
                steps.append(step)
                reasons.append(wish.reason)
                where[step.row] = step.target
                may_move[step.row] = False
            moved = True
    return steps, reasons, where


def _bundle(wish: Wish) -> tuple[str, int]:
    """Tell wishes that go together from those that stand alone."""
    return (wish.bundle, -1) if wish.bundle else ("", wish.row)


def _granted(
    judge: Judge, loads: HostLoads, guard: Guard | None, where: I64, wishes: Sequence[Wish]
) -> list[Step] | None:
    """Give the moves that grant wishes so that less is broken than before; None where there are none."""
    before = judge.count(where)
    if len(wishes) == 1 and not wishes[0].bundle:
        gone = where.copy()
        gone[wishes[0].row] = -1
        if not _is_less(judge.count(gone), before):
            return None  # somebody else who moved has mended it
    now, steps = where.copy(), []
    for number, wish in enumerate(wishes, 1):
        for target in islice(_targets(judge, loads, now, wish), TARGETS_TRIED):
            after = now.copy()
            after[wish.row] = target
            if number == len(wishes) and not _is_less(judge.count(after), before):
                continue
            move = np.array([[wish.row, now[wish.row], target]], np.int64)
            if guard is None or guard(now, move):
                steps.append(Step(row=wish.row, source=int(now[wish.row]), target=target))
                now = after
                break
        else:
            return None
    return steps


def _is_less(one: Broken, other: Broken) -> bool:
    return (one.must, one.should) < (other.must, other.should)


def _targets(judge: Judge, loads: HostLoads, where: I64, wish: Wish) -> Iterator[int]:
    """Give the hosts that take a row, those it prefers first, the least loaded first."""
    standing = judge.ground.standing
    able = may_take(standing, wish.row, standing.room(where), standing.present(where)) & wish.hosts
    able[where[wish.row]] = False
    full = loads.percent(where).max(axis=1)
    liked = judge.preferred.get(wish.row)
    order = np.lexsort((full, ~liked if liked is not None else np.zeros(len(full), bool)))
    yield from (int(host) for host in order if able[host])


def _movable(ground: Ground, policy: BalancePolicy) -> Flags:
    """Say which rows may move: they run here, nobody holds them, and no rule is broken on the way."""
    free = ground.where >= 0
    for row in range(len(free)):
        names = ground.names(row)
        if not policy.held.isdisjoint(names) or (policy.continuous and len(names) > 1):
            free[row] = False
        if any(name in ground.barred for name in names):
            free[row] = False
    return np.asarray(free)


def _levelled(
    judge: Judge, policy: BalancePolicy, loads: HostLoads, guard: Guard | None, where: I64, most: int
) -> Levelling:
    """Even out what is left, unless it is calm."""
    ground = judge.ground
    nothing = Levelling(before=0.0, moves=np.empty((0, 3), np.int64), scores=np.empty(0), where=where)
    if len(ground.hosts) < 2 or most < 1 or loads.spread(where) < policy.calm:
        return nothing
    movable = _movable(ground, policy) & (where == ground.where)
    for rule in ground.apart_today:
        names = set(rule.vms)
        for row in np.flatnonzero(movable).tolist():
            movable[row] = movable[row] and names.isdisjoint(ground.names(row))
    together = max((len(unit.copies) for unit in ground.tables.units), default=1)
    return level(
        _with_preferences(judge, where),
        where,
        loads.loads,
        movable=movable,
        most=most // together if together > 1 else most,
        least_gain=max(policy.min_gain / len(ground.hosts), 1e-9),
        guard=guard,
    )


def _with_preferences(judge: Judge, where: I64) -> Standing:
    """Close to a row the hosts that a should-rule does not want, unless it stands on one of them now."""
    standing = judge.ground.standing
    rows, permit = [standing.permitted], standing.permit.copy()
    number = len(standing.permitted)
    for row, hosts in judge.preferred.items():
        if where[row] < 0 or not hosts[where[row]]:
            continue
        rows.append((standing.permitted[standing.permit[row]] & hosts)[None, :])
        permit[row] = number
        number += 1
    return replace(standing, permit=permit, permitted=np.vstack(rows))


def _count(ground: Ground, steps: Sequence[Step]) -> int:
    return sum(len(ground.names(step.row)) for step in steps)


def _percents(loads: HostLoads, where: I64, steps: Sequence[Step]) -> list[tuple[F64, F64]]:
    """Give for each step what source and target hold before it and after, as percent[(s, t), load]."""
    value = loads.percent(where)
    found = []
    for step in steps:
        pair = [step.source, step.target]
        before = value[pair].copy()
        value[step.source] -= loads.loads.part[step.row] * loads.loads.unit[step.source]
        value[step.target] += loads.loads.part[step.row] * loads.loads.unit[step.target]
        found.append((before, value[pair].copy()))
    return found


def _evens(ground: Ground, step: Step, before: F64, after: F64) -> Sentence:
    """Name the load that comes nearer most: of which host it goes down, of which up."""
    gain = np.abs(before[0] - before[1]) - np.abs(after[0] - after[1])
    load = int(gain.argmax())
    return Sentence(
        EVENED[load].template,
        {
            "source": ground.hosts[step.source].name,
            "source_before": round(float(before[0, load]), 1),
            "source_after": round(float(after[0, load]), 1),
            "target": ground.hosts[step.target].name,
            "target_before": round(float(before[1, load]), 1),
            "target_after": round(float(after[1, load]), 1),
        },
    )


def _recommended(
    ground: Ground, steps: Sequence[Step], reasons: Sequence[Sentence], scores: Sequence[float]
) -> Iterator[Recommendation]:
    for step, reason, score in zip(staged(ground, steps), reasons, scores, strict=True):
        for move in moves_of(ground, [step], [reason]):
            yield Recommendation(
                vm=move.vm,
                source=move.source,
                target=move.target,
                score_after=score,
                reason=reason,
                stage=move.stage,
                cost=move.cost,
            )


def _host_loads(ground: Ground, loads: HostLoads, where: I64) -> tuple[HostLoad, ...]:
    before, after = loads.percent(ground.where), loads.percent(where)
    return tuple(
        HostLoad(
            host=host.name,
            cpu_before=float(before[row, 0]),
            cpu_after=float(after[row, 0]),
            memory_before=float(before[row, 1]),
            memory_after=float(after[row, 1]),
        )
        for row, host in enumerate(ground.hosts)
    )


def _policy_notes(policy: BalancePolicy) -> tuple[Sentence, ...]:
    if policy.failures:
        return ()
    return (Sentence("whether hosts may fail is not looked at: ask with --failures 1"),)
