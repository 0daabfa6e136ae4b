"""What the overview needs of a large answer, kept beside it: a page of twelve estates reads no bills."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from cluster.bills import design_name
from planner.cost.answer import Answer, Shown
from planner.paths.report import PathsReport

FIRST_KEPT: Final = 3


class RedundancyTally(Struct, frozen=True, kw_only=True):
    """How much is single, and what of it cuts off most; `unknown` counts services nobody told enough of."""

    points: int
    unknown: int
    first: tuple[tuple[str, str], ...] = ()


class DesignSum(Struct, frozen=True, kw_only=True):
    """What names a design, and its total by what is known."""

    key: str
    platform: str
    name: str
    low: str
    high: str

    @property
    def shown_name(self) -> str:
        """What the design is called, in the reader's language."""
        return design_name(self.key, self.platform, self.name)


class CostTally(Struct, frozen=True, kw_only=True):
    """What the first design of a comparison costs, and the cheapest where that is another."""

    designs: tuple[DesignSum, ...]
    currency: str
    years: int
    missing: int


def of_redundancy(paths: PathsReport) -> dict[str, Any]:
    """What is kept beside an examination."""
    worst = sorted(paths.single_points, key=lambda point: (-len(point.cuts), point.kind, point.component))
    first = tuple((point.kind, point.component) for point in worst[:FIRST_KEPT])
    tally = RedundancyTally(points=len(worst), unknown=len(paths.unknown), first=first)
    kept: dict[str, Any] = msgspec.to_builtins(tally)
    return kept


def of_cost(answer: Answer) -> dict[str, Any]:
    """What is kept beside a comparison; levels of protection are not what an estate costs, so nothing."""
    if not answer.designs or answer.levels:
        return {}
    able = [shown for shown in answer.designs if not shown.short] or answer.designs
    best = min(able, key=lambda shown: shown.bill.total.present.middle)
    told = [answer.designs[0], *([best] if best is not answer.designs[0] else [])]
    assumptions = answer.asked.assumptions
    tally = CostTally(
        designs=tuple(map(_sum, told)),
        currency=assumptions.currency,
        years=assumptions.years,
        missing=len(answer.missing),
    )
    kept: dict[str, Any] = msgspec.to_builtins(tally)
    return kept


def _sum(shown: Shown) -> DesignSum:
    design, amount = shown.bill.design, shown.bill.total.amount
    return DesignSum(
        key=design.key,
        platform=design.choice.platform.name,
        name=design.name,
        low=str(round(amount.low)),
        high=str(round(amount.high)),
    )
