"""Empty one host on purpose: where each of its VMs goes, in which order, or why it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from msgspec import Struct, structs

from planner.consolidation import members
from planner.estate import Estate, Host
from planner.kernels.arrays import I64
from planner.parameters import ParameterError
from planner.patterns.standing import Standing
from planner.refusal import Refusal
from planner.resilience.ground import Ground, ground_of, may_take, put
from planner.resilience.moving import LINK_ASSUMED, Move, Step, link_mbit, moves_of, ordered
from planner.resilience.refusing import why_not
from planner.sentence import Sentence

SEARCHED_AT_MOST = 100  # VMs up to which every way is tried
STEPS_AT_MOST = 2_000_000  # looks at a host


class Evacuation(Struct, frozen=True, kw_only=True):
    """How a host is emptied.  `refusals` are the VMs that stay, and would stop with it."""

    cluster: str
    host: str
    vms: int
    moves: tuple[Move, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[Sentence, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every VM leaves."""
        return not self.refusals

    @property
    def seconds(self) -> float:
        """How long it takes at least, all memory through the one link of the host that is emptied."""
        return sum(move.cost.seconds for move in self.moves)


def evacuate(estate: Estate, host: str, *, vcpu_per_core: float) -> Evacuation:
    """Find a place for every running VM of a host on the other open hosts of its cluster.

    All rules hold at every step, and the memory of a VM that moves counts on both hosts.  Only where
    there is no other way another VM moves out of the way first.  A host in maintenance can be asked
    for too: that is how one becomes empty.

    Raises:
        ParameterError: no such host.
    """
    known = {one.name: one for one in estate.hosts}
    if host not in known:
        raise ParameterError(Sentence("there is no host {name}", {"name": host}))
    whole = _opened(estate, host)
    cluster = next((one for one in members(whole) if any(h.name == host for h in one.hosts)), None)
    if cluster is None:
        raise ParameterError(Sentence("{name} belongs to no cluster", {"name": host}))
    ground = ground_of(whole, cluster, vcpu_per_core=vcpu_per_core)
    return evacuate_from(ground, host)


def evacuate_from(ground: Ground, host: str) -> Evacuation:
    """Empty an open host of a cluster; see `evacuate`."""
    column = ground.host_row(host)
    if column is None:
        raise ParameterError(Sentence("there is no open host {name}", {"name": host}))
    leaving = np.flatnonzero(ground.where == column)
    closed = structs.replace(ground, standing=closing(ground.standing, [column]))
    where = rehoused(closed, leaving)
    wanted = [
        Step(row=row, source=int(ground.where[row]), target=int(where[row]))
        for row in np.flatnonzero(where != ground.where).tolist()
        if where[row] >= 0
    ]
    steps, stuck = ordered(closed, wanted)
    staying = [row for row in leaving.tolist() if where[row] < 0] + [
        step.row for step in stuck if step.source == column
    ]
    gone = {step.row for step in steps if step.source == column}
    reasons = [_why(host, step.row in gone) for step in steps]
    return Evacuation(
        cluster=ground.cluster,
        host=host,
        vms=sum(len(ground.names(row)) for row in leaving.tolist()),
        moves=moves_of(ground, steps, reasons),
        refusals=_refusals(closed, column, steps, sorted(set(staying))),
        notes=(*ground.notes, *link_notes(ground.hosts)),
    )


def link_notes(hosts: Sequence[Host]) -> tuple[Sentence, ...]:
    """Say that a link speed is assumed, where one is."""
    return () if all(link_mbit(host) for host in hosts) else (LINK_ASSUMED,)


def closing(standing: Standing, columns: Sequence[int]) -> Standing:
    """Close hosts to everybody; who is there may stay until he moves."""
    permitted = standing.permitted.copy()
    permitted[:, list(columns)] = False
    return replace(standing, permitted=permitted)


def rehoused(ground: Ground, leaving: I64) -> I64:
    """Give the host of each row after some rows left theirs, which are closed; -1 where none was found.

    Tried in turn until all have one: the roomiest host first, the tightest first, every way, and moving
    one other VM out of the way.
    """
    best = _roomiest(ground, leaving)
    if (best[leaving] < 0).any():
        for other in (tightest(ground, leaving), every_way(ground, leaving)):
            if (other[leaving] >= 0).sum() > (best[leaving] >= 0).sum():
                best = other
    if (best[leaving] < 0).any():
        best = with_room_made(ground, leaving, best)
    return best


