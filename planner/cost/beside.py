"""Today's hosts kept, and as many new ones beside them as are missing."""

from __future__ import annotations

from collections.abc import Sequence

from planner.admission import tolerates
from planner.consolidation import Members
from planner.cost.assumptions import Assumptions
from planner.cost.design import Year
from planner.cost.fleets import Demand, Fleet, dealt_out, in_batch_order, whereabouts, year_of
from planner.cost.machine import Batch, Machine, batches_of
from planner.demand import Capacity, capacity_of, give_of
from planner.estate import Rule


def fleet_beside(
    cluster: Members,
    demands: Sequence[Demand],
    rules: Sequence[Rule],
    machine: Machine,
    assumptions: Assumptions,
    most: int,
    bought: frozenset[str] = frozenset(),
) -> Fleet:
    """Count the new hosts that are needed beside those that stay, by placing every VM on both.

    The largest hosts are the ones that fail.  `most` new hosts are known to do without the old ones.
    Those that stay and are in `bought` have to be paid in the first year too.
    """
    years: list[Year] = []
    before = 0
    standing = in_batch_order(cluster)
    for demand in demands:
        count = _fewest(cluster, demand, rules, machine, assumptions, before, most)
        if count is None:
            refused = tuple(demand.load.vms[:1])
            return Fleet(cluster=cluster.name, years=(), refused=refused)
        new = (Batch(machine=machine, count=count, bought=count - before),) if count else ()
        names = [*standing, *(f"new-{row}" for row in range(count))]
        where = {**dealt_out(demand, names), **whereabouts(cluster, names)}
        batches = (*batches_of(cluster.hosts, frozenset() if years else bought), *new)
        years.append(year_of(demand, batches, where, names, assumptions.failures))
        before = count
    return Fleet(cluster=cluster.name, years=tuple(years), lower_bound=len(cluster.hosts))


def _fewest(
    cluster: Members,
    demand: Demand,
    rules: Sequence[Rule],
    machine: Machine,
    assumptions: Assumptions,
    least: int,
    most: int,
) -> int | None:
    """Halve the range between what is surely too few and what is surely enough; what is given was placed."""

    def enough(count: int) -> bool:
        capacity = _with_new(cluster, machine, count, assumptions)
        return tolerates(demand.load, capacity, rules, assumptions.failures, quick=True).carried

    if enough(least):
        return least
    if not enough(most):
        return None
    bad, good = least, most
    while good - bad > 1:
        middle = (bad + good) // 2
        if enough(middle):
            good = middle
        else:
            bad = middle
    return good


def _with_new(cluster: Members, machine: Machine, count: int, assumptions: Assumptions) -> Capacity:
    standing = capacity_of(cluster.hosts, assumptions.vcpu_per_core)
    give = give_of(
        cores=machine.cores,
        cpu_mhz=machine.cpu_mhz,
        memory_mib=machine.memory_mib,
        vcpu_per_core=assumptions.vcpu_per_core,
    )
    taken = set(standing.names)
    names = [f"new-{row}" for row in range(count)]
    fresh = [name if name not in taken else f"{name} (bought)" for name in names]
    gives = [tuple(row) for row in standing.gives.tolist()]
    return Capacity.of([*standing.names, *fresh], [*gives, *([give] * count)])
