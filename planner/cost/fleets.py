"""Hosts year by year: today's as they stand, and those that the placement says are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from planner.consolidation import Members, storage_used_mib
from planner.cost.assumptions import Assumptions
from planner.cost.databases import Databases, databases_of, where_licensed
from planner.cost.design import Year
from planner.cost.growth import grown, growth_factor
from planner.cost.guests import guest_of
from planner.cost.licences.windows import may_run
from planner.cost.machine import Batch, Machine, batches_of
from planner.demand import Load, give_of, load_of
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


class Demand(Struct, frozen=True, kw_only=True, eq=False):
    """What one cluster wants in one year, counted once whatever hosts are tried.

    `work_percent_cores` is what today's hosts report as CPU usage, times their cores, grown with the
    load; None where none reports any.
    """

    vms: int
    vcpus: int
    memory_gib: Decimal
    storage_tib: Decimal
    load: Load
    windows: frozenset[str]
    rhel: frozenset[str]
    work_percent_cores: Decimal | None
    databases: Databases
    kept: Mapping[str, tuple[str, ...]]  # VMs that a rule keeps on hosts


def demands_of(cluster: Members, assumptions: Assumptions, rules: Sequence[Rule] = ()) -> tuple[Demand, ...]:
    """Count what a cluster wants, one demand a year while it grows, else a single one."""
    percent = assumptions.growth.middle
    years = assumptions.years if percent else 1
    return tuple(
        _demand(cluster, grown(cluster.vms, growth_factor(percent, number)), rules) for number in range(years)
    )


def fleet_today(
    cluster: Members,
    assumptions: Assumptions,
    bought: frozenset[str] = frozenset(),
    rules: Sequence[Rule] = (),
) -> Fleet:
    """Take the hosts as they stand; they stay as they are, whatever grows.  Those in `bought` are paid."""
    names = in_batch_order(cluster)
    where = whereabouts(cluster, names)
    years = tuple(
        year_of(
            demand,
            batches_of(cluster.hosts, bought if number == 0 else frozenset()),
            where,
            names,
            assumptions.failures,
        )
        for number, demand in enumerate(demands_of(cluster, assumptions, rules))
    )
    return Fleet(cluster=cluster.name, years=years if cluster.hosts else (), lower_bound=len(names))


def fleet_of(
    name: str,
    demands: Sequence[Demand],
    rules: Sequence[Rule],
    machine: Machine,
    assumptions: Assumptions,
    owned: int = 0,
    enough: int | None = None,
) -> Fleet:
    """Count hosts of one kind for each year's load and the failures to carry, by placing every VM.

    Args:
        name: of the cluster.
        demands: what it wants, year by year.
        rules: those of the estate; rules that name hosts bind nobody on new ones.
        machine: the kind of host.
        assumptions: failures, vCPUs for a core.
        owned: hosts of this kind that are there already and need not be bought.
        enough: a number of hosts for the load with which the placement may end its search.
    """
    give = give_of(
        cores=machine.cores,
        cpu_mhz=machine.cpu_mhz,
        memory_mib=machine.memory_mib,
        vcpu_per_core=assumptions.vcpu_per_core,
    )
    years: list[Year] = []
    bound = 0
    for number, demand in enumerate(demands):
        placement = pack(demand.load, give, rules, enough)
        if placement.refusals:
            return Fleet(cluster=name, years=(), refused=tuple(one.vm for one in placement.refusals))
        hosts = max(years[-1].hosts if years else 0, placement.hosts_used + assumptions.failures)
        if number == 0:
            bound = placement.lower_bound + assumptions.failures
        bought = max(0, hosts - max(owned, years[-1].hosts if years else 0))
        batch = Batch(machine=machine, count=hosts, bought=bought)
        years.append(
            year_of(demand, (batch,), placement.placed, _with_spare(placement, hosts), assumptions.failures)
        )
    return Fleet(cluster=name, years=tuple(years), lower_bound=bound)


def year_of(
    demand: Demand,
    batches: tuple[Batch, ...],
    host_of: Mapping[str, str],
    hosts: Sequence[str],
    failures: int,
) -> Year:
    """Put a year's demand on hosts; guests are counted where they run and where they may restart."""
    cores = sum(batch.count * batch.machine.cores for batch in batches)
    percent = None
    if demand.work_percent_cores is not None and cores:
        percent = min(Decimal(100), demand.work_percent_cores / cores)
    return Year(
        batches=batches,
        vms=demand.vms,
        vcpus=demand.vcpus,
        memory_gib=demand.memory_gib,
        storage_tib=demand.storage_tib,
        windows=_may_run(demand.windows, host_of, hosts, failures, demand.kept),
        rhel=_may_run(demand.rhel, host_of, hosts, failures, demand.kept),
        sql=where_licensed(demand.databases.get("sql", ()), hosts),
        oracle=where_licensed(demand.databases.get("oracle", ()), hosts),
        utilisation_percent=percent,
    )


def joined(fleets: Sequence[Fleet]) -> tuple[Year, ...]:
    """Put the clusters of an estate together, year by year, as one order and one electricity bill."""
    years = max((len(fleet.years) for fleet in fleets), default=0)
    return tuple(
        _together([fleet.years[min(number, len(fleet.years) - 1)] for fleet in fleets if fleet.years])
        for number in range(years)
    )


