"""The day a resource is full, how early and how late it may be, and whether that is worth saying."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import numpy as np
from msgspec import Struct

from planner.forecast.series import Series
from planner.forecast.trend import Trend, trend_of
from planner.sentence import Sentence, Value

Verdict: TypeAlias = Literal["full", "soon", "later", "not-within-a-year", "weak", "unmeasured"]

# Time remaining is capped at one year; a plan looks 60 days ahead: 30 to provision and 30 until it serves.
# Source: VMware vRealize/Aria Operations guide, capacity: "Time Remaining", "planning window".
HORIZON_DAYS: Final = 365
PLANNING_DAYS: Final = 60
# Ours, not published: less history than this says nothing about growth.
POINTS_MIN: Final = 8
SPAN_MIN_DAYS: Final = 21.0
FORECASTS_MIN: Final = 6
CONFIDENCE_MIN: Final = 0.5  # below it no date is told
CONFIDENCE_TO_ALARM: Final = 0.8  # below it nobody is woken


class Project(Struct, frozen=True, kw_only=True):
    """A known step: from a day on, so much more (or less, negative) of a resource is wanted."""

    name: str
    at_days: float
    amount: float


class Runway(Struct, frozen=True, kw_only=True):
    """Until when a series suffices, counted in days from `today`.

    `days` None: not within a year.  `earliest` and `latest` allow for what 90 % of past forecasts were off;
    `latest` None: perhaps never.  `confidence` is the share of past forecasts of this series that came true.
    `alarm`: full within the planning window, and past forecasts were good enough to say so.  `why` says it in
    words.
    """

    series: Series
    verdict: Verdict
    trend: Trend | None
    days: int | None = None
    earliest: int | None = None
    latest: int | None = None
    confidence: float | None = None
    alarm: bool = False
    why: Sentence
    remarks: tuple[Sentence, ...] = ()


def runway(series: Series, today: float, projects: Sequence[Project] = ()) -> Runway:
    """Say when a series reaches its capacity.

    The trend goes on from the last measurement; known projects are added on their day; the fullest day of
    the week decides.  Nothing is told where the data are weak: fewer than 8 days measured over 3 weeks, or
    fewer than half of the forecasts of its own past came true.  What is full today is full, whatever the
    trend.

    Args:
        series: the measurements and today's capacity.
        today: the day to count from, on the scale of the points.
        projects: what will be wanted from some day on; those before the last measurement are in it already.

    Returns:
        The runway; a series that nobody measured, or whose capacity is unknown, is not an error.

    >>> from planner.forecast.series import Point
    >>> points = tuple(Point(day, 100.0 + 2.0 * day) for day in range(0, 60, 3))
    >>> store = Series(subject="datastore", name="ds1", resource="storage", unit="GiB", points=points,
    ...                capacity=300)
    >>> found = runway(store, today=57.0)
    >>> found.verdict, found.days, found.alarm, str(found.why)
    ('soon', 43, True, 'Full in 43 days, between 43 and 43')
    """
    trend = trend_of(series)
    if trend is None or series.capacity is None:
        return Runway(series=series, verdict="unmeasured", trend=trend, why=_unmeasured(trend))
    remarks = _remarks(trend, projects)
    if _newest_value(series) >= series.capacity:
        return Runway(
            series=series, verdict="full", trend=trend, days=0, earliest=0, latest=0, alarm=True,
            confidence=trend.came_true, why=Sentence("Full today"), remarks=remarks,
        )  # fmt: skip
    weak = _weakness(trend)
    if weak is not None:
        return Runway(
            series=series, verdict="weak", trend=trend, confidence=trend.came_true, why=weak, remarks=remarks
        )
    days, earliest, latest = _crossings(trend, series.capacity, today, projects)
    return _told(series, trend, days, earliest, latest, remarks)


def _newest_value(series: Series) -> float:
    newest = max(point.at_days for point in series.points)
    return max(point.value for point in series.points if point.at_days == newest)


def ranked(found: Sequence[Runway]) -> tuple[Runway, ...]:
    """Order runways by what is full first; what nobody can tell comes last."""
    order: dict[Verdict, int] = {
        "full": 0,
        "soon": 1,
        "later": 1,
        "not-within-a-year": 2,
        "weak": 3,
        "unmeasured": 4,
    }

    def place(one: Runway) -> tuple[int, float, str, str]:
        days = np.inf if one.days is None else one.days
        return order[one.verdict], days, one.series.name, one.series.resource

    return tuple(sorted(found, key=place))


def _told(
    series: Series,
    trend: Trend,
    days: int | None,
    earliest: int | None,
    latest: int | None,
    remarks: tuple[Sentence, ...],
) -> Runway:
    confidence = trend.came_true or 0.0
    uncertain = days is not None and confidence < CONFIDENCE_MIN
    if days is None or uncertain:
        verdict: Verdict = "weak" if uncertain else "not-within-a-year"
        why = _distrusted(trend) if uncertain else _not_within(earliest)
        return Runway(
            series=series, verdict=verdict, trend=trend, confidence=trend.came_true if uncertain else None,
            earliest=None if uncertain else earliest, why=why, remarks=remarks,
        )  # fmt: skip
    soon = days <= PLANNING_DAYS
    return Runway(
        series=series,
        verdict="soon" if soon else "later",
        trend=trend,
        days=days,
        earliest=earliest,
        latest=latest,
        confidence=confidence,
        alarm=soon and confidence >= CONFIDENCE_TO_ALARM,
        why=_full_in(days, earliest, latest),
        remarks=remarks,
    )


def _crossings(
    trend: Trend, capacity: float, today: float, projects: Sequence[Project]
) -> tuple[int | None, int | None, int | None]:
    """The first day of the coming year on which the line, its upper and its lower edge reach the capacity."""
    days = np.arange(HORIZON_DAYS + 1, dtype=np.float64)
    ahead = np.maximum(days + today - trend.last_day, 0.0)
    line = trend.at(ahead)
    for project in projects:
        if project.at_days > trend.last_day:
            line = line + np.where(days + today >= project.at_days, project.amount, 0.0)
    band = trend.band(ahead)

    def first(edge: np.ndarray) -> int | None:
        reached = np.flatnonzero(edge >= capacity)
        return int(reached[0]) if len(reached) else None

    return first(line), first(line + band), first(line - band)


def _weakness(trend: Trend) -> Sentence | None:
    span = trend.last_day - trend.since_day
    if trend.points < POINTS_MIN or span < SPAN_MIN_DAYS:
        return Sentence(
            "Too little is known: {points} days measured over {span}; {wanted} over {wanted_span} are needed",
            {
                "points": trend.points,
                "span": round(span),
                "wanted": POINTS_MIN,
                "wanted_span": round(SPAN_MIN_DAYS),
            },
        )
    if trend.forecasts < FORECASTS_MIN:
        return Sentence(
            "Too little is known: {count} forecasts of the past to judge by", {"count": trend.forecasts}
        )
    return None


def _distrusted(trend: Trend) -> Sentence:
    return Sentence(
        "No date is told: {share} % of the forecasts of its own past came true",
        {"share": round(100 * (trend.came_true or 0.0))},
    )


def _unmeasured(trend: Trend | None) -> Sentence:
    if trend is None:
        return Sentence("Measured on fewer than two days")
    return Sentence("How much there is of it is not known")


def _not_within(earliest: int | None) -> Sentence:
    if earliest is None:
        return Sentence("Not full within a year")
    return Sentence("Not within a year by its trend; in {days} days at the earliest", {"days": earliest})


def _full_in(days: int, earliest: int | None, latest: int | None) -> Sentence:
    values: dict[str, Value] = {"days": days, "earliest": earliest if earliest is not None else 0}
    if latest is None:
        return Sentence(
            "Full in {days} days, in {earliest} at the earliest, perhaps not within a year", values
        )
    return Sentence("Full in {days} days, between {earliest} and {latest}", {**values, "latest": latest})


def _remarks(trend: Trend, projects: Sequence[Project]) -> tuple[Sentence, ...]:
    coming = [project for project in projects if project.at_days > trend.last_day]
    said: list[Sentence] = []
    if trend.since_day > trend.first_day:
        left_out = round(trend.since_day - trend.first_day)
        said.append(Sentence("A step: the first {days} days are left out", {"days": left_out}))
    if any(trend.week):
        said.append(Sentence("The fullest day of the week decides"))
    if coming:
        said.append(Sentence("Planned projects counted: {count}", {"count": len(coming)}))
    return tuple(said)
