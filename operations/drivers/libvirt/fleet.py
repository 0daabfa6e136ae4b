"""The hosts of one connection: those that answer, and those that are silent, with the reason.

Source: libvirt.org/html/libvirt-libvirt-host.html.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from socket import SOCK_STREAM, create_connection, getaddrinfo
from typing import Any, Final

from operations.drivers.addresses import peer_allowed
from operations.drivers.base import DriverError
from operations.drivers.libvirt import binding
from operations.drivers.places import Place, WrongPlace, read_places, refusal_of_place
from operations.drivers.remote import Login
from planner.formats.text import cleaned, shortened
from planner.sentence import Sentence

KNOCK_S: Final = 5.0  # one TCP connection: a host that is off does not answer
OPEN_S: Final = 8.0  # all of it, with ssh's or TLS's own exchange: a worker's look is stale after 20 s
KEEPALIVE_S, KEEPALIVE_COUNT = 5, 3  # libvirt's own defaults: frozen after 15 s
SAID_MAX: Final = 200


class Fleet:
    """Connections by the names of their hosts.  A host is in `connections` or in `silent`, never in both."""

    def __init__(self, login: Login, places: Sequence[Place]) -> None:
        self.login = login
        self.places = {place.name: place for place in places}
        self.connections: dict[str, Any] = {}
        self.silent: dict[str, str] = {}

    def of(self, name: str) -> Any:
        """The connection to a host that has to be there.

        Raises:
            DriverError: it is silent, or no host of this connection.
        """
        if name in self.connections:
            return self.connections[name]
        if name not in self.places:
            raise DriverError(
                Sentence("{host} is no host of this connection", {"host": name}), permanent=True
            )
        raise DriverError(
            Sentence("{where} cannot be reached: {why}", {"where": name, "why": self.silent.get(name, "?")})
        )

    def lost(self, name: str, why: str) -> None:
        """Count a host as silent from here on."""
        self._close(self.connections.pop(name, None))
        self.silent[name] = why

    def close(self) -> None:
        """Hang up everywhere."""
        for name in list(self.connections):
            self._close(self.connections.pop(name))

    def _close(self, connection: Any) -> None:
        if connection is not None:
            try:
                connection.close()
            except binding.loaded().libvirtError:
                return  # a connection that is lost is closed


@contextmanager
def connected(login: Login) -> Iterator[Fleet]:
    """Open every host at the same time; those that do not answer are silent.

    Raises:
        DriverError: the list is none, an address is not allowed, the binding is missing, or no host answers.
    """
    places = places_of(login)
    binding.loaded()
    fleet = Fleet(login, places)
    try:
        _open_all(fleet, places)
        if not fleet.connections:
            name, why = next(iter(fleet.silent.items()))
            raise DriverError(Sentence("{where} cannot be reached: {why}", {"where": name, "why": why}))
        yield fleet
    finally:
        fleet.close()


def places_of(login: Login) -> tuple[Place, ...]:
    """Read and judge the list of hosts.

    Raises:
        DriverError: permanent, in the words of what is wrong.
    """
    try:
        places = read_places(login.uris)
    except WrongPlace as wrong:
        raise DriverError(wrong.sentence, permanent=True) from wrong
    for place in places:
        refused = refusal_of_place(place, login.allowed)
        if refused is not None:
            raise DriverError(refused, permanent=True)
    return places


def _open_all(fleet: Fleet, places: Sequence[Place]) -> None:
    """Open each in a thread: libvirt's `open` has no time limit, and a host that is frozen never answers."""
    opening = [_Opening(place, fleet.login) for place in places]
    for one in opening:
        one.start()
    for one in opening:
        connection, why = one.result()
        if isinstance(why, DriverError):
            raise why
        if connection is None:
            fleet.silent[one.place.name] = str(why)
        else:
            fleet.connections[one.place.name] = connection


class _Opening(threading.Thread):
    """One host being opened; what comes after the time limit is closed again."""

    def __init__(self, place: Place, login: Login) -> None:
        super().__init__(daemon=True, name=f"libvirt-open-{place.name}")
        self.place = place
        self._login = login
        self._lock = threading.Lock()
        self._given_up = False
        self._until = time.monotonic() + OPEN_S
        self._found: Any = None
        self._why: str | DriverError = "timeout"

    def run(self) -> None:
        try:
            found = open_place(self.place, self._login)
        except DriverError as error:
            self._why = error if error.permanent else str(error)
            return
        with self._lock:
            if not self._given_up:
                self._found = found
                return
        found.close()

    def result(self) -> tuple[Any, str | DriverError]:
        self.join(max(0.0, self._until - time.monotonic()))
        with self._lock:
            self._given_up = True
        return self._found, self._why


def open_place(place: Place, login: Login) -> Any:
    """Open one host, and have it watched for silence.

    Raises:
        DriverError: permanent where an address is not allowed; else it does not answer, or does not let in.
    """
    libvirt = binding.loaded()
    uri = _knocked(place, login)
    flags = 0 if login.acts else libvirt.VIR_CONNECT_RO
    wanted = [libvirt.VIR_CRED_AUTHNAME, libvirt.VIR_CRED_PASSPHRASE]
    try:
        found = libvirt.openAuth(uri, [wanted, _answer, login], flags)
        if not place.is_here or place.uri.startswith("qemu"):
            found.setKeepAlive(KEEPALIVE_S, KEEPALIVE_COUNT)
    except libvirt.libvirtError as error:
        raise DriverError(said(error, login)) from error
    return found


def _answer(credentials: list[list[Any]], login: Login) -> int:
    """Give SASL the user and the password of the connection."""
    libvirt = binding.loaded()
    for credential in credentials:
        if credential[0] == libvirt.VIR_CRED_AUTHNAME:
            credential[4] = login.username
        elif credential[0] == libvirt.VIR_CRED_PASSPHRASE:
            credential[4] = login.password
        else:
            return -1
    return 0


def _knocked(place: Place, login: Login) -> str:
    """Vet where a name leads, see that somebody is there, and give the URI to open.

    libvirt and ssh look a name up themselves, so all that it resolves to has to be allowed; where nothing
    hangs on the name, as with plain TCP, the vetted address takes its place.
    """
    if place.is_here:
        return place.uri
    try:
        found = {str(each[4][0]) for each in getaddrinfo(place.address, place.port, type=SOCK_STREAM)}
        for address in sorted(found):
            if not peer_allowed(address, login.allowed):
                raise DriverError(
                    Sentence("{host} is no address that this site allows", {"host": address}), permanent=True
                )
        first = min(found)
        create_connection((first, place.port), KNOCK_S).close()
    except OSError as error:
        raise DriverError(type(error).__name__) from error
    if place.uri.startswith("qemu+ssh"):
        return place.uri + "?no_tty=1"  # ssh never asks anybody for a password here
    if place.uri.startswith("qemu+tcp"):
        literal = f"[{first}]" if ":" in first else first
        path = place.uri[place.uri.rindex("/") :]
        return f"qemu+tcp://{literal}:{place.port}{path}"
    return place.uri


def said(error: Exception, login: Login) -> str:
    """What libvirt says, in one line, without our secret."""
    text = " ".join(str(error).split()) or type(error).__name__
    if login.password:
        text = text.replace(login.password, "***")
    return shortened(cleaned(text), SAID_MAX)


def is_lost(connection: Any) -> bool:
    """Whether a connection is dead: a question that fails on it then says nothing of what was asked."""
    try:
        return bool(connection.isAlive() != 1)
    except binding.loaded().libvirtError:
        return True
