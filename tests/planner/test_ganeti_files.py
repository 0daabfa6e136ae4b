"""Our balance beside hbal's on the clusters of Ganeti's shelltests, hbal and hcheck being the judges.

Clusters that hspace makes are always compared; Ganeti's own files where GANETI_DATA names their folder, of
which `python -m tests.planner.ganeti_files` makes the whole table of docs/ganeti-suite.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planner.ganeti import GANETI, needs_htools
from tests.planner.ganeti_files import ASKED, MADE, compared, make
from tests.planner.ganeti_suite import Case, Suite, moves_between, read


@needs_htools
@pytest.mark.parametrize("case", MADE[3:5], ids=str)
def test_clusters_that_hspace_makes_are_balanced_as_well_as_by_hbal(case: Case, tmp_path: Path):
    make(tmp_path)
    found = compared(case, tmp_path / case.file, tmp_path)
    assert found.against(found.ours) != "worse"
    assert found.against(found.guarded) != "worse"
    assert found.ours.verdict.score < found.before.score


@needs_htools
@pytest.mark.parametrize("case", ASKED, ids=str)
def test_ganetis_own_clusters_are_balanced_as_well_as_by_hbal(case: Case, tmp_path: Path):
    file = GANETI / f"{case.file}.data"
    if not file.exists():
        pytest.skip(
            f"{file.name} is missing: GANETI_DATA names its folder, see tests/planner/ganeti_files.py"
        )
    found = compared(case, file, tmp_path)
    assert found.against(found.ours) != "worse"


def small() -> Suite:
    """Two nodes with two instances, one on DRBD and one on shared storage."""
    return read(
        Case("small"),
        "\n".join([
            "g|uuid|preferred||", "",
            "a|4096|0|2072|10000|8000|4|M|uuid|1||N|0|1|1.0",
            "b|4096|0|4096|10000|8000|4|N|uuid|1||N|0|1|1.0", "",
            "x|1024|2000|1|running|Y|a|b|drbd||1|-|N", "y|1000|0|1|running|Y|a||ext||1|-|N", "", "",
            "g|1|1|ext|4.0|32.0", "",
        ]),
    )  # fmt: skip


def test_free_memory_and_disk_follow_the_instances():
    suite = small()
    text = suite.text((("b", "a"), ("b", "")))
    nodes = [line.split("|") for line in text.split("\n") if line.count("|") == 14]
    assert [(cells[0], cells[3], cells[5]) for cells in nodes] == [
        ("a", "4096", "8000"),
        ("b", "2072", "8000"),
    ]
    assert read(suite.case, text).place == (("b", "a"), ("b", ""))


def test_a_move_keeps_one_of_the_two_nodes():
    before = (("a", "b"), ("a", "b"), ("a", "b"), ("a", ""))
    assert moves_between(before, (("b", "a"), ("c", "a"), ("c", "d"), ("b", ""))) == 1 + 1 + 2 + 1
    assert moves_between(before, before) == 0
