"""How often somebody may ask: counters of a minute in the broker.

Without the broker nobody is slowed down: the lockout after failed sign-ins is in the database, and stays.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.backoff import NoBackoff
from redis.retry import Retry

from cluster.asked import sender_of

WINDOW_S: Final = 60
ANSWER_WITHIN_S: Final = 0.2
_log = logging.getLogger(__name__)


def keep_pace(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: 429 for too many sign-ins from an address, and too many changes by a person."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD", "OPTIONS") and _too_fast(request):
            return refusal()
        return get_response(request)

    return middleware


def too_many(kind: str, who: str, most: int, *, count: bool = True) -> bool:
    """Count one more of this kind by somebody, and say whether that is more than a minute allows."""
    key = f"headroom:pace:{kind}:{who}:{int(time.time()) // WINDOW_S}"
    try:
        if not count:
            return int(_client().get(key) or 0) >= most
        with _client().pipeline() as pipe:
            number = pipe.incr(key).expire(key, WINDOW_S * 2).execute()[0]
    except redis.RedisError as error:
        _complain(int(time.time()) // WINDOW_S, str(error))
        return False
    return int(number) > most


def refusal() -> HttpResponse:
    """The answer to too much."""
    answer = JsonResponse({"error": "too many requests; wait a minute"}, status=429)
    answer["Retry-After"] = str(WINDOW_S)
    return answer


def _too_fast(request: HttpRequest) -> bool:
    if request.path in ("/login/", "/code/", "/password/"):
        return too_many("sign-in", sender_of(request), settings.SIGN_INS_PER_MINUTE)
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return False
    return too_many("change", str(user.pk), settings.CHANGES_PER_MINUTE)


@lru_cache(maxsize=1)  # once a minute, not with every request
def _complain(minute: int, error: str) -> None:
    _log.warning("nobody is slowed down: %s", error)


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.FEED_URL,
        socket_timeout=ANSWER_WITHIN_S,
        socket_connect_timeout=ANSWER_WITHIN_S,
        retry=Retry(NoBackoff(), 1),
    )
