"""A cluster as it stands today: the arrays, who runs where, and what cannot be looked at and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np
from msgspec import Struct

from planner.consolidation import Members, members
from planner.demand import capacity_of, load_of
from planner.estate import VM, Estate, Host, Rule
from planner.kernels.arrays import I32, I64
from planner.parameters import ParameterError
from planner.patterns.standing import Standing
from planner.rates import rates_told
from planner.reach import Reach, reach_of
from planner.refusal import Reason, Refusal
from planner.rules import name_of
from planner.sentence import Sentence
from planner.tables import Tables, tabulate, today_of


class Ground(Struct, frozen=True, kw_only=True, eq=False):
    """One cluster.  Rows are VMs, or VMs that rules keep together; columns are the hosts that are open.

    `where[row]` is the host of each row, -1 for those that run on no open host we know.  `barred` holds
    the VMs that rules forbid everywhere: they run, and could not be started again.  `apart_today` are
    the gather rules that do not hold today; they bind nobody here.
    """

    cluster: str
    hosts: tuple[Host, ...]
    vms: Mapping[str, VM]
    rules: tuple[Rule, ...]
    tables: Tables
    standing: Standing
    where: I64
    barred: Mapping[str, Refusal]
    apart_today: tuple[Rule, ...]
    notes: tuple[Sentence, ...]

    def room(self) -> I64:
        """What each host has left; negative where it holds too much."""
        return self.standing.room(self.where)

    def present(self) -> I32:
        """VMs of each group on each host."""
        return self.standing.present(self.where)

    @property
    def unseen(self) -> int:
        """Running VMs that stand on no open host we know: what becomes of them cannot be said."""
        rows = np.flatnonzero(self.where < 0).tolist()
        return sum(name in self.vms for row in rows for name in self.names(row))

    def names(self, row: int) -> tuple[str, ...]:
        """The copies of a row."""
        return tuple(self.tables.load.names[copy] for copy in self.tables.units[row].copies)

    def host_row(self, name: str) -> int | None:
        """The column of an open host."""
        return next((row for row, host in enumerate(self.hosts) if host.name == name), None)


def grounds(
    estate: Estate, *, vcpu_per_core: float, cluster: str | None = None, cold: bool = False
) -> tuple[Ground, ...]:
    """Give the clusters of an estate as they stand.

    Args:
        estate: as it was imported.
        vcpu_per_core: vCPUs that may share a core.
        cluster: this one alone.
        cold: whether VMs are started anew, so that they may change to another CPU; running ones may not.

    Raises:
        ParameterError: no such cluster.
    """
    every = members(estate)
    chosen = [one for one in every if cluster in (None, one.name)]
    if cluster is not None and not chosen:
        known = ", ".join(one.name for one in every)
        raise ParameterError(
            Sentence("there is no cluster {name}; there are: {known}", {"name": cluster, "known": known})
        )
    return tuple(ground_of(estate, one, vcpu_per_core=vcpu_per_core, cold=cold) for one in chosen)


def ground_of(estate: Estate, cluster: Members, *, vcpu_per_core: float, cold: bool = False) -> Ground:
    """Make the arrays of one cluster; see `grounds`."""
    load, capacity = load_of(cluster.vms), capacity_of(cluster.hosts, vcpu_per_core)
    running = {vm.name: vm for vm in cluster.vms if vm.is_load}
    rules = tuple(rule for rule in estate.rules if not running.keys().isdisjoint(rule.vms))
    apart_today = tuple(rule for rule in rules if _is_apart(rule, running))
    binding = [rule for rule in rules if rule not in apart_today]
    reach = reach_of(estate, cluster.hosts, running.values())
    if cold:
        reach = _without_cpus(reach)
    today = today_of(load, cluster.vms, capacity)
    tables = tabulate(load, capacity, binding, reach, today)
    barred = {refusal.vm: refusal for refusal in tables.refusals}
    if barred:
        refused = {
            owner: barred[name] for name, owner in zip(load.names, load.vms, strict=True) if name in barred
        }
        free = set(refused)
        # The other copy of an FT pair is bound by the same rules.
        barred = {
            name: refused[owner] for name, owner in zip(load.names, load.vms, strict=True) if owner in refused
        }
        tables = tabulate(load, capacity, _without(binding, free), _freed(reach, free), today)
    open_hosts = {host.name: host for host in cluster.hosts}
    ground = Ground(
        cluster=cluster.name,
        hosts=tuple(open_hosts[name] for name in capacity.names),
        vms=running,
        rules=rules,
        tables=tables,
        standing=_forbidding(tables, barred),
        where=tables.where.copy(),
        barred=barred,
        apart_today=apart_today,
        notes=rates_told(cluster.hosts, cluster.vms),
    )
    lonely = _settle(ground)
    return _noted(ground, lonely)


def changed(ground: Ground, where: I64, standing: Standing | None = None) -> Ground:
    """The same cluster with its VMs elsewhere, or with other hosts open."""
    return msgspec.structs.replace(ground, where=where, standing=standing or ground.standing)


def _is_apart(rule: Rule, running: Mapping[str, VM]) -> bool:
    hosts = {running[name].host for name in rule.vms if name in running}
    return rule.kind == "gather" and len(hosts) > 1


def _without_cpus(reach: Reach) -> Reach:
    """Forget the CPUs: who starts anew takes whatever CPU it finds."""
    bars = {
        vm: tuple(bar for bar in bars if bar.reason is not Reason.CPU_MODEL)
        for vm, bars in reach.bars.items()
    }
    return Reach(bars={vm: kept for vm, kept in bars.items() if kept})


def _without(rules: Iterable[Rule], vms: set[str]) -> list[Rule]:
    """Take VMs out of the rules that contradict each other; others still stand apart from them."""
    kept = [
        (rule, rule.vms if rule.kind == "spread" else tuple(name for name in rule.vms if name not in vms))
        for rule in rules
    ]
    return [
        Rule(kind=rule.kind, vms=names, hosts=rule.hosts, name=rule.name, cluster=rule.cluster)
        for rule, names in kept
        if names
    ]


def _freed(reach: Reach, vms: set[str]) -> Reach:
    return Reach(bars={vm: bars for vm, bars in reach.bars.items() if vm not in vms})


def _forbidding(tables: Tables, barred: Mapping[str, Refusal]) -> Standing:
    """Close every host to the rows that rules forbid everywhere."""
    standing = tables.standing
    rows = [
        row
        for row, unit in enumerate(tables.units)
        if any(tables.load.names[copy] in barred for copy in unit.copies)
    ]
    if not rows:
        return standing
    permit = standing.permit.copy()
    permit[rows] = len(standing.permitted)
    nowhere = np.zeros((1, standing.permitted.shape[1]), bool)
    return replace(standing, permit=permit, permitted=np.vstack((standing.permitted, nowhere)))


def _settle(ground: Ground) -> list[str]:
    """Give each FT secondary that the estate does not list the roomiest host that may take it."""
    standing, room, present = ground.standing, ground.room(), ground.present()
    lonely = []
    for row in np.flatnonzero(ground.where < 0).tolist():
        name = ground.names(row)[0]
        if name in ground.vms:
            continue
        able = may_take(standing, row, room, present)
        if not able.any():
            lonely.append(name)
            continue
        share = (room / np.maximum(standing.capacity, 1)).min(axis=1)
        host = int(np.where(able, share, -np.inf).argmax())
        put(standing, row, host, room, present)
        ground.where[row] = host
    return lonely


def may_take(standing: Standing, row: int, room: I64, present: I32) -> np.ndarray:
    """Say which hosts take a row now: room, permit, and nobody there that it must stay apart from."""
    able = (room >= standing.need[row]).all(axis=1) & standing.permitted[standing.permit[row]]
    groups = standing.apart_group[standing.apart_start[row] : standing.apart_start[row + 1]]
    if len(groups):
        able &= (present[groups] == 0).all(axis=0)
    return np.asarray(able)


def put(standing: Standing, row: int, host: int, room: I64, present: I32, sign: int = 1) -> None:
    """Put a row on a host (sign 1) or take it away (-1)."""
    room[host] -= sign * standing.need[row]
    groups = standing.apart_group[standing.apart_start[row] : standing.apart_start[row + 1]]
    present[groups, host] += sign


def _noted(ground: Ground, lonely: Sequence[str]) -> Ground:
    """Say what is not looked at."""
    nowhere = [row for row in np.flatnonzero(ground.where < 0).tolist() if ground.names(row)[0] in ground.vms]
    assumed = [name for name in ground.tables.load.names if name not in ground.vms and name not in lonely]
    notes = [
        *_counted(
            Sentence(
                "VMs that run on no open host of the cluster are not looked at: {count}, the first is {vm}"
            ),
            [ground.names(row)[0] for row in nowhere],
        ),
        *_counted(
            Sentence(
                "FT secondaries that the estate does not list are counted on the roomiest host: {count}, "
                "the first is {vm}"
            ),
            assumed,
        ),
        *_counted(Sentence("FT secondaries find no host today: {count}, the first is {vm}"), lonely),
        *_counted(
            Sentence(
                "VMs that rules forbid on every open host stay where they are: {count}, the first is {vm}"
            ),
            sorted(ground.barred),
        ),
        *(
            Sentence(
                "the rule {rule} keeps VMs together that are apart today: they count one by one",
                {"rule": name_of(rule)},
            )
            for rule in ground.apart_today
        ),
    ]
    overfull = np.flatnonzero((ground.room() < 0).any(axis=1)).tolist()
    if overfull:
        notes.append(
            Sentence(
                "hosts that hold more than they should take no VM: {count}, the first is {host}",
                {"count": len(overfull), "host": ground.hosts[overfull[0]].name},
            )
        )
    return msgspec.structs.replace(ground, notes=(*ground.notes, *notes))


def _counted(said: Sentence, names: Sequence[str]) -> list[Sentence]:
    return [Sentence(said.template, {"count": len(names), "vm": names[0]})] if names else []
