"""What people write: good scripts are understood, bad ones refused with file, line and word."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations.scenario import Scenario, read_scenario, rehearse
from operations.script import parse_script
from operations.sketch import parse_document, parse_sketch
from operations.written import ScenarioError

ESTATE = parse_sketch(
    "host esx1 esx2 esx3 cores=16 memory=64G\ndatastore san size=1T\nvm db1 on=esx1\npaths esx1 san fabric-a"
)


def test_a_script_says_what_happens_when() -> None:
    script = parse_script(
        "profile proxmox  # a remark\nat 120 fail esx3\nat 5 migrate db1 to esx2\nuntil 900\n", ESTATE
    )
    assert [(one.at_s, one.verb, one.names) for one in script.instructions] == [
        (5.0, "migrate", ("db1", "esx2")),
        (120.0, "fail", ("esx3",)),
    ]
    assert (script.policies.product, script.until_s) == ("proxmox", 900.0)


@pytest.mark.parametrize(
    ("text", "line", "word", "why"),
    [
        ("at 120 fail esx9", 1, "esx9", "no such host"),
        ("\n\nat 5 migrate db9 to esx2", 3, "db9", "no such vm"),
        ("at 5 migrate db1 into esx2", 1, "into", "no such word"),
        ("at 5 migrate db1 to", 1, "to", "host is missing"),
        ("at 5 fail esx1 now", 1, "now", "one word too many"),
        ("at noon fail esx1", 1, "noon", "is no number"),
        ("at -5 fail esx1", 1, "-5", "is not between"),
        ("at nan fail esx1", 1, "nan", "is not between"),
        ("at inf fail esx1", 1, "inf", "is not between"),
        ("at 1e300 fail esx1", 1, "1e300", "is not between"),
        ("at", 1, "at", "time is missing"),
        ("at 5", 1, "5", "what happens is missing"),
        ("at 5 explode esx1", 1, "explode", "is none of fail"),
        ("until 100\nat 120 fail esx1", 2, "120", "after the end of the run"),
        ("whenever 5 fail esx1", 1, "whenever", "no such beginning"),
        ("profile hyperv", 1, "hyperv", "is none of vsphere"),
        ("policy ha.fencing prayer", 1, "prayer", "Invalid enum value"),
        ("policy fencing power", 1, "fencing", "is not like ha.fencing"),
        ("policy ha.fence power", 1, "fence", "no such setting"),
        ("timing boot_s soon", 1, "soon", "boot_s"),
        ("guest db1 dirty_mib_s", 1, "dirty_mib_s", "come in pairs"),
        ("guest db1 home esx7", 1, "esx7", "no such host"),
        ("at 5 part esx1 | esx2", 1, "part", "every host must stand"),
        ("at 5 part esx1 esx2 esx3", 1, "part", "at least two parts"),
        ("at 5 fail-group feed", 1, "feed", "no such group"),
        ("at 5 lose-path esx1 san fabric-z", 1, "fabric-z", "no such path"),
        ("begin slowly", 1, "slowly", "no such beginning"),
        ("at 120 fail esx1\nuntil 100", 1, "120", "after the end of the run"),
        ("policy ha.fencing power\nprofile proxmox", 2, "proxmox", "must come before"),
        ("group feed\nat 5 fail-group feed", 1, "feed", "host is missing"),
        ("group feed esx1\nat 5 fail-group feed esx2", 2, "esx2", "one word too many"),
        ("cluster nowhere", 1, "nowhere", "no such cluster"),
        ("guest db1 used_mib nan", 1, "nan", "is not between"),
        ("guest db1 boot_s -5", 1, "-5", "is not between"),
        ("guest db1 after db1", 1, "db1", "wait for itself"),
    ],
)
def test_a_bad_script_is_refused_where_it_is_bad(text: str, line: int, word: str, why: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_script(text, ESTATE, "folder/script")
    assert (caught.value.file, caught.value.line, caught.value.word) == ("folder/script", line, word)
    said = str(caught.value.why)
    assert why in said.lower() or why in said
    assert str(caught.value).startswith(f"folder/script:{line}: {word!r}: ")


TWO_CLUSTERS = parse_sketch(
    "host a1 a2 cluster=A\nhost b1 b2 cluster=B\ndatastore san\n"
    "vm one on=a1 datastore=san\nvm two on=b1 datastore=san"
)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("cluster A\nat 5 fail b1", 2, "b1"),
        ("cluster A\nat 5 migrate two to a2", 2, "two"),
        ("cluster A\ngroup feed a1 b1\nat 5 fail-group feed", 3, "b1"),
        ("cluster A\nbegin cut b1", 0, "b1"),
    ],
)
def test_a_script_of_one_cluster_cannot_speak_of_another(text: str, line: int, word: str) -> None:
    script = parse_script(text, TWO_CLUSTERS)
    with pytest.raises(ScenarioError) as caught:
        rehearse(Scenario(name="folder", promise="", estate=TWO_CLUSTERS, script=script))
    assert (caught.value.file, caught.value.line, caught.value.word) == ("folder/script", line, word)


def test_a_network_parts_within_the_cluster_chosen() -> None:
    script = parse_script("cluster A\nat 5 part a1 | a2\nat 9 heal", TWO_CLUSTERS)
    assert script.instructions[0].groups == (("a1",), ("a2",))
    played = rehearse(Scenario(name="folder", promise="", estate=TWO_CLUSTERS, script=script))
    assert [event.kind for event in played.events].count("network-parted") == 1


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("host", 1, "host"),
        ("host a cores=many", 1, "many"),
        ("host a colour=red", 1, "colour=red"),
        ("host a memory=", 1, "memory="),
        ("server a", 1, "server"),
        ("host a\nvm b on=a priority=urgent", 2, "urgent"),
        ("rule scatter a b", 1, "scatter"),
        ("rule must-run-on a", 1, "must-run-on"),
        ("paths a san", 1, "san"),
        ("host a\nhost a", 2, "estate"),
    ],
)
def test_a_bad_sketch_is_refused_where_it_is_bad(text: str, line: int, word: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_sketch(text, "estate")
    assert (caught.value.line, caught.value.word) == (line, word)


def test_a_bad_document_is_refused_with_its_place() -> None:
    with pytest.raises(ScenarioError, match=r"hosts\[0\]"):
        parse_document(b'{"hosts": [{"name": 5}]}', "estate.json")


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="neither estate nor"):
        read_scenario(tmp_path)
    (tmp_path / "estate").write_text("host a")
    (tmp_path / "README.md").write_text("# A promise")
    with pytest.raises(ScenarioError, match="script"):
        read_scenario(tmp_path)
    (tmp_path / "script").write_bytes(b"\xff\xfe")
    with pytest.raises(ScenarioError, match="UTF-8"):
        read_scenario(tmp_path)
    with pytest.raises(ScenarioError, match="no such folder"):
        read_scenario(tmp_path / "nowhere")
