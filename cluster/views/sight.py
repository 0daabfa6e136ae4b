"""What a reader may see, or 404: whoever may not read an estate is not told that it exists."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext

from cluster import selectors
from cluster.models import Estate, Host, Plan, VirtualMachine
from planner.report import ClusterPlan, PlanReport

Row = TypeVar("Row", bound=Model)


def estate_or_404(request: HttpRequest, pk: int) -> Estate:
    return get_object_or_404(selectors.visible_estates(request.user), pk=pk)


def host_or_404(request: HttpRequest, pk: int) -> Host:
    return get_object_or_404(_of_visible(request, Host.objects.select_related("estate")), pk=pk)


def vm_or_404(request: HttpRequest, pk: int) -> VirtualMachine:
    vms = VirtualMachine.objects.select_related("estate", "host")
    return get_object_or_404(_of_visible(request, vms), pk=pk)


def plan_of(request: HttpRequest, estate: Estate) -> Plan | None:
    """The plan that `?plan=` names, else the newest of the whole estate."""
    wanted = request.GET.get("plan", "")
    if not wanted:
        return selectors.latest_plan(estate)
    if not wanted.isdecimal() or len(wanted) > 18:
        raise Http404(gettext("There is no such plan"))
    return get_object_or_404(estate.plans, pk=int(wanted))


def cluster_plan_of(report: PlanReport, name: str) -> ClusterPlan | None:
    """The plan of the cluster of this name."""
    return next((cluster for cluster in report.clusters if cluster.name == name), None)


def asked(request: HttpRequest, name: str) -> str:
    """A text of the query; without NUL, which PostgreSQL takes in no text."""
    return request.GET.get(name, "").replace("\0", "")


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page; a page taken out of the history is wanted whole."""
    htmx = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def _of_visible(request: HttpRequest, rows: QuerySet[Row]) -> QuerySet[Row]:
    return rows.filter(estate__in=selectors.visible_estates(request.user))
