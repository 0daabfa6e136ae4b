"""Minutes of outage of an average VM, by every cause that an estate records, as it will be protected."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from planner.availability.report import ClusterAvailability, examine_availability
from planner.consolidation import Members
from planner.cost.assumptions import Assumptions
from planner.estate import Cluster, Estate
from planner.units import HOURS_PER_YEAR

MINUTES_PER_YEAR = HOURS_PER_YEAR * 60


def outage_minutes(
    estate: Estate,
    clusters: Sequence[Members],
    tolerated: Mapping[str, int],
    assumptions: Assumptions,
    arrays: int = 1,
) -> float | None:
    """Expect the outage of an average VM in a year, by every cause that the estate records, in minutes.

    A VM with FT loses what FT leaves, any other what the protection asked for leaves; clusters weigh by
    their running VMs.  With a second array that mirrors the first one, storage is away only while both are:
    the share of time that the one array is away, times itself.
    """
    known = {one.name for one in estate.clusters}
    unnamed = [Cluster(name=one.name) for one in clusters if one.name not in known]
    whole = replace(estate, clusters=(*estate.clusters, *unnamed))
    found = {one.name: one for one in examine_availability(whole, tolerated, None)}
    parts = [_lost(found[one.name], one, assumptions, arrays) for one in clusters if one.name in found]
    vms = sum(count for count, _ in parts)
    return math.fsum(minutes for _, minutes in parts) / vms if vms else None


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
