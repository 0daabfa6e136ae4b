"""Placement: judged by the checker, by brute force, and by what rules say."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.checker import check
from planner.demand import Capacity, Load, capacity_of, give_of, load_of
from planner.estate import Rule, RuleKind
from planner.placement import Placement, consolidate, pack, place
from planner.refusal import Reason
from tests.planner.small import every_way_fits, fewest_by_trying, host, vm

SIZE = st.integers(1, 12)
ITEMS = st.lists(st.tuples(SIZE, SIZE), max_size=7)
HOSTS = st.lists(st.tuples(st.integers(4, 16), st.integers(4, 16)), min_size=1, max_size=4)


def load_with(items: list[tuple[int, int]]) -> Load:
    needs = np.array([(*item, 0) for item in items], dtype=np.int64).reshape(-1, 3)
    names = tuple(f"vm{row}" for row in range(len(items)))
    return Load(names=names, vms=names, needs=needs)


def hosts_with(gives: list[tuple[int, int]]) -> Capacity:
    return Capacity.of([f"esx{row}" for row in range(len(gives))], [(*give, 0) for give in gives])


def judged(placement: Placement, load: Load, gives: Capacity, rules: tuple[Rule, ...] = ()) -> list[str]:
    refused = [refusal.vm for refusal in placement.refusals]
    return [str(wrong.message) for wrong in check(placement.placed, load, gives, rules, refused)]


@given(ITEMS)
def test_packing_is_optimal_on_what_can_be_tried_in_every_way(items: list[tuple[int, int]]) -> None:
    placement = pack(load_with(items), (12, 12, 0))
    assert placement.hosts_used == fewest_by_trying(items, (12, 12))
    assert placement.lower_bound <= placement.hosts_used


@given(ITEMS, HOSTS)
def test_placing_finds_a_place_whenever_there_is_one(
    items: list[tuple[int, int]], gives: list[tuple[int, int]]
) -> None:
    load, capacity = load_with(items), hosts_with(gives)
    placement = place(load, capacity)
    assert placement.complete is every_way_fits(items, gives)
    assert judged(placement, load, capacity) == []


@given(st.lists(st.tuples(SIZE, SIZE), min_size=13, max_size=60))
@settings(max_examples=50)
def test_larger_packings_pass_the_checker_and_stay_above_the_bound(items: list[tuple[int, int]]) -> None:
    load = load_with(items)
    placement = pack(load, (12, 12, 0))
    offered = hosts_with([(12, 12)] * placement.hosts_used)
    named = dict(zip(placement.hosts, offered.names, strict=True))
    renamed = {name: named[where] for name, where in placement.placed.items()}
    assert check(renamed, load, offered) == []
    assert placement.lower_bound <= placement.hosts_used <= len(items)


@st.composite
def ruled(draw: st.DrawFn) -> tuple[Load, Capacity, tuple[Rule, ...]]:
    vms = [
        vm(f"vm{n}", vcpus=draw(st.integers(1, 8)), ft=draw(st.sampled_from(["none"] * 5 + ["primary"])))
        for n in range(draw(st.integers(1, 9)))
    ]
    hosts = [host(f"esx{n}", cores=draw(st.sampled_from([4, 8, 16]))) for n in range(draw(st.integers(1, 5)))]
    names = st.lists(st.sampled_from([one.name for one in vms]), min_size=1, max_size=4, unique=True)
    where = st.lists(st.sampled_from([one.name for one in hosts]), min_size=1, max_size=3, unique=True)
    kinds: list[RuleKind] = ["spread", "gather", "must-run-on", "must-not-run-on", "should-run-on"]
    rules = []
    for number in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(kinds))
        about = () if kind in ("spread", "gather") else tuple(draw(where))
        rules.append(Rule(kind=kind, vms=tuple(draw(names)), hosts=about, name=f"rule {number}"))
    return load_of(vms), capacity_of(hosts, 2.0), tuple(rules)


@given(ruled())
@settings(max_examples=150)
def test_whatever_the_rules_what_is_placed_passes_the_checker(
    world: tuple[Load, Capacity, tuple[Rule, ...]],
) -> None:
    load, capacity, rules = world
    placement = place(load, capacity, rules)
    assert judged(placement, load, capacity, rules) == []
    assert set(placement.placed) | {refusal.vm for refusal in placement.refusals} == set(load.names)
    assert all(refusal.reasons for refusal in placement.refusals)


@given(st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_the_order_of_hosts_and_vms_does_not_change_how_much_finds_a_place(random: object) -> None:
    vms = [vm(f"vm{n}", vcpus=1 + n % 7, memory_mib=1024 * (1 + n % 5)) for n in range(40)]
    shuffled = list(vms)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    give = give_of(cores=8, cpu_mhz=2000, memory_mib=32768, vcpu_per_core=4)
    assert pack(load_of(shuffled), give).hosts_used == pack(load_of(vms), give).hosts_used


def test_vms_that_stand_apart_get_a_host_each() -> None:
    rule = Rule(kind="spread", vms=("a", "b", "c"), name="apart")
    load = load_of([vm("a"), vm("b"), vm("c")])
    placement = pack(load, give_of(cores=64, cpu_mhz=2000, memory_mib=2**20, vcpu_per_core=4), (rule,))
    assert (placement.hosts_used, placement.lower_bound) == (3, 3)
    assert len(set(placement.placed.values())) == 3


def test_vms_kept_together_move_as_one_through_chains_of_rules() -> None:
    rules = (Rule(kind="gather", vms=("a", "b")), Rule(kind="gather", vms=("b", "c")))
    load = load_of([vm(name, vcpus=24, memory_mib=1024) for name in "abc"])
    hosts = capacity_of([host("small", cores=16), host("large", cores=32)], 4.0)
    assert set(place(load, hosts, rules).placed.values()) == {"large"}


def test_ft_copies_stand_on_two_hosts() -> None:
    load = load_of([vm("db", ft="primary")])
    placement = pack(load, give_of(cores=64, cpu_mhz=2000, memory_mib=2**20, vcpu_per_core=4))
    assert (placement.hosts_used, placement.lower_bound) == (2, 2)


def test_ft_on_one_host_is_refused_by_rule() -> None:
    placement = place(load_of([vm("db", ft="primary")]), capacity_of([host("only")], 4.0))
    assert [(refusal.vm, refusal.reasons[0].reason) for refusal in placement.refusals] == [
        ("db (FT secondary)", Reason.RULE)
    ]


def test_a_rule_that_contradicts_another_is_refused_and_named() -> None:
    rules = (
        Rule(kind="gather", vms=("a", "b"), name="pair"),
        Rule(kind="spread", vms=("a", "b"), name="apart"),
    )
    placement = place(load_of([vm("a"), vm("b")]), capacity_of([host("x"), host("y")], 4.0), rules)
    assert [refusal.vm for refusal in placement.refusals] == ["a", "b"]
    assert str(placement.refusals[0].sentences()[0]) == "a finds no host: forbidden by pair, apart (hosts: 2)"


def test_a_vm_that_must_run_on_an_unknown_host_is_refused() -> None:
    rules = (Rule(kind="must-run-on", vms=("a",), hosts=("gone",), name="licence"),)
    placement = place(load_of([vm("a"), vm("b")]), capacity_of([host("x")], 4.0), rules)
    assert [refusal.vm for refusal in placement.refusals] == ["a"]
    assert placement.placed == {"b": "x"}


def test_refusals_count_hosts_by_what_they_lack() -> None:
    hosts = [host("few-cores", cores=2), host("little-memory", memory_mib=8192), host("barred")]
    rules = (Rule(kind="must-not-run-on", vms=("big",), hosts=("barred",), name="not there"),)
    load = load_of([vm("big", vcpus=12, memory_mib=65536)])
    (refusal,) = place(load, capacity_of(hosts, 4.0), rules).refusals
    assert {(count.reason, count.hosts) for count in refusal.reasons} == {
        (Reason.CPU, 1),
        (Reason.MEMORY, 1),
        (Reason.RULE, 1),
    }


def test_rules_about_vms_that_do_not_run_bind_nobody() -> None:
    rules = (Rule(kind="spread", vms=("a", "off", "ghost")), Rule(kind="gather", vms=("off",)))
    load = load_of([vm("a"), vm("off", power="off")])
    assert place(load, capacity_of([host("x")], 4.0), rules).placed == {"a": "x"}


def test_a_vm_named_twice_in_a_rule_does_not_contradict_itself() -> None:
    rules = (Rule(kind="spread", vms=("a", "a", "b")), Rule(kind="gather", vms=("c", "c")))
    load = load_of([vm("a"), vm("b"), vm("c")])
    placement = place(load, capacity_of([host("x"), host("y")], 4.0), rules)
    assert placement.complete
    assert judged(placement, load, capacity_of([host("x"), host("y")], 4.0), rules) == []


def test_without_hosts_everything_is_refused() -> None:
    placement = place(load_of([vm("a")]), capacity_of([], 4.0))
    assert [refusal.vm for refusal in placement.refusals] == ["a"]


def test_copies_larger_than_a_host_are_refused_and_the_rest_is_packed() -> None:
    load = load_of([vm("giant", memory_mib=10**9), vm("wide", vcpus=1000), vm("small")])
    placement = pack(load, give_of(cores=16, cpu_mhz=2500, memory_mib=131072, vcpu_per_core=4))
    assert [(refusal.vm, refusal.reasons[0].reason) for refusal in placement.refusals] == [
        ("giant", Reason.MEMORY),
        ("wide", Reason.CPU),
    ]
    assert placement.placed == {"small": "new-1"}


@given(ruled())
@settings(max_examples=60, deadline=None)
def test_consolidated_under_any_rules_it_passes_the_checker_and_stays_above_the_bound(
    world: tuple[Load, Capacity, tuple[Rule, ...]],
) -> None:
    load, capacity, rules = world
    placement = consolidate(load, capacity, rules)
    assert judged(placement, load, capacity, rules) == []
    assert set(placement.placed) | {refusal.vm for refusal in placement.refusals} == set(load.names)
    assert placement.lower_bound <= placement.hosts_used == len(set(placement.placed.values()))
    if place(load, capacity, rules).complete:
        assert placement.complete


def test_what_greedy_leaves_open_patterns_close() -> None:
    # Three sizes of which the usual orders mix the wrong ones: 4 + 3 + 3 and 5 + 5 fill a host of 10.
    items = [(5, 1)] * 6 + [(4, 1)] * 6 + [(3, 1)] * 12
    placement = pack(load_with(items), (10, 100, 0))
    assert (placement.hosts_used, placement.lower_bound) == (9, 9)


def test_the_bound_of_patterns_is_told_by_its_name() -> None:
    # Sizes of 6 and 5 of 16 leave waste that no single resource's sum sees.
    placement = pack(load_with([(6, 1)] * 20 + [(7, 3)] * 20), (16, 6, 0))
    assert placement.gap == 0
    assert placement.bound_method


def test_where_the_sums_say_that_not_all_fit_the_fewest_are_left_over() -> None:
    load, offered = load_with([(30, 1)] * 2 + [(9, 1)] * 5), hosts_with([(40, 100)])
    for found in (consolidate(load, offered), place(load, offered)):
        assert len(found.refusals) == 3, "the largest first would leave five"
        assert all(refusal.reasons for refusal in found.refusals)
        assert judged(found, load, offered) == []
