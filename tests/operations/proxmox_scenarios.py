"""Random scenarios of a cluster with HA, each written twice: as we read it, and as Proxmox's tester does.

Only what both can say comes up: nodes that fail, are cut off, are shut down, restarted, emptied and come
back; VMs and containers that are started, stopped, disabled and moved; starts that fail; rules about nodes
and about each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final, Literal, TypeAlias

from msgspec import Struct

Kind: TypeAlias = Literal["vm", "ct", "fa"]  # a VM, a container, a VM whose starts fail
ALWAYS_FAILS: Final = 9
EMPTYING: Final = ("shutdown", "reboot", "maintenance")
MARK: Final = "delay 0"  # stands before each step of theirs, so that its log says when that was


class Service(Struct, frozen=True, kw_only=True):
    """What HA looks after: where it is, whether it should run, and how often its start fails."""

    kind: Kind
    number: int
    node: str
    wanted: Literal["started", "stopped", "disabled"] = "started"
    failures: int = 0
    max_restart: int = 1
    max_relocate: int = 1

    @property
    def ours(self) -> str:
        """Its name here."""
        return f"{self.kind}{self.number}"

    @property
    def theirs(self) -> str:
        """Its name there."""
        return f"{self.kind}:{self.number}"


class NodeRule(Struct, frozen=True):
    """Services that must, or would rather, run on some nodes; the first is liked best where `ordered`."""

    services: tuple[Service, ...]
    nodes: tuple[str, ...]
    strict: bool
    ordered: bool


class MateRule(Struct, frozen=True):
    """Services that stay together, or apart."""

    services: tuple[Service, ...]
    together: bool


class Command(Struct, frozen=True):
    """One thing that happens, in our word for it."""

    verb: str
    subject: str
    target: str = ""


class RandomScenario(Struct, frozen=True, kw_only=True):
    """A cluster, its rules, and what happens step by step; every step begins five rounds after the last."""

    seed: int
    nodes: tuple[str, ...]
    services: tuple[Service, ...]
    node_rules: tuple[NodeRule, ...]
    mate_rules: tuple[MateRule, ...]
    failback: bool
    shutdown: str
    steps: tuple[tuple[Command, ...], ...]


# -- chance


def random_scenario(seed: int) -> RandomScenario:
    """Make the scenario of a seed."""
    chance = Random(seed)  # noqa: S311 - a scenario, no secret
    nodes = tuple(f"node{number}" for number in range(1, chance.randint(3, 6) + 1))
    services = tuple(_services(chance, nodes))
    node_rules, mate_rules = _rules(chance, nodes, services)
    return RandomScenario(
        seed=seed,
        nodes=nodes,
        services=services,
        node_rules=node_rules,
        mate_rules=mate_rules,
        failback=chance.random() < 0.75,
        shutdown=chance.choice(("migrate", "migrate", "freeze", "failover")),
        steps=_steps(chance, nodes, services, _bound_to_containers(mate_rules)),
    )


def _services(chance: Random, nodes: tuple[str, ...]) -> Iterator[Service]:
    fails = chance.random() < 0.2
    for number in range(101, 101 + chance.randint(2, 12) - fails):
        yield Service(
            kind="ct" if chance.random() < 0.15 else "vm",
            number=number,
            node=chance.choice(nodes),
            wanted="started" if chance.random() < 0.88 else chance.choice(("stopped", "disabled")),
        )
    if fails:  # it is started in the last step: theirs would fail anew at each later start
        failures = chance.choice((1, 2, 3, ALWAYS_FAILS))
        yield Service(
            kind="fa",
            number=100 + 10 * failures,
            node=chance.choice(nodes),
            wanted="stopped",
            failures=failures,
            max_restart=chance.randint(0, 2),
            max_relocate=chance.randint(0, 2),
        )


def _rules(
    chance: Random, nodes: tuple[str, ...], services: tuple[Service, ...]
) -> tuple[tuple[NodeRule, ...], tuple[MateRule, ...]]:
    """Each service stands in at most one rule: theirs drops rules that contradict each other."""
    free = [service for service in services if service.kind != "fa"]
    chance.shuffle(free)
    about_nodes: list[NodeRule] = []
    about_mates: list[MateRule] = []
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        some = tuple(free.pop() for _ in range(min(len(free), chance.randint(1, 3))))
        liked = tuple(chance.sample(nodes, chance.randint(1, min(3, len(nodes)))))
        if some:
            about_nodes.append(NodeRule(some, liked, chance.random() < 0.5, chance.random() < 0.5))
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
        some = tuple(free.pop() for _ in range(min(len(free), chance.randint(2, 3))))
        if len(some) > 1:
            about_mates.append(MateRule(some, chance.random() < 0.5))
    return tuple(about_nodes), tuple(about_mates)


def _bound_to_containers(rules: tuple[MateRule, ...]) -> frozenset[Service]:
    """VMs that take a container along wherever they go: ours moves no container because it is asked to."""
    with_container = [rule for rule in rules if rule.together and any(x.kind == "ct" for x in rule.services)]
    return frozenset(service for rule in with_container for service in rule.services)


def _steps(
    chance: Random, nodes: tuple[str, ...], services: tuple[Service, ...], bound: frozenset[Service]
) -> tuple[tuple[Command, ...], ...]:
    """What happens; failing starts come last of all."""
    course = _Course(chance, nodes, tuple(service for service in services if service.kind != "fa"), bound)
    steps = [course.step(chance.choice((0, 1, 1, 1, 1, 2))) for _ in range(chance.randint(1, 5))]
    if not any(steps):
        steps.append(course.step(1))
    last = tuple(Command("start", service.ours) for service in services if service.kind == "fa")
    return (*steps, last) if last else tuple(steps)


class _Course:
    """Mostly sensible: who is away comes back, who runs goes away; nothing has two commands in one step.

    No two nodes are emptied in one step: theirs looks at both in one round, ours at one after the other.
    """

    def __init__(
        self,
        chance: Random,
        nodes: tuple[str, ...],
        services: tuple[Service, ...],
        bound: frozenset[Service],
    ) -> None:
        self._chance = chance
        self._nodes = nodes
        self._services = services
        self._bound = bound
        self._away: set[str] = set()
        self._emptied: set[str] = set()

    def step(self, many: int) -> tuple[Command, ...]:
        """Make the commands of one step."""
        commands: list[Command] = []
        for _ in range(many):
            busy = {one.subject for one in commands}
            if any(one.verb in EMPTYING for one in commands):
                busy |= set(self._nodes) - self._away - self._emptied
            commands.append(self._command(busy))
        return tuple(commands)

    def _command(self, busy: set[str]) -> Command:
        chance, dice = self._chance, self._chance.random()
        there = [node for node in self._nodes if node not in self._away | self._emptied | busy]
        if self._away - busy and dice < 0.35:
            return Command("repair", self._taken(self._away, busy))
        if self._emptied - busy and dice < 0.45:
            return Command("end-maintenance", self._taken(self._emptied, busy))
        if there and dice < 0.72:
            return self._trouble(chance.choice(there))
        service = chance.choice([one for one in self._services if one.ours not in busy])
        if service.kind == "vm" and service not in self._bound and dice < 0.88:
            return Command(chance.choice(("migrate", "relocate")), service.ours, chance.choice(self._nodes))
        return Command(chance.choice(("start", "stop", "disable")), service.ours)

    def _taken(self, nodes: set[str], busy: set[str]) -> str:
        node = self._chance.choice(sorted(nodes - busy))
        nodes.discard(node)
        return node

    def _trouble(self, node: str) -> Command:
        verb = self._chance.choice(("fail", "fail", "cut", "cut", "shutdown", "reboot", "maintenance"))
        if verb == "maintenance":
            self._emptied.add(node)
        elif verb != "reboot":
            self._away.add(node)
        return Command(verb, node)


# -- as we read it


def estate_of(scenario: RandomScenario) -> str:
    """Give the estate, a line a thing."""
    lines = [
        f"host {' '.join(scenario.nodes)} cores=64 memory=1024G nic=10000",
        "datastore san size=2000G used=500G",
    ]
    for service in scenario.services:
        power = "" if service.wanted == "started" else " power=off"
        lines.append(f"vm {service.ours} on={service.node} datastore=san memory=1G{power}")
    for rule in scenario.node_rules:
        kind = "must-run-on" if rule.strict else "should-run-on"
        lines += [f"rule {kind} {one.ours} hosts={','.join(rule.nodes)}" for one in rule.services]
    for mates in scenario.mate_rules:
        names = " ".join(service.ours for service in mates.services)
        lines.append(f"rule {'gather' if mates.together else 'spread'} {names}")
    return "\n".join(lines) + "\n"


def script_of(scenario: RandomScenario, at_s: list[int], until_s: int) -> str:
    """Give the script, with each step at its time."""
    lines = [
        "profile proxmox",
        f"policy ha.shutdown {scenario.shutdown}",
        f"policy ha.failback {'yes' if scenario.failback else 'no'}",
        "timing host_reboot_s 40",  # two rounds: theirs is back at once, and takes so long to go
        f"until {until_s}",
    ]
    for service in scenario.services:
        words = []
        if service.kind == "ct":
            words = ["container", "yes"]
        elif service.kind == "fa":
            failures = -1 if service.failures == ALWAYS_FAILS else service.failures
            words = ["start_failures", str(failures), "max_restart", str(service.max_restart)]
            words += ["max_relocate", str(service.max_relocate)]
        home = [rule.nodes for rule in scenario.node_rules if service in rule.services and rule.ordered]
        words += ["home", ",".join(home[0])] if home else []
        if words:
            lines.append(f"guest {service.ours} {' '.join(words)}")
    for step, seconds in zip(scenario.steps, at_s, strict=True):
        lines += [f"at {seconds} {_our_words(command)}" for command in step]
    return "\n".join(lines) + "\n"


def _our_words(command: Command) -> str:
    verb = "migrate" if command.verb == "relocate" else command.verb  # ours has one word; the end is the same
    return f"{verb} {command.subject}" + (f" to {command.target}" if command.target else "")


# -- as theirs reads it


def write_theirs(scenario: RandomScenario, folder: Path) -> None:
    """Write the files of one test of theirs."""
    steps = [[f"power {node} on" for node in scenario.nodes]]
    for step in scenario.steps:
        steps.append([MARK, *(words for command in step for words in _their_words(command, scenario))])
    off = {"power": "off", "network": "off"}
    settings = {"crs": {"ha": "basic"}, "ha": {"shutdown_policy": scenario.shutdown}}
    files: dict[str, object] = {
        "cmdlist": steps,
        "manager_status": {"service_status": {one.theirs: _their_record(one) for one in scenario.services}},
        "hardware_status": dict.fromkeys(scenario.nodes, off),
        "service_config": {one.theirs: _their_service(one, scenario) for one in scenario.services},
        "datacenter.cfg": settings,
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=1))
    (folder / "rules_config").write_text("\n".join(_their_rules(scenario)))


def _their_record(service: Service) -> dict[str, str]:
    """What its manager knew before: services are not new to it, and stopped ones have stopped."""
    state = "started" if service.wanted == "started" else "stopped"
    return {"state": state, "node": service.node, "uid": service.theirs}


def _their_service(service: Service, scenario: RandomScenario) -> dict[str, object]:
    return {
        "node": service.node,
        "state": service.wanted,
        "failback": int(scenario.failback),
        "max_restart": service.max_restart,
        "max_relocate": service.max_relocate,
    }


def _their_rules(scenario: RandomScenario) -> Iterator[str]:
    for number, rule in enumerate(scenario.node_rules):
        most = len(rule.nodes)
        nodes = [f"{node}:{most - place}" if rule.ordered else node for place, node in enumerate(rule.nodes)]
        yield f"node-affinity: nodes{number}"
        yield f"\tresources {','.join(service.theirs for service in rule.services)}"
        yield f"\tnodes {','.join(nodes)}"
        yield f"\tstrict {int(rule.strict)}\n"
    for number, mates in enumerate(scenario.mate_rules):
        yield f"resource-affinity: mates{number}"
        yield f"\tresources {','.join(service.theirs for service in mates.services)}"
        yield f"\taffinity {'positive' if mates.together else 'negative'}\n"


def _their_words(command: Command, scenario: RandomScenario) -> list[str]:
    subject = next((one.theirs for one in scenario.services if one.ours == command.subject), command.subject)
    match command.verb:
        case "fail":
            return [f"power {subject} off"]
        case "cut":
            return [f"network {subject} off"]
        case "repair":
            return [f"power {subject} on", f"network {subject} on"]
        case "shutdown" | "reboot":
            return [f"{command.verb} {subject}"]
        case "maintenance":
            return [f"crm {subject} enable-node-maintenance"]
        case "end-maintenance":
            return [f"crm {subject} disable-node-maintenance"]
        case "migrate" | "relocate":
            return [f"service {subject} {command.verb} {command.target}"]
        case "start":
            return [f"service {subject} started"]
        case "stop":
            return [f"service {subject} stop 0"]
        case _:
            return [f"service {subject} disabled"]
