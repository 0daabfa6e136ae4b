"""What a trend has to see through: outliers, weeks, steps; and what it must not see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.forecast.runway import CONFIDENCE_MIN, Project, Runway, ranked, runway
from planner.forecast.series import Point, Series
from planner.forecast.trace import parse
from planner.forecast.trend import Trend, trend_of

BITBRAINS = Path(__file__).resolve().parents[4] / "shared/data/traces/bitbrains.csv"


def series(values: list[float] | np.ndarray, *, capacity: float | None = None, every: int = 1) -> Series:
    points = tuple(Point(float(day * every), float(value)) for day, value in enumerate(values))
    return Series(
        subject="datastore", name="ds1", resource="storage", unit="GiB", points=points, capacity=capacity
    )


def fitted(values: list[float] | np.ndarray, **more: int) -> Trend:
    found = trend_of(series(values, **more))
    assert found is not None
    return found


def test_one_point_in_five_may_be_wrong() -> None:
    values = 100.0 + 3.0 * np.arange(60)
    values[::5] = 9_999.0
    assert fitted(values).slope_per_day == pytest.approx(3.0, rel=0.02)


def test_the_week_is_seen_and_the_fullest_day_decides() -> None:
    days = np.arange(70)
    weekly = np.array([0.0, 0, 0, 0, 0, 40, 40])
    trend = fitted(1_000.0 + 2.0 * days + weekly[days % 7])
    assert trend.slope_per_day == pytest.approx(2.0, rel=0.01)
    assert max(trend.week) == pytest.approx(40.0, rel=0.02)
    assert trend.at(np.array([0.0]))[0] == pytest.approx(1_000 + 2 * 69 + 40, rel=0.001)


def test_a_step_is_no_growth_and_what_came_before_it_does_not_count() -> None:
    values = np.concatenate([np.full(30, 100.0), np.full(30, 400.0)]) + np.tile([0.0, 1.0, 2.0], 20)
    trend = fitted(values)
    assert (trend.first_day, trend.since_day) == (0.0, 30.0)
    assert trend.slope_per_day == pytest.approx(0.0, abs=0.1)


def test_an_outlier_is_no_step() -> None:
    values = 100.0 + np.tile([0.0, 1.0, 2.0], 20)
    values[30] = 5_000.0
    assert fitted(values).since_day == 0.0


def test_several_measurements_of_a_day_count_by_their_peak() -> None:
    points = tuple(
        Point(day + hour / 24, 50.0 + (hour == 12) * day) for day in range(30) for hour in range(24)
    )
    trend = trend_of(Series(subject="vm", name="a", resource="cpu", unit="MHz", points=points))
    assert trend is not None
    assert (trend.points, round(trend.slope_per_day, 6)) == (30, 1.0)


@given(
    slope=st.floats(-50, 50),
    level=st.floats(1_000, 100_000),
    scale=st.sampled_from([0.5, 2.0, 1_024.0]),
    size=st.integers(8, 80),
)
def test_the_unit_changes_no_forecast(slope: float, level: float, scale: float, size: int) -> None:
    values = level + slope * np.arange(size) + np.tile([0.0, 3.0, -2.0, 1.0], 20)[:size]
    one, other = fitted(values), fitted(scale * values)
    assert other.slope_per_day == pytest.approx(scale * one.slope_per_day, rel=1e-6, abs=1e-6 * scale)
    assert other.since_day == one.since_day


@given(st.permutations(list(range(40))))
def test_the_order_of_the_points_changes_nothing(order: list[int]) -> None:
    straight = series(list(5.0 * np.arange(40) + 7.0), capacity=500.0)
    shuffled = Series(**{**_fields(straight), "points": tuple(straight.points[place] for place in order)})
    one, other = runway(straight, 39.0), runway(shuffled, 39.0)
    assert (one.days, one.earliest, one.latest, one.confidence) == (
        other.days, other.earliest, other.latest, other.confidence
    )  # fmt: skip


def _fields(one: Series) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


# -- the day it is full


def test_little_history_tells_nothing() -> None:
    found = runway(series([100.0 + 9 * day for day in range(7)], capacity=200.0), today=6.0)
    assert (found.verdict, found.days, found.alarm) == ("weak", None, False)
    assert "7 days measured over 6" in str(found.why)


def test_noise_raises_no_alarm() -> None:
    """Whatever confidence noise has, no date is told below one half and nobody is woken below 0.8."""
    verdicts = []
    for seed in range(200):
        chance = np.random.Generator(np.random.PCG64(seed))
        found = runway(series(900.0 + chance.normal(0, 30, 60), capacity=1_050.0), today=59.0)
        verdicts.append(found.verdict)
        assert not found.alarm
        assert found.confidence is None or found.verdict == "weak" or found.confidence >= CONFIDENCE_MIN
    assert verdicts.count("soon") == 0


def test_steady_growth_is_told_with_the_day_the_line_says() -> None:
    missed = 0
    for seed in range(100):
        chance = np.random.Generator(np.random.PCG64(seed))
        found = runway(series(500.0 + 5.0 * np.arange(90) + chance.normal(0, 10, 90), capacity=1_200.0), 89.0)
        assert found.verdict == "soon"
        assert found.days is not None
        assert found.earliest is not None
        assert found.earliest <= found.days
        missed += not (found.earliest <= 51 <= (found.latest or 365))
    assert missed <= 10  # the band is made to hold nine in ten


def test_what_is_full_is_full_whatever_the_trend() -> None:
    found = runway(series([100.0, 99.0, 98.0], capacity=98.0), today=2.0)
    assert (found.verdict, found.days, found.alarm) == ("full", 0, True)


def test_without_a_capacity_there_is_no_day() -> None:
    found = runway(series([float(day) for day in range(60)]), today=59.0)
    assert (found.verdict, found.days) == ("unmeasured", None)


def test_a_planned_project_brings_the_day_nearer_and_one_of_the_past_does_not() -> None:
    grows = series([100.0 + day for day in range(60)], capacity=300.0)
    plain = runway(grows, today=59.0)
    with_project = runway(grows, 59.0, [Project(name="new", at_days=90.0, amount=100.0)])
    past = runway(grows, 59.0, [Project(name="old", at_days=10.0, amount=100.0)])
    assert (plain.days, with_project.days, past.days) == (141, 41, 141)


@given(st.floats(0, 400), st.floats(0, 400))
def test_more_capacity_never_fills_sooner(less: float, more: float) -> None:
    values = [100.0 + 2.0 * day for day in range(60)]
    small, large = sorted((230.0 + less, 230.0 + more))
    days = [runway(series(values, capacity=size), 59.0).days for size in (small, large)]
    assert days[1] is None or (days[0] is not None and days[0] <= days[1])


def test_what_is_full_first_stands_first() -> None:
    def grown(name: str, rate: float) -> Runway:
        one = series([100.0 + rate * day for day in range(60)], capacity=100.0 + rate * 59 + 100)
        return runway(Series(**{**_fields(one), "name": name}), 59.0)

    found = ranked([grown("slow", 1.0), grown("none", 0.0), grown("fast", 5.0)])
    assert [one.series.name for one in found] == ["fast", "slow", "none"]


# -- a real trace


@pytest.mark.skipif(not BITBRAINS.exists(), reason="no real trace beside this checkout: shared/data/traces")
def test_a_real_month_of_one_vm_is_read_whole_and_raises_no_alarm() -> None:
    cpu, memory = parse(BITBRAINS.read_bytes(), BITBRAINS.name)
    assert (len(cpu.points), cpu.capacity, cpu.unit) == (8619, pytest.approx(2599.999), "MHz")
    assert memory.capacity == 2_097_152.0
    for one in (cpu, memory):
        found = runway(one, max(point.at_days for point in one.points))
        assert found.trend is not None
        assert found.trend.points == 31
        assert not found.alarm
