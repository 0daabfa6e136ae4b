"""The pages about redundancy: what is single, the topology to break things in, how available the VMs are."""

from __future__ import annotations

from typing import Final

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_POST
from msgspec import Struct

from cluster import selectors, services, snapshot
from cluster.labels import KIND_NAMES, SERVICE_NAMES
from cluster.models import Estate, Redundancy
from cluster.reach import covers
from cluster.roles import Action
from cluster.views.sight import asked, estate_or_404
from planner.availability.closed import MINUTES_A_YEAR, nines
from planner.availability.report import PROTECTIONS, ClusterAvailability
from planner.blast import Blast, blast
from planner.catalogue import reliability
from planner.estate import Estate as Wired
from planner.estate import EstateError
from planner.paths.designs import DESIGNS
from planner.paths.picture import draw
from planner.paths.report import PathsReport
from planner.report import Parameters

DESIGN_NAMES: Final = {
    "crossed-fabrics": gettext_lazy("Two crossed fabrics"),
    "two-switches": gettext_lazy("Two switches"),
    "two-feeds": gettext_lazy("Two feeds"),
    "stretched": gettext_lazy("Stretched over two sites, witness in a third"),
}
FAILED_AT_MOST: Final = 40


class Laid(Struct, frozen=True, kw_only=True):
    """A standard design as the editor offers it."""

    kind: str
    name: str
    is_laid: bool


class Row(Struct, frozen=True, kw_only=True):
    """A cause with its minutes, and how long its bar is beside the longest."""

    label: object
    minutes: list[float | None]
    share: float


