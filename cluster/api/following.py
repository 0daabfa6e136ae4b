"""What happens: events, runs, and rehearsals as they are played; readers see what the screens show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_noop as _

from cluster import selectors, services, snapshot, wishes
from cluster.api.door import After, Limit, Offset, calls
from cluster.api.told import Done, Queued, Rows, page_of
from cluster.frames import EventView, view
from cluster.models import Estate, Rehearsal, Run
from cluster.reach import visible_to
from cluster.rehearsal import question, record
from cluster.rehearsal.question import Asked
from cluster.rehearsal.record import EventSeen
from cluster.roles import Action
from cluster.wording import say
from planner.sentence import Sentence

PAGE: Final = 500
call = calls(_("runs and events"))
rehearse = calls(_("rehearsals"))


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run as programs follow it."""

    id: str
    kind: str
    state: str
    stage: str
    progress: int
    estate: int | None
    estate_name: str
    created_at: str
    finished_at: str | None
    error: str | None
    error_sheet: str
    error_row: int | None
    error_column: str


class EstateView(msgspec.Struct, frozen=True, kw_only=True):
    """An estate as programs list them."""

    id: int
    name: str
    format: str
    revision: int
    imported_at: str | None


class RehearsalView(msgspec.Struct, frozen=True, kw_only=True):
    """A rehearsal as programs, and the page that plays it, follow it."""

    id: str
    kind: str
    state: str
    progress: int
    estate: int | None
    estate_name: str
    cluster: str
    scenario: str
    product: str
    script: str
    error: str | None
    opening: Any
    outages: list[dict[str, Any]] | None
    rescues: list[dict[str, Any]] | None
    advice: list[str] | None
    drills: Any


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """Events, oldest first; `more`: ask again after the last."""

    events: list[EventView]
    more: bool


class Estates(msgspec.Struct, frozen=True, kw_only=True):
    estates: list[EstateView]


class EventsOfRehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """Events with what each changed; `state` is the run's after the last of them."""

    events: list[EventSeen]
    more: bool
    state: str


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """A rehearsal that is queued, and where to follow it."""

    id: UUID
    url: str


@call(
    "GET",
    "events",
    "api-events",
    _("What happened after an event that you have, oldest first."),
    answers=Events,
)
def events(request: HttpRequest, after: After = "0") -> Events:
    rows = list(selectors.visible_events(request.user).filter(seq__gt=int(after)).order_by("seq")[: PAGE + 1])
    language = translation.get_language() or "en"
    return Events(events=[view(row, language) for row in rows[:PAGE]], more=len(rows) > PAGE)


