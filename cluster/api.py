"""The JSON interface: /api/v1/.  Readers see what the screens show them, and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import translation
from django.views.decorators.http import require_GET

from cluster import selectors
from cluster.frames import view
from cluster.models import Estate, Run
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


def for_programs(answer: View) -> View:
    """Only GET, and 401 where a person would be sent to the login page."""

    @wraps(answer)
    def answer_or_401(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return JsonResponse({"error": "log in first"}, status=401)
        return answer(request, *args, **kwargs)

    return login_not_required(require_GET(answer_or_401))


@for_programs
def events(request: HttpRequest) -> HttpResponse:
    """The events after a number, oldest first; `more` says whether to ask again after the last."""
    asked = request.GET.get("after", "0")
    if not (asked.isascii() and asked.isdigit() and len(asked) <= SEQ_DIGITS_MAX):
        return JsonResponse({"error": "after is not a number"}, status=400)
    rows = list(selectors.visible_events(request.user).filter(seq__gt=int(asked)).order_by("seq")[: PAGE + 1])
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
    path("api/v1/estates", estates, name="api-estates"),
    path("api/v1/estates/<int:pk>/plan", plan, name="api-plan"),
]
