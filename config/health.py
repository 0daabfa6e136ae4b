"""/livez: the process answers.  /readyz: the database, the broker and a worker answer too."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from config.celery import WORKER_KEY_PREFIX

ANSWER_WITHIN_S = 2.0


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


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database_fault,
    "broker": _broker_fault,
    "worker": _worker_fault,
}
