"""A second opinion on every count of hosts: an integer program solved to the end, which shares no code.

EXACT_CASES=500 ./headroom test tests/planner/placement/test_exact.py   (so many of each search)
"""

from __future__ import annotations

import os

import highspy
import numpy as np
import pytest

from planner.checker import check
from planner.demand import Capacity, Load
from planner.estate import Rule
from planner.placement import consolidate, pack

BLOCKS = 6
CASES = -(-int(os.environ.get("EXACT_CASES", "300")) // BLOCKS)  # of each block


def fewest_by_program(
    needs: np.ndarray, gives: np.ndarray, apart: list[list[int]], barred: list[tuple[int, int]]
) -> int | None:
    """The fewest hosts by a direct integer program: x[vm, host], used[host]; None where none does."""
    vms, hosts = len(needs), len(gives)
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("mip_rel_gap", 0.0)
    on = [[highs.addBinary() for _ in range(hosts)] for _ in range(vms)]
    used = [highs.addBinary(obj=1.0) for _ in range(hosts)]
    for vm in range(vms):
        highs.addConstr(sum(on[vm]) == 1)
        for host in range(hosts):
            highs.addConstr(on[vm][host] <= used[host])
    for host in range(hosts):
        for column in range(needs.shape[1]):
            taken = sum(int(needs[vm, column]) * on[vm][host] for vm in range(vms))
            highs.addConstr(taken <= int(gives[host, column]) * used[host])
        for group in apart:
            highs.addConstr(sum(on[vm][host] for vm in group) <= 1)
    for vm, host in barred:
        highs.addConstr(on[vm][host] == 0)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        assert highs.getModelStatus() == highspy.HighsModelStatus.kInfeasible
        return None
    return round(highs.getInfo().objective_function_value)


def load_of_rows(needs: np.ndarray) -> Load:
    names = tuple(f"vm{row}" for row in range(len(needs)))
    return Load(names=names, vms=names, needs=needs)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_new_hosts_are_as_few_as_an_exact_solver_finds(block: int) -> None:
    chance = np.random.default_rng(block)
    for _ in range(CASES):
        vms = int(chance.integers(1, 15))
        needs = chance.integers(1, 13, (vms, 3)) * np.array([1, 1, chance.integers(0, 2)])
        load, give = load_of_rows(needs), (20, 20, 20)
        found = pack(load, give)
        truth = fewest_by_program(needs, np.tile(give, (found.hosts_used, 1)), [], [])
        assert found.hosts_used == truth, needs.tolist()
        assert found.lower_bound <= truth


@pytest.mark.parametrize("block", range(BLOCKS))
def test_real_hosts_under_rules_are_as_few_as_an_exact_solver_finds(block: int) -> None:
    chance = np.random.default_rng(100 + block)
    complete = 0
    for _ in range(CASES):
        vms, hosts = int(chance.integers(2, 13)), int(chance.integers(2, 7))
        needs = np.column_stack([chance.integers(1, 10, (vms, 2)), np.zeros(vms, np.int64)])
        gives = np.column_stack([chance.integers(10, 26, (hosts, 2)), np.zeros(hosts, np.int64)])
        apart = [sorted(chance.choice(vms, 2, replace=False).tolist())]
        barred = [(int(chance.integers(vms)), int(chance.integers(hosts)))]
        rules = [
            Rule(kind="spread", vms=tuple(f"vm{vm}" for vm in apart[0])),
            *(Rule(kind="must-not-run-on", vms=(f"vm{vm}",), hosts=(f"h{host}",)) for vm, host in barred),
        ]
        load = load_of_rows(needs)
        capacity = Capacity(names=tuple(f"h{host}" for host in range(hosts)), gives=gives)
        found = consolidate(load, capacity, rules)
        refused = [refusal.vm for refusal in found.refusals]
        assert check(found.placed, load, capacity, rules, refused) == []
        truth = fewest_by_program(needs, gives, apart, barred)
        if found.complete:
            assert truth is not None
            assert found.lower_bound <= truth == found.hosts_used
            complete += 1
        else:
            assert truth is None, "a way was there and was not found"
    assert complete
