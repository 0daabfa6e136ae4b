"""All findings about the redundancy of an estate: single points, pairs, unknowns, rules broken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from planner.estate import Estate
from planner.paths import cuts
from planner.paths.cuts import Couple, Cuts
from planner.paths.lint import lint
from planner.paths.lint_rules import Finding
from planner.paths.questions import Answer, Proof, answer, questions
from planner.paths.questions import Service as Kept
from planner.paths.serving import Machines, cuts_by, machine_support, service_support
from planner.paths.wiring import Component, Wiring, wire
from planner.service import Service

# What a host has for itself: two of them failing together is what every host has to fear.
OF_ONE_HOST: Final = frozenset({"host", "psu", "card", "nic", "hba"})
# A cluster in one room is a choice, told as a rule; a cluster in one rack is a single point.
WIDE_PLACES: Final = frozenset({"site", "room"})


class Cut(Struct, frozen=True, order=True):
    """Who loses what: `esx1` its `storage`, the datastores in `targets`."""

    kind: str
    name: str
    service: str
    targets: tuple[str, ...] = ()


class SinglePoint(Struct, frozen=True, kw_only=True):
    """A component whose loss alone cuts somebody off."""

    component: str
    kind: str
    cuts: tuple[Cut, ...]


class Pair(Struct, frozen=True, kw_only=True):
    """Two components whose loss together cuts somebody off, and of which neither does alone."""

    components: tuple[str, str]
    kinds: tuple[str, str]
    cuts: tuple[Cut, ...]


class Standing(Struct, frozen=True, kw_only=True):
    """What is proven of one service of one subject, layer by layer."""

    kind: str
    name: str
    service: str
    targets: tuple[str, ...]
    proof: Proof
    ways: int
    dead: int
    layers: dict[str, Proof]

    @property
    def unknown_layers(self) -> tuple[str, ...]:
        """The layers of which nobody told enough."""
        return tuple(layer for layer, proof in self.layers.items() if proof == "unknown")


class PathsReport(Struct, frozen=True, kw_only=True):
    """What `planner paths` tells of an estate."""

    single_points: tuple[SinglePoint, ...]
    pairs: tuple[Pair, ...]
    standings: tuple[Standing, ...]
    lint: tuple[Finding, ...]

    @property
    def unknown(self) -> tuple[Standing, ...]:
        """Every service of which some layer is not known."""
        return tuple(one for one in self.standings if one.unknown_layers or one.proof == "unknown")

    def count(self, proof: Proof) -> int:
        """Count the services of this proof."""
        return sum(standing.proof == proof for standing in self.standings)


def examine(estate: Estate) -> PathsReport:
    """Find every single point, every pair, every unknown and every broken rule.

    Raises:
        EstateError: feeds that feed each other in a ring.  An estate about whose wiring nothing is known
            is not an error: all of it is unknown.
    """
    wiring = wire(estate)
    answers = [answer(question) for question in questions(estate, wiring)]
    found = _Gathering(wiring)
    for one in answers:
        question = one.question
        cut = Cut(question.subject.kind, question.subject.name, question.service, question.targets)
        found.add(cut, one.cuts)
    _about_shared(estate, answers, found)
    _about_vms(estate, answers, found)
    _about_services(estate, wiring, answers, found)
    return PathsReport(
        single_points=found.single_points(),
        pairs=found.pairs(),
        standings=tuple(_standing(one) for one in answers),
        lint=lint(estate, wiring, answers),
    )


class _Gathering:
    """Collects who is cut off by what."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._ones: dict[int, dict[Cut, None]] = defaultdict(dict)
        self._twos: dict[Couple, dict[Cut, None]] = defaultdict(dict)

    def component(self, number: int) -> Component:
        return self._wiring.components[number]

    def add(self, cut: Cut, found: Cuts) -> None:
        for number in found.ones:
            self._ones[number][cut] = None
        for pair in found.twos:
            self._twos[pair][cut] = None

    def single_points(self) -> tuple[SinglePoint, ...]:
        return tuple(
            SinglePoint(
                component=self.component(number).name,
                kind=self.component(number).kind,
                cuts=tuple(sorted(self._ones[number])),
            )
            for number in sorted(self._ones, key=self.component)
        )

    def pairs(self) -> tuple[Pair, ...]:
        def named(pair: Couple) -> tuple[Component, Component]:
            first, second = sorted((self.component(pair[0]), self.component(pair[1])))
            return first, second

        return tuple(
            Pair(
                components=(first.name, second.name),
                kinds=(first.kind, second.kind),
                cuts=tuple(sorted(self._twos[pair])),
            )
            for pair in sorted(self._twos, key=named)
            for first, second in (named(pair),)
        )


