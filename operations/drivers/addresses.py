"""Where connections may go: the site's list of networks, never this machine's own or a cloud's metadata.

Pure: an address is text, and whoever resolves names does so elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from planner.sentence import Sentence

Network: TypeAlias = IPv4Network | IPv6Network

# What a hypervisor never is, unless the site lists that very network: this machine, the link, the cloud's
# own services (metadata of AWS, Alibaba, Oracle and Azure), multicast, addresses that are none, and those of
# IPv6 that a gateway turns into one of IPv4: ::/96, NAT64, Teredo, 6to4.
CLOSED: Final = tuple(
    map(
        ip_network,
        ("127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/96",
         "fe80::/10", "ff00::/8", "fd00:ec2::254/128", "100.100.100.200/32", "192.0.0.192/32",
         "168.63.129.16/32", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"),
    )
)  # fmt: skip


def networks_of(texts: Iterable[str]) -> tuple[Network, ...]:
    """Parse a site's list.

    Raises:
        ValueError: a text that is no network, or with host bits set.

    >>> networks_of(["10.0.0.0/8"])
    (IPv4Network('10.0.0.0/8'),)
    """
    return tuple(ip_network(text.strip()) for text in texts if text.strip())


def peer_allowed(address: str, allowed: Sequence[Network]) -> bool:
    """Whether a connection may go to an address: inside the site's list, and closed only if listed itself.

    >>> site = networks_of(["10.0.0.0/8", "0.0.0.0/0"])
    >>> [peer_allowed(address, site) for address in ("10.1.2.3", "127.0.0.1", "::ffff:127.0.0.1")]
    [True, False, False]
    >>> peer_allowed("127.0.0.1", networks_of(["127.0.0.1/32"]))
    True
    """
    found = _plain(address)
    if found is None:
        return False
    inside = [network for network in allowed if network.version == found.version and found in network]
    shut = [network for network in CLOSED if network.version == found.version and found in network]
    return bool(inside) and all(any(_within(network, closed) for network in inside) for closed in shut)


def refusal_of(host: str, port: int, allowed: Sequence[Network]) -> Sentence | None:
    """Say why a host must not even be looked up; None where it may, or where only its address will tell."""
    if not host or any(not character.isalnum() and character not in ".-:_" for character in host):
        return Sentence("The host holds characters that no address has")
    if not 0 < port < 65536:
        return Sentence("{port} is no port", {"port": str(port)})
    if not allowed:
        return Sentence("This site allows no connection yet: set HEADROOM_CONNECTION_NETWORKS")
    if _plain(host) is not None and not peer_allowed(host, allowed):
        return Sentence("{host} is no address that this site allows", {"host": host})
    return None


def _plain(address: str) -> IPv4Address | IPv6Address | None:
    """Parse an address; one of IPv4 inside IPv6 is taken out of it."""
    try:
        found = ip_address(address.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    inner = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return inner or found


def _within(network: Network, closed: Network) -> bool:
    """Whether the site listed a part of a closed network on purpose."""
    if isinstance(network, IPv4Network) and isinstance(closed, IPv4Network):
        return network.subnet_of(closed)
    if isinstance(network, IPv6Network) and isinstance(closed, IPv6Network):
        return network.subnet_of(closed)
    return False
