"""How available the VMs are: causes, what moves them, what a nine costs, the years that were played."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_POST
from msgspec import Struct

from cluster import selectors, services
from cluster.component_names import KIND_NAMES
from cluster.models import Redundancy
from cluster.question import YearsAsked
from cluster.views.sight import estate_or_404
from cluster.views.wiring import wiring_context
from cluster.wiring_forms import YearsForm
from planner.availability.answer import PROTECTIONS, ClusterAvailability, ServiceAvailability, Swing
from planner.availability.closed import MINUTES_A_YEAR, nines
from planner.availability.simulated import Played, edges
from planner.availability_told import availability_document
from planner.catalogue import reliability
from planner.nines_priced import Amount, PricedNines

SWINGS_SHOWN: Final = 12
VMS_SHOWN: Final = 100
SERVICE_CAUSES_SHOWN: Final = 8
UNKNOWN_SHOWN: Final = 8
UNKNOWN_WORDS: Final = {
    "vm": gettext_lazy("not in the estate"),
    "off": gettext_lazy("powered off, so it does not serve"),
    "host": gettext_lazy("its host is not known"),
    "storage": gettext_lazy("its ways to storage are not known"),
    "network": gettext_lazy("its ways to the clients are not known"),
}


class Row(Struct, frozen=True, kw_only=True):
    """A cause with its minutes, what was played of it, and how long its bar is beside the longest."""

    label: object
    minutes: list[float | None]
    share: float
    played: Any = None


class SwingBar(Struct, frozen=True, kw_only=True):
    """One figure's swing, as shares of the widest."""

    swing: Swing
    name: str
    begin: float
    width: float


class Bin(Struct, frozen=True, kw_only=True):
    """Years that lost up to so many minutes: their share, and their bar."""

    label: str
    share: float
    height: float
    x: float
    width: float


class Sum(Struct, frozen=True, kw_only=True):
    """A yearly amount in one currency."""

    currency: str
    low: float
    high: float


class Nine(Struct, frozen=True, kw_only=True):
    """One protection with its price, as the page shows it."""

    row: PricedNines
    amounts: list[Sum]
    per_nine: list[Sum]


def availability(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, pk)


