"""The migration model's parameters of one cluster, fitted to migrations that were measured there.

What a model cannot know beforehand: how long a migration takes to begin, how much of its cap a stream
really gets, and what a link carries that no wire bounds.  They are found by going down along one parameter
or two at a time, on the least disturbed run of each case: other jobs only ever make a migration slower.
The error told is that of migrations the fit has not seen.

Docs: docs/formulas/migration.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from itertools import permutations
from typing import Final, Literal, TypeAlias

import numpy as np
from msgspec import Struct, structs

from operations.migration import Migration, MigrationLoad, predict
from planner.sentence import Sentence

LeftOut: TypeAlias = Literal["run", "case"]

STEP_LEAST: Final = 1 / 256  # of the first step
ROUNDS_MOST: Final = 200
FIRST_STEP: Final = 0.15  # of each parameter
SLOPES: Final = (1.0, 0.5, 0.2, 0.1)  # how much less the second of a pair goes
DEVICE_MS: Final = 20.0  # operations.timings: migration_device_ms
DEVICE_LEAST_MS: Final = 10.0  # the least of that row's range
LOOK_S: Final = 0.1  # qemu migration.c: BUFFER_DELAY
GUEST_WORKING_SET_MIB: Final = 1.0  # of a guest's own system: idle guests sent 0.5-0.8 MiB twice
GUEST_DIRTY_MIB_S: Final = 1.0
HELD: Final = 0.90  # of stops lie in the interval told
ENOUGH: Final = 8  # measured migrations before a cluster's own fit is used: four for each of two parameters
SETUP_SHARE: Final = 0.25  # from here on what a migration takes is mostly its set-up
LONG_STOP: Final = 1.2  # times the limit: a stop that the limit does not explain
DISTURBED: Final = 0.05  # slower than another run of the same case by more: something else was going on


class Measured(Struct, frozen=True, kw_only=True):
    """One migration that was measured; `cap_mib_s` None: no software limit, `link` names what carried it.

    `downtime_ms`, `sent_mib` None: not told.
    """

    case: str
    filled_mib: float
    dirty_mib_s: float
    working_set_mib: float
    cap_mib_s: float | None
    link: str
    downtime_limit_ms: float
    total_s: float
    downtime_ms: float | None = None
    sent_mib: float | None = None


class Fit(Struct, frozen=True, kw_only=True):
    """What was found.  `cap_share`: what of a software cap is reached; `stop_mib_s`: for the last copy.

    `guest_mib` is what a guest's own system adds to what was filled.  `wires` names the links that bound the
    last copy as well: a wire does, a processor that the guest no longer needs does not.  `look_s`: see
    MigrationLoad.
    """

    setup_s: float
    guest_mib: float
    cap_share: float
    stop_mib_s: float
    links_mib_s: dict[str, float]
    wires: tuple[str, ...] = ()
    look_s: float = LOOK_S


class Miss(Struct, frozen=True, kw_only=True):
    """How far off one migration was foretold, as a share of what was measured; above 0: foretold too long."""

    case: str
    measured_s: float
    foretold_s: float
    error: float
    why: Sentence


class FitError(Struct, frozen=True, kw_only=True):
    """How far off the total time is, as shares of the measured; and the factor that bounds most stops.

    `factors` are measured over foretold stops, `bound` is theirs (see `bound_of`); `held` is the share of
    stops that lie in the interval which the others gave.  None: too few were measured.  `misses`: the worst
    first.
    """

    count: int
    median: float
    p95: float
    worst_case: str
    worst: float
    misses: tuple[Miss, ...]
    factors: tuple[float, ...] = ()
    bound: float | None = None
    held: float | None = None


def predicted(fit: Fit, one: Measured) -> Migration:
    """Say what the model with these parameters gives for a migration."""
    link = fit.links_mib_s[one.link]
    rate = link if one.cap_mib_s is None else one.cap_mib_s * fit.cap_share
    load = MigrationLoad(
        memory_mib=fit.guest_mib + one.filled_mib,
        dirty_mib_s=one.dirty_mib_s + GUEST_DIRTY_MIB_S,
        working_set_mib=one.working_set_mib + GUEST_WORKING_SET_MIB,
        downtime_limit_ms=one.downtime_limit_ms,
        setup_s=fit.setup_s,
        device_ms=DEVICE_MS,
        cap_mib_s=one.cap_mib_s,
        look_s=fit.look_s,
    )
    stop = min(fit.stop_mib_s, link) if one.link in fit.wires else fit.stop_mib_s
    return predict(load, rate, link_mib_s=stop)


def fitted(measured: Sequence[Measured], start: Fit, known: Collection[str] = ()) -> Fit:
    """Find the parameters that are least wrong about the total time of the quickest run of each case.

    The mean of absolute errors is made least, not of their squares: one odd case must not bend the fit.

    Args:
        measured: what ended; a link that none of them used keeps its value, and so does what the last copy
            gets.
        start: where to begin, such as the defaults of a product.
        known: parameters and links that are known from elsewhere and stay, such as a wire's nominal rate.

    Raises:
        ValueError: nothing was measured.
    """
    if not measured or min(one.total_s for one in measured) <= 0:
        raise ValueError("nothing was measured, or something in no time at all")
    quickest = least_disturbed(measured)
    ways = _ways([name for name in _names(start) if name not in known])
    best, share = start, 1.0
    wrong = _wrong(best, quickest)
    for _ in range(ROUNDS_MOST):
        better = False
        for way in ways:
            tried = best
            for name, sign in way:
                tried = _scaled(tried, name, 1.0 + sign * FIRST_STEP * share)
            error = _wrong(tried, quickest)
            if error < wrong - 1e-9:
                best, wrong, better = tried, error, True
        if not better:
            share /= 2
            if share < STEP_LEAST:
                break
    return best


def _ways(names: Sequence[str]) -> list[tuple[tuple[str, float], ...]]:
    """Each parameter up and down, and each pair: one alone is stuck where a rate makes up for a set-up."""
    signs = (1.0, -1.0)
    singles = [((name, sign),) for name in names for sign in signs]
    pairs = [
        ((one, first), (other, second * slope))
        for one, other in permutations(names, 2)
        for first in signs
        for second in signs
        for slope in SLOPES
    ]
    return [*singles, *pairs]


def least_disturbed(measured: Sequence[Measured]) -> list[Measured]:
    """Give the quickest run of each case: other jobs only ever make a migration slower."""
    best: dict[str, Measured] = {}
    for one in measured:
        if one.case not in best or one.total_s < best[one.case].total_s:
            best[one.case] = one
    return list(best.values())


def held_out(
    measured: Sequence[Measured], start: Fit, known: Collection[str] = (), leave: LeftOut = "run"
) -> FitError:
    """Tell the error on migrations that the fit has not seen: each is left out once.

    Args:
        leave: "run" leaves out that run alone; "case" every run of its case, so that a link which only
            this case used stays where it started.

    Raises:
        ValueError: there is nothing left to fit on.
    """
    fits: dict[str | int, Fit] = {}
    found: list[tuple[Fit, Measured]] = []
    for place, one in enumerate(measured):
        key: str | int = place if leave == "run" else one.case
        if key not in fits:
            seen = [
                each
                for other, each in enumerate(measured)
                if (other != place if leave == "run" else each.case != one.case)
            ]
            fits[key] = fitted(seen, start, known)
        found.append((fits[key], one))
    return _told(found, measured)


def unseen(fit: Fit, new: Sequence[Measured], among: Sequence[Measured] = ()) -> FitError:
    """Tell the error of a fit on migrations that came after it; `among`: the runs that it was made from."""
    return _told([(fit, one) for one in new], [*among, *new])


def repeats(measured: Sequence[Measured]) -> FitError:
    """Tell how far off one run is foretold by the others of its case: no model knows more than they do.

    Raises:
        ValueError: no case was measured twice.
    """
    misses = []
    for place, one in enumerate(measured):
        others = [
            each.total_s for other, each in enumerate(measured) if other != place and each.case == one.case
        ]
        if others:
            misses.append(_miss(one, float(np.median(others)), Sentence("another run of the same case")))
    return _error_of(misses)


def bound_of(factors: Sequence[float]) -> float | None:
    """Give the factor that the next stop does not exceed with the chance `HELD`; None: they are too few.

    A split-conformal bound: of n factors the one at rank ceil(HELD x (n + 1)), which takes 9 of them.

    Source: Vovk et al. 2005; Lei et al., JASA 2018.

    >>> bound_of([0.5, 0.8, 0.9, 1.0, 1.0, 1.1, 1.2, 1.2, 1.3, 9.0])
    9.0
    >>> bound_of([0.5, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3] * 3 + [9.0]), bound_of([1.0] * 8)
    (1.3, None)
    """
    rank = math.ceil(HELD * (len(factors) + 1) - 1e-9)
    return None if rank > len(factors) else sorted(factors)[rank - 1]


def stop_interval_ms(foretold_ms: float, bound: float) -> tuple[float, float]:
    """Give the milliseconds between which a stop lies with the chance `HELD`."""
    return min(DEVICE_LEAST_MS, foretold_ms), foretold_ms * bound


def error_of(fit: Fit, one: Measured) -> float:
    """Say how far off the total time is, as a share of the measured; one that never ends is wholly wrong."""
    seconds = predicted(fit, one).seconds
    return 1.0 if seconds is None else abs(seconds - one.total_s) / one.total_s


def _told(found: Sequence[tuple[Fit, Measured]], among: Sequence[Measured]) -> FitError:
    misses, factors = [], []
    for fit, one in found:
        foretold = predicted(fit, one)
        seconds = 0.0 if foretold.seconds is None else foretold.seconds
        misses.append(_miss(one, seconds, _why(fit, one, seconds, among)))
        if one.downtime_ms and foretold.downtime_ms:
            factors.append(one.downtime_ms / foretold.downtime_ms)
    error = _error_of(misses)
    return structs.replace(error, factors=tuple(factors), bound=bound_of(factors), held=_held(found))


def _held(found: Sequence[tuple[Fit, Measured]]) -> float | None:
    """The share of stops in the interval that all others give; None: they give none."""
    stops = [
        (one.downtime_ms, foretold.downtime_ms)
        for fit, one in found
        if one.downtime_ms and (foretold := predicted(fit, one)).downtime_ms
    ]
    held = []
    for at, (measured_ms, foretold_ms) in enumerate(stops):
        others = [stop / told for place, (stop, told) in enumerate(stops) if place != at]
        bound = bound_of(others)
        if bound is None:
            return None
        low, high = stop_interval_ms(foretold_ms, bound)
        held.append(low <= measured_ms <= high)
    return float(np.mean(held)) if held else None


def _miss(one: Measured, foretold_s: float, why: Sentence) -> Miss:
    error = (foretold_s - one.total_s) / one.total_s
    return Miss(case=one.case, measured_s=one.total_s, foretold_s=foretold_s, error=error, why=why)


def _error_of(misses: Sequence[Miss]) -> FitError:
    if not misses:
        raise ValueError("nothing was foretold")
    worst_first = tuple(sorted(misses, key=lambda miss: (-abs(miss.error), miss.case)))
    errors = [abs(miss.error) for miss in misses]
    return FitError(
        count=len(errors),
        median=float(np.median(errors)),
        p95=float(np.quantile(errors, 0.95)),
        worst_case=worst_first[0].case,
        worst=abs(worst_first[0].error),
        misses=worst_first,
    )


def _why(fit: Fit, one: Measured, foretold_s: float, among: Sequence[Measured]) -> Sentence:
    """Say the likeliest reason of an error, from what can be seen of the run."""
    least = min((each.total_s for each in among if each.case == one.case), default=one.total_s)
    slower = one.total_s / least - 1.0
    if slower > DISTURBED and foretold_s < one.total_s:
        return Sentence(
            "another run of the same case was done in {seconds} s: something else took its time",
            {"seconds": round(least, 2)},
        )
    if one.downtime_ms is not None and one.downtime_ms > LONG_STOP * one.downtime_limit_ms:
        return Sentence(
            "it stood still for {ms} ms, above its limit of {limit} ms: the hosts were busy",
            {"ms": round(one.downtime_ms), "limit": round(one.downtime_limit_ms)},
        )
    if one.cap_mib_s is None and one.link not in fit.wires:
        return Sentence("nothing but the processors bounds it: every other job shows")
    if fit.setup_s > SETUP_SHARE * one.total_s:
        return Sentence(
            "set-up is {percent} % of it", {"percent": round(100 * min(1.0, fit.setup_s / one.total_s))}
        )
    return Sentence("how its memory was written to meanwhile is not known")


def _wrong(fit: Fit, measured: Sequence[Measured]) -> float:
    return float(np.mean([error_of(fit, one) for one in measured]))


_NUMBERS: Final[dict[str, Callable[[Fit, float], Fit]]] = {
    "setup_s": lambda fit, by: structs.replace(fit, setup_s=fit.setup_s * by),
    "guest_mib": lambda fit, by: structs.replace(fit, guest_mib=fit.guest_mib * by),
    "cap_share": lambda fit, by: structs.replace(fit, cap_share=fit.cap_share * by),
}


def _names(fit: Fit) -> list[str]:
    return [*_NUMBERS, *sorted(fit.links_mib_s)]


def _scaled(fit: Fit, name: str, by: float) -> Fit:
    if name in _NUMBERS:
        return _NUMBERS[name](fit, by)
    return structs.replace(fit, links_mib_s=fit.links_mib_s | {name: fit.links_mib_s[name] * by})
