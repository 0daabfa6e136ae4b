"""Search over 200 host models; the peer is the same search that places every model with all effort.

.venv/bin/python tests/benchmarks/bench_sizing.py
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from planner.cost.assumptions import Assumptions
from planner.cost.public import public_book
from planner.cost.study import Question
from planner.estate import VM, Cluster, Estate
from planner.hardware import search as module
from planner.hardware.models import shapes


def estate(count: int) -> Estate:
    chance = random.Random(1)  # noqa: S311
    vms = tuple(
        VM(
            name=f"vm{number}", cluster="c", power="on", disk_mib=0,
            vcpus=chance.choice((1, 2, 2, 4, 4, 8, 16)),
            memory_mib=chance.choice((2, 4, 8, 8, 16, 24, 32, 64)) * 1024,
            guest_os="Microsoft Windows Server 2022" if number % 2 else None,
        )
        for number in range(count)
    )  # fmt: skip
    return Estate(clusters=(Cluster(name="c"),), vms=vms)


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, used = time.perf_counter(), time.process_time()
    answer = call()
    return answer, time.perf_counter() - wall, time.process_time() - used


def main() -> None:
    """Print CPU and wall seconds, and how many placements the bounds saved."""
    prices = public_book().at(None)
    for count in (1_000, 10_000):
        world = estate(count)

        def ask(world: Estate = world) -> Any:
            return module.search(world, shapes().machines, Question(), Assumptions(), prices)

        found, wall, used = timed(ask)
        print(f"{count:>7,} VMs x {found.models} models: {used:6.2f} s CPU, {wall:6.2f} s wall; "
              f"{found.placed_closely} placed with all effort, front of {len(found.front)}")  # fmt: skip
        quick, module.AT_ONCE = module.AT_ONCE, None
        try:
            patient, wall, used = timed(ask)
        finally:
            module.AT_ONCE = quick
        costs = [f"{one.front[0].cost:,.0f}" for one in (found, patient)]
        print(f"{'':>7} all of them with all effort: {used:6.2f} s CPU, {wall:.2f} s wall; "
              f"cheapest {costs[0]} by bounds, {costs[1]} by effort")  # fmt: skip


if __name__ == "__main__":
    main()
