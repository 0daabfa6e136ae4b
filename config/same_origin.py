"""Lets a WebSocket open from our own pages alone: scheme, host and port of its Origin are those it came to.

Browsers send cookies with a WebSocket from any page, and no CSRF token with it; the Origin tells them apart.
Channels' own validator compares the host alone, and says nothing when it refuses.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

Scope: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[[Scope, Any, Any], Awaitable[Any]]
PORTS = {"http": "80", "https": "443"}
_log = logging.getLogger(__name__)


class SameOrigin:
    """Refuses with 403, before the socket opens, and says so in the log."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> Any:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        if is_ours(origin, host, "https" if settings.BEHIND_HTTPS else "http"):
            return await self.app(scope, receive, send)
        _log.warning("a WebSocket from %r to %r was refused", origin[:200], host[:200])
        return await WebsocketDenier()(scope, receive, send)


def is_ours(origin: str, host: str, scheme: str) -> bool:
    """Whether an Origin is that of a page of ours, or of an origin that the site trusts."""
    if not origin or origin == "null":
        return False
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        came_from = urlsplit(origin)
        port = str(came_from.port or PORTS.get(came_from.scheme, ""))
    except ValueError:
        return False
    domain, given_port = split_domain_port(host)
    return (
        bool(domain)
        and validate_host(domain, settings.ALLOWED_HOSTS)
        and came_from.scheme == scheme
        and _bare(came_from.hostname or "") == _bare(domain)
        and port == (given_port or PORTS[scheme])
    )


def _bare(host: str) -> str:
    return host.strip("[]").lower()
