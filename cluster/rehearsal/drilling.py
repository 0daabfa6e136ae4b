"""A worker fails every host of a cluster in turn, or every pair, and keeps who was out for how long."""

from __future__ import annotations

import time
from itertools import islice
from math import comb
from statistics import median
from typing import Any, Final

import msgspec
from django.db import transaction
from msgspec import Struct, field

from cluster.models import Rehearsal
from cluster.rehearsal.question import estate_of
from cluster.work import Work
from operations.drills import Drill, drill_hosts, hosts_to_fail
from operations.opening import open_state
from operations.policy import policies_of
from operations.state import ClusterState
from planner.sentence import Sentence

TELL_EVERY_S: Final = 1.0
LEASE_S: Final = 120.0  # one drill of 10,000 VMs takes seconds


class Played(Struct, kw_only=True):
    """One drill; hosts and VMs by their places, `lost` by reason."""

    failed: list[int]
    back: int
    worst_s: float
    median_s: float
    lost: dict[int, list[int]]


class Fate(Struct):
    """What the drills did to one VM: its longest outage, and the drill that never gave it back."""

    worst_s: float = 0.0
    worst_in: int = -1
    lost_times: int = 0
    lost_in: int = -1


class Matrix(Struct, kw_only=True):
    """All drills done so far."""

    kind: str
    hosts: list[str]
    vms: list[str]
    total: int
    drills: list[Played] = field(default_factory=list)
    reasons: list[Sentence] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)

    @property
    def lost_drills(self) -> int:
        """How many drills lose a VM."""
        return sum(bool(drill.lost) for drill in self.drills)

    @property
    def worst(self) -> Played | None:
        """The drill that loses most VMs, and among those the longest outage."""
        return max(self.drills, key=lambda drill: (lost_of(drill), drill.worst_s), default=None)

    def add(self, drill: Drill, host_at: dict[str, int], vm_at: dict[str, int]) -> None:
        """Keep one drill."""
        number = len(self.drills)
        out_s = [outage.outage_s for outage in drill.outages if not outage.is_lost]
        lost: dict[int, list[int]] = {}
        for outage in drill.outages:
            at = vm_at[outage.vm]
            fate = self.fates[at]
            if outage.is_lost:
                lost.setdefault(self._reason(outage.why), []).append(at)
                fate.lost_times += 1
                fate.lost_in = number if fate.lost_in < 0 else fate.lost_in
            elif outage.outage_s > fate.worst_s:
                fate.worst_s, fate.worst_in = outage.outage_s, number
        self.drills.append(
            Played(
                failed=[host_at[name] for name in drill.failed],
                back=len(out_s),
                worst_s=max(out_s, default=0.0),
                median_s=median(out_s) if out_s else 0.0,
                lost=lost,
            )
        )

    def _reason(self, why: Sentence) -> int:
        if why not in self.reasons:
            self.reasons.append(why)
        return self.reasons.index(why)


def lost_of(drill: Played) -> int:
    """How many VMs a drill loses."""
    return sum(len(vms) for vms in drill.lost.values())


def drill(work: Work, rehearsal: Rehearsal) -> None:
    """Do every drill; those that a dead worker has done already are kept."""
    policies = policies_of("proxmox" if rehearsal.product == "proxmox" else "vsphere")
    state = open_state(estate_of(rehearsal), policies)
    matrix = matrix_of(rehearsal) or _empty(rehearsal.drill, state)
    host_at = {name: at for at, name in enumerate(matrix.hosts)}
    vm_at = {name: at for at, name in enumerate(matrix.vms)}
    told_at = time.monotonic()
    _tell(work, rehearsal, matrix)
    kind = "pairs" if rehearsal.drill == "pairs" else "each"
    for hosts in islice(hosts_to_fail(state, kind), len(matrix.drills), None):
        matrix.add(drill_hosts(state, policies, hosts), host_at, vm_at)
        if time.monotonic() - told_at > TELL_EVERY_S:
            _tell(work, rehearsal, matrix)
            told_at = time.monotonic()
    with transaction.atomic():
        work.hold()
        _keep(rehearsal, matrix)
        work.succeed(said_of(matrix))


def matrix_of(rehearsal: Rehearsal) -> Matrix | None:
    """The drills done so far; None before the first."""
    return None if rehearsal.drills is None else msgspec.convert(rehearsal.drills, Matrix, strict=False)


def said_of(matrix: Matrix) -> Sentence:
    """The end of all drills in one line."""
    counts: dict[str, Any] = {"drills": len(matrix.drills), "lost": matrix.lost_drills}
    if not matrix.lost_drills:
        return Sentence("Drills: {drills}; every VM came back in each of them", counts)
    return Sentence("Drills: {drills}; in {lost} of them VMs do not come back", counts)


def _empty(kind: str, state: ClusterState) -> Matrix:
    hosts, vms = list(state.hosts), list(state.vms)
    powered = sum(host.powered for host in state.hosts.values())
    total = comb(powered, 2 if kind == "pairs" else 1)
    return Matrix(kind=kind, hosts=hosts, vms=vms, total=total, fates=[Fate() for _ in vms])


def _tell(work: Work, rehearsal: Rehearsal, matrix: Matrix) -> None:
    done = {"done": len(matrix.drills), "total": matrix.total}
    percent = min(99, max(1, 100 * len(matrix.drills) // max(1, matrix.total)))
    with transaction.atomic():
        work.hold(LEASE_S)
        _keep(rehearsal, matrix)
        work.advance("play", percent, Sentence("Drills done: {done} of {total}", done), lease_s=LEASE_S)


def _keep(rehearsal: Rehearsal, matrix: Matrix) -> None:
    Rehearsal.objects.filter(pk=rehearsal.pk).update(drills=msgspec.json.decode(msgspec.json.encode(matrix)))
