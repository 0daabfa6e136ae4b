"""Every question about redundancy, with its ways: what is redundant, what is single, what nobody knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from planner.estate import Datastore, Estate, Host, Role
from planner.paths import cuts
from planner.paths.cuts import Cuts
from planner.paths.ways import FILE_KINDS, Roads, Way, Ways
from planner.paths.wiring import Wiring

Service: TypeAlias = Literal[
    "storage", "vm", "vmotion", "management", "ft-logging", "heartbeat", "power", "compute", "tiers"
]
Proof: TypeAlias = Literal["redundant", "single", "unknown", "lost"]

SERVICE_OF: Final[dict[Role, Service]] = {
    "management": "management",
    "vmotion": "vmotion",
    "ft-logging": "ft-logging",
    "vm": "vm",
}
WORST: Final[tuple[Proof, ...]] = ("lost", "single", "unknown", "redundant")


class Subject(Struct, frozen=True, order=True):
    """Whom a question is about."""

    kind: Literal["host", "switch", "controller", "datastore", "cluster", "network"]
    name: str


class Question(Struct, frozen=True, kw_only=True):
    """Whether a subject keeps a service; `targets` are the ends that all have these very ways.

    `own` takes the subject itself, which is a question about its power and its place; no way leads past
    what is `around` the only array.
    """

    subject: Subject
    service: Service
    targets: tuple[str, ...] = ()
    ways: tuple[Way, ...] = ()
    dead: int = 0
    layers: tuple[str, ...] = ()
    own: Cuts = cuts.NEVER
    around: frozenset[int] = frozenset()


class Answer(Struct, frozen=True, kw_only=True):
    """What breaks the service, and the proof of each layer; `whole`: what takes the subject itself too."""

    question: Question
    proof: Proof
    cuts: Cuts
    whole: Cuts
    layers: tuple[tuple[str, Proof], ...]


def answer(question: Question) -> Answer:
    """Answer one question.

    A component is single when no way leads past it.  A layer is proven redundant when two ways that
    certainly work have different, known components in it: whichever fails, one of the two goes on.
    """
    if not question.ways:
        proof: Proof = "lost" if question.dead else "unknown"
        return Answer(
            question=question,
            proof=proof,
            cuts=cuts.NEVER,
            whole=cuts.NEVER,
            layers=tuple((layer, proof) for layer in question.layers),
        )
    found = _past(cuts.needing_one([way.cuts for way in question.ways]), Cuts(question.around))
    whole = cuts.needing_all([found, question.own])
    found = _past(found, question.own)
    layers = tuple((layer, _proof_of(layer, question.ways, found.ones)) for layer in question.layers)
    proofs = {"single" if found.ones else "redundant", *(proof for _, proof in layers)}
    if len(question.ways) == 1:
        proofs.add("single")
    return Answer(
        question=question,
        proof=next(proof for proof in WORST if proof in proofs),
        cuts=found,
        whole=whole,
        layers=layers,
    )


def _past(found: Cuts, other: Cuts) -> Cuts:
    """Give the cuts that are another question's no less."""
    return Cuts(
        found.ones - other.ones,
        frozenset(pair for pair in found.twos - other.twos if other.ones.isdisjoint(pair)),
    )


def _proof_of(layer: str, ways: Sequence[Way], single: frozenset[int]) -> Proof:
    values = [way.known().get(layer, -1 - place) for place, way in enumerate(ways) if way.certain]
    if any(way.known().get(layer) in single for way in ways if way.known().get(layer) is not None):
        return "single"
    distinct = {value for value in values if value is not None}
    if len(distinct) > 1:
        return "redundant"
    if len(ways) > 1 and any(value is None for value in values):
        return "unknown"
    return "unknown" if len(ways) > 1 else "single"


