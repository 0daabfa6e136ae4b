"""Compiles every kernel, or loads it from disk, before somebody waits for an answer.

`python -m planner.warming` does it in a process of its own and leaves the machine code in the cache:
about a minute of the processor the first time, two seconds after that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from planner.estate import VM, Estate, Host, Rule
from planner.kernels.cache import COMPLETE, cache_folder
from planner.patterns.closing import without_a_host
from planner.patterns.distinct import pack_distinct
from planner.patterns.generation import Effort, pack
from planner.patterns.pricing import WORTH_OF_HOST, Pricer, coarse_tops
from planner.patterns.shapes import NO_LIMIT, Shapes, by_heuristics, shape_sizes
from planner.patterns.standing import Standing, repair, stand_all
from planner.resilience.balance import BalancePolicy, balance
from planner.resilience.evacuation import evacuate, every_way, tightest, with_room_made
from planner.resilience.failures import failures
from planner.resilience.ground import grounds
from planner.resilience.levelling import lazily, level, pair
from planner.resilience.loads import host_loads
from planner.resilience.reboots import reboot_groups


def warm() -> None:
    """Put a tiny question to every kernel, with arrays of the types that real ones have."""
    for question in QUESTIONS:
        question()


def main() -> None:
    """Warm, and note that the cache is complete."""
    warm()
    folder = cache_folder()
    if folder is not None:
        (folder / COMPLETE).touch()


def _fleet(resources: int) -> Shapes:
    """Five shapes on one kind of host."""
    demand = np.array([[3, 5, 2], [5, 3, 1], [4, 4, 4], [2, 6, 3], [6, 2, 5]], np.int64)[:, :resources]
    counts = np.array([4, 3, 2, 3, 2], np.int64)
    return Shapes(demand, counts, np.full((1, resources), 10, np.int64), np.array([NO_LIMIT]))


def _patterns() -> None:
    """Heuristics, both pricings, both ways to close the last host."""
    for resources in (2, 3):
        shapes = _fleet(resources)
        best = by_heuristics(shapes)[0]
        prices = shape_sizes(shapes, best.hosts_used)
        Pricer(shapes).price(2.0 * prices, np.zeros(1), shapes.counts, 100)  # so that some content pays
        without_a_host(shapes, best, prices, 1000, (10, 10) if resources == 2 else None)
        pack(shapes, Effort(rounds=3, nodes=100))
    coarse_tops(_fleet(2), np.full(5, WORTH_OF_HOST // 4))


def _distinct() -> None:
    """Windows, by both scores."""
    shapes = _fleet(3)
    pack_distinct(shapes.demand, shapes.capacity, np.array([3], np.int64))


def _standing() -> None:
    """Place under rules, and repair what no longer holds, until somebody has to make room."""
    need, capacity = np.array([[6], [4], [3], [5], [2]], np.int64), np.full((2, 1), 10, np.int64)
    standing = Standing.of(need, capacity, {0: frozenset([0])}, [[1, 2]])
    stand_all(standing)
    repair(standing, np.array([1, 0, 0, 0, 0]))
    repair(standing, np.array([-1, 1, 1, 0, 0]))


def _resilience() -> None:
    """Lose hosts one by one and in pairs, try every way, level by moves, exchanges and pairs."""
    hosts = tuple(
        Host(name=name, cluster="c", sockets=1, cores=8, cpu_mhz=1000, memory_mib=40_960) for name in "abc"
    )
    vms = tuple(
        VM(name=f"vm{row}", host="aaab"[row % 4], power="on", vcpus=2, memory_mib=7168, disk_mib=0)
        for row in range(8)
    )
    estate = Estate(hosts=hosts, vms=vms, rules=(Rule(kind="spread", vms=("vm3", "vm0")),)).sorted()
    ground = grounds(estate, vcpu_per_core=4.0)[0]
    failures(ground, double=True)
    reboot_groups(ground)
    for row in range(2):
        evacuate(estate, "ab"[row], vcpu_per_core=4.0)
    balance(ground, BalancePolicy(failures=2, calm=0.0, min_gain=0.0))
    loads, where = host_loads(ground).loads, ground.where
    movable = np.ones(len(where), bool)
    level(ground.standing, where, loads, movable=movable, most=4, look_ahead=False)
    leaving = np.array([0, 1], np.int64)
    tightest(ground, leaving)
    every_way(ground, leaving)
    with_room_made(ground, leaving, np.where(np.arange(len(where)) < 2, -1, where))
    lazily(ground.standing, where, loads, movable, 4, 0.0)
    pair(ground.standing, where, loads, movable, 0.0)


QUESTIONS: Final[tuple[Callable[[], None], ...]] = (_patterns, _distinct, _standing, _resilience)


if __name__ == "__main__":
    main()
