"""What stands around every page: the tree, the runs under way, the last events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.translation import gettext
from msgspec import Struct

from cluster import feed, roles, selectors
from cluster.models import Estate, Event, Run, SavedView
from cluster.reach import reaches_an_estate
from cluster.templatetags.parts import NOT_RECORDED, number, say_event
from cluster.visible import visible

register = template.Library()

EVENTS_SHOWN = 40


class Frame(Struct, frozen=True, kw_only=True):
    """The frame of one page, for one reader."""

    estates: Sequence[Estate]
    clusters: Sequence[selectors.ClusterCount]
    working: int
    events: Sequence[Event]
    last_seq: int
    last_event: str
    roles: str
    views: Sequence[SavedView]
    may_import: bool
    may_audit: bool
    may_plan: bool
    may_connect: bool
    may_manage: bool
    may_read: bool
    sees_prices: bool
    whole: frozenset[int]
    conflict: tuple[roles.Role, roles.Role] | None


@register.simple_tag(takes_context=True)
def frame_of(context: Mapping[str, Any]) -> Frame:
    """The frame of the page that is being rendered."""
    user = context["request"].user
    estate = context.get("estate")
    last_seq = feed.last_seq()  # before the rows, and then no less than they: nothing is lost or told twice
    events = selectors.recent_events(user, EVENTS_SHOWN)
    whole = frozenset(selectors.visible_estates(user).values_list("pk", flat=True))
    return Frame(
        estates=list(selectors.estates_in_part(user)),
        clusters=selectors.clusters_seen(user, estate) if isinstance(estate, Estate) else [],
        working=selectors.runs_under_way(user).count(),
        events=events,
        last_seq=max(last_seq, events[-1].seq) if events else last_seq,
        last_event=_in_a_line(events[-1]) if events else gettext("Nothing has happened yet"),
        roles=", ".join(gettext(role.value) for role in sorted(roles.roles_of(user))),
        views=list(SavedView.objects.filter(person=user)),
        may_import=reaches_an_estate(user, roles.Action.IMPORT),
        may_audit=roles.may(user, roles.Action.AUDIT),
        may_plan=reaches_an_estate(user, roles.Action.PLAN),
        may_connect=roles.may(user, roles.Action.CONNECT),
        may_manage=roles.may(user, roles.Action.PEOPLE),
        may_read=roles.may(user, roles.Action.READ),
        sees_prices=bool(whole) or reaches_an_estate(user, roles.Action.PRICE),
        whole=whole,
        conflict=roles.conflicting(roles.roles_of(user)),
    )


def _in_a_line(event: Event) -> str:
    said = say_event(event)
    if not event.subject:
        return said
    return gettext("{subject}: {said}").format(subject=visible(event.subject), said=said)


@register.filter
def state_of_run(run: Run) -> str:
    """The state's colour and sign."""
    return {
        Run.State.SUCCEEDED: "ok",
        Run.State.FAILED: "bad",
        Run.State.CANCELLED: "warn",
    }.get(Run.State(run.state), "unknown")


@register.filter
def seconds(run: Run) -> str:
    """How long a finished run took."""
    if run.started_at is None or run.finished_at is None:
        return NOT_RECORDED
    return number((run.finished_at - run.started_at).total_seconds(), 1)
