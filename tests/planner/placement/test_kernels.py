"""Every kernel against a twin in plain Python, or against every possibility."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.kernels import filling, grouping, knapsack, sampling, spreading
from planner.patterns.pricing import surrogate

rows_of = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=4)


def best_by_trying(demand: list[tuple[int, ...]], value: list[int], limit: list[int], size: list[int]) -> int:
    best = 0
    for amounts in itertools.product(*(range(n + 1) for n in limit)):
        used = [sum(a * row[r] for a, row in zip(amounts, demand, strict=True)) for r in range(len(size))]
        if all(u <= s for u, s in zip(used, size, strict=True)):
            best = max(best, sum(a * v for a, v in zip(amounts, value, strict=True)))
    return best


@settings(max_examples=150, deadline=None)
@given(rows_of, st.data())
def test_table_and_search_find_the_most_valuable_content(demand: list[tuple[int, int]], data: st.DataObject):
    wide = len(demand)
    value = data.draw(st.lists(st.integers(1, 50), min_size=wide, max_size=wide))
    limit = data.draw(st.lists(st.integers(1, 4), min_size=wide, max_size=wide))
    size = data.draw(st.lists(st.integers(1, 12), min_size=2, max_size=2))
    truth = best_by_trying(demand, value, limit, size)
    need, worth, most, room = np.array(demand), np.array(value), np.array(limit), np.array(size)
    best = np.zeros((size[0] + 1, size[1] + 1), np.int64)
    took = np.zeros((wide, *best.shape), np.int32)
    knapsack.fill_table(need, worth, most, room, best, took)
    content = knapsack.read_table(need, took, size[0], size[1])
    assert best[-1, -1] == truth == content @ worth
    assert (content @ need <= room).all()
    assert (content <= most).all()
    values = np.zeros_like(best)
    knapsack.fill_values(need, worth, most, room, values)
    assert (values == best).all()

    multiplier = surrogate(need, worth, most, room)
    order = np.argsort(-worth / (need @ multiplier), kind="stable")
    arguments = need[order], worth[order], most[order], room, multiplier
    found, roof, contents, _ = knapsack.branch(*arguments, 0, 10**6, 3)
    assert found == roof == truth
    if truth:
        assert contents[-1] @ worth[order] == truth
    stopped, ceiling, _, _ = knapsack.branch(*arguments, 0, 2, 3)
    assert stopped <= truth <= ceiling
    for row in knapsack.complete(*arguments, 0, 20, np.arange(len(demand)), 2):
        assert (row @ need[order] <= room).all()
        assert (row <= most[order]).all()


def first_fit_twin(demand, counts, capacity, order):
    """First-fit decreasing, host by host, VM by VM."""
    left, hosts = list(counts), []
    while any(
        left[s] and all(d <= c for d, c in zip(demand[s], capacity, strict=True)) for s in range(len(left))
    ):
        room, content = list(capacity), [0] * len(left)
        for shape in order:
            while left[shape] and all(d <= r for d, r in zip(demand[shape], room, strict=True)):
                room = [r - d for d, r in zip(demand[shape], room, strict=True)]
                content[shape] += 1
                left[shape] -= 1
        hosts.append(tuple(content))
    return hosts, left


@settings(max_examples=100, deadline=None)
@given(rows_of, st.data())
def test_replaying_patterns_is_first_fit_decreasing_vm_by_vm(demand, data: st.DataObject):
    counts = data.draw(st.lists(st.integers(0, 7), min_size=len(demand), max_size=len(demand)))
    order = data.draw(st.permutations(range(len(demand))))
    patterns, _, times, left = filling.fill_hosts(
        np.array(demand),
        np.array(counts),
        np.array([[7, 8]]),
        np.array([10**6]),
        np.array(order),
        np.ones(2),
        filling.BY_ORDER,
    )
    hosts, rest = first_fit_twin(demand, counts, (7, 8), order)
    found = [tuple(row) for row, n in zip(patterns.tolist(), times, strict=True) for _ in range(n)]
    assert (found, left.tolist()) == (hosts, rest)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2**62)), min_size=1, max_size=80))
def test_groups_are_numbered_in_the_order_of_their_first_row(rows: list[tuple[int, int]]):
    numbers: dict[tuple[int, int], int] = {}
    expected = [numbers.setdefault(row, len(numbers)) for row in rows]
    group, first = grouping.group_rows(np.array(rows))
    assert group.tolist() == expected
    assert [rows[row] for row in first] == list(numbers)


def window_twin(demand, weight, scarce, window):
    """`fill_from_windows` with lists, distance score, one type of host without end."""
    alive, where, host = list(range(len(demand))), [-1] * len(demand), 0
    by_scarce = sorted(alive, key=lambda vm: (-demand[vm][scarce], vm))
    fits = lambda vm, room: all(d <= r for d, r in zip(demand[vm], room, strict=True))  # noqa: E731
    while alive:
        room, taken = [1.0 - 1e-12] * len(weight), False
        while True:
            total = sum(r * w for r, w in zip(room, weight, strict=True))
            light = [
                vm for vm in alive if sum(d * w for d, w in zip(demand[vm], weight, strict=True)) <= total
            ]
            near = [vm for vm in light[:window] if fits(vm, room)]
            score = {
                vm: -sum(w * (r - d) * (r - d) for w, r, d in zip(weight, room, demand[vm], strict=True))
                for vm in near
            }
            best = max(near, key=lambda vm: (score[vm], -vm)) if near else None
            if best is None:
                close = [vm for vm in by_scarce if vm in alive and demand[vm][scarce] <= room[scarce]][
                    :window
                ]
                best = next((vm for vm in close if fits(vm, room)), None)
            if best is None:
                break
            where[best], taken = host, True
            alive.remove(best)
            room = [r - d for d, r in zip(demand[best], room, strict=True)]
        if not taken:
            break
        host += 1
    return where


def test_filling_from_windows_does_what_its_plain_twin_does():
    for seed in range(6):
        chance = np.random.default_rng(seed)
        demand = chance.uniform(0.01, 0.4, (60, 3))
        weight = np.array([1.0, 0.7, 0.4])
        demand = demand[np.argsort(-(demand @ weight), kind="stable")]
        where, kinds = sampling.fill_from_windows(
            demand, weight, weight, 0, np.ones((1, 3)), np.array([10**6]), 8, False
        )
        assert where.tolist() == window_twin(demand.tolist(), weight.tolist(), 0, 8)
        assert len(kinds) == where.max() + 1


def test_spreading_does_what_its_plain_twin_does_when_every_host_is_looked_at():
    for seed in range(6):
        chance = np.random.default_rng(seed)
        demand = chance.uniform(0.01, 0.4, (60, 3))
        demand = demand[np.argsort(-demand.max(axis=1), kind="stable")]
        where = spreading.spread_over(demand, np.ones((9, 3)), 9, 1)
        rooms = [[1.0] * 3 for _ in range(9)]
        for vm, row in enumerate(demand.tolist()):
            costs = {
                host: sum((1 - r + d) ** 4 - (1 - r) ** 4 for r, d in zip(room, row, strict=True))
                for host, room in enumerate(rooms)
                if all(d <= r for d, r in zip(row, room, strict=True))
            }
            if where[vm] < 0:
                assert not costs
                continue
            assert costs[int(where[vm])] <= min(costs.values()) + 1e-12
            rooms[where[vm]] = [r - d for d, r in zip(row, rooms[where[vm]], strict=True)]


def test_spreading_by_samples_never_overfills():
    chance = np.random.default_rng(3)
    demand, room = chance.uniform(0.0, 0.3, (500, 2)), np.ones((70, 2))
    where = spreading.spread_over(demand, room, 8, 5)
    used = np.zeros((70, 2))
    np.add.at(used, where[where >= 0], demand[where >= 0])
    assert (used <= 1.0 + 1e-12).all()
    assert np.allclose(used + room, 1.0)
