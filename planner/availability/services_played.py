"""A service lives through the failures and repairs of its components: the exact figure seen happening.

Hosts, ways and places fail and are mended as for clusters; VMs restart, or wait while more hosts are gone
than admission carries.  Planned work, mistakes and common causes are told by the exact figure alone.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from planner.availability.answer import ServicePlayed
from planner.availability.assumed import Rates
from planner.availability.closed import HOURS_A_YEAR
from planner.availability.parts_played import BOOT_SIGMA, SPREAD, by_year, estimate_of, log_mean, moments_of
from planner.availability.services import System
from planner.paths.cuts import Support
from planner.paths.serving import Needed, end_support, host_support, is_unknown, parts_of, under

EVENTS_MOST: Final = 100_000  # Python walks through them; the years are fewer where there would be more


def play_service(
    system: System, needed: Needed, rates: Rates, years: float, chance: np.random.Generator
) -> ServicePlayed | None:
    """Play a service for so many years, as its VMs are protected now; whole years, two at least.

    None: nothing that it stands on has a life, or too few of its VMs serve.
    """
    watched = _watched(system, rates)
    if not watched or system.wiring is None:
        return None
    kinds = [system.wiring.components[one].kind for one in watched]
    a_year = math.fsum(2 * HOURS_A_YEAR / rates.mtbf_h[kind] for kind in kinds)
    whole = max(2, math.floor(min(years, EVENTS_MOST / a_year)))
    life = _Life(system, needed, rates, whole, chance)
    if not life.works(frozenset(), 0.0):
        return None
    failures = life.through(moments_of(system.wiring, watched, rates, whole, chance))
    minutes = life.lost * 60
    return ServicePlayed(
        years=whole,
        failures=failures,
        minutes=estimate_of(minutes),
        quantiles={name: float(np.quantile(minutes, share)) for name, share in SPREAD},
    )


def _watched(system: System, rates: Rates) -> list[int]:
    """Give every component that its VMs stand on, and the hosts that others' failures fill."""
    if system.wiring is None:
        return []
    used: set[int] = set()
    for machine in system.machines.values():
        if machine.host is not None:
            used.add(machine.host)
        for one in machine.ends:
            used |= parts_of(system.wiring, one) | one.question.around
    for estimator in system.estimators.values():
        used.update(estimator.numbers)
    every = under(system.wiring, used)
    return sorted(one for one in every if rates.mtbf_h.get(system.wiring.components[one].kind))


class _Life:
    """One service: who restarts until when, who waits, and the hours lost in each year."""

    def __init__(
        self, system: System, needed: Needed, rates: Rates, years: int, chance: np.random.Generator
    ) -> None:
        assert system.wiring is not None  # noqa: S101 - the caller has looked
        self.system = system
        self.rates = rates
        self.years = years
        self.chance = chance
        self.lost: npt.NDArray[np.float64] = np.zeros(years)
        self.tiers = [(needed(tier), tier.vms) for tier in system.service.tiers]
        wiring = system.wiring
        self.hosts: dict[int, Support] = {
            number: host_support(wiring, number)
            for estimator in system.estimators.values()
            for number in estimator.numbers
        }
        self.ends = {
            name: [end_support(wiring, one) for one in machine.ends if not is_unknown(one)]
            for name, machine in system.machines.items()
        }
        self.until: dict[str, float] = {}
        self.rank: dict[str, float] = {}
        self.gone: frozenset[int] = frozenset()

    def through(self, moments: list[tuple[float, int, bool]]) -> int:
        """Walk through all moments and the restarts between them; give how many are failures."""
        down: set[int] = set()
        ends: list[float] = []
        before, up, failures = 0.0, True, 0
        for at, component, fails in moments:
            while ends and ends[0] <= at:
                up, before = self._then(heapq.heappop(ends), before, up, down)
            failures += fails
            if not up:
                self._lose(before, at)
            (down.add if fails else down.discard)(component)
            for until in self._failing(frozenset(down), at):
                heapq.heappush(ends, until)
            up, before = self.works(frozenset(down), at), at
        return failures

    def _then(self, now: float, before: float, up: bool, down: set[int]) -> tuple[bool, float]:
        if not up:
            self._lose(before, now)
        return self.works(frozenset(down), now), now

    def _lose(self, begin: float, end: float) -> None:
        for year, hours in by_year(begin, end, self.years):
            self.lost[year] += hours

    def _failing(self, down: frozenset[int], at: float) -> Iterator[float]:
        """Start again what stood on hosts that fail now; give when each VM serves."""
        gone = frozenset(host for host, up in self.hosts.items() if up(down) is None)
        fresh, self.gone = gone - self.gone, gone
        for host in sorted(fresh):
            boot = float(self.chance.lognormal(log_mean(self.rates.boot_s, BOOT_SIGMA), BOOT_SIGMA))
            for name, machine in self.system.machines.items():
                if machine.host == host:
                    self.until[name] = at + self._out_h(name, boot)
                    self.rank[name] = float(self.chance.random())
                    yield self.until[name]

    def _out_h(self, name: str, boot_s: float) -> float:
        """Give the hours until a VM serves again: nothing helps one that nobody protects but its host."""
        protection = self.system.protection_of(name)
        if protection == "ft":
            return self.rates.ft_switch_s / 3600
        estimator = self.system.by_vm[name]
        turns = 0.0 if estimator is None else estimator.restart_s(self.rates) - self.rates.boot_s
        return (turns + boot_s) / 3600 if protection == "ha" else 0.0

    def works(self, down: frozenset[int], now: float) -> bool:
        """Say whether enough VMs of each tier serve."""
        return all(
            sum(self._serves(name, down, now) for name in names) >= needed for needed, names in self.tiers
        )

    def _serves(self, name: str, down: frozenset[int], now: float) -> bool:
        machine, estimator = self.system.machines[name], self.system.by_vm[name]
        if not machine.serves:
            return False
        if estimator is None:
            return True
        if any(end(down) is None for end in self.ends[name]):
            return False
        if machine.host in self.gone:
            fells = estimator.fells
            if self.system.protection_of(name) == "none" or not fells.around.isdisjoint(down):
                return False
            count = sum(number in self.gone for number in estimator.numbers)
            over = (count - fells.tolerated) / (fells.hosts - fells.tolerated)
            if self.rank[name] < over * fells.hosts / count:
                return False
        return now >= self.until.get(name, 0.0)
