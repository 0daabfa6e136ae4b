"""Minutes a year of one cluster's VMs, cause by cause: exact where the parts are independent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from planner.availability import closed
from planner.availability.answer import LABELS, PROTECTIONS, Cause, Protection, Saving, VmAvailability
from planner.availability.assumed import Rates
from planner.availability.shared import TINY, Fells
from planner.availability.simulated import Cluster as Simulated
from planner.availability.structure import probability_down
from planner.estate import Estate
from planner.paths.questions import Answer
from planner.paths.serving import is_unknown, support_of
from planner.paths.wiring import Wiring

# What a host has for itself; hosts wired alike differ in nothing but these names.
PRIVATE: Final = frozenset({"psu", "card", "nic", "hba"})
SERVICES: Final = ("storage", "vm")
SAVINGS_SHOWN: Final = 20


class Estimator:
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
        self.numbers = [wiring.number("host", host.name) for host in self.hosts]
        self.fells = Fells(wiring, self.numbers, self.tolerated)
        self._down: dict[object, float] = {}
        self._shapes: dict[int, object] = {}

    def causes(self, rates: Rates) -> tuple[Cause, ...]:
        hosts = self._from_hosts(rates)
        waits = self.fells.waiting(rates) * closed.MINUTES_A_YEAR
        paths = {service: self._mean_of(service, rates) for service in SERVICES}
        found = {
            "host": {kind: hosts[kind] for kind in PROTECTIONS},
            "common": dict.fromkeys(PROTECTIONS, self._together(rates)),
            "capacity": {"none": 0.0, "ha": waits, "ft": waits},
            **{service: dict.fromkeys(PROTECTIONS, paths[service]) for service in SERVICES},
            "array": dict.fromkeys(PROTECTIONS, self._around(rates)),
            "planned": {"none": rates.planned_h * 60, "ha": 0.0, "ft": 0.0},
            "human": dict.fromkeys(PROTECTIONS, rates.human_minutes),
        }
        return tuple(
            Cause(id=key, label=LABELS[key], minutes={str(kind): value for kind, value in minutes.items()})
            for key, minutes in found.items()
        )

    def restart_s(self, rates: Rates) -> float:
        """Give the seconds until an average VM of a failed host serves again."""
        per_host = len(self.vms) / len(self.hosts)
        mean_turn = max(0.0, (per_host / rates.batch - 1) / 2) * rates.turn_s
        return rates.restart_s + mean_turn + rates.boot_s

    def _from_hosts(self, rates: Rates) -> Mapping[Protection, float]:
        """Minutes a year from a failing host: the repair, a restart, or the blink of a failover."""
        apart = 1 - (rates.beta or 0.0)
        rate = self.fells.rate(rates) * apart or TINY
        restart = self.restart_s(rates)
        double = closed.both_lost_a_year(1 / rate, rates.reprotect_h) + self.fells.both_a_year(rates)
        return {
            "none": apart * self.fells.down(rates) * closed.MINUTES_A_YEAR,
            "ha": closed.restart_seconds(1 / rate, restart) / 60,
            "ft": closed.restart_seconds(1 / rate, rates.ft_switch_s) / 60 + double * restart / 60,
        }

    def _together(self, rates: Rates) -> float | None:
        """Minutes a year that failures of all hosts at once take; None where nobody told how many are."""
        if rates.beta is None:
            return None
        if rates.beta == 0.0:
            return 0.0
        return (1 - closed.steady(1 / (self.fells.rate(rates) * rates.beta), rates.mttr_h)) * (
            closed.MINUTES_A_YEAR
        )

    def share_out(self, protection: Protection, rates: Rates) -> float:
        """Give the share of a host's downtime that its VMs are out: all, or until they run again."""
        found = self._from_hosts(rates)
        return min(1.0, found[protection] / found["none"]) if found["none"] else 1.0

    def together_share(self, rates: Rates) -> float:
        """Give the share of time that all hosts are down at once by one cause; 0 where nobody told."""
        return (self._together(rates) or 0.0) / closed.MINUTES_A_YEAR

    def _mean_of(self, service: str, rates: Rates) -> float | None:
        """Minutes a year that cut ways cost, averaged over the hosts; None where any of it is unknown."""
        found: list[float] = []
        for host in self.hosts:
            own = [one for one in self.answers.get(host.name, ()) if one.question.service == service]
            if not own or any(is_unknown(one) for one in own):
                return None
            found.append(sum(self._probability(one, rates) for one in own) / len(own))
        return sum(found) / len(found) * closed.MINUTES_A_YEAR

    def _around(self, rates: Rates) -> float | None:
        """Minutes a year from what no way leads past: the only array, and the rooms and sites around it."""
        every = [one for host in self.hosts for one in self.answers.get(host.name, ())]
        stores = [one for one in every if one.question.service == "storage"]
        if not stores or any(is_unknown(one) for one in stores):
            return None
        around = self.fells.around.union(*(one.question.around for one in stores))
        up = 1.0
        for number in sorted(around):
            up *= 1 - rates.unavailable(self.wiring.components[number].kind)
        return (1 - up) * closed.MINUTES_A_YEAR

    def _probability(self, one: Answer, rates: Rates) -> float:
        # What takes the host too stays in: wherever HA starts the VM, a switch that fell with it is gone.
        apart = one.question.around
        key = (self._shape_of(one), tuple(sorted(rates.mtbf_h.items())), rates.mttr_h)
        if key not in self._down:

            def unavailable(number: int) -> float:
                if number in apart:
                    return 0.0
                return rates.unavailable(self.wiring.components[number].kind)

            support = support_of(self.wiring, one.question.ways)
            self._down[key] = probability_down(support, unavailable).probability
        return self._down[key]

    def _shape_of(self, one: Answer) -> object:
        known = self._shapes.get(id(one))
        if known is None:
            known = self._shapes[id(one)] = self._shape(one)
        return known

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

    def savings(self, rates: Rates) -> Iterator[Saving]:
        """Give the components that cost an average VM most: singles alone, others with their partners."""
        found: dict[int, float] = defaultdict(float)
        single: set[int] = set()
        for host in self.hosts:
            own = [one for one in self.answers.get(host.name, ()) if not is_unknown(one)]
            for one in own:
                count = sum(other.question.service == one.question.service for other in own) * len(self.hosts)
                for number, minutes in self._costs(one, rates).items():
                    found[number] += minutes / count
                single |= one.cuts.ones
        for number, minutes in self._costs_of_hosts(rates).items():
            found[number] += minutes
            if number not in self.fells.shared:
                single.add(number)
        ranked = sorted(found, key=lambda number: (-found[number], self.wiring.components[number]))
        for number in ranked[:SAVINGS_SHOWN]:
            component = self.wiring.components[number]
            yield Saving(
                component=component.name,
                kind=component.kind,
                minutes=found[number],
                single=number in single,
                shared=number in self.fells.shared and number not in single,
            )

    def _costs_of_hosts(self, rates: Rates) -> Mapping[int, float]:
        """Minutes a year, with HA, of what fells several hosts at once, and of what nobody leads past."""
        stores = [one for host in self.hosts for one in self.answers.get(host.name, ())]
        known = [one for one in stores if one.question.service == "storage"]
        around = set(self.fells.around)
        if known and not any(is_unknown(one) for one in known):
            around = around.union(*(one.question.around for one in known))
        found = {
            one: rates.unavailable(self.wiring.components[one].kind) * closed.MINUTES_A_YEAR for one in around
        }
        waits = self.fells.waiting(rates)
        for one, hosts in self.fells.shared.items():
            restarts = self.fells.rate_of(one, rates) * len(hosts) / len(self.hosts) * self.restart_s(rates)
            minutes = (waits - self.fells.waiting(rates, perfect=one)) * closed.MINUTES_A_YEAR
            found[one] = minutes + restarts * closed.HOURS_A_YEAR / 60
        return found

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

    def of_vms(self, causes: Sequence[Cause], rates: Rates) -> Iterator[VmAvailability]:
        shared = {cause.id: cause.minutes for cause in causes}
        for vm in self.vms:
            protection: Protection = "ft" if vm.ft != "none" else "ha" if self.ha else "none"
            minutes = sum(
                shared[cause][protection] or 0.0
                for cause in ("host", "common", "capacity", "array", "planned", "human")
            )
            complete = shared["array"][protection] is not None
            for service, targets in (("storage", vm.datastores), ("vm", vm.networks)):
                for target in targets:
                    one = self._answer_of(vm.host, service, target)
                    if one is None or is_unknown(one):
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

    def simulated(self, rates: Rates) -> Simulated:
        """Give the hosts as they are played, year after year."""
        return Simulated(
            hosts=len(self.hosts),
            tolerated=self.tolerated,
            mtbf_h=1 / self.fells.rate(rates),
            mttr_h=rates.mttr_h,
            crews=rates.crews,
            life_shape=rates.life_shape,
            repair_sigma=rates.repair_sigma,
            vms_per_host=round(len(self.vms) / len(self.hosts)),
            restart_s=rates.restart_s,
            turn_s=rates.turn_s,
            batch=rates.batch,
            boot_s=rates.boot_s,
        )

    def kinds(self) -> frozenset[str]:
        """Give the kinds of component that this cluster stands on."""
        used: set[int] = set()
        for host in self.hosts:
            number = self.wiring.number("host", host.name)
            used |= self.wiring.cuts(number).ones
            used |= {one for pair in self.wiring.cuts(number).twos for one in pair}
            for one in self.answers.get(host.name, ()):
                used |= one.cuts.ones | one.question.around | {n for pair in one.cuts.twos for n in pair}
        return frozenset(self.wiring.components[number].kind for number in used)
