"""Our mending and levelling asked about Ganeti's clusters.

A mirrored instance (DRBD) is two rows: the primary takes memory, vCPUs and disk, the secondary disk, and
they stand apart.  What is evened out are Ganeti's own loads; tags become permits and groups that stand
apart.  Steps of four kinds follow each other as long as hbal's score falls: F makes secondaries primaries,
P gives primaries other nodes, S secondaries, B both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from planner.kernels.arrays import F64, I64, Flags
from planner.patterns.standing import Standing, repair
from planner.resilience.levelling import Loads, level
from tests.planner.ganeti_suite import Node, Place, Suite, Verdict, judged, moves_between

EXTERNAL = ("diskless", "sharedfile", "blockdev", "rbd", "ext", "gluster")
WITHOUT_END = 10**9
ORDERS = ("FPSB", "SFPB", "BFPS", "PSFB")
# Weights of the memory that secondaries would need, in all and by peer.  hbal's term is not linear: a node
# reserves for its largest peer alone, so that secondaries of several peers share it.
RESERVED = ((0.5, 0.0), (0.0, 0.5), (0.0, 0.0), (2.0, 0.0), (0.0, 2.0), (-0.3, 0.5))
# Memory as counted and as told, disk, vCPUs, spindles; use of CPU, memory and network in one; of disk.
WEIGHTS = (0.5, 0.5, 1.0, 1.0, 1.0, 3.0, 1.0)
ROUNDS = 8
PREFIXES = 12  # moves taken back where all of them together help nobody

Reserved = tuple[float, float]


class Search:
    """Our mending and levelling on the rows of a cluster, asked again and again until hbal's score stays."""

    def __init__(self, suite: Suite, folder: Path) -> None:
        self.suite, self.folder, self.guarded = suite, folder, False
        self.nodes = [node for node in suite.nodes if node.group and not node.offline]
        self.column = {node.name: number for number, node in enumerate(self.nodes)}
        self.known: dict[Place, Verdict] = {}
        self.offline = {node.name for node in suite.nodes if node.offline}
        inside = {node.name for node in suite.nodes if node.group}
        evacuates = "--evac-mode" in suite.case.options
        self.movable = [
            one.balanced
            and (one.mirrored or one.template in EXTERNAL)
            and {*place} - {""} <= inside
            and (not evacuates or not self.offline.isdisjoint(place))
            for one, place in zip(suite.instances, suite.place, strict=True)
        ]
        self.prefixes = {
            kind: tuple(f"{tag.split(':', 2)[2]}:" for tag in suite.tags if tag.startswith(f"htools:{kind}:"))
            for kind in ("nlocation", "desiredlocation", "migration", "iextags")
        }
        asked = suite.case.value("--exclusion-tags")
        self.prefixes["iextags"] += tuple(f"{tag}:" for tag in asked.split(",") if tag)
        self.allowed = [
            tag.removeprefix("htools:allowmigration:").split("::")
            for tag in suite.tags
            if tag.startswith("htools:allowmigration:")
        ]

    def judge(self, place: Place) -> Verdict:
        if place not in self.known:
            self.known[place] = judged(self.suite, place, self.folder)
        return self.known[place]

    def best(self, guarded: bool) -> Place:
        """Where our balance leaves the instances; guarded, no node that can be emptied today is lost."""
        ends = [self.suite.place]
        for self.guarded in (True,) if guarded else (True, False):
            if any(self.movable) and len(self.nodes) > 1:
                ends += [self._from(order, reserved) for order in ORDERS for reserved in RESERVED]
        return min(ends, key=self.rank)

    def rank(self, place: Place) -> tuple[int, float, int]:
        """Whether more fails than today, then the score; hbal too lets more fail to empty a node offline."""
        found, today = self.judge(place), self.judge(self.suite.place)
        worse = 0 if self.offline else max(0, found.bad_instances - today.bad_instances)
        if self.guarded:
            worse += max(0, found.bad_instances - today.bad_instances)
            worse += max(0, (found.cannot_empty or 0) - (today.cannot_empty or 0))
        return worse, round(found.score, 7), moves_between(self.suite.place, place)

    def _from(self, order: str, reserved: Reserved) -> Place:
        place = self.suite.place
        for _ in range(ROUNDS):
            before = place
            for kind in order:
                if not any(self.movable[one] for one, _ in self._rows(kind)):
                    continue
                place = self._taken(place, [self._mended(kind, place)])
                if self.offline:
                    place = self._taken(place, self._levelled(kind, place, reserved, True, fled=True))
                place = self._taken(place, self._levelled(kind, place, reserved, True))
                place = self._taken(place, self._levelled(kind, place, reserved, False))
            if place == before:
                break
        return place

    def _taken(self, place: Place, ways: Iterable[Place]) -> Place:
        """The first of the ways that is better than today, if any."""
        rank = self.rank(place)
        return next((way for way in ways if self.rank(way) < rank), place)

    def _mended(self, kind: str, place: Place) -> Place:
        """What tags ask for; beyond soft limits where a node is offline, as hbal does."""
        rows = self._rows(kind)
        standing, where, _ = self._standing(kind, rows, place, wishes=True, soft=bool(self.offline))
        return self._placed(kind, rows, place, repair(standing, where).where, where)

    def _levelled(
        self, kind: str, place: Place, reserved: Reserved, wishes: bool, *, fled: bool = False
    ) -> Iterator[Place]:
        """The end of our levelling, and where its moves lead to one after the other.

        With `fled` those that stood on a node offline, beyond soft limits as when they left it.
        """
        rows = [row for row in self._rows(kind) if place[row[0]][row[1]] in self.column]
        standing, where, movable = self._standing(kind, rows, place, wishes, soft=fled)
        if fled:
            movable &= np.array([not self.offline.isdisjoint(self.suite.place[one]) for one, _ in rows], bool)
        if not movable.any():
            return
        loads = self._loads(kind, rows, place, reserved)
        found = level(standing, where, loads, movable=movable, most=WITHOUT_END)
        yield self._placed(kind, rows, place, found.where, where)
        for many in range(len(found.moves) - 1, max(0, len(found.moves) - PREFIXES), -1):
            after = where.copy()
            after[found.moves[:many, 0]] = found.moves[:many, 2]
            yield self._placed(kind, rows, place, after, where)

    def _rows(self, kind: str) -> list[tuple[int, int]]:
        """The rows as (instance, 0 for its primary and 1 for its secondary)."""
        numbers = range(len(self.suite.instances))
        rows = [(one, 0) for one in numbers]
        if kind != "F":
            rows += [(one, 1) for one in numbers if self.suite.instances[one].mirrored]
        return rows

    def _placed(
        self, kind: str, rows: Sequence[tuple[int, int]], place: Place, after: I64, before: I64
    ) -> Place:
        """Who found no node stays where it is."""
        found = [list(pair) for pair in place]
        for (one, role), to, was in zip(rows, after.tolist(), before.tolist(), strict=True):
            if to < 0 or to == was:
                continue
            name = self.nodes[to].name
            if kind == "F":
                found[one] = [name, place[one][0]]
            else:
                found[one][role] = name
        return tuple(
            (new[0], new[1]) if new[0] != new[1] else old for new, old in zip(found, place, strict=True)
        )

    def _standing(
        self, kind: str, rows: Sequence[tuple[int, int]], place: Place, wishes: bool, soft: bool = False
    ) -> tuple[Standing, I64, Flags]:
        where = np.array([self.column.get(place[one][role], -1) for one, role in rows], np.int64)
        moves = {"F": (True, False), "P": (True, False), "S": (False, True), "B": (True, True)}[kind]
        movable = np.array([self.movable[one] and moves[role] for one, role in rows], bool)
        if kind == "F":
            movable &= np.array([self.suite.instances[one].mirrored for one, _ in rows], bool)
        permits = {}
        for row, (one, role) in enumerate(rows):
            if not movable[row]:
                permits[row] = frozenset({int(where[row])} - {-1})
                continue
            able = self._reached(one, role, place)
            if kind == "F":
                able &= {self.column[name] for name in place[one] if name in self.column}
            if wishes:
                able = self._wished(kind, one, role, place, able)
            permits[row] = frozenset(able)
        pairs: dict[int, list[int]] = {}
        for row, (one, _) in enumerate(rows):
            pairs.setdefault(one, []).append(row)
        apart = [pair for pair in pairs.values() if len(pair) > 1]
        for tag in self._exclusive():
            apart.append([row for row, (one, role) in enumerate(rows)
                          if role == 0 and tag in self.suite.instances[one].tags])  # fmt: skip
        need = np.array([self._need(kind, one, role) for one, role in rows], np.int64)
        return Standing.of(need, self._capacity(soft), permits, apart), where, movable

    def _need(self, kind: str, one: int, role: int) -> tuple[int, int, int, int]:
        this = self.suite.instances[one]
        disk, spindles = (this.disk_mib, this.spindles) if this.local and kind != "F" else (0, 0)
        return (this.memory_mib, this.vcpus, disk, spindles) if role == 0 else (0, 0, disk, spindles)

    def _capacity(self, soft: bool = False) -> I64:
        """What the nodes give to all their instances; the ratios of vCPUs and spindles are soft limits."""
        soft = soft or "--ignore-soft-errors" in self.suite.case.options
        held = np.zeros((len(self.nodes), 2), np.int64)
        for one, before in zip(self.suite.instances, self.suite.place, strict=True):
            if one.forthcoming:
                continue
            if before[0] in self.column:
                held[self.column[before[0]], 0] += one.memory_mib
            for name in before if one.mirrored else before[:1] if one.local else ():
                if name in self.column:
                    held[self.column[name], 1] += one.disk_mib
        rows = []
        for node, (memory, disk) in zip(self.nodes, held.tolist(), strict=True):
            gives = min(node.free_mib + memory, node.total_mib - node.own_mib) - 1
            vcpus = int(self.suite.vcpu_ratio * node.cpus) - node.own_cpus
            spindles = int(self.suite.spindle_ratio * node.spindles)
            rows.append((gives, WITHOUT_END if soft else vcpus, node.free_disk_mib + disk - 1,
                         WITHOUT_END if soft else spindles))  # fmt: skip
        return np.array(rows, np.int64)

    def _reached(self, one: int, role: int, place: Place) -> set[int]:
        """The nodes to which the primary may migrate."""
        every = set(range(len(self.nodes)))
        prefixes = self.prefixes["migration"]
        source = next((node for node in self.nodes if node.name == place[one][0]), None)
        if role or not prefixes or source is None:
            return every
        asks = {tag for tag in source.tags if tag.startswith(prefixes)}
        return {column for column in every if asks <= self._takes(self.nodes[column])}

    def _takes(self, node: Node) -> set[str]:
        return {*node.tags, *(old for old, new in self.allowed if new in node.tags)}

    def _locations(self, column: int) -> frozenset[str]:
        prefixes = self.prefixes["nlocation"]
        return frozenset(tag for tag in self.nodes[column].tags if prefixes and tag.startswith(prefixes))

    def _exclusive(self) -> list[str]:
        prefixes = self.prefixes["iextags"]
        return sorted({tag for one in self.suite.instances for tag in one.tags
                       if prefixes and tag.startswith(prefixes)})  # fmt: skip

    def _wished(self, kind: str, one: int, role: int, place: Place, able: set[int]) -> set[int]:
        """Of the nodes that a row may take those that its tags want."""
        able = _fewest(able, lambda column: -self._desired(one, column) if role == 0 else 0)
        other = self.column.get(place[one][1 - role])
        if kind in "PS" and other is not None:
            shared = self._locations(other)
            able = _fewest(able - {other}, lambda column: len(shared & self._locations(column)))
        if role:
            return able
        tags = self.suite.instances[one].tags & set(self._exclusive())
        taken = [
            self._locations(self.column[place[before][0]])
            for before in range(one)
            if tags & self.suite.instances[before].tags and place[before][0] in self.column
        ]
        return _fewest(able, lambda column: sum(len(at & self._locations(column)) for at in taken))

    def _desired(self, one: int, column: int) -> int:
        prefixes = self.prefixes["desiredlocation"]
        return sum(tag.startswith(prefixes) for tag in self.suite.instances[one].tags
                   & self._locations(column)) if prefixes else 0  # fmt: skip

    def _loads(self, kind: str, rows: Sequence[tuple[int, int]], place: Place, reserved: Reserved) -> Loads:
        """Ganeti's loads that follow an instance from node to node, with Ganeti's weights."""
        part = np.array([self._part(kind, one, role) for one, role in rows], float)
        unit = np.array([self._unit(node) for node in self.nodes])
        weight = np.array([*WEIGHTS, reserved[0]])
        base = self._base(kind, place)
        if kind == "S" and reserved[1]:
            peers = np.array([self.column.get(place[one][0], -1) for one, _ in rows])
            by_peer = part[:, -1:] * (peers[:, None] == np.arange(len(unit)))
            part = np.column_stack((part, by_peer))
            unit = np.column_stack((unit, np.repeat(unit[:, -1:], len(unit), axis=1)))
            weight = np.concatenate((weight, np.full(len(unit), reserved[1])))
            base = np.column_stack((base, np.zeros((len(unit), len(unit)))))
        return Loads(part, unit, weight, base)

    def _part(self, kind: str, one: int, role: int) -> tuple[float, ...]:
        """What a row takes, in the order of WEIGHTS; half of Ganeti's terms leave out who is to come."""
        this = self.suite.instances[one]
        memory, vcpus, disk, spindles = self._need(kind, one, role)
        here = 0.0 if this.forthcoming else 1.0
        half = (1.0 + here) / 2
        busy = 0.0 if "--ignore-dynu" in self.suite.case.options else here
        writes = busy if this.local and kind != "F" else 0.0
        second = this.memory_mib if role else -this.memory_mib if kind == "F" and this.mirrored else 0
        use = busy if role == 0 else 0.0
        return memory * here, memory, disk * half, vcpus * half, spindles * half, use, writes, second

    def _unit(self, node: Node) -> tuple[float, ...]:
        memory, disk = 1 / node.total_mib, 1 / max(1, node.disk_mib)
        spindles = 1 / max(1.0, node.spindles * self.suite.spindle_ratio)
        return -memory, -memory, -disk, 1 / (node.cpus * node.speed), spindles, 1, 1, memory

    def _base(self, kind: str, place: Place) -> F64:
        """What is there whoever comes or goes: all of today but what the rows carry."""
        gives, told = self._capacity(), {node.name: node.free_mib for node in self.nodes}
        second = dict.fromkeys(self.column, 0)
        for one, today, now in zip(self.suite.instances, self.suite.place, place, strict=True):
            if today[0] in told and not one.forthcoming:
                told[today[0]] += one.memory_mib
            for name in now if one.mirrored and kind == "F" else ():
                if name in second:
                    second[name] += one.memory_mib
        base = np.zeros((len(self.nodes), len(WEIGHTS) + 1))
        for column, node in enumerate(self.nodes):
            base[column, 0] = gives[column, 0] / node.total_mib
            base[column, 1] = told[node.name] / node.total_mib
            base[column, 2] = gives[column, 2] / max(1, node.disk_mib)
            base[column, 3] = node.own_cpus / (node.cpus * node.speed)
            base[column, -1] = second[node.name] / node.total_mib
        return base


def _fewest(able: set[int], cost: Callable[[int], int]) -> set[int]:
    least = min(map(cost, able), default=0)
    return {column for column in able if cost(column) == least}