def questions(estate: Estate, wiring: Wiring) -> Iterator[Question]:
    """Ask everything about every host, switch and controller of an estate."""
    roads = Roads(estate, wiring)
    stores = _stores_of_hosts(estate, roads)
    for host in estate.hosts:
        yield from _of_host(host, stores.get(host.name, ()), roads, wiring)
    for switch in estate.switches:
        if switch.kind == "physical":
            subject = Subject("switch", switch.name)
            yield _about_power(subject, roads.fed(switch.feeds), wiring.number("switch", switch.name), wiring)
    for controller in estate.controllers:
        number = wiring.number("controller", controller.name)
        yield _about_power(
            Subject("controller", controller.name), roads.fed(controller.feeds), number, wiring
        )


def _stores_of_hosts(estate: Estate, roads: Roads) -> dict[str, list[Datastore]]:
    """Give the shared datastores that each host mounts; where none is named, those its paths lead to."""
    with_paths: dict[str, set[str]] = {}
    for path in estate.paths:
        with_paths.setdefault(path.lun, set()).add(path.host)
    found: dict[str, list[Datastore]] = {}
    for datastore in estate.datastores:
        if not datastore.shared:
            continue
        hosts = datastore.hosts or sorted(
            {host for lun in roads.luns_of(datastore) for host in with_paths.get(lun, ())}
        )
        for host in hosts:
            found.setdefault(host, []).append(datastore)
    return found


def _of_host(host: Host, stores: Sequence[Datastore], roads: Roads, wiring: Wiring) -> Iterator[Question]:
    number = wiring.number("host", host.name)
    own = wiring.cuts(number)
    subject = Subject("host", host.name)
    beats: list[Way] = []
    for targets, ways in _grouped(_to_stores(host, stores, roads)):
        beats += ways.ways
        yield _question(subject, "storage", targets, ways, own)
    roles = roads.roles_of(host)
    for role, service in SERVICE_OF.items():
        groups = roles.get(role, ())
        # A VM has its own port group and no other; the hypervisor goes by any that it has for a purpose.
        together = [[group] for group in groups] if role == "vm" else [groups] if groups else []
        named = [
            (group.name, ways)
            for some in together
            for ways in (roads.to_role(host, some, role),)
            for group in some
        ]
        for targets, ways in _grouped(named):
            if role == "management":
                beats += ways.ways
            yield _question(subject, service, targets, ways, own)
    if beats:
        layered = [_beat(way) for way in beats]
        yield _question(subject, "heartbeat", (), Ways(ways=tuple(layered), layers=("port",)), own)
    yield _about_power(subject, roads.power(host), number, wiring)


def _beat(way: Way) -> Way:
    """Give a way as a way of heartbeats: all that counts is the port it leaves by."""
    layers = way.known()
    return replace(way, layers=(("port", layers.get("hba", layers.get("nic"))),))


def _to_stores(host: Host, stores: Iterable[Datastore], roads: Roads) -> Iterator[tuple[str, Ways]]:
    for datastore in stores:
        kind = (datastore.kind or "").casefold()
        luns = roads.luns_of(datastore)
        if not luns and (kind.startswith(FILE_KINDS) or "vsan" in kind):
            groups = roads.roles_of(host).get("storage", ())
            yield datastore.name, roads.to_role(host, groups, "storage")
        elif not luns:
            yield datastore.name, Ways(layers=("hba", "card", "fabric", "controller"))
        for lun in luns:
            yield datastore.name, roads.to_lun(host, lun)


def _grouped(named: Iterable[tuple[str, Ways]]) -> Iterator[tuple[tuple[str, ...], Ways]]:
    """Put the ends with the very same ways together."""
    found: dict[Ways, dict[str, None]] = {}
    for name, ways in named:
        found.setdefault(ways, {})[name] = None
    for ways, names in found.items():
        yield tuple(names), ways


def _question(
    subject: Subject, service: Service, targets: tuple[str, ...], ways: Ways, own: Cuts
) -> Question:
    return Question(
        subject=subject,
        service=service,
        targets=targets,
        ways=ways.ways,
        dead=ways.dead,
        layers=ways.layers,
        own=own,
        around=ways.around,
    )


def _about_power(subject: Subject, ways: Ways, number: int, wiring: Wiring) -> Question:
    around = wiring.places(number)
    return Question(subject=subject, service="power", ways=ways.ways, layers=ways.layers, around=around)