@call("GET", "runs", "api-runs", _("What was asked for, newest first."), answers=Rows[RunView])
def runs(
    request: HttpRequest,
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"] | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Rows[RunView]:
    rows = selectors.visible_runs(request.user)
    return page_of(RunView, rows.filter(state=state) if state else rows, limit, offset, run_view)


@call("GET", "runs/{uuid:pk}", "api-run", _("How far a run is, and how it ended."), answers=RunView)
def run(request: HttpRequest, pk: UUID) -> RunView:
    return run_view(get_object_or_404(selectors.visible_runs(request.user), pk=pk))


@call("POST", "runs/{uuid:pk}/cancel", "api-run-cancel", _("End a run at its next step."), answers=Done)
def cancel(request: HttpRequest, pk: UUID) -> Done:
    return Done(done=services.cancel(request.user, get_object_or_404(visible_to(request.user, Run), pk=pk)))


@rehearse(
    "GET",
    "rehearsals/{uuid:pk}",
    "api-rehearsal",
    _("Who runs where at the beginning of a rehearsal, and at its end what it meant."),
    answers=RehearsalView,
)
def rehearsal(request: HttpRequest, pk: UUID) -> RehearsalView:
    return _rehearsal_view(get_object_or_404(selectors.visible_rehearsals(request.user), pk=pk))


@rehearse(
    "GET",
    "rehearsals/{uuid:pk}/events",
    "api-rehearsal-events",
    _("What happened in a rehearsal after an event that you have."),
    answers=EventsOfRehearsal,
)
def rehearsal_events(request: HttpRequest, pk: UUID, after: After = "0") -> EventsOfRehearsal:
    found = get_object_or_404(selectors.visible_rehearsals(request.user).defer("opening", "drills"), pk=pk)
    told, more = record.events_after(found, int(after))  # the state was read before: rows never end too soon
    return EventsOfRehearsal(events=told, more=more, state=found.run.state)


@rehearse(
    "POST",
    "rehearsals",
    "api-rehearsals",
    _("Rehearse a script or a drill on a cluster, a scenario, or an earlier rehearsal again."),
    answers=Started,
    status=201,
    body=Asked,
)
def start_rehearsal(request: HttpRequest) -> Started:
    started = _start(request, msgspec.json.decode(request.body, type=Asked))
    return Started(id=started.pk, url=reverse("api-rehearsal", args=[started.pk]))


def queued(run: Run) -> Queued:
    """Where to follow what was asked for."""
    return Queued(run=run.pk, url=reverse("api-run", args=[run.pk]))


def _start(request: HttpRequest, asked: Asked) -> Run:
    services.allow(request.user, Action.REHEARSE)  # before the estate is read
    if asked.scenario:
        if asked.scenario not in question.examples():
            raise Http404
        return services.start_rehearsal(
            request.user, question.of_scenario(asked.scenario), None, asked.scenario
        )
    if asked.rehearsal is not None:
        before = get_object_or_404(selectors.visible_rehearsals(request.user), pk=asked.rehearsal)
        wanted = question.again(before, asked.script)
        return services.start_rehearsal(request.user, wanted, before.run.estate, before.run.estate_name)
    estate = get_object_or_404(selectors.visible_estates(request.user), pk=asked.estate)
    read = wishes.granted(estate, snapshot.load(estate))
    if asked.drill is not None:
        wanted = question.drill_of(read, asked.cluster, asked.product, asked.drill)
    else:
        wanted = question.of_cluster(read, asked.cluster, asked.script)
    return services.start_rehearsal(request.user, wanted, estate, estate.name)


def _rehearsal_view(found: Rehearsal) -> RehearsalView:
    summary = record.summary_of(found)
    return RehearsalView(
        id=str(found.pk),
        kind=found.run.kind,
        state=found.run.state,
        progress=found.run.progress,
        estate=found.run.estate_id,
        estate_name=found.run.estate_name,
        cluster=found.cluster_name,
        scenario=found.scenario,
        product=found.product,
        script=found.script,
        error=say(msgspec.convert(found.run.error, Sentence)) if found.run.error else None,
        opening=found.opening,
        outages=[
            {
                "vm": outage.vm,
                "outage_s": outage.outage_s,
                "lost": outage.is_lost,
                "why": say(outage.why) if outage.why.template else None,
            }
            for outage in summary.outages
        ]
        if summary
        else None,
        rescues=[
            {"what": say(rescue.what), "saves": rescue.saves, "longest_s": rescue.longest_s}
            for rescue in summary.rescues
        ]
        if summary
        else None,
        advice=[say(sentence) for sentence in summary.advice] if summary else None,
        drills=found.drills,
    )


def run_view(run: Run) -> RunView:
    return RunView(
        id=str(run.pk),
        kind=run.kind,
        state=run.state,
        stage=run.stage,
        progress=run.progress,
        estate=run.estate_id,
        estate_name=run.estate_name,
        created_at=_utc(run.created_at) or "",
        finished_at=_utc(run.finished_at),
        error=say(msgspec.convert(run.error, Sentence)) if run.error else None,
        error_sheet=run.error_sheet,
        error_row=run.error_row,
        error_column=run.error_column,
    )


def estate_view(estate: Estate) -> EstateView:
    return EstateView(
        id=estate.pk,
        name=estate.name,
        format=estate.format,
        revision=estate.revision,
        imported_at=_utc(estate.imported_at),
    )


def _utc(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
