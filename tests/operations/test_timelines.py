"""The published timelines, second by second."""

from __future__ import annotations

import pytest

from operations.scenario import Scenario, rehearse
from operations.script import parse_script
from operations.sketch import parse_sketch

ESTATE = """
host esx1 esx2 esx3  cores=16 memory=64G nic=10000
vm app on={host} {extra}
{more}
"""


def played(script: str, *, host: str = "esx3", datastore: bool = True, more: str = "") -> dict[str, float]:
    """The first time of each kind of event, counted from the fault at 100 s."""
    store = "datastore san size=2000G used=500G\n" if datastore else ""
    estate = parse_sketch(
        ESTATE.format(host=host, extra="datastore=san" if datastore else "", more=store + more)
    )
    scenario = Scenario(name="test", promise="", estate=estate, script=parse_script(script, estate))
    first: dict[str, float] = {}
    for event in rehearse(scenario).events:
        if event.at_s >= 100:
            first.setdefault(event.kind, event.at_s - 100)
    return first


def test_a_host_is_dead_after_15_s_without_heartbeat_datastores_and_after_18_with() -> None:
    assert played("at 100 fail esx3", datastore=False)["host-dead"] == 15
    assert played("at 100 fail esx3")["host-dead"] == 18


@pytest.mark.parametrize(("boot_s", "outage_s"), [(30, 60), (60, 90), (120, 150)])
def test_the_outage_is_detection_and_placement_and_boot(boot_s: int, outage_s: int) -> None:
    assert played(f"timing boot_s {boot_s}\nat 100 fail esx3")["vm-up"] == outage_s


def test_a_failed_primary_costs_an_election_first() -> None:
    first = played("at 100 fail esx1", host="esx1")
    assert (first["primary-elected"], first["vm-restarting"]) == (25, 35)


def test_isolation_is_known_after_30_s_and_by_the_primary_after_5() -> None:
    assert played("policy ha.isolation power-off\nat 100 isolate esx3")["vm-off"] == 30
    assert played("policy ha.isolation power-off\nat 100 isolate esx1", host="esx1")["vm-off"] == 5


def test_all_paths_down_ends_in_a_restart_after_320_s() -> None:
    first = played("at 100 apd esx3 san")
    assert (first["apd-timeout"], first["vm-off"]) == (140, 320)


def test_a_lost_device_is_acted_on_at_once() -> None:
    assert played("at 100 pdl esx3 san")["vm-off"] == 0


def test_a_failing_start_is_tried_again_after_2_6_14_and_30_minutes() -> None:
    estate = parse_sketch(ESTATE.format(host="esx3", extra="", more=""))
    script = parse_script("guest app start_failures -1\nat 0 fail esx3", estate)
    events = rehearse(Scenario(name="test", promise="", estate=estate, script=script)).events
    tries = [event.at_s for event in events if event.kind == "vm-restarting"]
    assert [(at_s - tries[0]) / 60 for at_s in tries] == [0, 2, 6, 14, 30]
    assert events[-1].kind == "vm-given-up"


def test_a_minority_fences_itself_before_its_lock_runs_out() -> None:
    estate = parse_sketch("host a b c\ndatastore san\nvm app on=c datastore=san")
    script = parse_script("profile proxmox\nat 100 cut c", estate)
    events = rehearse(Scenario(name="test", promise="", estate=estate, script=script)).events
    at_s = {event.kind: event.at_s - 100 for event in events if event.at_s >= 100}
    assert at_s["host-dead"] == 40
    assert at_s["host-off"] == 60
    assert at_s["host-fenced"] == 120
    assert at_s["vm-started"] == 123


def test_an_ft_failover_is_no_outage() -> None:
    estate = parse_sketch("host a b c cores=16\nvm till on=a memory=8G ft=b")
    script = parse_script("at 100 fail a", estate)
    state = rehearse(Scenario(name="test", promise="", estate=estate, script=script)).state
    assert (state.vms["till"].host, state.vms["till"].secondary, state.vms["till"].out_s) == ("b", "c", 0.0)