def findings(request: HttpRequest, pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    context = _context(request, estate, "findings")
    report = context["report"]
    if isinstance(report, PathsReport):
        context["proofs"] = [
            (proof, report.count(proof)) for proof in ("redundant", "single", "unknown", "lost")
        ]
    return render(request, "estate/wiring.html", context)


def topology(request: HttpRequest, pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    context = _context(request, estate, "topology")
    return render(request, "estate/topology.html", {**context, "words": _words()})


def availability(request: HttpRequest, pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    context = _context(request, estate, "availability")
    redundancy = context["redundancy"]
    if isinstance(redundancy, Redundancy):
        clusters = [_shown(one) for one in selectors.availability_of(redundancy)]
        context["clusters_shown"] = clusters
        context["facts"] = reliability.facts()
    return render(request, "estate/availability.html", context)


def topology_json(request: HttpRequest, pk: int) -> HttpResponse:
    """The nodes and lines of one cluster."""
    estate = estate_or_404(request, pk)
    redundancy = selectors.latest_redundancy(estate)
    if redundancy is None:
        raise Http404(gettext("The wiring was not examined yet"))
    wired = _wired(estate, _cluster_of(request, estate))
    return _json(draw(wired, _cluster_of(request, estate), selectors.paths_of(redundancy)))


def blast_json(request: HttpRequest, pk: int) -> HttpResponse:
    """What happens in one cluster when components fail; admission is not asked, it may take long."""
    estate = estate_or_404(request, pk)
    wired = _wired(estate, _cluster_of(request, estate))
    failed = request.GET.getlist("fail")[:FAILED_AT_MOST]
    try:
        found = blast(wired, failed, vcpu_per_core=Parameters().vcpu_per_core, with_admission=False)
    except EstateError as error:
        raise Http404(str(error)) from error
    return _json(_told(found))


@require_POST
def examine(request: HttpRequest, pk: int) -> HttpResponse:
    run = services.start_wiring(request.user, estate_or_404(request, pk))
    return redirect("run", pk=run.pk)


@require_POST
def design(request: HttpRequest, pk: int) -> HttpResponse:
    """Lay a standard design over a cluster, or take it away."""
    estate = estate_or_404(request, pk)
    kind, cluster = request.POST.get("design", ""), request.POST.get("cluster", "")
    if kind not in DESIGNS or cluster not in {one.name for one in selectors.clusters_of(estate)}:
        raise Http404(gettext("There is no such design or cluster"))
    run = services.change_design(request.user, estate, cluster, kind, laid=request.POST.get("laid") == "yes")
    return redirect("run", pk=run.pk)


def _context(request: HttpRequest, estate: Estate, part: str) -> dict[str, object]:
    redundancy = selectors.latest_redundancy(estate)
    designs = snapshot.designs_of(estate)
    cluster = asked(request, "cluster")
    clusters = [one.name for one in selectors.clusters_of(estate) if one.hosts]
    chosen = cluster if cluster in clusters else next(iter(clusters), "")
    laid = {kind for name, kind in designs if name == chosen}
    return {
        "estate": estate,
        "tab": "wiring",
        "part": part,
        "redundancy": redundancy,
        "report": selectors.paths_of(redundancy) if redundancy else None,
        "is_old": redundancy is not None
        and (
            redundancy.estate_revision != estate.revision
            or [tuple(one) for one in redundancy.designs] != designs
        ),
        "clusters": clusters,
        "cluster_name": chosen,
        "designs": [
            Laid(kind=kind, name=str(name), is_laid=kind in laid) for kind, name in DESIGN_NAMES.items()
        ],
        "may_plan": covers(request.user, Action.PLAN, estate),
        "may_lay": covers(request.user, Action.IMPORT, estate),
    }


def _words() -> dict[str, object]:
    """What the drawing says, in the reader's language."""
    return {
        "title": gettext("Topology"),
        "hosts": gettext("hosts"),
        "group": gettext("{count} hosts, choose to open"),
        "nobody": gettext("nobody told"),
        "fails": gettext("Fails"),
        "more": gettext("and {count} more"),
        "lost": gettext("Services lost"),
        "weak": gettext("Services that now hang on one component"),
        "nothing": gettext("Nobody is cut off, and everybody keeps a reserve"),
        "silent": gettext("The server does not answer. What you see may be old."),
        "kinds": {key: str(word) for key, word in KIND_NAMES.items()},
        "services": {key: str(word) for key, word in SERVICE_NAMES.items()},
        "layers": [
            gettext("clients"),
            gettext("switches"),
            gettext("hosts"),
            gettext("fabrics"),
            gettext("controllers"),
            gettext("datastores"),
            gettext("power"),
        ],
        "states": {
            "failed": gettext("failed"),
            "lost": gettext("cut off"),
            "weak": gettext("no reserve left"),
            "single": gettext("single point of failure"),
            "unknown": gettext("unknown"),
            "redundant": gettext("redundant"),
        },
        "fates": {
            "stops": gettext("VMs stop, and nobody restarts them"),
            "waits": gettext("VMs stop, and it is not known whether they restart"),
            "restarts": gettext("VMs stop, and HA restarts them"),
            "loses-network": gettext("VMs run on without their network"),
            "fails-over": gettext("VMs go on in their FT secondary"),
            "loses-reserve": gettext("VMs go on without a reserve"),
        },
    }


def _cluster_of(request: HttpRequest, estate: Estate) -> str:
    name = asked(request, "cluster")
    if not any(one.name == name and one.hosts for one in selectors.clusters_of(estate)):
        raise Http404(gettext("There is no such cluster"))
    return name


def _wired(estate: Estate, cluster: str) -> Wired:
    """The estate with its designs, of the hosts and VMs of one cluster alone: the rest is not drawn."""
    wired = snapshot.load_designed(estate, snapshot.designs_of(estate)).estate
    hosts = wired.hosts_of(cluster)
    names = {host.name for host in hosts}
    return msgspec.structs.replace(
        wired,
        hosts=hosts,
        vms=wired.vms_of(cluster),
        datastores=tuple(store for store in wired.datastores if not store.hosts or names & set(store.hosts)),
        paths=tuple(path for path in wired.paths if path.host in names),
    )


def _told(found: Blast) -> dict[str, object]:
    return {
        "down": [f"{one.kind}:{one.name}" for one in found.down],
        "vms": [msgspec.to_builtins(vm) for vm in found.vms],
        "lost": [_effect(one) for one in found.lost],
        "weakened": [_effect(one) for one in found.weakened],
    }


def _effect(effect: object) -> object:
    return msgspec.to_builtins(effect)


def _shown(one: ClusterAvailability) -> dict[str, object]:
    """A cluster as the page shows it."""
    longest = max((cause.minutes["ha"] or 0.0 for cause in one.causes), default=0.0) or 1.0
    return {
        "cluster": one,
        "rows": [
            Row(
                label=cause.label,
                minutes=[cause.minutes[kind] for kind in PROTECTIONS],
                share=100 * (cause.minutes["ha"] or 0.0) / longest,
            )
            for cause in one.causes
        ],
        "totals": [one.minutes[kind] for kind in PROTECTIONS],
        "shares": [100 * one.availability(kind) for kind in PROTECTIONS],
        "nines": [nines(one.minutes[kind] / MINUTES_A_YEAR) for kind in PROTECTIONS],
        "ranges": [(one.best_minutes[kind], one.worst_minutes[kind]) for kind in PROTECTIONS],
        "restart": _minutes(one),
    }


def _minutes(one: ClusterAvailability) -> dict[str, float] | None:
    if one.played is None:
        return None
    estimate = one.played.vm_restarts
    return {
        "years": one.played.years,
        "value": estimate.value * MINUTES_A_YEAR,
        "low": estimate.low * MINUTES_A_YEAR,
        "high": estimate.high * MINUTES_A_YEAR,
    }


def _json(thing: object) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(thing), content_type="application/json")
