"""What fails together: hosts of a rack, a site or a chassis, and those that hang on one power feed alone."""

from __future__ import annotations

from planner.estate import Estate, Host


def domains_of(estate: Estate) -> dict[str, tuple[str, ...]]:
    """Give the hosts of every failure domain that an estate tells of, by name.

    A domain goes by its plain name where only one has it, and always by kind and name, as `rack:r1`.
    A host hangs on a feed when all of its power supplies die with it; a feed that no host hangs on alone
    is there with no hosts, for its failure takes none.

    >>> from planner.estate import Feed, Host, Psu
    >>> fed = [Host(name=n, sockets=1, cores=8, cpu_mhz=2000, memory_mib=1024, rack="r1",
    ...             psus=tuple(Psu(device=f, feed=f) for f in feeds))
    ...        for n, feeds in (("a", ("left",)), ("b", ("left", "right")))]
    >>> found = domains_of(Estate(hosts=tuple(fed), feeds=(Feed(name="left"), Feed(name="right"))))
    >>> found["r1"], found["left"], found["feed:right"]
    (('a', 'b'), ('a',), ())
    """
    kinds = {
        **{f"rack:{name}": hosts for name, hosts in _by(estate, "rack").items()},
        **{f"site:{name}": hosts for name, hosts in _by(estate, "site").items()},
        **{f"chassis:{name}": hosts for name, hosts in _by(estate, "chassis").items()},
        **{f"feed:{feed}": _fed_by(estate, feed) for feed in _feeds(estate)},
    }
    plain: dict[str, list[tuple[str, ...]]] = {}
    for key, hosts in kinds.items():
        plain.setdefault(key.partition(":")[2], []).append(hosts)
    return {**{name: found[0] for name, found in plain.items() if len(found) == 1}, **kinds}


def _by(estate: Estate, field: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for host in estate.hosts:
        name = getattr(host, field)
        if name is not None:
            found[name] = (*found.get(name, ()), host.name)
    return found


def _feeds(estate: Estate) -> list[str]:
    of_hosts = {psu.feed for host in estate.hosts for psu in host.psus if psu.feed is not None}
    return sorted(of_hosts | {feed.name for feed in estate.feeds})


def _fed_by(estate: Estate, feed: str) -> tuple[str, ...]:
    """The hosts that lose all power when a feed dies."""
    dead = {feed}
    while fallen := {
        one.name
        for one in estate.feeds
        if one.name not in dead and one.upstream and dead.issuperset(one.upstream)
    }:
        dead |= fallen
    return tuple(host.name for host in estate.hosts if _is_dark(host, dead))


def _is_dark(host: Host, dead: set[str]) -> bool:
    return bool(host.psus) and all(psu.feed in dead for psu in host.psus)
