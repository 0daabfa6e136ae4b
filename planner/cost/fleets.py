"""Hosts year by year: today's as they stand, and those that the placement says are needed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from planner.consolidation import Members, storage_used_mib
from planner.cost.assumptions import Assumptions
from planner.cost.design import Year
from planner.cost.growth import grown, growth_factor
from planner.cost.guests import Guest, count_by_host
from planner.cost.licences.windows import may_run
from planner.cost.machine import Batch, Machine, batches_of
from planner.demand import give_of, load_of
from planner.estate import VM, Rule
from planner.placement import Placement, pack
from planner.units import MIB_PER_GIB, MIB_PER_TIB

SPARE: Final = "spare-"


class Fleet(Struct, frozen=True, kw_only=True):
    """The years of one cluster; `refused` VMs fit on no host of the kind, and then there is no year.

    `lower_bound` is what no placement of the first year can beat, spare hosts included.
    """

    cluster: str
    years: tuple[Year, ...]
    refused: tuple[str, ...] = ()
    lower_bound: int = 0


def fleet_today(cluster: Members, assumptions: Assumptions) -> Fleet:
    """Take the hosts as they stand; they stay as they are, whatever grows."""
    names = _in_batch_order(cluster)
    where = _whereabouts(cluster, names)
    years = tuple(
        _year(
            cluster,
            grown(cluster.vms, growth_factor(assumptions.growth_percent, number)),
            batches_of(cluster.hosts),
            _guests(cluster.vms, where, names, assumptions.failures),
        )
        for number in range(_distinct_years(assumptions))
    )
    return Fleet(cluster=cluster.name, years=years if cluster.hosts else (), lower_bound=len(names))


def fleet_of(
    cluster: Members,
    rules: Sequence[Rule],
    machine: Machine,
    assumptions: Assumptions,
    owned: int = 0,
) -> Fleet:
    """Count hosts of one kind for each year's load and the failures to carry, by placing every VM.

    Args:
        cluster: what has to run.
        rules: those of the estate; rules that name hosts bind nobody on new ones.
        machine: the kind of host.
        assumptions: years, growth, failures, vCPUs for a core.
        owned: hosts of this kind that are there already and need not be bought.
    """
    years: list[Year] = []
    bound = 0
    for number in range(_distinct_years(assumptions)):
        vms = grown(cluster.vms, growth_factor(assumptions.growth_percent, number))
        placement = _placed(vms, rules, machine, assumptions)
        if placement.refusals:
            return Fleet(cluster=cluster.name, years=(), refused=tuple(one.vm for one in placement.refusals))
        hosts = max(years[-1].hosts if years else 0, placement.hosts_used + assumptions.failures)
        if number == 0:
            bound = placement.lower_bound + assumptions.failures
        bought = max(0, hosts - max(owned, years[-1].hosts if years else 0))
        names = [*placement.hosts, *(f"{SPARE}{row}" for row in range(hosts - len(placement.hosts)))]
        guests = _guests(vms, placement.placed, names, assumptions.failures)
        years.append(_year(cluster, vms, (Batch(machine=machine, count=hosts, bought=bought),), guests))
    return Fleet(cluster=cluster.name, years=tuple(years), lower_bound=bound)


def joined(fleets: Sequence[Fleet]) -> tuple[Year, ...]:
    """Put the clusters of an estate together, year by year, as one order and one electricity bill."""
    years = max((len(fleet.years) for fleet in fleets), default=0)
    return tuple(
        _together([fleet.years[min(number, len(fleet.years) - 1)] for fleet in fleets if fleet.years])
        for number in range(years)
    )


def _together(years: Sequence[Year]) -> Year:
    batches = tuple(batch for year in years for batch in year.batches)
    measured = [year for year in years if year.utilisation_percent is not None]
    cores = sum(year.cores for year in measured)
    work = sum((year.cores * (year.utilisation_percent or Decimal(0)) for year in measured), Decimal(0))
    return Year(
        batches=batches,
        vms=sum(year.vms for year in years),
        vcpus=sum(year.vcpus for year in years),
        memory_gib=sum((year.memory_gib for year in years), Decimal(0)),
        storage_tib=sum((year.storage_tib for year in years), Decimal(0)),
        windows=tuple(count for year in years for count in year.windows),
        rhel=tuple(count for year in years for count in year.rhel),
        utilisation_percent=work / cores if cores else None,
    )


def _distinct_years(assumptions: Assumptions) -> int:
    return assumptions.years if assumptions.growth_percent else 1


def _placed(
    vms: Sequence[VM], rules: Sequence[Rule], machine: Machine, assumptions: Assumptions
) -> Placement:
    give = give_of(
        cores=machine.cores,
        cpu_mhz=machine.cpu_mhz,
        memory_mib=machine.memory_mib,
        vcpu_per_core=assumptions.vcpu_per_core,
    )
    return pack(load_of(vms), give, rules)


def _whereabouts(cluster: Members, hosts: Sequence[str]) -> dict[str, str]:
    """Where each VM runs; one whose host is not told, or not among these, is dealt out in turn."""
    known = set(hosts)
    where = {vm.name: vm.host for vm in cluster.vms if vm.host is not None and vm.host in known}
    unknown = [vm.name for vm in cluster.vms if vm.name not in where]
    return {**where, **{name: hosts[row % len(hosts)] for row, name in enumerate(unknown) if hosts}}


def _in_batch_order(cluster: Members) -> list[str]:
    """The hosts in the order in which batches list them."""
    order = [batch.machine for batch in batches_of(cluster.hosts)]
    kinds = [batches_of([host])[0].machine for host in cluster.hosts]
    rows = sorted(range(len(kinds)), key=lambda row: (order.index(kinds[row]), row))
    return [cluster.hosts[row].name for row in rows]


def _guests(
    vms: Sequence[VM], host_of: dict[str, str], hosts: Sequence[str], failures: int
) -> dict[Guest, tuple[int, ...]]:
    counted: dict[Guest, tuple[int, ...]] = {}
    kinds: tuple[Guest, ...] = ("windows-server", "rhel")
    for guest in kinds:
        counted[guest] = tuple(may_run(count_by_host(vms, host_of, hosts, guest), failures))
    return counted


def _year(
    cluster: Members, vms: Sequence[VM], batches: tuple[Batch, ...], guests: dict[Guest, tuple[int, ...]]
) -> Year:
    load = [vm for vm in vms if vm.is_load and vm.ft != "secondary"]
    year = Year(
        batches=batches,
        vms=len(load),
        vcpus=sum(vm.vcpus for vm in load),
        memory_gib=Decimal(sum(vm.memory_mib for vm in load)) / MIB_PER_GIB,
        storage_tib=Decimal(sum(storage_used_mib(vm) for vm in vms)) / MIB_PER_TIB,
        windows=guests["windows-server"],
        rhel=guests["rhel"],
    )
    return replace(year, utilisation_percent=_utilisation(cluster, year))


def _utilisation(cluster: Members, year: Year) -> Decimal | None:
    """The work that today's hosts report, with the load, spread over this year's cores."""
    measured = [host for host in cluster.hosts if host.cpu_usage_percent is not None]
    running = sum(vm.is_load and vm.ft != "secondary" for vm in cluster.vms)
    if not measured or not year.cores or not running:
        return None
    percent = sum((Decimal(str(host.cpu_usage_percent)) for host in measured), Decimal(0)) / len(measured)
    cores = sum(host.cores for host in cluster.hosts)
    return min(Decimal(100), percent * cores * year.vms / running / year.cores)
