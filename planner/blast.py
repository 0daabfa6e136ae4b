"""The blast radius: what stops, what goes on without a reserve, and what HA has to do, when parts fail.

failed -> down (what needs it) -> ways cut -> VMs that stop, restart, fail over, lose a network
                                           -> services that stop with them
                                             -> admission on the hosts that are left
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from planner.admission import tolerates
from planner.demand import KHZ, MEMORY, VCPU, Capacity, Load, capacity_of, load_of
from planner.estate import VM, Cluster, Estate, EstateError, Host
from planner.paths import cuts
from planner.paths.load import Load as LinkLoad
from planner.paths.load import loads
from planner.paths.questions import Answer, answer, questions
from planner.paths.report import Cut
from planner.paths.wiring import Component, Wiring, wire
from planner.placement import place
from planner.service_fates import ServiceFate, service_fates

Fate: TypeAlias = Literal["fails-over", "restarts", "stops", "waits", "loses-network", "loses-reserve"]
# How bad a fate is, the worst first; a VM has one.
FATES: Final[tuple[Fate, ...]] = (
    "stops", "waits", "restarts", "loses-network", "fails-over", "loses-reserve",
)  # fmt: skip


class VmFate(Struct, frozen=True, kw_only=True):
    """What becomes of a VM.

    `fails-over`: its FT secondary takes over.  `restarts`: HA starts it on another host.  `stops`: nobody
    does.  `waits`: nobody told whether HA is on, or who mounts its datastores.  `loses-network`: it runs,
    unseen.  `loses-reserve`: it runs, and one failure more would cut it off.
    """

    name: str
    host: str | None
    fate: Fate
    why: str


class Effect(Struct, frozen=True, kw_only=True):
    """A service that is lost, or goes on without a reserve: then `now_single` is what it hangs on."""

    cut: Cut
    ways_before: int
    ways_left: int
    mbit_before: int | None = None
    mbit_left: int | None = None
    now_single: tuple[str, ...] = ()


class ClusterEffect(Struct, frozen=True, kw_only=True):
    """What admission says of a cluster on the hosts it has left; None: not asked.

    `wanted`: what all VMs want, CPU, memory and so on, as a share of what is left; above 1 it can be no
    placement's.
    """

    name: str
    hosts_before: int
    hosts_left: int
    carried: bool | None
    tolerates_one_more: bool | None
    refused: tuple[str, ...] = ()
    wanted: dict[str, float] = {}


class Blast(Struct, frozen=True, kw_only=True):
    """Everything that happens when `failed` fails."""

    failed: tuple[Component, ...]
    down: tuple[Component, ...]
    vms: tuple[VmFate, ...]
    lost: tuple[Effect, ...]
    weakened: tuple[Effect, ...]
    clusters: tuple[ClusterEffect, ...]
    loads: tuple[LinkLoad, ...] = ()
    services: tuple[ServiceFate, ...] = ()

    def count(self, fate: Fate) -> int:
        """Count the VMs of one fate."""
        return sum(vm.fate == fate for vm in self.vms)

    @property
    def harmless(self) -> bool:
        """Whether no VM stops for good or goes unseen, and what is left still carries the load."""
        bad = ("stops", "waits", "loses-network")
        return (
            not any(vm.fate in bad for vm in self.vms)
            and all(cluster.carried is not False for cluster in self.clusters)
            and not any(load.is_short for load in self.loads)
            and all(service.is_harmless for service in self.services)
        )


def blast(
    estate: Estate, failed: Iterable[str], *, vcpu_per_core: float, with_admission: bool = True
) -> Blast:
    """Say what happens when components fail, all at once.

    Args:
        failed: names as the findings give them, or `kind:name` where two kinds share a name.
        vcpu_per_core: for the admission on the hosts that are left.
        with_admission: whether the VMs are placed on what is left; without, only the sums are told.

    Raises:
        EstateError: a name that no component has, or that several have.
    """
    wiring = wire(estate)
    numbers = [_number(wiring, name) for name in dict.fromkeys(failed)]
    if not numbers:
        raise EstateError("--fail names no component")
    down = wiring.down(numbers)
    answers = [answer(question) for question in questions(estate, wiring)]
    lost, weakened = _effects(answers, down, wiring, estate)
    hosts_down = {host.name for host in estate.hosts if wiring.find("host", host.name) in down}
    vms = tuple(_fates(estate, wiring, down, hosts_down, lost, weakened))
    return Blast(
        failed=tuple(sorted(wiring.components[number] for number in numbers)),
        down=tuple(sorted(wiring.components[number] for number in down)),
        vms=vms,
        lost=tuple(lost),
        weakened=tuple(weakened),
        clusters=tuple(_clusters(estate, hosts_down, vcpu_per_core, with_admission)),
        loads=loads(estate, wiring, down),
        services=tuple(service_fates(estate, {vm.name: vm.fate for vm in vms})),
    )


def _number(wiring: Wiring, name: str) -> int:
    found = wiring.named(name.strip())
    if len(found) > 1:
        written = ", ".join(f"{wiring.components[number].kind}:{name.strip()}" for number in found)
        raise EstateError(f"--fail: {name.strip()} is several components, write one of: {written}")
    if not found:
        raise EstateError(
            f"--fail: there is no component {name.strip()!r}; `paths --json` and lists name them"
        )
    return found[0]


def _effects(
    answers: Sequence[Answer], down: frozenset[int], wiring: Wiring, estate: Estate
) -> tuple[list[Effect], list[Effect]]:
    """Give the services that are lost, and those that go on with less."""
    speed = {
        wiring.find("nic", f"{host.name}/{nic.device}"): nic.speed_mbit
        for host in estate.hosts
        for nic in host.nics
    }
    lost: list[Effect] = []
    weakened: list[Effect] = []
    fallen: dict[str, set[str]] = {}
    for number in down:
        fallen.setdefault(wiring.components[number].kind, set()).add(wiring.components[number].name)
    for one in answers:
        question = one.question
        if question.subject.name in fallen.get(question.subject.kind, ()):
            continue
        left = [way for way in question.ways if not _is_cut(way.parts, way.hop, down, wiring)]
        if not question.ways or (len(left) == len(question.ways) and not _partners(one, down)):
            continue
        mbit = [[speed.get(way.known().get("nic")) or 0 for way in ways] for ways in (question.ways, left)]
        is_network = "nic" in question.layers
        single = () if not left else _now_single(one, [way.cuts for way in left], down, wiring)
        effect = Effect(
            cut=Cut(question.subject.kind, question.subject.name, question.service, question.targets),
            ways_before=len(question.ways),
            ways_left=len(left),
            mbit_before=sum(mbit[0]) if is_network else None,
            mbit_left=sum(mbit[1]) if is_network else None,
            now_single=single,
        )
        (weakened if left else lost).append(effect)
    return lost, weakened


def _is_cut(
    parts: Sequence[int], hop: tuple[int, frozenset[int]] | None, down: frozenset[int], wiring: Wiring
) -> bool:
    return not down.isdisjoint(parts) or (hop is not None and not wiring.reaches(*hop, down))


def _partners(one: Answer, down: frozenset[int]) -> set[int]:
    """Give what the failure leaves as the other half of a pair."""
    return {b if a in down else a for a, b in one.cuts.twos if (a in down) != (b in down)}


def _now_single(
    one: Answer, left: Sequence[cuts.Cuts], down: frozenset[int], wiring: Wiring
) -> tuple[str, ...]:
    """Name what would now cut the service off alone, and did not before."""
    found = (cuts.needing_one(left).ones | _partners(one, down)) - one.cuts.ones - down
    found -= one.question.own.ones | one.question.around
    return tuple(sorted(wiring.components[number].name for number in found))


def _fates(
    estate: Estate,
    wiring: Wiring,
    down: frozenset[int],
    hosts_down: set[str],
    lost: Sequence[Effect],
    weakened: Sequence[Effect],
) -> Iterator[VmFate]:
    """Give the fate of every VM that the failure touches."""
    gone = _ends(lost)
    hanging = _ends(one for one in weakened if one.now_single)
    dead_stores = {store.name for store in estate.datastores if wiring.find("datastore", store.name) in down}
    reaching = _reaching(estate, hosts_down, gone, dead_stores)
    clusters = {cluster.name: cluster for cluster in estate.clusters}
    secondaries = _running_secondaries(estate, hosts_down)
    mounts_known = {store.name for store in estate.datastores if store.hosts}
    for vm in estate.vms:
        if not vm.is_load:
            continue
        stores_gone = dead_stores.intersection(vm.datastores) or {
            store for store in vm.datastores if (vm.host, "storage", store) in gone
        }
        if vm.host in hosts_down or stores_gone:
            why = f"host {vm.host}" if vm.host in hosts_down else f"datastore {min(stores_gone)}"
            cluster = clusters.get(vm.cluster or "")
            if vm.ft != "none" and vm.uuid and vm.uuid in secondaries and not stores_gone:
                fate: Fate = "fails-over"
            elif stores_gone <= mounts_known and not mounts_known.issuperset(vm.datastores):
                fate = "waits"
            else:
                fate = _after_stop(vm, cluster, reaching)
            yield VmFate(name=vm.name, host=vm.host, fate=fate, why=why)
        elif network := next((name for name in vm.networks if (vm.host, "vm", name) in gone), None):
            yield VmFate(name=vm.name, host=vm.host, fate="loses-network", why=f"network {network}")
        elif store := next((name for name in vm.datastores if (vm.host, "storage", name) in hanging), None):
            yield VmFate(name=vm.name, host=vm.host, fate="loses-reserve", why=f"datastore {store}")
        elif network := next((name for name in vm.networks if (vm.host, "vm", name) in hanging), None):
            yield VmFate(name=vm.name, host=vm.host, fate="loses-reserve", why=f"network {network}")


def _ends(effects: Iterable[Effect]) -> set[tuple[str | None, str, str]]:
    return {
        (effect.cut.name, effect.cut.service, target)
        for effect in effects
        if effect.cut.kind == "host"
        for target in effect.cut.targets
    }


def _reaching(
    estate: Estate, hosts_down: set[str], gone: set[tuple[str | None, str, str]], dead: set[str]
) -> Mapping[str | None, Sequence[set[str]]]:
    """Give, for each cluster, what datastores each host that is left still reaches."""
    mounted: dict[str, set[str]] = {host.name: set() for host in estate.hosts}
    for store in estate.datastores:
        for name in store.hosts if store.name not in dead else ():
            if name in mounted and (name, "storage", store.name) not in gone:
                mounted[name].add(store.name)
    found: dict[str | None, list[set[str]]] = {}
    for host in estate.hosts:
        if host.name not in hosts_down and host.connected and not host.maintenance:
            found.setdefault(host.cluster, []).append(mounted[host.name])
    return found


def _running_secondaries(estate: Estate, hosts_down: set[str]) -> set[str]:
    """Give the UUIDs of the FT VMs of which a copy runs on a host that is up."""
    return {
        vm.uuid
        for vm in estate.vms
        if vm.uuid and vm.ft != "none" and vm.is_load and vm.host is not None and vm.host not in hosts_down
    }


def _after_stop(vm: VM, cluster: Cluster | None, reaching: Mapping[str | None, Sequence[set[str]]]) -> Fate:
    others = reaching.get(vm.cluster, ())
    if not any(set(vm.datastores) <= stores for stores in others) or vm.restart_priority == "disabled":
        return "stops"
    if cluster is None or cluster.ha_enabled is None:
        return "waits"
    return "restarts" if cluster.ha_enabled else "stops"


def _clusters(
    estate: Estate, hosts_down: set[str], vcpu_per_core: float, with_admission: bool
) -> Iterator[ClusterEffect]:
    """Ask admission of each cluster that lost a host whether the rest carries all, and one loss more."""
    for cluster in estate.clusters:
        hosts = estate.hosts_of(cluster.name)
        left = [host for host in hosts if host.name not in hosts_down]
        if len(left) == len(hosts):
            continue
        yield _admitted(estate, cluster.name, hosts, left, vcpu_per_core, with_admission)


def _admitted(
    estate: Estate,
    name: str,
    hosts: Sequence[Host],
    left: Sequence[Host],
    vcpu_per_core: float,
    with_admission: bool,
) -> ClusterEffect:
    load = load_of(estate.vms_of(name))
    capacity: Capacity = capacity_of(left, vcpu_per_core)
    rules = [rule for rule in estate.rules if rule.cluster in (None, name)]
    if not capacity.names:
        return ClusterEffect(
            name=name,
            hosts_before=len(hosts),
            hosts_left=0,
            carried=not load.names,
            tolerates_one_more=False,
            refused=load.vms,
        )
    wanted = _wanted(load, capacity)
    if not with_admission:
        return ClusterEffect(
            name=name,
            hosts_before=len(hosts),
            hosts_left=len(capacity.names),
            carried=False if any(share > 1 for share in wanted.values()) else None,
            tolerates_one_more=None,
            wanted=wanted,
        )
    now = tolerates(load, capacity, rules, 0)
    refused = () if now.carried else {one.vm for one in place(load, capacity, rules).refusals}
    more = now.carried and len(capacity.names) > 1 and tolerates(load, capacity, rules, 1).carried
    return ClusterEffect(
        name=name,
        hosts_before=len(hosts),
        hosts_left=len(capacity.names),
        carried=now.carried,
        tolerates_one_more=more,
        refused=tuple(sorted(refused)),
        wanted=wanted,
    )


def _wanted(load: Load, capacity: Capacity) -> dict[str, float]:
    """Give the share of what is left that all VMs want together; what nobody wants is left out."""
    found = {}
    for name, column in (("vcpus", VCPU), ("memory", MEMORY), ("cpu", KHZ)):
        gives = sum(capacity.gives[:, column].tolist())
        if gives and load.total(column):
            found[name] = load.total(column) / gives
    return found