def storage_tib(vms: Sequence[VM]) -> Decimal:
    """What the files of all VMs hold."""
    return Decimal(sum(storage_used_mib(vm) for vm in vms)) / MIB_PER_TIB


def _demand(cluster: Members, vms: Sequence[VM], rules: Sequence[Rule]) -> Demand:
    load = [vm for vm in vms if vm.is_load and vm.ft != "secondary"]
    return Demand(
        vms=len(load),
        vcpus=sum(vm.vcpus for vm in load),
        memory_gib=Decimal(sum(vm.memory_mib for vm in load)) / MIB_PER_GIB,
        storage_tib=storage_tib(vms),
        load=load_of(vms),
        windows=frozenset(vm.name for vm in load if guest_of(vm) == "windows-server"),
        rhel=frozenset(vm.name for vm in load if guest_of(vm) == "rhel"),
        work_percent_cores=_work(cluster, len(load)),
        databases=databases_of(load, rules),
        kept={vm: rule.hosts for rule in rules if rule.kind == "must-run-on" for vm in rule.vms},
    )


def _work(cluster: Members, vms: int) -> Decimal | None:
    """The mean CPU usage that hosts report, times all cores, grown as the number of VMs does."""
    measured = [host.cpu_usage_percent for host in cluster.hosts if host.cpu_usage_percent is not None]
    running = sum(vm.is_load and vm.ft != "secondary" for vm in cluster.vms)
    if not measured or not running:
        return None
    percent = sum((Decimal(str(one)) for one in measured), Decimal(0)) / len(measured)
    return percent * sum(host.cores for host in cluster.hosts) * vms / running


def _together(years: Sequence[Year]) -> Year:
    measured = [year for year in years if year.utilisation_percent is not None]
    cores = sum(year.cores for year in measured)
    work = sum((year.cores * (year.utilisation_percent or Decimal(0)) for year in measured), Decimal(0))
    return Year(
        batches=tuple(batch for year in years for batch in year.batches),
        vms=sum(year.vms for year in years),
        vcpus=sum(year.vcpus for year in years),
        memory_gib=sum((year.memory_gib for year in years), Decimal(0)),
        storage_tib=sum((year.storage_tib for year in years), Decimal(0)),
        windows=tuple(count for year in years for count in year.windows),
        rhel=tuple(count for year in years for count in year.rhel),
        sql=tuple(one for year in years for one in year.sql),
        oracle=tuple(one for year in years for one in year.oracle),
        utilisation_percent=work / cores if cores else None,
    )


def dealt_out(demand: Demand, hosts: Sequence[str]) -> dict[str, str]:
    """Deal the guests with a licence out over hosts in turn, where no placement names a host."""
    guests = sorted(demand.windows) + sorted(demand.rhel)
    return {name: hosts[row % len(hosts)] for row, name in enumerate(guests) if hosts}


def _with_spare(placement: Placement, hosts: int) -> list[str]:
    return [*placement.hosts, *(f"{SPARE}{row}" for row in range(hosts - len(placement.hosts)))]


def _may_run(
    guests: frozenset[str],
    host_of: Mapping[str, str],
    hosts: Sequence[str],
    failures: int,
    kept: Mapping[str, tuple[str, ...]],
) -> tuple[int, ...]:
    """How many of the guests may run on each host; those that a rule keeps on some restart there alone."""
    free = [name for name in guests if not set(kept.get(name, ())) & set(hosts)]
    counts = dict.fromkeys(hosts, 0)
    for name in free:
        host = host_of.get(name)
        if host in counts:
            counts[host] += 1
    total = dict(zip(hosts, may_run([counts[host] for host in hosts], failures), strict=True))
    bound: dict[tuple[str, ...], int] = {}
    for name in guests - set(free):
        own = tuple(host for host in hosts if host in kept[name])
        bound[own] = bound.get(own, 0) + 1
    for own, count in bound.items():
        dealt = [count // len(own) + (row < count % len(own)) for row in range(len(own))]
        for host, guests_there in zip(own, may_run(dealt, failures), strict=True):
            total[host] += guests_there
    return tuple(total[host] for host in hosts)


def whereabouts(cluster: Members, hosts: Sequence[str]) -> dict[str, str]:
    """Where each VM runs; one whose host is not told, or not among these, is dealt out in turn."""
    known = set(hosts)
    where = {vm.name: vm.host for vm in cluster.vms if vm.host is not None and vm.host in known}
    unknown = [vm.name for vm in cluster.vms if vm.name not in where]
    return {**where, **{name: hosts[row % len(hosts)] for row, name in enumerate(unknown) if hosts}}


def in_batch_order(cluster: Members) -> list[str]:
    """The hosts in the order in which batches list them."""
    order = [batch.machine for batch in batches_of(cluster.hosts)]
    kinds = [batches_of([host])[0].machine for host in cluster.hosts]
    rows = sorted(range(len(kinds)), key=lambda row: (order.index(kinds[row]), row))
    return [cluster.hosts[row].name for row in rows]
