"""Which migrations even out a cluster, what each brings and costs; or which hosts can sleep.

It recommends and cannot act: nothing here or below knows a hypervisor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from msgspec import Struct

from planner.kernels.arrays import F64, I64, Flags
from planner.patterns.standing import Standing
from planner.resilience.evacuation import link_notes
from planner.resilience.granting import count_moves, mend
from planner.resilience.ground import Ground
from planner.resilience.guarding import LossGuard
from planner.resilience.levelling import Guard, Levelling, level
from planner.resilience.loads import BROKEN, UNWANTED, HostLoads, host_loads
from planner.resilience.mending import Broken, Judge
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
EVENED_FURTHER: Final = {
    "iops": Sentence(
        "disk operations of {source} {source_before} % → {source_after} %, of {target} {target_before} % → "
        "{target_after} %"
    ),
    "network": Sentence(
        "network of {source} {source_before} % → {source_after} %, of {target} {target_before} % → "
        "{target_after} %"
    ),
}


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
    """How full a host is before and after, in percent; None: disk operations or network are not levelled."""

    host: str
    cpu_before: float
    cpu_after: float
    memory_before: float
    memory_after: float
    iops_before: float | None = None
    iops_after: float | None = None
    network_before: float | None = None
    network_after: float | None = None


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
    preference, and the standard deviation over the hosts of CPU and of memory in percentage points, half
    of that of disk operations and of network where they are known.
    Every move is valid when it begins, with the memory of the VM on both hosts, and breaks no rule.

    Docs: docs/formulas/balance.md.
    """
    policy = policy or BalancePolicy()
    loads, judge = host_loads(ground), Judge(ground)
    guard = LossGuard(ground, policy.failures).allowed if policy.failures else None
    may_move = _movable(ground, policy)
    first = mend(judge, loads, guard, ground.where, may_move, policy.max_moves)
    where, left = first.where, policy.max_moves - count_moves(ground, first.steps)
    found = _levelled(judge, policy, loads, guard, where, left)
    evened = [Step(row=row, source=source, target=target) for row, source, target in found.moves.tolist()]
    left -= count_moves(ground, evened)
    # Levelling may have made the room that a rule was waiting for.
    last = mend(judge, loads, guard, found.where, may_move & (found.where == ground.where), left)
    steps = [*first.steps, *evened, *last.steps]
    scores = [
        *_scores(judge, loads, ground.where, first.steps),
        *_scores_of_levelling(judge, where, found),
        *_scores(judge, loads, found.where, last.steps),
    ]
    reasons = [*first.reasons, *_evened(ground, loads, where, evened), *last.reasons]
    return Balance(
        cluster=ground.cluster,
        score_before=score_of(judge, loads, ground.where),
        score_after=score_of(judge, loads, last.where),
        broken_before=judge.count(ground.where),
        broken_after=judge.count(last.where),
        moves=tuple(_recommended(ground, steps, reasons, scores)),
        hosts=_host_loads(ground, loads, last.where),
        placed=ground.tables.placed(last.where),
        notes=(*ground.notes, *loads.notes, *_policy_notes(policy), *link_notes(ground.hosts)),
    )


def score_of(judge: Judge, loads: HostLoads, where: I64) -> float:
    """The score: what is broken first, then how far the hosts are from each other."""
    return _points(judge.count(where)) + loads.spread(where)


def _points(broken: Broken) -> float:
    return BROKEN * broken.must + UNWANTED * broken.should


def _scores(judge: Judge, loads: HostLoads, where: I64, steps: Sequence[Step]) -> list[float]:
    """The score after each step."""
    where, scores = where.copy(), []
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


def _evened(ground: Ground, loads: HostLoads, where: I64, steps: Sequence[Step]) -> list[Sentence]:
    percents = _percents(loads, where, steps)
    return [_evens(ground, loads, step, *pair) for step, pair in zip(steps, percents, strict=True)]


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


def _evens(ground: Ground, loads: HostLoads, step: Step, before: F64, after: F64) -> Sentence:
    """Name the load that comes nearer most: of which host it goes down, of which up."""
    gain = np.abs(before[0] - before[1]) - np.abs(after[0] - after[1])
    load = int((gain * loads.loads.weight).argmax())
    said = EVENED[load] if load < len(EVENED) else EVENED_FURTHER[loads.names[load]]
    return Sentence(
        said.template,
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
            **{
                f"{name}_{when}": float(value[row, column])
                for column, name in enumerate(loads.names)
                for when, value in (("before", before), ("after", after))
            },
        )
        for row, host in enumerate(ground.hosts)
    )


def _policy_notes(policy: BalancePolicy) -> tuple[Sentence, ...]:
    if policy.failures:
        return ()
    return (Sentence("whether hosts may fail is not looked at: ask with --failures 1"),)
