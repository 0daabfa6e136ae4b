"""Where the hosts of a libvirt connection are: a line each, such as `h1 qemu+ssh://headroom@h1.example/system`.

    [NAME] URI [MIGRATION-ADDRESS]

libvirt knows no clusters: the list is what makes hosts one.  A URI of libvirt can run programs (`command=`),
read keys (`keyfile=`, `pkipath=`) or switch trust off (`no_verify=`), so only what is needed passes: a few
ways to connect, no parameter but the path of a socket.  Pure: nothing is looked up or opened here.

Source: libvirt.org/uri.html, libvirt.org/remote.html.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from operations.drivers.addresses import Network, peer_allowed, refusal_of
from planner.formats.text import shortened
from planner.sentence import Sentence

PORTS: Final = {"qemu+ssh": 22, "qemu+tcp": 16509, "qemu+tls": 16514}  # libvirt.org/remote.html
SCHEMES: Final = frozenset({"qemu", "qemu+unix", "test", *PORTS})
HERE: Final = "localhost"  # what this machine is called where nobody gave it a name
PLACES_MAX: Final = 512
LINE_MAX: Final = 600
SHOWN_MAX: Final = 80
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}")
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_PATH: Final = re.compile(r"(/[A-Za-z0-9._+@-]+)+")
_URI: Final = re.compile(r"[A-Za-z0-9._+@:/?=\[\]-]+")


class WrongPlace(Exception):
    """A line that names no host, and why."""

    def __init__(self, template: str, line: str) -> None:
        self.sentence = Sentence(template, {"line": shortened(line, SHOWN_MAX)})
        super().__init__(str(self.sentence))


class Place(Struct, frozen=True, kw_only=True):
    """One host: what we call it, how libvirt is asked for it, and where migrations to it arrive.

    `address` and `port` are where a connection goes; empty for this machine.  `incoming` empty: as the
    host says.
    """

    name: str
    uri: str
    address: str = ""
    port: int = 0
    incoming: str = ""

    @property
    def is_here(self) -> bool:
        """Whether it is reached on this machine itself."""
        return not self.address


def read_places(lines: Sequence[str]) -> tuple[Place, ...]:
    """Read a list of hosts; empty lines are none.

    Raises:
        WrongPlace: a line that is no host, or two hosts of one name.

    >>> [place.name for place in read_places(["h1 qemu:///system", "qemu+ssh://ops@h2/system 10.0.0.2"])]
    ['h1', 'h2']
    >>> read_places(["qemu+ssh://h1/system?command=/tmp/x"])
    Traceback (most recent call last):
    operations.drivers.places.WrongPlace: No parameter but the socket of qemu+unix may stand in a URI: ...
    """
    found: dict[str, Place] = {}
    for line in (text.strip() for text in lines):
        if line:
            place = _place(line)
            if place.name in found:
                raise WrongPlace("Two hosts have one name: put another before the URI: {line}", line)
            found[place.name] = place
    if not found:
        raise WrongPlace("Not one host is named", "")
    if len(found) > PLACES_MAX:
        raise WrongPlace("More hosts are named than one connection may have", "")
    return tuple(found.values())


def refusal_of_place(place: Place, allowed: Sequence[Network]) -> Sentence | None:
    """Say why a host must not even be looked up; None where it may, or where only its address will tell.

    This machine is allowed where the site lists 127.0.0.1.

    >>> from operations.drivers.addresses import networks_of
    >>> here = read_places(["qemu:///system"])[0]
    >>> refusal_of_place(here, networks_of(["127.0.0.1/32"]))
    >>> str(refusal_of_place(here, networks_of(["10.0.0.0/8"])))
    'localhost is on this machine, and the site does not list 127.0.0.1'
    """
    if not place.is_here:
        return refusal_of(place.address, place.port, allowed)
    if not allowed:
        return refusal_of("127.0.0.1", 1, allowed)
    if peer_allowed("127.0.0.1", allowed):
        return None
    return Sentence("{host} is on this machine, and the site does not list 127.0.0.1", {"host": place.name})


def _place(line: str) -> Place:
    words = line.split()
    if len(line) > LINE_MAX or len(words) > 3:
        raise WrongPlace("Not a host such as h1 qemu+ssh://h1.example/system: {line}", line)
    name = words.pop(0) if "://" not in words[0] else ""
    if not words or "://" not in words[0]:
        raise WrongPlace("Not a host such as h1 qemu+ssh://h1.example/system: {line}", line)
    uri, incoming = words[0], words[1] if len(words) > 1 else ""
    if not _URI.fullmatch(uri) or ".." in uri:
        raise WrongPlace("The URI holds characters that none needs: {line}", line)
    address, port = _where(uri, line)
    name = name or address.strip("[]") or HERE
    if not _NAME.fullmatch(name):
        raise WrongPlace("That is no name for a host; put one before the URI: {line}", line)
    if incoming and not _is_address(incoming):
        raise WrongPlace("Migrations arrive at an address or a name: {line}", line)
    return Place(name=name, uri=uri, address=address.strip("[]"), port=port, incoming=incoming)


def _where(uri: str, line: str) -> tuple[str, int]:
    """Give the address and port of a URI; empty and 0 for this machine."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise WrongPlace("The URI makes no sense: {line}", line) from error
    if parts.scheme not in SCHEMES:
        raise WrongPlace(
            "Only qemu, qemu+unix, qemu+ssh, qemu+tls, qemu+tcp and test are known: {line}", line
        )
    _check_query(parts.scheme, parts.query, line)
    if parts.scheme == "test":
        if parts.netloc or not _PATH.fullmatch(parts.path):
            raise WrongPlace("libvirt's test driver is test:///default or test:///FILE: {line}", line)
        return "", 0
    if parts.path not in ("/system", "/session"):
        raise WrongPlace("The URI ends with /system: {line}", line)
    if parts.scheme in ("qemu", "qemu+unix"):
        if parts.netloc:
            raise WrongPlace("A host of its own wants qemu+ssh, qemu+tls or qemu+tcp: {line}", line)
        return "", 0
    _check_user(parts.scheme, parts.netloc, line)
    host = parts.hostname or ""
    if not _is_address(host):
        raise WrongPlace("The URI names no host: {line}", line)
    return host, port or PORTS[parts.scheme]


def _check_query(scheme: str, query: str, line: str) -> None:
    given = parse_qsl(query, keep_blank_values=True)
    if not given:
        return
    if scheme != "qemu+unix" or [key for key, _ in given] != ["socket"]:
        raise WrongPlace("No parameter but the socket of qemu+unix may stand in a URI: {line}", line)
    if not _PATH.fullmatch(given[0][1]):
        raise WrongPlace("The socket is an absolute path: {line}", line)


def _check_user(scheme: str, netloc: str, line: str) -> None:
    user, at, _ = netloc.rpartition("@")
    if at and (scheme != "qemu+ssh" or not _USER.fullmatch(user)):
        raise WrongPlace("Only qemu+ssh has a user in its URI, and no URI a password: {line}", line)


def _is_address(text: str) -> bool:
    """Whether it is a name or an address, and cannot be taken for an option of ssh."""
    if _HOST.fullmatch(text):
        return True
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True
