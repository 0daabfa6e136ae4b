"""TLS that looks at whom it talks to: an address that the site allows, a certificate verified or pinned."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Sequence
from http.client import HTTPSConnection
from socket import SOCK_STREAM, getaddrinfo, socket
from typing import Any

from operations.drivers.addresses import peer_allowed
from operations.drivers.base import DriverError
from operations.drivers.remote import Login, Network
from planner.sentence import Sentence


class GuardedContext(ssl.SSLContext):
    """A TLS context that looks at whom it really talks to, before a byte of ours is sent.

    The second look, after `vetted`: whatever was asked for, the address of the connected socket counts.  A
    pinned certificate is compared before anything is said, too.
    """

    allowed: Sequence[Network] = ()
    pin: str | None = None

    def wrap_socket(self, sock: Any, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """Secure a connected socket, or close it."""
        if not peer_allowed(sock.getpeername()[0], self.allowed):
            address = sock.getpeername()[0]
            sock.close()
            raise DriverError(
                Sentence("{host} is no address that this site allows", {"host": address}), permanent=True
            )
        secured = super().wrap_socket(sock, *arguments, **options)
        if self.pin is not None:
            found = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
            if found != self.pin:
                secured.close()
                raise DriverError(
                    Sentence("The certificate's fingerprint is {found}, not the one pinned",
                             {"found": coloned(found)}),
                    permanent=True,
                )  # fmt: skip
        return secured


def vetted(allowed: Sequence[Network], timeout_s: float) -> Callable[..., HTTPSConnection]:
    """Make connections that are opened to allowed addresses alone: a name is looked up once, and vetted.

    What else the name resolves to gets no packet of ours.
    """

    def create(address: tuple[str, int], timeout: float = timeout_s, *_: Any) -> socket:
        return reached(*address, allowed, timeout)

    def connection(*arguments: Any, **options: Any) -> HTTPSConnection:
        made = HTTPSConnection(*arguments, **options)
        made._create_connection = create  # type: ignore[attr-defined]
        return made

    return connection


def reached(host: str, port: int, allowed: Sequence[Network], timeout_s: float) -> socket:
    """Open a connection to the first address of a host that the site allows; the others get no packet.

    Raises:
        DriverError: the name leads to no allowed address.
        OSError: the address does not answer, or the name is none.
    """
    for family, kind, protocol, _name, place in getaddrinfo(host, port, type=SOCK_STREAM):
        if peer_allowed(str(place[0]), allowed):
            opened = socket(family, kind, protocol)
            opened.settimeout(timeout_s)
            try:
                opened.connect(place)
            except OSError:
                opened.close()
                raise
            return opened
    raise DriverError(
        Sentence("{host} is at no address that this site allows", {"host": host}), permanent=True
    )


def coloned(digest: str) -> str:
    """Write a fingerprint as people compare it.

    >>> coloned("a1b2c3")
    'A1:B2:C3'
    """
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)).upper()


def bare(fingerprint: str) -> str:
    """Write a fingerprint as it is compared here.

    >>> bare("A1:B2:c3 ")
    'a1b2c3'
    """
    return fingerprint.replace(":", "").strip().lower()


def context_of(login: Login) -> GuardedContext:
    """Make the TLS context: verified by the machine's certificates or a file, or one certificate pinned."""
    context = GuardedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.allowed = login.allowed
    if login.fingerprint:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.pin = bare(login.fingerprint)
    elif login.ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(login.ca_file)
    return context
