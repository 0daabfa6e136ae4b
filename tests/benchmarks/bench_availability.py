"""How fast clusters are played, beside the same model in numpy and in SimPy; how sure nine nines are."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import simpy
from msgspec.structs import replace

from planner.availability import closed
from planner.availability.report import examine_availability, examine_services
from planner.availability.simulated import Cluster, play, rare
from planner.service import Service, Tier
from tests.planner.paths.wired import reference

HOSTS, MTBF_H, MTTR_H = 16, 10_000.0, 8.0
SCALE = MTBF_H / 0.9027452929509336  # Weibull of shape 1.5 with this mean


def numpy_years(years: int, chance: np.random.Generator) -> tuple[float, int]:
    """The same hosts by whole arrays: lives and repairs summed up, then sorted together."""
    span = years * 8760.0
    count = int(span / MTBF_H * 1.2) + 50
    lives = SCALE * chance.weibull(1.5, (HOSTS, count))
    repairs = chance.lognormal(np.log(MTTR_H) - 0.5, 1.0, (HOSTS, count))
    ends = np.cumsum(lives + repairs, axis=1)
    begins = ends - repairs
    at = np.concatenate([begins.ravel(), ends.ravel()])
    step = np.concatenate([np.ones(begins.size), -np.ones(ends.size)])
    order = np.argsort(at)
    at, failed = at[order], np.cumsum(step[order])
    inside = at < span
    lengths = np.diff(np.append(at[inside], span))
    return float(lengths[failed[inside] > 1].sum() / span), int((begins < span).sum())


def simpy_years(years: int, vms: int, chance: np.random.Generator) -> tuple[float, int]:
    """The same hosts as SimPy processes; each failure restarts so many VMs, one draw each."""
    env = simpy.Environment()
    told = {"failed": 0, "since": 0.0, "short": 0.0, "failures": 0, "lost": 0.0}

    def changed(by: int) -> None:
        if told["failed"] > 1:
            told["short"] += env.now - told["since"]
        told["failed"] += by
        told["since"] = env.now

    def host() -> Iterator[simpy.Event]:
        while True:
            yield env.timeout(SCALE * chance.weibull(1.5))
            changed(1)
            told["failures"] += 1
            for vm in range(vms):
                told["lost"] += 30 + vm // 32 * 2 + chance.lognormal(np.log(60) - 0.125, 0.5)
            yield env.timeout(chance.lognormal(np.log(MTTR_H) - 0.5, 1.0))
            changed(-1)

    for _ in range(HOSTS):
        env.process(host())
    env.run(until=years * 8760.0)
    return told["short"] / (years * 8760.0), int(told["failures"])


def timed(call) -> tuple[object, float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    answer = call()
    return answer, time.perf_counter() - began, time.process_time() - cpu


def test_a_million_cluster_years(capsys) -> None:
    chance = np.random.default_rng(1)
    exact = closed.unavailable_with_crews(15, HOSTS, MTBF_H, MTTR_H, HOSTS)
    bare = Cluster(hosts=HOSTS, tolerated=1, mtbf_h=MTBF_H, mttr_h=MTTR_H, life_shape=1.5, repair_sigma=1.0)
    play(bare, 10, chance)
    lines = []
    played, wall, cpu = timed(lambda: play(bare, 1e6, chance, threads=2))
    off = (played.short.value - exact) / played.short.error
    lines.append(
        f"hosts, Weibull and lognormal: 1,000,000 years in {wall:.2f} s ({cpu:.2f} s CPU), {off:+.1f} s.e."
    )
    peer, _, peer_cpu = timed(lambda: sum(numpy_years(5000, chance)[1] for _ in range(10)))
    ratio = (peer_cpu / 50_000) / (cpu / 1e6)
    lines.append(f"numpy, as many: {peer_cpu / 50_000 * 1e6:.1f} s CPU, {ratio:.0f} x ({peer} failures)")
    peer, _, peer_cpu = timed(lambda: simpy_years(2000, 0, chance)[1])
    ratio = (peer_cpu / 2000) / (cpu / 1e6)
    lines.append(f"SimPy, as many: {peer_cpu / 2000 * 1e6:.0f} s CPU, {ratio:.0f} x ({peer} failures)")
    whole = Cluster(
        hosts=HOSTS, tolerated=1, mtbf_h=MTBF_H, mttr_h=MTTR_H, life_shape=1.5, repair_sigma=1.0,
        vms_per_host=20, restart_s=30, turn_s=2, boot_s=60,
    )  # fmt: skip
    _, wall, cpu = timed(lambda: play(whole, 2e5, chance, threads=2))
    lines.append(
        f"with every VM's restart: {cpu * 5:.1f} s CPU on 2 threads, {cpu * 5 / 2:.1f} s on 2 quiet cores "
        f"({wall * 5:.1f} s on this load)"
    )
    peer, _, peer_cpu = timed(lambda: simpy_years(1000, 20, chance)[1])
    ratio = (peer_cpu / 1000) / (cpu / 2e5)
    lines.append(f"SimPy, as many: {peer_cpu / 1000 * 1e6:.0f} s CPU, {ratio:.0f} x ({peer} failures)")
    nine = Cluster(hosts=HOSTS, tolerated=3, mtbf_h=8760.0, mttr_h=MTTR_H)
    rare(nine, 10, chance)
    found, wall, cpu = timed(lambda: rare(nine, 1_000_000, chance))
    exact = closed.unavailable_with_crews(13, HOSTS, 8760.0, MTTR_H, HOSTS)
    lines.append(
        f"nine nines: {found.value:.3e} of {exact:.3e}, to {found.error / found.value:.2%}, {cpu:.2f} s CPU"
    )
    chance = np.random.default_rng(2)
    estate = reference(hosts=16, vms=320)
    parts, _, cpu = timed(
        lambda: examine_availability(estate, {"prod": 1}, chance, years=10_000)[0].parts_played
    )
    lines.append(
        f"every component of 16 hosts: {parts.failures} failures in 10,000 years, {cpu:.2f} s CPU in all"
    )
    shops = tuple(
        Service(
            name=f"shop{n}",
            tiers=(
                Tier(name="web", vms=tuple(f"vm{6 * n + k}" for k in range(3)), needed=2),
                Tier(name="app", vms=(f"vm{6 * n + 3}", f"vm{6 * n + 4}"), needed=1),
                Tier(name="db", vms=(f"vm{6 * n + 5}",)),
            ),
        )
        for n in range(10)
    )
    served = replace(estate, services=shops)
    found, _, cpu = timed(lambda: examine_services(served, {"prod": 1}))
    left = max(one.left_out for one in found)
    lines.append(f"10 services of 6 VMs on 16 hosts, exact: {cpu:.2f} s CPU, {left:.1e} minutes left out")
    with capsys.disabled():
        print("\n" + "\n".join(lines))
