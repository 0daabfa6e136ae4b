"""Fifty addresses that no connection may reach, and names that change their mind: not a packet is sent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from operations.drivers import trust
from operations.drivers.addresses import networks_of, peer_allowed, refusal_of
from operations.drivers.base import DriverError
from operations.drivers.vsphere import session as vsphere
from operations.drivers.vsphere.session import Login

EVERYWHERE = networks_of(["0.0.0.0/0", "::/0"])  # a site that lists everything still closes its own doors
HOUSE = networks_of(["10.20.0.0/16"])
FORBIDDEN = [
    "127.0.0.1", "127.1", "127.0.0.2", "127.255.255.254", "localhost", "LOCALHOST", "localhost.", "0",
    "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "127.0.0.1%00", "[::1]", "::1",
    "0.0.0.0", "0:0:0:0:0:0:0:1",  # noqa: S104  no binding
    "::ffff:127.0.0.1", "::ffff:7f00:1", "[::ffff:169.254.169.254]", "169.254.169.254", "169.254.1.1",
    "fe80::1", "fe80::1%eth0", "ff02::1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::",
    "http://127.0.0.1", "https://10.20.0.1/", "user@10.20.0.1", "10.20.0.1/sdk", "10.20.0.1?x", "10.20.0.1#x",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "::7f00:1", "::127.0.0.1", "2001:0:7f00:1::",
    "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "0:0:0:0:0:ffff:7f00:1",
    "10.20.0.1\r\nHost: x", "10.20.0.1\0", "10.20.0.1 ", "evil host", "",
]  # fmt: skip


@pytest.fixture
def knocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Every connection that is opened, and a server of this machine that counts those that arrive."""
    opened: list[Any] = []
    server = socket.create_server(("127.0.0.1", 0))

    def count() -> None:
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return
            opened.append("arrived")

    threading.Thread(target=count, daemon=True).start()
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        opened.append(address)
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    opened.clear()
    monkeypatch.setattr(knocks_port, "port", server.getsockname()[1])
    yield opened
    server.close()


class knocks_port:
    port = 0


def tried(host: str, allowed: Any) -> str:
    login = Login(host=host, port=knocks_port.port, username="u", password="p", allowed=allowed)
    with pytest.raises(DriverError) as refused, vsphere.session(login):
        pass
    return str(refused.value)


def test_there_are_fifty_of_them() -> None:
    assert len(set(FORBIDDEN)) == 51


@pytest.mark.parametrize("host", FORBIDDEN)
@pytest.mark.parametrize("allowed", [EVERYWHERE, HOUSE, ()])
def test_nothing_is_sent_to_a_forbidden_address(knocks: list[Any], host: str, allowed: Any) -> None:
    said = tried(host, allowed)
    assert "p" not in said.split()
    assert knocks == []


def resolving(monkeypatch: pytest.MonkeyPatch, answers: Callable[[], list[str]]) -> None:
    """Let a name resolve as an attacker's server would."""

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answers()]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(trust, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "0.0.0.1", "10.99.0.1", "192.168.1.1", "8.8.8.8"]
)
def test_a_name_that_resolves_to_somewhere_else_is_not_reached(
    knocks: list[Any], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    resolving(monkeypatch, lambda: [address])
    assert "at no address that this site allows" in tried("vcenter.house", HOUSE)
    assert knocks == []


def test_a_name_that_changes_its_mind_is_looked_up_once_and_reached_where_it_was_vetted(
    knocks: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"], ["127.0.0.2"]])
    resolving(monkeypatch, lambda: next(answers))
    here = networks_of(["127.0.0.1/32"])  # a test's own server stands for the vetted address
    tried("rebinding.example", here)  # it answers no TLS
    assert [place for place in knocks if place != "arrived"] == [("127.0.0.1", knocks_port.port)]


def test_of_several_addresses_the_allowed_one_is_taken(
    knocks: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, lambda: ["169.254.169.254", "127.0.0.1", "10.99.0.1"])
    tried("several.example", networks_of(["127.0.0.1/32"]))
    assert [place for place in knocks if place != "arrived"] == [("127.0.0.1", knocks_port.port)]


def test_the_rules_say_the_same_without_a_socket() -> None:
    plain = [host for host in FORBIDDEN if refusal_of(host, 443, HOUSE) is None]
    assert not [host for host in plain if peer_allowed(host, HOUSE)]
