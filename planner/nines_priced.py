"""What one more nine costs: the hosts, licences and energy of no protection, HA and FT beside their minutes.

none  the hosts that carry the load              HA  with the failures asked for on top
FT    every VM twice, its copy on another host, and the failures on top
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from planner.availability.answer import PROTECTIONS, ClusterAvailability, Protection
from planner.availability.closed import MINUTES_A_YEAR, nines
from planner.cost.first import Money
from planner.estate import VM, Rule
from planner.parameters import Parameters
from planner.quality import Reading
from planner.report import ClusterPlan, plan

HOST_YEARS: Final = 5  # a bought host is written off over; as the cost pages assume
FT_VCPUS_MOST: Final = 8  # vSphere 8.0, Fault Tolerance: vCPUs of a protected VM
LEAST_NINES: Final = 0.01  # less is no nine to be priced
COPY: Final = " (copy)"


class Amount(Struct, frozen=True, kw_only=True):
    """Known amounts a year in one currency; `low` and `high` differ where sources do."""

    currency: str
    low: Decimal
    high: Decimal


class PricedNines(Struct, frozen=True, kw_only=True):
    """One protection: its hosts and price a year, its nines, and what each nine more than before costs.

    `per_nine` is empty where it adds less than a hundredth of a nine, or nothing can be compared.
    """

    protection: Protection
    hosts: int | None
    minutes: float
    nines: float
    added_nines: float | None
    amounts: tuple[Amount, ...]
    per_nine: tuple[Amount, ...]
    unpriced: int
    too_wide_vms: int = 0


def price_nines(
    reading: Reading, found: ClusterAvailability, parameters: Parameters
) -> tuple[PricedNines, ...]:
    """Price the three protections of one cluster, the same load and host model for all.

    Raises:
        ParameterError: as `planner.report.plan`.
    """
    priced: list[PricedNines] = []
    for protection in PROTECTIONS:
        planned = _planned(reading, found.name, protection, parameters)
        amounts, unpriced = _a_year(planned.cost)
        minutes = found.minutes[protection]
        before = priced[-1] if priced else None
        reached = nines(minutes / MINUTES_A_YEAR)
        added = None if before is None else reached - before.nines
        priced.append(
            PricedNines(
                protection=protection,
                hosts=planned.hosts_needed,
                minutes=minutes,
                nines=reached,
                added_nines=added,
                amounts=amounts,
                per_nine=_per_nine(before, amounts, added),
                unpriced=unpriced,
                too_wide_vms=_too_wide(reading, found.name) if protection == "ft" else 0,
            )
        )
    return tuple(priced)


def _planned(reading: Reading, cluster: str, protection: Protection, parameters: Parameters) -> ClusterPlan:
    failures = 0 if protection == "none" else max(1, parameters.failures)
    if protection == "ft":
        reading = _with_copies(reading, cluster)
    (found,) = plan(reading, replace(parameters, cluster=cluster, failures=failures)).clusters
    return found


def _with_copies(reading: Reading, cluster: str) -> Reading:
    """Run every VM twice, never both on one host; one that has its secondary already is left alone."""
    estate = reading.estate
    doubled = [vm for vm in estate.vms_of(cluster) if vm.is_load and vm.ft == "none"]
    copies = [replace(vm, name=_copy_of(vm), uuid=None, ft="none", disk_mib=0, disks=()) for vm in doubled]
    apart = [
        Rule(kind="spread", vms=(vm.name, _copy_of(vm)), name=_copy_of(vm), cluster=cluster) for vm in doubled
    ]
    wider = replace(estate, vms=(*estate.vms, *copies), rules=(*estate.rules, *apart)).sorted()
    return replace(reading, estate=wider)


def _copy_of(vm: VM) -> str:
    return vm.name[: 255 - len(COPY)] + COPY


def _too_wide(reading: Reading, cluster: str) -> int:
    return sum(vm.is_load and vm.vcpus > FT_VCPUS_MOST for vm in reading.estate.vms_of(cluster))


def _a_year(lines: Iterable[Money]) -> tuple[tuple[Amount, ...], int]:
    """Add up the planned lines, what is paid once over the years of a host; count what has no price."""
    found: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    unpriced = 0
    for line in lines:
        if line.scope != "planned" or line.item == "total":
            continue
        if line.low is None or line.high is None:
            unpriced += 1
            continue
        years = HOST_YEARS if line.per == "once" else 1
        found[line.currency][0] += Decimal(line.low) / years
        found[line.currency][1] += Decimal(line.high) / years
    amounts = (Amount(currency=key, low=low, high=high) for key, (low, high) in sorted(found.items()))
    return tuple(amounts), unpriced


def _per_nine(
    before: PricedNines | None, amounts: tuple[Amount, ...], added: float | None
) -> tuple[Amount, ...]:
    if before is None or added is None or added < LEAST_NINES:
        return ()
    known = {one.currency: one for one in before.amounts}
    share = Decimal(repr(added))
    return tuple(
        Amount(
            currency=one.currency,
            low=((one.low - known[one.currency].low) / share).quantize(Decimal("0.01")),
            high=((one.high - known[one.currency].high) / share).quantize(Decimal("0.01")),
        )
        for one in amounts
        if one.currency in known
    )
