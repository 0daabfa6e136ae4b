"""Every component of a cluster lives and is mended, year after year: the exact causes seen happening.

lives and repairs of all components -> moments at which something fails or is mended
between two moments some are down   -> who is cut off then is worked out once for each set of them

Nothing of the closed forms is used, so the two judge each other; and single years have a spread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from planner.availability.answer import PROTECTIONS, PartsPlayed, Protection
from planner.availability.assumed import Rates
from planner.availability.closed import HOURS_A_YEAR
from planner.availability.estimate import SERVICES, Estimator
from planner.availability.simulated import Estimate
from planner.paths.cuts import Support
from planner.paths.questions import Answer
from planner.paths.serving import is_unknown, parts_of, support_of, under
from planner.paths.wiring import Wiring

MOST_HOSTS: Final = 96  # of one vSphere cluster; beyond, only the hosts are played
WINDOWS: Final = 2  # of planned work, a host and year; as the catalogue's row says
BOOT_SIGMA: Final = 0.5  # of a lognormal boot, as the hosts are played with
SPREAD: Final = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
CAUSES: Final = ("host", "common", "capacity", "storage", "vm", "array", "planned", "human")
Moments: TypeAlias = list[tuple[float, int, bool]]  # hours, component, whether it fails


class _State(Struct, frozen=True):
    """What a set of failed components takes from an average VM while it lasts, as shares."""

    hosts: frozenset[int]
    storage: float
    vm: float
    array: float


def play_parts(
    estimator: Estimator, rates: Rates, years: float, chance: np.random.Generator
) -> PartsPlayed | None:
    """Play every component of a cluster for so many years; whole years, two at least.

    Weibull lives and lognormal repairs, planned work on one host after the other, mistakes where somebody
    told how many there are.  What is not known is left out, as in the exact causes.  None: the cluster
    has no component with a life.
    """
    whole = max(2, math.floor(years))  # a spread takes two
    watched = _components(estimator, rates)
    if not watched:
        return None
    played = _Played(estimator, rates, whole, chance)
    failures = played.through(moments_of(estimator.wiring, watched, rates, whole, chance))
    played.at_work()
    played.mistakes()
    return _told(played, whole, failures)


class _Played:
    """The minutes lost so far: protection, cause and year."""

    def __init__(self, estimator: Estimator, rates: Rates, years: int, chance: np.random.Generator) -> None:
        self.estimator = estimator
        self.rates = rates
        self.years = years
        self.chance = chance
        self.lost = {
            kind: {cause: np.zeros(years) for cause in CAUSES} for kind in PROTECTIONS
        }  # hours of an average VM
        self.whole = {kind: np.zeros(years) for kind in PROTECTIONS}  # what overlaps counted once
        self._host_of = {estimator.wiring.number("host", host.name): host for host in estimator.hosts}
        self._services = _services(estimator)
        self._needs = _needs(estimator)
        self._around = _around(estimator)
        self._states: dict[frozenset[int], _State] = {frozenset(): _State(frozenset(), 0.0, 0.0, 0.0)}
        self._latest: list[float] = []

    def through(self, moments: Moments) -> int:
        """Walk through all moments; give how many are failures."""
        down: set[int] = set()
        before, state = 0.0, self._states[frozenset()]
        failures = 0
        for at, component, fails in moments:
            if down:
                self._lasts(before, at, state)
            failures += fails
            (down.add if fails else down.discard)(component)
            after = self._state(frozenset(down))
            self._hosts_failed(at, len(after.hosts - state.hosts))
            before, state = at, after
        return failures

    def _state(self, down: frozenset[int]) -> _State:
        known = self._states.get(down)
        if known is None:
            known = self._states[down] = self._worked_out(down)
        return known

    def _worked_out(self, down: frozenset[int]) -> _State:
        array = float(not self._around.isdisjoint(down))
        up = (host for host, needs in self._needs.items() if needs.works(down))
        hosts = frozenset(self._host_of.keys() - set(up))
        cut = {service: self._cut(service, down) for service in SERVICES}
        return _State(hosts, cut["storage"], cut["vm"], array)

    def _cut(self, service: str, down: frozenset[int]) -> float:
        """Give the share of the ways of all hosts that are cut, host by host."""
        hosts = self._services[service]
        if not hosts:
            return 0.0
        shares = [sum(not one.works(down) for one in ends) / len(ends) for ends in hosts]
        return sum(shares) / len(shares)

    def _lasts(self, begin: float, end: float, state: _State) -> None:
        count, failed = len(self._host_of), len(state.hosts)
        tolerated = self.estimator.tolerated
        waiting = max(0, failed - tolerated) / max(1, count - tolerated)
        cut = min(1.0, state.storage + state.vm + state.array)
        for year, hours in by_year(begin, end, self.years):
            for kind in PROTECTIONS:
                lost = self.lost[kind]
                lost["storage"][year] += hours * state.storage
                lost["vm"][year] += hours * state.vm
                lost["array"][year] += hours * state.array
                shares = failed / count if kind == "none" else waiting
                self.whole[kind][year] += hours * min(1.0, cut + shares)
            self.lost["none"]["host"][year] += hours * failed / count
            self.lost["ha"]["capacity"][year] += hours * waiting
            self.lost["ft"]["capacity"][year] += hours * waiting

    def _hosts_failed(self, at: float, count: int) -> None:
        """Restart what stood on the hosts that failed, or let its secondaries go on."""
        year = int(at // HOURS_A_YEAR)
        if not count or year >= self.years:
            return
        rates, hosts = self.rates, len(self._host_of)
        per_host = max(1, round(len(self.estimator.vms) / hosts))
        turns = max(0.0, (len(self.estimator.vms) / hosts / rates.batch - 1) / 2) * rates.turn_s
        for _ in range(count):
            boots = self.chance.lognormal(log_mean(rates.boot_s, BOOT_SIGMA), BOOT_SIGMA, per_host)
            restart = (rates.restart_s + turns + (float(boots.mean()) if rates.boot_s else 0.0)) / 3600
            self._latest = [one for one in self._latest if at - one < rates.reprotect_h]
            both = 2 * len(self._latest) / max(1, hosts - 1)
            switch = rates.ft_switch_s / 3600 + both * restart
            taken: tuple[tuple[Protection, float], ...] = (("ha", restart / hosts), ("ft", switch / hosts))
            for kind, hours in taken:
                self.lost[kind]["host"][year] += hours
                self.whole[kind][year] += hours
            self._latest.append(at)

    def at_work(self) -> None:
        """Empty the hosts one after the other; without protection their VMs are down meanwhile."""
        self.lost["none"]["planned"] += self.rates.planned_h
        self.whole["none"] += self.rates.planned_h

    def mistakes(self) -> None:
        """Let people err, so often and so long as somebody told."""
        each = self.rates.human_minutes_each
        if self.rates.human_errors_a_year is None or each is None:
            return
        counts = self.chance.poisson(self.rates.human_errors_a_year, self.years)
        for year, count in enumerate(counts):
            hours = float(self.chance.lognormal(log_mean(each, 1.0), 1.0, count).sum()) / 60 if each else 0.0
            for kind in PROTECTIONS:
                self.lost[kind]["human"][year] += hours
                self.whole[kind][year] += hours


class _Carried:
    """Something that is carried or not, asked once for each set of its own components that is down."""

    def __init__(self, support: Support, relevant: frozenset[int]) -> None:
        self._support = support
        self._relevant = relevant
        self._known: dict[frozenset[int], bool] = {frozenset(): True}

    def works(self, down: frozenset[int]) -> bool:
        own = frozenset(one for one in down if one in self._relevant)
        known = self._known.get(own)
        if known is None:
            known = self._known[own] = self._support(own) is not None
        return known


def _services(estimator: Estimator) -> dict[str, list[list[_Carried]]]:
    """Give, for each service, what carries it at each host; nothing where any part of it is unknown."""
    found: dict[str, list[list[_Carried]]] = {}
    for service in SERVICES:
        by_host = [_of(estimator, host.name, service) for host in estimator.hosts]
        if any(not own or any(is_unknown(one) for one in own) for own in by_host):
            found[service] = []
            continue
        found[service] = [
            [
                _Carried(
                    support_of(estimator.wiring, one.question.ways),
                    under(estimator.wiring, parts_of(estimator.wiring, one)) - one.question.around,
                )
                for one in own
            ]
            for own in by_host
        ]
    return found


def _needs(estimator: Estimator) -> dict[int, _Carried]:
    """Give, for each host, what keeps it up; what is around all of them is a cause of its own."""
    wiring = estimator.wiring
    numbers = [wiring.number("host", host.name) for host in estimator.hosts]
    return {
        number: _Carried(
            partial(wiring.carrying, (number,)), under(wiring, {number}) - estimator.fells.around
        )
        for number in numbers
    }


def _of(estimator: Estimator, host: str, service: str) -> Sequence[Answer]:
    return [one for one in estimator.answers.get(host, ()) if one.question.service == service]


def _around(estimator: Estimator) -> frozenset[int]:
    """Give the only array, and the rooms and sites around everything."""
    stores = [one for host in estimator.hosts for one in _of(estimator, host.name, "storage")]
    if not stores or any(is_unknown(one) for one in stores):
        return frozenset()
    return estimator.fells.around.union(*(one.question.around for one in stores))


def _components(estimator: Estimator, rates: Rates) -> list[int]:
    """Give every component that a host or a way of its stands on, and that has a life."""
    wiring = estimator.wiring
    used: set[int] = set(_around(estimator))
    for host in estimator.hosts:
        used.add(wiring.number("host", host.name))
        for one in estimator.answers.get(host.name, ()):
            used |= parts_of(wiring, one)
    used |= under(wiring, used)
    return sorted(one for one in used if rates.mtbf_h.get(wiring.components[one].kind))


def moments_of(
    wiring: Wiring, watched: Sequence[int], rates: Rates, years: int, chance: np.random.Generator
) -> Moments:
    """Draw when each component fails and is mended, in the order of time."""
    horizon = years * HOURS_A_YEAR
    found: Moments = []
    for number in watched:
        kind = wiring.components[number].kind
        for begin, end in _outages(rates.mtbf_h[kind], rates.mttr_of(kind), rates, horizon, chance):
            found.append((begin, number, True))
            found.append((min(end, horizon), number, False))
    found.sort()
    return found


def _outages(
    mtbf_h: float, mttr_h: float, rates: Rates, horizon: float, chance: np.random.Generator
) -> Iterator[tuple[float, float]]:
    """Draw one component's outages; a uniform share of a life is behind it when the years begin."""
    scale = mtbf_h / math.gamma(1 + 1 / rates.life_shape)
    now = float(chance.random()) * scale * float(chance.weibull(rates.life_shape))
    if rates.life_shape == 1.0:
        now = float(chance.exponential(mtbf_h))
    count = int(horizon / mtbf_h * 1.2) + 8
    while now < horizon:
        lives = scale * chance.weibull(rates.life_shape, count)
        repairs = chance.lognormal(log_mean(mttr_h, rates.repair_sigma), rates.repair_sigma, count)
        for life, repair in zip(lives.tolist(), repairs.tolist(), strict=True):
            yield now, now + repair
            now += repair + life
            if now >= horizon:
                return


