"""The live feed's truth: events as rows, numbered without a gap; the push is only a hint.

    publish ---> row (seq 42) ---commit---> Redis "headroom:feed" {"upto": 42}
                                                 |
    after(41) <------ row ------- hub of each web process ---> its browsers

Call `publish` last in a transaction: on PostgreSQL the counter's row stays locked until the commit,
which is what keeps a reader of `after` from ever seeing 43 before 42.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import cache
from typing import Final

import redis
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from redis.backoff import NoBackoff
from redis.retry import Retry

from cluster.models import Estate, Event, FeedCounter, Run
from planner.sentence import Sentence

CHANNEL: Final = "headroom:feed"
POKE_WITHIN_S: Final = 1.0  # the commit stands already: nobody waits longer for a hint
PAGE: Final = 500  # rows that one look gives at most

_log = logging.getLogger(__name__)


def publish(
    kind: str,
    message: Sentence,
    *,
    subject: str = "",
    level: Event.Level = Event.Level.INFO,
    run: Run | None = None,
    estate: Estate | None = None,
    progress: int | None = None,
) -> int:
    """Write an event in the caller's transaction and give its number; tell the listeners on commit."""
    with transaction.atomic():
        seq = _next_seq()
        Event(
            seq=seq,
            kind=kind,
            level=level,
            subject=subject,
            run=run,
            estate=estate,
            progress=progress,
            template=message.template,
            values=dict(message.values),
        ).save(force_insert=True)
        transaction.on_commit(lambda: _poke(seq))
    return seq


def after(seq: int, limit: int = PAGE) -> Sequence[Event]:
    """The events after this number, oldest first."""
    rows = Event.objects.filter(seq__gt=seq).annotate(asked_by=F("run__requested_by"))
    return list(rows.order_by("seq")[:limit])


def last_seq() -> int:
    """The number of the newest event; 0 where there is none."""
    return FeedCounter.objects.filter(pk=1).values_list("last_seq", flat=True).first() or 0


def _next_seq() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO cluster_feedcounter (id, last_seq) VALUES (1, 1)"
            " ON CONFLICT (id) DO UPDATE SET last_seq = cluster_feedcounter.last_seq + 1 RETURNING last_seq"
        )
        return int(cursor.fetchone()[0])


def _poke(seq: int) -> None:
    try:
        _client().publish(CHANNEL, json.dumps({"upto": seq}))
    except redis.RedisError as error:
        _log.warning("event %d is stored, but the listeners could not be told: %s", seq, error)


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.FEED_URL,
        socket_timeout=POKE_WITHIN_S,
        socket_connect_timeout=POKE_WITHIN_S,
        retry=Retry(NoBackoff(), 1),  # once: a broker that was restarted has closed our old connection
    )
