"""What is assumed of lives, repairs, restarts and people: the catalogue's ranges, or the asker's own."""

from __future__ import annotations

import math
from typing import Annotated, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta, Struct

from planner.catalogue import reliability

Case: TypeAlias = Literal["worst", "middle", "best"]
CASES: Final[tuple[Case, ...]] = get_args(Case)
Hours: TypeAlias = Annotated[float, Meta(gt=0, le=1e9)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=1e7)]
# Kinds that live and die without a figure of their own: told, and never taken for safe.
COUNTED_ELSEWHERE: Final = frozenset({"lun", "datastore", "clients", "raid-group"})


class AssumptionError(ValueError):
    """An assumption out of its bounds."""


class Assumptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the asker knows better; None: the range of the catalogue, or, where there is none, not known.

    `crews` repair hosts, None: one for every host.  `beta`: the share of host failures that take every host
    at once.  `human_errors_a_year` of `human_minutes_each`: mistakes that stop an average VM.
    """

    mtbf_h: dict[str, Hours] = {}
    mttr_h: Hours | None = None
    crews: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    beta: Annotated[float, Meta(ge=0, le=1)] | None = None
    restart_s: Seconds | None = None
    boot_s: Seconds | None = None
    planned_h: Annotated[float, Meta(ge=0, le=8760)] | None = None
    human_errors_a_year: Annotated[float, Meta(ge=0, le=10_000)] | None = None
    human_minutes_each: Annotated[float, Meta(ge=0, le=525_600)] | None = None
    life_shape: Annotated[float, Meta(ge=0.3, le=10)] | None = None
    repair_sigma: Annotated[float, Meta(ge=0, le=3)] | None = None


CATALOGUE: Final = Assumptions()


def assumptions_of(values: object) -> Assumptions:
    """Read assumptions as JSON gives them.

    Raises:
        AssumptionError: a value out of its bounds, a name that is none, a kind without a life.
    """
    try:
        found = msgspec.convert(values, Assumptions)
    except msgspec.ValidationError as error:
        raise AssumptionError(str(error)) from error
    strange = sorted(set(found.mtbf_h) - set(reliability.MTBF_H))
    if strange:
        raise AssumptionError(f"mtbf_h: there is no kind of component {strange[0]!r}")
    return found


class Rates(Struct, frozen=True, kw_only=True):
    """Failure and repair of every kind of part; `planned_h` and `human_minutes` are a year's."""

    mtbf_h: dict[str, float]
    mttr_h: float
    site_mttr_h: float = float(reliability.SITE_MTTR_H.value)
    restart_s: float = float(reliability.RESTART_S.value)
    boot_s: float = float(reliability.BOOT_S.value)
    turn_s: float = float(reliability.TURN_S.value)
    batch: int = int(reliability.BATCH.value)
    ft_switch_s: float = float(reliability.FT_SWITCH_S.value)
    reprotect_h: float = float(reliability.REPROTECT_H.value)
    planned_h: float = float(reliability.PLANNED_H.value)
    life_shape: float = float(reliability.LIFE_SHAPE.value)
    repair_sigma: float = float(reliability.REPAIR_SIGMA.value)
    crews: int | None = None
    beta: float | None = None
    human_errors_a_year: float | None = None
    human_minutes_each: float | None = None

    @classmethod
    def of(cls, case: Case, assumed: Assumptions = CATALOGUE) -> Rates:
        """Take the worst, the best or the geometric middle of what is published, and what is assumed."""

        def pick(low: float, high: float) -> float:
            return {"worst": low, "best": high, "middle": math.sqrt(low * high)}[case]

        repair = reliability.MTTR_H
        lives = {kind: pick(float(row.low), float(row.high)) for kind, row in reliability.MTBF_H.items()}
        own = {
            name: value
            for name in Assumptions.__struct_fields__
            if name != "mtbf_h" and (value := getattr(assumed, name)) is not None
        }
        mttr = own.pop("mttr_h", pick(float(repair.high), float(repair.low)))
        return cls(mtbf_h={**lives, **assumed.mtbf_h}, mttr_h=mttr, **own)

    @property
    def human_minutes(self) -> float | None:
        """Minutes a year that mistakes take; None where nobody told how many, or how long."""
        if self.human_errors_a_year is None or self.human_minutes_each is None:
            return None
        return self.human_errors_a_year * self.human_minutes_each

    def mttr_of(self, kind: str) -> float:
        """Give the mean hours of a repair."""
        return self.site_mttr_h if kind == "site" else self.mttr_h

    def unavailable(self, kind: str) -> float:
        """Give the share of time that a part of a kind is down; a kind without a figure never is."""
        mtbf = self.mtbf_h.get(kind)
        if mtbf is None:
            return 0.0
        repair = self.mttr_of(kind)
        return repair / (mtbf + repair)
