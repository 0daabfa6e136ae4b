"""What a reader may see, or 404: whoever may not read an estate is not told that it exists."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext

from cluster import selectors
from cluster.models import Estate, Host, Plan, VirtualMachine
from cluster.reach import covers, visible_to
from cluster.roles import Action
from planner.report import ClusterPlan, PlanReport

Row = TypeVar("Row", bound=Model)


def estate_or_404(request: HttpRequest, pk: int) -> Estate:
    return get_object_or_404(selectors.visible_estates(request.user), pk=pk)


def part_or_404(request: HttpRequest, pk: int) -> Estate:
    """An estate of which this reader may see something; its views show no more than that."""
    return get_object_or_404(selectors.estates_in_part(request.user), pk=pk)


def host_or_404(request: HttpRequest, pk: int) -> Host:
    return get_object_or_404(visible_to(request.user, Host).select_related("estate"), pk=pk)


def vm_or_404(request: HttpRequest, pk: int) -> VirtualMachine:
    vms = visible_to(request.user, VirtualMachine).select_related("estate", "host")
    return get_object_or_404(vms, pk=pk)


def cluster_or_404(request: HttpRequest, estate: Estate, name: str) -> str:
    """The name of a cluster that this reader sees whole."""
    if not any(known.name == name for known in selectors.clusters_seen(request.user, estate)):
        raise Http404(gettext("There is no such cluster"))
    return name


def seen_of(request: HttpRequest, estate: Estate, rows: QuerySet[Row]) -> QuerySet[Row]:
    """The rows of an estate that this reader may see: all of an estate that he sees whole."""
    if covers(request.user, Action.READ, estate):
        return rows
    return rows.filter(pk__in=visible_to(request.user, rows.model).values("pk"))


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
