"""The stages of a run as a person follows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from msgspec import Struct

from cluster.models import Run


class Stage(Struct, frozen=True, kw_only=True):
    name: str | Promise
    state: Literal["done", "now", "next", "failed"]
    icon: str


_NAMES: Final[dict[str, Sequence[tuple[str, Promise]]]] = {
    Run.Kind.IMPORT: (
        ("receive", _("Received")),
        ("read", _("Read the sheets")),
        ("store", _("Store the estate")),
        ("plan", _("Plan every cluster")),
    ),
    Run.Kind.REFRESH: (
        ("receive", _("Asked for")),
        ("read", _("Read the server")),
        ("store", _("Store the estate")),
        ("plan", _("Plan every cluster")),
    ),
    Run.Kind.PLAN: (("receive", _("Asked for")), ("plan", _("Plan every cluster"))),
    Run.Kind.STUDY: (("receive", _("Asked for")), ("study", _("Study the cluster"))),
    Run.Kind.WIRING: (
        ("receive", _("Asked for")),
        ("paths", _("Follow every path")),
        ("play", _("Play the years")),
    ),
    Run.Kind.COST: (("receive", _("Asked for")), ("price", _("Price every design"))),
}
_ICON: Final = {"done": "ok", "now": "now", "next": "wait", "failed": "bad"}


def stages_of(run: Run) -> list[Stage]:
    """Every stage of the run, in order, each done, under way, to come or failed."""
    names = _NAMES[Run.Kind(run.kind)]
    keys = [key for key, _name in names]
    if run.state == Run.State.SUCCEEDED:
        reached = len(keys)
    else:
        reached = keys.index(run.stage) if run.stage in keys else int(run.state != Run.State.QUEUED)
    return [_stage(run, place, reached, name) for place, (_key, name) in enumerate(names)]


def _stage(run: Run, place: int, reached: int, name: Promise) -> Stage:
    if place < reached or (place == 0 and run.state == Run.State.QUEUED):
        state: Literal["done", "now", "next", "failed"] = "done"
    elif place > reached:
        state = "next"
    elif run.state in (Run.State.FAILED, Run.State.CANCELLED):
        state = "failed"
    else:
        state = "now"
    return Stage(name=name, state=state, icon=_ICON[state])
