"""VMs on real hosts under rules: place them all, or repair a placement that no longer holds.

Rules come as arrays: hosts permitted to each VM (must, must not, datastores, networks, CPU generation,
maintenance) and groups of which no host takes two (spread, FT pairs).  VMs that stay together are one
row here.  The bound ignores the rules, which can only cost hosts: it holds with them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from planner.kernels.arrays import I32, I64, Flags
from planner.patterns.distinct import pack_distinct
from planner.patterns.generation import Bound, Effort, pack
from planner.patterns.shapes import Packing, Shapes

EMPTIED_AT_MOST: Final = 200  # hosts that we try to empty, the emptiest first
ALIKE: Final = 600  # shapes up to which the pattern program is worth its time


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands where, what may.

    `need[vm, resource]` and `capacity[host, resource]` are whole numbers of one unit a resource;
    `permitted[row, host]` holds for the VMs with that row in `permit`; `apart_group` lists the groups
    of each VM in compressed form; `groups` is how many there are.
    """

    need: I64
    capacity: I64
    permit: I64
    permitted: Flags
    apart_start: I64
    apart_group: I64
    groups: int

    @classmethod
    def of(
        cls,
        need: I64,
        capacity: I64,
        hosts_of: dict[int, frozenset[int]] | None = None,
        apart: Sequence[Sequence[int]] = (),
        closed: Sequence[int] = (),
    ) -> Standing:
        """Build the arrays.

        Args:
            hosts_of: the rows of the hosts permitted to a VM, for the VMs that not every host may take.
            apart: groups of VMs of which no host takes two.
            closed: hosts that take nobody (maintenance, not connected).
        """
        rows: dict[frozenset[int] | None, int] = {None: 0}
        permit = np.zeros(len(need), np.int64)
        for vm, hosts in (hosts_of or {}).items():
            permit[vm] = rows.setdefault(hosts, len(rows))
        permitted = np.zeros((len(rows), len(capacity)), bool)
        for allowed, row in rows.items():
            permitted[row, slice(None) if allowed is None else sorted(allowed)] = True
        permitted[:, list(closed)] = False
        members = [(vm, number) for number, group in enumerate(apart) for vm in sorted(set(group))]
        pairs = np.array(sorted(members), np.int64).reshape(-1, 2)
        start = np.searchsorted(pairs[:, 0], np.arange(len(need) + 1)).astype(np.int64)
        need, capacity = np.ascontiguousarray(need, np.int64), np.ascontiguousarray(capacity, np.int64)
        return cls(need, capacity, permit, permitted, start, pairs[:, 1].copy(), len(apart))

    @property
    def free(self) -> bool:
        """Whether no rule binds anybody."""
        return not len(self.apart_group) and bool(self.permitted[np.unique(self.permit)].all())

    def room(self, where: I64) -> I64:
        """What each host has left; negative where it holds too much."""
        left = self.capacity.copy()
        on = where >= 0
        np.subtract.at(left, where[on], self.need[on])
        return left

    def present(self, where: I64) -> I32:
        """VMs of each group on each host."""
        found = np.zeros((max(1, self.groups), len(self.capacity)), np.int32)
        vms = np.repeat(np.arange(len(where)), np.diff(self.apart_start))
        on = where[vms] >= 0
        np.add.at(found, (self.apart_group[on], where[vms[on]]), 1)
        return found

    def rank(self) -> I64:
        """The rank of each VM by its largest share of a host, 0 the largest."""
        share = (self.need / np.maximum(self.capacity.max(axis=0, initial=0), 1)).max(axis=1)
        rank = np.empty(len(share), np.int64)
        rank[np.argsort(-share, kind="stable")] = np.arange(len(share))
        return rank


@dataclass(frozen=True, slots=True)
class Stood:
    """`where[vm]` is a host, -1 for a refused VM; `moved` is the VMs that stand elsewhere than before."""

    where: I64
    bound: Bound | None
    method: str

    @property
    def hosts_used(self) -> int:
        """Hosts that hold at least one VM."""
        return len(np.unique(self.where[self.where >= 0]))

    @property
    def refused(self) -> int:
        """VMs without a host."""
        return int((self.where < 0).sum())


def repair(standing: Standing, where: I64, tight: bool = False) -> Stood:
    """Take off every VM that may not stay and find it another host; everybody else stays where he is.

    First the VM with the fewest hosts to go, then the largest; a VM for which no host has room makes one
    other VM move out of its way.

    Args:
        where: the host of each VM, -1 for none.
        tight: fill the first hosts first, to use few; otherwise one after the other, which is quicker.
    """
    from planner.kernels import repairing

    where = where.copy()
    rank = standing.rank()
    room, present = standing.room(where), standing.present(where)
    rules = (standing.permit, standing.permitted, standing.apart_start, standing.apart_group, present)
    queue = repairing.take_off(where, rank, standing.need, room, *rules)
    choice = standing.permitted.sum(axis=1)[standing.permit[queue]]
    queue = queue[np.lexsort((rank[queue], choice))]
    if repairing.bring_in(queue, where, 0, not tight, standing.need, room, *rules):
        for vm in queue[where[queue] < 0]:
            start, vms = repairing.by_host(where, len(room))
            repairing.make_room(int(vm), where, start, vms, standing.need, room, *rules)
    return Stood(where, None, "repair")


