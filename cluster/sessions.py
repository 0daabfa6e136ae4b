"""The sessions that are open, as their owner sees them; more than MOST of a person: the oldest end."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from cluster import audit
from cluster.asked import now_asked
from cluster.audit import Deed
from cluster.models import SignIn

MOST: Final = 10


def of(person: User) -> list[SignIn]:
    """The open sessions, newest first; rows of sessions that have ended go."""
    rows = list(SignIn.objects.filter(person=person))
    keys = [row.session_key for row in rows]
    still = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    alive = set(still.values_list("session_key", flat=True))
    SignIn.objects.filter(pk__in=[row.pk for row in rows if row.session_key not in alive]).delete()
    return [row for row in rows if row.session_key in alive]


def enter(request: HttpRequest, person: User) -> None:
    """A sign-in is complete: its session is seen by its owner from now on."""
    SignIn.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={
            "person": person,
            "source": now_asked().source,
            "agent": request.headers.get("User-Agent", "")[:200],
        },
    )
    for old in of(person)[MOST:]:
        _end(old, "")


def end(person: User, pk: int) -> None:
    """End a session of one's own: its next request is a stranger's, its sockets close within seconds."""
    row = SignIn.objects.filter(person=person, pk=pk).first()
    if row is not None:
        _end(row, person.get_username())


def end_others(request: HttpRequest) -> None:
    """End all sessions of the person but this one."""
    for row in of(request.user):
        if row.session_key != request.session.session_key:
            _end(row, request.user.get_username())


def end_all(by: str, person: User) -> None:
    """End all sessions of a person, in the name of whoever may."""
    for row in of(person):
        _end(row, by)


def forget_ended() -> int:
    """Delete the rows of sessions that have expired, and give how many; the database keeps them else."""
    gone: int = Session.objects.filter(expire_date__lte=timezone.now()).delete()[0]
    SignIn.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
    return gone


def follow_key(request: HttpRequest, before: str | None) -> None:
    """The session has another key than before; its owner still sees it as the same."""
    SignIn.objects.filter(session_key=before).update(session_key=request.session.session_key)


def _end(row: SignIn, by: str) -> None:
    with transaction.atomic():
        Session.objects.filter(session_key=row.session_key).delete()
        audit.note(Deed.SESSION_ENDED, by, row.source)
        row.delete()
