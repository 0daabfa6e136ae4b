"""The answer to "place this" for one cluster, small enough to keep: hosts with their VMs, and the refused."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from planner.lost_together import ALONE
from planner.placing import Placed, PlacingReport
from planner.refusal import Refusal
from planner.sentence import Sentence


class PlacedHost(Struct, frozen=True, kw_only=True):
    """A host in use and its VMs."""

    name: str
    vms: tuple[str, ...]


class PlacementAnswer(Struct, frozen=True, kw_only=True):
    """Who runs where on the fewest hosts; `hosts_needed` is None where the failures are not carried.

    `by` is what fails at once; `checked` says how it was looked at (see `planner.reserve.Reserve.how`,
    empty: nothing was lost), `spare` the hosts kept free, `not_carried` what must not be lost.
    """

    hosts_offered: int
    hosts_used: int
    lower_bound: int
    bound_method: str
    method: str
    failures: int
    hosts_needed: int | None
    should_unmet: int
    numa_unmet: int
    hosts: tuple[PlacedHost, ...]
    refusals: tuple[Refusal, ...]
    contradictions: tuple[Sentence, ...] = ()
    notes: tuple[Sentence, ...] = ()
    by: str = ALONE
    checked: str = ""
    losses_tried: int = 0
    spare: tuple[str, ...] = ()
    not_carried: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: PlacingReport) -> PlacementAnswer:
        """Take the only cluster of a report."""
        (placed,) = report.clusters
        placement = placed.placement
        by_host: dict[str, list[str]] = {}
        for vm, host in sorted(placement.placed.items()):
            by_host.setdefault(host, []).append(vm)
        return cls(
            hosts_offered=placed.hosts_offered,
            hosts_used=placement.hosts_used,
            lower_bound=placement.lower_bound,
            bound_method=placement.bound_method,
            method=placement.method,
            failures=placed.failures,
            hosts_needed=placed.hosts_needed,
            should_unmet=placed.unmet.should,
            numa_unmet=placed.unmet.numa,
            hosts=tuple(PlacedHost(name=name, vms=tuple(vms)) for name, vms in sorted(by_host.items())),
            refusals=placement.refusals,
            contradictions=placed.contradictions,
            notes=placed.notes,
            by=placed.group,
            **_kept(placed),
        )


def _kept(placed: Placed) -> dict[str, Any]:
    """Say how the failures were looked at."""
    kept = placed.reserve
    if kept is None:
        return {}
    busy = {*placed.placement.placed.values()}
    return {
        "checked": kept.how,
        "losses_tried": kept.losses_tried,
        "spare": tuple(host for host in kept.hosts if kept.carried and host not in busy),
        "not_carried": () if kept.worst is None else kept.worst.lost,
    }