@require_POST
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Work the availability out again with other assumptions, or more years."""
    form = YearsForm(request.POST)
    if not form.is_valid():
        return _page(request, pk, form)
    run = services.start_wiring(request.user, estate_or_404(request, pk), form.asked())
    return redirect("run", pk=run.pk)


def document(request: HttpRequest, pk: int) -> HttpResponse:
    """The same as JSON, as `python -m planner availability --json` prints it."""
    redundancy = selectors.latest_redundancy(estate_or_404(request, pk))
    if redundancy is None:
        raise Http404(gettext("The wiring was not examined yet"))
    asked = _asked(redundancy)
    told = availability_document(
        selectors.availability_of(redundancy),
        priced_of(redundancy),
        selectors.services_of(redundancy),
        years=asked.years,
        seed=asked.seed,
    )
    return HttpResponse(msgspec.json.encode(told), content_type="application/json")


def _page(request: HttpRequest, pk: int, form: YearsForm | None = None) -> HttpResponse:
    estate = estate_or_404(request, pk)
    context = wiring_context(request, estate, "availability")
    redundancy = context["redundancy"]
    if isinstance(redundancy, Redundancy):
        priced = priced_of(redundancy)
        found = selectors.availability_of(redundancy)
        context["clusters_shown"] = [_shown(one, priced.get(one.name, ())) for one in found]
        context["services"] = [_service(one) for one in selectors.services_of(redundancy)]
        context["facts"] = reliability.facts()
        context["form"] = form or YearsForm.of(_asked(redundancy))
    return render(request, "estate/availability.html", context, status=400 if form else 200)


def _asked(redundancy: Redundancy) -> YearsAsked:
    return msgspec.convert(redundancy.parameters, YearsAsked)


def priced_of(redundancy: Redundancy) -> dict[str, tuple[PricedNines, ...]]:
    """What each nine costs, by cluster."""
    return msgspec.convert(redundancy.priced, dict[str, tuple[PricedNines, ...]])


def _shown(one: ClusterAvailability, priced: tuple[PricedNines, ...]) -> dict[str, object]:
    """A cluster as the page shows it."""
    longest = max((cause.minutes["ha"] or 0.0 for cause in one.causes), default=0.0) or 1.0
    parts = one.parts_played
    return {
        "cluster": one,
        "rows": [
            Row(
                label=cause.label,
                minutes=[cause.minutes[kind] for kind in PROTECTIONS],
                share=100 * (cause.minutes["ha"] or 0.0) / longest,
                played=parts.minutes["ha"][cause.id] if parts and cause.minutes["ha"] else None,
            )
            for cause in one.causes
        ],
        "totals": [one.minutes[kind] for kind in PROTECTIONS],
        "shares": [100 * one.availability(kind) for kind in PROTECTIONS],
        "nines": [nines(one.minutes[kind] / MINUTES_A_YEAR) for kind in PROTECTIONS],
        "ranges": [(one.best_minutes[kind], one.worst_minutes[kind]) for kind in PROTECTIONS],
        "parts": parts,
        "parts_total": None if parts is None else parts.total["ha"],
        "quantiles": None if parts is None else [parts.quantiles[kind] for kind in PROTECTIONS],
        "restart": _minutes(one),
        "bins": _bins(one.played),
        "swings": _swings(one),
        "priced": [Nine(row=row, amounts=_sums(row.amounts), per_nine=_sums(row.per_nine)) for row in priced],
        "vms": [(vm, 100 * vm.availability) for vm in one.vms[:VMS_SHOWN]],
        "sampled": one.short_sampled,
    }


def _service(one: ServiceAvailability) -> dict[str, object]:
    """A service as the page shows it: the worst causes, and what nobody told of its VMs."""
    return {
        "service": one,
        "share": None if one.availability is None else 100 * one.availability,
        "protections": [one.protections[kind] for kind in PROTECTIONS],
        "causes": one.causes[:SERVICE_CAUSES_SHOWN],
        "singles": sum(cause.single for cause in one.causes),
        "unknown": [(name, str(UNKNOWN_WORDS[what])) for name, what in one.unknown[:UNKNOWN_SHOWN]],
    }


def _sums(amounts: tuple[Amount, ...]) -> list[Sum]:
    return [Sum(currency=one.currency, low=float(one.low), high=float(one.high)) for one in amounts]


def _minutes(one: ClusterAvailability) -> dict[str, float] | None:
    if one.played is None:
        return None
    estimate = one.played.vm_restarts
    return {
        "years": one.played.years,
        "value": estimate.value * MINUTES_A_YEAR,
        "low": estimate.low * MINUTES_A_YEAR,
        "high": estimate.high * MINUTES_A_YEAR,
        "p99": one.played.minutes_quantiles.get("p99", 0.0),
    }


def _bins(played: Played | None) -> list[Bin]:
    """The years by the minutes a VM lost to its hosts: a bar a decade, the years without any first."""
    if played is None or not sum(played.histogram):
        return []
    decades: dict[float, int] = {}
    for upper, count in zip(edges(), played.histogram, strict=True):
        decade = 0.0
        while upper and decade < upper * (1 - 1e-9):
            decade = decade * 10 or 0.001
        decades[decade] = decades.get(decade, 0) + count
    shown = [(upper, count) for upper, count in sorted(decades.items()) if count or not upper]
    total, most = sum(played.histogram), max(count for _, count in shown)
    step = 100 / len(shown)
    return [
        Bin(
            label="0" if not upper else f"≤ {upper:g}",
            share=100 * count / total,
            height=100 * count / most,
            x=place * step + step * 0.1,
            width=step * 0.8,
        )
        for place, (upper, count) in enumerate(shown)
    ]


def _figure(key: str) -> str:
    """What a row of the catalogue is, in words."""
    named = {
        "mttr_h": gettext("Hours of a repair"),
        "ha_restart_s": gettext("Seconds until HA restarts a VM"),
        "boot_s": gettext("Seconds until a guest serves"),
    }
    if key in named:
        return named[key]
    kind = key.removeprefix("mtbf_").removesuffix("_h")
    return gettext("Hours between failures: {kind}").format(kind=KIND_NAMES.get(kind, kind))


def _swings(one: ClusterAvailability) -> list[SwingBar]:
    spans = [swing for swing in one.swings if swing.worst_minutes - swing.best_minutes > 0][:SWINGS_SHOWN]
    if not spans:
        return []
    low = min(swing.best_minutes for swing in spans)
    width = max(swing.worst_minutes for swing in spans) - low or 1.0
    return [
        SwingBar(
            swing=swing,
            name=_figure(swing.key),
            begin=100 * (swing.best_minutes - low) / width,
            width=max(0.5, 100 * (swing.worst_minutes - swing.best_minutes) / width),
        )
        for swing in spans
    ]
