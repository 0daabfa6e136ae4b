"""The pages of one estate: what it answers, how well it was read, where its disks lie, what happened."""

from __future__ import annotations

from typing import Final

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from cluster import selectors
from cluster.forms import ParametersForm
from cluster.models import Datastore
from cluster.reach import covers
from cluster.roles import Action
from cluster.snapshot import load_quality
from cluster.tables import DatastoreTable
from cluster.verdict import of_cluster, of_estate
from cluster.views.sight import asked, estate_or_404, part_or_404, plan_of, wants_fragment
from planner.report import PlanReport

_COUNTED: Final = (*("vms", "vms_on", "vms_off", "templates", "hosts", "clusters", "datastores", "vcpus_on"),)


def summary(request: HttpRequest, pk: int) -> HttpResponse:
    estate = part_or_404(request, pk)
    if not covers(request.user, Action.READ, estate):
        return redirect("estate_vms", pk=estate.pk)
    plan = plan_of(request, estate)
    report = selectors.report_of(plan) if plan else None
    return render(
        request,
        "estate/summary.html",
        {
            "estate": estate,
            "tab": "summary",
            "plan": plan,
            "report": report,
            "verdict": of_estate(report) if report else None,
            "clusters": [(cluster, of_cluster(cluster)) for cluster in report.clusters] if report else [],
            "totals": _totals(report) if report else [],
            "form": ParametersForm.of(report.parameters) if report else ParametersForm(),
            "may_plan": covers(request.user, Action.PLAN, estate),
        },
    )


def quality(request: HttpRequest, pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    quality = load_quality(estate) if estate.quality else None
    return render(request, "estate/quality.html", {"estate": estate, "tab": "quality", "quality": quality})


def datastores(request: HttpRequest, pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    rows = Datastore.objects.filter(estate=estate).annotate(hosts=Count("mounts"))
    wanted = asked(request, "name")
    table = DatastoreTable(rows.filter(name__icontains=wanted) if wanted else rows, order_by="name").paged(
        request
    )
    template = "parts/table.html" if wants_fragment(request) else "estate/datastores.html"
    return render(request, template, {"estate": estate, "tab": "datastores", "table": table})


def events(request: HttpRequest, pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    newest = selectors.visible_events(request.user).filter(estate=estate).order_by("-seq")[:200]
    return render(request, "estate/events.html", {"estate": estate, "tab": "events", "events": newest})


def _totals(report: PlanReport) -> list[tuple[str, int | float, str]]:
    """The estate in numbers: what it is called, how many, the unit."""
    totals = report.totals
    return [
        *((name, getattr(totals, name), "") for name in _COUNTED),
        ("memory_on_gib", totals.memory_on_gib, "GiB"),
        ("storage_used_tib", totals.storage_used_tib, "TiB"),
        ("guest_used_tib", totals.guest_used_tib, "TiB"),
    ]
