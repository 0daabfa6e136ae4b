"""What is worth looking at: options that no other beats in every respect at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct


class Scores(Struct, frozen=True, kw_only=True):
    """What an option is judged by, all of them better when smaller; `crowding` is 1 - spare share."""

    cost: float
    crowding: float
    carbon_kg: float
    outage_minutes: float

    def beats(self, other: Scores) -> bool:
        """Whether it is nowhere worse and somewhere better."""
        mine, theirs = self.as_tuple(), other.as_tuple()
        return mine != theirs and all(one <= two for one, two in zip(mine, theirs, strict=True))

    def as_tuple(self) -> tuple[float, float, float, float]:
        """The scores in the order that options are listed by."""
        return (self.cost, self.crowding, self.carbon_kg, self.outage_minutes)


Option = TypeVar("Option")


def pareto(options: Sequence[tuple[Scores, Option]]) -> list[Option]:
    """Keep what nothing beats, the cheapest first; of equal options the first given.

    >>> rows = [(Scores(cost=c, crowding=s, carbon_kg=0, outage_minutes=0), n)
    ...         for c, s, n in ((3, .5, "good"), (4, .6, "beaten"), (5, .2, "roomy"), (3, .5, "twin"))]
    >>> pareto(rows)
    ['good', 'roomy']
    """
    kept: list[tuple[Scores, Option]] = []
    for scores, option in sorted(options, key=lambda pair: pair[0].as_tuple()):
        if not any(one.beats(scores) or one == scores for one, _ in kept):
            kept.append((scores, option))
    return [option for _, option in kept]
