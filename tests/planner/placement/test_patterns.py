"""The fewest hosts: what is packed is recounted, and what is proven is held against every way to pack."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.patterns.distinct import pack_distinct
from planner.patterns.generation import Effort, continuous_bound, pack
from planner.patterns.pricing import hosts_proven
from planner.patterns.shapes import NO_LIMIT, Packing, Shapes, by_heuristics, faults, trimmed

sizes = st.integers(0, 9)


@st.composite
def small_fleets(draw: st.DrawFn, types: int = 1) -> Shapes:
    resources = draw(st.integers(1, 3))
    rows = draw(st.lists(st.lists(sizes, min_size=resources, max_size=resources), min_size=1, max_size=5))
    counts = draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    row = st.lists(st.integers(4, 12), min_size=resources, max_size=resources)
    capacity = draw(st.lists(row, min_size=types, max_size=types))
    hosts = [NO_LIMIT] if types == 1 else draw(st.lists(st.integers(0, 3), min_size=types, max_size=types))
    return Shapes(np.array(rows), np.array(counts), np.array(capacity), np.array(hosts))


def fewest_by_trying(shapes: Shapes) -> int | None:
    """Every way to put the VMs on hosts, deepest first; None where not all of them can stand."""
    vms = [tuple(row) for row, n in zip(shapes.demand.tolist(), shapes.counts, strict=True) for _ in range(n)]
    offered = [
        tuple(size)
        for size, n in zip(shapes.capacity.tolist(), shapes.hosts.tolist(), strict=True)
        for _ in range(min(n, len(vms)))
    ]
    best: list[int] = [len(vms) + 1]

    def place(vm: int, rooms: list[tuple[int, ...] | None]) -> None:
        used = sum(room is not None for room in rooms)
        if used >= best[0]:
            return
        if vm == len(vms):
            best[0] = used
            return
        tried = set()
        for host, room in enumerate(rooms):
            here = offered[host] if room is None else room
            if (here, room is None) in tried or any(n > r for n, r in zip(vms[vm], here, strict=True)):
                continue
            tried.add((here, room is None))
            left = tuple(r - n for n, r in zip(vms[vm], here, strict=True))
            place(vm + 1, [*rooms[:host], left, *rooms[host + 1 :]])

    place(0, [None] * len(offered))
    return best[0] if best[0] <= len(vms) else None


@settings(max_examples=150, deadline=None)
@given(small_fleets())
def test_no_way_to_pack_uses_fewer_hosts_than_the_bound_and_every_vm_is_counted(shapes: Shapes):
    proven = pack(shapes)
    assert faults(shapes, proven.packing) == []
    fits = np.zeros(len(shapes.counts), bool)
    fits[shapes.fitting()] = True
    assert (proven.packing.left == np.where(fits, 0, shapes.counts)).all()
    truth = fewest_by_trying(shapes.with_counts(np.where(fits, shapes.counts, 0)))
    assert proven.bound.hosts is not None
    assert truth is not None
    assert proven.bound.hosts <= truth == proven.packing.hosts_used


@settings(max_examples=150, deadline=None)
@given(small_fleets(types=2))
def test_with_scarce_hosts_of_two_types_the_bound_holds_and_impossible_is_never_said_in_vain(shapes: Shapes):
    proven = pack(shapes)
    assert faults(shapes, proven.packing) == []
    fits = np.zeros(len(shapes.counts), bool)
    fits[shapes.fitting()] = True
    truth = fewest_by_trying(shapes.with_counts(np.where(fits, shapes.counts, 0)))
    if truth is None:
        assert (proven.packing.left[fits] > 0).any()
    else:
        assert proven.bound.hosts is not None
        assert proven.bound.hosts <= truth
        if (proven.packing.left[fits] == 0).all():
            assert proven.packing.hosts_used >= truth


@settings(max_examples=60, deadline=None)
@given(small_fleets(), st.randoms(use_true_random=False))
def test_the_order_of_the_shapes_does_not_change_the_number_of_hosts(shapes: Shapes, chance):
    order = list(range(len(shapes.counts)))
    chance.shuffle(order)
    shuffled = Shapes(shapes.demand[order], shapes.counts[order], shapes.capacity, shapes.hosts)
    assert pack(shuffled).packing.hosts_used == pack(shapes).packing.hosts_used


@settings(max_examples=60, deadline=None)
@given(small_fleets())
def test_coarser_units_change_neither_the_bound_nor_what_fits(shapes: Shapes):
    scaled = shapes.scaled()
    assert set(scaled.fitting()) >= set(shapes.fitting()[shapes.counts[shapes.fitting()] > 0])
    for packing in by_heuristics(scaled):
        assert "a host holds more than its capacity" not in faults(scaled, packing)


def test_the_pattern_bound_knows_which_vms_do_not_combine():
    # 10 VMs of 3 of 4 units: the sum says 8 hosts, and no two share one.
    shapes = Shapes(np.array([[3, 1], [1, 5]]), np.array([10, 1]), np.array([[4, 100]]), np.array([NO_LIMIT]))
    assert continuous_bound(shapes).hosts == 8
    proven = pack(shapes)
    assert (proven.packing.hosts_used, proven.bound.hosts, proven.gap) == (10, 10, 0)


def test_a_configured_fleet_of_100_000_vms_is_within_a_thousandth_of_its_proof():
    chance = np.random.default_rng(1)
    cpu, gib = np.array([1, 2, 4, 6, 8, 16]), np.array([2, 4, 8, 16, 32, 64])
    demand = np.array(list(itertools.product(cpu, gib)))
    counts = np.bincount(chance.choice(36, 100_000, p=chance.dirichlet(np.ones(36))), minlength=36)
    shapes = Shapes(demand, counts, np.array([[192, 614]]), np.array([NO_LIMIT]))
    proven = pack(shapes)
    assert faults(shapes, proven.packing) == []
    assert proven.gap is not None
    assert proven.gap <= max(1, proven.packing.hosts_used // 1000)


def test_the_same_question_has_the_same_answer():
    chance = np.random.default_rng(5)
    demand = chance.integers(5, 60, (40, 3))
    shapes = Shapes(demand, np.ones(40, np.int64), np.full((1, 3), 100), np.array([NO_LIMIT]))
    first, second = pack(shapes, Effort(rounds=20)), pack(shapes, Effort(rounds=20))
    assert (first.packing.patterns == second.packing.patterns).all()
    assert first.bound == second.bound


def test_a_bound_stopped_early_still_holds():
    chance = np.random.default_rng(2)
    demand = chance.integers(10, 60, (60, 3))
    shapes = Shapes(demand, np.ones(60, np.int64), np.full((1, 3), 100), np.array([NO_LIMIT]))
    hurried = pack(shapes, Effort(rounds=2, nodes=50, dive_rounds=1, search_work=1000))
    assert faults(shapes, hurried.packing) == []
    assert hurried.bound.hosts is not None
    assert hurried.bound.hosts <= pack(shapes).packing.hosts_used


def test_nothing_to_pack_needs_no_host():
    shapes = Shapes(np.array([[1, 1]]), np.array([0]), np.array([[4, 4]]), np.array([NO_LIMIT]))
    assert (pack(shapes).packing.hosts_used, pack(shapes).bound.hosts) == (0, 0)


def test_hosts_of_no_capacity_take_nobody_and_are_no_error():
    shapes = Shapes(np.array([[1, 1]]), np.array([3]), np.array([[0, 0]]), np.array([5]))
    proven = pack(shapes)
    assert (proven.packing.hosts_used, proven.packing.left.tolist()) == (0, [3])


def test_a_negative_demand_is_refused():
    with pytest.raises(ValueError, match="negative"):
        Shapes(np.array([[-1]]), np.array([1]), np.array([[4]]), np.array([1]))


def test_what_a_cover_holds_too_much_is_taken_out_again():
    shapes = Shapes(np.array([[2]]), np.array([3]), np.array([[4]]), np.array([NO_LIMIT]))
    rows = np.array([[2]]), np.array([0]), np.array([3])
    tidy = trimmed(shapes, Packing(*rows, np.array([0])))
    assert faults(shapes, tidy) == []
    assert tidy.hosts_used == 2


def test_scarce_large_hosts_are_counted_first_in_a_proof():
    assert hosts_proven(np.array([1]), [10, 4], np.array([23]), np.array([2, 9])) == 3
    assert hosts_proven(np.array([1]), [10, 4], np.array([23]), np.array([2, 0])) is None


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=60))
def test_distinct_vms_stand_within_the_capacity_of_their_hosts(rows: list[tuple[int, int]]):
    demand, capacity = np.array(rows), np.array([[35, 30], [20, 40]])
    found = pack_distinct(demand, capacity, np.array([4, 50]))
    used = np.zeros((max(1, found.hosts_used), 2), np.int64)
    on = found.where >= 0
    np.add.at(used, found.where[on], demand[on])
    if found.hosts_used:
        assert (used <= capacity[found.kinds]).all()
    fits = (demand[:, None] <= capacity[None]).all(axis=2).any(axis=1)
    assert found.bound.hosts is not None
    if not found.refused:
        assert found.bound.hosts <= found.hosts_used
    assert not on[~fits].any()
