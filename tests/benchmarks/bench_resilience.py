"""Losses, repair and balance beside Ganeti's htools, on the same clusters in the same run.

    pytest -s -o python_files='bench_*.py' tests/benchmarks/bench_resilience.py [--hbal-40]

Seconds are of the CPU, so that a busy machine matters less; machine code is warm, as in a worker.  Prints
figures and ratios, asserts only that the answers are right.  hbal needs minutes for 40 nodes x 20: without
HEADROOM_HBAL_40=1 the figure measured once, on the same generated cluster, is printed with its date.
"""

from __future__ import annotations

import os
import re
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from planner.checker import check
from planner.estate import VM, Estate, Host
from planner.kernels import failing
from planner.patterns.standing import Standing, repair
from planner.resilience.balance import BalancePolicy, balance
from planner.resilience.failures import failures
from planner.resilience.ground import grounds
from planner.resilience.levelling import level
from planner.warming import warm
from tests.planner.btrplace import BTRPLACE, needs_btrplace, read
from tests.planner.ganeti import Ganeti, generated, htool, needs_htools
from tests.planner.resilience.test_second_opinions import hbal_loads

# hbal 3.0.2 on 2 shared cores at 2.8 GHz, 2026-11-24, `generated(40, 800, default_rng(40), skew=2.0)`.
HBAL_40 = {"before": 23.86938300, "after": 2.92108597, "moves": 186, "seconds": 134.4, "on": "2026-11-24"}


@pytest.fixture(scope="module", autouse=True)
def warmed() -> None:
    warm()


def cpu(what: Callable[[], object], rounds: int = 3) -> tuple[object, float]:
    """The answer and the least CPU seconds of a few rounds."""
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        answer = what()
        seconds.append(time.process_time() - began)
    return answer, min(seconds)


