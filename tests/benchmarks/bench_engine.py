"""How fast the engine rehearses HA on one core, beside SimPy's bare events; and fire drills.

    python tests/benchmarks/bench_engine.py [--hosts 250] [--vms 10000] [--rounds 3]

Seconds are of CPU, so that a busy machine does not matter.  Prints speeds and ratios, asserts none.
SimPy is a yardstick only: without it, ours stand alone.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from operations.drills import drill
from operations.drivers.simulated import SimulatedDriver
from operations.engine import run
from operations.instruction import Instruction
from operations.opening import fork, open_state
from operations.policy import policies_of
from planner.estate import VM, Datastore, Estate, Host

GIB = 1024
SIZES_GIB = (2, 4, 8, 16)
PRIORITIES = ("high", "medium", "low")


def estate_of(hosts: int, vms: int) -> Estate:
    """Equal hosts with room to spare, VMs of four sizes and three priorities."""
    return Estate(
        hosts=tuple(
            Host(name=f"esx{i:04}", sockets=2, cores=64, cpu_mhz=2500.0, memory_mib=512 * GIB)
            for i in range(hosts)
        ),
        vms=tuple(
            VM(
                name=f"vm{i:06}",
                host=f"esx{i % hosts:04}",
                power="on",
                vcpus=2,
                memory_mib=SIZES_GIB[i // hosts % 4] * GIB,
                disk_mib=40 * GIB,
                datastores=("san",),
                restart_priority=PRIORITIES[i % 3],
            )
            for i in range(vms)
        ),
        datastores=(Datastore(name="san", capacity_mib=10**9, used_mib=0),),
    ).sorted()


def rehearsal(hosts: int, vms: int) -> tuple[int, int, float]:
    """Fail every host once, ten at a time, each repaired before the next ten; events, restarts, seconds."""
    policies = policies_of("vsphere")
    opening = open_state(estate_of(hosts, vms), policies)
    names = list(opening.hosts)
    script = []
    for wave, first in enumerate(range(0, hosts, 10)):
        for name in names[first : first + 10]:
            script.append(Instruction(wave * 600.0, "fail", (name,)))
            script.append(Instruction(wave * 600.0 + 400.0, "repair", (name,)))
    script.sort(key=lambda instruction: instruction.at_s)
    state = fork(opening)
    driver = SimulatedDriver(state, policies, script)
    gc.collect()
    began = time.process_time()
    events = ups = 0
    for event in run(state, policies, driver):
        events += 1
        ups += event.kind == "vm-up"
    seconds = time.process_time() - began
    assert all(vm.phase == "running" for vm in state.vms.values())
    return events, ups, seconds


def simpy_events(count: int) -> tuple[int, float] | None:
    """Bare timeouts of SimPy: processes that do nothing but wait."""
    try:
        import simpy
    except ImportError:
        return None
    environment = simpy.Environment()

    def waits(rounds: int):
        for _ in range(rounds):
            yield environment.timeout(1.0)

    for _ in range(1000):
        environment.process(waits(count // 1000))
    gc.collect()
    began = time.process_time()
    environment.run()
    return count, time.process_time() - began


def timed(what: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time()
    what()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=250)
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()

    ours, theirs = [], []
    for _ in range(asked.rounds):
        events, ups, seconds = rehearsal(asked.hosts, asked.vms)
        ours.append(events / seconds)
        print(
            f"rehearsal: {asked.hosts} hosts, {asked.vms} VMs: {events} events, {ups} restarts, "
            f"{seconds:.2f} s, "
            f"{events / seconds:,.0f} events/s"
        )
        bare = simpy_events(300_000)
        if bare is not None:
            theirs.append(bare[0] / bare[1])
            print(f"SimPy: {bare[0]} bare events, {bare[1]:.2f} s, {bare[0] / bare[1]:,.0f} events/s")
    print(f"median: {statistics.median(ours):,.0f} events/s (goal 200,000)")
    if theirs:
        ratio = statistics.median(ours) / statistics.median(theirs)
        print(f"ratio to SimPy's bare events, which decide nothing: {ratio:.2f}")
    else:
        print("SimPy is not installed: ours stand alone")

    estate = estate_of(100, 2000)
    policies = policies_of("vsphere")
    each = timed(lambda: drill(estate, policies))
    print(f"drill: each of 100 hosts with 20 VMs: {each:.2f} s")
    pairs = timed(lambda: drill(estate, policies, "pairs"))
    print(f"drill: every pair of them (4,950): {pairs:.2f} s")


if __name__ == "__main__":
    main()
