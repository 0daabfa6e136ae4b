"""Runs: what was asked for, how far it is, how it ended."""

from __future__ import annotations

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from cluster import selectors, services
from cluster.models import Plan, Run, Study
from cluster.reach import reaches_an_estate
from cluster.roles import Action
from cluster.views.plans import plan_url
from cluster.views.sight import wants_fragment
from cluster.views.stages import stages_of
from cluster.views.studies import study_url
from planner.sentence import Sentence

SHOWN = 100


def runs(request: HttpRequest) -> HttpResponse:
    rows = selectors.visible_runs(request.user).select_related("estate", "requested_by", "upload")[:SHOWN]
    return render(request, "runs.html", {"runs": rows})


def working(request: HttpRequest) -> HttpResponse:
    """The number in the top bar."""
    count = selectors.runs_under_way(request.user).count()
    return HttpResponse(str(count), content_type="text/plain")


def run(request: HttpRequest, pk: str) -> HttpResponse:
    rows = selectors.visible_runs(request.user).select_related("estate", "upload", "requested_by")
    run = get_object_or_404(rows, pk=pk)
    if run.kind in (Run.Kind.REHEARSAL, Run.Kind.DRILL):
        return redirect("rehearsal", pk=run.pk)
    plan = Plan.objects.filter(run=run).first()
    study = Study.objects.filter(run=run).first()
    context = {
        "run": run,
        "estate": run.estate,
        "stages": stages_of(run),
        "events": run.events.order_by("seq"),
        "error": msgspec.convert(run.error, Sentence) if run.error else None,
        "may_cancel": not run.is_finished and services.may_cancel(request.user, run),
        "may_import": reaches_an_estate(request.user, Action.IMPORT),
        "plan_url": plan_url(run.estate, plan) if plan and run.estate else "",
        "answer_url": _answer_url(run, study),
    }
    if not wants_fragment(request):
        return render(request, "run/page.html", context)
    return render(request, "run/progress.html", {**context, "in_place": True})


@require_POST
def cancel(request: HttpRequest, pk: str) -> HttpResponse:
    run = get_object_or_404(selectors.visible_runs(request.user), pk=pk)
    services.cancel(request.user, run)
    return redirect("run", pk=run.pk)


def _answer_url(run: Run, study: Study | None) -> str:
    """Where the answer of a run that is no plan is shown; empty for a plan."""
    if run.kind in (Run.Kind.REHEARSAL, Run.Kind.DRILL):
        return reverse("rehearsal", args=[run.pk])
    if run.estate is None:
        return ""
    if study is not None:
        return study_url(run.estate, study)
    page = {Run.Kind.WIRING: "wiring", Run.Kind.COST: "costs"}.get(Run.Kind(run.kind))
    return reverse(page, args=[run.estate.pk]) if page else ""
