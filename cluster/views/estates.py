"""The pages of one estate: what it answers, how well it was read, where its disks lie, what happened."""

from __future__ import annotations

from typing import Final

from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST
from msgspec import Struct

from cluster import selectors, services
from cluster.forms import ParametersForm
from cluster.models import Datastore, PortGroup
from cluster.reach import covers
from cluster.roles import Action
from cluster.snapshot import load_quality
from cluster.tables import DatastoreTable, PortGroupTable
from cluster.verdict import of_cluster, of_estate
from cluster.views.sight import asked, estate_or_404, part_or_404, plan_of, wants_fragment
from planner.quality import Finding, Quality
from planner.report import PlanReport

_FINDINGS_SHOWN: Final = 4
_COUNTED: Final = (*("vms", "vms_on", "vms_off", "templates", "hosts", "clusters", "datastores", "vcpus_on"),)


class Read(Struct, frozen=True, kw_only=True):
    """The quality report in four numbers, and what stands first in it."""

    rows: int
    skipped: int
    warnings: int
    unused: int
    vms_lost: int
    first: tuple[Finding, ...]


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
            "read": _read(report.quality) if report else None,
            "form": ParametersForm.of(report.parameters) if report else ParametersForm(),
            "may_plan": covers(request.user, Action.PLAN, estate),
            "may_remove": covers(request.user, Action.IMPORT, estate),
            "committed": estate.variants.filter(committed_at__isnull=False),
        },
    )


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the estate; a request that does not say that it is meant changes nothing."""
    estate = estate_or_404(request, pk)
    if not covers(request.user, Action.IMPORT, estate):
        raise PermissionDenied(gettext("Your role may read estates, not remove them."))
    if request.POST.get("sure") != "yes":
        return redirect("estate", pk=pk)
    services.remove_estate(request.user, estate)
    return redirect("overview")


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


def network(request: HttpRequest, pk: int) -> HttpResponse:
    """The networks as VMs and hosts see them."""
    estate = estate_or_404(request, pk)
    rows = PortGroup.objects.filter(estate=estate)
    wanted = asked(request, "name")
    shown = rows.filter(name__icontains=wanted) if wanted else rows
    table = PortGroupTable(shown, order_by="name").paged(request)
    template = "parts/table.html" if wants_fragment(request) else "estate/network.html"
    return render(request, template, {"estate": estate, "tab": "network", "table": table})


def events(request: HttpRequest, pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    newest = selectors.visible_events(request.user).filter(estate=estate).order_by("-seq")[:200]
    return render(request, "estate/events.html", {"estate": estate, "tab": "events", "events": newest})


def _read(quality: Quality) -> Read:
    return Read(
        rows=sum(sheet.rows_read for sheet in quality.sheets),
        skipped=sum(sheet.rows_skipped for sheet in quality.sheets),
        warnings=sum(finding.count for finding in quality.warnings),
        unused=sum(not sheet.used for sheet in quality.sheets),
        vms_lost=sum(sheet.vms_lost for sheet in quality.sheets),
        first=quality.warnings[:_FINDINGS_SHOWN],
    )


def _totals(report: PlanReport) -> list[tuple[str, int | float, str]]:
    """The estate in numbers: what it is called, how many, the unit."""
    totals = report.totals
    return [
        *((name, getattr(totals, name), "") for name in _COUNTED),
        ("memory_on_gib", totals.memory_on_gib, "GiB"),
        ("storage_used_tib", totals.storage_used_tib, "TiB"),
        # Nothing held inside the VMs means that no VM told: unknown is not shown as nought.
        *([("guest_used_tib", totals.guest_used_tib, "TiB")] if totals.guest_used_tib else []),
    ]
