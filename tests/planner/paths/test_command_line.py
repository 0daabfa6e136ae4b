"""`python -m planner paths` and `blast`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planner.__main__ import main
from planner.estate import Estate
from planner.formats.document import write_document
from tests.planner.paths.test_reference_design import both_uplinks_on_one_switch, one_hba
from tests.planner.paths.wired import plain, reference

Capture = pytest.CaptureFixture[str]


def written(folder: Path, estate: Estate) -> str:
    file = folder / "estate.json"
    file.write_bytes(write_document(estate))
    return str(file)


def test_a_sound_design_ends_well(tmp_path: Path, capsys: Capture) -> None:
    assert main(["paths", written(tmp_path, reference()), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["single_points"], told["unknown"], told["lint"]) == ([], [], [])
    assert {"components", "kinds", "cuts"} <= told["pairs"][0].keys()


def test_a_single_point_is_told_with_whom_it_cuts_off(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path, one_hba(reference()))
    assert main(["paths", file, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    point = next(one for one in told["single_points"] if one["component"] == "esx2/vmhba2")
    assert {"kind": "host", "name": "esx2", "service": "storage", "targets": ["ds1", "ds2"]} in point["cuts"]
    assert main(["paths", file]) == 1
    assert "hba esx2/vmhba2: cuts host esx2 from storage" in capsys.readouterr().out


def test_what_is_unknown_is_listed_with_its_layers(tmp_path: Path, capsys: Capture) -> None:
    assert main(["paths", written(tmp_path, plain()), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"psu", "feed"} in [set(one["layers"]) for one in told["unknown"]]
    assert told["proofs"]["redundant"] == 0


def test_an_empty_estate_has_nothing_to_tell(tmp_path: Path, capsys: Capture) -> None:
    assert main(["paths", written(tmp_path, Estate())]) == 0
    assert "0 redundant, 0 single, 0 unknown" in capsys.readouterr().out


def test_a_blast_tells_who_stops(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path, both_uplinks_on_one_switch(reference()))
    assert main(["blast", file, "--fail", "prod-tor-a", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {vm["name"] for vm in told["vms"] if vm["fate"] == "loses-network"} == {"vm2", "vm6"}
    assert main(["blast", file, "--fail", "esx1"]) == 0
    assert "2 VMs stop, and HA restarts them" in capsys.readouterr().out


def test_a_name_that_is_none_is_bad_input(tmp_path: Path, capsys: Capture) -> None:
    assert main(["blast", written(tmp_path, reference()), "--fail", "nix"]) == 2
    assert capsys.readouterr().err.startswith("planner: --fail: there is no component 'nix'")
