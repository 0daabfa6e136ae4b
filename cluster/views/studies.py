"""Failures, balance and placement of one cluster: asked for as a run, shown where it was asked."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from cluster import selectors, services
from cluster.forms import STUDY_FORMS, StudyForm
from cluster.models import Estate, Run, Study
from cluster.question import Question
from cluster.reach import covers, visible_to
from cluster.roles import Action
from cluster.views.balance_shown import balance_context
from cluster.views.failures_shown import failures_context
from cluster.views.placement_shown import placement_context
from cluster.views.sight import asked, cluster_or_404, part_or_404, wants_fragment
from planner.sentence import Sentence

CONTEXTS: Final = {
    Study.Kind.FAILURES: failures_context,
    Study.Kind.BALANCE: balance_context,
    Study.Kind.PLACEMENT: placement_context,
}


def study(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The newest study of this kind of a cluster, or the one that `?study=` names."""
    estate = part_or_404(request, pk)
    name = cluster_or_404(request, estate, asked(request, "name"))
    found = _study_of(request, estate, kind, name)
    question = msgspec.convert(found.question, Question) if found else None
    context: dict[str, Any] = {
        "estate": estate,
        "cluster_name": name,
        "kind": kind,
        "study": found,
        "question": question,
        "is_stale": found is not None and found.estate_revision != estate.revision,
        "form": STUDY_FORMS[kind].of(question, selectors.host_tags(estate)),
        "may_plan": covers(request.user, Action.PLAN, estate, name),
    }
    if found is not None:
        context |= CONTEXTS[Study.Kind(kind)](request, found)
    return render(request, "study/page.html", context)


@require_POST
def ask(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Queue the question; the page asks for its answer until there is one."""
    estate = part_or_404(request, pk)
    name = cluster_or_404(request, estate, request.POST.get("cluster", "").replace("\0", ""))
    form: StudyForm = STUDY_FORMS[kind](request.POST, tags=selectors.host_tags(estate))
    if not form.is_valid():
        context = {"estate": estate, "form": form, "cluster_name": name, "kind": kind}
        template = "parts/parameters_errors.html" if wants_fragment(request) else "study/asked_wrong.html"
        return render(request, template, context, status=200 if wants_fragment(request) else 400)
    run = services.start_study(request.user, estate, form.question(name))
    if wants_fragment(request):
        return render(request, "study/waiting.html", {"estate": estate, "run": run})
    return redirect("run", pk=run.pk)


def answer(request: HttpRequest, pk: int, run_pk: str) -> HttpResponse:
    """What the page that asked shows now: still waiting, or a way to the answer."""
    estate = part_or_404(request, pk)
    run = get_object_or_404(visible_to(request.user, Run).filter(estate=estate), pk=run_pk)
    found = Study.objects.filter(run=run).first()
    if found is None and not run.is_finished:
        return render(request, "study/waiting.html", {"estate": estate, "run": run})
    if found is None:
        error = msgspec.convert(run.error, Sentence) if run.error else None
        return render(request, "parts/plan_failed.html", {"estate": estate, "run": run, "error": error})
    response = HttpResponse(status=204)
    location = {
        "path": study_url(estate, found),
        "source": "#planning",
        "target": "#answer",
        "select": "#answer",
        "swap": "outerHTML",
    }
    response["HX-Location"] = msgspec.json.encode(location).decode()
    return response


def study_url(estate: Estate, found: Study) -> str:
    """Where a study is shown."""
    query = urlencode({"name": found.cluster_name, "study": found.pk})
    return f"{reverse('study', args=[estate.pk, found.kind])}?{query}"


def _study_of(request: HttpRequest, estate: Estate, kind: str, name: str) -> Study | None:
    wanted = request.GET.get("study", "")
    if not wanted:
        return selectors.latest_study(estate, kind, name)
    if not wanted.isdecimal() or len(wanted) > 18:
        raise Http404(gettext("There is no such study"))
    return get_object_or_404(estate.studies.filter(kind=kind, cluster_name=name), pk=int(wanted))