def _standing(one: Answer) -> Standing:
    question = one.question
    return Standing(
        kind=question.subject.kind,
        name=question.subject.name,
        service=question.service,
        targets=question.targets,
        proof=one.proof,
        ways=len(question.ways),
        dead=question.dead,
        layers=dict(one.layers),
    )


def _about_shared(estate: Estate, answers: Iterable[Answer], found: _Gathering) -> None:
    """Ask of datastores, networks and clusters what cuts off all hosts at once."""
    cluster_of = {host.name: host.cluster for host in estate.hosts}
    stores: dict[str, dict[str, list[Cuts]]] = defaultdict(lambda: defaultdict(list))
    networks: dict[tuple[Kept, str], dict[str, list[Cuts]]] = defaultdict(lambda: defaultdict(list))
    for one in answers:
        question = one.question
        if question.subject.kind != "host" or not question.ways:
            continue
        if question.service == "storage":
            for target in question.targets:
                stores[target][question.subject.name].append(one.whole)
        elif question.service in ("vmotion", "management", "ft-logging"):
            cluster = cluster_of.get(question.subject.name)
            if cluster is not None:
                networks[question.service, cluster][question.subject.name].append(one.whole)
    for name, hosts in stores.items():
        found.add(Cut("datastore", name, "storage"), _of_all(hosts, found))
    for (service, cluster), hosts in networks.items():
        found.add(Cut("network", service, service, (cluster,)), _of_all(hosts, found))
    for cluster, shared in _compute(estate, found):
        found.add(Cut("cluster", cluster, "compute"), shared)


def _of_all(hosts: Mapping[str, Sequence[Cuts]], found: _Gathering) -> Cuts:
    """Give what cuts off every host; a host on its own, and what only it has, is no question here."""
    together = cuts.needing_one([cuts.needing_all(parts) for parts in hosts.values()])
    return _without(together, found, OF_ONE_HOST if len(hosts) > 1 else frozenset({"host"}))


def _without(found_cuts: Cuts, found: _Gathering, kinds: frozenset[str]) -> Cuts:
    def counts(number: int) -> bool:
        return found.component(number).kind not in kinds

    return Cuts(
        frozenset(
            one for one in found_cuts.ones if counts(one) and found.component(one).kind not in WIDE_PLACES
        ),
        frozenset(pair for pair in found_cuts.twos if counts(pair[0]) and counts(pair[1])),
    )


def _compute(estate: Estate, found: _Gathering) -> Iterator[tuple[str, Cuts]]:
    """Give what fells all hosts of a cluster of several."""
    wiring = found._wiring
    for cluster in estate.clusters:
        numbers = [wiring.number("host", host.name) for host in estate.hosts_of(cluster.name)]
        if len(numbers) > 1:
            together = cuts.needing_one([wiring.cuts(number) for number in numbers])
            yield cluster.name, _without(together, found, OF_ONE_HOST)


def _about_vms(estate: Estate, answers: Iterable[Answer], found: _Gathering) -> None:
    """Tell each VM what cuts it off where it runs now."""
    ends: dict[tuple[str, str, str], list[Answer]] = defaultdict(list)
    for one in answers:
        question = one.question
        if one.cuts.ones and question.subject.kind == "host":
            for target in question.targets:
                ends[question.subject.name, question.service, target].append(one)
    if not ends:
        return
    for vm in estate.vms:
        if not vm.is_load or vm.host is None:
            continue
        for service, targets in (("storage", vm.datastores), ("vm", vm.networks)):
            for target in targets:
                for one in ends.get((vm.host, service, target), ()):
                    found.add(Cut("vm", vm.name, service, (target,)), Cuts(one.cuts.ones))


def _about_services(estate: Estate, wiring: Wiring, answers: Iterable[Answer], found: _Gathering) -> None:
    """Tell each service what alone, or what two things, stop a tier of it where its VMs run now."""
    if not estate.services:
        return
    machines = Machines(estate, wiring, answers)
    for service in estate.services:
        of_service = machines.of(service)
        for tier in service.tiers:
            alone = Service(name=service.name, tiers=(tier,))
            support = service_support(
                alone, of_service, lambda one: machine_support(wiring, one), lambda one: one.least
            )
            cut = cuts_by(support)
            if cut is not None:
                found.add(Cut("service", service.name, "tiers", (tier.name,)), _but_private_pairs(cut, found))


def _but_private_pairs(cut: Cuts, found: _Gathering) -> Cuts:
    """Leave out pairs with a port or a supply of one host: every other host has as many."""

    def counts(number: int) -> bool:
        return found.component(number).kind not in OF_ONE_HOST - {"host"}

    return Cuts(cut.ones, frozenset(pair for pair in cut.twos if counts(pair[0]) and counts(pair[1])))
