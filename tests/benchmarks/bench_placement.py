"""Fewest hosts: how many, how near to the proof, and how quick, beside what others do with the same rows.

    pytest -s -o python_files='bench_*.py' tests/benchmarks/bench_placement.py

Few shapes: Azure's public requests and configured sizes; peers are first-fit decreasing over the same rows
and a direct integer program (HiGHS, limited by the clock).  All distinct: first-fit decreasing.  Public
vector packing: the best of about 350 published heuristics, from the set's own tables.  Seconds are of the
CPU, kernels compiled before.  Prints figures; asserts only that every VM is counted and every host holds.
"""

from __future__ import annotations

import os
import time
from statistics import mean

import highspy
import numpy as np
import pytest

from planner.kernels.arrays import I64
from planner.kernels.grouping import group_rows
from planner.kernels.jit import kernel
from planner.patterns.distinct import pack_distinct
from planner.patterns.generation import pack
from planner.patterns.shapes import NO_LIMIT, Shapes, by_heuristics, faults
from planner.warming import warm
from tests.benchmarks.fleets import (
    Fleet,
    azure,
    configured,
    distinct,
    needs_azure,
    needs_vectorpack,
    shapes_by_sorting,
    vectorpack,
    with_overhead,
)

PROGRAM_WITHIN_S = 10.0
INSTANCES = 16  # of each family; HEADROOM_WHOLE_SETS=1 takes all 780, a quarter of an hour of CPU


@kernel
def first_fit_decreasing(rows: I64, size: I64) -> int:
    """The peer: each row, largest first, on the first host that takes it; the number of hosts."""
    room = np.zeros((rows.shape[0], rows.shape[1]), np.int64)
    hosts, first = 0, 0
    for row in range(rows.shape[0]):
        host = first
        while True:
            if host == hosts:
                room[host] = size
                hosts += 1
            fits = True
            for resource in range(rows.shape[1]):
                if rows[row, resource] > room[host, resource]:
                    fits = False
                    break
            if fits:
                break
            host += 1
        for resource in range(rows.shape[1]):
            room[host, resource] -= rows[row, resource]
        while first < hosts and room[first].min() == 0:
            first += 1
    return hosts


def by_first_fit(fleet: Fleet) -> tuple[int, float]:
    first_fit_decreasing(fleet.rows[:10], fleet.size)
    began = time.process_time()
    ordered = fleet.rows[np.argsort(-(fleet.rows / fleet.size).max(axis=1), kind="stable")]
    return first_fit_decreasing(ordered, fleet.size), time.process_time() - began


def grouped_first_fit(shapes: Shapes) -> tuple[int, float]:
    """The same peer shape by shape, for a million VMs one by one take it minutes: the best of its orders."""
    began = time.process_time()
    packings = [packing for packing in by_heuristics(shapes) if packing.method.startswith("ffd")]
    return packings[0].hosts_used, time.process_time() - began


def by_program(shapes: Shapes, hosts: int) -> int | None:
    """The peer: whole numbers of each shape on each host; None where it finds nothing in its time."""
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("time_limit", PROGRAM_WITHIN_S)
    used = [highs.addBinary(obj=1.0) for _ in range(hosts)]
    on = [[highs.addIntegral() for _ in range(hosts)] for _ in shapes.counts]
    for shape, count in enumerate(shapes.counts.tolist()):
        highs.addConstr(sum(on[shape]) == count)
    for host in range(hosts):
        for resource, most in enumerate(shapes.capacity[0].tolist()):
            taken = sum(int(need[resource]) * on[row][host] for row, need in enumerate(shapes.demand))
            highs.addConstr(taken <= most * used[host])
        if host:
            highs.addConstr(used[host] <= used[host - 1])
    highs.run()
    info = highs.getInfo()
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    return round(info.objective_function_value) if found else None


