"""A script is judged before it is kept: what is wrong is told with its line and its word."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.rehearsal import question
from cluster.rehearsal.question import BadScript
from operations.engine import run
from operations.scenario import begin, log_of
from operations.script import parse_script
from operations.sketch import parse_document, parse_sketch
from planner.consolidation import NO_CLUSTER
from tests.cluster.rehearsal.worlds import BLUE, FAILS

ESTATE = parse_sketch(BLUE)
DEMO = Path(__file__).parents[3] / "scenarios" / "demo" / "estate.json"


@pytest.mark.parametrize(
    ("script", "line", "word"),
    [
        ("profile vsphere\nat 120 fial esx3", 2, "fial"),
        ("at 120 fail esx9", 1, "esx9"),
        ("# remark\n\nat -5 fail esx3", 3, "-5"),
        ("at noon fail esx3", 1, "noon"),
        ("at 1e999 fail esx3", 1, "1e999"),
        ("at 120 fail", 1, "fail"),
        ("at 120 fail old1", 1, "old1"),  # a host of another cluster
        ("at 5 migrate archive to esx2", 1, "archive"),
        ("profile hyperv", 1, "hyperv"),
        ("policy ha.nonsense 1", 1, "nonsense"),
        ("at 700000 fail esx3", 1, "700000"),
        ("profile vsphere\nuntil 604801", 2, "604801"),
        ("at 5 lose-path esx1 san fabric-z", 1, "fabric-z"),
        ('at 5 stop "db 4"', 1, "db 4"),
        ("timing boot_s -1", 1, "-1"),
        ("timing boot_s nan", 1, "nan"),
        ("policy capacity.memory_ratio inf", 1, "inf"),
        ("policy migration.cap_mib_s 0", 1, "0"),
        ("policy ha.retries_s 0,-5", 1, "0,-5"),
    ],
)
def test_a_bad_script_names_line_and_word(script: str, line: int, word: str):
    with pytest.raises(BadScript) as caught:
        question.of_cluster(ESTATE, "Blue", script)
    assert (caught.value.line, caught.value.word) == (line, word)
    assert str(caught.value.message)


def test_a_script_of_another_cluster_is_refused():
    with pytest.raises(BadScript, match="no such cluster"):
        question.of_cluster(ESTATE, "Blue", "cluster Old\nat 5 fail esx1")


def test_a_script_without_end_is_not_read():
    for script in ("x" * (question.SCRIPT_MAX + 1), "at 1 fail esx1\n" * (question.LINES_MAX + 1)):
        with pytest.raises(BadScript, match="at most"):
            question.of_cluster(ESTATE, "Blue", script)


def test_a_cluster_without_hosts_is_refused():
    with pytest.raises(BadScript, match="no host"):
        question.of_cluster(ESTATE, "Green", "")
    with pytest.raises(BadScript, match="no host"):
        question.drill_of(ESTATE, "Green", "vsphere", "each")


def test_names_with_spaces_are_written_in_quotation_marks():
    kept = question.of_cluster(ESTATE, "Blue", FAILS)
    script = question.script_of(question.estate_of(kept), kept.script)
    assert script.instructions[2].names == ("db 3", "esx3")


def test_a_part_of_an_estate_plays_as_the_whole_does():
    """What is left out of the part that is kept is not looked at."""
    estate = parse_document(DEMO.read_bytes(), "demo")
    script = "profile vsphere\nat 10 fail prd-esx01\nat 900 maintenance prd-esx02\nuntil 4000\n"
    logs = []
    for world in (estate, question.part_of(estate, "Production")):
        read = parse_script(f"cluster Production\n{script}", world)
        state, driver = begin(world, read)
        logs.append(log_of(tuple(run(state, read.policies, driver))))
    assert logs[0].count("\n") > 80
    assert logs[0] == logs[1]
    kept = question.of_cluster(estate, "Production", script)
    assert len(kept.document) < len(DEMO.read_bytes()) / 5


def test_hosts_of_no_cluster_are_rehearsed_together():
    loose = parse_sketch("host a b memory=32G\nvm v on=a memory=1G")
    kept = question.of_cluster(loose, NO_CLUSTER, "at 5 fail a")
    assert [host.name for host in question.estate_of(kept).hosts] == ["a", "b"]


def test_the_examples_have_a_title_and_a_promise():
    examples = question.examples()
    assert len(examples) >= 40
    assert "demo" not in examples
    assert all(example.title and example.promise for example in examples.values())
    assert examples["proxmox-all-networks-cut"].product == "proxmox"


def test_the_examples_speak_french_to_a_french_reader():
    english = {example.name: example for example in question.examples_in("en")}
    same = [one.name for one in question.examples_in("fr") if one.title == english[one.name].title]
    assert same == []  # a README.fr.md beside each README.md
    french = next(one for one in question.examples_in("fr") if one.name == "host-failure")
    assert french.title == "Un hôte perd le courant"
    assert french.script == english["host-failure"].script
