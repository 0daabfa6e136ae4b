"""What was measured of one thing, by date."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

F64: TypeAlias = npt.NDArray[np.float64]

# So many points are enough for a trend, and keep a page of a hundred series fast.
POINTS_MAX: Final = 120


class Point(Struct, frozen=True):
    """One measurement; `at_days` counts days from any fixed day."""

    at_days: float
    value: float


class Series(Struct, frozen=True, kw_only=True):
    """The measurements of one resource of one thing, and how much of it there is today.

    `capacity` None: nobody told; then there is a trend and no day on which it is full.
    """

    subject: str
    name: str
    resource: str
    unit: str
    points: tuple[Point, ...]
    capacity: float | None = None
    cluster: str = ""


def by_day(points: Iterable[Point]) -> tuple[F64, F64]:
    """Give the peak of each day: days in ascending order, and the largest value of each.

    A host that suffices on average does not suffice, so the peak of a day stands for it.

    Args:
        points: in any order; values that are not finite are left out.

    Returns:
        Whole days, shape (n,), and values, shape (n,).

    >>> days, values = by_day([Point(1.2, 5.0), Point(0.5, 2.0), Point(1.9, 7.0)])
    >>> days.tolist(), values.tolist()
    ([0.0, 1.0], [2.0, 7.0])
    """
    peaks: dict[int, float] = {}
    for point in points:
        if np.isfinite(point.value) and np.isfinite(point.at_days):
            day = int(np.floor(point.at_days))
            peaks[day] = max(point.value, peaks.get(day, -np.inf))
    days = sorted(peaks)
    return np.array(days, dtype=np.float64), np.array([peaks[day] for day in days], dtype=np.float64)


def thinned(days: F64, values: F64, most: int = POINTS_MAX) -> tuple[F64, F64]:
    """Join neighbours until at most `most` points are left: their median day, their median value.

    >>> days, values = thinned(np.arange(6.0), np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), most=3)
    >>> days.tolist(), values.tolist()
    ([0.5, 2.5, 4.5], [1.5, 3.5, 5.5])
    """
    if len(days) <= most:
        return days, values
    parts = np.array_split(np.arange(len(days)), most)
    return (
        np.array([np.median(days[part]) for part in parts]),
        np.array([np.median(values[part]) for part in parts]),
    )
