"""Which hosts may be down together: groups that can be emptied onto the others, one group after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct, structs

from planner.kernels.arrays import I64
from planner.refusal import Refusal
from planner.resilience.evacuation import closing, rehoused
from planner.resilience.ground import Ground, put
from planner.resilience.moving import Step, ordered
from planner.resilience.refusing import why_not
from planner.sentence import Sentence


class RebootGroup(Struct, frozen=True, kw_only=True):
    """Hosts that may be down together, and the migrations that empty them."""

    hosts: tuple[str, ...]
    vms: int
    stages: int


class StuckHost(Struct, frozen=True, kw_only=True):
    """A host that cannot be emptied even alone."""

    host: str
    refusals: tuple[Refusal, ...]


class RebootGroups(Struct, frozen=True, kw_only=True):
    """Every open host is in one group, or stuck.  No plan has fewer groups than `at_least`.

    `unseen` running VMs stand on no open host we know, and move with none.
    """

    cluster: str
    groups: tuple[RebootGroup, ...]
    stuck: tuple[StuckHost, ...]
    at_least: int
    unseen: int = 0
    notes: tuple[Sentence, ...] = ()

    @property
    def complete(self) -> bool | None:
        """Whether every host can be emptied; None where that is so as far as is known."""
        if self.stuck:
            return False
        return None if self.unseen else True


def reboot_groups(ground: Ground) -> RebootGroups:
    """Put the hosts into few groups, each of which can be emptied by live migration onto all other hosts.

    After its reboot the VMs of a group return, so every group starts from today.  All rules hold, on the
    way too.  First-fit over the hosts, the fullest first: a host joins the first group that can still
    be emptied with it.  Ganeti's hroller asks the same; its groups are colours of a graph.

    Returns:
        The groups, largest first; hosts that cannot be emptied even alone, with the reasons; and a
        lower bound: at most so many of the largest hosts can be down that the others hold everything.
    """
    fill = ((ground.standing.capacity - ground.room()) / np.maximum(ground.standing.capacity, 1)).max(axis=1)
    groups: list[tuple[list[int], list[Step]]] = []
    stuck = []
    for host in np.argsort(-fill, kind="stable").tolist():
        for members, steps in groups:
            found = emptied(ground, [*members, host])
            if found is not None:
                members.append(host)
                steps[:] = found
                break
        else:
            found = emptied(ground, [host])
            if found is None:
                stuck.append(_stuck(ground, host))
            else:
                groups.append(([host], found))
    return RebootGroups(
        cluster=ground.cluster,
        groups=tuple(
            sorted((_group(ground, *one) for one in groups), key=lambda g: (-len(g.hosts), g.hosts))
        ),
        stuck=tuple(sorted(stuck, key=lambda one: one.host)),
        at_least=at_least(ground, len(stuck)),
        unseen=ground.unseen,
        notes=ground.notes,
    )


def emptied(ground: Ground, columns: Sequence[int]) -> list[Step] | None:
    """Give the migrations that empty hosts together; None where not all VMs find another host."""
    leaving = np.flatnonzero(np.isin(ground.where, columns))
    if _too_much(ground, leaving, columns):
        return None
    closed = structs.replace(ground, standing=closing(ground.standing, columns))
    where = rehoused(closed, leaving)
    if (where[leaving] < 0).any():
        return None
    wanted = [
        Step(row=row, source=int(ground.where[row]), target=int(where[row]))
        for row in np.flatnonzero(where != ground.where).tolist()
    ]
    steps, left = ordered(closed, wanted)
    return steps if not left else None


def _too_much(ground: Ground, leaving: I64, columns: Sequence[int]) -> bool:
    """Whether the others cannot hold the VMs by their sums alone."""
    room = np.maximum(ground.room(), 0)
    room[list(columns)] = 0
    return bool((ground.standing.need[leaving].sum(axis=0) > room.sum(axis=0)).any())


def at_least(ground: Ground, stuck: int = 0) -> int:
    """Say how many groups there are at least: hosts by the most that can be down by the sums alone.

    A host that is down takes away what it gives, or what it holds where that is more; the smallest may
    go, as long as what is left holds the load, in each resource.

    Args:
        ground: the cluster.
        stuck: hosts that are in no group.
    """
    hosts = len(ground.hosts)
    running = ground.where >= 0
    load = ground.standing.need[running].sum(axis=0)
    gives = np.maximum(ground.standing.capacity, ground.standing.capacity - ground.room())
    most = hosts
    for column in np.flatnonzero(load).tolist():
        left = np.sort(gives[:, column])[::-1].cumsum()
        most = min(most, hosts - int(np.argmax(left >= load[column])) - 1)
    return -(-(hosts - stuck) // most) if most else hosts - stuck


def _group(ground: Ground, members: Sequence[int], steps: Sequence[Step]) -> RebootGroup:
    return RebootGroup(
        hosts=tuple(sorted(ground.hosts[host].name for host in members)),
        vms=sum(len(ground.names(step.row)) for step in steps),
        stages=max((step.stage for step in steps), default=0),
    )


def _stuck(ground: Ground, host: int) -> StuckHost:
    """Say which VMs hold a host, after all that can leave have left."""
    leaving = np.flatnonzero(ground.where == host)
    closed = structs.replace(ground, standing=closing(ground.standing, [host]))
    where = rehoused(closed, leaving)
    room, present = closed.standing.room(where), closed.standing.present(where)
    for row in leaving[where[leaving] < 0].tolist():
        put(closed.standing, row, host, room, present)
    left = np.arange(len(ground.hosts)) != host
    held = [row for row in leaving.tolist() if where[row] < 0]
    return StuckHost(
        host=ground.hosts[host].name,
        refusals=tuple(
            Refusal(vm=name, reasons=why_not(closed, row, room, present, left))
            for row in held
            for name in ground.names(row)
        ),
    )
