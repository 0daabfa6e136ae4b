"""The growth of a series: a line that outliers cannot bend, the week, and what past forecasts were worth."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from planner.forecast.series import F64, Series, by_day, thinned

DAYS_OF_WEEK: Final = 7
WEEKS_FOR_A_PATTERN: Final = 3  # each weekday seen three times: two agree against one
PATTERN_HELPS: Final = 0.9  # a weekly pattern is kept if it takes away a tenth of the scatter
STEP_SCATTERS: Final = 6.0  # a jump of this many times the scatter is a step, no growth
POINTS_BESIDE_A_STEP: Final = 5
ORIGINS_MAX: Final = 20  # moments of the past from which a forecast is tried
COVERED: Final = 0.9  # the share of past forecasts that the band has held
HORIZON_FLOOR_DAYS: Final = 7.0  # below a week the band stands still: a day's error is noise, not trend
# A forecast of a change came true when the change was that large, give or take half of it.
TRUE_WITHIN: Final = 0.5


class Trend(Struct, frozen=True, kw_only=True, eq=False):
    """A line through a series, as of its last day.

    `level` is the line's value on `last_day`, `slope_per_day` its growth; `week[weekday]` is what that day
    of the week adds (weekday = day modulo 7).  `band_per_day` times (7 days + the horizon) is how far off
    90 % of past forecasts were; None where there were too few to tell.  `came_true` is the share of past
    forecasts of a change that came true, out of `forecasts`.  `since_day` is later than the first day where
    an older part was cut off by a step.
    """

    last_day: float
    level: float
    slope_per_day: float
    scatter: float
    week: tuple[float, ...]
    band_per_day: float | None
    came_true: float | None
    forecasts: int
    points: int
    since_day: float
    first_day: float

    def at(self, days_ahead: F64) -> F64:
        """The line some days after the last one, on the fullest day of the week."""
        return self.level + self.slope_per_day * days_ahead + max(self.week)

    def band(self, days_ahead: F64) -> F64:
        """How far above or below the line 90 % of past forecasts of that horizon ended; 0 where unknown."""
        return (self.band_per_day or 0.0) * (days_ahead + HORIZON_FLOOR_DAYS)


def trend_of(series: Series) -> Trend | None:
    """Fit the growth of a series and judge it by forecasts of its own past.

    The peak of each day counts.  A jump of more than six times the scatter is a step (something was moved in
    or bought), and only what came after it counts.  The line is Theil and Sen's: the median of the slopes of
    all pairs, so that up to 29 % of the points may be wrong.  Then every prefix of at least half the points,
    fitted the same way, forecasts what came after it: the errors give the band and `came_true`.

    Returns:
        The trend, or None where fewer than two days are measured.

    Source: H. Theil 1950, P. K. Sen 1968 (the slope and its breakdown point of 29.3 %); evaluation on a
        rolling forecasting origin: R. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice, 5.10.

    >>> from planner.forecast.series import Point
    >>> points = tuple(Point(day, 100.0 + 2.0 * day) for day in range(0, 60, 3))
    >>> trend = trend_of(Series(subject="cluster", name="C1", resource="memory", unit="GiB", points=points))
    >>> round(trend.slope_per_day, 6), round(trend.level, 6), trend.came_true
    (2.0, 214.0, 1.0)
    """
    days, values = by_day(series.points)
    if len(days) < 2:
        return None
    first_day = float(days[0])
    days, values = thinned(*_after_last_step(days, values))
    slope, level, week = _fit(days, values)
    rest = values - _line(days, days[-1], slope, level, week)
    errors, horizons, changes = _past_forecasts(days, values)
    return Trend(
        last_day=float(days[-1]),
        level=level,
        slope_per_day=slope,
        scatter=_scatter(rest),
        week=tuple(week.tolist()),
        band_per_day=_band_per_day(errors, horizons),
        came_true=_came_true(errors, changes),
        forecasts=len(errors),
        points=len(days),
        since_day=float(days[0]),
        first_day=first_day,
    )


def sen_slope(days: F64, values: F64) -> float:
    """Give the median of the slopes of all pairs of points; 0 for a single point.

    Source: P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63 (1968),
        whose worked example (t = 1, 2, 3, 4, 10, 12, 18; y = 9, 15, 19, 20, 45, 55, 78) has the slope 4.

    >>> sen_slope(np.array([1.0, 2, 3, 4, 10, 12, 18]), np.array([9.0, 15, 19, 20, 45, 55, 78]))
    4.0
    """
    first, second = np.triu_indices(len(days), 1)
    return (
        float(np.median((values[second] - values[first]) / (days[second] - days[first])))
        if len(first)
        else 0.0
    )


def _fit(days: F64, values: F64) -> tuple[float, float, F64]:
    """Slope, level on the last day, and what each day of the week adds."""
    week = np.zeros(DAYS_OF_WEEK)
    slope, level = _straight(days, values)
    found = _week_of(days, values - (level + slope * (days - days[-1])))
    if found is None:
        return slope, level, week
    weekday = days.astype(np.int64) % DAYS_OF_WEEK
    slope_in_week, level_in_week = _straight(days, values - found[weekday])
    left = values - _line(days, days[-1], slope_in_week, level_in_week, found)
    if _scatter(left) > PATTERN_HELPS * _scatter(values - (level + slope * (days - days[-1]))):
        return slope, level, week
    return slope_in_week, level_in_week, found


def _straight(days: F64, values: F64) -> tuple[float, float]:
    slope = sen_slope(days, values)
    return slope, float(np.median(values - slope * (days - days[-1])))


def _line(days: F64, last: float, slope: float, level: float, week: F64) -> F64:
    found: F64 = level + slope * (days - last) + week[days.astype(np.int64) % DAYS_OF_WEEK]
    return found


def _week_of(days: F64, rest: F64) -> F64 | None:
    """What each weekday adds to the line; None where one was seen too seldom, or days were joined."""
    if not np.array_equal(days, np.floor(days)):
        return None
    weekday = days.astype(np.int64) % DAYS_OF_WEEK
    if np.bincount(weekday, minlength=DAYS_OF_WEEK).min() < WEEKS_FOR_A_PATTERN:
        return None
    week = np.array([np.median(rest[weekday == day]) for day in range(DAYS_OF_WEEK)])
    return np.asarray(week - np.median(week), dtype=np.float64)


def _scatter(rest: F64) -> float:
    """The median distance from the line: half of all points are nearer."""
    return float(np.median(np.abs(rest))) if len(rest) else 0.0


def _after_last_step(days: F64, values: F64) -> tuple[F64, F64]:
    """Cut off what came before the last jump."""
    while len(days) >= 2 * POINTS_BESIDE_A_STEP:
        at = _step(days, values)
        if at is None:
            break
        days, values = days[at:], values[at:]
    return days, values


def _step(days: F64, values: F64) -> int | None:
    """Where the series jumps: the change that most exceeds the usual one between neighbours, if it stays."""
    changes = np.diff(values)
    usual = np.median(changes)
    scatter = max(_scatter(changes - usual), 1e-3 * float(np.median(np.abs(values))) / STEP_SCATTERS, 1e-12)
    for at in np.argsort(-np.abs(changes - usual), kind="stable"):
        jump = changes[at] - usual
        if abs(jump) <= STEP_SCATTERS * scatter:
            return None
        before, after = (
            values[max(0, at + 1 - POINTS_BESIDE_A_STEP) : at + 1],
            values[at + 1 :][:POINTS_BESIDE_A_STEP],
        )
        if len(before) >= POINTS_BESIDE_A_STEP <= len(after) and _stays(before, after, jump):
            return int(at) + 1
    return None


def _stays(before: F64, after: F64, jump: float) -> bool:
    """Whether the level moved with the jump: an outlier comes back, a step does not."""
    moved = float(np.median(after) - np.median(before))
    return moved * jump > 0 and abs(moved) >= abs(jump) / 2


def _past_forecasts(days: F64, values: F64) -> tuple[F64, F64, F64]:
    """What forecasts of the past got wrong: error, horizon in days, and the change that was foretold."""
    errors: list[F64] = []
    horizons: list[F64] = []
    changes: list[F64] = []
    begin = max(3, len(days) // 2)
    for origin in range(begin, len(days), max(1, (len(days) - begin) // ORIGINS_MAX)):
        slope, level, week = _fit(days[:origin], values[:origin])
        ahead = days[origin:] - days[origin - 1]
        pattern = week[days[origin:].astype(np.int64) % DAYS_OF_WEEK]
        errors.append(values[origin:] - (level + slope * ahead + pattern))
        horizons.append(ahead)
        changes.append(slope * ahead)
    if not errors:
        return np.empty(0), np.empty(0), np.empty(0)
    return np.concatenate(errors), np.concatenate(horizons), np.concatenate(changes)


def _band_per_day(errors: F64, horizons: F64) -> float | None:
    if not len(errors):
        return None
    return float(np.quantile(np.abs(errors) / (horizons + HORIZON_FLOOR_DAYS), COVERED))


def _came_true(errors: F64, changes: F64) -> float | None:
    """The share of forecasts of a change whose change came, give or take half of it."""
    if not len(errors):
        return None
    return float(np.mean(np.abs(errors) <= TRUE_WITHIN * np.abs(changes) + 1e-9))
