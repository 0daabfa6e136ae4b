"""The probability that a service is down: all its ways cut, whatever they share, exact to a stated rest.

What does the work now is looked for; the service works while all of that does.  Otherwise one of it is down,
and the question is asked again without it.  Branches less likely than a limit are left and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from msgspec import Struct

from planner.paths.cuts import Support

LEAST: Final = 1e-13
# Told of each way to be down: what is lost, and its share of the time; the shares are disjoint.
Tell: TypeAlias = Callable[[frozenset[int], float], None]


class Down(Struct, frozen=True):
    """The probability of being down, and the most that the branches left out can add."""

    probability: float
    left_out: float = 0.0


def probability_down(
    support: Support, unavailable: Callable[[int], float], least: float = LEAST, tell: Tell | None = None
) -> Down:
    """Give the probability that a monotone system of independent components is down.

    Args:
        support: given what is down, the components that do the work, or None where nothing does.
        unavailable: the probability that a component is down.
        least: branches less likely are left out; 0 leaves out none.
        tell: is told of every way to be down; whatever else may be down in it, what is told suffices.

    >>> ways = [frozenset({1, 9}), frozenset({2, 9})]
    >>> def support(lost): return next((way for way in ways if not way & lost), None)
    >>> round(probability_down(support, lambda _: 0.1, 0.0).probability, 12)
    0.109
    """
    down, left_out = _down(support, unavailable, frozenset(), frozenset(), 1.0, least, tell)
    return Down(down, left_out)


def _down(
    support: Support,
    unavailable: Callable[[int], float],
    lost: frozenset[int],
    up: frozenset[int],
    weight: float,
    least: float,
    tell: Tell | None,
) -> tuple[float, float]:
    working = support(lost)
    if working is None:
        if tell is not None:
            tell(lost, weight)
        return weight, 0.0
    if weight < least:
        return 0.0, weight
    total = rest = 0.0
    known_up = set(up)
    for component in sorted(working - up, key=lambda one: (-unavailable(one), one)):
        chance = unavailable(component)
        if chance > 0.0:
            found, left = _down(
                support, unavailable, lost | {component}, frozenset(known_up), weight * chance, least, tell
            )
            total, rest = total + found, rest + left
        weight *= 1.0 - chance
        known_up.add(component)
    return total, rest
