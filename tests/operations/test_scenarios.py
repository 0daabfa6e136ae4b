"""Every scenario keeps its promise: the log it gives is the log it must give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from operations.engine import run
from operations.scenario import begin, read_scenario, rehearse
from tests.operations.invariants import Watch, check_end

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(folder.parent for folder in (ROOT / "scenarios").glob("*/script"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_scenario_keeps_its_promise(folder: Path) -> None:
    scenario = read_scenario(folder)
    assert rehearse(scenario).log == scenario.expected, scenario.promise


def test_there_are_many_scenarios_named_by_what_happens() -> None:
    assert len(FOLDERS) >= 40
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+|evacuation", folder.name) for folder in FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_law_is_broken_in_a_scenario(folder: Path) -> None:
    scenario = read_scenario(folder)
    state, driver = begin(scenario.estate, scenario.script)
    watch = Watch(state, scenario.script.policies)
    events = []
    for event in run(state, scenario.script.policies, driver):
        events.append(event)
        assert watch.after(event) == []
    assert check_end(state, scenario.script.policies, tuple(events)) == []
