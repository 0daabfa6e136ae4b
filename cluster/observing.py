"""What a server says has happened, in our feed: at each reading, and live while somebody watches.

An event of a server is told once: `Connection.told_until` moves in the transaction that tells.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from cluster import connections, feed
from cluster.models import Connection, Estate, Event
from operations.drivers.base import DriverError
from operations.drivers.remote import Happening
from planner.sentence import Sentence

FIRST_LOOK: Final = timedelta(days=1)  # of a connection that was never asked
WATCH_S: Final = 60

_log = logging.getLogger(__name__)


def tell_happenings(connection: Connection | None) -> int:
    """Tell what has happened since the last time; how much.  A server that falls silent is no failure."""
    if connection is None:
        return 0
    now = Connection.objects.annotate(moment=Now()).get(pk=connection.pk)
    since = now.told_until or now.moment - FIRST_LOOK
    try:
        found = connections.happenings(connection, since)
    except DriverError as error:
        _log.warning("%s: its events were not read: %s", connection, error)
        return 0
    if not found:
        return 0
    with transaction.atomic():
        same = Connection.objects.filter(pk=connection.pk, told_until=now.told_until)
        if not same.update(told_until=found[-1].at):
            return 0  # another reading told them
        _publish(connection, found)
    return len(found)


def watch(connection: Connection, heard: Callable[[Happening], None], *, wait_s: int = WATCH_S) -> None:
    """Tell what changes as it changes, and have the estate read again soon after; until it is interrupted.

    Raises:
        DriverError: the server fell silent.
    """
    for batch in connections.watch(connection, wait_s):
        if batch:
            with transaction.atomic():
                Connection.objects.filter(pk=connection.pk, refresh_minutes__isnull=False).update(
                    next_refresh_at=Now() + timedelta()  # a bare Now() has other digits on SQLite
                )
                _publish(connection, batch)
            for one in batch:
                heard(one)


def _publish(connection: Connection, found: Sequence[Happening]) -> None:
    estate = Estate.objects.filter(name=connection.name).first()
    for one in found:
        feed.publish(
            "observed",
            one.sentence or Sentence("{server}: {text}", {"server": connection.name, "text": one.text}),
            subject=one.subject,
            level=Event.Level.WARNING if one.grave else Event.Level.INFO,
            estate=estate,
        )
