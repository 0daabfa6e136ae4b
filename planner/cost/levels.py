"""What each level of protection costs and leaves: none, HA, one host more, crossed, a second array, FT."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from planner.consolidation import Members
from planner.cost.assumptions import Assumptions, Protection
from planner.cost.bill import Bill
from planner.cost.book import Prices
from planner.cost.items_running import outage_cards, outage_hours_vm
from planner.cost.outage import Outage, outage
from planner.cost.study import Question, chosen_clusters, study
from planner.estate import Estate
from planner.paths.designs import lay
from planner.sentence import Sentence
from planner.units import HOURS_PER_YEAR

LevelKey: TypeAlias = Literal["none", "ha", "ha-more", "crossed", "second-array", "ft"]
FT_VCPUS_MAX: Final = 8  # vSphere 8.0 GUID-57929CF0
MINUTES_PER_YEAR: Final = HOURS_PER_YEAR * 60


class Level(Struct, frozen=True, kw_only=True):
    """What one level of protection costs and what it leaves.

    `minutes_vm_year` are by failures of hosts alone, from the price book's rates; `all_minutes` by every
    cause that the estate records, from the availability model (None: no host is recorded).  `nines` are
    those of `all_minutes`, or of the other where that is None; None: no outage is expected.
    `unknown` causes are not in them.  `cost_per_nine` is what each further nine costs against no
    protection; None: nothing is gained, or other causes are known of the two.
    """

    key: LevelKey
    protection: Protection
    bill: Bill | None
    minutes_vm_year: Decimal | None
    all_minutes: float | None
    nines: float | None
    remarks: tuple[Sentence, ...]
    cost_per_nine: Decimal | None = None
    unknown: tuple[str, ...] = ()


def levels(estate: Estate, question: Question, assumptions: Assumptions, prices: Prices) -> tuple[Level, ...]:
    """Price the same estate unprotected, with HA, with one host more, and with FT for all that may have it.

    Without protection no spare host is counted.  FT needs a second copy of each VM, its vCPUs and memory
    in full, on another host, and 10 Gbit/s between them; VMs above 8 vCPUs cannot have it and stay on HA.
    Where the network is counted, every level but the last ones has a single one and `crossed` doubles it;
    where storage is counted, `second-array` doubles that on top.
    """
    single = replace(assumptions, networks=1) if assumptions.buy_network else assumptions
    more = assumptions.failures + 1
    asked: list[tuple[LevelKey, Assumptions]] = [
        ("none", replace(single, protection="none", failures=0)),
        ("ha", replace(single, protection="ha")),
        ("ha-more", replace(single, protection="ha", failures=more)),
    ]
    if assumptions.buy_network:
        asked.append(("crossed", replace(assumptions, protection="ha", networks=2)))
    if assumptions.buy_storage:
        asked.append(("second-array", replace(assumptions, protection="ha", networks=2, arrays=2)))
    asked.append(("ft", replace(assumptions, protection="ft")))
    found = [_level(key, estate, question, assumed, prices) for key, assumed in asked]
    return tuple(_with_cost_per_nine(level, found[0]) for level in found)


def _level(key: LevelKey, estate: Estate, question: Question, assumed: Assumptions, prices: Prices) -> Level:
    platform = question.platforms[0]
    protected, remarks = fault_tolerant(estate) if assumed.protection == "ft" else (estate, ())
    priced = study(protected, question, assumed, prices)
    one = priced.bill(platform)
    minutes = minutes_vm_year(assumed, prices)
    clusters = chosen_clusters(protected, question.cluster)
    every = _every_cause(key, protected, clusters, assumed, prices)
    counted = every.minutes if every is not None else None if minutes is None else float(minutes)
    return Level(
        key=key,
        protection=assumed.protection,
        bill=None if one is None else replace(one, design=replace(one.design, key=f"level:{key}", name=key)),
        minutes_vm_year=minutes,
        all_minutes=every.minutes if every else None,
        unknown=every.unknown if every else (),
        nines=nines(Decimal(counted)) if counted else None,
        remarks=(*remarks, *priced.remarks),
    )


def _every_cause(
    key: LevelKey, estate: Estate, clusters: Sequence[Members], assumed: Assumptions, prices: Prices
) -> Outage | None:
    """The minutes by every cause, with the wiring that the level has."""
    wired = estate
    if key in ("crossed", "second-array"):
        for cluster in clusters:
            if cluster.hosts:
                wired = lay(lay(wired, cluster.name, "crossed-fabrics"), cluster.name, "two-switches")
    carried = {cluster.name: assumed.failures for cluster in clusters}
    return outage(wired, clusters, carried, assumed, prices, arrays=assumed.arrays)


def _with_cost_per_nine(level: Level, bare: Level) -> Level:
    if level.bill is None or bare.bill is None or level.nines is None or bare.nines is None:
        return level
    if level.unknown != bare.unknown:
        return level
    gained = round(level.nines - bare.nines, 2)
    if gained <= 0:
        return level
    more = level.bill.total.amount.middle - bare.bill.total.amount.middle
    return replace(level, cost_per_nine=more / Decimal(str(gained)))


def fault_tolerant(
    estate: Estate, names: frozenset[str] | None = None
) -> tuple[Estate, tuple[Sentence, ...]]:
    """Give FT to the VMs named, or to all running ones, as far as FT allows."""
    wanted = [
        vm for vm in estate.vms if vm.is_load and vm.ft == "none" and (names is None or vm.name in names)
    ]
    able = {vm.name for vm in wanted if vm.vcpus <= FT_VCPUS_MAX}
    vms = tuple(replace(vm, ft="primary") if vm.name in able else vm for vm in estate.vms)
    left = len(wanted) - len(able)
    said = Sentence(
        "VMs with more than {most} vCPUs cannot have FT ({count})", {"most": FT_VCPUS_MAX, "count": left}
    )
    return replace(estate, vms=vms), (said,) if left else ()


def minutes_vm_year(assumptions: Assumptions, prices: Prices) -> Decimal | None:
    """The expected outage of a VM in a year by failures of its host, None where a card is empty."""
    spans = {card: prices.span(card) for card in outage_cards(assumptions)}
    values = {card: span.middle for card, span in spans.items() if span is not None}
    if len(values) < len(spans):
        return None
    return outage_hours_vm(assumptions, values) * 60


def nines(minutes_year: Decimal) -> float:
    """The nines of an availability: 52.56 minutes a year are four.

    >>> nines(Decimal("525.6")), nines(Decimal("52.56"))
    (3.0, 4.0)
    """
    share = float(minutes_year) / (HOURS_PER_YEAR * 60)
    return round(-math.log10(share), 2)
