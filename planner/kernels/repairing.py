"""Make a placement hold again: take off what may not stay, bring it where it may stand."""

from __future__ import annotations

import numpy as np

from planner.kernels.arrays import I32, I64, Flags
from planner.kernels.fitting import may_stand, stand
from planner.kernels.jit import kernel


@kernel
def by_host(where: I64, hosts: int) -> tuple[I64, I64]:
    """The VMs of each host in compressed form, in the order of their rows."""
    start = np.zeros(hosts + 1, np.int64)
    for vm in range(where.shape[0]):
        if where[vm] >= 0:
            start[where[vm] + 1] += 1
    for host in range(hosts):
        start[host + 1] += start[host]
    fill = start[:-1].copy()
    vms = np.empty(start[hosts], np.int64)
    for vm in range(where.shape[0]):
        if where[vm] >= 0:
            vms[fill[where[vm]]] = vm
            fill[where[vm]] += 1
    return start, vms


@kernel
def _overfull(room: I64, host: int) -> bool:
    """Whether a host holds more than it has."""
    for resource in range(room.shape[1]):
        if room[host, resource] < 0:
            return True
    return False


@kernel
def take_off(
    where: I64,
    size: I64,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
) -> I64:
    """Take off every VM that may not stay: host not permitted, too many of a group, host overfull.

    Of an overfull host the smallest VM goes whose going is enough, or else the largest.

    Args:
        where: in and out, -1 for a VM without a host; all else as `may_stand`, kept up to date.
        size: the rank of each VM by size, 0 the largest.

    Returns:
        The VMs without a host, those that had none before among them.
    """
    hosts = room.shape[0]
    for vm in range(where.shape[0]):
        host = where[vm]
        if host < 0:
            continue
        leave = not permitted[permit[vm], host]
        for entry in range(apart_start[vm], apart_start[vm + 1]):
            leave = leave or present[apart_group[entry], host] > 1
        if leave:
            stand(vm, host, -1, need, room, apart_start, apart_group, present)
            where[vm] = -1
    start, vms = by_host(where, hosts)
    for host in range(hosts):
        while _overfull(room, host):
            chosen, chosen_rank, enough = -1, -1, False
            for row in range(start[host], start[host + 1]):
                vm = vms[row]
                if where[vm] != host:
                    continue
                relieves = True
                helps = False
                for resource in range(room.shape[1]):
                    if room[host, resource] < 0:
                        helps = helps or need[vm, resource] > 0
                        relieves = relieves and room[host, resource] + need[vm, resource] >= 0
                if not helps:
                    continue
                better = chosen < 0 or (relieves and not enough)
                if relieves == enough and chosen >= 0:
                    better = size[vm] > chosen_rank if enough else size[vm] < chosen_rank
                if better:
                    chosen, chosen_rank, enough = vm, size[vm], relieves
            if chosen < 0:
                break
            stand(chosen, host, -1, need, room, apart_start, apart_group, present)
            where[chosen] = -1
    return np.flatnonzero(where < 0)


@kernel
def bring_in(
    queue: I64,
    where: I64,
    start: int,
    step_on: bool,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
) -> int:
    """Give each VM of a queue the first host that takes it.

    Args:
        queue: VMs in the order in which they are served.
        start: the host to look at first.
        step_on: look on from where the last VM was placed (spreads, quick), not from the start (packs).

    Returns:
        How many find none.
    """
    hosts = room.shape[0]
    refused = 0
    cursor = start
    for row in range(queue.shape[0]):
        vm = queue[row]
        placed = False
        for step in range(hosts):
            host = cursor + step
            if host >= hosts:
                host -= hosts
            if may_stand(vm, host, need, room, permit, permitted, apart_start, apart_group, present):
                stand(vm, host, 1, need, room, apart_start, apart_group, present)
                where[vm] = host
                placed = True
                if step_on:
                    cursor = host
                break
        if not placed:
            refused += 1
    return refused


@kernel
def make_room(
    vm: int,
    where: I64,
    start: I64,
    vms: I64,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
) -> bool:
    """Place a VM by moving one other VM out of its way; returns whether that was possible."""
    hosts = room.shape[0]
    for host in range(hosts):
        if not permitted[permit[vm], host]:
            continue
        for row in range(start[host], start[host + 1]):
            other = vms[row]
            if where[other] != host:
                continue
            stand(other, host, -1, need, room, apart_start, apart_group, present)
            if may_stand(vm, host, need, room, permit, permitted, apart_start, apart_group, present):
                stand(vm, host, 1, need, room, apart_start, apart_group, present)
                for target in range(hosts):
                    if target != host and may_stand(
                        other, target, need, room, permit, permitted, apart_start, apart_group, present
                    ):
                        stand(other, target, 1, need, room, apart_start, apart_group, present)
                        where[other] = target
                        where[vm] = host
                        return True
                stand(vm, host, -1, need, room, apart_start, apart_group, present)
            stand(other, host, 1, need, room, apart_start, apart_group, present)
    return False


@kernel
def empty_hosts(
    where: I64,
    order: I64,
    size: I64,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
) -> int:
    """Try to empty hosts, in the order given, onto other hosts in use; returns how many were emptied."""
    hosts = room.shape[0]
    start, _ = by_host(where, hosts)
    used = np.zeros(hosts, np.bool_)
    for host in range(hosts):
        used[host] = start[host + 1] > start[host]
    emptied = 0
    for place in range(order.shape[0]):
        host = order[place]
        if not used[host]:
            continue
        leaving = np.flatnonzero(where == host)
        leaving = leaving[np.argsort(size[leaving])]
        done = 0
        for row in range(leaving.shape[0]):
            target = -1
            for other in range(hosts):
                if (
                    other != host
                    and used[other]
                    and may_stand(
                        leaving[row], other, need, room, permit, permitted, apart_start, apart_group, present
                    )
                ):
                    target = other
                    break
            if target < 0:
                break
            stand(leaving[row], target, 1, need, room, apart_start, apart_group, present)
            stand(leaving[row], host, -1, need, room, apart_start, apart_group, present)
            where[leaving[row]] = target
            done += 1
        if done < leaving.shape[0]:
            for row in range(done):
                stand(leaving[row], where[leaving[row]], -1, need, room, apart_start, apart_group, present)
                stand(leaving[row], host, 1, need, room, apart_start, apart_group, present)
                where[leaving[row]] = host
        else:
            used[host] = False
            emptied += 1
    return emptied
