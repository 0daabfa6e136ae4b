"""Years played by whichever workers have time: a run's shares lie in rows, and each is taken once.

the worker that holds the run --+-- takes a free share, plays it, keeps what came of it, tells how far it is
helpers that it called        --+-- the same; they hold nothing but their share

A helper that dies leaves a share whose lease runs out; a worker of the run that dies leaves what is done.
The seeds stand in the rows, so that who plays what, and how often, changes no figure.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

import msgspec
import numpy as np
from django.db.models import Q
from django.db.models.functions import Now

from cluster.models import Run, YearsPart
from cluster.question import YearsAsked
from cluster.work import Work, lease
from planner.availability.answer import ClusterAvailability
from planner.availability.simulated import Cluster, Share, SharePlayed, joined, play_share, shares_of
from planner.sentence import Sentence

SHARE_RESTARTS: Final = 5_000_000  # VM restarts and hosts' failures in one share: a second or two
SHARES_MOST: Final = 400  # of one cluster
PART_LEASE_S: Final = 120  # a share takes seconds; the first one may have to compile
PAUSE_S: Final = 0.3
HELPERS: Final = 7
FROM_PERCENT, TO_PERCENT = 60, 95


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What a row asks: one share of one cluster's years."""

    name: str
    cluster: Cluster
    share: Share


def play_all(
    work: Work,
    clusters: Sequence[ClusterAvailability],
    asked: YearsAsked,
    call_helpers: Callable[[int], None],
) -> tuple[ClusterAvailability, ...]:
    """Play the years of every cluster; the lease of the run is renewed with each share.

    Raises:
        ClaimLost: the run was cancelled, or another worker holds it.
    """
    if not asked.years:
        return tuple(clusters)
    count = _lay_out(work.run, clusters, asked)
    if count > 1:
        call_helpers(min(HELPERS, count - 1))
    while True:
        part = _take(work.run.pk)
        done = work.run.years_parts.filter(answer__isnull=False).count()
        if part is None and done == count:
            break
        _tell(work, done, count, asked)
        if part is None:
            time.sleep(PAUSE_S)
        else:
            with work.kept():
                _play(part)
    return tuple(_with_years(one, work.run) for one in clusters)


def help_out(run_id: UUID | str) -> int:
    """Play shares of a run until there are none, or the run is over; give how many."""
    played = 0
    while Run.objects.filter(pk=run_id, state=Run.State.RUNNING).exists():
        part = _take(run_id)
        if part is None:
            break
        _play(part)
        played += 1
    return played


def _lay_out(run: Run, clusters: Sequence[ClusterAvailability], asked: YearsAsked) -> int:
    """Write the shares of a run, unless an earlier worker did; give how many there are."""
    known = run.years_parts.count()
    if known:
        return known
    chance = np.random.Generator(np.random.PCG64(asked.seed))
    parts = []
    for one, own in zip(clusters, chance.spawn(len(clusters)), strict=True):
        if one.simulated is None:
            continue
        for share in shares_of(asked.years, _shares(one.simulated, asked.years), own):
            part = Part(name=one.name, cluster=one.simulated, share=share)
            parts.append(YearsPart(run=run, position=len(parts), question=msgspec.to_builtins(part)))
    YearsPart.objects.bulk_create(parts, ignore_conflicts=True)
    return len(parts)


def _shares(cluster: Cluster, years: float) -> int:
    failures = years * 8760 / cluster.mtbf_h * cluster.hosts
    draws = failures * (2 + cluster.vms_per_host)
    return max(1, min(SHARES_MOST, math.ceil(draws / SHARE_RESTARTS)))


def _take(run_id: UUID | str) -> YearsPart | None:
    """Take a share that nobody plays; whoever asks first gets it."""
    free = Q(answer__isnull=True) & (Q(lease_until=None) | Q(lease_until__lt=Now()))
    for part in YearsPart.objects.filter(free, run=run_id)[: HELPERS + 1]:
        if YearsPart.objects.filter(free, pk=part.pk).update(lease_until=lease(PART_LEASE_S)):
            return part
    return None


def _play(part: YearsPart) -> None:
    asked = msgspec.convert(part.question, Part)
    played = play_share(asked.cluster, asked.share)
    YearsPart.objects.filter(pk=part.pk).update(answer=msgspec.to_builtins(played), lease_until=None)


def _tell(work: Work, done: int, count: int, asked: YearsAsked) -> None:
    """Say how far the years are, once for every percent that this moves."""
    progress = FROM_PERCENT + (TO_PERCENT - FROM_PERCENT) * done // max(1, count)
    if progress > work.run.progress or not done:
        told = {"done": round(asked.years * done / count), "years": round(asked.years)}
        work.advance("play", progress, Sentence("Played {done} of {years} years", told))
    else:
        work.hold()


def _with_years(one: ClusterAvailability, run: Run) -> ClusterAvailability:
    if one.simulated is None:
        return one
    rows = run.years_parts.order_by("position")
    asked = [msgspec.convert(row.question, Part) for row in rows]
    played = [
        msgspec.convert(row.answer, SharePlayed)
        for row, part in zip(rows, asked, strict=True)
        if part.name == one.name
    ]
    return msgspec.structs.replace(one, played=joined(one.simulated, played))
