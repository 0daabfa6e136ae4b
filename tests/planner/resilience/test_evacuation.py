"""Evacuation and reboot groups: everything holds at every step, and what is impossible is told."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings

from operations.migration import MigrationLoad, predict
from planner.estate import Estate, Nic, Rule
from planner.parameters import ParameterError
from planner.resilience import moving
from planner.resilience.evacuation import evacuate
from planner.resilience.moving import cost_of
from planner.resilience.reboots import emptied, reboot_groups
from tests.planner.resilience.worlds import RATIO, can_restart, clusters, estate_of, faults, ground_of
from tests.planner.small import host, vm


def played(estate: Estate, found) -> dict[str, str]:
    """Do the moves stage by stage: a VM takes its room on both hosts until its stage is over."""
    ground = ground_of(estate)
    placed = ground.tables.placed(ground.where)
    load = ground.tables.load
    gives = dict(zip(ground.tables.capacity.names, ground.tables.capacity.gives.tolist(), strict=True))
    needs = dict(zip(load.names, load.needs.tolist(), strict=True))
    before = faults(ground, placed)
    crowded = {subject for fault, subject in before if fault == "HOST_OVERFULL"}
    for _, moves in itertools.groupby(found.moves, key=lambda move: move.stage):
        during = [(name, at) for name, at in placed.items()]
        for move in moves:
            assert placed[move.vm] == move.source
            placed[move.vm] = move.target
            during.append((move.vm, move.target))
        for name, give in gives.items():
            if name not in crowded:
                held = [needs[copy] for copy, at in during if at == name]
                assert all(
                    sum(column) <= most for column, most in zip(zip(*held, strict=True), give, strict=False)
                )
    assert faults(ground, placed) <= before
    return placed


@settings(max_examples=200)
@given(clusters())
def test_a_host_is_emptied_when_some_way_to_do_it_exists_and_everything_holds_on_the_way(estate: Estate):
    ground = ground_of(estate)
    for one in ground.hosts:
        found = evacuate(estate, one.name, vcpu_per_core=RATIO)
        placed = played(estate, found)
        staying = {vm for vm, at in placed.items() if at == one.name}
        assert staying == {refusal.vm for refusal in found.refusals}
        if can_restart(ground, {one.name}):
            assert found.complete


@settings(max_examples=100)
@given(clusters())
def test_every_host_is_in_one_group_or_stuck_and_no_fewer_groups_than_the_bound(estate: Estate):
    ground = ground_of(estate)
    found = reboot_groups(ground)
    named = [name for group in found.groups for name in group.hosts] + [one.host for one in found.stuck]
    assert sorted(named) == [one.name for one in ground.hosts]
    assert len(found.groups) >= found.at_least
    for group in found.groups:
        columns = [ground.host_row(name) for name in group.hosts]
        assert emptied(ground, columns) is not None


@settings(max_examples=60)
@given(clusters(most_vms=5))
def test_groups_found_by_trying_every_partition_are_never_fewer_than_the_bound(estate: Estate):
    ground = ground_of(estate)
    found = reboot_groups(ground)
    hosts = range(len(ground.hosts))
    if found.stuck:
        return
    for count in range(1, len(found.groups)):
        for label in itertools.product(range(count), repeat=len(ground.hosts)):
            groups = [[h for h in hosts if label[h] == number] for number in range(count)]
            if all(can_restart(ground, {ground.hosts[h].name for h in group}) for group in groups):
                assert count >= found.at_least


def test_a_vm_moves_out_of_the_way_where_that_is_the_only_way():
    hosts = [
        host("a", memory_mib=64 * 1024),
        host("b", memory_mib=44 * 1024),
        host("c", memory_mib=24 * 1024),
    ]
    vms = [vm("big", host="a", memory_mib=40 * 1024), vm("small", host="b", memory_mib=16 * 1024)]
    found = evacuate(estate_of(hosts, vms), "a", vcpu_per_core=RATIO)
    assert [(move.vm, move.target, move.stage) for move in found.moves] == [
        ("small", "c", 1),
        ("big", "b", 2),
    ]
    assert "makes room" in str(found.moves[0].reason)


def test_a_host_already_in_maintenance_can_be_emptied():
    estate = estate_of([host("a", maintenance=True), host("b")], [vm("x", host="a")])
    found = evacuate(estate, "a", vcpu_per_core=RATIO)
    assert [(move.vm, move.target) for move in found.moves] == [("x", "b")]


def test_who_cannot_leave_is_told_with_the_rule_that_holds_him():
    rules = [Rule(kind="must-run-on", vms=("x",), hosts=("a",), name="licence")]
    estate = estate_of([host("a"), host("b")], [vm("x", host="a"), vm("y", host="a")], rules)
    found = evacuate(estate, "a", vcpu_per_core=RATIO)
    assert [refusal.short() for refusal in found.refusals] == ["1 host: RULE licence"]
    assert [move.vm for move in found.moves] == ["y"]


def test_a_running_vm_does_not_move_to_another_maker_of_cpus_but_may_be_restarted_there():
    hosts = [host("a", cpu_model="Intel Xeon"), host("b", cpu_model="AMD EPYC")]
    estate = estate_of(hosts, [vm("x", host="a")])
    assert [r.short() for r in evacuate(estate, "a", vcpu_per_core=RATIO).refusals] == [
        "1 host: CPU_MODEL intel"
    ]
    from planner.resilience.failures import failures

    assert failures(ground_of(estate, cold=True)).survives


def test_an_unknown_host_is_a_clear_error():
    with pytest.raises(ParameterError, match="no host nowhere"):
        evacuate(estate_of([host("a")], []), "nowhere", vcpu_per_core=RATIO)


@pytest.mark.parametrize("mbit", [1_000, 10_000, 25_000])
def test_the_cost_of_a_move_is_that_of_the_rehearsal_for_a_vm_that_dirties_nothing(mbit: int):
    one = host("a", nics=(Nic(device="n", speed_mbit=mbit), Nic(device="slow", speed_mbit=100)))
    cost = cost_of(vm("x", memory_mib=32_000), one, one)
    played_out = predict(
        MigrationLoad(
            memory_mib=32_000,
            setup_s=moving.SETUP_S,
            device_ms=moving.DEVICE_MS,
            announce_ms=moving.ANNOUNCE_MS,
        ),
        mbit * 0.94 / 8.388608,
    )
    assert cost.seconds == pytest.approx(played_out.seconds)
    busy = predict(
        MigrationLoad(
            memory_mib=32_000, setup_s=moving.SETUP_S, device_ms=moving.DEVICE_MS,
            announce_ms=moving.ANNOUNCE_MS, dirty_mib_s=0.5 * mbit * 0.94 / 8.388608,
        ),
        mbit * 0.94 / 8.388608,
    )  # fmt: skip
    assert played_out.lost_pings <= busy.lost_pings <= cost.lost_pings
