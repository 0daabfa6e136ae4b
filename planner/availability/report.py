"""The availability of the VMs of an estate: minutes a year by cause, without protection, with HA, with FT."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import numpy as np
from msgspec import Struct

from planner.availability import closed
from planner.availability.simulated import Cluster as Simulated
from planner.availability.simulated import Played, play
from planner.availability.structure import probability_down
from planner.catalogue import reliability
from planner.estate import Estate
from planner.paths.questions import Answer, answer, questions
from planner.paths.ways import Way
from planner.paths.wiring import Wiring, wire
from planner.sentence import Sentence

Protection: TypeAlias = Literal["none", "ha", "ft"]
Case: TypeAlias = Literal["worst", "middle", "best"]
PROTECTIONS: Final[tuple[Protection, ...]] = ("none", "ha", "ft")
# What a host has for itself; hosts wired alike differ in nothing but these names.
PRIVATE: Final = frozenset({"psu", "card", "nic", "hba"})
SERVICES: Final = ("storage", "vm")
WIDE: Final = frozenset({"site", "room"})


class Rates(Struct, frozen=True, kw_only=True):
    """Failure and repair of every kind of part; `planned_h` and `human_minutes` are a year's."""

    mtbf_h: dict[str, float]
    mttr_h: float
    site_mttr_h: float = float(reliability.SITE_MTTR_H.value)
    restart_s: float = float(reliability.RESTART_S.value)
    boot_s: float = float(reliability.BOOT_S.value)
    turn_s: float = float(reliability.TURN_S.value)
    batch: int = int(reliability.BATCH.value)
    ft_switch_s: float = float(reliability.FT_SWITCH_S.value)
    reprotect_h: float = float(reliability.REPROTECT_H.value)
    planned_h: float = float(reliability.PLANNED_H.value)
    life_shape: float = float(reliability.LIFE_SHAPE.value)
    repair_sigma: float = float(reliability.REPAIR_SIGMA.value)
    human_minutes: float | None = None

    @classmethod
    def of(cls, case: Case) -> Rates:
        """Take the worst, the best or the geometric middle of what is published."""

        def pick(low: float, high: float) -> float:
            return {"worst": low, "best": high, "middle": math.sqrt(low * high)}[case]

        repair = reliability.MTTR_H
        return cls(
            mtbf_h={kind: pick(float(row.low), float(row.high)) for kind, row in reliability.MTBF_H.items()},
            mttr_h=pick(float(repair.high), float(repair.low)),
        )

    def unavailable(self, kind: str) -> float:
        """Give the share of time that a part of a kind is down; a kind without a figure never is."""
        mtbf = self.mtbf_h.get(kind)
        if mtbf is None:
            return 0.0
        repair = self.site_mttr_h if kind == "site" else self.mttr_h
        return repair / (mtbf + repair)


class Cause(Struct, frozen=True, kw_only=True):
    """What one cause takes from a VM in a year; None: not known."""

    id: str
    label: Sentence
    minutes: dict[str, float | None]


class Saving(Struct, frozen=True, kw_only=True):
    """What a VM would have more in a year if one component never failed."""

    component: str
    kind: str
    minutes: float
    single: bool


class VmAvailability(Struct, frozen=True, kw_only=True):
    """One VM, as it is protected now."""

    name: str
    protection: Protection
    minutes: float
    availability: float
    complete: bool


class ClusterAvailability(Struct, frozen=True, kw_only=True):
    """A cluster: what an average VM loses a year, by cause, with each protection."""

    name: str
    hosts: int
    tolerated: int
    causes: tuple[Cause, ...]
    minutes: dict[str, float]
    worst_minutes: dict[str, float]
    best_minutes: dict[str, float]
    unknown: tuple[str, ...]
    savings: tuple[Saving, ...]
    vms: tuple[VmAvailability, ...]
    played: Played | None = None

    def availability(self, protection: Protection) -> float:
        """The share of time that an average VM is there."""
        return 1.0 - self.minutes[protection] / closed.MINUTES_A_YEAR


