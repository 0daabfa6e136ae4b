"""Clusters of Ganeti's shelltests: read as hbal writes them, placed anew, judged by hbal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.planner.ganeti import htool

LOCAL = ("drbd", "plain")
PRINTED = ("name", "umem", "rmem", "pcnt", "scnt")

Place = tuple[tuple[str, str], ...]  # primary and secondary of each instance


@dataclass(frozen=True)
class Case:
    """A cluster and how the shelltest asks hbal about it."""

    file: str
    options: tuple[str, ...] = ()
    group: str = ""

    @property
    def asked(self) -> tuple[str, ...]:
        return (*(("-G", self.group) if self.group else ()), *self.options)

    def value(self, option: str) -> str:
        return self.options[self.options.index(option) + 1] if option in self.options else ""

    def __str__(self) -> str:
        return " ".join((self.file, *self.options))


@dataclass(frozen=True)
class Node:
    name: str
    total_mib: int
    own_mib: int
    free_mib: int
    disk_mib: int
    free_disk_mib: int
    cpus: int
    offline: bool
    group: str
    spindles: int
    tags: frozenset[str]
    own_cpus: int
    speed: float


@dataclass(frozen=True)
class Instance:
    name: str
    memory_mib: int
    disk_mib: int
    vcpus: int
    balanced: bool
    template: str
    tags: frozenset[str]
    spindles: int
    forthcoming: bool

    @property
    def local(self) -> bool:
        return self.template in LOCAL

    @property
    def mirrored(self) -> bool:
        return self.template == "drbd"


@dataclass(frozen=True)
class Suite:
    """A cluster as hbal wrote it down after reading the file, and the place of each instance."""

    case: Case
    sections: tuple[tuple[str, ...], ...]
    nodes: tuple[Node, ...]
    instances: tuple[Instance, ...]
    place: Place
    tags: tuple[str, ...]
    vcpu_ratio: float
    spindle_ratio: float

    def free(self, place: Place) -> tuple[dict[str, int], dict[str, int]]:
        """Free memory and disk of each node, as it would tell them."""
        memory = {node.name: node.free_mib for node in self.nodes}
        disk = {node.name: node.free_disk_mib for node in self.nodes}
        for one, before, after in zip(self.instances, self.place, place, strict=True):
            if one.forthcoming:
                continue
            memory[before[0]] += one.memory_mib
            memory[after[0]] -= one.memory_mib
            for column in (0, 1) if one.mirrored else (0,) if one.local else ():
                disk[before[column]] += one.disk_mib
                disk[after[column]] -= one.disk_mib
        return memory, disk

    def overfull(self, place: Place) -> int:
        """Nodes without free memory or disk: hbal fills none to the last MiB."""
        memory, disk = self.free(place)
        counted = {node.name: node.total_mib - node.own_mib for node in self.nodes}
        for one, (primary, _) in zip(self.instances, place, strict=True):
            counted[primary] -= 0 if one.forthcoming else one.memory_mib
        return sum(min(memory[name], counted[name], disk[name]) <= 0 for name in counted)

    def text(self, place: Place) -> str:
        """The cluster with its instances elsewhere; free memory and disk follow them."""
        memory, disk = self.free(place)
        nodes, instances = [], []
        for line in self.sections[1]:
            cells = line.split("|")
            cells[3], cells[5] = str(memory[cells[0]]), str(disk[cells[0]])
            nodes.append("|".join(cells))
        for line, (primary, secondary) in zip(self.sections[2], place, strict=True):
            cells = line.split("|")
            cells[6:8] = primary, secondary
            instances.append("|".join(cells))
        parts = (self.sections[0], nodes, instances, *self.sections[3:])
        return "\n\n".join("\n".join(part) for part in parts) + "\n"


@dataclass(frozen=True)
class Verdict:
    """What hbal says of a placement, its score and the instances that fail N+1, and what hcheck says.

    A node of which exactly the reserve is free fails where hbal moves something, and passes where it
    reads: here it fails, and `as_read` is the other score.  `cannot_empty` counts the nodes that hcheck
    cannot empty (global N+1); None where it breaks off, as it does over instances split between groups.
    """

    score: float
    as_read: float
    bad_instances: int
    cannot_empty: int | None


def read(case: Case, text: str) -> Suite:
    """Read what `hbal -S` wrote."""
    sections: list[list[str]] = [[]]
    for line in text.rstrip("\n").split("\n"):
        if line:
            sections[-1].append(line)
        else:
            sections.append([])
    groups = {line.split("|")[0]: line.split("|")[1] for line in sections[0]}
    group = groups[case.group] if case.group else next(iter(groups.values()))
    name = next(name for name, uuid in groups.items() if uuid == group)
    ratios = [line.split("|")[-2:] for line in sections[4] if line.split("|")[0] == name]
    cells = [line.split("|") for line in sections[2]]
    return Suite(
        case=case,
        sections=tuple(tuple(part) for part in sections),
        nodes=tuple(
            _node(line.split("|"), group, case) for line in sections[1]
        ),
        instances=tuple(_instance(row) for row in cells),
        place=tuple((row[6], row[7]) for row in cells),
        tags=tuple(sections[3]),
        vcpu_ratio=float(ratios[0][0]) if ratios else 4.0,
        spindle_ratio=float(ratios[0][1]) if ratios else 32.0,
    )  # fmt: skip


def _node(cells: Sequence[str], group: str, case: Case) -> Node:
    return Node(
        name=cells[0], total_mib=int(cells[1]), own_mib=int(cells[2]), free_mib=int(cells[3]),
        disk_mib=int(cells[4]), free_disk_mib=int(cells[5]), cpus=int(cells[6]),
        offline=cells[7] == "Y" or cells[0] == case.value("-O"),
        group=group if cells[8] == group else "", spindles=int(cells[9]),
        tags=frozenset(filter(None, cells[10].split(","))), own_cpus=int(cells[13]), speed=float(cells[14]),
    )  # fmt: skip


def _instance(cells: Sequence[str]) -> Instance:
    return Instance(
        name=cells[0], memory_mib=int(cells[1]), disk_mib=int(cells[2]), vcpus=int(cells[3]),
        balanced=cells[5] == "Y", template=cells[8], tags=frozenset(filter(None, cells[9].split(","))),
        spindles=int(cells[10]), forthcoming=cells[12] == "Y",
    )  # fmt: skip


def hbal(path: Path, *options: str) -> str:
    done = htool("hbal", "-v", "-v", "-v", "-t", path, *options)
    return done.stdout + done.stderr


def judged(suite: Suite, place: Place, folder: Path) -> Verdict:
    """Let hbal and hcheck judge a placement."""
    path = folder / "judged.data"
    path.write_text(suite.text(place))
    said = hbal(path, *suite.case.asked, "--max-length=0", f"--print-nodes={','.join(PRINTED)}")
    bad = re.search(r"Initial check done: (\d+) bad nodes, (\d+) bad instances", said)
    score = re.search(r"Initial coefficients: overall ([\d.]+)", said)
    assert bad is not None, said
    assert score is not None, said
    offline = [f"--offline={name}"] if (name := suite.case.value("-O")) else []
    found = htool("hcheck", "-t", path, "--machine-readable", "--no-simulation", *offline).stdout
    counted = {key: int(value) for key, value in re.findall(r"HCHECK_INIT_CLUSTER_(\w+)=(\d+)", found)}
    inside = {node.name for node in suite.nodes if node.group and not node.offline}
    short = short_of_memory(said, inside)
    return Verdict(
        score=float(score[1]) + short - int(bad[2]),
        as_read=float(score[1]),
        bad_instances=short,
        cannot_empty=counted.get("GN1_FAIL"),
    )


def short_of_memory(said: str, inside: set[str]) -> int:
    """Instances on nodes that have not more memory free than one other node could ask for."""
    status = said.split("Initial cluster status:")[1].split("\n\n")[0]
    found = 0
    for cells in map(str.split, status.split("\n")[2:]):
        name, free, reserve, primaries, secondaries = cells[-len(PRINTED) :]
        if name in inside and int(free) <= int(reserve):
            found += int(primaries) + int(secondaries)
    return found


def balanced_by_hbal(case: Case, path: Path, folder: Path) -> tuple[Suite, Place, float, int]:
    """The cluster, where hbal leaves its instances, the score that it claims, and its moves."""
    said = hbal(path, *case.asked, "-S", str(folder / "state"))
    suite = read(case, (folder / "state.original").read_text())
    moved = {
        name: (primary, secondary or "")
        for name, primary, secondary in re.findall(
            r"^ +\d+\. (\S+) +\S+ +=> ([^\s:]+)(?::(\S+))? ", said, re.MULTILINE
        )
    }
    assert moved.keys() <= {one.name for one in suite.instances}
    place = tuple(moved.get(one.name, pair) for one, pair in zip(suite.instances, suite.place, strict=True))
    scores = re.findall(r"(?:Initial|Final) coefficients: +overall ([\d.]+)", said)
    moves = re.search(r"Solution length=(\d+)", said)
    return suite, place, float(scores[-1]), int(moves[1]) if moves else 0


def moves_between(before: Place, after: Place) -> int:
    """hbal's moves: one keeps one of the two nodes of an instance."""
    return sum(
        0 if old == new else 1 if not new[1] or not {*old}.isdisjoint(new) else 2
        for old, new in zip(before, after, strict=True)
    )
