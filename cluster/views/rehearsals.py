"""Rehearsals: what can be rehearsed, the script, and the page that plays what happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_POST

from cluster import audit, foretelling, selectors, services, snapshot, wishes
from cluster.audit import Deed
from cluster.exports.names import file_name
from cluster.models import Estate, Rehearsal, Run
from cluster.reach import covers
from cluster.rehearsal import question, record
from cluster.rehearsal.question import BadScript
from cluster.rehearsal.words import for_scripts
from cluster.roles import Action, may
from cluster.views.broken import blast_of
from cluster.views.drills import drills_context
from cluster.views.sight import asked, estate_or_404, wants_fragment
from operations.blasted import script_of
from operations.timings import PRODUCTS
from planner.estate import Estate as PlannerEstate
from planner.estate import EstateError
from planner.sentence import Sentence

SHOWN = 20
LOST_SHOWN = 100


def rehearsals(request: HttpRequest) -> HttpResponse:
    """What was rehearsed, and the examples that can be."""
    context = {
        "rehearsals": selectors.visible_rehearsals(request.user).defer("document", "opening", "drills")[
            :SHOWN
        ],
        "examples": question.examples_in(get_language() or "en"),
        "may_rehearse": may(request.user, Action.REHEARSE),
        "estates": selectors.visible_estates(request.user),
    }
    return render(request, "rehearsal/gallery.html", context)


@require_POST
def example(request: HttpRequest, name: str) -> HttpResponse:
    """Rehearse a scenario as it stands in its folder."""
    if name not in question.examples():
        raise Http404(gettext("There is no such scenario"))
    _allow(request)
    return _played(services.start_rehearsal(request.user, question.of_scenario(name), None, name))


def cluster(request: HttpRequest, pk: int) -> HttpResponse:
    """The script of a rehearsal of one cluster: write it, or click it together."""
    _allow(request)
    estate = estate_or_404(request, pk)
    name = asked(request, "name")
    if not any(known.name == name for known in selectors.clusters_of(estate)):
        raise Http404(gettext("There is no such cluster"))
    read = wishes.granted(estate, snapshot.load(estate))
    part = question.part_of(read, name)
    context = {"estate": estate, "cluster_name": name, "subject": name}
    if request.method != "POST":
        return _script_page(request, part, _suggested(request, estate, name, part), context)
    return _ask(request, part, estate, context, lambda script: question.of_cluster(read, name, script))


def _suggested(request: HttpRequest, estate: Estate, cluster: str, part: PlannerEstate) -> str:
    """The script that the page begins with: the first host fails, or what `?fail=` names does."""
    hosts = [host.name for host in part.hosts]
    failed = [one for one in request.GET.getlist("fail") if "\0" not in one]
    if not failed:
        orders = wishes.order_lines(estate, frozenset(vm.name for vm in part.vms))
        return _timed(estate, cluster, question.suggestion(hosts, orders))
    try:
        return _timed(estate, cluster, script_of(blast_of(request, estate, cluster), frozenset(hosts)))
    except EstateError as error:
        raise Http404(str(error)) from error


def _timed(estate: Estate, cluster: str, script: str) -> str:
    """With what the cluster's own migrations have taught."""
    product = foretelling.product_of_estate(estate)
    return question.timed(script, product, foretelling.times_of(estate, cluster)) if product else script


def again(request: HttpRequest, pk: str) -> HttpResponse:
    """The script of an earlier rehearsal, to be changed and rehearsed on the same estate."""
    _allow(request)
    before = get_object_or_404(selectors.visible_rehearsals(request.user), pk=pk)
    if before.drill:
        raise Http404(gettext("Drills have no script"))
    part = question.estate_of(before)
    context = {
        "before": before,
        "estate": before.run.estate,
        "cluster_name": before.cluster_name,
        "subject": title_of(before),
    }
    if request.method != "POST":
        return _script_page(request, part, before.script, context)
    return _ask(request, part, before.run.estate, context, lambda script: question.again(before, script))


@require_POST
def drill(request: HttpRequest, pk: int) -> HttpResponse:
    """Fail every host of a cluster in turn, or every pair."""
    _allow(request)
    estate = estate_or_404(request, pk)
    name = asked(request, "name")
    kind = "pairs" if request.POST.get("kind") == "pairs" else "each"
    product = "proxmox" if request.POST.get("product") == "proxmox" else "vsphere"
    try:
        wanted = question.drill_of(wishes.granted(estate, snapshot.load(estate)), name, product, kind)
    except BadScript as bad:
        return render(
            request, "rehearsal/refused.html", {"estate": estate, "message": bad.message}, status=400
        )
    run = services.start_rehearsal(request.user, wanted, estate, estate.name)
    return redirect("rehearsal", pk=run.pk)