LABELS: Final[dict[str, Sentence]] = {
    "host": Sentence("Host failures"),
    "capacity": Sentence("More hosts failed than are tolerated"),
    "storage": Sentence("Paths to storage"),
    "vm": Sentence("Paths to the clients"),
    "array": Sentence("The array itself, site and rooms"),
    "planned": Sentence("Planned work on hosts"),
    "human": Sentence("Human error"),
}
SAVINGS_SHOWN: Final = 20


def examine_availability(
    estate: Estate,
    tolerated: Mapping[str, int],
    chance: np.random.Generator | None,
    *,
    years: float = 10_000.0,
    threads: int = 1,
    rates: Rates | None = None,
) -> tuple[ClusterAvailability, ...]:
    """Give the availability of every cluster that has hosts.

    Args:
        tolerated: host failures that each cluster carries, by admission; a cluster left out carries none.
        chance: for the years that are played; 0 years, or None, plays none.
        rates: the asker's own, instead of the middle of what is published.

    Raises:
        EstateError: feeds in a ring.
        ValueError: a number of years that is negative or not finite.
    """
    if not 0 <= years < float("inf"):
        raise ValueError(f"years: {years} is no number of years")
    wiring = wire(estate)
    answers: dict[str, list[Answer]] = defaultdict(list)
    for question in questions(estate, wiring):
        if question.subject.kind == "host" and question.service in SERVICES:
            answers[question.subject.name].append(answer(question))
    return tuple(
        _Estimator(estate, wiring, answers, cluster.name, tolerated.get(cluster.name, 0)).result(
            chance, years, threads, rates
        )
        for cluster in estate.clusters
        if estate.hosts_of(cluster.name)
    )


