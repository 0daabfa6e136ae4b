"""Minutes of outage of an average VM, by every cause that an estate records, as it will be protected."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from planner.availability.answer import ClusterAvailability
from planner.availability.assumed import Assumptions as Assumed
from planner.availability.report import examine_availability
from planner.consolidation import Members
from planner.cost.assumptions import Assumptions
from planner.cost.book import Prices
from planner.estate import Cluster, Estate
from planner.units import HOURS_PER_YEAR

MINUTES_PER_YEAR: Final = HOURS_PER_YEAR * 60


class Outage(Struct, frozen=True, kw_only=True):
    """Minutes of a VM in a year by the causes that are known, and the causes that nobody recorded."""

    minutes: float
    unknown: tuple[str, ...]


def assumed_of(prices: Prices) -> Assumed:
    """The price book's own rates of hosts where it has them; all others are the middle of what is published.

    A restart is the price book's in whole: from the loss of the host until the VM runs again.
    """
    assumed = Assumed()
    failures, repair, restart = (
        prices.span(card) for card in ("host_failures_year", "repair_hours", "restart_seconds")
    )
    if failures is not None and failures.middle:
        mtbf_h = HOURS_PER_YEAR / (float(failures.middle) / 100)
        assumed = replace(assumed, mtbf_h={"host": mtbf_h})
    if repair is not None:
        assumed = replace(assumed, mttr_h=float(repair.middle))
    if restart is not None:
        assumed = replace(assumed, restart_s=float(restart.middle), boot_s=0.0)
    return assumed


def outage(
    estate: Estate,
    clusters: Sequence[Members],
    tolerated: Mapping[str, int],
    assumptions: Assumptions,
    prices: Prices,
    arrays: int = 1,
) -> Outage | None:
    """Expect the outage of an average VM in a year, by every cause that the estate records, in minutes.

    A VM with FT loses what FT leaves, any other what the protection asked for leaves; clusters weigh by
    their running VMs.  With a second array that mirrors the first one, storage is away only while both
    are: the share of time that the one array is away, times itself.

    Returns:
        None where no cluster has hosts or running VMs.
    """
    known = {one.name for one in estate.clusters}
    unnamed = [Cluster(name=one.name) for one in clusters if one.name not in known]
    whole = replace(estate, clusters=(*estate.clusters, *unnamed))
    examined = examine_availability(whole, tolerated, None, assumed=assumed_of(prices))
    found = {one.name: one for one in examined}
    parts = [_lost(found[one.name], one, assumptions, arrays) for one in clusters if one.name in found]
    vms = sum(count for count, _ in parts)
    if not vms:
        return None
    causes = (cause for one in clusters if one.name in found for cause in found[one.name].unknown)
    return Outage(
        minutes=math.fsum(minutes for _, minutes in parts) / vms,
        unknown=tuple(dict.fromkeys(causes)),
    )


def _lost(
    found: ClusterAvailability, cluster: Members, assumptions: Assumptions, arrays: int
) -> tuple[int, float]:
    """How many VMs run in a cluster, and the minutes that all of them lose together."""
    load = [vm for vm in cluster.vms if vm.is_load and vm.ft != "secondary"]
    twice = sum(vm.ft == "primary" for vm in load)
    saved = _saved_by_arrays(found, arrays)
    with_ft, other = found.minutes["ft"] - saved, found.minutes[assumptions.protection] - saved
    return len(load), twice * with_ft + (len(load) - twice) * other


def _saved_by_arrays(found: ClusterAvailability, arrays: int) -> float:
    """What further arrays take off the minutes of the one that is recorded."""
    one = next((cause.minutes["ha"] for cause in found.causes if cause.id == "array"), None)
    return one - MINUTES_PER_YEAR * (one / MINUTES_PER_YEAR) ** arrays if one else 0.0