def _roomiest(ground: Ground, leaving: I64) -> I64:
    """Serve those with the fewest hosts to go first, then the largest; each goes where most is left."""
    standing, room, present = ground.standing, ground.room(), ground.present()
    where = ground.where.copy()
    rank = standing.rank()
    choice = standing.permitted.sum(axis=1)[standing.permit[leaving]]
    for row in leaving[np.lexsort((rank[leaving], choice))].tolist():
        able = may_take(standing, row, room, present)
        if not able.any():
            where[row] = -1
            continue
        share = ((room - standing.need[row]) / np.maximum(standing.capacity, 1)).min(axis=1)
        where[row] = int(np.where(able, share, -np.inf).argmax())
        put(standing, row, int(where[row]), room, present)
    return where


def tightest(ground: Ground, leaving: I64) -> I64:
    """The tightest host for each, largest first."""
    from planner.kernels import restarting

    standing = ground.standing
    rows = leaving[np.argsort(standing.rank()[leaving], kind="stable")]
    target = np.full(len(rows), -1, np.int64)
    unit = np.arange(len(ground.hosts), dtype=np.int64)
    restarting.restart_all(
        rows, True, -1, -1, unit, standing.need, ground.room(), standing.permit, standing.permitted,
        standing.apart_start, standing.apart_group, ground.present(), target, 0,
    )  # fmt: skip
    where = ground.where.copy()
    where[rows] = target
    return where


def every_way(ground: Ground, leaving: I64) -> I64:
    """Every way, where there are few enough."""
    from planner.kernels import searching

    standing, where = ground.standing, ground.where.copy()
    where[leaving] = -1
    if len(leaving) > SEARCHED_AT_MOST:
        return where
    rows = leaving[np.argsort(standing.rank()[leaving], kind="stable")]
    target = np.full(len(rows), -1, np.int64)
    unit = np.arange(len(ground.hosts), dtype=np.int64)
    searching.restart_somehow(
        rows, -1, -1, unit, standing.need, ground.room(), standing.permit, standing.permitted,
        standing.apart_start, standing.apart_group, ground.present(), target, STEPS_AT_MOST,
    )  # fmt: skip
    where[rows] = target
    return where


def with_room_made(ground: Ground, leaving: I64, where: I64) -> I64:
    """For each that found no host, move one other VM out of its way where that helps."""
    from planner.kernels import repairing

    standing, where = ground.standing, where.copy()
    # A VM that found no host still takes its room at home, which is closed: nobody else goes there.
    room, present = standing.room(where), standing.present(where)
    for row in leaving[where[leaving] < 0].tolist():
        start, vms = repairing.by_host(where, len(room))
        repairing.make_room(
            row, where, start, vms, standing.need, room, standing.permit, standing.permitted,
            standing.apart_start, standing.apart_group, present,
        )  # fmt: skip
    return where


def _why(host: str, is_leaving: bool) -> Sentence:
    if is_leaving:
        return Sentence("{host} is emptied", {"host": host})
    return Sentence("makes room for a VM of {host}", {"host": host})


def _refusals(ground: Ground, column: int, steps: Sequence[Step], rows: Sequence[int]) -> tuple[Refusal, ...]:
    """Count for each VM that stays what the other hosts lack when all moves are done."""
    room, present = ground.room(), ground.present()
    for step in steps:
        put(ground.standing, step.row, step.target, room, present)
        put(ground.standing, step.row, step.source, room, present, -1)
    left = np.arange(len(ground.hosts)) != column
    return tuple(
        Refusal(vm=name, reasons=why_not(ground, row, room, present, left))
        for row in rows
        for name in ground.names(row)
    )


def _opened(estate: Estate, host: str) -> Estate:
    """Take a host out of maintenance, so that those who run there are seen."""
    hosts = tuple(
        structs.replace(one, maintenance=False, connected=True) if one.name == host else one
        for one in estate.hosts
    )
    return structs.replace(estate, hosts=hosts)
