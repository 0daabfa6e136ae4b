"""Independent judge of a placement: counts every host and rule again, sharing no code with who placed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from planner.demand import COLUMNS, Capacity, Load
from planner.estate import VM, Estate, Host, Rule
from planner.sentence import Sentence


class Fault(StrEnum):
    """What can be wrong with a placement."""

    HOST_UNKNOWN = "HOST_UNKNOWN"
    VM_UNKNOWN = "VM_UNKNOWN"
    VM_FORGOTTEN = "VM_FORGOTTEN"
    HOST_OVERFULL = "HOST_OVERFULL"
    RULE_BROKEN = "RULE_BROKEN"
    FT_TOGETHER = "FT_TOGETHER"
    OUT_OF_REACH = "OUT_OF_REACH"


class Violation(Struct, frozen=True, kw_only=True):
    """One thing wrong; `subject` is the VM, host or rule it is about."""

    fault: Fault
    subject: str
    message: Sentence


def check(
    placed: Mapping[str, str],
    load: Load,
    capacity: Capacity,
    rules: Sequence[Rule] = (),
    refused: Sequence[str] = (),
) -> list[Violation]:
    """Give everything that is wrong with a placement; an empty list is a good one.

    Args:
        placed: copy -> host.
        load: what was to be placed.
        capacity: the hosts it may stand on.
        rules: those of the estate.  Preferences (should) are none of its business, and a rule about
            hosts binds only where one of the hosts offered is named in it or must be.
        refused: copies that were said to find no host; any other copy must have one.
    """
    return [
        *_strangers(placed, load, capacity),
        *_forgotten(placed, load, refused),
        *_overfull(placed, load, capacity),
        *_broken(placed, load, rules),
        *_together(placed, load),
    ]


def _strangers(placed: Mapping[str, str], load: Load, capacity: Capacity) -> list[Violation]:
    copies, hosts = set(load.names), set(capacity.names)
    found = []
    for vm, host in placed.items():
        if vm not in copies:
            message = Sentence("{vm} was placed and is not to be placed", {"vm": vm})
            found.append(Violation(fault=Fault.VM_UNKNOWN, subject=vm, message=message))
        if host not in hosts:
            message = Sentence("{vm} stands on {host}, which is not offered", {"vm": vm, "host": host})
            found.append(Violation(fault=Fault.HOST_UNKNOWN, subject=host, message=message))
    return found


def _forgotten(placed: Mapping[str, str], load: Load, refused: Sequence[str]) -> list[Violation]:
    said = set(refused)
    return [
        Violation(
            fault=Fault.VM_FORGOTTEN,
            subject=vm,
            message=Sentence("{vm} has neither a host nor a refusal", {"vm": vm}),
        )
        for vm in load.names
        if vm not in placed and vm not in said
    ]


def _overfull(placed: Mapping[str, str], load: Load, capacity: Capacity) -> list[Violation]:
    used: dict[str, list[int]] = defaultdict(lambda: [0] * load.needs.shape[1])
    for vm, need in zip(load.names, load.needs.tolist(), strict=True):
        if vm in placed:
            used[placed[vm]] = [sum(pair) for pair in zip(used[placed[vm]], need, strict=True)]
    found = []
    for host, gives in zip(capacity.names, capacity.gives.tolist(), strict=True):
        for column, taken, give in zip(COLUMNS, used[host], gives):  # noqa: B905  a test may count fewer
            if taken > give:
                message = Sentence(
                    "{host} is asked for {taken} of {column} and gives {give}",
                    {"host": host, "taken": taken, "column": column, "give": give},
                )
                found.append(Violation(fault=Fault.HOST_OVERFULL, subject=host, message=message))
    return found


def _broken(placed: Mapping[str, str], load: Load, rules: Sequence[Rule]) -> list[Violation]:
    copies: dict[str, list[str]] = defaultdict(list)
    for copy, vm in zip(load.names, load.vms, strict=True):
        copies[vm].append(copy)
    found = []
    for rule in rules:
        if not _holds(rule, placed, copies):
            name = rule.name or rule.kind
            message = Sentence("the rule {rule} is broken", {"rule": name})
            found.append(Violation(fault=Fault.RULE_BROKEN, subject=name, message=message))
    return found


def _holds(rule: Rule, placed: Mapping[str, str], copies: Mapping[str, Sequence[str]]) -> bool:
    vms = dict.fromkeys(rule.vms)
    alone = [placed[vm] for vm in vms if vm in copies and vm in placed]
    each = [placed[copy] for vm in vms for copy in copies.get(vm, ()) if copy in placed]
    match rule.kind:
        case "spread":
            return len(set(alone)) == len(alone)
        case "gather":
            return len(set(alone)) <= 1
        case "must-run-on":
            return all(host in rule.hosts for host in each)
        case "must-not-run-on":
            return all(host not in rule.hosts for host in each)
        case "should-run-on" | "should-not-run-on":
            return True


def _together(placed: Mapping[str, str], load: Load) -> list[Violation]:
    found = []
    for first, second in load.pairs:
        hosts = placed.get(load.names[first]), placed.get(load.names[second])
        if hosts[0] is not None and hosts[0] == hosts[1]:
            message = Sentence(
                "both copies of {vm} stand on {host}", {"vm": load.names[first], "host": hosts[0]}
            )
            found.append(Violation(fault=Fault.FT_TOGETHER, subject=load.names[first], message=message))
    return found


# EVC modes of each maker from old to new, written down a second time on purpose: a judge copies nobody.
# Source: Broadcom KB 313545.
_EVC = {
    "intel": "merom penryn nehalem westmere sandybridge ivybridge haswell broadwell skylake cascadelake "
    "icelake sapphirerapids",
    "amd": "rev-e rev-f greyhound-no3dnow greyhound bulldozer piledriver steamroller zen zen2 zen3 zen4",
}


def check_reach(placed: Mapping[str, str], load: Load, estate: Estate) -> list[Violation]:
    """Give every VM that stands where it lacks a datastore, a network or a CPU that it can run on.

    What the estate does not say is no fault, and nobody lacks anything on the host of today.
    """
    vms = {vm.name: vm for vm in estate.vms}
    hosts = {host.name: host for host in estate.hosts}
    seen = {store.name: {*store.hosts} for store in estate.datastores if store.hosts}
    networks = _networks(estate)
    found = []
    for copy, owner in zip(load.names, load.vms, strict=True):
        vm, host = vms.get(owner), hosts.get(placed.get(copy, ""))
        if vm is None or host is None or vm.host == host.name:
            continue
        for lacking in _lacks(vm, host, hosts.get(vm.host or ""), seen, networks):
            message = Sentence(
                "{vm} stands on {host}, which lacks {what}", {"vm": copy, "host": host.name, "what": lacking}
            )
            found.append(Violation(fault=Fault.OUT_OF_REACH, subject=copy, message=message))
    return found


def _lacks(
    vm: VM,
    host: Host,
    today: Host | None,
    seen: Mapping[str, set[str]],
    networks: Mapping[str, Sequence[Sequence[str]]],
) -> list[str]:
    stores = {*vm.datastores, *(disk.datastore for disk in vm.disks if disk.datastore is not None)}
    lacking = [store for store in sorted(stores) if store in seen and host.name not in seen[store]]
    for network in vm.networks:
        places = networks.get(network, ())
        if places and all(place and host.name not in place for place in places):
            lacking.append(network)
    if today is not None and not _carries(today, host):
        lacking.append("CPU")
    return lacking


def _networks(estate: Estate) -> dict[str, list[Sequence[str]]]:
    """Give the hosts of every port group of each name; an empty list of hosts is one nobody told."""
    switches = {switch.name: switch.hosts for switch in estate.switches}
    places: dict[str, list[Sequence[str]]] = defaultdict(list)
    for group in estate.port_groups:
        places[group.name].append(group.hosts or switches.get(group.switch or "", ()))
    return places


def _carries(source: Host, target: Host) -> bool:
    (maker, mode), (other, later) = _cpu(source), _cpu(target)
    if maker and other and maker != other:
        return False
    return mode < 0 or later < 0 or mode <= later


def _cpu(host: Host) -> tuple[str, int]:
    told = " ".join(filter(None, (host.evc, host.cpu_model))).lower()
    for maker, modes in _EVC.items():
        if maker in told:
            mode = (host.evc or "").lower().replace(maker + "-", "", 1)
            known = modes.split()
            return maker, known.index(mode) if mode in known else -1
    return "", -1
