"""The migration model's parameters of one cluster, fitted to migrations that were measured there.

What a model cannot know beforehand: how long a migration takes to begin, what a guest's own memory adds
to what was filled, how much of its cap a stream really gets, and what each kind of link carries.  They are
found by going down along one parameter at a time; the error told is that of migrations the fit has not seen.

Docs: docs/formulas/migration.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from operations.migration import Migration, MigrationLoad, predict

# Above this an error counts no more: one migration on a busy machine must not bend the fit for all others.
ERROR_CAP: Final = 0.20
STEP_LEAST: Final = 1 / 64  # of the first step
ROUNDS_MOST: Final = 200
FIRST_STEP: Final = 0.15  # of each parameter
DEVICE_MS: Final = 20.0  # operations.timings: migration_device_ms
GUEST_WORKING_SET_MIB: Final = 4.0  # of a guest's own system, at 1 MiB/s: measured on idle guests
GUEST_DIRTY_MIB_S: Final = 1.0
HELD: Final = 0.90  # of measured stops lie in the interval


class Measured(Struct, frozen=True, kw_only=True):
    """One migration that was measured; `cap_mib_s` None: no software limit, `link` names what carried it."""

    case: str
    filled_mib: float
    dirty_mib_s: float
    working_set_mib: float
    cap_mib_s: float | None
    link: str
    downtime_limit_ms: float
    total_s: float
    downtime_ms: float


class Fit(Struct, frozen=True, kw_only=True):
    """What was found.  `cap_share`: what of a software cap is reached; `stop_mib_s`: for the last copy."""

    setup_s: float
    guest_mib: float
    cap_share: float
    stop_mib_s: float
    links_mib_s: dict[str, float]


class FitError(Struct, frozen=True, kw_only=True):
    """How far off the total time is, as shares of the measured; and the factors that hold most stops."""

    median: float
    p95: float
    worst_case: str
    worst: float
    downtime_low: float
    downtime_high: float
    downtime_held: float


def predicted(fit: Fit, one: Measured) -> Migration:
    """Say what the model with these parameters gives for a migration."""
    rate = fit.links_mib_s[one.link] if one.cap_mib_s is None else one.cap_mib_s * fit.cap_share
    load = MigrationLoad(
        memory_mib=fit.guest_mib + one.filled_mib,
        dirty_mib_s=one.dirty_mib_s + GUEST_DIRTY_MIB_S,
        working_set_mib=one.working_set_mib + GUEST_WORKING_SET_MIB,
        downtime_limit_ms=one.downtime_limit_ms,
        setup_s=fit.setup_s,
        device_ms=DEVICE_MS,
        cap_mib_s=one.cap_mib_s,
    )
    return predict(load, rate, link_mib_s=fit.stop_mib_s if one.cap_mib_s is not None else rate)


def fitted(measured: Sequence[Measured], start: Fit) -> Fit:
    """Find the parameters that are least wrong about the total time; what the last copy gets stays.

    Args:
        measured: what ended; a link that none of them used keeps its value.
        start: where to begin, such as the defaults of a product.

    Raises:
        ValueError: nothing was measured.
    """
    if not measured:
        raise ValueError("nothing was measured")
    best = _numbers(start)
    names = sorted(start.links_mib_s)
    wrong, share = _wrong(best, names, start, measured), 1.0
    for _ in range(ROUNDS_MOST):
        better = False
        for place in range(len(best)):
            for sign in (1.0, -1.0):
                tried = best.copy()
                tried[place] *= 1.0 + sign * FIRST_STEP * share
                error = _wrong(tried, names, start, measured)
                if error < wrong - 1e-9:
                    best, wrong, better = tried, error, True
        if not better:
            share /= 2
            if share < STEP_LEAST:
                break
    return _fit(best, names, start.stop_mib_s)


def held_out(measured: Sequence[Measured], start: Fit) -> FitError:
    """Tell the error on migrations that the fit has not seen: each is left out once.

    The stop varies by more than any model explains, so it is told as an interval: the factors on the
    predicted stop between which most of the measured ones lie.
    """
    totals: list[tuple[float, str]] = []
    factors: list[float] = []
    for place, one in enumerate(measured):
        fit = fitted([*measured[:place], *measured[place + 1 :]], start)
        found = predicted(fit, one)
        totals.append((error_of(fit, one), one.case))
        factors.append(one.downtime_ms / (found.downtime_ms or DEVICE_MS))
    low = np.quantile(factors, (1 - HELD) / 2, method="lower")
    high = np.quantile(factors, (1 + HELD) / 2, method="higher")
    errors = [error for error, _ in totals]
    worst, case = max(totals)
    return FitError(
        median=float(np.median(errors)),
        p95=float(np.quantile(errors, 0.95)),
        worst_case=case,
        worst=worst,
        downtime_low=float(low),
        downtime_high=float(high),
        downtime_held=float(np.mean([low <= factor <= high for factor in factors])),
    )


def _wrong(numbers: list[float], names: Sequence[str], start: Fit, measured: Sequence[Measured]) -> float:
    fit = _fit(numbers, names, start.stop_mib_s)
    return float(np.mean([min(ERROR_CAP, error_of(fit, one)) for one in measured]))


def error_of(fit: Fit, one: Measured) -> float:
    """Say how far off the total time is, as a share of the measured; one that never ends is wholly wrong."""
    seconds = predicted(fit, one).seconds
    return 1.0 if seconds is None else abs(seconds - one.total_s) / one.total_s


def _numbers(fit: Fit) -> list[float]:
    links = [fit.links_mib_s[name] for name in sorted(fit.links_mib_s)]
    return [fit.setup_s, fit.guest_mib, fit.cap_share, *links]


def _fit(numbers: Sequence[float], names: Sequence[str], stop: float) -> Fit:
    setup, guest, share, *links = numbers
    return Fit(
        setup_s=setup,
        guest_mib=guest,
        cap_share=share,
        stop_mib_s=stop,
        links_mib_s=dict(zip(names, links, strict=True)),
    )
