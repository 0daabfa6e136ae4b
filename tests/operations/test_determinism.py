"""The same rehearsal, the same log: whatever the order of the input, the hash seed, or the driver."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from msgspec import structs

from operations.drivers.base import DriverError
from operations.drivers.realtime import RealTimeDriver
from operations.drivers.recorded import RecordedDriver
from operations.engine import run
from operations.opening import fork, open_state
from operations.scenario import begin, log_of, read_scenario, rehearse
from operations.script import Script
from planner.estate import Estate
from tests.operations.worlds import rehearsals

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(folder.parent for folder in (ROOT / "scenarios").glob("*/script"))
LIVELY = [
    "rack-fails",
    "evacuation",
    "ft-failover",
    "proxmox-two-groups-apart",
    "second-failure-during-recovery",
]


def shuffled(estate: Estate, chance: np.random.Generator) -> Estate:
    def mixed(rows: tuple) -> tuple:
        return tuple(rows[index] for index in chance.permutation(len(rows)))

    return structs.replace(
        estate, **{name: mixed(getattr(estate, name)) for name in estate.__struct_fields__}
    )


def log(estate: Estate, script: Script) -> str:
    state, driver = begin(estate, script)
    return log_of(tuple(run(state, script.policies, driver)))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(rehearsals())
def test_the_order_of_the_input_changes_nothing(world: tuple[Estate, Script]) -> None:
    estate, script = world
    mixed = shuffled(estate, np.random.Generator(np.random.PCG64(1)))
    assert log(mixed, script) == log(estate, script) == log(estate, script)


def test_every_hash_seed_gives_the_same_logs() -> None:
    code = (
        "import hashlib, pathlib; from operations.scenario import read_scenario, rehearse\n"
        "folders = sorted(file.parent for file in pathlib.Path('scenarios').glob('*/script'))\n"
        "logs = [rehearse(read_scenario(folder)).log for folder in folders]\n"
        "print(hashlib.sha256(''.join(logs).encode()).hexdigest())"
    )
    here = hashlib.sha256("".join(rehearse(read_scenario(f)).log for f in FOLDERS).encode()).hexdigest()
    for seed in ("0", "1", "random"):
        found = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout.strip() == here


def in_real_time(folder: Path, speed: float) -> str:
    """Played against the clock; actions are taken in by another thread than the engine's."""
    scenario = read_scenario(folder)
    script = scenario.script
    state, _ = begin(scenario.estate, script)
    driver = RealTimeDriver(
        state, script.policies, script.instructions, clock=time.monotonic, speed=speed, until_s=script.until_s
    )
    return log_of(tuple(run(state, script.policies, driver)))


@pytest.mark.parametrize("name", LIVELY)
def test_a_world_in_real_time_gives_the_same_log(name: str) -> None:
    folder = ROOT / "scenarios" / name
    assert in_real_time(folder, 2000.0) == read_scenario(folder).expected


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_scenario_gives_the_same_log_in_real_time_however_fast(folder: Path) -> None:
    assert in_real_time(folder, 1e6) == read_scenario(folder).expected


def test_a_world_in_real_time_can_be_stopped() -> None:
    scenario = read_scenario(ROOT / "scenarios" / "rack-fails")
    state = open_state(scenario.estate, scenario.script.policies)
    driver = RealTimeDriver(
        state, scenario.script.policies, scenario.script.instructions, clock=time.monotonic, speed=2000.0
    )
    seen = []
    for event in run(state, scenario.script.policies, driver):
        seen.append(event)
        if event.kind == "host-dead":
            driver.stop()
    assert seen[-1].at_s == 138.0


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_recorded_world_makes_the_policies_say_the_same_again(folder: Path) -> None:
    scenario = read_scenario(folder)
    events = rehearse(scenario).events
    state, _ = begin(scenario.estate, scenario.script)
    again = tuple(run(state, scenario.script.policies, RecordedDriver(events, state)))
    assert log_of(again) == log_of(events)


def test_a_recorded_world_of_other_policies_is_an_error() -> None:
    scenario = read_scenario(ROOT / "scenarios" / "host-failure")
    events = rehearse(scenario).events
    state, _ = begin(scenario.estate, scenario.script)
    policies = scenario.script.policies
    other = structs.replace(policies, ha=structs.replace(policies.ha, enabled=False))
    with pytest.raises(DriverError, match="primary-elected") as caught:
        tuple(run(state, other, RecordedDriver(events, state)))
    assert caught.value.permanent


def test_a_fork_shares_nothing_with_its_opening() -> None:
    scenario = read_scenario(ROOT / "scenarios" / "rack-fails")
    opening = open_state(scenario.estate, scenario.script.policies)
    before = repr([*opening.hosts.values(), *opening.vms.values(), *opening.datastores.values()])
    copy = fork(opening)
    for host in copy.hosts.values():
        host.vms.clear()
        host.storage_lost["x"] = 1.0
    for vm in copy.vms.values():
        vm.phase = "error"
    assert repr([*opening.hosts.values(), *opening.vms.values(), *opening.datastores.values()]) == before
