"""What would have saved them is played, not guessed; and the causes of a run as a tree."""

from __future__ import annotations

import pytest
from msgspec import structs

from operations.causes import tree_of
from operations.engine import run
from operations.rescue import rescues
from operations.scenario import Scenario, begin, rehearse
from operations.script import parse_script
from operations.sketch import parse_sketch
from operations.summary import Summary, summarize

TIGHT = """
host a b memory=32G
datastore san
vm one on=a memory=20G datastore=san
vm two on=b memory=20G datastore=san
"""


def ended(estate_text: str, script_text: str) -> Summary:
    estate = parse_sketch(estate_text)
    script = parse_script(script_text, estate)
    state, driver = begin(estate, script)
    for _ in run(state, script.policies, driver):
        pass
    summary = summarize(state)
    return structs.replace(summary, rescues=rescues(estate, script, state, summary))


def told(summary: Summary) -> list[tuple[str, int]]:
    return [(str(one.what), len(one.saves)) for one in summary.rescues]


@pytest.mark.parametrize(
    ("estate", "script", "found"),
    [
        (TIGHT, "at 0 fail b", [("one host more, like a", 1)]),
        (
            "host a b\ndatastore disk hosts=b shared=no\nvm x on=b datastore=disk",
            "at 0 fail b",
            [("shared storage: every host mounts every datastore", 1)],
        ),
        (
            "host a b c\nvm x on=b priority=disabled",
            "at 0 fail b",
            [("a restart priority for VMs that have none", 1)],
        ),
        (
            "host a b c\nvm x on=b\nrule must-run-on x hosts=b",
            "at 0 fail b",
            [("rules that ask instead of forbidding", 1)],
        ),
        (
            "host a b c\ndatastore san\nvm x on=b datastore=san",
            "policy ha.fencing none\nat 0 fail b",
            [("fencing by power", 1)],
        ),
        ("host a b c\nvm x on=b", "policy ha.enabled no\nat 0 fail b", [("HA switched on", 1)]),
        (
            "host a b c\ndatastore san\nvm x on=b datastore=san",
            "policy ha.apd warning\nat 0 apd b san",
            [
                ("two crossed fabrics: no path lost, none all down", 1),
                ("a response to lost storage that restarts VMs elsewhere", 1),
            ],
        ),
        ("host a b c\nvm x on=b", "policy ha.monitors no\nat 0 hang x", [("VM monitoring", 1)]),
    ],
)
def test_a_remedy_is_told_when_it_was_played_and_saved(
    estate: str, script: str, found: list[tuple[str, int]]
) -> None:
    summary = ended(estate, script)
    assert summary.lost
    assert told(summary) == found


def test_nothing_is_told_where_nothing_helps_or_nobody_is_lost() -> None:
    lost = ended("host a b\nvm x on=a", "guest x start_failures -1\nat 0 fail a")
    assert (len(lost.lost), lost.rescues) == (1, ())
    assert [str(one) for one in lost.advice] == ["a person who looks at the VMs that do not start"]
    assert ended("host a b\nvm x on=a", "at 0 fail a").rescues == ()


def test_two_remedies_are_played_together_where_neither_saves_all() -> None:
    estate = TIGHT + "\nvm lab on=b memory=1G datastore=san priority=disabled"
    assert told(ended(estate, "at 0 fail b")) == [
        ("all of these together", 2),
        ("a restart priority for VMs that have none", 1),
        ("one host more, like a", 1),
    ]


def test_the_tree_hangs_each_restart_under_the_fence_of_its_own_host() -> None:
    estate = parse_sketch("host a b c d memory=64G\nvm x on=b\nvm y on=c")
    script = parse_script("at 10 fail b\nat 10 fail c", estate)
    found = rehearse(Scenario(name="test", promise="", estate=estate, script=script))
    lines = [line.split() for line in tree_of(found.events)]
    depths = [(len(line) - len(line.lstrip())) // 2 for line in tree_of(found.events)]
    chains = {}
    for depth, words in zip(depths, lines, strict=True):
        path = [*chains.get("path", [])[:depth], " ".join(words[1:3])]
        chains["path"] = path
        chains[path[-1]] = path
    for host, vm in (("b", "x"), ("c", "y")):
        assert chains[f"vm-up {vm}"] == [
            f"host-failed {host}", f"host-dead {host}", f"host-fenced {host}", f"vm-restarting {vm}",
            f"vm-up {vm}",
        ]  # fmt: skip
