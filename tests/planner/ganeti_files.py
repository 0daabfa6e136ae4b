"""The balance files of Ganeti's shelltests: hbal's end and ours, both judged by hbal and hcheck.

The files belong to Ganeti (BSD-2-Clause) and stay outside; Debian packs them without need to install:

    apt-get download ganeti-testsuite && dpkg-deb -x ganeti-testsuite_*.deb suite
    python -m tests.planner.ganeti_files --data suite/usr/share/ganeti/testsuite/test/data/htools
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.planner.ganeti import htool
from tests.planner.ganeti_search import Search
from tests.planner.ganeti_suite import Case, Place, Verdict, balanced_by_hbal, moves_between

SAME = 1e-6
IDLE = "--ignore-dynu"
SOFT = "--ignore-soft-errors"
# What the shelltests ask hbal about.
ASKED = (
    *(Case(f"hbal-migration-{number}") for number in (1, 2, 3)),
    *(Case(f"hbal-desiredlocation-{number}") for number in (1, 2, 3, 4)),
    Case("hbal-location-1"), Case("hbal-location-2"), Case("hbal-location-exclusion"),
    Case("hbal-excl-tags", ("--exclusion-tags", "test")),
    Case("hbal-cpu-speed", (IDLE,)), Case("hbal-dyn"), Case("hbal-dyn", (IDLE,)), Case("hbal-forth"),
    Case("hbal-soft-errors"), Case("hbal-soft-errors", (SOFT,)),
    Case("hbal-soft-errors2"), Case("hbal-soft-errors2", (SOFT,)),
    Case("hbal-evac"), Case("hbal-evac", ("--evac-mode",)),
    Case("hbal-split-insts", ("-O", "node-01-001"), "group-01"),
    Case("n1-failure", (), "group-01"), Case("clean-nonzero-score"), Case("common-suffix"),
    Case("shared-n1-failure", (IDLE,)), Case("shared-n1-failure", (IDLE, "-O", "nodeA")),
    Case("shared-n1-failure", (IDLE, "-O", "nodeC")),
)  # fmt: skip
# Files of the other tools' shelltests that hold instances: hbal can be asked about them too.
FURTHER = (
    Case("partly-used"), Case("plain-n1-restriction"), Case("shared-n1-restriction"),
    Case("hsqueeze-mixed-instances"), Case("hsqueeze-overutilized"), Case("hsqueeze-underutilized"),
    Case("hspace-groups-one"), Case("hspace-groups-two", (), "group-01"), Case("hspace-existing"),
    Case("hspace-bad-group", (), "group-bad"), Case("hroller-online"), Case("hroller-nonredundant"),
    Case("hroller-nodegroups", (), "group-01"), Case("unique-reboot-order"),
)  # fmt: skip
# Made by hspace as the shelltests have it make them.
MADE = tuple(
    Case(f"simu-{name}.{way}", (), "group-01")
    for name in ("onegroup", "twogroups", "rebal-merged")
    for way in ("standard", "tiered")
)


@dataclass(frozen=True)
class End:
    """A placement as hbal and hcheck judge it, and what it takes to get there."""

    verdict: Verdict
    moves: int
    counts: tuple[int, ...]
    overfull: int

    def __str__(self) -> str:
        counts = ",".join(map(str, self.counts))
        return f"{self.verdict.score:.4f} | {failing(self.verdict)} | {self.moves} | {counts}"


@dataclass(frozen=True)
class Compared:
    """One row of the table; `guarded` makes no node that can be emptied today one that cannot."""

    case: Case
    nodes: int
    instances: int
    before: Verdict
    theirs: End
    ours: End
    guarded: End

    def against(self, ours: End) -> str:
        """Whether as few instances fail N+1, no more nodes are full, and the score is the same or better."""
        mine, theirs = ours.verdict, self.theirs.verdict
        if (
            ours.overfull > self.theirs.overfull
            or mine.bad_instances > theirs.bad_instances
            or mine.score > theirs.score + SAME
        ):
            return "worse"
        return "better" if mine.score < theirs.score - SAME else "same"


def make(folder: Path) -> None:
    """Let hspace make the clusters that the shelltests make."""
    one = "p,4,8T,64g,16"
    for name, groups in (("onegroup", (one,)), ("twogroups", (one, one)), ("rebal", ("u" + one[1:], one))):
        simulated = [f"--simulate={group}" for group in groups]
        htool("hspace", *simulated, "-S", folder / f"simu-{name}", "--disk-template=drbd", "-l", "8")
    for way in ("standard", "tiered"):
        text = (folder / f"simu-rebal.{way}").read_text()
        merged = re.sub(r"^(node-.*\|fake-uuid-)02\|", r"\g<1>01|", text, flags=re.MULTILINE)
        (folder / f"simu-rebal-merged.{way}").write_text(merged)


def compared(case: Case, path: Path, folder: Path) -> Compared:
    """Balance one cluster both ways."""
    suite, their_place, claimed, their_moves = balanced_by_hbal(case, path, folder)
    search = Search(suite, folder)

    def end(place: Place, moves: int | None = None) -> End:
        needed = moves_between(suite.place, place) if moves is None else moves
        counts = tuple(sum(pair[0] == node.name for pair in place) for node in suite.nodes if node.group)
        return End(search.judge(place), needed, counts, suite.overfull(place))

    theirs = end(their_place, their_moves)
    assert theirs.verdict.as_read - SAME < claimed < theirs.verdict.score + SAME, theirs
    return Compared(
        case=case,
        nodes=sum(bool(node.group) for node in suite.nodes),
        instances=len(suite.instances),
        before=search.judge(suite.place),
        theirs=theirs,
        ours=end(search.best(guarded=False)),
        guarded=end(search.best(guarded=True)),
    )


def failing(told: Verdict) -> str:
    """Instances on nodes that fail N+1, nodes that cannot be emptied."""
    return f"{told.bad_instances}, {'-' if told.cannot_empty is None else told.cannot_empty}"


def rows(data: Path | None, folder: Path) -> Iterator[Compared]:
    if data is not None:
        for case in (*ASKED, *FURTHER):
            yield compared(case, data / f"{case.file}.data", folder)
    make(folder)
    for case in MADE:
        yield compared(case, folder / case.file, folder)


END = "score | failing | moves | primaries"
HEAD = "| cluster | nodes, instances | score | failing " + f"| {END} " + f"| {END} | verdict " * 2 + "|\n"
HEAD += "|---" * HEAD.count(" | ") + "|"


def line(row: Compared) -> str:
    """One row of the table in Markdown."""
    before = f"{row.before.score:.4f} | {failing(row.before)}"
    ends = f"{row.theirs} | {row.ours} | {row.against(row.ours)} | {row.guarded} | {row.against(row.guarded)}"
    return f"| `{row.case}` | {row.nodes}, {row.instances} | {before} | {ends} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder test/data/htools of Ganeti")
    data = parser.parse_args().data
    found = []
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(data, Path(folder)):
            found.append(row)
            print(line(row), flush=True)
    for name, verdicts in (
        ("ours", [row.against(row.ours) for row in found]),
        ("guarded", [row.against(row.guarded) for row in found]),
    ):
        told = ", ".join(f"{verdicts.count(word)} {word}" for word in ("same", "better", "worse"))
        print(f"{name}: of {len(found)} {told}")
    return 0 if all(row.against(row.ours) != "worse" for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
