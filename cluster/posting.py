"""One POST to an address that the site allows: no redirect, no proxy, no longer than so many seconds.

A name may mean one address when it is looked at and another when it is used, so it is looked up once and only
an address that the site allows gets a packet; that of the connected socket is looked at again.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Event, Timer
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from operations.drivers.addresses import Network, peer_allowed, refusal_of
from operations.drivers.base import DriverError
from operations.drivers.trust import reached
from planner.sentence import Sentence

WITHIN_S: Final = 10.0  # the whole conversation; who wants to work longer says 202 and works afterwards
ANSWER_BYTES: Final = 1024
PORTS: Final = {"http": 80, "https": 443}
NETWORKS_VARIABLE: Final = "HEADROOM_WEBHOOK_NETWORKS"


class Undelivered(Exception):
    """It was not taken, and why."""

    def __init__(self, message: Sentence) -> None:
        super().__init__(str(message))
        self.message = message


def refused_url(url: str, allowed: Sequence[Network]) -> Sentence | None:
    """Why an address must not be told anything; None where it may be tried."""
    try:
        parts = urlsplit(url)
        port = _port(parts)
    except ValueError:
        return Sentence("that is no address")
    if not url.isascii() or not url.isprintable() or " " in url:
        return Sentence("an address is plain ASCII; other letters are written with a percent sign")
    if parts.scheme not in PORTS or not parts.hostname:
        return Sentence("an address begins with https:// or http://")
    if parts.username is not None or parts.password is not None:
        return Sentence("an address holds no user and no password")
    if not allowed:
        return Sentence("this site tells nobody yet: set {variable}", {"variable": NETWORKS_VARIABLE})
    why = refusal_of(parts.hostname, port, allowed)
    return None if why is None else Sentence("{reason}", {"reason": why})


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    allowed: Sequence[Network],
    *,
    ca_file: str | None = None,
    within_s: float = WITHIN_S,
) -> int:
    """Send it and give the status, which is 2xx.

    Raises:
        Undelivered: not allowed, not reached, not trusted, too slow, or any other answer: also a redirect.
    """
    refused = refused_url(url, allowed)
    if refused:
        raise Undelivered(refused)
    connection = _connection(urlsplit(url), ca_file, within_s)
    connection._create_connection = lambda place, *_: reached(*place, allowed, within_s)
    is_cut = Event()
    timer = Timer(within_s, _cut, args=(connection, is_cut))
    timer.daemon = True
    timer.start()
    try:
        _connect(connection, allowed)
        connection.request("POST", _target(urlsplit(url)), body, dict(headers))
        answer = connection.getresponse()
        answer.read(ANSWER_BYTES)
    except DriverError as error:
        raise Undelivered(error.sentence) from error
    except (OSError, HTTPException) as error:
        if is_cut.is_set():
            raise Undelivered(Sentence("it took too long")) from error
        told = str(error) or type(error).__name__
        raise Undelivered(Sentence("it was not reached: {fault}", {"fault": told})) from error
    finally:
        timer.cancel()
        connection.close()
    if not 200 <= answer.status < 300:
        raise Undelivered(Sentence("it answered {status}", {"status": answer.status}))
    return int(answer.status)


class _Guarded(HTTPSConnection):
    """TLS begins only when the peer was looked at."""

    def __init__(self, *arguments: Any, context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(*arguments, context=context, **options)
        self.secured_by = context

    def connect(self) -> None:
        HTTPConnection.connect(self)

    def secure(self) -> None:
        self.sock = self.secured_by.wrap_socket(self.sock, server_hostname=self.host)


def _connect(connection: HTTPConnection, allowed: Sequence[Network]) -> None:
    connection.connect()
    connection.auto_open = 0  # never again by itself, past this look
    peer = connection.sock.getpeername()[0]
    if not peer_allowed(peer, allowed):
        raise Undelivered(Sentence("{address} is no address that this site allows", {"address": peer}))
    if isinstance(connection, _Guarded):
        connection.secure()


def _connection(parts: SplitResult, ca_file: str | None, within_s: float) -> HTTPConnection:
    host, port = parts.hostname or "", _port(parts)
    if parts.scheme == "http":
        return HTTPConnection(host, port, timeout=within_s)
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return _Guarded(host, port, timeout=within_s, context=context)


def _cut(connection: HTTPConnection, is_cut: Event) -> None:
    """End a conversation that drips, from another thread."""
    is_cut.set()
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it ended by itself meanwhile


def _target(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


def _port(parts: SplitResult) -> int:
    return parts.port or PORTS.get(parts.scheme, 0)
