"""What may be asked about one cluster beside its plan."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from planner.availability.assumed import CATALOGUE, Assumptions
from planner.resilience.balance import LEAST_GAIN

YEARS_MOST: Final = 100_000_000
Asking: TypeAlias = Literal["failures", "balance", "placement"]


class Question(Struct, frozen=True, kw_only=True):
    """One question about one cluster; what a kind does not look at keeps its default.

    `by`: failures and placement.  `double`: failures.  `failures`: balance (0 to 2) and placement.
    `max_moves`, `min_gain`, `continuous`, `hold` (names of VMs that stay, one a line) and `power_saving`:
    balance.
    """

    kind: Asking
    cluster: str
    vcpu_per_core: float = 4.0
    by: str = "host"
    double: bool = True
    failures: int = 1
    max_moves: int = 1000
    power_saving: bool = False
    min_gain: float = LEAST_GAIN
    continuous: bool = False
    hold: str = ""

    @property
    def held(self) -> frozenset[str]:
        """The VMs that stay where they are."""
        return frozenset(name for line in self.hold.splitlines() if (name := line.strip()))


class YearsAsked(Struct, frozen=True, kw_only=True):
    """How an availability is worked out: the years that are played, their chance, what is assumed."""

    years: Annotated[float, Meta(ge=0, le=YEARS_MOST)] = 10_000.0
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 1
    assumed: Assumptions = CATALOGUE
