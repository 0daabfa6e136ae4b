"""Which hosts can sleep: emptied onto the others, none of which leaves the band of useful load for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from msgspec import Struct, structs

from planner.catalogue.power import HOST_IDLE_W
from planner.kernels.arrays import F64, I64, Flags
from planner.patterns.standing import Standing
from planner.resilience.evacuation import closing, link_notes
from planner.resilience.ground import Ground
from planner.resilience.guarding import LossGuard
from planner.resilience.loads import HostLoads, host_loads
from planner.resilience.moving import Move, Step, moves_of, ordered, staged
from planner.resilience.reboots import emptied
from planner.sentence import Sentence

# vSphere DPM keeps 63 % +- 18 %.  Source: Broadcom KB 310527.
TARGET_PERCENT: Final = 63.0
TOLERANCE_PERCENT: Final = 18.0
MILLI: Final = 1000


class Sleeper(Struct, frozen=True, kw_only=True):
    """A host that can be switched off once it is empty; `percent` is how full it was before its turn."""

    host: str
    percent: float


class PowerSaving(Struct, frozen=True, kw_only=True):
    """Hosts that can sleep, in this order, and the migrations that empty them.

    The score is how far the hosts that are on are from the target, on average, in percentage points;
    `saved_w` what the sleepers draw when idle.  `too_full` are the hosts above the band today: then
    nobody sleeps, for they want another host, not one less.
    """

    cluster: str
    score_before: float
    score_after: float
    sleepers: tuple[Sleeper, ...]
    too_full: tuple[str, ...]
    moves: tuple[Move, ...]
    scores: tuple[float, ...]
    saved_w: float
    placed: dict[str, str]
    notes: tuple[Sentence, ...] = ()


def save_power(ground: Ground, *, failures: int = 1, max_moves: int | None = None) -> PowerSaving:
    """Empty the least loaded hosts while they are below the band and the others stay within it.

    How full a host is: the larger of its CPU and its memory, as levelled by `balance`.  A host goes to
    sleep only if no loss of `failures` hosts becomes worse than it is today.

    Args:
        ground: the cluster.
        failures: 0, 1 or 2 hosts that may fail; see `balance`.
        max_moves: migrations at most; None: any number.

    Source: vSphere DPM, 63 % +- 18 %, Broadcom KB 310527.
    """
    loads = host_loads(ground)
    now = _banded(ground, loads)
    guard = LossGuard(ground, failures) if failures else None
    steps: list[Step] = []
    sleepers: list[Sleeper] = []
    on = np.ones(len(ground.hosts), bool)
    full = loads.percent(ground.where).max(axis=1, initial=0.0)
    crowded = np.flatnonzero(full > TARGET_PERCENT + TOLERANCE_PERCENT)
    for host in [] if len(crowded) or ground.unseen else _below(full):
        if on.sum() <= 1:
            break
        found = emptied(now, [host])
        if found is None or (max_moves is not None and _many(ground, [*steps, *found]) > max_moves):
            continue
        after = structs.replace(now, where=_after(now.where, found), standing=closing(now.standing, [host]))
        if guard is not None and guard.is_worse(after.where, _plain(ground, after)):
            continue
        percent = float(loads.percent(now.where)[host].max())
        on[host] = False
        now = after
        steps += found
        sleepers.append(Sleeper(host=ground.hosts[host].name, percent=percent))
    steps = _straight(ground, now, steps)
    every = np.ones(len(ground.hosts), bool)
    reasons = [_reason(ground, step) for step in steps]
    return PowerSaving(
        cluster=ground.cluster,
        score_before=_distance(loads, ground.where, every),
        score_after=_distance(loads, now.where, on),
        sleepers=tuple(sleepers),
        too_full=tuple(ground.hosts[row].name for row in crowded),
        moves=moves_of(ground, staged(ground, steps), reasons),
        scores=tuple(_scores(ground, loads, steps, on)),
        saved_w=len(sleepers) * float(HOST_IDLE_W.value),
        placed=ground.tables.placed(now.where),
        notes=(*ground.notes, *_unseen(ground), *loads.notes, *link_notes(ground.hosts)),
    )


def _unseen(ground: Ground) -> tuple[Sentence, ...]:
    if not ground.unseen:
        return ()
    return (
        Sentence("no host sleeps while VMs run that nobody knows where: {count}", {"count": ground.unseen}),
    )


def _below(full: F64) -> list[int]:
    """Give the hosts below the band, the least loaded first."""
    low = np.flatnonzero(full < TARGET_PERCENT - TOLERANCE_PERCENT)
    return [int(row) for row in low[np.argsort(full[low], kind="stable")]]


def _banded(ground: Ground, loads: HostLoads) -> Ground:
    """Take CPU and memory up to the upper end of the band for two more resources."""
    part, unit = loads.loads.part, loads.loads.unit
    wanted = np.ceil(part * MILLI).astype(np.int64)
    most = (TARGET_PERCENT + TOLERANCE_PERCENT) / unit * MILLI
    held = np.zeros_like(most)
    on = ground.where >= 0
    np.add.at(held, ground.where[on], wanted[on])
    standing = ground.standing
    return structs.replace(
        ground,
        standing=replace(
            standing,
            need=np.column_stack((standing.need, wanted)),
            capacity=np.column_stack((standing.capacity, np.maximum(most, held).astype(np.int64))),
        ),
    )


def _plain(ground: Ground, after: Ground) -> Standing:
    """The standing without the band: after a failure hosts may be fuller, but those asleep stay so."""
    return replace(ground.standing, permitted=after.standing.permitted)


def _after(where: I64, steps: Sequence[Step]) -> I64:
    after = where.copy()
    for step in steps:
        after[step.row] = step.target
    return after


def _distance(loads: HostLoads, where: I64, on: Flags) -> float:
    """How far the hosts that are on are from the target, on average."""
    full: F64 = loads.percent(where)[on].max(axis=1) if on.any() else np.empty(0)
    return float(np.abs(full - TARGET_PERCENT).mean()) if len(full) else 0.0


def _straight(ground: Ground, now: Ground, steps: list[Step]) -> list[Step]:
    """Let a VM that was moved twice go straight to where it ends, where that can be done in some order."""
    final = structs.replace(now, where=ground.where)
    wanted = [
        Step(row=row, source=int(ground.where[row]), target=int(now.where[row]))
        for row in np.flatnonzero(ground.where != now.where).tolist()
    ]
    shorter, stuck = ordered(final, wanted)
    return steps if stuck else shorter


def _scores(ground: Ground, loads: HostLoads, steps: Sequence[Step], on: Flags) -> Iterator[float]:
    """The score after each move; a host that can sleep is off as soon as it is empty."""
    where = ground.where.copy()
    for step in steps:
        where[step.row] = step.target
        awake = on | np.isin(np.arange(len(on)), where)
        for _ in ground.names(step.row):
            yield _distance(loads, where, awake)


def _many(ground: Ground, steps: Sequence[Step]) -> int:
    return sum(len(ground.names(step.row)) for step in steps)


def _reason(ground: Ground, step: Step) -> Sentence:
    return Sentence("{host} can sleep", {"host": ground.hosts[step.source].name})
