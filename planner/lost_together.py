"""What hosts share and may lose at once: a rack, a site, a chassis, a model, any tag of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from planner.estate import Host

ALONE: Final = "host"
FIELDS: Final = (
    *("rack", "site", "datacenter", "chassis"),
    *("vendor", "model", "cpu_model", "version", "evc"),
)


def told(host: Host, what: str) -> str | None:
    """Give what a host says of one thing: its name, one of FIELDS, or a tag; None where it says nothing.

    A tag that is called like a field of ours is found under the field.

    >>> host = Host(name="a", rack="r1", sockets=1, cores=8, cpu_mhz=0, memory_mib=1024,
    ...             attributes={"Power feed": "A"})
    >>> told(host, "rack"), told(host, "Power feed"), told(host, "site")
    ('r1', 'A', None)
    """
    if what == ALONE:
        return host.name
    value: str | None = getattr(host, what) if what in FIELDS else host.attributes.get(what)
    return value or None


def tags_of(hosts: Sequence[Host]) -> tuple[str, ...]:
    """Name the tags that any of the hosts has, in order."""
    return tuple(sorted({tag for host in hosts for tag in host.attributes}))


def is_known(hosts: Sequence[Host], what: str) -> bool:
    """Say whether hosts can be lost by this at all: alone, by a field of ours, or by a tag that one has."""
    return what == ALONE or what in FIELDS or any(what in host.attributes for host in hosts)


def host_groups(hosts: Sequence[Host], what: str) -> Mapping[str, tuple[str, ...]]:
    """Group hosts by what fails at once; one that does not tell is a group of its own.

    >>> hosts = [Host(name=n, rack=r, sockets=1, cores=8, cpu_mhz=0, memory_mib=1024)
    ...          for n, r in (("a", "r1"), ("b", "r1"), ("c", None), ("r1", None))]
    >>> host_groups(hosts, "rack")
    {'c': ('c',), 'r1': ('a', 'b'), 'r1 (host)': ('r1',)}
    """
    groups: dict[str, list[str]] = {}
    for host in hosts:
        shared = told(host, what)
        if shared is not None:
            groups.setdefault(shared, []).append(host.name)
    for host in hosts:
        if told(host, what) is None:
            name = host.name
            while name in groups:
                name = f"{name} (host)"
            groups[name] = [host.name]
    return {name: tuple(members) for name, members in sorted(groups.items())}
