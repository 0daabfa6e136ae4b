"""The first page: every estate, and whether it fits."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from msgspec import Struct

from cluster import selectors
from cluster.forms import ImportForm
from cluster.models import Estate, Observation, Plan
from cluster.outlook import outlook_kept
from cluster.roles import Action, may
from cluster.shown import money_range
from cluster.verdict import Verdict, of_estate
from cluster.views.ahead import Headline, headline_of
from cluster.views.imports import import_context
from planner.report import PlanReport


class Card(Struct, frozen=True, kw_only=True):
    """One estate with the answer of its newest plan; None where it has no plan yet."""

    estate: Estate
    report: PlanReport | None
    verdict: Verdict | None
    free_vms: int | None = None
    cost: str = ""
    ahead: Headline | None = None
    is_part: bool = False


def overview(request: HttpRequest) -> HttpResponse:
    cards = list(_cards(request))
    context = {"cards": cards, "may_import": may(request.user, Action.IMPORT), **import_context(ImportForm())}
    return render(request, "overview.html", context)


def _cards(request: HttpRequest) -> Iterator[Card]:
    whole = Plan.objects.filter(parameters__cluster=None)
    estates = selectors.visible_estates(request.user).prefetch_related(
        Prefetch("plans", whole.order_by("-id")[:1], to_attr="newest_plans"),
        Prefetch(
            "observations",
            Observation.objects.exclude(outlook=None).only("estate_id", "taken_at", "outlook")[:1],
            to_attr="newest_outlooks",
        ),
    )
    for estate in selectors.estates_in_part(request.user).exclude(pk__in=estates.values("pk")):
        yield Card(estate=estate, report=None, verdict=None, is_part=True)
    for estate in estates:
        ahead = headline_of(next(map(outlook_kept, estate.newest_outlooks), None))
        if not estate.newest_plans:
            yield Card(estate=estate, report=None, verdict=None, ahead=ahead)
            continue
        report = selectors.report_of(estate.newest_plans[0])
        yield Card(
            estate=estate,
            report=report,
            verdict=of_estate(report),
            free_vms=_free_vms(report),
            cost=cost_a_year(report),
            ahead=ahead,
        )


def _free_vms(report: PlanReport) -> int | None:
    """Room for more VMs, over the clusters of which it is known."""
    known = [cluster.free_vms for cluster in report.clusters if cluster.free_vms is not None]
    return sum(known) if known else None


def cost_a_year(report: PlanReport) -> str:
    """What the planned hosts cost a year, one sum a currency; empty where nothing is known."""
    return " + ".join(
        money_range(_whole(line.low), _whole(line.high), line.currency)
        for line in report.cost
        if line.item == "total" and line.per == "year" and line.scope == "planned" and line.low is not None
    )


def _whole(amount: str | None) -> str | None:
    """The amount without its cents, for the eye."""
    return None if amount is None else str(Decimal(amount).quantize(Decimal(1)))
