"""Cuts of graphs and of systems with shared fate, against trying every set."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from planner.estate import Estate as PlannerEstate
from planner.estate import EstateError, Feed
from planner.paths import cuts
from planner.paths.cuts import Cuts
from planner.paths.wiring import Wiring, wire

Groups = dict[int, list[tuple[int, ...]]]


class System:
    """A random graph of which vertices need other components: any one of each group."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a shape, no secret
        self.vertices = list(range(chance.randint(3, 8)))
        self.extras = list(range(len(self.vertices), len(self.vertices) + chance.randint(0, 4)))
        edges = [pair for pair in combinations(self.vertices, 2) if chance.random() < 0.45]
        self.beside: dict[int, list[int]] = {vertex: [] for vertex in self.vertices}
        for a, b in edges:
            self.beside[a].append(b)
            self.beside[b].append(a)
        self.groups: Groups = {}
        for place, extra in enumerate(self.extras):
            if place and chance.random() < 0.5:
                self.groups.setdefault(extra, []).append((self.extras[place - 1],))
        for vertex in self.vertices:
            for _ in range(chance.choice((0, 0, 1, 1, 2))):
                if self.extras:
                    size = chance.randint(1, min(2, len(self.extras)))
                    self.groups.setdefault(vertex, []).append(tuple(chance.sample(self.extras, size)))
        self.source, self.target = self.vertices[0], self.vertices[-1]

    def is_up(self, component: int, lost: frozenset[int]) -> bool:
        return component not in lost and all(
            any(self.is_up(one, lost) for one in group) for group in self.groups.get(component, ())
        )

    def works(self, lost: frozenset[int]) -> bool:
        """Say whether the source reaches the target: by plain search, with no code of the planner."""
        up = {vertex for vertex in self.vertices if self.is_up(vertex, lost)}
        seen, waiting = set(), [self.source] if self.source in up else []
        while waiting:
            vertex = waiting.pop()
            if vertex not in seen:
                seen.add(vertex)
                waiting += [other for other in self.beside[vertex] if other in up]
        return self.target in seen

    def breaks(self, component: int) -> Cuts:
        groups = [
            cuts.needing_one([self.breaks(one) for one in group]) for group in self.groups.get(component, ())
        ]
        return cuts.needing_all([cuts.of(component), *groups])

    def by_trying(self) -> Cuts | None:
        if not self.works(frozenset()):
            return None
        every = [*self.vertices, *self.extras]
        ones = frozenset(one for one in every if not self.works(frozenset((one,))))
        rest = [one for one in every if one not in ones]
        twos = frozenset(pair for pair in combinations(rest, 2) if not self.works(frozenset(pair)))
        return Cuts(ones, twos)

    def smallest_by_trying(self) -> int:
        every = [*self.vertices, *self.extras]
        return next(
            size
            for size in range(len(every) + 1)
            if any(not self.works(frozenset(lost)) for lost in combinations(every, size))
        )

    def support(self, lost: frozenset[int]) -> frozenset[int] | None:
        """Give what does the work now: a path, and one of each group that it needs."""
        path = cuts.path_between(
            self.beside, self.source, frozenset((self.target,)), lambda vertex: not self.is_up(vertex, lost)
        )
        if path is None:
            return None
        used: set[int] = set()
        waiting = list(path)
        while waiting:
            component = waiting.pop()
            used.add(component)
            for group in self.groups.get(component, ()):
                waiting.append(next(one for one in group if self.is_up(one, lost)))
        return frozenset(used)


@pytest.mark.parametrize("seed", range(600))
def test_single_points_and_pairs_are_those_found_by_trying_everything(seed: int) -> None:
    system = System(seed)
    found = cuts.cuts_between(system.beside, system.breaks, system.source, frozenset((system.target,)))
    assert found == system.by_trying()


@pytest.mark.parametrize("seed", range(300))
def test_the_smallest_cut_is_as_small_as_trying_everything_finds(seed: int) -> None:
    system = System(seed)
    found = cuts.smallest_cut(system.support, 12)
    assert found is not None
    assert len(found) == system.smallest_by_trying()
    assert not system.works(found)


def test_one_way_less_never_takes_a_single_point_away() -> None:
    chance = random.Random(5)  # noqa: S311 - a shape, no secret
    for _ in range(300):
        ways = [Cuts(frozenset(chance.sample(range(9), chance.randint(1, 5)))) for _ in range(4)]
        whole, fewer = cuts.needing_one(ways), cuts.needing_one(ways[:3])
        assert whole.ones <= fewer.ones
        assert all({a, b} & fewer.ones or (a, b) in fewer.twos for a, b in whole.twos)


def test_no_way_is_no_question() -> None:
    with pytest.raises(ValueError, match="broken already"):
        cuts.needing_one([])


def test_feeds_in_a_ring_are_refused_by_name() -> None:
    ring = PlannerEstate(feeds=(Feed(name="a", upstream=("b",)), Feed(name="b", upstream=("a",))))
    with pytest.raises(EstateError, match="a > b > a feed each other in a ring"):
        wire(ring)


def test_a_chain_of_feeds_without_end_is_refused() -> None:
    feeds = tuple(Feed(name=f"f{n:04}", upstream=(f"f{n + 1:04}",)) for n in range(3000))
    with pytest.raises(EstateError, match="more than 50 behind each other"):
        wire(PlannerEstate(feeds=feeds))


def test_what_is_down_is_what_needs_the_failed() -> None:
    wiring = Wiring()
    host, one, other, feed = (wiring.number("host", n) for n in ("h", "p1", "p2", "f"))
    wiring.needs(host, one, other)
    wiring.needs(one, feed)
    assert wiring.down([feed]) == {feed, one}
    assert wiring.down([feed, other]) == {feed, one, other, host}