def log_mean(mean: float, sigma: float) -> float:
    """Give the mean of the logarithms of a lognormal of this mean."""
    return math.log(mean) - sigma**2 / 2 if mean > 0 else -math.inf


def by_year(begin: float, end: float, years: int) -> Iterator[tuple[int, float]]:
    """Give the hours of each year between two moments."""
    year = int(begin // HOURS_A_YEAR)
    while begin < end and year < years:
        until = min(end, (year + 1) * HOURS_A_YEAR)
        yield year, until - begin
        begin, year = until, year + 1


def _told(played: _Played, years: int, failures: int) -> PartsPlayed:
    minutes, total, quantiles = {}, {}, {}
    for kind, causes in played.lost.items():
        minutes[str(kind)] = {cause: estimate_of(hours * 60) for cause, hours in causes.items()}
        whole = played.whole[kind] * 60
        total[str(kind)] = estimate_of(whole)
        quantiles[str(kind)] = {name: float(np.quantile(whole, share)) for name, share in SPREAD}
    return PartsPlayed(years=years, failures=failures, minutes=minutes, total=total, quantiles=quantiles)


def estimate_of(years: npt.NDArray[np.float64]) -> Estimate:
    """Give the mean of what single years lost, and its standard error."""
    error = float(years.std(ddof=1) / math.sqrt(len(years))) if len(years) > 1 else math.inf
    return Estimate(value=float(years.mean()), error=error)
