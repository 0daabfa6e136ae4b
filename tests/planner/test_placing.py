"""`place`: who runs where, the reserve, the refusals and the contradictions, as a script sees them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.__main__ import main
from planner.checker import Fault, check, check_reach
from planner.contradictions import contradictions
from planner.demand import capacity_of, load_of
from planner.estate import VM, Datastore, Estate, Host, PortGroup, Rule
from planner.formats.document import write_document
from planner.parameters import ParameterError, Parameters
from planner.placing import PlacingReport, place_estate
from planner.printout_placing import place_lines
from planner.reach import Reach
from tests.planner.small import host, vm


def estate(hosts: Iterable[Host], vms: Iterable[VM], *rules: Rule, **more: Any) -> Estate:
    return Estate(hosts=tuple(hosts), vms=tuple(vms), rules=rules, **more).sorted()


def placed(whole: Estate, failures: int = 0, group: Any = "host", **more: Any) -> PlacingReport:
    return place_estate(whole, Parameters(failures=failures, **more), group)


def reasons(report: PlacingReport) -> dict[str, str]:
    return {refusal.vm: refusal.short() for refusal in report.refusals}


HOSTS = [host(f"esx{n}") for n in range(4)]


def test_vms_without_a_host_are_placed_on_the_fewest_hosts_and_the_bound_is_met() -> None:
    report = placed(estate(HOSTS, [vm(f"vm{n}") for n in range(10)]))
    assert (report.hosts_used, report.lower_bound, report.fits) == (2, 2, True)
    assert set(report.placed) == {f"vm{n}" for n in range(10)}


def test_a_refused_vm_counts_the_hosts_by_reason() -> None:
    rules = (Rule(kind="spread", vms=tuple(f"db{n}" for n in range(5)), name="spread-db"),)
    whole = estate(
        [*HOSTS, host("down", maintenance=True)], [vm(f"db{n}", vcpus=1) for n in range(5)], *rules
    )
    report = placed(whole)
    assert list(reasons(report).values()) == ["4 hosts: RULE spread-db, 1: MAINTENANCE"]
    assert [str(said) for said in report.clusters[0].contradictions] == [
        "spread-db keeps 5 VMs apart (db0, db1, db2, db3, db4), and only 4 of them can have a host each"
    ]
    assert not report.fits


def test_the_reserve_of_racks_is_re_placed_after_the_loss_of_each() -> None:
    hosts = [host(f"esx{n}", rack=f"r{n % 3}") for n in range(6)]
    whole = estate(hosts, [vm(f"vm{n}") for n in range(14)])  # two hosts carry them
    by_host, by_rack = placed(whole, 1), placed(whole, 1, "rack")
    assert (by_host.hosts_used, by_host.clusters[0].hosts_needed) == (2, 3)
    kept = by_rack.clusters[0].reserve
    assert kept is not None
    assert (by_rack.clusters[0].hosts_needed, kept.how) == (len(kept.hosts), "every-loss")
    for rack in ("r0", "r1", "r2"):
        left = [one for one in hosts if one.name in kept.hosts and one.rack != rack]
        assert place_estate(estate(left, whole.vms), Parameters(failures=0)).fits


def test_what_no_reserve_carries_names_the_loss_and_the_vms() -> None:
    whole = estate(HOSTS[:2], [vm(f"vm{n}") for n in range(14)])
    report = placed(whole, 1)
    kept = report.clusters[0].reserve
    assert kept is not None
    assert kept.worst is not None
    assert (report.fits, len(kept.worst.placement.refusals)) == (False, 7)
    assert any("is not carried: without esx" in line for line in place_lines(report, 0.0))


def test_too_many_losses_are_answered_by_a_safe_worst_case_and_it_is_said() -> None:
    hosts = [host(f"esx{n}", cores=16 + n) for n in range(40)]
    report = placed(estate(hosts, [vm(f"vm{n}") for n in range(60)]), 5)
    kept = report.clusters[0].reserve
    assert kept is not None
    assert (kept.carried, kept.how) == (True, "safe-worst-case")


def test_datastores_networks_and_cpu_bar_hosts() -> None:
    hosts = [host("a", evc="intel-haswell"), host("b", evc="intel-skylake"), host("c", cpu_model="AMD EPYC")]
    store = Datastore(name="d", capacity_mib=10**6, used_mib=0, hosts=("b", "c"))
    whole = estate(
        hosts,
        [vm("on-a", host="a"), vm("disk", datastores=("d",)), vm("net", networks=("n",))],
        datastores=(store,),
        port_groups=(PortGroup(name="n", hosts=("c",)),),
    )
    report = placed(whole)
    assert report.placed["on-a"] != "c"
    assert report.placed["disk"] != "a"
    assert report.placed["net"] == "c"


def test_the_checker_finds_out_of_reach_on_its_own() -> None:
    hosts = [host("a", evc="intel-skylake"), host("b", evc="intel-haswell")]
    store = Datastore(name="d", capacity_mib=10, used_mib=0, hosts=("a",))
    whole = estate(
        hosts,
        [vm("x", host="a", datastores=("d",), networks=("n",))],
        datastores=(store,),
        port_groups=(PortGroup(name="n", hosts=("a",)),),
    )
    load = load_of(whole.vms)
    assert check_reach({"x": "a"}, load, whole) == []
    assert [wrong.fault for wrong in check_reach({"x": "b"}, load, whole)] == [Fault.OUT_OF_REACH] * 3


def test_new_vms_need_room_on_a_datastore_that_their_host_sees() -> None:
    small = Datastore(name="small", capacity_mib=50_000, used_mib=0)
    whole = estate(HOSTS, [vm("a"), vm("b"), vm("big", disk_mib=60_000)], datastores=(small,))
    found = reasons(placed(whole))
    assert found == {"big": "4 hosts: DATASTORE_FULL", "b": "4 hosts: DATASTORE_FULL"}


def test_should_rules_and_numa_nodes_are_kept_where_it_costs_nothing() -> None:
    hosts = [host("flat", sockets=1, cores=32), host("split", sockets=4, cores=32)]
    rules = (Rule(kind="should-run-on", vms=("liked",), hosts=("split",)),)
    vms = [vm("wide", vcpus=16, memory_mib=65536), vm("liked"), *(vm(f"vm{n}") for n in range(8))]
    report = placed(estate(hosts, vms, *rules))
    assert report.hosts_used == 2
    assert (report.placed["wide"], report.placed["liked"]) == ("flat", "split")
    assert (report.clusters[0].unmet.should, report.clusters[0].unmet.numa) == (0, 0)


def test_a_vm_wider_than_every_node_is_counted_as_a_penalty() -> None:
    report = placed(estate(HOSTS[:1], [vm("wide", vcpus=12)]))
    assert (report.fits, report.clusters[0].unmet.numa) == (True, 1)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            [Rule(kind="gather", vms=("a", "b"), name="g"), Rule(kind="spread", vms=("a", "b"), name="s")],
            "g, s: together they leave no host for a, b",
        ),
        (
            [
                Rule(kind="must-run-on", vms=("a",), hosts=("esx0",), name="on"),
                Rule(kind="must-not-run-on", vms=("a",), hosts=("esx0",), name="off"),
            ],
            "on, off: together they leave no host for a",
        ),
        (
            [
                Rule(kind="spread", vms=("a", "b", "c"), name="s"),
                Rule(kind="must-run-on", vms=("a", "b", "c"), hosts=("esx0", "esx1"), name="two"),
            ],
            "s keeps 3 VMs apart (a, b, c), and only 2 of them can have a host each",
        ),
        ([Rule(kind="gather", vms=("a", "b", "big"), name="g")], "g: no permitted host is large enough"),
        ([Rule(kind="spread", vms=("a", "b"), name="s")], ""),
    ],
)
def test_contradictory_rules_are_named_before_the_run(rules: list[Rule], said: str) -> None:
    load = load_of([vm("a"), vm("b"), vm("c"), vm("big", memory_mib=120_000)])
    found = contradictions(load, capacity_of(HOSTS, 4.0), rules, Reach())
    assert len(found) == bool(said)
    assert all(str(sentence).startswith(said) for sentence in found)


def test_vms_of_no_cluster_join_the_only_one_and_nobody_is_dropped() -> None:
    report = placed(estate(HOSTS, [vm("a"), vm("lone", cluster=None)]))
    assert set(report.placed) == {"a", "lone"}
    two = estate([*HOSTS, host("other", cluster="d")], [vm("a"), vm("lone", cluster=None)])
    assert [refusal.vm for refusal in placed(two).refusals] == ["lone"]


def test_new_hosts_are_packed_by_cluster_and_carry_failures_by_being_alike() -> None:
    whole = estate([], [vm("a"), vm("b", cluster="d"), vm("huge", memory_mib=10**7)])
    parameters = Parameters(failures=1, host_cores=16, host_memory_gib=64)
    report = place_estate(whole, parameters, new_hosts=True)
    assert report.placed == {"a": "c/new-1", "b": "d/new-1"}
    assert reasons(report) == {"huge": "1 host: MEMORY"}
    assert [cluster.hosts_needed for cluster in report.clusters] == [None, 2]


def test_new_hosts_that_nobody_described_are_a_clear_mistake() -> None:
    with pytest.raises(ParameterError, match="describe the new host"):
        place_estate(estate([], [vm("a")]), Parameters(), new_hosts=True)
    with pytest.raises(ParameterError, match="stand in no rack"):
        place_estate(estate(HOSTS, [vm("a")]), Parameters(), "rack", new_hosts=True)
    with pytest.raises(ParameterError, match="there is no cluster nowhere"):
        placed(estate(HOSTS, [vm("a")]), cluster="nowhere")


@pytest.mark.parametrize(
    "hosts", [[], [host("off", memory_mib=1, connected=False)], [host("tiny", memory_mib=1)]]
)
def test_hosts_that_give_nothing_refuse_everybody_with_a_reason(hosts: list[Host]) -> None:
    report = placed(estate(hosts, [vm("a")]), 1)
    assert [refusal.vm for refusal in report.refusals] == ["a"]
    assert report.refusals[0].short()
    assert not report.fits


def test_an_empty_estate_is_placed_on_nothing() -> None:
    report = placed(estate([], []))
    assert (report.hosts_used, report.lower_bound, report.fits, report.clusters) == (0, 0, True, ())


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    count = draw(st.integers(1, 4))
    hosts = [
        host(
            f"esx{n}",
            cores=draw(st.sampled_from([4, 8])),
            sockets=draw(st.sampled_from([1, 2])),
            rack=draw(st.sampled_from(["r1", "r2", None])),
            maintenance=draw(st.sampled_from([False] * 5 + [True])),
            evc=draw(st.sampled_from([None, "intel-haswell", "intel-skylake"])),
        )
        for n in range(count)
    ]
    names = [one.name for one in hosts]
    some = st.lists(st.sampled_from(names), max_size=3, unique=True).map(tuple)
    stores = tuple(
        Datastore(name=f"d{n}", capacity_mib=draw(st.integers(0, 200_000)), used_mib=0, hosts=draw(some))
        for n in range(draw(st.integers(0, 2)))
    )
    known = [store.name for store in stores]
    vms = [
        vm(
            f"vm{n}",
            vcpus=draw(st.integers(1, 12)),
            memory_mib=draw(st.sampled_from([1024, 30_000])),
            host=draw(st.sampled_from([None, None, *names])),
            ft=draw(st.sampled_from(["none"] * 6 + ["primary"])),
            datastores=draw(st.lists(st.sampled_from(known), max_size=1).map(tuple)) if known else (),
        )
        for n in range(draw(st.integers(0, 8)))
    ]
    people = st.lists(st.sampled_from([one.name for one in vms] or ["ghost"]), min_size=1, max_size=3).map(
        tuple
    )
    kinds = st.sampled_from(
        ["spread", "gather", "must-run-on", "must-not-run-on", "should-run-on", "should-not-run-on"]
    )
    rules = [
        Rule(kind=draw(kinds), vms=draw(people), hosts=draw(some), name=f"rule {n}")
        for n in range(draw(st.integers(0, 3)))
    ]
    return estate(hosts, vms, *rules, datastores=stores)


@given(estates(), st.integers(0, 2), st.sampled_from(["host", "rack"]))
@settings(max_examples=150, deadline=None)
def test_whatever_the_estate_nobody_is_dropped_and_the_judge_is_content(
    whole: Estate, failures: int, group: str
) -> None:
    report = placed(whole, failures, group)
    load = load_of(whole.vms)
    capacity = capacity_of(whole.hosts, 4.0)
    refused = [refusal.vm for refusal in report.refusals]
    assert check(report.placed, load, capacity, whole.rules, refused) == []
    assert check_reach(report.placed, load, whole) == []
    assert sorted([*report.placed, *refused]) == sorted(load.names)
    assert all(refusal.short() for refusal in report.refusals)
    assert report.lower_bound <= report.hosts_used
    for cluster in report.clusters:
        assert cluster.hosts_needed is None or cluster.hosts_needed >= cluster.placement.hosts_used
    assert place_lines(report, 0.0)


@given(estates())
@settings(max_examples=60, deadline=None)
def test_a_further_host_never_refuses_more(whole: Estate) -> None:
    more = estate([*whole.hosts, host("more", cores=64, sockets=1)], whole.vms, datastores=whole.datastores)
    plain = estate(whole.hosts, whole.vms, datastores=whole.datastores)
    assert len(placed(more).refusals) <= len(placed(plain).refusals)


def test_the_command_prints_the_promised_keys_and_its_status(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "estate.json"
    path.write_bytes(write_document(estate(HOSTS, [vm("a"), vm("big", memory_mib=10**7)])))
    ticks = iter([10.0, 10.25])
    assert main(["place", str(path), "--json"], lambda: next(ticks)) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["seconds"] == 0.25
    assert (answer["hosts_used"], answer["lower_bound"], answer["gap"]) == (1, 1, 0)
    assert answer["placement"] == {"a": "esx0"}
    assert answer["refusals"][0]["vm"] == "big"
    assert answer["refusals"][0]["reasons"] == {"MEMORY": 4}
    assert answer["bound_method"]
    assert main(["place", str(path)]) == 1
    assert "big finds no host: 4 hosts: MEMORY" in capsys.readouterr().out
    assert main(["place", str(path), "--host-cores", "4"]) == 2
    assert "--new-hosts is not asked for" in capsys.readouterr().err
    assert main(["place", str(path), "--failures", "-1"]) == 2


@given(estates(), st.sampled_from(["host", "rack"]))
@settings(max_examples=60, deadline=None)
def test_a_reserve_found_by_repair_holds_as_one_found_by_placing_anew(whole: Estate, group: str) -> None:
    anew = placed(whole, 1, group)
    with pytest.MonkeyPatch.context() as many:
        many.setattr("planner.reserve.MANY_VMS", 0)
        repaired = placed(whole, 1, group)  # its every re-placement is judged, or this raises
    for one, other in zip(anew.clusters, repaired.clusters, strict=True):
        if other.hosts_needed is not None:
            assert one.hosts_needed is not None
            assert one.hosts_needed <= other.hosts_needed
