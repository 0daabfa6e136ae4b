"""What may be asked about one cluster beside its plan."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Asking: TypeAlias = Literal["failures", "balance", "placement"]


class Question(Struct, frozen=True, kw_only=True):
    """One question about one cluster; what a kind does not look at keeps its default.

    `by`: failures and placement.  `double`: failures.  `failures`: balance (0 to 2) and placement.
    `max_moves` and `power_saving`: balance.
    """

    kind: Asking
    cluster: str
    vcpu_per_core: float = 4.0
    by: str = "host"
    double: bool = True
    failures: int = 1
    max_moves: int = 1000
    power_saving: bool = False
