"""The laboratory's cables: two storage switches that every machine is crossed over, and one for the VMs.

                fabric-a     fabric-b     vms
    h1 ------------ + ---------- + -------- + (bridge "vms" of the host)
    h2 ------------ + ---------- + -------- + (bridge "vms" of the host)
    san ----------- + ---------- +
    us ------------ + ---------- +
    observer ------------------------------ +

Each machine's own address stands on no card: it is reached over A, and over B while A has no carrier.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Final

from lab.ground import Missing

SWITCH: Final = "switch"
HOSTS: Final = ("h1", "h2")
SAN: Final = "san"
OBSERVER: Final = "observer"
PRODUCT: Final = "us"  # the namespace that the laboratory itself runs in
NUMBERS: Final[Mapping[str, int]] = {"h1": 1, "h2": 2, SAN: 100, PRODUCT: 200}
NETWORK: Final = "10.77.9.0/24"
FABRICS: Final = ("fabric-a", "fabric-b")
OBSERVER_ADDRESS: Final = "192.168.77.254/24"
SETTINGS: Final[Mapping[str, int]] = {
    "rp_filter": 0,  # an answer may come over the other fabric
    "ignore_routes_with_linkdown": 1,  # a route over a fabric without carrier is none
}


def address(machine: str) -> str:
    """Where a machine is, whichever fabric carries it."""
    return f"10.77.9.{NUMBERS[machine]}"


def ip(*words: str, inside: str = "") -> None:
    """Run ip.

    Raises:
        Missing: it refuses.
    """
    where = ("-n", inside) if inside else ()
    done = subprocess.run(["ip", *where, *words], capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"ip {' '.join((*where, *words))}: {done.stderr.strip()}")


def laid() -> None:
    """Make the namespaces, the switches and every cable."""
    ip("netns", "attach", PRODUCT, str(os.getpid()))
    for name in (SWITCH, *HOSTS, SAN, OBSERVER):
        ip("netns", "add", name)
    for name in (SWITCH, *NUMBERS, OBSERVER):
        _set(name)
        ip("link", "set", "lo", "up", inside=name)
    for bridge in (*FABRICS, "vms"):
        _bridge(SWITCH, bridge)
    for machine in NUMBERS:
        for number, fabric in enumerate(FABRICS, start=1):
            _cable(machine, fabric, fabric)
            ip("address", "add", f"10.77.{number}.{NUMBERS[machine]}/24", "dev", fabric, inside=machine)
        ip("address", "add", f"{address(machine)}/32", "dev", "lo", inside=machine)
    for machine in NUMBERS:
        for other in NUMBERS:
            if other != machine:
                _route(machine, other)
    for host in HOSTS:
        _cable(host, "uplink", "vms")
        _bridge(host, "vms")
        ip("link", "set", "uplink", "master", "vms", inside=host)
    _cable(OBSERVER, "uplink", "vms")
    ip("address", "add", OBSERVER_ADDRESS, "dev", "uplink", inside=OBSERVER)


def _set(machine: str) -> None:
    wanted = [
        f"echo {value} > /proc/sys/net/ipv4/conf/{scope}/{setting}"
        for setting, value in SETTINGS.items()
        for scope in ("all", "default")
    ]
    subprocess.run(["ip", "netns", "exec", machine, "sh", "-ec", "; ".join(wanted)], check=True)


def _bridge(inside: str, name: str) -> None:
    ip("link", "add", name, "type", "bridge", "forward_delay", "0", "stp_state", "0", inside=inside)
    ip("link", "set", name, "up", inside=inside)


def _cable(machine: str, card: str, switch: str) -> None:
    port = f"{machine}-{card}"
    ip("link", "add", card, "netns", machine, "type", "veth", "peer", "name", port, "netns", SWITCH)
    ip("link", "set", port, "master", switch, "up", inside=SWITCH)
    ip("link", "set", card, "up", inside=machine)


def _route(machine: str, other: str) -> None:
    for number, fabric in enumerate(FABRICS, start=1):
        way = ("via", f"10.77.{number}.{NUMBERS[other]}", "dev", fabric, "src", address(machine))
        ip("route", "add", f"{address(other)}/32", *way, "metric", str(number), inside=machine)


def fabric_down(fabric: str) -> None:
    """A switch dies: every port of it."""
    for machine in NUMBERS:
        ip("link", "set", f"{machine}-{fabric}", "down", inside=SWITCH)


def fabric_up(fabric: str) -> None:
    for machine in NUMBERS:
        ip("link", "set", f"{machine}-{fabric}", "up", inside=SWITCH)


def isolated(host: str, *, whole: bool = True) -> None:
    """Pull the cables of a host out, or put them back."""
    for card in (*FABRICS, "uplink"):
        ip("link", "set", f"{host}-{card}", "down" if whole else "up", inside=SWITCH)
