"""What may be asked about one cluster beside its plan."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from planner.availability.assumed import CATALOGUE, Assumptions

YEARS_MOST: Final = 100_000_000
Asking: TypeAlias = Literal["failures", "balance", "placement"]


class Question(Struct, frozen=True, kw_only=True):
    """One question about one cluster; what a kind does not look at keeps its default.

    `by` and `double`: failures.  `failures`: balance (0 to 2) and placement.  `max_moves` and
    `power_saving`: balance.
    """

    kind: Asking
    cluster: str
    vcpu_per_core: float = 4.0
    by: str = "host"
    double: bool = True
    failures: int = 1
    max_moves: int = 1000
    power_saving: bool = False


class YearsAsked(Struct, frozen=True, kw_only=True):
    """How an availability is worked out: the years that are played, their chance, what is assumed."""

    years: Annotated[float, Meta(ge=0, le=YEARS_MOST)] = 10_000.0
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 1
    assumed: Assumptions = CATALOGUE
