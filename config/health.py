"""/livez: the process answers.  /readyz: everything that an answer needs is there and up to date.

The database answers and has the tables of this version; the broker answers; a worker gave a sign of life; and
what was asked for is taken up, so that nothing waits in the outbox.
"""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from cluster import selectors
from config.celery import WORKER_KEY_PREFIX

ANSWER_WITHIN_S = 2.0
OUTBOX_OLD_S = 120.0  # a lease of 30 s, a sweep of 15, and patience: then nobody sweeps


@login_not_required
@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    missing = missing_parts()
    answer: dict[str, object] = {"ready": not missing}
    if missing and "database" not in missing and request.user.is_staff:
        answer["missing"] = missing
    response = JsonResponse(answer, status=503 if missing else 200)
    response._has_been_logged = True  # "not yet" is an answer; the log keeps errors
    return response


def missing_parts() -> dict[str, str]:
    """What does not answer, each with the reason."""
    missing = {}
    for name, check in CHECKS.items():
        try:
            reason = check()
        except (DatabaseError, redis.RedisError) as error:
            reason = str(error)
        if reason:
            missing[name] = reason
    return missing


def _database_fault() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _tables_fault() -> str:
    """Compares what is applied with what this version has; once they agree, they do until the next start."""
    global _tables_agree
    if _tables_agree:
        return ""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        return f"{len(missing)} migrations are not applied, first {missing[0][0]}"
    _tables_agree = True
    return ""


def _outbox_fault() -> str:
    age_s = selectors.overdue_s()
    return f"a run waits {age_s:.0f} s beyond its time: nobody sweeps" if age_s > OUTBOX_OLD_S else ""


def _broker_fault() -> str:
    with _broker() as client:
        client.ping()
    return ""


def _worker_fault() -> str:
    with _broker() as client:
        seen = next(client.scan_iter(match=f"{WORKER_KEY_PREFIX}*", count=1000), None)
    return "" if seen else "no worker gave a sign of life"


def _broker() -> redis.Redis:
    return redis.Redis.from_url(
        settings.FEED_URL, socket_timeout=ANSWER_WITHIN_S, socket_connect_timeout=ANSWER_WITHIN_S
    )


_tables_agree = False
CHECKS: dict[str, Callable[[], str]] = {
    "database": _database_fault,
    "tables": _tables_fault,
    "outbox": _outbox_fault,
    "broker": _broker_fault,
    "worker": _worker_fault,
}
