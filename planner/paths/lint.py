"""Rules about how an estate is wired: each with an id, where it is broken, and the remedy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from planner.estate import Cluster, Estate, Host
from planner.paths.questions import Answer
from planner.paths.wiring import Wiring
from planner.sentence import Sentence, Value

Severity: TypeAlias = Literal["bad", "warn", "note"]


class Rule(Struct, frozen=True, kw_only=True):
    """What a rule says where it is broken, what to do then, and who says so."""

    severity: Severity
    message: Sentence
    remedy: Sentence
    source: str = ""


class Finding(Struct, frozen=True, kw_only=True):
    """One place where a rule is broken."""

    id: str
    severity: Severity
    where: str
    message: Sentence
    remedy: Sentence
    source: str = ""


FT_LOGGING_MBIT: Final = 10_000  # vSphere 8.0, Fault Tolerance requirements
HEARTBEAT_DATASTORES: Final = 2  # vSphere Availability, das.heartbeatdsperhost
ISL_RATIO: Final = 10.0  # IBM, Brocade: hosts to inter-switch links at most 7:1 to 10:1
_BROCADE: Final = "IBM and Brocade, SAN design and best practices"
_VSPHERE: Final = "vSphere Availability and vSphere Networking guides"


def _rule(severity: Severity, message: str, remedy: str, source: str = _VSPHERE) -> Rule:
    return Rule(severity=severity, message=Sentence(message), remedy=Sentence(remedy), source=source)


RULES: Final[dict[str, Rule]] = {
    "lacp-slow": _rule(
        "bad",
        Sentence("{where} runs LACP at the slow rate: 90 s until a dead link is noticed").template,
        Sentence("Set the LACP rate to fast (3 s), shorter than the 60 s of a watchdog").template,
        "pve-docs, ha-manager and cluster manager",
    ),
    "uplinks-one-switch": _rule(
        "bad",
        Sentence("All uplinks of {where} for {network} end at the switch {switch}").template,
        Sentence("Plug one of the uplinks into another switch").template,
    ),
    "uplinks-one-card": _rule(
        "warn",
        Sentence("All uplinks of {where} for {network} are on the card {card}").template,
        Sentence("Take one of the uplinks from another card").template,
    ),
    "uplink-single": _rule(
        "bad",
        Sentence("{where} has one uplink alone for {network}, {nic}").template,
        Sentence("Add a second uplink, on another card and to another switch").template,
    ),
    "uplink-down": _rule(
        "warn",
        Sentence("{where} has the uplink {nic} without a link in the switch {switch}").template,
        Sentence("Plug the cable in, or take the port out of the switch").template,
    ),
    "ft-logging-slow": _rule(
        "warn",
        Sentence("{where} logs fault tolerance over {mbit} Mbit/s").template,
        Sentence("Give fault tolerance logging 10 Gbit/s or more").template,
        "vSphere 8.0, Fault Tolerance requirements",
    ),
    "heartbeat-single-network": _rule(
        "warn",
        Sentence("{where} has one network for heartbeats, and {datastores} shared datastores").template,
        Sentence("Add a second management network, or share two datastores for heartbeats").template,
    ),
    "hba-single": _rule(
        "bad",
        Sentence("{where} reaches {datastore} through one HBA alone, {hba}").template,
        Sentence("Add a second HBA on another card, to the other fabric").template,
        _BROCADE,
    ),
    "hbas-one-card": _rule(
        "warn",
        Sentence("All paths of {where} to {datastore} leave by one card, {card}").template,
        Sentence("Spread the two fabrics over two cards").template,
        _BROCADE,
    ),
    "paths-one-fabric": _rule(
        "bad",
        Sentence("All paths of {where} to {datastore} run through one fabric, {fabric}").template,
        Sentence("Connect the second HBA to the other fabric").template,
        _BROCADE,
    ),
    "controller-owns-all-paths": _rule(
        "bad",
        Sentence("All paths of {where} to {datastore} end at one controller, {controller}").template,
        Sentence("Zone each HBA to ports of both controllers").template,
        _BROCADE,
    ),
    "path-dead": _rule(
        "warn",
        Sentence("{count} paths of {where} to {datastore} are dead or disabled").template,
        Sentence("Mend the cable, the port or the zone, then rescan").template,
    ),
    "fabrics-joined": _rule(
        "bad",
        Sentence("{where} joins the fabrics {first} and {second}: one mistake reaches both").template,
        Sentence("Take the link away; two fabrics share nothing").template,
        _BROCADE,
    ),
    "isl-oversubscribed": _rule(
        "warn",
        Sentence("The links out of {where} are oversubscribed {ratio} to 1").template,
        Sentence("Add links between the switches until it is 7:1 to 10:1 at most").template,
        _BROCADE,
    ),
    "psu-single": _rule(
        "bad",
        Sentence("{where} has one power supply alone").template,
        Sentence("Add a second power supply, on the other feed").template,
        "",
    ),
    "power-one-feed": _rule(
        "bad",
        Sentence("All power of {where} comes from {feed}").template,
        Sentence("Move one power supply to the other feed").template,
        "",
    ),
    "stack-shared": _rule(
        "bad",
        Sentence("All switches of {where} for {network} are the one stack {stack}").template,
        Sentence("Use two switches with a control plane each (MLAG), or take one out of the stack").template,
        "",
    ),
    "stretched-no-witness": _rule(
        "bad",
        Sentence("{where} stands in two sites and has no witness in a third").template,
        Sentence("Put the witness into a third site").template,
    ),
    "witness-beside-data": _rule(
        "bad",
        Sentence("The witness of {where} stands in {site}, beside hosts").template,
        Sentence("Move the witness to a site without hosts of the cluster").template,
    ),
    "one-rack": _rule(
        "warn",
        Sentence("All hosts of {where} stand in one rack, {rack}").template,
        Sentence("Spread the hosts over two racks").template,
        "",
    ),
    "port-group-not-everywhere": _rule(
        "warn",
        Sentence("{where} is missing on {count} hosts of {cluster}; its VMs cannot restart there").template,
        Sentence("Create the port group on every host of the cluster").template,
    ),
    "datastore-not-everywhere": _rule(
        "warn",
        Sentence("{where} is mounted by {count} of {all} hosts of {cluster}").template,
        Sentence("Present the datastore to every host of the cluster").template,
    ),
    "vm-on-local-storage": _rule(
        "bad",
        Sentence("{count} running VMs lie on {where}, which one host alone mounts").template,
        Sentence("Move them to shared storage; HA cannot restart them elsewhere").template,
    ),
}  # fmt: skip


def lint(estate: Estate, wiring: Wiring, answers: Sequence[Answer]) -> tuple[Finding, ...]:
    """Give every broken rule, the worst first.  A NIC that no switch uses is a spare, and no finding."""
    found = [
        *_lacp(estate),
        *_hosts(estate),
        *_answers(answers, wiring),
        *_fabrics(estate, wiring),
        *_clusters(estate),
        *_everywhere(estate),
        *_local(estate),
    ]
    order = {"bad": 0, "warn": 1, "note": 2}
    unique = {(one.id, one.where, str(one.message)): one for one in found}
    return tuple(
        sorted(unique.values(), key=lambda one: (order[one.severity], one.id, one.where, str(one.message)))
    )


def _found(rule: str, where: str, **values: Value) -> Finding:
    told = RULES[rule]
    return Finding(
        id=rule,
        severity=told.severity,
        where=where,
        message=Sentence(told.message.template, {"where": where, **values}),
        remedy=told.remedy,
        source=told.source,
    )


def _lacp(estate: Estate) -> Iterator[Finding]:
    for switch in estate.switches:
        if switch.lacp == "slow":
            yield _found("lacp-slow", switch.name)


def _hosts(estate: Estate) -> Iterator[Finding]:
    ft_groups = {group.switch for group in estate.port_groups if "ft-logging" in group.roles}
    stores: dict[str, int] = defaultdict(int)
    for datastore in estate.datastores:
        for name in datastore.hosts if datastore.shared else ():
            stores[name] += 1
    for host in estate.hosts:
        for nic in host.nics:
            if nic.switch is not None and nic.up is False:
                yield _found("uplink-down", host.name, nic=nic.device, switch=nic.switch)
        logging = [nic for nic in host.nics if nic.switch in ft_groups and nic.up is not False]
        speeds = [nic.speed_mbit for nic in logging if nic.speed_mbit]
        if speeds and max(speeds) < FT_LOGGING_MBIT:
            yield _found("ft-logging-slow", host.name, mbit=max(speeds))
        networks = _management(estate, host)
        if networks == 1 and stores[host.name] < HEARTBEAT_DATASTORES:
            yield _found("heartbeat-single-network", host.name, datastores=stores[host.name])
        if len(host.psus) == 1:
            yield _found("psu-single", host.name)


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
            yield _found("power-one-feed", where, feed=names["feed"])
        elif question.service in ("vm", "vmotion", "management", "ft-logging"):
            yield from _network(where, targets, names, one, wiring)


def _storage(where: str, targets: str, names: Mapping[str, str], dead: int) -> Iterator[Finding]:
    if "hba" in names:
        yield _found("hba-single", where, datastore=targets, hba=names["hba"])
    elif "card" in names:
        yield _found("hbas-one-card", where, datastore=targets, card=names["card"])
    if "fabric" in names:
        yield _found("paths-one-fabric", where, datastore=targets, fabric=names["fabric"])
    if "controller" in names:
        yield _found("controller-owns-all-paths", where, datastore=targets, controller=names["controller"])
    if dead:
        yield _found("path-dead", where, datastore=targets, count=dead)


def _network(
    where: str, targets: str, names: Mapping[str, str], one: Answer, wiring: Wiring
) -> Iterator[Finding]:
    if len(one.question.ways) == 1 and "nic" in names:
        yield _found("uplink-single", where, network=targets, nic=names["nic"])
        return
    if "card" in names:
        yield _found("uplinks-one-card", where, network=targets, card=names["card"])
    if "switch" in names:
        yield _found("uplinks-one-switch", where, network=targets, switch=names["switch"])
    stacks = [number for number in one.cuts.ones if wiring.components[number].kind == "stack"]
    for number in stacks if "switch" not in names else ():
        yield _found("stack-shared", where, network=targets, stack=wiring.components[number].name)


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
                yield _found("fabrics-joined", joined, first=str(fabrics[0]), second=str(fabrics[1]))
            for name in names:
                links[name] += link.speed_mbit or 0
        elif len(names) == 1 and any(kind == "host" for kind, _, _ in ends):
            hosts[names[0]] += link.speed_mbit or 0
    for name, down in sorted(hosts.items()):
        if fabric_of.get(name) is not None and links.get(name) and down > ISL_RATIO * links[name]:
            yield _found("isl-oversubscribed", name, ratio=round(down / links[name], 1))


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
            yield _found("one-rack", cluster.name, rack=str(hosts[0].rack))


def _sites(cluster: Cluster, sites: set[str | None]) -> Iterator[Finding]:
    if len(sites) == 2 and cluster.witness_site is None:
        yield _found("stretched-no-witness", cluster.name)
    if len(sites) > 1 and cluster.witness_site in sites:
        yield _found("witness-beside-data", cluster.name, site=cluster.witness_site)


def _everywhere(estate: Estate) -> Iterator[Finding]:
    """Look for what only some hosts of a cluster have, and VMs use."""
    used = {network for vm in estate.vms for network in vm.networks}
    for cluster in estate.clusters:
        hosts = {host.name for host in estate.hosts_of(cluster.name)}
        for group in estate.port_groups:
            missing = hosts - set(group.hosts)
            if group.name in used and group.hosts and missing and missing != hosts:
                yield _found(
                    "port-group-not-everywhere", group.name, count=len(missing), cluster=cluster.name
                )
        for datastore in estate.datastores:
            mounting = hosts & set(datastore.hosts)
            if datastore.shared and mounting and mounting != hosts:
                values = {"count": len(mounting), "all": len(hosts)}
                yield _found("datastore-not-everywhere", datastore.name, cluster=cluster.name, **values)


def _local(estate: Estate) -> Iterator[Finding]:
    local = {datastore.name for datastore in estate.datastores if not datastore.shared}
    lying: dict[str, int] = defaultdict(int)
    for vm in estate.vms:
        for name in set(vm.datastores) & local if vm.is_load else ():
            lying[name] += 1
    for name, count in sorted(lying.items()):
        yield _found("vm-on-local-storage", name, count=count)
