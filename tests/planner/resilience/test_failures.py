"""Losses of hosts, racks and pairs: held against every way to restart, and told with their reasons."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.estate import Datastore, Estate, Rule
from planner.parameters import ParameterError
from planner.refusal import Reason
from planner.resilience.failures import failures, lose_these
from tests.planner.resilience.worlds import can_restart, clusters, estate_of, faults, ground_of
from tests.planner.small import host, vm


@settings(max_examples=200)
@given(clusters())
def test_a_loss_is_survived_when_and_only_when_some_way_to_restart_breaks_nothing(estate: Estate):
    ground = ground_of(estate, cold=True)
    found = failures(ground, double=True)
    for loss in found.singles:
        assert (loss.lost == 0) == can_restart(ground, set(loss.units))
        assert loss.lost == 0 or loss.proven
    lost = {loss.units for loss in found.lost_pairs}
    for pair in itertools.combinations([unit.name for unit in found.units], 2):
        assert (pair not in lost) == can_restart(ground, set(pair))


@settings(max_examples=150)
@given(clusters(), st.data())
def test_the_plan_told_for_a_loss_breaks_nothing_and_names_every_vm_once(estate: Estate, data: st.DataObject):
    ground = ground_of(estate, cold=True)
    names = data.draw(
        st.lists(st.sampled_from([one.name for one in ground.hosts]), min_size=1, max_size=2, unique=True)
    )
    loss = lose_these(ground, "host", names)
    placed = ground.tables.placed(ground.where)
    assert sorted(one.vm for one in loss.restarts) == sorted(vm for vm, at in placed.items() if at in names)
    after = {vm: at for vm, at in placed.items() if at not in names}
    after |= {one.vm: one.host for one in loss.restarts if one.host is not None}
    assert not set(after.values()) & set(names)
    assert faults(ground, after) <= faults(ground, placed)
    for one in loss.restarts:
        counted = sum(count.hosts for count in one.reasons)
        assert counted == (len(ground.hosts) - len(names) if one.host is None else 0)


@settings(max_examples=80)
@given(clusters())
def test_another_empty_host_never_makes_a_loss_worse(estate: Estate):
    roomier = estate_of([*estate.hosts, host("z", cores=64, memory_mib=512 * 1024)], estate.vms, estate.rules)
    before = failures(ground_of(estate, cold=True))
    after = failures(ground_of(roomier, cold=True))
    lost = {loss.units: loss.lost for loss in after.singles}
    for loss in before.singles:
        assert lost[loss.units] == 0 or loss.lost > 0


@settings(max_examples=50)
@given(clusters(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_of_a_file_changes_no_answer(estate: Estate, chance):
    hosts, vms, rules = list(estate.hosts), list(estate.vms), list(estate.rules)
    for rows in (hosts, vms, rules):
        chance.shuffle(rows)
    again = Estate(hosts=tuple(hosts), vms=tuple(vms), rules=tuple(rules)).sorted()
    assert failures(ground_of(estate), double=True) == failures(ground_of(again), double=True)


def test_a_rack_is_lost_as_a_whole_and_a_host_of_no_rack_alone():
    hosts = [host("a", rack="r1"), host("b", rack="r1"), host("c"), host("d")]
    estate = estate_of(hosts, [vm(f"vm{n}", host="abcd"[n % 4], memory_mib=40 * 1024) for n in range(4)])
    found = failures(ground_of(estate), "rack")
    assert [(loss.units, loss.hosts, loss.vms, loss.lost) for loss in found.singles] == [
        (("c",), 1, 1, 0), (("d",), 1, 1, 0), (("r1",), 2, 2, 0),
    ]  # fmt: skip
    assert any("lost one by one" in str(note) for note in found.notes)


def test_who_is_lost_is_told_with_the_hosts_counted_by_reason():
    hosts = [host("a"), host("b", memory_mib=32 * 1024), host("c"), host("d")]
    store = Datastore(name="local", capacity_mib=10**6, used_mib=0, hosts=("a", "b", "c"))
    rules = [Rule(kind="spread", vms=("db1", "db2"), name="db apart")]
    vms = [
        vm("db1", host="a", memory_mib=30 * 1024, datastores=("local",)),
        vm("db2", host="c", memory_mib=30 * 1024),
        vm("filler", host="b", memory_mib=8 * 1024),
    ]
    estate = Estate(hosts=tuple(hosts), vms=tuple(vms), rules=tuple(rules), datastores=(store,)).sorted()
    loss = failures(ground_of(estate)).singles[0]
    assert (loss.lost, loss.proven) == (1, True)
    reasons = {(one.reason, one.detail): one.hosts for one in loss.restarts[0].reasons}
    assert reasons == {
        (Reason.DATASTORE_UNREACHABLE, "local"): 1,
        (Reason.MEMORY, ""): 1,
        (Reason.RULE, "db apart"): 1,
    }


def test_an_ft_vm_runs_on_when_its_other_copy_finds_no_host():
    estate = estate_of([host("a"), host("b")], [vm("ft", host="a", ft="primary")])
    found = failures(ground_of(estate))
    assert [(one.vm, one.host, one.protected_by) for one in found.singles[0].restarts] == [
        ("ft", None, "ft (FT secondary)")
    ]
    assert any("do not list" in str(note) or "does not list" in str(note) for note in found.notes)


def test_a_running_vm_that_no_rule_lets_run_anywhere_is_lost_with_its_host_and_still_takes_its_room():
    rules = [Rule(kind="must-run-on", vms=("x",), hosts=("gone",), name="licence")]
    estate = estate_of(
        [host("a"), host("b")], [vm("x", host="a", memory_mib=100 * 1024), vm("y", host="b")], rules
    )
    ground = ground_of(estate)
    found = failures(ground)
    assert found.singles[0].restarts[0].reasons[0].detail == "licence"
    assert ground.room()[0, 1] < 40 * 1024 * 1024


def test_a_gather_rule_that_does_not_hold_today_drops_nobody():
    rules = [Rule(kind="gather", vms=("x", "y"), name="pair")]
    estate = estate_of([host("a"), host("b")], [vm("x", host="a"), vm("y", host="b")], rules)
    found = failures(ground_of(estate))
    assert [loss.vms for loss in found.singles] == [1, 1]
    assert any("pair" in str(note) for note in found.notes)


@pytest.mark.parametrize("by", ["shelf", "host ", ""])
def test_what_hosts_do_not_have_is_refused(by: str):
    with pytest.raises(ParameterError, match="cannot be lost by"):
        failures(ground_of(estate_of([host("a")], [])), by)


def test_nothing_is_lost_where_nothing_runs():
    found = failures(ground_of(estate_of([host("a")], [])), double=True)
    assert found.survives
    assert (len(found.singles), found.pairs) == (1, 0)
    assert failures(ground_of(estate_of([], [vm("x")])), double=True).survives is None


def test_with_vms_that_run_nobody_knows_where_the_verdict_is_not_a_yes():
    found = failures(
        ground_of(estate_of([host("a"), host("b")], [vm("x", host="elsewhere"), vm("y", host="a")]))
    )
    assert (found.survived, found.unseen, found.survives) == (2, 1, None)
