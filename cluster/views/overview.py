"""The first page: six questions about every estate, each answered in a line that opens its proof."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from msgspec import Struct

from cluster import selectors
from cluster.forms import ImportForm
from cluster.models import CostStudy, Estate, Observation, Plan, Redundancy
from cluster.outlook import outlook_kept
from cluster.reach import reaches_an_estate, sees_everything
from cluster.roles import Action
from cluster.shown import money_range
from cluster.verdict import Verdict, of_estate
from cluster.views.ahead import headline_of
from cluster.views.first_run import first_run
from cluster.views.imports import import_context
from cluster.views.tiles import Day, Tile, tiles_of
from planner.report import PlanReport


class Card(Struct, frozen=True, kw_only=True):
    """One estate with its six answers; the report is None where it has no plan yet."""

    estate: Estate
    report: PlanReport | None
    verdict: Verdict | None
    tiles: tuple[Tile, ...]
    free_vms: int | None = None
    is_part: bool = False


def overview(request: HttpRequest) -> HttpResponse:
    cards = sorted(_cards(request), key=_urgency)
    estates = [card.estate for card in cards]
    context = {
        "cards": cards,
        "has_reports": any(card.report for card in cards),
        "is_narrowed": not sees_everything(request.user),
        "not_fitting": sum(card.verdict is not None and card.verdict.state == "bad" for card in cards),
        "first_run": first_run(request.user, estates),
        "may_import": reaches_an_estate(request.user, Action.IMPORT),
        **import_context(request, ImportForm()),
    }
    return render(request, "overview.html", context)


def _cards(request: HttpRequest) -> Iterator[Card]:
    estates = list(selectors.visible_estates(request.user).prefetch_related(*_newest()))
    for estate in selectors.estates_in_part(request.user).exclude(pk__in=[one.pk for one in estates]):
        yield Card(estate=estate, report=None, verdict=None, tiles=(), is_part=True)
    days = selectors.last_day(estates)
    for estate in estates:
        ahead = headline_of(next(map(outlook_kept, estate.newest_outlooks), None))
        report = selectors.report_of(estate.newest_plans[0]) if estate.newest_plans else None
        verdict = of_estate(report) if report else None
        cost = cost_a_year(report) if report else ""
        day = Day(counts=days.get(estate.pk, {}))
        yield Card(
            estate=estate,
            report=report,
            verdict=verdict,
            tiles=tiles_of(estate, report, verdict, ahead, cost, day),
            free_vms=_free_vms(report) if report else None,
        )


def _urgency(card: Card) -> int:
    """What does not fit comes first; the order is by name else."""
    return 0 if card.verdict is not None and card.verdict.state == "bad" else 1


def _newest() -> tuple[Prefetch, ...]:
    """The newest of everything that a card shows, one query each however many estates there are."""
    plans = Plan.objects.filter(parameters__cluster=None).order_by("-id")[:1]
    outlooks = Observation.objects.exclude(outlook=None).only("estate_id", "taken_at", "outlook")[:1]
    redundancies = Redundancy.objects.only("estate_id", "estate_revision", "tally")[:1]
    prices = CostStudy.objects.exclude(tally={}).only("estate_id", "tally")[:1]
    return (
        Prefetch("plans", plans, to_attr="newest_plans"),
        Prefetch("observations", outlooks, to_attr="newest_outlooks"),
        Prefetch("redundancies", redundancies, to_attr="newest_redundancies"),
        Prefetch("cost_studies", prices, to_attr="newest_prices"),
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
