"""Which losses of a host, a rack, a site or two of them the VMs survive, really restarted, and why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from planner.estate import Host
from planner.kernels.arrays import I32, I64, Flags
from planner.lost_together import ALONE, host_groups, told
from planner.parameters import ParameterError, check_known
from planner.refusal import ReasonCount
from planner.resilience.ground import Ground, put
from planner.resilience.refusing import why_not
from planner.sentence import Sentence

EFFORT: Final = 20_000_000  # looks at a host in all, for losses that the quick ways do not settle


class Unit(Struct, frozen=True, kw_only=True):
    """What is lost at once: one host, or all that share a rack, a site ..."""

    name: str
    hosts: tuple[str, ...]


class Restart(Struct, frozen=True, kw_only=True):
    """A VM of a lost host: where it starts again, or why nowhere.

    `protected_by` names the other copy of an FT pair that goes on running: then the VM is not down, and
    without a host it only stays unprotected.
    """

    vm: str
    source: str
    host: str | None
    reasons: tuple[ReasonCount, ...] = ()
    protected_by: str = ""


class Loss(Struct, frozen=True, kw_only=True):
    """The loss of one unit or two.  `lost` counts the copies that find no host; `proven`: no way would."""

    units: tuple[str, ...]
    hosts: int
    vms: int
    lost: int
    proven: bool
    restarts: tuple[Restart, ...] = ()


class Failures(Struct, frozen=True, kw_only=True):
    """Every single loss, in the order of the units; and every double loss that loses VMs.

    `pairs` is None where double losses were not asked for.  `unseen` running VMs stand on no open host
    we know, so that they were lost with none.
    """

    cluster: str
    by: str
    units: tuple[Unit, ...]
    singles: tuple[Loss, ...]
    pairs: int | None = None
    lost_pairs: tuple[Loss, ...] = ()
    unseen: int = 0
    notes: tuple[Sentence, ...] = ()

    @property
    def survived(self) -> int:
        """Single losses after which every VM runs."""
        return sum(loss.lost == 0 for loss in self.singles)

    @property
    def survives(self) -> bool | None:
        """Whether every loss that was asked for is survived; None where that is so as far as is known."""
        if self.survived < len(self.singles) or self.lost_pairs:
            return False
        return None if self.unseen else True


def units_of(hosts: Sequence[Host], by: str) -> tuple[Unit, ...]:
    """Group hosts by what fails at once; a host of which nothing is told is a unit of its own.

    Raises:
        ParameterError: hosts have no such property, and none has such a tag.

    >>> hosts = [Host(name=n, rack=r, sockets=1, cores=8, cpu_mhz=0, memory_mib=1024)
    ...          for n, r in (("a", "r1"), ("b", "r1"), ("c", None))]
    >>> [(unit.name, unit.hosts) for unit in units_of(hosts, "rack")]
    [('c', ('c',)), ('r1', ('a', 'b'))]
    """
    check_known(hosts, by)
    return tuple(Unit(name=name, hosts=names) for name, names in host_groups(hosts, by).items())


def failures(ground: Ground, by: str = "host", *, double: bool = False, effort: int = EFFORT) -> Failures:
    """Lose every unit, and every two where asked, and restart their VMs on what is left.

    The VMs of the others stay where they are, as in an HA restart.  A loss is survived when a placement
    was found that breaks no rule and fills no host beyond what it gives.

    Args:
        ground: the cluster; made with `cold`, for restarts may change the CPU.
        by: "host", or what hosts share; see `units_of`.
        double: whether to lose two units at once too.
        effort: see `EFFORT`.

    Source: exhaustive N+1 of Ganeti's htools ("every node can be evacuated").
    """
    units = units_of(ground.hosts, by)
    unit = _unit_rows(ground, units)
    plan, lost, proven = lose(ground, unit, len(units), double=double, effort=effort)
    singles = tuple(
        Loss(
            units=(one.name,),
            hosts=len(one.hosts),
            vms=int(sum(len(ground.names(row)) for row in rows)),
            lost=sum(len(ground.names(row)) for row in rows if plan[row] < 0),
            proven=bool(proven[number, number]),
            restarts=_restarts(ground, rows, plan, unit == number),
        )
        for number, (one, rows) in enumerate(zip(units, _rows_by_unit(ground, unit, len(units)), strict=True))
    )
    return Failures(
        cluster=ground.cluster,
        by=by,
        units=units,
        singles=singles,
        pairs=len(units) * (len(units) - 1) // 2 if double else None,
        lost_pairs=_lost_pairs(units, singles, lost, proven) if double else (),
        unseen=ground.unseen,
        notes=(*ground.notes, *_untold(ground, by)),
    )


def lose(
    ground: Ground, unit: I64, units: int, *, double: bool, effort: int = EFFORT
) -> tuple[I64, I32, Flags]:
    """Call the kernel: plan[row], lost[unit, unit] and proven[unit, unit]; see `failing.lose_units`."""
    from planner.kernels import failing

    standing = ground.standing
    rank = standing.rank()
    running = np.flatnonzero(ground.where >= 0)
    of = unit[ground.where[running]]
    order = np.lexsort((rank[running], of))
    start = np.searchsorted(of[order], np.arange(units + 1)).astype(np.int64)
    return failing.lose_units(
        standing.need,
        start,
        running[order].astype(np.int64),
        rank,
        unit,
        ground.room(),
        standing.permit,
        standing.permitted,
        standing.apart_start,
        standing.apart_group,
        ground.present(),
        double,
        effort,
    )


def lose_these(ground: Ground, by: str, names: Sequence[str], *, effort: int = EFFORT) -> Loss:
    """Lose some units at once and say where each of their VMs starts again, or why nowhere.

    Raises:
        ParameterError: no such unit.
    """
    units = units_of(ground.hosts, by)
    known = {one.name: number for number, one in enumerate(units)}
    for name in names:
        if name not in known:
            raise ParameterError(Sentence("there is no {by} {name}", {"by": by, "name": name}))
    chosen = {known[name] for name in names}
    of_host = _unit_rows(ground, units)
    gone = np.isin(of_host, sorted(chosen))
    unit = np.where(gone, 0, np.arange(1, len(gone) + 1)).astype(np.int64)
    rows = np.flatnonzero((ground.where >= 0) & gone[ground.where])
    plan, proven = _lose_one(ground, unit, rows, effort)
    return Loss(
        units=tuple(names),
        hosts=int(gone.sum()),
        vms=sum(len(ground.names(row)) for row in rows.tolist()),
        lost=sum(len(ground.names(row)) for row in rows.tolist() if plan[row] < 0),
        proven=proven,
        restarts=_restarts(ground, rows.tolist(), plan, gone),
    )


def _lose_one(ground: Ground, unit: I64, rows: I64, effort: int) -> tuple[I64, bool]:
    """Lose the unit 0 alone."""
    from planner.kernels import failing

    standing = ground.standing
    rank = standing.rank()
    plan, _, proven = failing.lose_units(
        standing.need,
        np.array([0, len(rows)], np.int64),
        rows[np.argsort(rank[rows], kind="stable")].astype(np.int64),
        rank,
        unit,
        ground.room(),
        standing.permit,
        standing.permitted,
        standing.apart_start,
        standing.apart_group,
        ground.present(),
        False,
        effort,
    )
    return plan, bool(proven[0, 0])


def _unit_rows(ground: Ground, units: Sequence[Unit]) -> I64:
    """Give the number of the unit of each host."""
    of = {host: number for number, unit in enumerate(units) for host in unit.hosts}
    return np.array([of[host.name] for host in ground.hosts], np.int64)


def _rows_by_unit(ground: Ground, unit: I64, units: int) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in range(units)]
    for row in np.flatnonzero(ground.where >= 0).tolist():
        found[int(unit[ground.where[row]])].append(row)
    return found


def _restarts(ground: Ground, rows: Sequence[int], plan: I64, gone: Flags) -> tuple[Restart, ...]:
    """Say for each VM of a loss where it starts; for the lost ones why nowhere, counted after the others."""
    room, present = ground.room(), ground.present()
    for row in rows:
        if plan[row] >= 0:
            put(ground.standing, row, int(plan[row]), room, present)
    partner = _partners(ground, gone) if ground.tables.load.pairs else {}
    told: dict[tuple[object, ...], tuple[ReasonCount, ...]] = {}
    found = []
    for row in rows:
        reasons: tuple[ReasonCount, ...] = ()
        if plan[row] < 0:
            key = _alike(ground, row)
            if key not in told:
                told[key] = why_not(ground, row, room, present, ~gone)
            reasons = told[key]
        host = ground.hosts[int(plan[row])].name if plan[row] >= 0 else None
        source = ground.hosts[int(ground.where[row])].name
        found += [
            Restart(vm=name, source=source, host=host, reasons=reasons, protected_by=partner.get(name, ""))
            for name in ground.names(row)
        ]
    return tuple(found)


def _alike(ground: Ground, row: int) -> tuple[object, ...]:
    """Say what two rows must share for the same reasons to hold: need, permits, groups, bars."""
    standing = ground.standing
    groups = standing.apart_group[standing.apart_start[row] : standing.apart_start[row + 1]]
    names = ground.names(row)
    bars = tuple(ground.tables.reach.bars.get(name, ()) for name in names)
    refused = tuple(ground.barred[name].reasons for name in names if name in ground.barred)
    rules = ground.tables.units[row].rules
    return (standing.need[row].tobytes(), int(standing.permit[row]), groups.tobytes(), bars, refused, rules)


def _partners(ground: Ground, gone: Flags) -> Mapping[str, str]:
    """Name for each copy of an FT pair the other one, where that runs on."""
    row_of = {copy: row for row, unit in enumerate(ground.tables.units) for copy in unit.copies}
    names = ground.tables.load.names
    found: dict[str, str] = {}
    for first, second in ground.tables.load.pairs:
        for mine, other in ((first, second), (second, first)):
            row = row_of.get(other)
            if row is not None and ground.where[row] >= 0 and not gone[ground.where[row]]:
                found[names[mine]] = names[other]
    return found


def _lost_pairs(units: Sequence[Unit], singles: Sequence[Loss], lost: I32, proven: Flags) -> tuple[Loss, ...]:
    first, second = np.nonzero(np.triu(lost, 1))
    return tuple(
        Loss(
            units=(units[a].name, units[b].name),
            hosts=len(units[a].hosts) + len(units[b].hosts),
            vms=singles[a].vms + singles[b].vms,
            lost=int(lost[a, b]),
            proven=bool(proven[a, b]),
        )
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    )


def _untold(ground: Ground, by: str) -> list[Sentence]:
    if by == ALONE:
        return []
    untold = [host.name for host in ground.hosts if told(host, by) is None]
    if not untold:
        return []
    return [
        Sentence(
            "hosts of which no {by} is told are lost one by one: {count}", {"by": by, "count": len(untold)}
        )
    ]
