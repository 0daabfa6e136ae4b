"""A cluster as arrays for the kernels: who needs what, who gives what, who may stand where and stands today.

A row is a unit: the copies that must share a host, most often one VM alone.  Hosts in maintenance or not
connected are no rows: they take nobody, and a VM that is on one of them stands nowhere (-1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from planner.demand import Capacity, Load, capacity_of, load_of
from planner.estate import VM, Estate, Host, Rule
from planner.kernels.arrays import I64
from planner.patterns.standing import Standing
from planner.reach import Reach, reach_of
from planner.refusal import Refusal
from planner.rules import Bound, Unit, bind


class Tables(Struct, frozen=True, kw_only=True, eq=False):
    """What kernels count with.

    `units[row]` tells the copies, the hosts permitted and the rules of a row; `standing` holds the
    arrays: need[row, column] and capacity[host, column] in `demand.COLUMNS`, permits, groups apart.
    `where[row]` is the host of today, -1 where it has none, or where its copies are on several.
    `refusals` name the copies under contradictory rules: they are in no row.
    """

    load: Load
    capacity: Capacity
    units: tuple[Unit, ...]
    standing: Standing
    where: I64
    reach: Reach
    refusals: tuple[Refusal, ...] = ()

    def name(self, row: int) -> str:
        """Name a row by its first copy."""
        return self.load.names[self.units[row].copies[0]]

    def placed(self, where: I64) -> dict[str, str]:
        """Turn the hosts of the rows into copy -> host; rows without a host are left out."""
        hosts = self.capacity.names
        return {
            self.load.names[copy]: hosts[host]
            for unit, host in zip(self.units, where.tolist(), strict=True)
            if host >= 0
            for copy in unit.copies
        }


def tables_of(
    estate: Estate, hosts: Sequence[Host], vms: Sequence[VM], rules: Sequence[Rule], vcpu_per_core: float
) -> Tables:
    """Make the arrays of a cluster (or of anything else that shares hosts).

    Args:
        estate: where datastores, networks and switches are looked up.
        hosts, vms: those of the cluster; VMs that are no load and hosts that take nobody are left out.
        rules: those that may name its VMs.
        vcpu_per_core: vCPUs that may share a core.
    """
    load, capacity = load_of(vms), capacity_of(hosts, vcpu_per_core)
    reach = reach_of(estate, hosts, (vm for vm in vms if vm.is_load))
    return tabulate(load, capacity, rules, reach, today_of(load, vms, capacity))


def today_of(load: Load, vms: Sequence[VM], capacity: Capacity) -> I64:
    """Give the host on which each copy runs, -1 for none; a secondary that is not listed has none."""
    rows = {name: row for row, name in enumerate(capacity.names)}
    host_of = {vm.name: rows.get(vm.host or "", -1) for vm in vms}
    return np.array([host_of.get(name, -1) for name in load.names], np.int64)


def tabulate(
    load: Load,
    capacity: Capacity,
    rules: Sequence[Rule],
    reach: Reach | None = None,
    today: I64 | None = None,
) -> Tables:
    """Make the arrays of a load and its hosts; `today[copy]` is the row of the host of each copy."""
    reach = reach or Reach()
    bound = bind(load, rules, capacity.names, reach)
    units = _all_units(load, bound)
    where = np.full(len(units), -1, np.int64)
    if today is not None:
        for row, unit in enumerate(units):
            hosts = {int(today[copy]) for copy in unit.copies}
            where[row] = hosts.pop() if len(hosts) == 1 else -1
    return Tables(
        load=load,
        capacity=capacity,
        units=units,
        standing=_standing(load, capacity, units),
        where=where,
        reach=reach,
        refusals=bound.refusals,
    )


def _all_units(load: Load, bound: Bound) -> tuple[Unit, ...]:
    """Give the units in the order of their first copy, every free copy being one of its own."""
    refused = {refusal.vm for refusal in bound.refusals}
    tied = {copy for unit in bound.units for copy in unit.copies}
    free = (
        Unit(copies=(copy,))
        for copy, name in enumerate(load.names)
        if copy not in tied and name not in refused
    )
    return tuple(sorted((*bound.units, *free), key=lambda unit: unit.copies))


def _standing(load: Load, capacity: Capacity, units: Sequence[Unit]) -> Standing:
    rows = {name: row for row, name in enumerate(capacity.names)}
    need = np.zeros((len(units), load.needs.shape[1]), np.int64)
    owner = np.empty(len(load.names), np.int64)
    owner[:] = -1
    for row, unit in enumerate(units):
        owner[list(unit.copies)] = row
    np.add.at(need, owner[owner >= 0], load.needs[owner >= 0])
    hosts_of = {
        row: frozenset(rows[name] for name in unit.hosts)
        for row, unit in enumerate(units)
        if unit.hosts is not None
    }
    groups: dict[int, list[int]] = {}
    for row, unit in enumerate(units):
        for number in unit.apart:
            groups.setdefault(number, []).append(row)
    return Standing.of(need, capacity.gives, hosts_of, [groups[number] for number in sorted(groups)])
