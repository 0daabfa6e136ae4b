"""What breaks a thing: the single components and the pairs, minimal, exact up to order two.

A thing that needs all of its parts breaks with any of them (`needing_all`); a thing that needs one of its
ways breaks when all of them do (`needing_one`).  Both take the minimal cut sets of the parts and give those
of the whole, so that any nesting of them is exact; larger cuts are dropped, for none of them ever becomes
smaller again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

Couple: TypeAlias = tuple[int, int]  # two components, the lower number first
# Given what failed: the components that still do the work, or None where it is not done any more.
Support: TypeAlias = Callable[[frozenset[int]], frozenset[int] | None]


class Cuts(Struct, frozen=True):
    """The minimal cut sets of order one and two."""

    ones: frozenset[int] = frozenset()
    twos: frozenset[Couple] = frozenset()


NEVER: Final = Cuts()


def couple(a: int, b: int) -> Couple:
    """Name two components in one way."""
    return (a, b) if a < b else (b, a)


def of(component: int) -> Cuts:
    """Give the cuts of a component that needs nothing but itself."""
    return Cuts(frozenset((component,)))


def needing_all(parts: Iterable[Cuts]) -> Cuts:
    """Give the cuts of what breaks with any of its parts.

    >>> needing_all([of(1), needing_one([of(2), of(3)])])
    Cuts(ones=frozenset({1}), twos=frozenset({(2, 3)}))
    """
    ones: set[int] = set()
    twos: set[Couple] = set()
    for part in parts:
        ones |= part.ones
        twos |= part.twos
    return _minimal(ones, twos)


def needing_one(ways: Sequence[Cuts]) -> Cuts:
    """Give the cuts of what breaks when all of its ways do.

    Whatever breaks the whole breaks the first way: so each of its cuts is tried on the others.

    Raises:
        ValueError: no way at all; that is broken already.

    >>> needing_one([needing_all([of(1), of(9)]), needing_all([of(2), of(9)])])
    Cuts(ones=frozenset({9}), twos=frozenset({(1, 2)}))
    """
    if not ways:
        raise ValueError("no way: it is broken already")
    first, *others = ways
    if not others:
        return first
    ones = first.ones.intersection(*(way.ones for way in others))
    twos = {pair for pair in first.twos if all(_breaks(pair, way) for way in others)}
    for component in first.ones - ones:
        twos |= {couple(component, partner) for partner in _partners(component, others)}
    return _minimal(ones, twos)


def _breaks(pair: Couple, way: Cuts) -> bool:
    return pair[0] in way.ones or pair[1] in way.ones or pair in way.twos


def _partners(component: int, ways: Iterable[Cuts]) -> frozenset[int]:
    """Give what breaks, together with the component, every way that it does not break alone."""
    found: frozenset[int] | None = None
    for way in ways:
        if component in way.ones:
            continue
        with_it = {a + b - component for a, b in way.twos if component in (a, b)}
        found = way.ones | with_it if found is None else found & (way.ones | with_it)
        if not found:
            break
    return found or frozenset()


def _minimal(ones: Collection[int], twos: Iterable[Couple]) -> Cuts:
    alone = frozenset(ones)
    return Cuts(alone, frozenset(pair for pair in twos if pair[0] not in alone and pair[1] not in alone))


def cuts_between(
    neighbours: Mapping[int, Sequence[int]],
    breaks: Callable[[int], Cuts],
    source: int,
    targets: frozenset[int],
) -> Cuts | None:
    """Give the cuts that part a source from all targets in a graph; None: they are apart already.

    Whatever parts them breaks some vertex of any one path; what then remains is tried again.  Source and
    target count, for they can fail too.

    Args:
        neighbours: the vertices beside each vertex.
        breaks: the cuts of each vertex itself.
    """
    path = path_between(neighbours, source, targets, lambda _: False)
    if path is None:
        return None
    on_path = needing_all(breaks(vertex) for vertex in path)
    ones: set[int] = set()
    twos: set[Couple] = set()
    for component in on_path.ones:
        other = path_between(neighbours, source, targets, lambda v, c=component: c in breaks(v).ones)  # type: ignore[misc]
        if other is None:
            ones.add(component)
            continue
        partners = set().union(*(breaks(vertex).ones for vertex in other))
        partners |= {a + b - component for v in other for a, b in breaks(v).twos if component in (a, b)}
        twos |= {
            couple(component, partner)
            for partner in partners - {component}
            if not _joined(neighbours, breaks, source, targets, couple(component, partner))
        }
    twos |= {pair for pair in on_path.twos if not _joined(neighbours, breaks, source, targets, pair)}
    return _minimal(ones, twos)


def _joined(
    neighbours: Mapping[int, Sequence[int]],
    breaks: Callable[[int], Cuts],
    source: int,
    targets: frozenset[int],
    pair: Couple,
) -> bool:
    return path_between(neighbours, source, targets, lambda vertex: _breaks(pair, breaks(vertex))) is not None


def path_between(
    neighbours: Mapping[int, Sequence[int]],
    source: int,
    targets: frozenset[int],
    is_down: Callable[[int], bool],
) -> list[int] | None:
    """Find a shortest path through vertices that are up."""
    if is_down(source):
        return None
    before: dict[int, int] = {source: source}
    reached = [source]
    for vertex in reached:
        if vertex in targets:
            path = [vertex]
            while path[-1] != source:
                path.append(before[path[-1]])
            return path
        for other in neighbours.get(vertex, ()):
            if other not in before and not is_down(other):
                before[other] = vertex
                reached.append(other)
    return None


def smallest_cut(support: Support, most: int) -> frozenset[int] | None:
    """Give a smallest set of components whose loss stops the work; None where it takes more than `most`.

    A set that stops the work holds a component of whatever does the work now, so only those are tried, one
    after the other and then deeper: exact for any monotone system, shared fate and all.

    >>> two_ways = [frozenset({1, 9}), frozenset({2, 8})]
    >>> sorted(smallest_cut(lambda lost: next((w for w in two_ways if not w & lost), None), 4))
    [1, 2]
    """
    for size in range(most + 1):
        found = _cut_within(support, frozenset(), size, set())
        if found is not None:
            return found
    return None


def _cut_within(
    support: Support, lost: frozenset[int], left: int, seen: set[frozenset[int]]
) -> frozenset[int] | None:
    working = support(lost)
    if working is None:
        return lost
    if not left or lost in seen:
        return None
    seen.add(lost)
    for component in sorted(working):
        found = _cut_within(support, lost | {component}, left - 1, seen)
        if found is not None:
            return found
    return None
