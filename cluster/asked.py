"""From where and under which number the request came that is being answered.

The middleware notes it, the audit reads it; a task or a command has none.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from msgspec import Struct

_GIVEN: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Asked(Struct, frozen=True):
    """The sender's address and the number of the request; both empty outside of a request."""

    source: str = ""
    request_id: str = ""


_NOBODY: Final = Asked()
_asked: ContextVar[Asked] = ContextVar("asked", default=_NOBODY)


def now_asked() -> Asked:
    """What is known of the request that is being answered."""
    return _asked.get()


def note_request(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: number the request, tell the number in the answer, remember who sent it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        number = given if settings.BEHIND_HTTPS and _GIVEN.fullmatch(given) else uuid.uuid4().hex
        token = _asked.set(Asked(sender_of(request), number))
        try:
            response = get_response(request)
        finally:
            _asked.reset(token)
        response["X-Request-ID"] = number
        return response

    return middleware


def sender_of(request: HttpRequest) -> str:
    """The address that sent the request; behind our proxy the last that it noted, which nobody can forge."""
    address = request.META.get("REMOTE_ADDR") or ""
    if settings.BEHIND_HTTPS:
        address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2].strip()
    try:
        return str(ip_address(address))
    except ValueError:
        return ""
