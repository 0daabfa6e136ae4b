"""The pre-copy model against published tables and measured migrations."""

from __future__ import annotations

import csv
import statistics
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operations.migration import (
    Migration,
    MigrationLoad,
    count_lost_pings,
    draw_lost_pings,
    expected_lost_pings,
    predict,
)

MEASURED = Path(__file__).resolve().parents[3] / "shared" / "data" / "migrations" / "qemu_tcg.csv"

# 32 GB, downtime limit 300 ms; rate, dirty rate (MB/s), rounds, pre-copy s, sent GB, stop ms.
TABLE = [
    (117, 20, 4, 330, 38.6, 234),
    (117, 100, 30, 1865, 218, 2463),
    (1170, 100, 2, 29.7, 34.7, 200),
    (1170, 500, 6, 47.5, 55.5, 167),
    (1170, 1000, 29, 186, 218, 288),
    (2900, 500, 3, 13.3, 38.5, 57),
    (2900, 1000, 4, 16.6, 48.2, 156),
]


@pytest.mark.parametrize(("rate", "dirty", "rounds", "seconds", "sent", "stop_ms"), TABLE)
def test_the_worked_table_comes_out(rate, dirty, rounds, seconds, sent, stop_ms) -> None:
    load = MigrationLoad(memory_mib=32_000, dirty_mib_s=dirty, remedy="stop")
    found = predict(load, rate)
    assert found.rounds == rounds
    assert found.precopy_s == pytest.approx(seconds, rel=0.004)
    assert found.downtime_ms == pytest.approx(stop_ms, abs=1)
    assert found.sent_mib / 1000 == pytest.approx(sent, rel=0.011)  # the table leaves the last copy out
    assert found.converged == (stop_ms <= 300)


@pytest.mark.parametrize("dirty", [500, 1000])
def test_a_vm_that_dirties_faster_than_the_link_never_ends(dirty: int) -> None:
    found = predict(MigrationLoad(memory_mib=32_000, dirty_mib_s=dirty), 117)
    assert not found.converged
    assert found.seconds is None
    assert "never ends" in str(found.why)


@pytest.mark.parametrize(("remedy", "limit_ms"), [("sdps", 300), ("auto-converge", 300), ("post-copy", 1)])
def test_a_remedy_makes_it_end(remedy: str, limit_ms: float) -> None:
    load = MigrationLoad(memory_mib=8_000, dirty_mib_s=500, working_set_mib=2_000, remedy=remedy)
    found = predict(load, 117)
    assert found.seconds is not None
    assert found.downtime_ms <= limit_ms


def test_raising_the_limit_pays_with_a_longer_stop() -> None:
    load = MigrationLoad(memory_mib=8_000, dirty_mib_s=500, working_set_mib=2_000, remedy="raise-limit")
    found = predict(load, 117)
    assert found.downtime_ms == pytest.approx(2_000 / 117 * 1000)
    assert not found.converged


def test_post_copy_says_how_long_the_vm_depends_on_both_hosts() -> None:
    load = MigrationLoad(memory_mib=8_000, dirty_mib_s=500, working_set_mib=2_000, remedy="post-copy")
    assert predict(load, 117).risk_s == pytest.approx(2_000 / 117)


def test_a_time_out_gives_up() -> None:
    load = MigrationLoad(memory_mib=8_000, dirty_mib_s=500, remedy="time-out", time_out_s=100)
    found = predict(load, 117)
    assert (found.seconds, found.converged) == (None, False)


def test_the_last_copy_is_not_slowed_by_a_cap_in_software() -> None:
    load = MigrationLoad(memory_mib=300, dirty_mib_s=16, working_set_mib=64)
    capped, free = predict(load, 32), predict(load, 32, link_mib_s=500)
    assert free.downtime_ms < capped.downtime_ms / 10


def test_a_rate_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="above 0"):
        predict(MigrationLoad(memory_mib=1), 0)


def test_pings_are_lost_by_chance_below_a_second_and_surely_above() -> None:
    assert expected_lost_pings(200, 0, 1.0) == 0.2
    assert [count_lost_pings(0, 1.25, 1.0, phase) for phase in (0.0, 0.1, 0.5)] == [2, 2, 1]


def test_drawn_pings_agree_with_their_expectation() -> None:
    chance = np.random.Generator(np.random.PCG64(7))
    found = predict(MigrationLoad(memory_mib=32_000, dirty_mib_s=500), 1170)
    drawn = [draw_lost_pings(found, 0.0, 1.0, chance) for _ in range(20_000)]
    assert statistics.mean(drawn) == pytest.approx(found.lost_pings, abs=0.01)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(
    st.floats(1, 1e6), st.floats(0, 1e4), st.floats(1, 1e5), st.floats(1, 5000),
    st.sampled_from(["none", "sdps", "auto-converge", "post-copy", "raise-limit", "stop", "time-out"]),
)  # fmt: skip
def test_whatever_is_asked_it_ends_and_adds_up(memory, dirty, rate, limit_ms, remedy) -> None:
    load = MigrationLoad(memory_mib=memory, dirty_mib_s=dirty, downtime_limit_ms=limit_ms, remedy=remedy)
    found = predict(load, rate)
    if found.seconds is None:
        assert not found.converged
        return
    assert found.sent_mib >= memory * 0.999
    assert found.seconds >= memory / rate * 0.999
    assert found.downtime_ms >= 0


def measured() -> list[dict[str, str]]:
    if not MEASURED.exists():
        pytest.skip(f"the measured migrations are missing: {MEASURED}")
    with MEASURED.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row["mode"] == "pre-copy" and row["ok"] == "1"]


def modelled(row: dict[str, str]) -> Migration:
    """Rates and memory as fitted there: 112 MiB/s on 1 Gbit/s, 280 by the CPU, 500 to stop."""
    filled, cap = float(row["filled_mib"]), float(row["bandwidth_cap_mib_s"] or 0)
    on_gbit = row["link_shaping"] == "1gbit"
    load = MigrationLoad(
        memory_mib={0: 62.5, 128: 183.2, 384: 444.0}.get(filled, 58 + filled),
        dirty_mib_s=float(row["dirty_rate_mib_s"]),
        working_set_mib=float(row["working_set_mib"]),
        downtime_limit_ms=float(row["downtime_limit_ms"]),
        setup_s=0.57,
        device_ms=20,
    )
    return predict(load, cap or (112 if on_gbit else 280), link_mib_s=112 if on_gbit else 500)


def test_measured_migrations_are_predicted_within_a_tenth_on_average() -> None:
    rows = measured()
    found = [modelled(row) for row in rows]
    off = [
        abs(one.seconds * 1000 - float(row["total_ms"])) / float(row["total_ms"])
        for one, row in zip(found, rows, strict=True)
    ]
    stops = [abs(one.downtime_ms - float(row["downtime_ms"])) for one, row in zip(found, rows, strict=True)]
    sent = [
        abs(one.sent_mib - float(row["transferred_mib"])) / float(row["transferred_mib"])
        for one, row in zip(found, rows, strict=True)
    ]
    assert statistics.mean(off) < 0.07
    assert sum(each <= 0.2 for each in off) >= 0.9 * len(off)
    assert statistics.mean(stops) < 60
    assert statistics.mean(sent) < 0.03
