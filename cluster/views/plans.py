"""Other parameters, another plan: asked for as a run, shown where it was asked when the run ends."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from cluster import services
from cluster.forms import ParametersForm
from cluster.models import Estate, Plan, Run
from cluster.reach import visible_to
from cluster.views.sight import part_or_404, wants_fragment
from planner.sentence import Sentence


@require_POST
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue the plan; the page asks for its answer until there is one, a browser without scripts follows."""
    estate = part_or_404(request, pk)
    form = ParametersForm(request.POST)
    cluster = request.POST.get("cluster") or None
    if not form.is_valid():
        template = "parts/parameters_errors.html" if wants_fragment(request) else "estate/parameters.html"
        context = {"estate": estate, "form": form, "cluster_name": cluster}
        return render(request, template, context, status=200 if wants_fragment(request) else 400)
    run = services.start_plan(request.user, estate, form.parameters(cluster))
    if wants_fragment(request):
        return render(request, "parts/planning.html", {"estate": estate, "run": run})
    return redirect("run", pk=run.pk)


def answer(request: HttpRequest, pk: int, run_pk: str) -> HttpResponse:
    """What the page that asked shows now: still waiting, or a way to the plan."""
    estate = part_or_404(request, pk)
    run = get_object_or_404(visible_to(request.user, Run).filter(estate=estate), pk=run_pk)
    plan = Plan.objects.filter(run=run).first()
    if plan is None and not run.is_finished:
        return render(request, "parts/planning.html", {"estate": estate, "run": run})
    if plan is None:
        error = msgspec.convert(run.error, Sentence) if run.error else None
        return render(request, "parts/plan_failed.html", {"estate": estate, "run": run, "error": error})
    response = HttpResponse(status=204)
    response["HX-Location"] = _location(plan_url(estate, plan))
    return response


def plan_url(estate: Estate, plan: Plan) -> str:
    """Where a plan is shown: on the page of its cluster, or of the whole estate."""
    cluster = plan.parameters.get("cluster")
    if cluster is None:
        return f"{reverse('estate', args=[estate.pk])}?{urlencode({'plan': plan.pk})}"
    return f"{reverse('cluster', args=[estate.pk])}?{urlencode({'name': cluster, 'plan': plan.pk})}"


def _location(url: str) -> str:
    return msgspec.json.encode(
        {"path": url, "source": "#planning", "target": "#answer", "select": "#answer", "swap": "outerHTML"}
    ).decode()
