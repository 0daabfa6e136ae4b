"""How available a service is: the structure function of its VMs over everything they stand on.

of each tier k VMs of n -- each needs its host, its ways, and not to be starting again
What several VMs share is one component, so nothing is multiplied that is not independent.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping
from functools import cache
from typing import Final, Self

from msgspec import Struct

from planner.availability import closed
from planner.availability.answer import PROTECTIONS, Protection, ServiceAvailability, ServiceCause, TierTold
from planner.availability.assumed import Case, Rates
from planner.availability.estimate import Estimator
from planner.availability.structure import Tell, probability_down
from planner.paths.cuts import Support
from planner.paths.serving import (
    Machine,
    Needed,
    all_of,
    cuts_by,
    end_support,
    host_support,
    is_unknown,
    machine_support,
    service_support,
)
from planner.service import Service, Tier

LEAST: Final = 1e-12  # a branch of a service less likely than that is left out, and counted
CAUSES_SHOWN: Final = 20
ENDS: Final[tuple[Case, Case]] = ("worst", "best")


class _Asked(Struct, frozen=True):
    """One run: how many are needed, with which figures, protected how (None: as they are)."""

    needed: Needed
    rates: Rates
    protection: Protection | None = None


class _Found(Struct, frozen=True):
    minutes: float
    left_out: float
    by_cause: dict[int | str, float]


def examine_service(
    service: Service,
    machines: Mapping[str, Machine],
    estimators: Mapping[str, Estimator],
    rates_of: Callable[[Case], Rates],
) -> ServiceAvailability:
    """Give the availability of one service.

    Args:
        estimators: of the clusters that its VMs belong to.
        rates_of: the figures of a case: middle, worst, best.

    Returns:
        Minutes a year.  A VM that nobody described, or whose host or ways are not known, is told in `unknown`
        and takes nothing down.  Too few VMs powered on is no error: the service is then down.
    """
    told = tuple(_tier(tier, machines) for tier in service.tiers)
    system = System.of(service, machines, estimators)
    unknown = tuple(
        (name, what)
        for name, one in machines.items()
        for what in one.unknown or (("host",) if system.by_vm[name] is None else ())
    )
    most = system.down(_Asked(most_of, rates_of("middle")))
    least = (
        most
        if all(tier.is_known for tier in service.tiers)
        else system.down(_Asked(least_of, rates_of("middle")))
    )
    if least is None:
        return ServiceAvailability(
            name=service.name, tiers=told, is_down=True, minutes=None, least=None, most=None, worst=None,
            best=None, protections=dict.fromkeys(PROTECTIONS), unknown=unknown,
        )  # fmt: skip
    known = most is not None and least is most
    shown = most or least
    needed = most_of if most else least_of
    worst, best = (system.down(_Asked(needed, rates_of(case))) for case in ENDS)
    now = {system.protection_of(name) for name in machines}
    alike = {
        kind: shown if now == {kind} else system.down(_Asked(needed, rates_of("middle"), kind))
        for kind in PROTECTIONS
    }
    return ServiceAvailability(
        name=service.name,
        tiers=told,
        is_down=False,
        minutes=shown.minutes if known else None,
        least=least.minutes,
        most=None if most is None else most.minutes,
        worst=worst.minutes if worst else None,
        best=best.minutes if best else None,
        protections={str(kind): found.minutes if found else None for kind, found in alike.items()},
        unknown=unknown,
        causes=tuple(system.causes(shown, needed)),
        left_out=shown.left_out,
    )


def least_of(tier: Tier) -> int:
    """Give how many VMs a tier needs at least."""
    return tier.least


def most_of(tier: Tier) -> int:
    """Give how many VMs a tier needs at most."""
    return tier.most


def _tier(tier: Tier, machines: Mapping[str, Machine]) -> TierTold:
    serving = sum(machines[name].serves for name in tier.vms)
    needed = tier.most if tier.is_known else None
    return TierTold(name=tier.name, needed=needed, vms=len(tier.vms), serving=serving)


class System:
    """One service as components: those of the wiring by number, and those that are no part below zero."""

    def __init__(
        self, service: Service, machines: Mapping[str, Machine], by_vm: Mapping[str, Estimator | None]
    ) -> None:
        self.service = service
        self.machines = machines
        self.by_vm = by_vm
        self.estimators = {one.name: one for one in by_vm.values() if one is not None}
        self.wiring = next((one.wiring for one in self.estimators.values()), None)
        self._extras: dict[tuple[str | int, str], int] = {}
        self._named: list[tuple[str | int, str]] = []

    @classmethod
    def of(
        cls, service: Service, machines: Mapping[str, Machine], estimators: Mapping[str, Estimator]
    ) -> Self:
        """Find the cluster of each VM."""
        by_vm = {
            name: estimators.get((machine.vm.cluster if machine.vm else None) or "")
            for name, machine in machines.items()
        }
        return cls(service, machines, by_vm)

    def down(self, asked: _Asked) -> _Found | None:
        """Give the minutes a year and what causes them; None where it does not work at all."""
        support = service_support(self.service, self.machines, self._carried(asked), asked.needed)
        if support(frozenset()) is None:
            return None
        unavailable = self._unavailable(asked)
        found: dict[int | str, float] = defaultdict(float)
        total = left = 0.0
        at_work = self._at_work(asked)
        cases = [
            (1.0 - math.fsum(at_work.values()), frozenset[int]()),
            *((s, frozenset((h,))) for h, s in at_work.items()),
        ]
        for share, lost in cases:
            tell = self._teller(found, share, "planned" if lost else None)
            down = probability_down(_without(support, lost), unavailable, LEAST, tell)
            total += share * down.probability
            left += share * down.left_out
        waits = self._waits(asked, support, self._teller(found, 1.0, "capacity"))
        minutes = min(1.0, total + waits) * closed.MINUTES_A_YEAR
        return _Found(minutes, left * closed.MINUTES_A_YEAR, dict(found))

    def _teller(self, found: dict[int | str, float], share: float, over_all: str | None) -> Tell:
        """Give what adds each way to be down to all that is down in it."""

        def tell(lost: frozenset[int], chance: float) -> None:
            minutes = share * chance * closed.MINUTES_A_YEAR
            for cause in {*map(self._cause, lost), *((over_all,) if over_all else ())}:
                found[cause] += minutes

        return tell

    def causes(self, found: _Found, needed: Needed) -> Iterator[ServiceCause]:
        """Give what costs most first: components, and what is none."""
        single = self._singles(needed)
        ranked = sorted(found.by_cause.items(), key=lambda one: (-one[1], str(one[0])))
        for cause, minutes in ranked[:CAUSES_SHOWN]:
            if isinstance(cause, str):
                yield ServiceCause(component="", kind=cause, minutes=minutes)
                continue
            assert self.wiring is not None  # noqa: S101 - a component came from it
            component = self.wiring.components[cause]
            yield ServiceCause(
                component=component.name,
                kind=component.kind,
                minutes=minutes,
                single=cause in single,
                restarts=cause in single and not single[cause],
            )

    def _singles(self, needed: Needed) -> dict[int, bool]:
        """Give what alone stops the service, and whether for the whole repair."""
        if self.wiring is None:
            return {}
        wiring = self.wiring
        plain = service_support(self.service, self.machines, lambda one: machine_support(wiring, one), needed)
        found = cuts_by(plain)
        ones = frozenset() if found is None else found.ones
        with_ha = service_support(
            self.service, self.machines, self._carried(_Asked(needed, Rates.of("middle"))), needed
        )
        return {one: with_ha(frozenset((one,))) is None for one in ones}

    # -- what one VM needs

    def _carried(self, asked: _Asked) -> Callable[[Machine], Support]:
        @cache
        def carried(name: str) -> Support:
            machine, estimator = self.machines[name], self.by_vm[name]
            if estimator is None:
                return all_of([])
            wiring = estimator.wiring
            parts = [end_support(wiring, one) for one in machine.ends if not is_unknown(one)]
            protection = asked.protection or self.protection_of(name)
            if machine.host is not None:
                parts.append(self._standing(machine.host, protection, estimator))
            parts += [_needing(self._extra(estimator.name, cause)) for cause in ("common", "human")]
            return all_of(parts)

        return lambda machine: carried(machine.name)

    def protection_of(self, name: str) -> Protection:
        """Give how a VM is protected now; nobody knows of one without a cluster."""
        machine, estimator = self.machines[name], self.by_vm[name]
        if machine.vm is not None and machine.vm.ft != "none":
            return "ft"
        return "ha" if estimator is not None and estimator.ha else "none"

    def _standing(self, host: int, protection: Protection, estimator: Estimator) -> Support:
        """Give what a VM needs of its host: all of it, or, protected, not to be starting again just now."""
        wiring = estimator.wiring
        if protection == "none":
            return host_support(wiring, host)
        fells, around = wiring.cuts(host), estimator.fells.around
        sets = [frozenset((one,)) for one in fells.ones - around]
        sets += [frozenset(pair) for pair in fells.twos if around.isdisjoint(pair)]
        again = {one: self._extra(one, protection) for cut in sets for one in cut}

        def support(lost: frozenset[int]) -> frozenset[int] | None:
            if not around.isdisjoint(lost):
                return None
            used = set(around)
            for cut in sets:
                up = cut - lost
                if up:
                    used.add(min(up))
                elif any(again[one] in lost for one in cut):
                    return None
                else:
                    used |= {again[one] for one in cut}
            return frozenset(used)

        return support

    def _extra(self, of: str | int, what: str) -> int:
        """Give the number of what is no component: a cluster's common cause, the restart after a failure."""
        known = self._extras.get((of, what))
        if known is None:
            known = self._extras[of, what] = -1 - len(self._named)
            self._named.append((of, what))
        return known

    def _cause(self, number: int) -> int | str:
        if number >= 0:
            return number
        of, what = self._named[-1 - number]
        return of if isinstance(of, int) else what

    # -- how likely each is

    def _unavailable(self, asked: _Asked) -> Callable[[int], float]:
        shares = {
            name: {kind: one.share_out(kind, asked.rates) for kind in PROTECTIONS}
            for name, one in self.estimators.items()
        }
        common = {name: one.together_share(asked.rates) for name, one in self.estimators.items()}
        human = (asked.rates.human_minutes or 0.0) / closed.MINUTES_A_YEAR
        share = {kind: max((one[kind] for one in shares.values()), default=0.0) for kind in PROTECTIONS}

        @cache
        def unavailable(number: int) -> float:
            if number >= 0:
                assert self.wiring is not None  # noqa: S101 - a number came from it
                return asked.rates.unavailable(self.wiring.components[number].kind)
            of, what = self._named[-1 - number]
            if what == "common":
                return common[str(of)]
            if what == "human":
                return min(1.0, human)
            return share[what]  # type: ignore[index]  # the rest are protections

        return unavailable

    def _at_work(self, asked: _Asked) -> dict[int, float]:
        """Give the hosts whose VMs are down while they are worked upon, one host after the other."""
        share = asked.rates.planned_h / closed.HOURS_A_YEAR
        hosts = {
            machine.host
            for name, machine in self.machines.items()
            if machine.host is not None
            and self.by_vm[name] is not None
            and (asked.protection or self.protection_of(name)) == "none"
        }
        return {host: min(share, 1.0 / len(hosts)) for host in sorted(hosts)} if share else {}

    def _waits(self, asked: _Asked, counted: Support, tell: Tell) -> float:
        """Give how long too many VMs wait for room, because more hosts are gone than admission carries."""
        return math.fsum(self._waits_in(one, asked, counted, tell) for one in self.estimators.values())

    def _waits_in(self, estimator: Estimator, asked: _Asked, counted: Support, tell: Tell) -> float:
        """Follow every way in which hosts that fail take the service with them, and ask who has room then."""
        wiring, around = estimator.wiring, estimator.fells.around
        exposed = {
            name
            for name, one in self.by_vm.items()
            if one is estimator and (asked.protection or self.protection_of(name)) != "none"
        }
        up_of = {host: host_support(wiring, host) for host in estimator.numbers}
        total: list[float] = []

        def carried(machine: Machine) -> Support:
            return up_of[machine.host] if machine.name in exposed and machine.host in up_of else all_of([])

        def unavailable(number: int) -> float:
            return 0.0 if number in around else asked.rates.unavailable(wiring.components[number].kind)

        def waiting(lost: frozenset[int], chance: float) -> None:
            if counted(lost) is None:  # it is down by its ways too, which is counted already
                return
            gone = {host for host, up in up_of.items() if up(lost) is None}
            felled = {name for name in exposed if self.machines[name].host in gone}
            share = math.fsum(
                likely
                * (
                    1.0
                    - math.prod(
                        self._tier_up(tier, felled, waits, asked.needed) for tier in self.service.tiers
                    )
                )
                for likely, waits in estimator.fells.waits_after(len(gone), asked.rates)
            )
            total.append(chance * share)
            tell(lost, chance * share)

        support = service_support(self.service, self.machines, carried, asked.needed)
        probability_down(support, unavailable, LEAST, waiting)
        return math.fsum(total)

    def _tier_up(self, tier: Tier, waiting: Container[str], waits: float, needed: Needed) -> float:
        """Give the probability that enough VMs of a tier have room, each waiting as likely as any other."""
        serving = [name for name in tier.vms if self.machines[name].serves]
        exposed = sum(name in waiting for name in serving)
        wanted = needed(tier) - (len(serving) - exposed)
        return 1.0 if wanted <= 0 else closed.k_of_n(wanted, exposed, 1.0 - waits)


def _needing(number: int) -> Support:
    alone = frozenset((number,))
    return lambda lost: None if number in lost else alone


def _without(support: Support, gone: frozenset[int]) -> Support:
    if not gone:
        return support

    def without(lost: frozenset[int]) -> frozenset[int] | None:
        used = support(lost | gone)
        return None if used is None else used - gone

    return without