class _Estimator:
    """Works out one cluster."""

    def __init__(
        self,
        estate: Estate,
        wiring: Wiring,
        answers: Mapping[str, Sequence[Answer]],
        cluster: str,
        tolerated: int,
    ) -> None:
        self.wiring = wiring
        self.name = cluster
        self.hosts = estate.hosts_of(cluster)
        self.vms = [vm for vm in estate.vms_of(cluster) if vm.is_load]
        self.tolerated = min(tolerated, len(self.hosts) - 1)
        self.ha = next((one.ha_enabled for one in estate.clusters if one.name == cluster), None)
        self.answers = answers
        self._down: dict[object, float] = {}

    def result(
        self, chance: np.random.Generator | None, years: float, threads: int, rates: Rates | None
    ) -> ClusterAvailability:
        middle, worst, best = (rates or Rates.of(case) for case in ("middle", "worst", "best"))
        causes = self._causes(middle)
        return ClusterAvailability(
            name=self.name,
            hosts=len(self.hosts),
            tolerated=self.tolerated,
            causes=causes,
            minutes=_sums(causes),
            worst_minutes=_sums(self._causes(worst)),
            best_minutes=_sums(self._causes(best)),
            unknown=tuple(cause.id for cause in causes if None in cause.minutes.values()),
            savings=tuple(self._savings(middle)),
            vms=tuple(self._of_vms(causes, middle)),
            played=self._played(middle, chance, years, threads),
        )

    def _causes(self, rates: Rates) -> tuple[Cause, ...]:
        hosts = self._from_hosts(rates)
        paths = {service: self._mean_of(service, rates) for service in SERVICES}
        found = {
            "host": {kind: hosts[kind] for kind in PROTECTIONS},
            "capacity": {"none": 0.0, "ha": self._from_capacity(rates), "ft": self._from_capacity(rates)},
            **{service: dict.fromkeys(PROTECTIONS, paths[service]) for service in SERVICES},
            "array": dict.fromkeys(PROTECTIONS, self._around(rates)),
            "planned": {"none": rates.planned_h * 60, "ha": 0.0, "ft": 0.0},
            "human": dict.fromkeys(PROTECTIONS, rates.human_minutes),
        }
        return tuple(
            Cause(id=key, label=LABELS[key], minutes={str(kind): value for kind, value in minutes.items()})
            for key, minutes in found.items()
        )

    def _host_rate(self, rates: Rates) -> float:
        """Failures an hour of a host: its own, and those of what it needs and has once."""
        total = 0.0
        for host in self.hosts:
            number = self.wiring.number("host", host.name)
            kinds = [self.wiring.components[one].kind for one in self.wiring.cuts(number).ones]
            total += sum(
                1 / rates.mtbf_h[kind] for kind in kinds if kind in rates.mtbf_h and kind not in WIDE
            )
        return total / len(self.hosts)

    def _from_hosts(self, rates: Rates) -> Mapping[Protection, float]:
        """Minutes a year from a failing host: the repair, a restart, or the blink of a failover."""
        mtbf = 1 / self._host_rate(rates)
        per_host = len(self.vms) / len(self.hosts)
        mean_turn = max(0.0, (per_host / rates.batch - 1) / 2) * rates.turn_s
        restart = rates.restart_s + mean_turn + rates.boot_s
        double = closed.both_lost_a_year(mtbf, rates.reprotect_h) * restart / 60
        return {
            "none": (1 - closed.steady(mtbf, rates.mttr_h)) * closed.MINUTES_A_YEAR,
            "ha": closed.restart_seconds(mtbf, restart) / 60,
            "ft": closed.restart_seconds(mtbf, rates.ft_switch_s) / 60 + double,
        }

    def _from_capacity(self, rates: Rates) -> float:
        """Minutes a year that an average VM waits because more hosts failed than admission carries."""
        hosts = len(self.hosts)
        shares = closed.states(hosts, 1 / self._host_rate(rates), rates.mttr_h, hosts)
        working = hosts - self.tolerated
        waiting = sum(
            share * (failed - self.tolerated) / working
            for failed, share in enumerate(shares)
            if failed > self.tolerated
        )
        return waiting * closed.MINUTES_A_YEAR

    def _mean_of(self, service: str, rates: Rates) -> float | None:
        """Minutes a year that cut ways cost, averaged over the hosts; None where any of it is unknown."""
        found: list[float] = []
        for host in self.hosts:
            own = [one for one in self.answers.get(host.name, ()) if one.question.service == service]
            if not own or any(_is_unknown(one) for one in own):
                return None
            found.append(sum(self._probability(one, rates) for one in own) / len(own))
        return sum(found) / len(found) * closed.MINUTES_A_YEAR

    def _around(self, rates: Rates) -> float | None:
        """Minutes a year from what no way leads past: the only array, and the rooms and sites around it."""
        every = [one for host in self.hosts for one in self.answers.get(host.name, ())]
        stores = [one for one in every if one.question.service == "storage"]
        if not stores or any(_is_unknown(one) for one in stores):
            return None
        places = [self.wiring.places(self.wiring.number("host", host.name)) for host in self.hosts]
        wide = {one for one in frozenset.intersection(*places) if self.wiring.components[one].kind in WIDE}
        around = wide.union(*(one.question.around for one in stores))
        up = 1.0
        for number in around:
            up *= 1 - rates.unavailable(self.wiring.components[number].kind)
        return (1 - up) * closed.MINUTES_A_YEAR

    def _probability(self, one: Answer, rates: Rates, perfect: int | None = None) -> float:
        # What takes the host too stays in: wherever HA starts the VM, a switch that fell with it is gone.
        apart = one.question.around
        key = (self._shape(one), tuple(sorted(rates.mtbf_h.items())), rates.mttr_h, perfect)
        if key not in self._down:

            def unavailable(number: int) -> float:
                if number in apart or number == perfect:
                    return 0.0
                return rates.unavailable(self.wiring.components[number].kind)

            support = _support(self.wiring, one.question.ways)
            self._down[key] = probability_down(support, unavailable).probability
        return self._down[key]

    def _shape(self, one: Answer) -> object:
        """What two hosts share when they are wired alike: what only one has counts by its place."""
        places: dict[int, str] = {}

        def told(number: int) -> object:
            kind = self.wiring.components[number].kind
            if kind not in PRIVATE:
                return number
            return places.setdefault(number, f"{kind}{len(places)}")

        ways = tuple(
            (
                tuple(told(part) for part in way.parts),
                tuple(
                    told(card) for part in way.parts for group in self.wiring.groups(part) for card in group
                ),
                way.hop,
            )
            for way in one.question.ways
        )
        return ways, one.question.around

    def _savings(self, rates: Rates) -> Iterator[Saving]:
        """Give the components that cost an average VM most: singles alone, others with their partners."""
        found: dict[int, float] = defaultdict(float)
        single: set[int] = set()
        for host in self.hosts:
            own = [one for one in self.answers.get(host.name, ()) if not _is_unknown(one)]
            for one in own:
                count = sum(other.question.service == one.question.service for other in own) * len(self.hosts)
                for number, minutes in self._costs(one, rates).items():
                    found[number] += minutes / count
                single |= one.cuts.ones
        ranked = sorted(found, key=lambda number: (-found[number], self.wiring.components[number]))
        for number in ranked[:SAVINGS_SHOWN]:
            component = self.wiring.components[number]
            yield Saving(
                component=component.name, kind=component.kind, minutes=found[number], single=number in single
            )

    def _costs(self, one: Answer, rates: Rates) -> Mapping[int, float]:
        """Minutes a year by component: its cuts' probability, which is what a perfect one would save."""

        def down(number: int) -> float:
            return rates.unavailable(self.wiring.components[number].kind)

        found: dict[int, float] = defaultdict(float)
        for number in one.cuts.ones:
            found[number] += down(number) * closed.MINUTES_A_YEAR
        for first, second in one.cuts.twos:
            minutes = down(first) * down(second) * closed.MINUTES_A_YEAR
            found[first] += minutes
            found[second] += minutes
        return found

    def _of_vms(self, causes: Sequence[Cause], rates: Rates) -> Iterator[VmAvailability]:
        shared = {cause.id: cause.minutes for cause in causes}
        for vm in self.vms:
            protection: Protection = "ft" if vm.ft != "none" else "ha" if self.ha else "none"
            minutes = sum(
                shared[cause][protection] or 0.0
                for cause in ("host", "capacity", "array", "planned", "human")
            )
            complete = shared["array"][protection] is not None
            for service, targets in (("storage", vm.datastores), ("vm", vm.networks)):
                for target in targets:
                    one = self._answer_of(vm.host, service, target)
                    if one is None or _is_unknown(one):
                        complete = False
                    else:
                        minutes += self._probability(one, rates) * closed.MINUTES_A_YEAR
            yield VmAvailability(
                name=vm.name,
                protection=protection,
                minutes=minutes,
                availability=1 - minutes / closed.MINUTES_A_YEAR,
                complete=complete,
            )

    def _answer_of(self, host: str | None, service: str, target: str) -> Answer | None:
        return next(
            (
                one
                for one in self.answers.get(host or "", ())
                if one.question.service == service and target in one.question.targets
            ),
            None,
        )

    def _played(
        self, rates: Rates, chance: np.random.Generator | None, years: float, threads: int
    ) -> Played | None:
        if not years or chance is None:
            return None
        per_host = round(len(self.vms) / len(self.hosts))
        cluster = Simulated(
            hosts=len(self.hosts),
            tolerated=self.tolerated,
            mtbf_h=1 / self._host_rate(rates),
            mttr_h=rates.mttr_h,
            life_shape=rates.life_shape,
            repair_sigma=rates.repair_sigma,
            vms_per_host=per_host,
            restart_s=rates.restart_s,
            turn_s=rates.turn_s,
            batch=rates.batch,
            boot_s=rates.boot_s,
        )
        return play(cluster, years, chance, threads)


def _sums(causes: Sequence[Cause]) -> dict[str, float]:
    """Add up what is known of each protection."""
    return {kind: sum(cause.minutes[kind] or 0.0 for cause in causes) for kind in PROTECTIONS}


def _is_unknown(one: Answer) -> bool:
    return one.proof in ("unknown", "lost") or any(proof == "unknown" for _, proof in one.layers)


def _support(wiring: Wiring, ways: Sequence[Way]) -> Callable[[frozenset[int]], frozenset[int] | None]:
    """Give what carries a service: the first way that works, with all that it needs."""

    def support(lost: frozenset[int]) -> frozenset[int] | None:
        for way in ways:
            path: Sequence[int] | None = ()
            if way.hop is not None:
                path = wiring.path(*way.hop, lost)
            if path is None:
                continue
            used = wiring.carrying((*way.parts, *path), lost)
            if used is not None:
                return used
        return None

    return support
