"""The page of one cluster: the verdict first, then every number with its proof."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from cluster import accuracy, foretelling, selectors, steps
from cluster.demo import is_demo
from cluster.forms import ParametersForm
from cluster.models import Estate, Plan
from cluster.reach import covers
from cluster.roles import Action
from cluster.verdict import of_cluster
from cluster.views.clearance import clearance
from cluster.views.costs import cost_groups
from cluster.views.figures import figure_groups
from cluster.views.headline import binding_words, headline_of
from cluster.views.sight import asked, cluster_plan_of, part_or_404, plan_of, wants_fragment


def cluster(request: HttpRequest, pk: int) -> HttpResponse:
    estate = part_or_404(request, pk)
    name = asked(request, "name")
    if not covers(request.user, Action.READ, estate, name):
        raise Http404(gettext("There is no such cluster"))
    plan = plan_of(request, estate)
    if plan is not None and is_demo(estate):
        steps.note_verdict_read(request.user)
    template = "cluster/answer.html" if wants_fragment(request) else "cluster/page.html"
    return render(request, template, context_of(request, estate, name, plan))


def context_of(request: HttpRequest, estate: Estate, name: str, plan: Plan | None) -> dict[str, object]:
    """What the page shows.

    Raises:
        Http404: neither the plan nor the estate knows a cluster of this name.
    """
    report = selectors.report_of(plan) if plan else None
    of_name = cluster_plan_of(report, name) if report else None
    if of_name is None and not any(known.name == name for known in selectors.clusters_of(estate)):
        raise Http404(gettext("There is no such cluster"))
    return {
        "estate": estate,
        "cluster_name": name,
        "plan": plan,
        "is_variant": plan is not None and plan.parameters.get("cluster") is not None,
        "parameters": report.parameters if report else None,
        "cluster": of_name,
        "verdict": of_cluster(of_name) if of_name else None,
        "headline": headline_of(of_name) if of_name else "",
        "binding_words": binding_words(of_name) if of_name else "",
        "clearance": clearance(of_name) if of_name else None,
        "cost_groups": cost_groups(of_name.cost) if of_name else [],
        "form": ParametersForm.of(report.parameters) if report else ParametersForm(),
        "figure_groups": figure_groups(of_name.figures) if of_name else [],
        "vms_elsewhere": selectors.vms_on_unknown_hosts(estate, name).count(),
        "is_whole": covers(request.user, Action.READ, estate),
        "may_plan": covers(request.user, Action.PLAN, estate, name),
        "may_rehearse": covers(request.user, Action.REHEARSE, estate),
        "foretold_lines": _foretold(estate, name),
    }


def _foretold(estate: Estate, name: str) -> tuple[tuple[str, str], ...]:
    """How good migrations are foretold here; nothing where the estate was read from no server."""
    taught = foretelling.taught_of(estate).get(name)
    return () if taught is None else accuracy.lines_of(taught)
