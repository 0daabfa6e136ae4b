"""Rules about how an estate is wired: each with an id, where it is broken, and the remedy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from planner.estate import Cluster, Estate, Host
from planner.paths.lint_links import bundles, fan_in, raid
from planner.paths.lint_rules import Finding, found
from planner.paths.questions import Answer
from planner.paths.wiring import Wiring

FT_LOGGING_MBIT: Final = 10_000  # vSphere 8.0, Fault Tolerance requirements
HEARTBEAT_DATASTORES: Final = 2  # vSphere Availability, das.heartbeatdsperhost
ISL_RATIO: Final = 10.0  # IBM, Brocade: hosts to inter-switch links at most 7:1 to 10:1


def lint(estate: Estate, wiring: Wiring, answers: Sequence[Answer]) -> tuple[Finding, ...]:
    """Give every broken rule, the worst first.  A NIC that no switch uses is a spare, and no finding."""
    broken = [
        *_lacp(estate),
        *_hosts(estate),
        *_answers(answers, wiring),
        *_fabrics(estate, wiring),
        *bundles(estate, wiring),
        *fan_in(estate),
        *raid(estate),
        *_clusters(estate),
        *_everywhere(estate),
        *_local(estate),
    ]
    order = {"bad": 0, "warn": 1, "note": 2}
    unique = {(one.id, one.where, str(one.message)): one for one in broken}
    return tuple(
        sorted(unique.values(), key=lambda one: (order[one.severity], one.id, one.where, str(one.message)))
    )


def _lacp(estate: Estate) -> Iterator[Finding]:
    for switch in estate.switches:
        if switch.lacp == "slow":
            yield found("lacp-slow", switch.name)


def _hosts(estate: Estate) -> Iterator[Finding]:
    ft_groups = {group.switch for group in estate.port_groups if "ft-logging" in group.roles}
    stores: dict[str, int] = defaultdict(int)
    for datastore in estate.datastores:
        for name in datastore.hosts if datastore.shared else ():
            stores[name] += 1
    for host in estate.hosts:
        for nic in host.nics:
            if nic.switch is not None and nic.up is False:
                yield found("uplink-down", host.name, nic=nic.device, switch=nic.switch)
        logging = [nic for nic in host.nics if nic.switch in ft_groups and nic.up is not False]
        speeds = [nic.speed_mbit for nic in logging if nic.speed_mbit]
        if speeds and max(speeds) < FT_LOGGING_MBIT:
            yield found("ft-logging-slow", host.name, mbit=max(speeds))
        networks = _management(estate, host)
        if networks == 1 and stores[host.name] < HEARTBEAT_DATASTORES:
            yield found("heartbeat-single-network", host.name, datastores=stores[host.name])
        if len(host.psus) == 1:
            yield found("psu-single", host.name)


def _management(estate: Estate, host: Host) -> int:
    """Count the management networks of a host."""
    own = {vmk.port_group for vmk in host.vmks}
    switches = {nic.switch for nic in host.nics if nic.switch}
    return sum(
        "management" in group.roles
        and (group.name in own or host.name in group.hosts or (not own and group.switch in switches))
        for group in estate.port_groups
    )


def _answers(answers: Iterable[Answer], wiring: Wiring) -> Iterator[Finding]:
    """Say in words what the answers prove: which layer is single, and what it is."""
    for one in answers:
        question = one.question
        where, targets = question.subject.name, ", ".join(question.targets)
        single = {
            layer: next(
                (
                    known[layer]
                    for known in (way.known() for way in question.ways)
                    if known.get(layer) is not None
                ),
                None,
            )
            for layer, proof in one.layers
            if proof == "single"
        }
        names = {
            layer: wiring.components[number].name for layer, number in single.items() if number is not None
        }
        if question.service == "storage":
            yield from _storage(where, targets, names, question.dead)
        elif question.service == "power" and "feed" in names:
            yield found("power-one-feed", where, feed=names["feed"])
        elif question.service in ("vm", "vmotion", "management", "ft-logging"):
            yield from _network(where, targets, names, one, wiring)


def _storage(where: str, targets: str, names: Mapping[str, str], dead: int) -> Iterator[Finding]:
    if "hba" in names:
        yield found("hba-single", where, datastore=targets, hba=names["hba"])
    elif "card" in names:
        yield found("hbas-one-card", where, datastore=targets, card=names["card"])
    if "fabric" in names:
        yield found("paths-one-fabric", where, datastore=targets, fabric=names["fabric"])
    if "controller" in names:
        yield found("controller-owns-all-paths", where, datastore=targets, controller=names["controller"])
    if dead:
        yield found("path-dead", where, datastore=targets, count=dead)


def _network(
    where: str, targets: str, names: Mapping[str, str], one: Answer, wiring: Wiring
) -> Iterator[Finding]:
    if len(one.question.ways) == 1 and "nic" in names:
        yield found("uplink-single", where, network=targets, nic=names["nic"])
        return
    if "card" in names:
        yield found("uplinks-one-card", where, network=targets, card=names["card"])
    if "switch" in names:
        yield found("uplinks-one-switch", where, network=targets, switch=names["switch"])
    stacks = [number for number in one.cuts.ones if wiring.components[number].kind == "stack"]
    for number in stacks if "switch" not in names else ():
        yield found("stack-shared", where, network=targets, stack=wiring.components[number].name)


def _fabrics(estate: Estate, wiring: Wiring) -> Iterator[Finding]:
    fabric_of = {switch.name: switch.fabric for switch in estate.switches}
    hosts: dict[str, float] = defaultdict(float)
    links: dict[str, float] = defaultdict(float)
    for link in estate.links:
        ends = [end.partition(":") for end in (link.a, link.b)]
        names = [name for kind, _, name in ends if kind == "switch"]
        if len(names) == 2:
            first, second = sorted(names)
            fabrics = [fabric_of.get(first), fabric_of.get(second)]
            if None not in fabrics and fabrics[0] != fabrics[1]:
                joined = f"{first} -- {second}"
                yield found("fabrics-joined", joined, first=str(fabrics[0]), second=str(fabrics[1]))
            for name in names:
                links[name] += link.speed_mbit or 0
        elif len(names) == 1 and any(kind == "host" for kind, _, _ in ends):
            hosts[names[0]] += link.speed_mbit or 0
    for name, down in sorted(hosts.items()):
        if fabric_of.get(name) is not None and links.get(name) and down > ISL_RATIO * links[name]:
            yield found("isl-oversubscribed", name, ratio=round(down / links[name], 1))


def _clusters(estate: Estate) -> Iterator[Finding]:
    racks = {rack.name: rack for rack in estate.racks}
    rooms = {room.name: room for room in estate.rooms}

    def site_of(host: Host) -> str | None:
        rack = racks.get(host.rack or "")
        room = rooms.get((rack.room if rack else None) or "")
        return host.site or (rack.site if rack else None) or (room.site if room else None)

    for cluster in estate.clusters:
        hosts = estate.hosts_of(cluster.name)
        yield from _sites(cluster, {site_of(host) for host in hosts} - {None})
        standing = {host.rack for host in hosts}
        if len(hosts) > 1 and len(standing) == 1 and None not in standing:
            yield found("one-rack", cluster.name, rack=str(hosts[0].rack))


def _sites(cluster: Cluster, sites: set[str | None]) -> Iterator[Finding]:
    if len(sites) == 2 and cluster.witness_site is None:
        yield found("stretched-no-witness", cluster.name)
    if len(sites) > 1 and cluster.witness_site in sites:
        yield found("witness-beside-data", cluster.name, site=cluster.witness_site)


def _everywhere(estate: Estate) -> Iterator[Finding]:
    """Look for what only some hosts of a cluster have, and VMs use."""
    used = {network for vm in estate.vms for network in vm.networks}
    for cluster in estate.clusters:
        hosts = {host.name for host in estate.hosts_of(cluster.name)}
        for group in estate.port_groups:
            missing = hosts - set(group.hosts)
            if group.name in used and group.hosts and missing and missing != hosts:
                yield found("port-group-not-everywhere", group.name, count=len(missing), cluster=cluster.name)
        for datastore in estate.datastores:
            mounting = hosts & set(datastore.hosts)
            if datastore.shared and mounting and mounting != hosts:
                values = {"count": len(mounting), "all": len(hosts)}
                yield found("datastore-not-everywhere", datastore.name, cluster=cluster.name, **values)


def _local(estate: Estate) -> Iterator[Finding]:
    local = {datastore.name for datastore in estate.datastores if not datastore.shared}
    lying: dict[str, int] = defaultdict(int)
    for vm in estate.vms:
        for name in set(vm.datastores) & local if vm.is_load else ():
            lying[name] += 1
    for name, count in sorted(lying.items()):
        yield found("vm-on-local-storage", name, count=count)
