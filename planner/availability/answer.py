"""What is told of the availability of a cluster, and of a service."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from planner.availability import closed
from planner.availability.assumed import CATALOGUE, Assumptions
from planner.availability.simulated import Cluster as Simulated
from planner.availability.simulated import Estimate, Played
from planner.sentence import Sentence

Protection: TypeAlias = Literal["none", "ha", "ft"]
PROTECTIONS: Final[tuple[Protection, ...]] = ("none", "ha", "ft")

LABELS: Final[dict[str, Sentence]] = {
    "host": Sentence("Host failures"),
    "common": Sentence("Failures that take all hosts at once"),
    "capacity": Sentence("More hosts failed than are tolerated"),
    "storage": Sentence("Paths to storage"),
    "vm": Sentence("Paths to the clients"),
    "array": Sentence("The array itself, site and rooms"),
    "planned": Sentence("Planned work on hosts"),
    "human": Sentence("Human error"),
}


class Cause(Struct, frozen=True, kw_only=True):
    """What one cause takes from a VM in a year; None: not known."""

    id: str
    label: Sentence
    minutes: dict[str, float | None]


class Saving(Struct, frozen=True, kw_only=True):
    """What a VM would have more in a year if one component never failed.

    `single`: alone it cuts somebody off.  `shared`: it fells several hosts at once, which HA restarts.
    """

    component: str
    kind: str
    minutes: float
    single: bool
    shared: bool = False


class Swing(Struct, frozen=True, kw_only=True):
    """What one figure does alone, from its worst to its best, with HA; the others stay in the middle."""

    key: str
    low: float
    high: float
    unit: str
    worst_minutes: float
    best_minutes: float


class VmAvailability(Struct, frozen=True, kw_only=True):
    """One VM, as it is protected now."""

    name: str
    protection: Protection
    minutes: float
    availability: float
    complete: bool


class PartsPlayed(Struct, frozen=True, kw_only=True):
    """Every component of a cluster lived and died: minutes a year of an average VM, by cause and in all.

    `quantiles` are of single years: half, 95 % and 99 % of them stay below.
    """

    years: float
    failures: int
    minutes: dict[str, dict[str, Estimate]]
    total: dict[str, Estimate]
    quantiles: dict[str, dict[str, float]]


class ClusterAvailability(Struct, frozen=True, kw_only=True):
    """A cluster: what an average VM loses a year, by cause, with each protection.

    `short`: the share of time with more hosts gone than are tolerated; `short_alone`: where hosts fail by
    themselves, and the same by importance sampling.
    """

    name: str
    hosts: int
    tolerated: int
    causes: tuple[Cause, ...]
    minutes: dict[str, float]
    worst_minutes: dict[str, float]
    best_minutes: dict[str, float]
    unknown: tuple[str, ...]
    savings: tuple[Saving, ...]
    vms: tuple[VmAvailability, ...]
    played: Played | None = None
    assumed: Assumptions = CATALOGUE
    swings: tuple[Swing, ...] = ()
    parts_played: PartsPlayed | None = None
    short: float = 0.0
    short_alone: float = 0.0
    short_sampled: Estimate | None = None
    simulated: Simulated | None = None

    def availability(self, protection: Protection) -> float:
        """The share of time that an average VM is there."""
        return 1.0 - self.minutes[protection] / closed.MINUTES_A_YEAR


class ServiceCause(Struct, frozen=True, kw_only=True):
    """What a service would have more in a year if one component never failed.

    `single`: its loss alone stops the service where its VMs stand now; `restarts`: until HA has started
    them elsewhere.  `kind` is that of the component, or `common`, `human`, `capacity`, `planned`.
    """

    component: str
    kind: str
    minutes: float
    single: bool = False
    restarts: bool = False


class TierTold(Struct, frozen=True, kw_only=True):
    """A tier: how many of its VMs have to serve (None: nobody told), how many there are and serve."""

    name: str
    needed: int | None
    vms: int
    serving: int


class ServicePlayed(Struct, frozen=True, kw_only=True):
    """What a service lost in years that were played; half, 95 % and 99 % of them stay below `quantiles`."""

    years: float
    failures: int
    minutes: Estimate
    quantiles: dict[str, float]


class ServiceAvailability(Struct, frozen=True, kw_only=True):
    """Minutes a year that a service is down, as its VMs are protected now.

    `minutes` None: nobody told how many VMs it takes, or too few serve; `least` where one of each tier is
    enough, `most` where it takes all.  `protections`: all VMs protected alike, at `most`.  `unknown`: what
    nobody told of VMs, which takes nothing down here, so that the minutes are at least so many.
    """

    name: str
    tiers: tuple[TierTold, ...]
    is_down: bool
    minutes: float | None
    least: float | None
    most: float | None
    worst: float | None
    best: float | None
    protections: dict[str, float | None]
    unknown: tuple[tuple[str, str], ...]
    causes: tuple[ServiceCause, ...] = ()
    played: ServicePlayed | None = None
    left_out: float = 0.0  # minutes that branches too unlikely to follow can add

    @property
    def availability(self) -> float | None:
        """The share of time that the service is there; None: not known."""
        return None if self.minutes is None else 1.0 - self.minutes / closed.MINUTES_A_YEAR
