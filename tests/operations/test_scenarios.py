"""Every scenario keeps its promise: the log it gives is the log it must give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from operations import vm_event as v
from operations.engine import run
from operations.scenario import begin, read_scenario, rehearse
from tests.operations.invariants import Watch, check_end

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(folder.parent for folder in (ROOT / "scenarios").glob("*/script"))

# Where VMs are at the end, and the order in which they were started; the end results of a regression
# suite that has been kept for a decade, re-created from its facts.
ENDS = {
    "proxmox-one-node-loses-its-network": ({"vm101": "node1", "vm103": "node2"}, ["vm103"]),
    "proxmox-all-networks-cut": ({"vm101": None, "vm102": None, "vm103": None}, []),
    "proxmox-start-without-network": (
        {"vm101": "node1", "vm102": "node2", "vm103": "node3"},
        ["vm101", "vm102", "vm103"],
    ),
    "proxmox-node-fails-and-returns": ({"vm101": "node1"}, ["vm101"]),
    "proxmox-manager-dies-while-fencing": ({"vm101": "node3"}, ["vm101"]),
    "proxmox-only-allowed-node-dies": ({"vm102": None}, []),
    "proxmox-only-allowed-node-returns": ({"vm102": "node2"}, ["vm102"]),
    "proxmox-commands-during-recovery": ({"vm102": None}, []),
    "proxmox-vm-in-error-is-left-alone": ({"vm103": None}, []),
    "proxmox-backup-lock-is-lifted": ({"vm103": "node1"}, ["vm103"]),
    "proxmox-create-lock-ends-in-error": ({"vm103": None}, ["vm103"] * 4),
    "proxmox-start-fails-then-relocated": ({"vm130": "node1"}, ["vm130"] * 4),
    "proxmox-start-fails-and-may-not-move": ({"vm130": None}, ["vm130"] * 2),
    "proxmox-migration-fails": ({"vm101": "node2"}, []),
    "proxmox-relocation-tries-least-loaded-first": ({"vm130": "node1"}, ["vm130"] * 4),
    "proxmox-preferred-node-dies": ({"vm101": "node1"}, ["vm101"]),
    "proxmox-required-node-dies": ({"vm101": None}, []),
    "proxmox-node-order-of-preference": ({"vm101": "node2"}, ["vm101"]),
    "proxmox-apart-beats-load": ({"vm101": "node2", "vm102": "node1"}, ["vm102"]),
    "proxmox-three-apart-two-nodes-die": ({"vm102": "node2", "vm103": "node1"}, ["vm102", "vm103"]),
    "proxmox-move-onto-forbidden-node": ({"vm101": "node1", "vm103": "node3"}, []),
    "proxmox-together-after-a-failure": (
        {"vm101": "node2", "vm102": "node2", "vm103": "node2"},
        ["vm101", "vm102", "vm103"],
    ),
    "proxmox-together-and-one-does-not-start": (
        {"vm101": "node1", "vm102": "node1", "vm103": "node1"},
        ["vm101", "vm102", "vm103", "vm103", "vm103"],
    ),
    "proxmox-two-groups-apart": (
        {
            **dict.fromkeys(("vm101", "vm102", "vm103"), "node3"),
            **dict.fromkeys(("vm201", "vm202", "vm203"), "node2"),
        },
        [],
    ),
    "proxmox-reboot-with-migration": ({"vm103": "node3", "ct102": "node3"}, ["ct102", "ct102"]),
    "proxmox-shutdown-balances-by-memory": (
        {f"vm10{number}": f"node{node}" for number, node in zip(range(1, 10), (2, 2, 3) * 3, strict=True)},
        [],
    ),
    "proxmox-vm-is-not-where-the-record-says": ({"vm103": None}, []),
    "proxmox-record-store-is-down": ({"vm101": "node1", "vm103": "node2"}, ["vm103"]),
    "proxmox-maintenance-of-a-dead-node": ({"vm101": "node1", "vm103": "node2"}, ["vm103"]),
}


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


@pytest.mark.parametrize("name", ENDS)
def test_vms_end_where_the_regression_suite_of_proxmox_ends_them(name: str) -> None:
    places, order = ENDS[name]
    played = rehearse(read_scenario(ROOT / "scenarios" / name))
    assert {vm: played.state.vms[vm].host for vm in places} == places
    assert [event.subject for event in played.events if isinstance(event, v.VmRestarting)] == order


def test_in_the_proxmox_profile_vms_run_elsewhere_after_105_to_183_s() -> None:
    times = []
    for name in ENDS:
        events = rehearse(read_scenario(ROOT / "scenarios" / name)).events
        faults = [event.at_s for event in events if event.kind in ("host-cut", "host-failed")]
        starts = [event.at_s for event in events if isinstance(event, v.VmStarted)]
        if len(faults) == 1 and starts and "returns" not in name:
            times.append(min(starts) - faults[0])
    usual = [time for time in times if time < 200]
    assert len(usual) >= 8
    assert all(105 <= time <= 183 for time in usual)
    assert sorted(usual)[len(usual) // 2] == 123.0
