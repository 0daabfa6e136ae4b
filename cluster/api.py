"""The JSON interface: /api/v1/.  Readers see what the screens show them, and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import translation
from django.views.decorators.http import require_GET, require_POST

from cluster import selectors, services, snapshot, wishes
from cluster.frames import view
from cluster.models import Estate, Rehearsal, Run
from cluster.rehearsal import question, record
from cluster.rehearsal.question import Asked, BadScript
from cluster.roles import Action
from cluster.wording import say
from planner.sentence import Sentence

View: TypeAlias = Callable[..., HttpResponse]
PAGE: Final = 500
SEQ_DIGITS_MAX: Final = 18  # a 64-bit number


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


def for_programs(answer: View) -> View:
    """Only GET, and 401 where a person would be sent to the login page."""
    return login_not_required(require_GET(_or_401(answer)))


def _or_401(answer: View) -> View:

    @wraps(answer)
    def answer_or_401(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return JsonResponse({"error": "log in first"}, status=401)
        return answer(request, *args, **kwargs)

    return answer_or_401


@for_programs
def events(request: HttpRequest) -> HttpResponse:
    """The events after a number, oldest first; `more` says whether to ask again after the last."""
    after = _after(request)
    if after is None:
        return JsonResponse({"error": "after is not a number"}, status=400)
    rows = list(selectors.visible_events(request.user).filter(seq__gt=after).order_by("seq")[: PAGE + 1])
    language = translation.get_language() or "en"
    return _json({"events": [view(row, language) for row in rows[:PAGE]], "more": len(rows) > PAGE})


@for_programs
def run(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _json(_run_view(get_object_or_404(selectors.visible_runs(request.user), pk=pk)))


@for_programs
def estates(request: HttpRequest) -> HttpResponse:
    return _json({"estates": [_estate_view(row) for row in selectors.visible_estates(request.user)]})


@for_programs
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest plan of the whole estate, as `python -m planner plan` prints it."""
    estate = get_object_or_404(selectors.visible_estates(request.user), pk=pk)
    newest = selectors.latest_plan(estate)
    if newest is None:
        return JsonResponse({"error": "no plan yet"}, status=404)
    return _json(newest.report)


@for_programs
def rehearsal(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A rehearsal: who runs where at its beginning, and at its end what it meant."""
    return _json(_rehearsal_view(get_object_or_404(selectors.visible_rehearsals(request.user), pk=pk)))


@for_programs
def rehearsal_events(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The events after a number with what each changed; `state` is the run's after the last of them."""
    found = get_object_or_404(selectors.visible_rehearsals(request.user).defer("opening", "drills"), pk=pk)
    after = _after(request)
    if after is None:
        return JsonResponse({"error": "after is not a number"}, status=400)
    told, more = record.events_after(found, after)  # the state was read before: rows never end too soon
    return _json({"events": told, "more": more, "state": found.run.state})


@login_not_required
@require_POST
@_or_401
def start_rehearsal(request: HttpRequest) -> HttpResponse:
    """Queue a rehearsal: 201 with its address, 400 with line and word of a bad script, 403, 404."""
    try:
        asked = msgspec.json.decode(request.body, type=Asked)
        run = _start(request, asked)
    except msgspec.MsgspecError as error:
        return JsonResponse({"error": str(error)}, status=400)
    except BadScript as bad:
        return JsonResponse({"error": say(bad.message), "line": bad.line, "word": bad.word}, status=400)
    except services.NotAllowed:
        return JsonResponse({"error": "your role does not rehearse"}, status=403)
    return JsonResponse({"id": str(run.pk), "url": reverse("api-rehearsal", args=[run.pk])}, status=201)


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


def _after(request: HttpRequest) -> int | None:
    """The number that `?after=` names; None where it is none."""
    asked = request.GET.get("after", "0")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= SEQ_DIGITS_MAX else None


def _run_view(run: Run) -> RunView:
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


def _estate_view(estate: Estate) -> EstateView:
    return EstateView(
        id=estate.pk,
        name=estate.name,
        format=estate.format,
        revision=estate.revision,
        imported_at=_utc(estate.imported_at),
    )


def _utc(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def _json(content: Any) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(content), content_type="application/json")


urlpatterns = [
    path("api/v1/events", events, name="api-events"),
    path("api/v1/runs/<uuid:pk>", run, name="api-run"),
    path("api/v1/rehearsals", start_rehearsal, name="api-rehearsals"),
    path("api/v1/rehearsals/<uuid:pk>", rehearsal, name="api-rehearsal"),
    path("api/v1/rehearsals/<uuid:pk>/events", rehearsal_events, name="api-rehearsal-events"),
    path("api/v1/estates", estates, name="api-estates"),
    path("api/v1/estates/<int:pk>/plan", plan, name="api-plan"),
]
