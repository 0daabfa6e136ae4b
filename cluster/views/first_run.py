"""The guided first run on the overview: what to do next, ticked by what was done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST
from msgspec import Struct

from cluster import selectors, steps
from cluster.demo import demo_of
from cluster.models import Estate
from cluster.reach import covers
from cluster.roles import Action


class Step(Struct, frozen=True, kw_only=True):
    """One thing to do: what, why, where, and whether it was done."""

    what: str
    why: str
    url: str
    is_done: bool
    is_next: bool


class FirstRun(Struct, frozen=True, kw_only=True):
    estate: Estate
    steps: tuple[Step, ...]

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self.steps)


def example_for(user: Any, estates: Sequence[Estate]) -> Estate | None:
    """The example among estates; None where this person may not do there what the steps ask for."""
    estate = demo_of(estates)
    may_all = all(covers(user, action, estate) for action in (Action.PLAN, Action.REHEARSE))
    return estate if may_all else None


def first_run(user: Any, estates: Sequence[Estate]) -> FirstRun | None:
    """The steps of this person; None where there is no example, or they were put away."""
    estate = example_for(user, estates)
    if estate is None:
        return None
    done = steps.done_by(user, estate)
    if done is None:
        return None
    told = _told(estate)
    following = next((key for key in steps.KEYS if key not in done.keys), None)
    return FirstRun(
        estate=estate,
        steps=tuple(
            Step(
                what=told[key][0],
                why=told[key][1],
                url=told[key][2],
                is_done=key in done.keys,
                is_next=key == following,
            )
            for key in steps.KEYS
        ),
    )


@require_POST
def put_away(request: HttpRequest) -> HttpResponse:
    steps.put_away(request.user)
    return redirect("overview")


@require_POST
def take_out(request: HttpRequest) -> HttpResponse:
    steps.take_out(request.user)
    return redirect("overview")


def _told(estate: Estate) -> dict[steps.Key, tuple[str, str, str]]:
    """What each step says, and the page on which it is done."""
    name = next((one.name for one in selectors.clusters_of(estate) if one.name == "Production"), "")
    name = name or next((one.name for one in selectors.clusters_of(estate)), "")
    of_cluster = f"?{urlencode({'name': name})}"
    names = {"cluster": name}

    def at(page: str, *rest: str) -> str:
        return reverse(page, args=[estate.pk, *rest])

    return {
        "verdict": (
            gettext("Read the verdict of {cluster}").format(**names),
            gettext("Every number on the page opens to its formula and its inputs."),
            at("cluster") + of_cluster,
        ),
        "failure": (
            gettext("Fail a host of {cluster}").format(**names),
            gettext("Each host is lost in turn, and you see where every VM starts again."),
            at("study", "failures") + of_cluster,
        ),
        "single": (
            gettext("Find the single switch"),
            gettext("Examine the wiring: what is on all paths is named, and so is what nobody recorded."),
            at("wiring"),
        ),
        "rehearsal": (
            gettext("Rehearse a maintenance"),
            gettext("Empty a host second by second, before you do it to a real one."),
            at("rehearse") + of_cluster,
        ),
        "platforms": (
            gettext("Compare platforms"),
            gettext("The same load on vSphere and on Proxmox VE, line by line, each line with its source."),
            at("costs"),
        ),
        "report": (
            gettext("Take the report"),
            gettext("PDF, XLSX, CSV or JSON, at the top of the estate."),
            at("estate"),
        ),
    }
