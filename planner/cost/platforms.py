"""The platforms that are compared, their editions, and which edition the features in use call for."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from planner.cost.book import Prices
from planner.cost.features import LACKS, Feature, Use
from planner.sentence import Sentence, Value

Metric: TypeAlias = Literal["vmware-core", "socket", "host", "core", "openshift-pair", "windows", "none"]
PlatformKey: TypeAlias = Literal["vmware", "hyperv", "proxmox", "xcpng", "openshift", "nutanix", "kvm"]

_BASIC: Final[frozenset[Feature]] = frozenset({"ha", "live-migration"})
_BALANCED: Final[frozenset[Feature]] = _BASIC | {"drs"}


class Edition(Struct, frozen=True, kw_only=True):
    """One thing that can be ordered: how it is counted, its card, what it can do.

    `card` None: nothing is paid for it.  `until` is the last day it was reported to be sold.
    """

    key: str
    name: str
    metric: Metric
    card: str | None
    features: frozenset[Feature]
    until: str = ""


class Platform(Struct, frozen=True, kw_only=True):
    """A hypervisor with its editions, the smallest first."""

    key: PlatformKey
    name: str
    editions: tuple[Edition, ...]
    management_card: str | None = None
    source: str = ""


class Choice(Struct, frozen=True, kw_only=True):
    """The edition to order, None where the platform cannot do what is needed; and why."""

    platform: Platform
    edition: Edition | None
    why: tuple[Sentence, ...]


_VMWARE: Final = (
    "VMware edition comparison: DRS, distributed switches and FT with 8 vCPUs from Enterprise Plus"
)
_DISTRIBUTED: Final[frozenset[Feature]] = _BALANCED | {"distributed-switch", "storage-drs", "ft-2", "ft-8"}

PLATFORMS: Final[dict[str, Platform]] = {
    platform.key: platform
    for platform in (
        Platform(
            key="vmware",
            name="VMware vSphere",
            source=_VMWARE,
            editions=(
                Edition(
                    key="vvs", name="vSphere Standard", metric="vmware-core", card="vvs_core_year",
                    features=_BASIC | {"ft-2"}, until="2025-07-31",
                ),
                Edition(
                    key="vvep", name="vSphere Enterprise Plus", metric="vmware-core", card="vvep_core_year",
                    features=_DISTRIBUTED,
                ),
                Edition(
                    key="vvf", name="vSphere Foundation", metric="vmware-core", card="vvf_core_year",
                    features=_DISTRIBUTED | {"vsan"},
                ),
                Edition(
                    key="vcf", name="Cloud Foundation", metric="vmware-core", card="vcf_core_year",
                    features=_DISTRIBUTED | {"vsan"},
                ),
            ),
        ),
        Platform(
            key="hyperv",
            name="Microsoft Hyper-V",
            management_card="hyperv_management_core_year",
            editions=(
                Edition(
                    key="hyperv", name="Windows Server", metric="windows", card=None,
                    features=_BALANCED | {"vsan", "distributed-switch"},
                ),
            ),
        ),
        Platform(
            key="proxmox",
            name="Proxmox VE",
            editions=tuple(
                Edition(
                    key=f"proxmox-{level.lower()}", name=level, metric="socket",
                    card=f"proxmox_{level.lower()}_year",
                    features=_BALANCED | {"vsan", "distributed-switch"},
                )
                for level in ("Standard", "Community", "Basic", "Premium")
            ),
        ),
        Platform(
            key="xcpng",
            name="XCP-ng",
            editions=(
                Edition(
                    key="xcpng-pro", name="Vates Pro", metric="host", card="xcpng_host_year",
                    features=_BALANCED | {"vsan", "distributed-switch"},
                ),
            ),
        ),
        Platform(
            key="openshift",
            name="OpenShift Virtualization",
            editions=(
                Edition(
                    key="openshift-ve", name="Virtualization Engine", metric="openshift-pair",
                    card="openshift_pair_year", features=_BALANCED | {"distributed-switch"},
                ),
            ),
        ),
        Platform(
            key="nutanix",
            name="Nutanix AHV",
            editions=(
                Edition(
                    key="nci-pro", name="NCI Pro", metric="core", card="nutanix_core_year",
                    features=_BALANCED | {"vsan", "distributed-switch"},
                ),
            ),
        ),
        Platform(
            key="kvm",
            name="KVM without subscription",
            editions=(
                Edition(key="kvm", name="no subscription", metric="none", card=None, features=_BASIC),
            ),
        ),
    )
}  # fmt: skip


def choose(
    platform: Platform,
    needed: Sequence[Use],
    prices: Prices,
    day: str | None = None,
    wanted: str | None = None,
) -> Choice:
    """Choose the cheapest edition that does all that is needed; the one asked for, where one is.

    Editions whose price is a range are compared by its middle; one without a price comes last.  An
    edition of one platform that only differs by support (Proxmox VE) is not chosen by price: the first
    of its list stands until another is asked for.

    Returns:
        The choice with its reasons; no edition where the platform lacks something, which the reasons
        name.
    """
    why: list[Sentence] = []
    able: list[Edition] = []
    seen: list[Edition] = []
    for edition in platform.editions:
        missing = [use for use in needed if use.feature not in edition.features]
        over = bool(edition.until) and (day is None or day > edition.until)
        if missing:
            told = any(other.features == edition.features for other in seen)
            why += [] if told else [_lacks(platform, edition, use) for use in missing]
        elif over and edition.key != wanted:
            why.append(_ended(edition))
        else:
            able.append(edition)
        seen.append(edition)
    if wanted is not None:
        able = [edition for edition in able if edition.key == wanted]
    if not able:
        return Choice(platform=platform, edition=None, why=tuple(why))
    chosen = min(able, key=lambda edition: _cost_order(edition, prices, platform))
    return Choice(platform=platform, edition=chosen, why=(*why, *_reasons(chosen, able, needed, wanted)))


def _cost_order(edition: Edition, prices: Prices, platform: Platform) -> tuple[bool, Decimal, int]:
    place = platform.editions.index(edition)
    same = len({one.features for one in platform.editions}) == 1
    span = prices.span(edition.card) if edition.card else None
    if edition.card is None or same:
        return False, Decimal(0), place
    return span is None, span.middle if span else Decimal(0), place


def _lacks(platform: Platform, edition: Edition, use: Use) -> Sentence:
    named = f"{platform.name} ({edition.name})"
    return Sentence(LACKS[use.feature].template, {"edition": named, "where": use.where})


def _ended(edition: Edition) -> Sentence:
    said = {"edition": edition.name, "day": edition.until}
    return Sentence("{edition} is reported to be sold no longer since {day}", {**said})


def _reasons(
    chosen: Edition, able: Sequence[Edition], needed: Sequence[Use], wanted: str | None
) -> list[Sentence]:
    if wanted is not None:
        return [Sentence("{edition} was asked for", {"edition": chosen.name})]
    others = ", ".join(edition.name for edition in able if edition is not chosen)
    if not needed:
        return [
            Sentence("{edition}: the export shows no feature in use that decides", {"edition": chosen.name})
        ]
    if not others:
        return [Sentence("{edition} alone has all features in use", {"edition": chosen.name})]
    said: dict[str, Value] = {"edition": chosen.name, "others": others}
    return [Sentence("{edition} has all features in use, as have: {others}", said)]
