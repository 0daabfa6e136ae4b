"""The migration model fitted to measured migrations, and its error on cases it has not seen."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from operations.fitting import Fit, Measured, error_of, fitted, held_out, predicted
from tests.planner.small import SHARED

MEASURED = SHARED / "migrations" / "qemu_tcg.csv"
needs_measured = pytest.mark.skipif(not MEASURED.exists(), reason=f"{MEASURED} is not there")
START = Fit(
    setup_s=0.5, guest_mib=60.0, cap_share=1.0, stop_mib_s=500.0, links_mib_s={"1gbit": 112.0, "none": 280.0}
)


def measured() -> list[Measured]:
    with MEASURED.open() as file:
        rows = [row for row in csv.DictReader(file) if row["ok"] == "1" and row["mode"] == "pre-copy"]
    return [
        Measured(
            case=row["case"],
            filled_mib=float(row["filled_mib"]),
            dirty_mib_s=float(row["dirty_rate_mib_s"]),
            working_set_mib=float(row["working_set_mib"]),
            cap_mib_s=float(row["bandwidth_cap_mib_s"]) if row["bandwidth_cap_mib_s"] else None,
            link=row["link_shaping"] or "none",
            downtime_limit_ms=float(row["downtime_limit_ms"]),
            total_s=float(row["total_ms"]) / 1000,
            downtime_ms=float(row["downtime_ms"]),
        )
        for row in rows
    ]


def invented(fit: Fit, case: str, filled: float, cap: float | None, link: str = "none") -> Measured:
    one = Measured(
        case=case, filled_mib=filled, dirty_mib_s=8.0, working_set_mib=32.0, cap_mib_s=cap, link=link,
        downtime_limit_ms=300.0, total_s=1.0, downtime_ms=1.0,
    )  # fmt: skip
    found = predicted(fit, one)
    assert found.seconds is not None
    return Measured(
        **{name: getattr(one, name) for name in one.__struct_fields__} | {"total_s": found.seconds}
    )


def test_parameters_that_made_the_measurements_are_found_again() -> None:
    truth = Fit(
        setup_s=0.8,
        guest_mib=80.0,
        cap_share=0.9,
        stop_mib_s=500.0,
        links_mib_s={"1gbit": 100.0, "none": 250.0},
    )
    shapes = [
        *(("a", 0.0, 32.0, "none"), ("b", 512.0, 32.0, "none"), ("c", 256.0, 64.0, "none")),
        *(("d", 900.0, None, "none"), ("e", 300.0, None, "1gbit"), ("f", 900.0, None, "1gbit")),
    ]
    made = [invented(truth, *shape) for shape in shapes]
    found = fitted(made, START)
    assert max(error_of(found, one) for one in made) < 0.03
    assert max(error_of(START, one) for one in made) > 0.08


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        fitted([], START)


@needs_measured
def test_the_fit_explains_what_was_measured_and_tells_its_error_on_the_rest() -> None:
    rows = measured()
    assert len(rows) == 22
    fit = fitted(rows, START)
    errors = [error_of(fit, one) for one in rows]
    unseen = held_out(rows, START)
    print(
        f"\nfit {fit}\nseen: median {np.median(errors):.1%}, 95th percentile {np.quantile(errors, 0.95):.1%}"
    )
    print(f"unseen: {unseen}")
    assert np.median(errors) <= 0.03
    assert unseen.median <= 0.05
    assert unseen.p95 <= 0.20
    assert unseen.downtime_held >= 0.90
    assert unseen.downtime_low <= 1 <= unseen.downtime_high