def few_shapes(fleet: Fleet) -> None:
    began = time.process_time()
    number, first = group_rows(fleet.rows)
    counts = np.bincount(number, minlength=len(first)).astype(np.int64)
    shapes = Shapes(fleet.rows[first], counts, fleet.size[None], np.array([NO_LIMIT]))
    proven = pack(shapes)
    seconds = time.process_time() - began
    assert faults(shapes, proven.packing) == []
    assert proven.packing.refused == 0
    greedy, greedy_s = by_first_fit(fleet) if len(fleet.rows) <= 100_000 else grouped_first_fit(shapes)
    program = by_program(shapes, greedy) if len(fleet.rows) <= 10_000 else None
    used, bound = proven.packing.hosts_used, proven.bound.hosts
    print(
        f"{fleet.name:30} {len(first):3} shapes: {used:6,} hosts, proven {bound:6,}, {seconds:5.2f} s | "
        f"FFD {greedy:6,} (+{100 * (greedy / used - 1):.1f} %) {greedy_s:6.2f} s | "
        f"MIP {program or 'nothing or not asked'}"
    )


@needs_azure
@pytest.mark.parametrize("vms", [1_000, 10_000, 100_000, 1_000_000])
def test_fleets_of_few_shapes(vms: int) -> None:
    warm()
    print()
    for fleet in (azure(vms), with_overhead(azure(vms)), configured(vms)):
        few_shapes(fleet)


@pytest.mark.parametrize("vms", [100_000, 1_000_000])
def test_fleets_in_which_all_vms_differ(vms: int) -> None:
    warm()
    fleet = distinct(vms)
    began = time.process_time()
    found = pack_distinct(fleet.rows, fleet.size[None], np.array([NO_LIMIT]))
    seconds = time.process_time() - began
    used = np.zeros((found.hosts_used, fleet.rows.shape[1]), np.int64)
    np.add.at(used, found.where, fleet.rows)
    assert found.refused == 0
    assert (used <= fleet.size).all()
    bound = found.bound.hosts or 0
    peer = "FFD not asked: minutes"
    if vms <= 100_000:
        greedy, greedy_s = by_first_fit(fleet)
        peer = f"FFD {greedy:,} (+{100 * (greedy / bound - 1):.2f} %) {greedy_s:.2f} s"
    above = 100 * (found.hosts_used / bound - 1)
    print(
        f"\n{fleet.name}: {found.hosts_used:,} hosts, proven {bound:,} (+{above:.2f} %), "
        f"{seconds:.2f} s | {peer}"
    )


@needs_vectorpack
@pytest.mark.parametrize("family", ["new-even", "triplet"])
def test_public_vector_packing(family: str) -> None:
    warm()
    every = list(vectorpack(family))
    most = len(every) if os.environ.get("HEADROOM_WHOLE_SETS") == "1" else INSTANCES
    chosen = [every[row] for row in np.random.default_rng(4).permutation(len(every))[:most]]
    ours, published, seconds, better, worse = [], [], [], 0, 0
    for instance in chosen:
        demand, counts = shapes_by_sorting(instance.fleet.rows)
        began = time.process_time()
        proven = pack(Shapes(demand, counts, instance.fleet.size[None], np.array([NO_LIMIT])))
        seconds.append(time.process_time() - began)
        assert proven.packing.refused == 0
        hosts = proven.packing.hosts_used
        better, worse = better + (hosts < instance.published), worse + (hosts > instance.published)
        if instance.optimum:
            ours.append(hosts / instance.optimum - 1)
            published.append(instance.published / instance.optimum - 1)
    known = "no optimum known"
    if ours:
        known = (
            f"{len(ours)} optima known: +{100 * mean(ours):.2f} %, published +{100 * mean(published):.2f} %"
        )
    print(
        f"\n{family}: {len(chosen)} instances, {better} better, {worse} worse than the best published; "
        f"{known}; {mean(seconds):.2f} s each, longest {max(seconds):.2f} s"
    )
