"""Closed forms against published numbers, and simulation against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from planner.availability import closed
from planner.availability.simulated import Cluster, Estimate, play, rare

HOST = closed.steady(10_000, 8)
INDEPENDENT = {
    (2, 3): 0.9999980840898638,
    (3, 4): 0.9999961702215955,
    (7, 8): 0.9999821657585564,
    (15, 16): 0.9999238925750624,
    (14, 16): 0.9999997161877695,
}
ONE_CREW = {
    (2, 3): 0.9999961661439883,
    (3, 4): 0.9999923322977989,
    (7, 8): 0.9999642175737149,
    (15, 16): 0.999846648338064,
    (14, 16): 0.9999982838487125,
}


def chance(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.mark.parametrize(("which", "expected"), INDEPENDENT.items())
def test_k_of_n_with_independent_repair_is_exact(which: tuple[int, int], expected: float) -> None:
    assert abs(closed.k_of_n(*which, HOST) - expected) < 1e-12
    assert abs(closed.with_crews(*which, 10_000, 8, which[1]) - expected) < 1e-12


@pytest.mark.parametrize(("which", "expected"), ONE_CREW.items())
def test_one_repair_crew_is_exact(which: tuple[int, int], expected: float) -> None:
    assert abs(closed.with_crews(*which, 10_000, 8, 1) - expected) < 1e-12
    assert abs(closed.unavailable_with_crews(*which, 10_000, 8, 1) - (1 - expected)) < 1e-12


def test_restart_and_fault_tolerance() -> None:
    assert [round(closed.restart_seconds(10_000, s), 1) for s in (123, 180, 240)] == [107.7, 157.7, 210.2]
    assert closed.both_lost_a_year(10_000, 0.25) == pytest.approx(4.38e-5, rel=1e-12)


def test_more_crews_more_parts_and_less_common_cause_never_lower_availability() -> None:
    for n in range(2, 12):
        crews = [closed.with_crews(n - 1, n, 1000, 30, count) for count in range(1, n + 1)]
        assert crews == sorted(crews)
        spare = [closed.k_of_n(n, total, 0.99) for total in range(n, n + 4)]
        assert spare == sorted(spare)
        beta = [closed.with_common_cause(n - 1, n, 1000, 8, share / 10) for share in range(11)]
        assert beta == sorted(beta, reverse=True)


@pytest.mark.parametrize(("mtbf", "mttr", "crews"), [(0, 8, 1), (10, -1, 1), (10, 1, 0)])
def test_times_and_crews_out_of_bounds_are_refused(mtbf: float, mttr: float, crews: int) -> None:
    with pytest.raises(ValueError, match="takes a crew"):
        closed.states(3, mtbf, mttr, crews)


def agrees(estimate: Estimate, exact: float) -> None:
    assert estimate.error > 0
    assert abs(estimate.value - exact) <= 3 * estimate.error, (estimate, exact)


@pytest.mark.parametrize("crews", [1, 2, 16])
def test_played_hosts_agree_with_the_closed_form(crews: int) -> None:
    cluster = Cluster(hosts=16, tolerated=1, mtbf_h=10_000, mttr_h=8, crews=crews)
    played = play(cluster, 30_000, chance(), threads=2)
    agrees(played.short, closed.unavailable_with_crews(15, 16, 10_000, 8, crews))
    assert played.failures == pytest.approx(30_000 * 16 * 8760 / 10_008, rel=0.01)


@pytest.mark.parametrize(("shape", "sigma"), [(1.5, 1.0), (0.7, 0.5), (3.0, None)])
def test_independent_repair_depends_on_means_alone(shape: float, sigma: float | None) -> None:
    cluster = Cluster(hosts=4, tolerated=1, mtbf_h=500, mttr_h=24, life_shape=shape, repair_sigma=sigma)
    agrees(play(cluster, 20_000, chance(3)).short, closed.unavailable_with_crews(3, 4, 500, 24, 4))


def test_restarts_cost_what_the_closed_form_says() -> None:
    cluster = Cluster(
        hosts=4,
        tolerated=3,
        mtbf_h=10_000,
        mttr_h=8,
        vms_per_host=1,
        restart_s=30,
        boot_s=150,
        boot_sigma=0.4,
    )
    seconds = closed.restart_seconds(10_008, 180)
    agrees(play(cluster, 50_000, chance(5)).vm_restarts, seconds / 3600 / closed.HOURS_A_YEAR)


@pytest.mark.parametrize(
    ("hosts", "tolerated", "mtbf", "crews"), [(16, 3, 8760, 16), (16, 2, 10_000, 1), (64, 4, 8760, 64)]
)
def test_rare_states_are_found_by_importance_sampling(
    hosts: int, tolerated: int, mtbf: float, crews: int
) -> None:
    cluster = Cluster(hosts=hosts, tolerated=tolerated, mtbf_h=mtbf, mttr_h=8, crews=crews)
    exact = closed.unavailable_with_crews(hosts - tolerated, hosts, mtbf, 8, crews)
    found = rare(cluster, 200_000, chance(2))
    agrees(found, exact)
    assert found.error < 0.02 * exact


def test_the_published_nine_nines() -> None:
    assert closed.unavailable_with_crews(13, 16, 8760, 8, 16) == pytest.approx(1.2503e-9, rel=1e-4)


def test_the_same_seed_gives_the_same_answer_and_another_another() -> None:
    cluster = Cluster(hosts=4, tolerated=1, mtbf_h=1000, mttr_h=8, vms_per_host=3, restart_s=30, boot_s=60)
    first, again, other = (play(cluster, 500, chance(seed), threads=2) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_quantiles_rise_and_failures_show_in_them() -> None:
    cluster = Cluster(hosts=4, tolerated=3, mtbf_h=1000, mttr_h=8, vms_per_host=4, restart_s=60, boot_s=60)
    told = play(cluster, 2000, chance()).minutes_quantiles
    assert 0 < told["p50"] <= told["p95"] <= told["p99"]
    mean = closed.restart_seconds(1000, 120) / 60
    assert told["p50"] == pytest.approx(mean, rel=0.4)


@pytest.mark.parametrize(
    ("given", "years"),
    [
        ({"hosts": 0}, 1),
        ({"mtbf_h": 0}, 1),
        ({"tolerated": 4}, 1),
        ({"tolerated": -1}, 1),
        ({}, 0),
        ({}, math.inf),
        ({"life_shape": -1.0}, 1),
    ],
)
def test_what_cannot_be_played_is_refused(given: dict[str, float], years: float) -> None:
    usual = {"hosts": 4, "tolerated": 1, "mtbf_h": 1000.0, "mttr_h": 8.0}
    with pytest.raises(ValueError, match=r"cluster|times"):
        play(Cluster(**{**usual, **given}), years, chance())  # type: ignore[arg-type]
