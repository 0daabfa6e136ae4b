"""What people say of the time to come and the time before: planned projects, a history from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec
from django.contrib.auth.models import User
from django.db import transaction

from cluster import audit, outlook, services
from cluster.audit import Deed
from cluster.models import Estate, Observation, Project
from cluster.roles import Action
from planner.forecast.history import RESOURCES, Measure
from planner.forecast.series import Series
from planner.forecast.trace import parse
from planner.quality import FormatError
from planner.sentence import Sentence

HISTORY_BYTES_MAX: Final = 20 * 1024 * 1024
DATES_OF_HISTORY_MAX: Final = 2000


def add(user: User, estate: Estate, fields: Mapping[str, Any]) -> Project:
    """Plan a project, and work the outlook out anew.

    Raises:
        NotAllowed: nothing has been planned.
    """
    services.allow_on(user, Action.PLAN, estate)
    with transaction.atomic():
        project = Project.objects.create(estate=estate, added_by=user, **fields)
        audit.note(Deed.PROJECT_PLANNED, user.get_username(), estate.name, after=_noted(project))
        outlook.work_out(estate)
    return project


def remove(user: User, project: Project) -> None:
    """Give a project up, and work the outlook out anew."""
    services.allow_on(user, Action.PLAN, project.estate)
    with transaction.atomic():
        audit.note(Deed.PROJECT_DROPPED, user.get_username(), project.estate.name, before=_noted(project))
        project.delete()
        outlook.work_out(project.estate)


def take_history(user: User, estate: Estate, content: bytes, filename: str) -> int:
    """Keep measurements of earlier dates that another tool wrote down; give the number of dates.

    A date that is known already, or that lies after the newest, is left as it is: an import tells more.

    Raises:
        NotAllowed; Refused: the file is no trace, or names what this estate does not have.
    """
    services.allow_on(user, Action.PLAN, estate)
    return keep_history(estate, content, filename, user.get_username())


def keep_history(estate: Estate, content: bytes, filename: str, actor: str) -> int:
    """Keep a history as `take_history` does; no actor: the site itself tells it.

    Raises:
        Refused: the file is no trace, or names what this estate does not have.
    """
    try:
        series = parse(content, filename)
    except FormatError as error:
        raise services.Refused(Sentence("{reason}", {"reason": str(error)})) from error
    known = {(one.name, one.resource): one for one in outlook.series(estate)}
    unknown = [one for one in series if (one.name, one.resource) not in known]
    if unknown:
        names = {"name": unknown[0].name, "resource": unknown[0].resource}
        raise services.Refused(Sentence("This estate measures no {resource} of {name}", names))
    by_day = _by_day(series, known)
    with transaction.atomic():
        kept = _keep(estate, by_day)
        note = {"file": filename, "dates": kept}
        audit.note(Deed.HISTORY_TAKEN, actor, estate.name, after=note)
        outlook.work_out(estate)
    return kept


def _by_day(series: Sequence[Series], known: Mapping[tuple[str, str], Series]) -> dict[date, list[Measure]]:
    """The peak of each day of each series, as measures of that day."""
    peaks: dict[tuple[int, str, str], float] = {}
    for one in series:
        for point in one.points:
            key = int(point.at_days), one.name, one.resource
            peaks[key] = max(point.value, peaks.get(key, 0.0))
    found: dict[date, list[Measure]] = {}
    for (day, name, resource), value in sorted(peaks.items()):
        like = known[name, resource]
        measure = Measure(
            subject=like.subject, name=name, resource=resource, value=value, capacity=like.capacity,
            cluster=like.cluster,
        )  # fmt: skip
        found.setdefault(date.fromordinal(day), []).append(measure)
    return found


def _keep(estate: Estate, by_day: Mapping[date, Sequence[Measure]]) -> int:
    taken = [at.date() for at in estate.observations.values_list("taken_at", flat=True)]
    newest = max(taken, default=date.max)
    rows = [
        Observation(
            estate=estate,
            taken_at=datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            document=b"",
            sha256="",
            hosts=0,
            vms=0,
            measures=msgspec.to_builtins(found),
        )
        for day, found in by_day.items()
        if day not in taken and day < newest
    ]
    if len(rows) > DATES_OF_HISTORY_MAX:
        raise services.Refused(Sentence("More than {most} dates; give fewer", {"most": DATES_OF_HISTORY_MAX}))
    Observation.objects.bulk_create(rows, batch_size=200)
    return len(rows)


def _noted(project: Project) -> dict[str, object]:
    return {
        "project": project.title,
        "of": project.subject_name,
        "resource": project.resource,
        "amount": f"{project.amount} {RESOURCES[project.resource]}",
        "from": project.starts_on.isoformat(),
    }
