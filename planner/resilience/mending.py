"""Which rules do not hold today, and the migrations that mend them: before anything is levelled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct

from planner.estate import Rule
from planner.kernels.arrays import I32, I64, Flags
from planner.resilience.ground import Ground
from planner.rules import name_of
from planner.sentence import Sentence


class Broken(Struct, frozen=True, kw_only=True):
    """How much is wrong: must-rules and hosts too full, and preferences."""

    must: int
    should: int


class Wish(Struct, frozen=True, kw_only=True, eq=False):
    """A row that ought to stand elsewhere: on one of `hosts`, for that reason.

    `bundle` names a rule of which only the last of several moves makes it hold: all of them, or none.
    """

    row: int
    hosts: Flags
    reason: Sentence
    bundle: str = ""


class Judge:
    """Counts what does not hold, again and again: what should-rules want is worked out once."""

    __slots__ = ("ground", "preferred")

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.preferred = preferred(ground)

    def count(self, where: I64) -> Broken:
        """Count VMs where they may not be, spread VMs that share a host, hosts too full, preferences."""
        ground, standing = self.ground, self.ground.standing
        on = where >= 0
        forbidden = int((~standing.permitted[standing.permit[on], where[on]]).sum())
        together = int(np.maximum(standing.present(where) - 1, 0).sum())
        overfull = int((standing.room(where) < 0).any(axis=1).sum())
        apart = sum(_hosts(ground, rule, where) > 1 for rule in ground.apart_today)
        should = sum(not hosts[where[row]] for row, hosts in self.preferred.items() if where[row] >= 0)
        return Broken(must=forbidden + together + overfull + apart, should=should)

    def wishes(self, where: I64) -> Iterator[Wish]:
        """Give the rows that ought to move, those that break a must first."""
        ground, standing = self.ground, self.ground.standing
        room, present = standing.room(where), standing.present(where)
        everywhere = np.ones(len(ground.hosts), bool)
        on = np.flatnonzero(where >= 0)
        for row in on[~standing.permitted[standing.permit[on], where[on]]].tolist():
            yield Wish(row=row, hosts=everywhere, reason=_forbidden(ground, row, int(where[row])))
        yield from _together(ground, where, present, everywhere)
        yield from _crowded(ground, where, room, everywhere)
        for rule in ground.apart_today:
            yield from _gathering(ground, rule, where)
        for row, hosts in self.preferred.items():
            if where[row] >= 0 and not hosts[where[row]]:
                yield Wish(row=row, hosts=hosts, reason=_preference(ground, row))


def preferred(ground: Ground) -> Mapping[int, Flags]:
    """Give the hosts that should-rules want for a row, for the rows that such a rule names."""
    found: dict[int, Flags] = {}
    rules = [rule for rule in ground.rules if rule.kind in ("should-run-on", "should-not-run-on")]
    row_of = {name: row for row in range(len(ground.where)) for name in ground.names(row)} if rules else {}
    for rule in rules:
        named = np.array([host.name in rule.hosts for host in ground.hosts], bool)
        wanted = named if rule.kind == "should-run-on" else ~named
        for row in sorted({row_of[vm] for vm in rule.vms if vm in row_of}):
            found[row] = found.get(row, np.ones(len(ground.hosts), bool)) & wanted
    return {row: hosts for row, hosts in found.items() if hosts.any()}


def _together(ground: Ground, where: I64, present: I32, everywhere: Flags) -> Iterator[Wish]:
    """All but the largest of a spread group on one host ought to go."""
    standing = ground.standing
    if not (present > 1).any():
        return
    groups = np.repeat(np.arange(len(where)), np.diff(standing.apart_start))
    for number, host in zip(*np.nonzero(present > 1), strict=True):
        rows = groups[(standing.apart_group == number)]
        here = [row for row in rows.tolist() if where[row] == host]
        here.sort(key=lambda row: (-int(standing.need[row, 1]), row))
        for row in here[1:]:
            names = ", ".join(ground.tables.units[row].rules)
            yield Wish(
                row=row,
                hosts=everywhere,
                reason=Sentence(
                    "mends {rule}: {vm} must stand apart", {"rule": names, "vm": ground.names(row)[0]}
                ),
            )


def _crowded(ground: Ground, where: I64, room: I64, everywhere: Flags) -> Iterator[Wish]:
    """Of a host too full one VM ought to go: the smallest whose going is enough, or else the largest."""
    standing = ground.standing
    for host in np.flatnonzero((room < 0).any(axis=1)).tolist():
        rows = np.flatnonzero(where == host)
        helps = (standing.need[rows][:, room[host] < 0] > 0).any(axis=1)
        rows = rows[helps]
        enough = (room[host] + standing.need[rows] >= 0).all(axis=1)
        size = (standing.need[rows] / np.maximum(standing.capacity[host], 1)).max(axis=1)
        order = np.lexsort((np.where(enough, size, -size), ~enough))
        reason = Sentence("{host} holds more than it should", {"host": ground.hosts[host].name})
        for row in rows[order].tolist():
            yield Wish(row=row, hosts=everywhere, reason=reason)


def _gathering(ground: Ground, rule: Rule, where: I64) -> Iterator[Wish]:
    """The others ought to come to the host where most memory of the group stands."""
    rows = [row for row in _rows_of(ground, rule) if where[row] >= 0]
    held: dict[int, int] = {}
    for row in rows:
        held[int(where[row])] = held.get(int(where[row]), 0) + int(ground.standing.need[row, 1])
    if len(held) < 2:
        return
    home = _home(ground, rows, where, held)
    if home is None:
        return
    target = np.arange(len(ground.hosts)) == home
    for row in rows:
        if where[row] != home:
            reason = Sentence("mends {rule}: its VMs stand together", {"rule": name_of(rule)})
            yield Wish(row=row, hosts=target, reason=reason, bundle=name_of(rule))


def _home(ground: Ground, rows: Sequence[int], where: I64, held: Mapping[int, int]) -> int | None:
    """The host with most of a group's memory that takes all the others."""
    room = ground.standing.room(where)
    for host in sorted(held, key=lambda host: (-held[host], host)):
        coming = [row for row in rows if where[row] != host]
        permitted = ground.standing.permitted[ground.standing.permit[coming], host]
        if permitted.all() and (ground.standing.need[coming].sum(axis=0) <= room[host]).all():
            return host
    return None


def _rows_of(ground: Ground, rule: Rule) -> Sequence[int]:
    names = set(rule.vms)
    return [row for row in range(len(ground.where)) if not names.isdisjoint(ground.names(row))]


def _hosts(ground: Ground, rule: Rule, where: I64) -> int:
    return len({int(where[row]) for row in _rows_of(ground, rule)})


def _forbidden(ground: Ground, row: int, host: int) -> Sentence:
    rules = ", ".join(ground.tables.units[row].rules)
    return Sentence(
        "{vm} may not run on {host}: {rule}",
        {"vm": ground.names(row)[0], "host": ground.hosts[host].name, "rule": rules},
    )


def _preference(ground: Ground, row: int) -> Sentence:
    names = set(ground.names(row))
    rules = [
        name_of(rule)
        for rule in ground.rules
        if rule.kind in ("should-run-on", "should-not-run-on") and not names.isdisjoint(rule.vms)
    ]
    return Sentence(
        "{vm} should run elsewhere: {rule}", {"vm": ground.names(row)[0], "rule": ", ".join(rules)}
    )
