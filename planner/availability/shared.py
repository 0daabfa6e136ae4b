"""What fells hosts: each alone, racks and feeds several at once; and how long VMs wait for room then."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

from planner.availability import closed
from planner.availability.assumed import Rates
from planner.paths.wiring import Wiring

WIDE: Final = frozenset({"site", "room"})
TINY: Final = 1e-300  # failures an hour of what never fails alone


class Fells:
    """The hosts of one cluster and what they need and share.

    `alone_of`: what fells each host by itself; `shared`: what fells several, with the hosts; `around`: the
    rooms and sites around all of them, which are a cause of their own.
    """

    def __init__(self, wiring: Wiring, hosts: Sequence[int], tolerated: int) -> None:
        self.wiring = wiring
        self.hosts = len(hosts)
        self.tolerated = tolerated
        self.around = self._around_all(hosts)
        self.alone_of = {host: wiring.cuts(host).ones - self.around for host in hosts}
        self._pairs_of = {
            host: sorted(pair for pair in wiring.cuts(host).twos if self.around.isdisjoint(pair))
            for host in self.alone_of
        }
        self.shared = self._fells_several()
        self._fells_as_pair = self._pairs_fell()
        self._together_lost = sorted(
            self.shared.keys() | {one for pair in self._fells_as_pair for one in pair} - self.around
        )

    def _around_all(self, hosts: Sequence[int]) -> frozenset[int]:
        """Give what no host leads past: rooms and sites around all of them."""
        places = [self.wiring.places(host) for host in hosts]
        wide = {one for one in frozenset.intersection(*places) if self.wiring.components[one].kind in WIDE}
        return frozenset(wide)

    def _fells_several(self) -> dict[int, frozenset[int]]:
        """Give what several hosts need, a rack or a chassis, and the hosts."""
        found: dict[int, set[int]] = defaultdict(set)
        for host, alone in self.alone_of.items():
            for one in alone:
                found[one].add(host)
        return {one: frozenset(hosts) for one, hosts in sorted(found.items()) if len(hosts) > 1}

    def _pairs_fell(self) -> dict[tuple[int, ...], frozenset[int]]:
        """Give the pairs, such as two feeds, without which several hosts are down."""
        found: dict[tuple[int, ...], set[int]] = defaultdict(set)
        for host, pairs in self._pairs_of.items():
            for pair in pairs:
                found[pair].add(host)
        return {pair: frozenset(hosts) for pair, hosts in sorted(found.items()) if len(hosts) > 1}

    def rate(self, rates: Rates) -> float:
        """Failures an hour of a host: its own, and those of what it needs and has once."""
        total = math.fsum(self.rate_of(one, rates) for alone in self.alone_of.values() for one in alone)
        pairs = (pair for own in self._pairs_of.values() for pair in own)
        total += math.fsum(
            self.rate_of(a, rates) * self._down_of(b, rates)
            + self.rate_of(b, rates) * self._down_of(a, rates)
            for a, b in pairs
        )
        return total / self.hosts

    def _down_of(self, component: int, rates: Rates) -> float:
        return rates.unavailable(self.wiring.components[component].kind)

    def rate_of(self, component: int, rates: Rates) -> float:
        """Failures an hour of one component; none where its kind has no figure."""
        mtbf = rates.mtbf_h.get(self.wiring.components[component].kind)
        return 0.0 if mtbf is None else 1 / mtbf

    def down(self, rates: Rates) -> float:
        """Give the share of time that an average host is down."""
        down = [
            1
            - math.prod(1 - self._down_of(one, rates) for one in alone)
            * math.prod(
                1 - self._down_of(a, rates) * self._down_of(b, rates) for a, b in self._pairs_of[host]
            )
            for host, alone in self.alone_of.items()
        ]
        return math.fsum(down) / len(down)

    def both_a_year(self, rates: Rates) -> float:
        """Count how often a year two hosts of an FT pair fall with what they share, a rack or a chassis."""
        hosts = self.hosts
        pairs = max(1, hosts * (hosts - 1))
        return closed.HOURS_A_YEAR * math.fsum(
            self.rate_of(one, rates) * len(fells) * (len(fells) - 1) / pairs
            for one, fells in self.shared.items()
        ) + closed.HOURS_A_YEAR * math.fsum(
            (
                self.rate_of(a, rates) * self._down_of(b, rates)
                + self.rate_of(b, rates) * self._down_of(a, rates)
            )
            * (len(fells) * (len(fells) - 1) / pairs)
            for (a, b), fells in self._fells_as_pair.items()
        )

    def short(self, rates: Rates) -> float:
        """Give the share of time with more hosts gone than are tolerated."""
        return math.fsum(
            share * math.fsum(self._states(rates, gone)[max(0, self.tolerated + 1 - gone) :])
            for gone, share in self._gone(rates).items()
        )

    def short_alone(self, rates: Rates) -> float:
        """Give the same where hosts fail by themselves and share nothing; so rare a state is sampled too."""
        return math.fsum(self._states(rates, 0)[self.tolerated + 1 :])

    def alone_h(self, rates: Rates) -> float:
        """Give the mean hours between failures of a host that fails by itself."""
        return 1 / self._alone(rates)

    def _states(self, rates: Rates, gone: int) -> tuple[float, ...]:
        """Give how likely it is that 0, 1, 2 ... fail by themselves of the hosts that are left."""
        hosts = self.hosts - gone
        return closed.states(hosts, 1 / self._alone(rates), rates.mttr_h, rates.crews or max(1, hosts))

    def _alone(self, rates: Rates) -> float:
        """Failures an hour of a host with what nobody shares with it."""
        own = math.fsum(
            self.rate_of(one, rates)
            for alone in self.alone_of.values()
            for one in alone
            if one not in self.shared
        )
        return own / self.hosts * (1 - (rates.beta or 0.0)) or TINY

    def _gone(self, rates: Rates, perfect: int | None = None) -> Mapping[int, float]:
        """Give how likely it is that so many hosts are gone with racks, chassis, sites, feeds.

        Up to two of these down at once; more are rarer than any figure here is sure.
        """
        down = {
            one: rates.unavailable(self.wiring.components[one].kind)
            for one in self._together_lost
            if one != perfect
        }
        up = math.prod(1 - chance for chance in down.values())
        found: dict[int, float] = defaultdict(float)
        odds = {one: chance / (1 - chance) for one, chance in down.items() if 0 < chance < 1}
        for lost in (*((one,) for one in odds), *combinations(odds, 2)):
            fells = frozenset().union(*(self.shared.get(one, frozenset()) for one in lost))
            fells |= self._fells_as_pair.get(lost, frozenset())
            found[len(fells)] += up * math.prod(odds[one] for one in lost)
        found[0] = 1.0 - math.fsum(share for gone, share in found.items() if gone)
        return found

    def waiting(self, rates: Rates, perfect: int | None = None) -> float:
        """Give the share of time that an average VM waits: more hosts are gone than admission carries.

        While a host is down for work, one failure less is carried.  A `perfect` component never fails.
        """
        at_work = min(1.0, self.hosts * rates.planned_h / closed.HOURS_A_YEAR)
        total = 0.0
        for gone, share in self._gone(rates, perfect).items():
            states = self._states(rates, gone)
            plainly = _waiting(states, gone, self.tolerated, self.hosts)
            meanwhile = _waiting(states, gone, max(0, self.tolerated - 1), self.hosts)
            total += share * ((1 - at_work) * plainly + at_work * meanwhile)
        return total

    def waits_after(self, gone: int, rates: Rates) -> Iterator[tuple[float, float]]:
        """Give what may be when so many hosts are gone: how likely it is, and who of their VMs then waits.

        Others may have failed by themselves too, or one be at work; room is given to whoever asks, so that
        of the VMs whose hosts are gone each waits as likely as any other.
        """
        at_work = min(1.0, self.hosts * rates.planned_h / closed.HOURS_A_YEAR)
        for failed, likely in enumerate(self._states(rates, gone)):
            down = failed + gone
            for weight, carried in ((1 - at_work, self.tolerated), (at_work, max(0, self.tolerated - 1))):
                if down > carried:
                    of_all = (down - carried) / (self.hosts - carried)
                    yield likely * weight, min(1.0, of_all * self.hosts / down)


def _waiting(states: Sequence[float], gone: int, tolerated: int, hosts: int) -> float:
    """Give the share of time that an average VM waits for room, so many hosts being gone already."""
    return math.fsum(
        share * (failed + gone - tolerated) / (hosts - tolerated)
        for failed, share in enumerate(states)
        if failed + gone > tolerated
    )
