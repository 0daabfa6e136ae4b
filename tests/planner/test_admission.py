"""Failures tolerated: by demand, against every loss tried by hand, and by VMware's policies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.admission import (
    failures_tolerated,
    percentage_policy,
    room_beside,
    slot_policy,
    tolerates,
)
from planner.demand import Capacity, Load, capacity_of, load_of
from planner.estate import Host, Rule
from planner.placement import pack
from tests.planner.small import host, tolerated_by_trying, vm

ITEMS = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), max_size=6)
HOSTS = st.lists(st.tuples(st.integers(3, 10), st.integers(3, 10)), min_size=1, max_size=4)


def load_with(items: list[tuple[int, int]]) -> Load:
    names = tuple(f"vm{row}" for row in range(len(items)))
    needs = np.array([(*item, 0) for item in items], dtype=np.int64).reshape(-1, 3)
    return Load(names=names, vms=names, needs=needs)


def hosts_with(gives: list[tuple[int, int]]) -> Capacity:
    return Capacity.of([f"esx{row}" for row in range(len(gives))], [(*give, 0) for give in gives])


def tolerated(load: Load, capacity: Capacity, *rules: Rule) -> int | None:
    return failures_tolerated(load, capacity, rules, tolerates(load, capacity, rules, 1))


@given(ITEMS, HOSTS)
@settings(max_examples=150)
def test_the_answer_is_that_of_trying_every_loss(
    items: list[tuple[int, int]], gives: list[tuple[int, int]]
) -> None:
    found = tolerated(load_with(items), hosts_with(gives))
    assert (-1 if found is None else found) == tolerated_by_trying(items, gives)


@given(ITEMS, HOSTS, st.tuples(st.integers(3, 10), st.integers(3, 10)))
@settings(max_examples=150)
def test_one_more_host_never_lowers_the_failures_tolerated(
    items: list[tuple[int, int]], gives: list[tuple[int, int]], more: tuple[int, int]
) -> None:
    load = load_with(items)
    before, after = tolerated(load, hosts_with(gives)), tolerated(load, hosts_with([*gives, more]))
    assert after is not None or before is None
    assert (after or 0) >= (before or 0)


@given(ITEMS, HOSTS, st.integers(0, 4))
def test_what_is_asked_and_what_is_found_agree(
    items: list[tuple[int, int]], gives: list[tuple[int, int]], failures: int
) -> None:
    load, capacity = load_with(items), hosts_with(gives)
    asked = tolerates(load, capacity, (), failures)
    found = failures_tolerated(load, capacity, (), asked)
    assert asked.carried is (found is not None and found >= failures)


def test_the_largest_host_is_the_one_to_lose() -> None:
    # 90 GiB of VMs: on 128 + 64 + 64 the loss of the large one leaves enough, of two hosts it does not.
    vms = [vm(f"vm{n}", vcpus=1, memory_mib=10 * 1024) for n in range(9)]
    hosts = [host("large"), host("small-1", memory_mib=65536), host("small-2", memory_mib=65536)]
    assert tolerated(load_of(vms), capacity_of(hosts, 4.0)) == 1


def test_hosts_that_no_order_fits_are_each_lost_once() -> None:
    hosts = [host("cores", cores=32, memory_mib=65536), host("memory", cores=8), host("memory-2", cores=8)]
    load = load_of([vm(f"vm{n}", vcpus=8, memory_mib=12288) for n in range(7)])
    tolerance = tolerates(load, capacity_of(hosts, 4.0), (), 1)
    assert (tolerance.worst_case, tolerance.carried, len(tolerance.placements)) == ("every-loss", True, 2)


def test_very_different_hosts_are_lowered_to_the_safe_side() -> None:
    rising = [host(f"esx{n:02}", cores=8 + n, memory_mib=65536 - 1024 * n) for n in range(30)]
    load = load_of([vm(f"vm{n}", vcpus=2, memory_mib=4096) for n in range(60)])
    tolerance = tolerates(load, capacity_of(rising, 4.0), (), 2)
    assert tolerance.worst_case == "lowered"
    assert tolerance.carried


def test_a_rule_about_hosts_makes_their_loss_count() -> None:
    rule = Rule(kind="must-run-on", vms=("oracle",), hosts=("esx1", "esx2"), name="licensed")
    load = load_of([vm("oracle"), vm("web")])
    hosts = capacity_of([host(f"esx{n}") for n in range(1, 5)], 4.0)
    assert tolerated(load, hosts) == 3
    assert tolerated(load, hosts, rule) == 1


def tied_to_six(vms: int) -> tuple[Rule, ...]:
    """Each VM on six hosts of its own, so that no two hosts are alike."""
    return tuple(
        Rule(kind="must-run-on", vms=(f"vm{n}",), hosts=tuple(f"esx{n + k:02}" for k in range(6)))
        for n in range(vms)
    )


def test_many_rules_about_hosts_are_still_tried_loss_by_loss() -> None:
    load = load_of([vm(f"vm{n}") for n in range(30)])
    hosts = capacity_of([host(f"esx{n:02}") for n in range(36)], 4.0)
    tolerance = tolerates(load, hosts, tied_to_six(30), 1)
    assert (tolerance.worst_case, tolerance.carried, len(tolerance.placements)) == ("every-loss", True, 36)


def test_what_cannot_be_tried_counts_as_not_carried() -> None:
    load = load_of([vm(f"vm{n}") for n in range(30)])
    hosts = capacity_of([host(f"esx{n:02}") for n in range(36)], 4.0)
    tolerance = tolerates(load, hosts, tied_to_six(30), 2)
    assert (tolerance.worst_case, tolerance.carried) == ("untried", False)


def test_vms_that_stand_apart_need_hosts_left_after_the_loss() -> None:
    rule = Rule(kind="spread", vms=("a", "b", "c"))
    load = load_of([vm("a"), vm("b"), vm("c")])
    hosts = capacity_of([host(f"esx{n}") for n in range(4)], 4.0)
    assert tolerated(load, hosts, rule) == 1


def test_hosts_in_maintenance_cannot_be_lost_and_carry_nothing() -> None:
    hosts = [host("a"), host("b"), host("c", maintenance=True)]
    assert tolerated(load_of([vm("x")]), capacity_of(hosts, 4.0)) == 1


def test_speeds_that_differ_do_not_matter_where_nothing_is_reserved() -> None:
    hosts = [host("a", cpu_mhz=2699), host("b", cpu_mhz=2700)]
    assert tolerates(load_of([vm("x")]), capacity_of(hosts, 4.0), (), 1).worst_case == "identical"


def test_an_empty_cluster_can_lose_all_its_hosts() -> None:
    assert tolerated(load_of([]), capacity_of([host("a"), host("b")], 4.0)) == 2


def test_more_failures_than_hosts_are_never_carried() -> None:
    assert not tolerates(load_of([vm("x")]), capacity_of([host("a")], 4.0), (), 5).carried
    assert not tolerates(load_of([]), capacity_of([host("a")], 4.0), (), 5).carried


def test_room_beside_counts_whole_vms_on_whole_hosts() -> None:
    load, hosts = load_of([vm("x", vcpus=60)]), capacity_of([host("a"), host("b")], 4.0)
    tolerance = tolerates(load, hosts, (), 0)
    assert room_beside(tolerance, load, (8000, 1, 0)) == 8  # 4 vCPUs beside x hold none of 8, b holds 8


def test_adding_a_reservation_shrinks_what_slots_tolerate() -> None:
    mhz, mib = [10_000.0] * 4, [65536.0] * 4
    free = slot_policy(mhz, mib, [32.0] * 8, [100.0] * 8)
    one_large = slot_policy(mhz, mib, [32.0] * 7 + [9000.0], [100.0] * 8)
    assert (free.failures_tolerated, one_large.failures_tolerated) == (3, 0)
    assert one_large.slots_per_host == (1, 1, 1, 1)


def test_a_vm_without_reservation_counts_32_mhz() -> None:
    verdict = slot_policy([3200.0], [65536.0], [0.0, 0.0], [100.0, 100.0])
    assert (verdict.slot_mhz, verdict.slots_per_host) == (32.0, (100,))


def test_policies_refuse_to_judge_no_host() -> None:
    with pytest.raises(ValueError, match="no host"):
        slot_policy([], [], [], [])
    with pytest.raises(ValueError, match="give nothing"):
        percentage_policy([], [], [], [], 0.25)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=5))
def test_identical_hosts_tolerate_what_the_packing_leaves(sizes: list[int]) -> None:
    hosts: list[Host] = [host(f"esx{n}") for n in range(5)]
    load = load_of([vm(f"vm{n}", vcpus=4 * size) for n, size in enumerate(sizes)])
    capacity = capacity_of(hosts, 4.0)
    give = capacity.gives[0].tolist()
    assert tolerated(load, capacity) == 5 - pack(load, give).hosts_used
