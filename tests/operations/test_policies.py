"""Drills, summaries, placement choices and limits, each in the smallest cluster that shows it."""

from __future__ import annotations

from msgspec import structs

from operations import changes, event, move_changes, vm_event
from operations.drills import drill
from operations.engine import RULES
from operations.event import event_classes
from operations.journeys import Journeys
from operations.moves import has_turn
from operations.opening import open_state
from operations.policy import policies_of
from operations.prerequisites import round_trip_unmet, unmet
from operations.scenario import Scenario, rehearse
from operations.script import parse_script
from operations.sketch import parse_sketch
from operations.summary import summarize
from operations.timings import ROWS
from planner.estate import PortGroup, Vmk

VSPHERE = policies_of("vsphere")
# Events that change nothing: they tell.
TOLD_ONLY = {
    "run-begun", "ignored", "fence-failed", "preflight", "apd-timeout", "warning", "remedy",
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


def kept_weaker(estate_text: str, script_text: str = "at 0 maintenance a") -> list[str]:
    return [str(one.text) for one in played(estate_text, script_text).events if one.kind == "preflight"]


def test_a_preflight_finds_the_failure_that_only_fragments_of_room_would_carry() -> None:
    # 24 GiB are free beside the 20 GiB of x: but in pieces of 8 GiB, once a is empty and b is gone
    estate = "host a b c d e memory=32G cores=64\nvm idle on=a memory=1G\nvm x on=b memory=20G\n"
    estate += "vm y1 y2 y3 on=c memory=8G\nvm z1 z2 z3 on=d memory=8G\nvm w1 w2 w3 on=e memory=8G"
    assert kept_weaker(estate) == [
        "while it is empty, the failure of b leaves VMs without room: 1 (20480 MiB)"
    ]
    assert kept_weaker(estate.replace("x on=b memory=20G", "x on=b memory=7G")) == []


def test_a_preflight_names_licences_single_paths_and_single_nics_once_each() -> None:
    hosts = " ".join(f"h{number}" for number in range(9))
    estate = f"host a uplinks=2\nhost {hosts} uplinks=1\ndatastore san\n"
    estate += "".join(f"paths h{number} san one\n" for number in range(9))
    estate += 'vm win on=a datastore=san "os=Microsoft Windows Server 2022"\nvm db on=a\n'
    estate += 'vm other on=h1 "os=Microsoft Windows Server 2022"\nvm edge on=h2 "os=Windows 11"'
    assert kept_weaker(estate, "guest db licensed a\nat 0 maintenance a") == [
        "san is reached over one path only by h0, h1, h2, h3, h4 + 4",
        "vSwitch0 hangs on one NIC only at h0, h1, h2, h3, h4 + 4",
        "db is licensed for a alone, none of which is open",
        "Windows Server may come to hosts that run none now, all of whose 128 cores need a licence: "
        "h0, h2, h3, h4, h5 + 3",
    ]


def test_a_vm_prefers_the_hosts_it_is_licensed_for_and_is_told_of_elsewhere() -> None:
    estate = "host a b c\nhost d memory=256G\nvm db on=a"
    found = played(estate, "guest db licensed a,b\nat 0 fail a\nat 300 fail b")
    told = [(one.subject, str(one.text)) for one in found.events if one.kind in ("vm-started", "warning")]
    assert told == [("db", "on b"), ("db", "on d"), ("db", "has no licence for d")]


def test_a_vm_moves_to_a_newer_cpu_and_not_to_an_older_one_without_evc() -> None:
    text = (
        'host a "cpu=Intel(R) Xeon(R) Gold 6130 CPU"\nhost b "cpu=Intel(R) Xeon(R) Gold 6338 CPU"\nvm x on={}'
    )
    for here, there, missing in (("a", "b", []), ("b", "a", ["cpu-compatible"])):
        state = open_state(parse_sketch(text.format(here)), VSPHERE)
        assert [one.id for one in unmet(state, VSPHERE, state.vms["x"], state.hosts[there])] == missing


def test_a_host_whose_ports_are_known_and_none_is_for_migrations_takes_none() -> None:
    estate = parse_sketch("host a b c\nvm x on=a")
    ports = {"a": ("vmotion",), "b": ("management",), "c": ()}
    estate = structs.replace(
        estate,
        hosts=tuple(
            structs.replace(
                host, vmks=tuple(Vmk(device="vmk0", port_group=name) for name in ports[host.name])
            )
            for host in estate.hosts
        ),
        port_groups=(
            PortGroup(name="vmotion", roles=("vmotion",)),
            PortGroup(name="management", roles=("management",)),
        ),
    )
    state = open_state(estate, VSPHERE)
    found = {name: unmet(state, VSPHERE, state.vms["x"], state.hosts[name]) for name in "bc"}
    assert [one.id for one in found["b"]] == ["migration-port"]
    assert found["c"] == ()  # nobody told of its ports


def test_a_site_fails_by_its_name_and_a_redundant_feed_takes_no_host() -> None:
    estate = "host a b site=north feeds=left\nhost c site=south feeds=left,right\nvm x on=a"
    failed = [
        one.subject for one in played(estate, "at 0 fail-group north").events if one.kind == "host-failed"
    ]
    assert failed == ["a", "b"]
    failed = [
        one.subject for one in played(estate, "at 0 fail-group left").events if one.kind == "host-failed"
    ]
    assert failed == ["a", "b"]
    told = played(estate, "at 0 fail-group feed:right").events[-1]
    assert (told.kind, told.subject) == ("ignored", "feed:right")


def test_who_waits_to_be_moved_waits_no_more_when_its_host_dies_with_the_moves_before_it() -> None:
    estate = "host a b c memory=64G\nvm v1 v2 v3 on=a memory=8G"
    script = "policy migration.host_units 2\n"
    script += "".join(f"at 0 migrate {name} to b\n" for name in ("v1", "v2", "v3")) + "at 1 fail a"
    found = played(estate, script)
    assert not found.state.queued
    refused = [(one.at_s, one.subject) for one in found.events if one.kind == "refused"]
    assert refused == [(1.0, "v3")]


def test_a_vm_whose_second_copy_is_in_the_making_is_not_moved_and_its_host_waits_for_it() -> None:
    estate = "host a b c memory=64G\nvm till on=a memory=16G ft=yes"
    found = played(estate, "at 1 migrate till to c\nat 2 maintenance a")
    refused = [str(one.text) for one in found.events if one.kind == "refused"]
    assert refused == ["the second copy of till is in the making"]
    order = [one.kind for one in found.events if one.kind in ("ft-protected", "migrating", "maintenance-on")]
    assert order[:2] == ["ft-protected", "migrating"]
    assert (found.events[-1].kind, found.state.vms["till"].seeding) == ("maintenance-on", None)


def emptied_in(estate_text: str, script_text: str):
    found = played(estate_text, script_text)
    journeys = Journeys()
    for one in found.events:
        journeys.take(one)
    estate = parse_sketch(estate_text)
    return journeys.moved(), journeys.emptied(found.state, parse_script(script_text, estate).policies)


def test_an_emptying_is_told_with_its_order_how_many_at_once_what_stays_and_how_long() -> None:
    estate = "host a b c memory=64G nic=10000\nvm big on=a memory=16G\nvm one two three on=a memory=4G\n"
    estate += "vm gpu on=a memory=2G"
    script = "policy migration.host_units 2\nguest gpu passthrough yes\nat 0 maintenance a"
    moved, (one,) = emptied_in(estate, script)
    assert [journey.vm for journey in one.journeys] == ["big", "one", "three", "two"]
    assert (one.host, one.seconds, one.at_once, moved.count, moved.failed) == ("a", None, 2, 4, 0)
    assert [(stay.vm, str(stay.why)) for stay in one.stays] == [
        ("gpu", "a device of the host is passed through to gpu")
    ]
    _, (whole,) = emptied_in(estate, script.replace("passthrough yes", "container yes"))
    assert whole.seconds is not None
    assert [(each.vm, each.seconds) for each in whole.journeys if each.seconds is None] == [("gpu", None)]


def test_a_rolling_maintenance_tells_of_every_host() -> None:
    estate = "host a b c memory=64G\nvm x on=a\nvm y on=b"
    _, emptied = emptied_in(estate, "at 0 rolling")
    assert [one.host for one in emptied] == ["a", "b", "c"]
    assert all(one.seconds is not None and not one.stays for one in emptied)


def test_a_vm_on_local_storage_does_not_follow_its_mate_out_of_a_host() -> None:
    estate = "host a b c memory=64G\ndatastore disk shared=no\nvm free on=a memory=8G\n"
    estate += "vm bound on=a memory=4G datastore=disk\nrule gather free bound"
    found = played(estate, "at 0 maintenance a")
    assert (found.state.vms["free"].host, found.state.vms["bound"].host) == ("b", "a")
    assert found.events[-1].kind == "blocked" or found.events[-2].kind == "blocked"
    strict = played(estate, "policy ha.strict_gather yes\nat 0 maintenance a")
    assert {strict.state.vms[name].host for name in ("free", "bound")} == {"a"}