def rehearsal(request: HttpRequest, pk: str) -> HttpResponse:
    """The page that plays a rehearsal, or the matrix of drills; htmx asks for the outcome alone."""
    found = get_object_or_404(selectors.visible_rehearsals(request.user).defer("document", "opening"), pk=pk)
    run = found.run
    context = {
        "rehearsal": found,
        "run": run,
        "estate": run.estate,
        "cluster_name": found.cluster_name,
        "title": title_of(found),
        "error": msgspec.convert(run.error, Sentence) if run.error else None,
        "may_cancel": not run.is_finished and services.may_cancel(request.user, run),
        "may_rehearse": _may_again(request, run.estate),
    }
    if found.drill:
        context |= drills_context(found)
        template = "drills"
    else:
        context |= _outcome(found)
        template = "page"
    if wants_fragment(request):
        template = "drills_outcome" if found.drill else "outcome"
    else:
        context["words"] = for_scripts()
    return render(request, f"rehearsal/{template}.html", context)


def log(request: HttpRequest, pk: str, ending: str) -> HttpResponse:
    """The log as text, in its order or by cause, or everything as JSON."""
    found = get_object_or_404(selectors.visible_rehearsals(request.user), pk=pk)
    if ending not in ("txt", "tree", "json"):
        raise Http404(gettext("There is no report of this kind"))
    taken = {"rehearsal": str(found.pk), "kind": ending}
    audit.note(Deed.REPORT_TAKEN, request.user.get_username(), found.run.estate_name, after=taken)
    if ending != "json":
        lines = record.log_lines(found) if ending == "txt" else record.tree(found)
        response: HttpResponse | StreamingHttpResponse = StreamingHttpResponse(
            lines, content_type="text/plain; charset=utf-8"
        )
    else:
        response = HttpResponse(msgspec.json.encode(record.record(found)), content_type="application/json")
    name = file_name(title_of(found), found.created_at, "tree.txt" if ending == "tree" else ending)
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


def title_of(rehearsal: Rehearsal) -> str:
    """What a rehearsal is called: its scenario's promise, or its cluster."""
    if rehearsal.scenario:
        known = question.examples_in(get_language() or "en")
        return next((one.title for one in known if one.name == rehearsal.scenario), rehearsal.scenario)
    return rehearsal.cluster_name


def _outcome(found: Rehearsal) -> dict[str, object]:
    summary = record.summary_of(found)
    if summary is None:
        return {"summary": None}
    return {
        "summary": summary,
        "verdict": record.verdict_of(summary),
        "lost": summary.lost[:LOST_SHOWN],
        "lost_more": max(0, len(summary.lost) - LOST_SHOWN),
    }


def _ask(
    request: HttpRequest,
    part: PlannerEstate,
    estate: Estate | None,
    context: dict[str, Any],
    wanted: Callable[[str], Rehearsal],
) -> HttpResponse:
    script = request.POST.get("script", "").replace("\0", "")
    try:
        rehearsal = wanted(script)
    except BadScript as bad:
        return _script_page(request, part, script, {**context, "bad": bad}, status=400)
    before = context.get("before")
    name = estate.name if estate else before.run.estate_name if before else ""
    return _played(
        services.start_rehearsal(request.user, rehearsal, estate, name), request.POST.get("at", "")
    )


def _script_page(
    request: HttpRequest, part: PlannerEstate, script: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    try:
        opening = question.opening_of(part)
    except BadScript as bad:
        opening, context = None, {**context, "bad": context.get("bad") or bad}
    known = {
        "before": None,
        "bad": None,
        "script": script,
        "opening": opening,
        "words": for_scripts(),
        "products": PRODUCTS,
    }
    return render(
        request, "rehearsal/script.html", {**known, **context, "words": for_scripts()}, status=status
    )


def _played(run: Run, at: str = "") -> HttpResponse:
    """To the page that plays the run; from a second on where one was chosen."""
    since = at if at.replace(".", "", 1).isdigit() else "0"
    return redirect(f"{reverse('rehearsal', args=[run.pk])}#play={since}")


def _may_again(request: HttpRequest, estate: Estate | None) -> bool:
    """Whether this reader may rehearse there what was rehearsed; a scenario is nobody's."""
    if estate is None:
        return may(request.user, Action.REHEARSE)
    return covers(request.user, Action.REHEARSE, estate)


def _allow(request: HttpRequest) -> None:
    if not may(request.user, Action.REHEARSE):
        raise PermissionDenied(gettext("Your role may follow rehearsals, not start them."))
