"""The failover reserve of a placement: the hosts it needs so that any k of them, or any k racks, may be lost.

Nothing is estimated: after each loss everything is placed anew on what is left, rules and all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Final, Literal, TypeAlias

import numpy as np
from msgspec import Struct

from planner.admission import ties_of, tolerates
from planner.demand import Capacity, Load
from planner.estate import Rule
from planner.patterns.standing import repair
from planner.placement import Placement, place
from planner.reach import Reach
from planner.tables import tabulate

LOSSES_MAX: Final = 256  # re-placements we are ready to do for one set of hosts
LOSSES_OF_MANY_VMS: Final = 16
MANY_VMS: Final = 3_000
How: TypeAlias = Literal["every-loss", "safe-worst-case", "untried"]


class Loss(Struct, frozen=True, kw_only=True, eq=False):
    """One loss tried: the hosts lost, those left, and the placement on them."""

    lost: tuple[str, ...]
    left: Capacity
    placement: Placement


class Reserve(Struct, frozen=True, kw_only=True, eq=False):
    """The hosts that carry the load and any loss, or the loss that shows that even all hosts do not.

    `how`: "every-loss" (each was re-placed; of losses that no VM could tell apart, one),
    "safe-worst-case" (too many for that: any hosts as many as the largest groups have may be lost,
    which is at least as bad), "untried" (too many even so, which counts as not carried).
    """

    failures: int
    carried: bool
    hosts: tuple[str, ...]
    how: How
    losses_tried: int
    worst: Loss | None = None
    losses: tuple[Loss, ...] = ()


class Question(Struct, frozen=True, kw_only=True, eq=False):
    """What is to survive: the load, under which rules, and what fails at once (name -> hosts).

    `placed` is where everybody runs before the loss, copy -> host.
    """

    load: Load
    rules: Sequence[Rule]
    reach: Reach
    groups: Mapping[str, Sequence[str]]
    failures: int
    placed: Mapping[str, str]


def reserve(question: Question, capacity: Capacity, used: Sequence[str]) -> Reserve:
    """Add hosts to those in use, the largest first, until any loss of k groups of them is carried.

    More hosts never carry less, so the number is found by halving; the answer itself was tried.  With
    many VMs whoever can stays where he was: what that does not carry takes a further host, to be safe.
    """
    order = _in_use_first(question.load, capacity, used)
    quick = len(question.load.names) > MANY_VMS
    everything = _survives(question, _only(capacity, order), quick)
    if quick and not everything.carried:
        everything = _survives(question, _only(capacity, order), False)
    if not everything.carried or not question.failures:
        return everything
    enough, few, best = len(order), max(len(used) - 1, 0), everything
    tried = min(len(used) + question.failures, enough)
    while enough - few > 1:
        found = _survives(question, _only(capacity, order[:tried]), quick)
        if found.carried:
            enough, best = tried, found
        else:
            few = tried
        tried = (enough + few) // 2
    return best


def _in_use_first(load: Load, capacity: Capacity, used: Sequence[str]) -> list[str]:
    scale = np.maximum(load.needs.sum(axis=0), 1)
    size = dict(zip(capacity.names, (capacity.gives / scale).min(axis=1).tolist(), strict=True))
    busy = set(used)
    return sorted(capacity.names, key=lambda name: (name not in busy, -size[name], name))


def _only(capacity: Capacity, names: Sequence[str]) -> Capacity:
    kept = set(names)
    rows = [row for row, name in enumerate(capacity.names) if name in kept]
    return Capacity(names=tuple(capacity.names[row] for row in rows), gives=capacity.gives[rows])


def _survives(question: Question, capacity: Capacity, quick: bool) -> Reserve:
    """Re-place after every loss of k groups among these hosts."""
    groups = _groups_of(question, capacity)
    most = LOSSES_MAX if len(question.load.names) <= MANY_VMS else LOSSES_OF_MANY_VMS
    losses = _losses(question, capacity, groups, most)
    if losses is None:
        return _safe_worst_case(question, capacity, groups, quick)
    tried: list[Loss] = []
    for lost in losses:
        left = _only(capacity, [name for name in capacity.names if name not in lost])
        placement = _after(question, left, quick)
        loss = Loss(lost=tuple(sorted(lost)), left=left, placement=placement)
        tried.append(loss)
        if not placement.complete:
            return _answer(question, capacity, False, "every-loss", tried, loss)
    return _answer(question, capacity, True, "every-loss", tried, None)


def _after(question: Question, left: Capacity, quick: bool) -> Placement:
    """Place everything on what is left; quick: whoever can stays where he was, and the others find room."""
    if quick:
        rows = {name: row for row, name in enumerate(left.names)}
        today = [rows.get(question.placed.get(name, ""), -1) for name in question.load.names]
        tables = tabulate(question.load, left, question.rules, question.reach, np.array(today, np.int64))
        stood = repair(tables.standing, tables.where, tight=True)
        if not stood.refused and not tables.refusals:
            return Placement(
                hosts=left.names,
                placed=tables.placed(stood.where),
                refusals=(),
                hosts_used=stood.hosts_used,
                lower_bound=0,
                method=stood.method,
            )
    return place(question.load, left, question.rules, quick=quick, reach=question.reach)


def _answer(
    question: Question, capacity: Capacity, carried: bool, how: How, tried: Sequence[Loss], worst: Loss | None
) -> Reserve:
    return Reserve(
        failures=question.failures,
        carried=carried,
        hosts=capacity.names,
        how=how,
        losses_tried=len(tried),
        worst=worst,
        losses=tuple(tried),
    )


def _groups_of(question: Question, capacity: Capacity) -> list[tuple[str, ...]]:
    """Give what fails at once among these hosts; a host of no group fails alone."""
    offered = set(capacity.names)
    groups = [tuple(name for name in members if name in offered) for members in question.groups.values()]
    grouped = {name for members in groups for name in members}
    return [*filter(None, groups), *((name,) for name in capacity.names if name not in grouped)]


def _losses(
    question: Question, capacity: Capacity, groups: Sequence[tuple[str, ...]], most: int
) -> list[frozenset[str]] | None:
    """Give one of each kind of loss of k groups; groups that no VM could tell apart are of one kind."""
    ties = ties_of(question.load, question.rules, question.reach)
    gives = dict(zip(capacity.names, capacity.gives.tolist(), strict=True))
    kinds: dict[tuple[object, ...], list[tuple[str, ...]]] = {}
    for members in groups:
        kind = sorted((gives[name], [name in hosts for hosts in ties]) for name in members)
        kinds.setdefault(tuple(map(str, kind)), []).append(members)
    classes = list(kinds.values())
    found: list[frozenset[str]] = []
    for chosen in _multisets(classes, min(question.failures, len(groups))):
        if len(found) == most:
            return None
        found.append(chosen)
    return found


def _multisets(classes: Sequence[Sequence[tuple[str, ...]]], size: int) -> Iterator[frozenset[str]]:
    """Choose `size` groups in every way that differs by class."""
    for numbers in combinations_with_replacement(range(len(classes)), size):
        counts = Counter(numbers)
        if all(count <= len(classes[number]) for number, count in counts.items()):
            yield frozenset(
                name
                for number, count in counts.items()
                for members in classes[number][:count]
                for name in members
            )


def _safe_worst_case(
    question: Question, capacity: Capacity, groups: Sequence[tuple[str, ...]], quick: bool
) -> Reserve:
    """Ask for the loss of any hosts, as many as the k largest groups have together."""
    hosts = sum(sorted(map(len, groups), reverse=True)[: question.failures])
    verdict = tolerates(question.load, capacity, question.rules, hosts, quick=quick, reach=question.reach)
    tried = [
        Loss(lost=tuple(sorted({*capacity.names} - {*left.names})), left=left, placement=placement)
        for left, placement in verdict.placements
    ]
    how: How = "untried" if verdict.worst_case == "untried" else "safe-worst-case"
    worst = None if verdict.carried or not tried else tried[-1]
    return _answer(question, capacity, verdict.carried, how, tried, worst)
