"""Until when: the measures of each date, the outlook worked out from all of them, planned projects counted.

results.store --keep--> Observation.measures --work_out--> Observation.outlook --> pages
                                   Project --^
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from cluster.models import Estate, Observation
from planner import estate as planned
from planner.forecast.history import Measure, measures, series_of
from planner.forecast.rightsizing import Demand, Rightsizing, demands_of, rightsize
from planner.forecast.runway import Project, Runway, Verdict, ranked, runway
from planner.forecast.series import Series
from planner.sentence import Sentence

DATES_MAX: Final = 750  # two years of daily readings
DATES_OF_SIZES: Final = 60  # documents read anew for right-sizing
SUGGESTIONS_KEPT: Final = 500
SECONDS_PER_DAY: Final = 86_400.0


class Line(Struct, frozen=True, kw_only=True):
    """The runway of one thing as pages show it; days are ordinals, so that it stays true as time passes."""

    subject: str
    name: str
    resource: str
    unit: str
    cluster: str
    verdict: Verdict
    value: float | None
    capacity: float | None
    per_day: float | None
    points: int
    full_on: int | None
    earliest_on: int | None
    latest_on: int | None
    confidence: float | None
    alarm: bool
    why: Sentence
    remarks: tuple[Sentence, ...] = ()

    @property
    def share(self) -> float | None:
        """How full it is, in percent."""
        return 100 * self.value / self.capacity if self.capacity and self.value is not None else None


class Outlook(Struct, frozen=True, kw_only=True):
    """Everything that is told of an estate's time to come, what is full first at the top."""

    today: int
    dates: int
    lines: tuple[Line, ...] = ()


def measured(estate: planned.Estate) -> list[dict[str, Any]]:
    """What is kept of an estate's date."""
    found: list[dict[str, Any]] = msgspec.to_builtins(measures(estate))
    return found


def work_out(estate: Estate) -> None:
    """Work the outlook of an estate out anew, and keep it with the newest date."""
    newest = estate.observations.defer("document").exclude(measures=[]).first()
    if newest is None:
        return
    today = float(newest.taken_at.date().toordinal())
    found = series(estate)
    projects = _projects(estate)
    runways = ranked([runway(one, today, projects.get((one.name, one.resource), ())) for one in found])
    dates = len({int(point.at_days) for one in found for point in one.points})
    lines = tuple(_line(one, int(today)) for one in runways if one.series.capacity is not None)
    outlook = Outlook(today=int(today), dates=dates, lines=lines)
    newest.outlook = msgspec.to_builtins(outlook)
    newest.save(update_fields=["outlook"])


def wanted(estate: planned.Estate) -> bytes:
    """What is kept of what VMs were measured to want on a date."""
    return zlib.compress(msgspec.json.encode(demands_of(estate)), 6)


def sizes(estate: Estate, now: planned.Estate) -> dict[str, Any]:
    """Compare what VMs have now with what they were measured to want on the newest dates."""
    rows = estate.observations.exclude(demands=b"").values_list("taken_at", "demands")[:DATES_OF_SIZES]
    found = rightsize(now, ((ordinal(at), _demands(bytes(kept))) for at, kept in rows))
    shown = msgspec.structs.replace(found, suggestions=found.suggestions[:SUGGESTIONS_KEPT])
    answer: dict[str, Any] = msgspec.to_builtins(shown)
    return answer


def outlook_of(estate: Estate) -> Outlook | None:
    """The newest outlook; None where nothing was ever measured."""
    newest = estate.observations.only("outlook").exclude(outlook=None).first()
    return outlook_kept(newest) if newest is not None else None


def outlook_kept(observation: Observation) -> Outlook:
    """The outlook that an observation keeps."""
    return msgspec.convert(observation.outlook, Outlook)


def sizes_of(estate: Estate) -> Rightsizing | None:
    """The newest right-sizing."""
    newest = estate.observations.only("rightsizing").exclude(rightsizing=None).first()
    return msgspec.convert(newest.rightsizing, Rightsizing) if newest is not None else None


def series(estate: Estate) -> tuple[Series, ...]:
    """What was measured of each thing of an estate, by date."""
    kept = estate.observations.exclude(measures=[]).values_list("taken_at", "measures")[:DATES_MAX]
    return series_of((ordinal(at), msgspec.convert(found, tuple[Measure, ...])) for at, found in kept)


def projects_of(estate: Estate, one: Series) -> Sequence[Project]:
    """The projects planned for one thing."""
    return _projects(estate).get((one.name, one.resource), ())


def ordinal(at: datetime) -> float:
    """A moment as days, UTC."""
    moment = at.astimezone(UTC)
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
    return moment.toordinal() + seconds / SECONDS_PER_DAY


def _projects(estate: Estate) -> Mapping[tuple[str, str], Sequence[Project]]:
    found: dict[tuple[str, str], list[Project]] = {}
    for row in estate.projects.all():
        at_days = float(row.starts_on.toordinal())
        project = Project(name=row.title, at_days=at_days, amount=row.amount)
        found.setdefault((row.subject_name, row.resource), []).append(project)
    return found


def _line(one: Runway, today: int) -> Line:
    def on(days: int | None) -> int | None:
        return None if days is None else min(today + days, date.max.toordinal())

    trend = one.trend
    newest = max(one.series.points, key=lambda point: point.at_days, default=None)
    return Line(
        subject=one.series.subject,
        name=one.series.name,
        resource=one.series.resource,
        unit=one.series.unit,
        cluster=one.series.cluster,
        verdict=one.verdict,
        value=newest.value if newest else None,
        capacity=one.series.capacity,
        per_day=trend.slope_per_day if trend else None,
        points=trend.points if trend else len(one.series.points),
        full_on=on(one.days),
        earliest_on=on(one.earliest),
        latest_on=on(one.latest),
        confidence=one.confidence,
        alarm=one.alarm,
        why=one.why,
        remarks=one.remarks,
    )


def _demands(kept: bytes) -> dict[str, Demand]:
    return msgspec.json.decode(zlib.decompress(kept), type=dict[str, Demand])
