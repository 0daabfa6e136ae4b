"""The pages about redundancy: what is single, the topology to break things in, how available the VMs are."""

from __future__ import annotations

from typing import Final

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST
from msgspec import Struct

from cluster import selectors, services, snapshot
from cluster.component_names import KIND_NAMES, SERVICE_NAMES
from cluster.models import Estate
from cluster.reach import covers
from cluster.reporting import is_old
from cluster.roles import Action
from cluster.views.broken import blast_of, wired_cluster
from cluster.views.sight import asked, estate_or_404
from planner.blast import Blast
from planner.estate import EstateError
from planner.paths.designs import DESIGNS
from planner.paths.picture import draw
from planner.paths.report import PathsReport

DESIGN_NAMES: Final = {
    "crossed-fabrics": gettext_lazy("Two crossed fabrics"),
    "two-switches": gettext_lazy("Two switches"),
    "two-feeds": gettext_lazy("Two feeds"),
    "stretched": gettext_lazy("Stretched over two sites, witness in a third"),
}


class Laid(Struct, frozen=True, kw_only=True):
    """A standard design as the editor offers it."""

    kind: str
    name: str
    is_laid: bool


def findings(request: HttpRequest, pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    context = wiring_context(request, estate, "findings")
    report = context["report"]
    if isinstance(report, PathsReport):
        context["proofs"] = [
            (proof, report.count(proof)) for proof in ("redundant", "single", "unknown", "lost")
        ]
    return render(request, "estate/wiring.html", context)


def topology(request: HttpRequest, pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    context = wiring_context(request, estate, "topology")
    return render(request, "estate/topology.html", {**context, "words": _words()})


@gzip_page
def topology_json(request: HttpRequest, pk: int) -> HttpResponse:
    """The nodes and lines of one cluster."""
    estate = estate_or_404(request, pk)
    redundancy = selectors.latest_redundancy(estate)
    if redundancy is None:
        raise Http404(gettext("The wiring was not examined yet"))
    wired = wired_cluster(estate, _cluster_of(request, estate))
    return _json(draw(wired, _cluster_of(request, estate), selectors.paths_of(redundancy)))


@gzip_page
def blast_json(request: HttpRequest, pk: int) -> HttpResponse:
    """What happens in one cluster when components fail; nobody is placed anew, that is a worker's job."""
    estate = estate_or_404(request, pk)
    try:
        found = blast_of(request, estate, _cluster_of(request, estate))
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


def wiring_context(request: HttpRequest, estate: Estate, part: str) -> dict[str, object]:
    """What every page about redundancy shows."""
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
        "is_old": redundancy is not None and is_old(estate, redundancy),
        "clusters": clusters,
        "cluster_name": chosen,
        "designs": [
            Laid(kind=kind, name=str(name), is_laid=kind in laid) for kind, name in DESIGN_NAMES.items()
        ],
        "may_plan": covers(request.user, Action.PLAN, estate),
        "may_rehearse": covers(request.user, Action.REHEARSE, estate),
        "may_lay": covers(request.user, Action.IMPORT, estate),
    }


def _words() -> dict[str, object]:
    """What the drawing says, in the reader's language."""
    return {
        "title": gettext("Topology"),
        "colon": gettext(":"),
        "hosts": gettext("hosts"),
        "group": gettext("{count} hosts, choose to open"),
        "nobody": gettext("nobody told"),
        "fails": gettext("Fails"),
        "more": gettext("and {count} more"),
        "lost": gettext("Ways lost"),
        "weak": gettext("Ways that now hang on one component"),
        "touched": gettext("Services"),
        "going_on": gettext("{tier}: {going_on} of {served} VMs go on"),
        "going_on_of": gettext("{tier}: {going_on} of {served} VMs go on, {needed} needed"),
        "service_fates": {
            "is-down": gettext("was down before, too few of its VMs are powered on"),
            "stops": gettext("stops"),
            "loses-network": gettext("loses its network"),
            "waits": gettext("stops, and it is not known whether enough of it restarts"),
            "restarts": gettext("stops until HA has restarted its VMs"),
            "not-known": gettext("nobody told how many VMs it needs"),
            "goes-on": gettext("goes on"),
        },
        "admission": gettext("Room on the hosts that are left"),
        "left": gettext("{left} of {before} hosts left"),
        "wanted": {
            "memory": gettext("memory wanted: {share} % of what is left"),
            "vcpus": gettext("vCPUs wanted: {share} % of what is left"),
            "cpu": gettext("CPU wanted: {share} % of what is left"),
        },
        "too_much": gettext("more is wanted than is left: some VMs cannot restart"),
        "rehearse": gettext("A rehearsal tells who restarts, and after how long."),
        "loads": gettext("What is left to carry it"),
        "about": {
            "host-storage": gettext("storage ports of"),
            "host-network": gettext("network ports of"),
            "fan-in": gettext("controller ports in"),
            "uplinks": gettext("links out of"),
            "controller-iops": gettext("controllers of"),
        },
        "parts": gettext("{left} of {before}"),
        "carries": gettext("{left} of {before} {unit}"),
        "asked": gettext("{asked} {unit} asked"),
        "short": gettext("too little"),
        "ratio": gettext("shared {ratio} to 1"),
        "load_unknown": gettext("load not known"),
        "capacity_unknown": gettext("speed not known"),
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


def _told(found: Blast) -> dict[str, object]:
    return {
        "down": [f"{one.kind}:{one.name}" for one in found.down],
        "vms": [msgspec.to_builtins(vm) for vm in found.vms],
        "lost": [_effect(one) for one in found.lost],
        "weakened": [_effect(one) for one in found.weakened],
        "loads": [
            {**msgspec.to_builtins(load), "share_left": load.share_left, "is_short": load.is_short}
            for load in found.loads
        ],
        "clusters": [msgspec.to_builtins(one) for one in found.clusters],
        "services": [msgspec.to_builtins(one) for one in found.services],
    }


def _effect(effect: object) -> object:
    return msgspec.to_builtins(effect)


def _json(thing: object) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(thing), content_type="application/json")
