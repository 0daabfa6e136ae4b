"""What a placement would rather have: VMs on the hosts they should run on, and inside one NUMA node.

A preference costs nothing that must hold: no further host, no rule, no room that is not there.  What stays
unmet is counted, as a penalty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from planner.demand import usable_memory_mib
from planner.estate import VM, Host, Rule
from planner.kernels.arrays import I32, I64
from planner.tables import Tables


class Unmet(Struct, frozen=True, kw_only=True):
    """Preferences that the placement does not keep: by rule (should) and by NUMA node."""

    should: int = 0
    numa: int = 0


def wishes_of(
    hosts: Sequence[Host], vms: Sequence[VM], rules: Sequence[Rule]
) -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    """Give the hosts that each VM should run on, and those that hold it in one NUMA node.

    A node is a socket: its cores, and its part of the host's memory.  A VM that every host holds in one
    node has no wish of that kind; one that none does has an empty one, which is unmet wherever it stands.
    """
    every = frozenset(host.name for host in hosts)
    should: dict[str, frozenset[str]] = {}
    for rule in rules:
        if rule.kind in ("should-run-on", "should-not-run-on"):
            named = frozenset(rule.hosts)
            liked = every & named if rule.kind == "should-run-on" else every - named
            should.update({vm: should.get(vm, every) & liked for vm in rule.vms})
    nodes = {
        (host.cores // host.sockets, usable_memory_mib(host.memory_mib) / host.sockets) for host in hosts
    }
    roomy = {
        node: frozenset(
            host.name
            for host in hosts
            if host.cores // host.sockets >= node[0]
            and usable_memory_mib(host.memory_mib) / host.sockets >= node[1]
        )
        for node in _sizes(vms, nodes)
    }
    numa = {
        vm.name: roomy[vm.vcpus, vm.memory_mib]
        for vm in vms
        if vm.is_load and (vm.vcpus, vm.memory_mib) in roomy
    }
    return should, {vm: liked for vm, liked in numa.items() if liked != every}


def _sizes(vms: Sequence[VM], nodes: set[tuple[int, float]]) -> set[tuple[int, int]]:
    """Give the sizes of VMs that some node does not hold."""
    sizes = {(vm.vcpus, vm.memory_mib) for vm in vms if vm.is_load}
    return {size for size in sizes if any(size[0] > cores or size[1] > mib for cores, mib in nodes)}


def settle(
    tables: Tables, where: I64, should: Mapping[str, frozenset[str]], numa: Mapping[str, frozenset[str]]
) -> tuple[I64, Unmet]:
    """Move VMs to hosts in use that they would rather have, or swap two of them, while nothing breaks.

    Returns:
        The host of each row, and what stays unmet.
    """
    where = where.copy()
    likes = [_liked(tables, row, should, numa) for row in range(len(where))]
    board = _Board(tables, where)
    for row, liked in enumerate(likes):
        if liked is not None and where[row] >= 0 and not liked[where[row]]:
            board.move(row, liked, likes)
    hosts = tables.capacity.names
    names = [(tables.load.vms[unit.copies[0]], unit) for unit in tables.units]

    def misses(wishes: Mapping[str, frozenset[str]]) -> int:
        return sum(
            hosts[where[row]] not in wishes[tables.load.vms[copy]]
            for row, (_, unit) in enumerate(names)
            if where[row] >= 0
            for copy in unit.copies
            if wishes.get(tables.load.vms[copy])
        )

    return where, Unmet(should=misses(should), numa=misses(numa) + sum(not liked for liked in numa.values()))


def _liked(
    tables: Tables, row: int, should: Mapping[str, frozenset[str]], numa: Mapping[str, frozenset[str]]
) -> I64 | None:
    """Give the hosts that all copies of a row like, as flags; what cannot all be had is given up."""
    liked: frozenset[str] | None = None
    for wishes in (should, numa):
        for copy in tables.units[row].copies:
            wish = wishes.get(tables.load.vms[copy])
            if wish:
                both = wish if liked is None else liked & wish
                liked = both or liked
    if liked is None:
        return None
    return np.array([name in liked for name in tables.capacity.names])


class _Board:
    """A placement that changes move by move, with the room and the groups on each host."""

    def __init__(self, tables: Tables, where: I64) -> None:
        self.standing, self.where = tables.standing, where
        self.room: I64 = self.standing.room(where)
        self.present: I32 = self.standing.present(where)

    def groups(self, row: int) -> I64:
        """The groups of which no host takes two, of one row."""
        start = self.standing.apart_start
        return self.standing.apart_group[start[row] : start[row + 1]]

    def take(self, row: int, host: int, sign: int) -> None:
        """Put a row on a host (1) or take it off (-1)."""
        self.room[host] -= sign * self.standing.need[row]
        self.present[self.groups(row), host] += sign

    def fits(self, row: int, hosts: I64) -> I64:
        """Which of the hosts take a row."""
        able = (self.room[hosts] >= self.standing.need[row]).all(axis=1)
        able &= self.standing.permitted[self.standing.permit[row], hosts]
        groups = self.groups(row)
        if len(groups):
            able &= (self.present[np.ix_(groups, hosts)] == 0).all(axis=0)
        return np.asarray(hosts[able])

    def move(self, row: int, liked: I64, likes: Sequence[I64 | None]) -> None:
        """Move a row to a host in use that it likes, or swap it with a row that does not mind."""
        source = int(self.where[row])
        used = np.unique(self.where[self.where >= 0])
        targets = used[liked[used]]
        self.take(row, source, -1)
        found = self.fits(row, targets)
        if len(found):
            self._put(row, int(found[0]))
            return
        for other in np.flatnonzero(np.isin(self.where, targets)).tolist():
            wish = likes[other]
            if wish is not None and not wish[source] and wish[self.where[other]]:
                continue
            target = int(self.where[other])
            self.take(other, target, -1)
            if len(self.fits(row, np.array([target]))):
                self.take(row, target, 1)
                if len(self.fits(other, np.array([source]))):
                    self.where[row] = target
                    self._put(other, source)
                    return
                self.take(row, target, -1)
            self.take(other, target, 1)
        self.take(row, source, 1)

    def _put(self, row: int, host: int) -> None:
        self.take(row, host, 1)
        self.where[row] = host
