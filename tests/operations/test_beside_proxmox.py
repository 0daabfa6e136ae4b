"""The random scenarios for Proxmox's tester: the same for a seed, and sound on our side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from operations.engine import run
from operations.scenario import begin
from operations.script import parse_script
from operations.sketch import parse_sketch
from tests.operations.beside_proxmox import Compared, read_theirs
from tests.operations.invariants import Watch
from tests.operations.proxmox_scenarios import estate_of, random_scenario, script_of, write_theirs

SEEDS = range(1, 41)


def texts(seed: int) -> tuple[str, str]:
    scenario = random_scenario(seed)
    at_s = [120 + 100 * step for step in range(len(scenario.steps))]
    return estate_of(scenario), script_of(scenario, at_s, at_s[-1] + 600)


def test_a_seed_gives_one_scenario() -> None:
    assert [texts(seed) for seed in SEEDS] == [texts(seed) for seed in SEEDS]
    assert len({texts(seed) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_law_is_broken(seed: int) -> None:
    first, second = texts(seed)
    estate = parse_sketch(first)
    script = parse_script(second, estate)
    state, driver = begin(estate, script)
    watch = Watch(state, script.policies)
    for event in run(state, script.policies, driver):
        assert watch.after(event) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_both_sides_are_told_of_the_same_services_and_steps(seed: int, tmp_path: Path) -> None:
    scenario = random_scenario(seed)
    write_theirs(scenario, tmp_path)
    steps = json.loads((tmp_path / "cmdlist").read_text())
    services = json.loads((tmp_path / "service_config").read_text())
    assert len(steps) == 1 + len(scenario.steps)
    assert [len(step) - 1 for step in steps[1:]] == [
        sum(2 if one.verb == "repair" else 1 for one in step) for step in scenario.steps
    ]
    assert set(services) == {one.theirs for one in scenario.services}
    assert all(f"vm {one.ours} on={one.node}" in estate_of(scenario) for one in scenario.services)


def test_what_their_tester_leaves_behind_is_read(tmp_path: Path) -> None:
    scenario = random_scenario(1)
    one, two, *_ = scenario.services
    (tmp_path / "log").write_text(
        "info     20      cmdlist: execute power node1 on\n"
        "info    120      cmdlist: execute delay 0\n"
        f"info    240    node1/crm: service '{one.theirs}': state changed from 'fence' to 'recovery'\n"
        "info    720     hardware: exit simulation - done\n"
    )
    (tmp_path / "service_status_node2").write_text(json.dumps({one.theirs: 1, two.theirs: 0}))
    found = read_theirs(scenario, tmp_path)
    assert (found.at_s, found.until_s, found.fallen) == ([120], 720, {one.ours})
    assert {name: node for name, node in found.ends.items() if node} == {one.ours: "node2"}


def test_what_does_not_end_alike_is_named() -> None:
    scenario = random_scenario(1)
    theirs: dict[str, str | None] = {"a": "node1", "b": "node1", "c": None, "d": None}
    ours: dict[str, str | None] = {"a": "node1", "b": "node2", "c": "node1", "d": None}
    found = Compared(scenario, theirs, ours, frozenset())
    assert found.differences() == ["b", "c"]
    assert found.unlike() == ["c"]
