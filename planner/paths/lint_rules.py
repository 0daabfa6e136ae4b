"""The rules about wiring: what each says where it is broken, what to do then, and who says so."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

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
    "lacp-without-mlag": _rule(
        "bad",
        Sentence("{where} bundles links to {first} and {second}, neither a stack nor an MLAG pair").template,
        Sentence("Join the two switches as an MLAG pair or a stack, or take LACP off the uplinks").template,
        "IEEE 802.1AX: the links of a bundle end at one partner system",
    ),
    "mlag-peer-link": _rule(
        "bad",
        Sentence("The MLAG pair {where} has {count} peer links; losing the last one splits it").template,
        Sentence("Lay two peer links at least, on two cards of each switch").template,
        "",
    ),
    "port-fan-in": _rule(
        "note",
        Sentence("{hosts} HBAs share {ports} controller ports in the fabric {where}: {ratio} to 1").template,
        Sentence("Use more ports of the array, or see that the busiest hosts stay below 5 to 1").template,
        _BROCADE,
    ),
    "raid-no-redundancy": _rule(
        "bad",
        Sentence("The RAID group {where} has neither mirror nor parity: one disk takes it").template,
        Sentence("Rebuild it as RAID 1, 10, 5 or 6").template,
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


def found(rule: str, where: str, **values: Value) -> Finding:
    """Say that a rule is broken somewhere."""
    told = RULES[rule]
    return Finding(
        id=rule,
        severity=told.severity,
        where=where,
        message=Sentence(told.message.template, {"where": where, **values}),
        remedy=told.remedy,
        source=told.source,
    )
