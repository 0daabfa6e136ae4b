"""A session with a vCenter or an ESXi host: TLS that is verified or pinned, an address that is allowed."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException, HTTPSConnection
from ipaddress import IPv4Network, IPv6Network
from socket import SOCK_STREAM, getaddrinfo, socket
from typing import Any, Final, TypeAlias

from msgspec import Struct
from pyVmomi import SoapStubAdapter, vim, vmodl
from pyVmomi.VmomiSupport import newestVersions, versionMap

from operations.drivers.addresses import peer_allowed, refusal_of
from operations.drivers.base import DriverError

Network: TypeAlias = IPv4Network | IPv6Network

TIMEOUT_S: Final = 60.0  # one answer; a page of 500 VMs takes a busy vCenter some seconds
_RELEASE: Final = re.compile(r"vim25/\d+(\.\d+)*")


class Login(Struct, frozen=True, kw_only=True):
    """How to reach one server.  `fingerprint` is the SHA-256 of its certificate; None: verified.

    `allowed` are the networks that the site lets connections go to.
    """

    host: str
    port: int = 443
    username: str
    password: str
    fingerprint: str | None = None
    ca_file: str | None = None
    allowed: tuple[Network, ...] = ()

    def __repr__(self) -> str:
        """Show all but the password: this may stand in a log."""
        return f"Login({self.username}@{self.host}:{self.port})"


class GuardedContext(ssl.SSLContext):
    """A TLS context that looks at whom it really talks to, before a byte of ours is sent.

    The second look, after `vetted`: whatever was asked for, the address of the connected socket counts.  A
    pinned certificate is compared before anything is said, too.
    """

    allowed: Sequence[Network] = ()
    pin: str | None = None

    def wrap_socket(self, sock: socket, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        if not peer_allowed(sock.getpeername()[0], self.allowed):
            sock.close()
            raise DriverError(f"{sock.getpeername()[0]} is no address that this site allows", permanent=True)
        secured = super().wrap_socket(sock, *arguments, **options)
        if self.pin is not None:
            found = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
            if found != self.pin:
                secured.close()
                raise DriverError(
                    f"the certificate's fingerprint is {coloned(found)}, not the one pinned", permanent=True
                )
        return secured


def vetted(allowed: Sequence[Network]) -> Callable[..., HTTPSConnection]:
    """Make connections that are opened to allowed addresses alone: a name is looked up once, and vetted.

    What else the name resolves to gets no packet of ours.
    """

    def create(address: tuple[str, int], timeout: float = TIMEOUT_S, *_: Any) -> socket:
        host, port = address
        for family, kind, protocol, _name, place in getaddrinfo(host, port, type=SOCK_STREAM):
            if peer_allowed(str(place[0]), allowed):
                opened = socket(family, kind, protocol)
                opened.settimeout(timeout)
                opened.connect(place)
                return opened
        raise DriverError(f"{host} is at no address that this site allows", permanent=True)

    def connection(*arguments: Any, **options: Any) -> HTTPSConnection:
        made = HTTPSConnection(*arguments, **options)
        made._create_connection = create  # type: ignore[attr-defined]
        return made

    return connection


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
    else:
        context.load_default_certs() if login.ca_file is None else context.load_verify_locations(
            login.ca_file
        )
    return context


@contextmanager
def session(login: Login) -> Iterator[vim.ServiceInstance]:
    """Log in, and out whatever happens.

    Raises:
        DriverError: not reached, not trusted, not let in.  The message holds neither password nor body.
    """
    refused = refusal_of(login.host, login.port, login.allowed)
    if refused:
        raise DriverError(refused, permanent=True)
    with translated(login):
        stub = SoapStubAdapter(
            host=login.host,
            port=login.port,
            path="/sdk",
            version=newestVersions.GetName("vim"),
            sslContext=context_of(login),
            httpConnectionTimeout=TIMEOUT_S,
        )
        stub.scheme = vetted(login.allowed)
        instance = vim.ServiceInstance("ServiceInstance", stub)
        content = instance.RetrieveContent()
        stub.version = _version(content.about.apiVersion)
        content.sessionManager.Login(login.username, login.password, None)
    try:
        with translated(login):
            yield instance
    finally:
        _leave(content, stub)


def _leave(content: vim.ServiceInstanceContent, stub: SoapStubAdapter) -> None:
    """Log out as far as that still goes: a session that is lost already ends by itself."""
    try:
        content.sessionManager.Logout()
    except (OSError, HTTPException, vmodl.MethodFault):
        pass
    finally:
        stub.DropConnections()


def _version(api: str) -> str:
    """Speak as the server does, where it is older than this client."""
    known = {
        tuple(map(int, uri.removeprefix("vim25/").split("."))): version
        for uri, version in versionMap.items()
        if _RELEASE.fullmatch(uri)
    }
    server = tuple(int(part) for part in api.split(".") if part.isdecimal())
    return str(known[max(release for release in known if release <= server)])


@contextmanager
def translated(login: Login) -> Iterator[None]:
    """Turn what goes wrong on the way into DriverError: one line, no body, no password."""
    where = f"{login.host}:{login.port}"
    try:
        yield
    except vim.fault.InvalidLogin as error:
        raise DriverError(f"{where} does not know this user and password", permanent=True) from error
    except vim.fault.NoPermission as error:
        raise DriverError(
            f"{where}: the user lacks the privilege {error.privilegeId}", permanent=True
        ) from error
    except vmodl.MethodFault as error:
        raise DriverError(f"{where}: {type(error).__name__.rpartition('.')[2]}") from error
    except ssl.SSLCertVerificationError as error:
        raise DriverError(f"{where} is not trusted: {error.verify_message}", permanent=True) from error
    except (OSError, HTTPException) as error:
        raise DriverError(f"{where} cannot be reached: {type(error).__name__}") from error
