"""Drills, summaries, placement choices and limits, each in the smallest cluster that shows it."""

from __future__ import annotations

from operations import changes, event, move_changes, vm_event
from operations.drills import drill
from operations.engine import RULES
from operations.event import event_classes
from operations.moves import has_turn
from operations.opening import open_state
from operations.policy import policies_of
from operations.prerequisites import round_trip_unmet, unmet
from operations.scenario import Scenario, rehearse
from operations.script import parse_script
from operations.sketch import parse_sketch
from operations.summary import summarize
from operations.timings import ROWS

VSPHERE = policies_of("vsphere")
# Events that change nothing: they tell.
TOLD_ONLY = {
    "run-begun", "ignored", "fence-failed", "preflight", "apd-timeout", "warning",
}  # fmt: skip


def played(estate_text: str, script_text: str):
    estate = parse_sketch(estate_text)
    return rehearse(
        Scenario(name="test", promise="", estate=estate, script=parse_script(script_text, estate))
    )


def test_every_event_changes_the_state_or_is_known_to_tell_only() -> None:
    silent = {kind.kind for kind in event_classes()} - {kind.kind for kind in move_changes.ON_EVENT}
    assert silent == TOLD_ONLY
    assert set(changes.ON_HOST_EVENT) <= set(move_changes.ON_EVENT)
    assert all(issubclass(kind, event.Event) for kind in RULES)
    assert vm_event.VmUp in RULES


def test_a_second_copy_belongs_to_the_vm_whose_name_it_bears() -> None:
    estate = parse_sketch(
        "host a b c memory=64G\nvm db1 on=a ft=yes\nvm db10 on=a ft=b\nvm db on=c ft=yes\nvm db100 on=b ft=c"
    )
    state = open_state(estate, VSPHERE)
    assert {name: vm.secondary for name, vm in state.vms.items()} == {
        "db": None, "db1": None, "db10": "b", "db100": "c",
    }  # fmt: skip


def test_disks_move_to_another_datastore_only_where_there_is_room_for_all_that_move() -> None:
    estate = "host a b\ndatastore old size=1T used=300G\ndatastore new size=150G used=40G\n"
    estate += "vm one two three on=a disk=50G datastore=old"
    script = "at 0 migrate-storage one to new\nat 1 migrate-storage two to new\n"
    script += "at 2 migrate-storage three to new\nat 2000 migrate-storage one to new"
    events = played(estate, script).events
    assert [event.subject for event in events if event.kind == "storage-moved"] == ["one", "two"]
    refused = [str(event.text) for event in events if event.kind == "refused"]
    assert refused == ["new lacks 51200 MiB", "its disks are on new already, or nobody knows where"]


def test_a_copy_of_disks_fails_when_its_target_is_lost_and_gives_the_room_back() -> None:
    estate = "host a b\ndatastore old new size=1T used=300G\nvm one on=a disk=50G datastore=old"
    script = "policy ha.apd disabled\nat 0 migrate-storage one to new\nat 5 apd a new"
    found = played(estate, script)
    assert [event.kind for event in found.events][-1] == "migration-failed"
    assert found.state.datastores["new"].used_mib == 300 * 1024
    assert found.state.vms["one"].row.datastores == ("old",)
    assert (found.state.hosts["a"].units, found.state.datastores["new"].units) == (0, 0)


def test_a_drill_fails_every_host_and_every_pair() -> None:
    estate = parse_sketch(
        "host a b c memory=32G\ndatastore san\nvm one on=a memory=20G datastore=san\n"
        "vm two on=b memory=20G datastore=san\nvm three on=c memory=8G datastore=san"
    )
    each = drill(estate, VSPHERE)
    assert [one.failed for one in each.drills] == [("a",), ("b",), ("c",)]
    assert not each.is_survived or each.worst is not None
    pairs = drill(estate, VSPHERE, "pairs")
    assert len(pairs.drills) == 3
    assert pairs.worst is not None
    assert pairs.worst.lost
    assert pairs.matrix()[0][pairs.vms.index("three")] is None  # a and b fail: c's VM is not touched


def test_a_drill_of_ft_vms_waits_until_they_are_protected() -> None:
    estate = parse_sketch("host a b c memory=32G\nvm till on=a memory=8G ft=yes")
    report = drill(estate, VSPHERE)
    assert all(not one.outages for one in report.drills)