def stand_all(standing: Standing, effort: Effort | None = None) -> Stood:
    """Place every VM on as few of the hosts as can be found, rules and all.

    The plan without rules (patterns, or windows where hardly two VMs are alike) is laid on the hosts and
    repaired; first-fit under the rules is the rival; then hosts are emptied where that is possible.
    """
    plan, bound = _plan_without_rules(standing, effort)
    if standing.free:
        return Stood(plan, bound, "patterns")
    repaired = repair(standing, plan, tight=True)
    best: Stood | None = None
    nobody = np.full(len(standing.need), -1, np.int64)
    for where, method in (
        (repaired.where, "patterns and repair"),
        (_first_fit(standing, nobody), "first fit"),
    ):
        found = Stood(_with_hosts_emptied(standing, where), bound, method)
        if best is None or (found.refused, found.hosts_used) < (best.refused, best.hosts_used):
            best = found
    assert best is not None  # noqa: S101  # the loop ran
    return best


def _first_fit(standing: Standing, where: I64) -> I64:
    """Serve the VMs with the fewest hosts to go first, then the largest: each on the first that takes it."""
    from planner.kernels import repairing

    choice = standing.permitted.sum(axis=1)[standing.permit]
    queue = np.lexsort((standing.rank(), choice)).astype(np.int64)
    rules = (standing.permit, standing.permitted, standing.apart_start, standing.apart_group)
    repairing.bring_in(
        queue, where, 0, False, standing.need, standing.room(where), *rules, standing.present(where)
    )
    return where


def _with_hosts_emptied(standing: Standing, where: I64) -> I64:
    """Empty the least filled hosts onto the others where that is possible."""
    from planner.kernels import repairing

    room, present = standing.room(where), standing.present(where)
    fill = ((standing.capacity - room) / np.maximum(standing.capacity, 1)).max(axis=1)
    rules = (standing.permit, standing.permitted, standing.apart_start, standing.apart_group, present)
    order = np.argsort(fill, kind="stable")[:EMPTIED_AT_MOST]
    repairing.empty_hosts(where, order, standing.rank(), standing.need, room, *rules)
    return where


def _plan_without_rules(standing: Standing, effort: Effort | None) -> tuple[I64, Bound]:
    """Pack ignoring the rules, on the hosts that are open to anybody; gives the host of each VM."""
    from planner.kernels.grouping import group_rows

    open_hosts = np.flatnonzero(standing.permitted.any(axis=0))
    if not len(open_hosts):
        return np.full(len(standing.need), -1, np.int64), Bound(None, "no host is open")
    type_of, first_host = group_rows(standing.capacity[open_hosts])
    shape_of, first_vm = group_rows(standing.need)
    capacity = standing.capacity[open_hosts][first_host]
    numbers = np.bincount(type_of, minlength=len(first_host)).astype(np.int64)
    counts = np.bincount(shape_of, minlength=len(first_vm)).astype(np.int64)
    queues = [open_hosts[type_of == kind] for kind in range(len(first_host))]
    if len(first_vm) > ALIKE:
        spread = pack_distinct(standing.need, capacity, numbers)
        rows = hosts_by_type(spread.kinds, queues)
        return np.where(spread.where >= 0, rows[spread.where], -1), spread.bound
    proven = pack(Shapes(standing.need[first_vm], counts, capacity, numbers), effort)
    return expanded(proven.packing, shape_of, queues), proven.bound


def hosts_by_type(kinds: I64, queues: Sequence[I64]) -> I64:
    """Give each packed host a real one of its type, in the order of the queues."""
    rows = np.zeros(max(1, len(kinds)), np.int64)
    for kind, queue in enumerate(queues):
        mine = np.flatnonzero(kinds == kind)
        rows[mine] = queue[: len(mine)]
    return rows


def expanded(packing: Packing, shape_of: I64, queues: Sequence[I64]) -> I64:
    """Say for each VM on which host it stands, out of how many of its shape stand on each.

    Args:
        packing: patterns of shapes.
        shape_of: the shape of each VM.
        queues: the hosts of each type, in the order in which they are used.
    """
    content = np.repeat(packing.patterns, packing.times, axis=0)
    kinds = np.repeat(packing.kinds, packing.times)
    rows = hosts_by_type(kinds, queues)
    where = np.full(len(shape_of), -1, np.int64)
    order = np.argsort(shape_of, kind="stable")
    starts = np.searchsorted(shape_of[order], np.arange(packing.patterns.shape[1] + 1))
    for shape in range(packing.patterns.shape[1]):
        hosts = np.repeat(rows[: len(content)], content[:, shape])
        vms = order[starts[shape] : starts[shape + 1]]
        where[vms[: len(hosts)]] = hosts[: len(vms)]
    return where
