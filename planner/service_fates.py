"""Which services stop when parts fail: each tier counted, with the VMs that go on, restart or stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from planner.estate import Estate
from planner.service import Service, Tier

# How bad the fate of a service is, the worst first.
ServiceWord: TypeAlias = Literal[
    "is-down", "stops", "loses-network", "waits", "restarts", "not-known", "goes-on"
]
HARMLESS: Final = frozenset({"is-down", "restarts", "goes-on"})
_STOPPED: Final = frozenset({"stops", "waits", "restarts"})
Fates: TypeAlias = Mapping[str, str]  # VM -> its fate, where it has one


class TierFate(Struct, frozen=True, kw_only=True):
    """A tier: VMs that served, that go on, that HA starts again; `needed` None: nobody told."""

    name: str
    needed: int | None
    served: int
    going_on: int
    restarting: int


class ServiceFate(Struct, frozen=True, kw_only=True):
    """What becomes of a service.

    `stops`: too few VMs are left, restarted ones among them.  `loses-network`: enough run, too few are seen.
    `waits`: whether enough restart is not known.  `restarts`: it is down until HA has started them.
    `not-known`: nobody told how many VMs a tier needs, and that decides.  `goes-on`: with fewer VMs.
    `is-down`: too few were powered on before anything failed.
    """

    name: str
    fate: ServiceWord
    tiers: tuple[TierFate, ...]

    @property
    def is_harmless(self) -> bool:
        """Whether the failure leaves it running, or back after a restart."""
        return self.fate in HARMLESS


def service_fates(estate: Estate, fates: Fates) -> Iterator[ServiceFate]:
    """Give the fate of every service that a failure touches.

    Args:
        fates: of the VMs, as `planner.blast` tells them.  A VM that the estate lacks goes on: nobody can say.
    """
    serving = {name for service in estate.services for name in service.vms}
    serving -= {vm.name for vm in estate.vms if not vm.is_load}
    for service in estate.services:
        if any(fates.get(name, "loses-reserve") != "loses-reserve" for name in service.vms):
            yield _fate(service, fates, serving)


def _fate(service: Service, fates: Fates, serving: set[str]) -> ServiceFate:
    known = {_worst(service, fates, serving, needed) for needed in (_least, _most)}
    return ServiceFate(
        name=service.name,
        fate=known.pop() if len(known) == 1 else "not-known",
        tiers=tuple(_tier(tier, fates, serving) for tier in service.tiers),
    )


def _least(tier: Tier) -> int:
    return tier.least


def _most(tier: Tier) -> int:
    return tier.most


def _worst(service: Service, fates: Fates, serving: set[str], needed: Callable[[Tier], int]) -> ServiceWord:
    """Count each tier with ever more of its VMs, until it has enough: what the last ones lack is its fate."""
    steps: tuple[tuple[ServiceWord, frozenset[str]], ...] = (
        ("goes-on", frozenset()),
        ("restarts", frozenset({"restarts"})),
        ("waits", frozenset({"restarts", "waits"})),
        ("loses-network", frozenset({"restarts", "waits", "loses-network"})),
        ("stops", frozenset({"restarts", "waits", "loses-network", "stops"})),
    )
    for word, counted in steps:
        if all(_up(tier.vms, fates, serving, counted) >= needed(tier) for tier in service.tiers):
            return word
    return "is-down"


def _up(names: Iterable[str], fates: Fates, serving: set[str], counted: frozenset[str]) -> int:
    lost = (_STOPPED | {"loses-network"}) - counted
    return sum(name in serving and fates.get(name) not in lost for name in names)


def _tier(tier: Tier, fates: Fates, serving: set[str]) -> TierFate:
    return TierFate(
        name=tier.name,
        needed=tier.most if tier.is_known else None,
        served=sum(name in serving for name in tier.vms),
        going_on=_up(tier.vms, fates, serving, frozenset()),
        restarting=sum(name in serving and fates.get(name) == "restarts" for name in tier.vms),
    )