def test_a_summary_says_who_is_lost_and_what_would_have_helped() -> None:
    found = played(
        "host a b memory=32G\ndatastore san\nvm one on=a memory=20G datastore=san\n"
        "vm two on=b memory=20G datastore=san\nvm small on=b memory=4G datastore=san",
        "at 0 fail b\nuntil 500",
    )
    summary = summarize(found.state)
    assert [(one.vm, one.is_lost) for one in summary.outages] == [("two", True), ("small", False)]
    assert summary.outages[1].outage_s == 18 + 10 + 2 + 30
    assert "lacks memory" in str(summary.lost[0].why)
    assert str(summary.advice[0]) == "20480 MiB more free memory on the other hosts"


def test_migration_units_fit_two_disk_copies_or_one_and_four_moves() -> None:
    names = " ".join(f"v{number}" for number in range(10))
    estate = parse_sketch(
        f"host a b cores=64 memory=256G nic=10000\ndatastore san new size=9T\nvm {names} on=a datastore=san"
    )
    state = open_state(estate, VSPHERE)
    vm = state.vms["v0"]
    host = state.hosts["a"]
    host.units = 4
    assert has_turn(state, VSPHERE, vm, "b")
    host.units = 7
    assert has_turn(state, VSPHERE, vm, "b")
    host.units = 8
    assert not has_turn(state, VSPHERE, vm, "b")
    host.units = 0
    state.datastores["san"].units = 128
    assert not has_turn(state, VSPHERE, vm, "b")


def test_a_slow_nic_takes_four_migrations_a_fast_one_eight() -> None:
    state = open_state(parse_sketch("host a nic=1000\nhost b nic=10000"), VSPHERE)
    assert (state.hosts["a"].nic_units, state.hosts["b"].nic_units) == (4, 8)


def test_480_gib_leave_a_host_in_the_time_its_link_needs() -> None:
    names = " ".join(f"v{number}" for number in range(60))
    for nic, rate in ((1000, 112.06), (10000, 1120.6)):
        estate = f"host a b c cores=256 memory=2T nic={nic}\nvm {names} on=a memory=8G"
        events = played(estate, "at 0 maintenance a").events
        empty = next(one for one in events if one.kind == "maintenance-on")
        # 60 VMs in turns of 4 or 8: every turn adds its set-up and its stop
        assert 480 * 1024 / rate < empty.at_s < 480 * 1024 / rate * 1.03


def test_prerequisites_have_an_id_words_and_a_remedy() -> None:
    estate = parse_sketch(
        "host a cores=16 memory=64G cpu=Intel\nhost b cores=16 memory=2G cpu=AMD\n"
        "datastore one hosts=a shared=no\nnetwork lan hosts=a\n"
        "vm db on=a memory=8G datastore=one network=lan\nrule must-run-on db hosts=a"
    )
    script = parse_script("guest db passthrough yes local_media yes cpu_pinned yes local_swap yes", estate)
    state = open_state(estate, VSPHERE, script.guests)
    found = unmet(state, VSPHERE, state.vms["db"], state.hosts["b"])
    assert {one.id for one in found} == {
        "no-passthrough", "no-local-media", "cpu-affinity", "room", "shared-datastore", "port-group",
        "rule",
        "cpu-compatible", "swap", "shared-storage",
    }  # fmt: skip
    assert all(str(one.words) and str(one.remedy) for one in found)
    assert round_trip_unmet(VSPHERE, 150.0) is None
    assert round_trip_unmet(VSPHERE, 151.0) is not None


def test_a_vm_does_not_move_to_a_site_too_far_away_or_to_the_other_side_of_a_parted_network() -> None:
    estate = "host a site=one\nhost b site=two\nhost c site=one\nvm db on=a"
    script = (
        "policy migration.site_rtt_ms 180\nat 0 migrate db to b\nat 50 part a b | c\nat 60 migrate db to c"
    )
    refused = [event for event in played(estate, script).events if event.kind == "refused"]
    assert [str(event.text) for event in refused] == [
        "the round trip takes 180.0 ms, more than 150.0 ms",
        "a and c have no network between them",
    ]
    assert all(str(event.remedy) for event in refused)


def test_an_evacuation_takes_the_next_best_host_when_the_best_has_another_cpu() -> None:
    estate = (
        "host a b cpu=Intel memory=64G\nhost c cpu=AMD memory=256G\nvm db on=a memory=4G\nvm x on=b memory=8G"
    )
    found = played(estate, "at 0 maintenance a")
    assert found.state.vms["db"].host == "b"
    assert found.events[-1].kind == "maintenance-on"


def test_every_duration_has_a_range_that_holds_its_defaults_and_a_source() -> None:
    for row in ROWS:
        assert row.source
        assert row.low <= row.high
        for value in (row.vsphere, row.proxmox):
            assert value == 0 or row.low <= value <= row.high, row.name