def cpu_of_child(*arguments: object) -> tuple[str, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = htool(*map(str, arguments)).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return said, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@needs_btrplace
@pytest.mark.parametrize("name", ["li3", "nr-r4-c33"])
def test_repair_of_btrplaces_instances(name: str) -> None:
    began = time.process_time()
    instance = read(BTRPLACE / f"{name}.json.gz")
    standing = instance.standing()
    loading = time.process_time() - began
    found, seconds = cpu(lambda: repair(standing, instance.where))
    placed = {f"vm{vm}": f"host{host}" for vm, host in enumerate(found.where.tolist())}
    wrong = check(placed, instance.load(), instance.offered(), instance.rules())
    assert not wrong
    moved = int((found.where != instance.where).sum())
    print(
        f"\nrepair {name}: {len(instance.capacity)} hosts, {len(instance.need)} VMs, "
        f"{len(instance.offline)} hosts lost: {seconds * 1000:.1f} ms, {moved} moves or starts, "
        f"0 violations by the checker (loading {loading:.1f} s); BtrPlace publishes 180 s on older hardware "
        f"(hal-00916311): ratio {180 / seconds:,.0f}"
    )


def full_cluster(hosts: int, vms: int, fill: float, seed: int) -> tuple[Standing, np.ndarray]:
    """VMs of 4 sizes dealt to equal hosts, which they fill to `fill` in memory and in vCPUs on average."""
    chance = np.random.default_rng(seed)
    need = np.column_stack((chance.choice([2, 4, 8, 16], vms) * 1024, chance.integers(1, 9, vms)))
    where = np.empty(vms, np.int64)
    capacity = np.ceil(need.sum(axis=0) / hosts / fill).astype(np.int64)
    room = np.tile(capacity, (hosts, 1))
    for vm in np.argsort(-need[:, 0], kind="stable"):
        able = np.flatnonzero((room >= need[vm]).all(axis=1))
        where[vm] = able[(room[able] / capacity).min(axis=1).argmax()]
        room[where[vm]] -= need[vm]
    return Standing.of(need, np.tile(capacity, (hosts, 1))), where


def lose_all(standing: Standing, where: np.ndarray, pairs: bool) -> tuple[np.ndarray, np.ndarray]:
    hosts, rank = len(standing.capacity), standing.rank()
    order = np.lexsort((rank, where)).astype(np.int64)
    start = np.searchsorted(where[order], np.arange(hosts + 1)).astype(np.int64)
    _, lost, proven = failing.lose_units(
        standing.need, start, order, rank, np.arange(hosts, dtype=np.int64), standing.room(where),
        standing.permit, standing.permitted, standing.apart_start, standing.apart_group,
        standing.present(where), pairs, 20_000_000,
    )  # fmt: skip
    return lost, proven


@pytest.mark.parametrize("fill", [0.6, 0.9, 0.97])
def test_every_single_and_double_failure(fill: float) -> None:
    standing, where = full_cluster(1000, 20_000, fill, 1)
    (lost, proven), seconds = cpu(lambda: lose_all(standing, where, pairs=True))
    upper = np.triu_indices(1000)
    print(
        f"\nfailures: 1,000 hosts x 20,000 VMs, {fill:.0%} full: 1,000 single and 499,500 double losses in "
        f"{seconds:.2f} s; {int((lost[upper] > 0).sum()):,} lose VMs, "
        f"{int((~proven[upper]).sum()):,} not settled"
    )


@needs_htools
def test_singles_beside_hcheck(tmp_path: Path) -> None:
    cluster = generated(40, 800, np.random.default_rng(40), fill=0.6)
    path = tmp_path / "cluster.data"
    path.write_text(cluster.text())
    _, theirs = cpu_of_child("hcheck", "-t", path, "--no-simulation", "--machine-readable")
    standing, where = cluster.standing(), cluster.where
    _, singles = cpu(lambda: lose_all(standing, where, pairs=False))
    _, doubles = cpu(lambda: lose_all(standing, where, pairs=True))
    print(
        f"\nfailures of 40 hosts x 800 VMs: hcheck (singles, and the score) {theirs:.2f} s, "
        f"ours {singles * 1000:.2f} ms singles, {doubles * 1000:.2f} ms with doubles: "
        f"ratio {theirs / singles:,.0f}"
    )


def hbal(cluster: Ganeti, folder: Path) -> dict[str, float]:
    (folder / "c.data").write_text(cluster.text())
    (folder / "c.load").write_text(cluster.load_text())
    said, seconds = cpu_of_child("hbal", "-t", folder / "c.data", "-U", folder / "c.load")
    before, after = map(float, re.search(r"improved from ([\d.]+) to ([\d.]+)", said).groups())
    return {
        "before": before,
        "after": after,
        "moves": int(re.search(r"Solution length=(\d+)", said).group(1)),
        "seconds": seconds,
    }


@needs_htools
@pytest.mark.parametrize("hosts", [10, 40])
def test_balance_by_hbals_own_score(hosts: int, tmp_path: Path) -> None:
    cluster = generated(hosts, hosts * 20, np.random.default_rng(hosts), skew=2.0)
    loads, standing = hbal_loads(cluster), cluster.standing()
    free = np.ones(len(cluster.instances), bool)
    is_live = hosts == 10 or os.environ.get("HEADROOM_HBAL_40") == "1"
    peer = hbal(cluster, tmp_path) if is_live else HBAL_40
    single, quick = cpu(
        lambda: level(standing, cluster.where, loads, movable=free, most=10_000, look_ahead=False)
    )
    ahead, slow = cpu(lambda: level(standing, cluster.where, loads, movable=free, most=int(peer["moves"])))
    when = "in this run" if is_live else f"measured on {peer['on']}"
    assert single.before == pytest.approx(peer["before"], abs=1e-5)
    print(
        f"\nbalance {hosts} x 20: hbal ({when}) {peer['before']:.4f} -> {peer['after']:.4f}, "
        f"{peer['moves']} moves, {peer['seconds']:.1f} s"
        f"\n  ours, single moves: {single.scores[-1]:.4f}, {len(single.moves)} moves, {quick * 1000:.1f} ms: "
        f"ratio {peer['seconds'] / quick:,.0f}"
        f"\n  ours, looking ahead: {ahead.scores[-1]:.4f}, {len(ahead.moves)} moves, {slow:.2f} s: "
        f"ratio {peer['seconds'] / slow:,.0f}"
    )


def test_balance_of_a_thousand_hosts_by_hbals_score() -> None:
    cluster = generated(1000, 20_000, np.random.default_rng(1000), skew=2.0)
    loads, standing = hbal_loads(cluster), cluster.standing()
    free = np.ones(len(cluster.instances), bool)
    found, seconds = cpu(lambda: level(standing, cluster.where, loads, movable=free, most=6000), rounds=1)
    print(
        f"\nbalance 1,000 x 20 by hbal's score (hbal: no move at 400 hosts in 268 s CPU): "
        f"{found.before:.2f} -> {found.scores[-1]:.3f} "
        f"= {found.scores[-1] / found.before:.1%} in {len(found.moves)} moves, {seconds:.1f} s"
    )
    print_curve(found.before, found.scores)


def test_balance_of_an_estate_of_a_thousand_hosts() -> None:
    cluster = generated(1000, 20_000, np.random.default_rng(7), skew=2.0)
    total, cpus = cluster.nodes[0].total_mib, cluster.nodes[0].cpus
    estate = Estate(
        hosts=tuple(
            Host(name=node.name, sockets=2, cores=cpus + 2, cpu_mhz=2500, memory_mib=int(total * 1.06) + 8192)
            for node in cluster.nodes
        ),
        vms=tuple(
            VM(
                name=one.name, host=one.primary, power="on", vcpus=one.vcpus, memory_mib=one.memory_mib,
                disk_mib=0, cpu_demand_mhz=1000 * one.loads[0],
            )
            for one in cluster.instances
        ),
    ).sorted()  # fmt: skip
    (ground,), building = cpu(lambda: grounds(estate, vcpu_per_core=4.0), rounds=1)
    found, seconds = cpu(lambda: balance(ground, BalancePolicy(max_moves=6000)), rounds=1)
    lost, losing = cpu(lambda: failures(ground, double=True), rounds=1)
    scores = np.array([move.score_after for move in found.moves])
    print(
        f"\nestate of 1,000 hosts, 20,000 VMs (arrays {building:.2f} s): score {found.score_before:.2f} -> "
        f"{found.score_after:.3f} = {found.score_after / found.score_before:.1%} in "
        f"{len(found.moves)} moves, "
        f"{seconds:.1f} s; all single and double losses with names and reasons {losing:.1f} s "
        f"({lost.survived} singles survived)"
    )
    print_curve(found.score_before, scores)


def print_curve(before: float, scores: np.ndarray) -> None:
    """The score against the number of moves: one may stop anywhere."""
    marks = [number for number in (250, 500, 1000, 2000, 3000, 4000, 5000, 6000) if number <= len(scores)]
    print("  " + ", ".join(f"{number}: {scores[number - 1] / before:.1%}" for number in marks))
