"""Fill hosts from a fleet in which no two VMs are alike: the best of a window of the largest that may fit."""

from __future__ import annotations

from typing import Final

import numpy as np

from planner.kernels.arrays import F64, I64
from planner.kernels.jit import kernel

ROUNDING: Final = 1e-12  # kept free, so that the sums of shares never exceed a whole-numbered capacity


@kernel
def _next_alive(follow: I64, place: int) -> int:
    """The first VM at `place` or behind that has no host yet; shortens the chain on its way."""
    end = place
    while follow[end] != end:
        end = follow[end]
    while follow[place] != end:
        step = follow[place]
        follow[place] = end
        place = step
    return end


@kernel
def _first_at_most(size: F64, room: float) -> int:
    """The first place of a falling row of sizes that is not above `room`."""
    low, high = 0, size.shape[0]
    while low < high:
        middle = (low + high) // 2
        if size[middle] > room:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _best_of_window(
    demand: F64, taste: F64, room: F64, follow: I64, place: int, window: int, by_dot: bool
) -> int:
    """The VM of a window that suits the room best, or -1."""
    vms, resources = demand.shape
    best, best_score, seen = -1, -1e300, 0
    vm = _next_alive(follow, place)
    while vm < vms and seen < window:
        seen += 1
        score = 0.0
        fits = True
        for resource in range(resources):
            rest = room[resource] - demand[vm, resource]
            if rest < 0.0:
                fits = False
                break
            if by_dot:
                score += taste[resource] * demand[vm, resource] * room[resource]
            else:
                score -= taste[resource] * rest * rest
        if fits and score > best_score:
            best, best_score = vm, score
        vm = _next_alive(follow, vm + 1)
    return best


@kernel
def _first_of_scarce(
    demand: F64, room: F64, scarce: int, order: I64, need: F64, follow: I64, window: int
) -> int:
    """The VM that takes most of what is left of the scarce resource, of a window; -1 where none fits."""
    vms, resources = demand.shape
    place = _next_alive(follow, _first_at_most(need, room[scarce]))
    seen = 0
    while place < vms and seen < window:
        seen += 1
        fits = True
        for resource in range(resources):
            if demand[order[place], resource] > room[resource]:
                fits = False
                break
        if fits:
            return int(order[place])
        place = _next_alive(follow, place + 1)
    return -1


@kernel
def fill_from_windows(
    demand: F64,
    weight: F64,
    taste: F64,
    scarce: int,
    rooms: F64,
    hosts: I64,
    window: int,
    by_dot: bool,
) -> tuple[I64, I64]:
    """Fill one host after the other, each step with the best of a window of the VMs that may fit.

    When no VM of the window fits, the host is closed with VMs that take just what is left of the
    scarcest resource: what is not used of that one is what costs hosts.

    Args:
        demand: demand[vm, resource] in shares of a host, the VMs in falling order of demand @ weight.
        weight: weight[resource] of the size by which the VMs are sorted.
        taste: taste[resource], its weight in the choice.
        scarce: the resource of which most is wanted.
        rooms: rooms[type, resource]: what a host of each type gives, in the same shares.
        hosts: hosts of each type; the types are filled in their order.
        window: VMs looked at in each step: the largest of those not too large by weight.
        by_dot: take the largest dot product of demand and room; otherwise the least distance.

    Returns:
        The host of each VM, -1 where none is left for it, and the type of each host used.
    """
    vms, resources = demand.shape
    kinds = np.empty(vms, np.int64)
    host = 0
    where = np.full(vms, -1, np.int64)
    follow = np.arange(vms + 1)
    size = np.zeros(vms)
    for vm in range(vms):
        for resource in range(resources):
            size[vm] += demand[vm, resource] * weight[resource]
    order = np.argsort(-demand[:, scarce], kind="mergesort")
    need = np.empty(vms)
    rank = np.empty(vms, np.int64)
    for place in range(vms):
        need[place] = demand[order[place], scarce]
        rank[order[place]] = place
    follow_scarce = np.arange(vms + 1)
    room = np.empty(resources)
    for kind in range(rooms.shape[0]):
        for _ in range(min(hosts[kind], vms)):
            if _next_alive(follow, 0) == vms:
                break
            room[:] = rooms[kind] * (1.0 - ROUNDING)
            taken = 0
            while True:
                open_room = 0.0
                for resource in range(resources):
                    open_room += room[resource] * weight[resource]
                best = _best_of_window(
                    demand, taste, room, follow, _first_at_most(size, open_room), window, by_dot
                )
                if best < 0:
                    best = _first_of_scarce(demand, room, scarce, order, need, follow_scarce, window)
                if best < 0:
                    break
                where[best] = host
                taken += 1
                follow[best] = best + 1
                follow_scarce[rank[best]] = rank[best] + 1
                for resource in range(resources):
                    room[resource] -= demand[best, resource]
            if taken == 0:
                break
            kinds[host] = kind
            host += 1
    return where, kinds[:host]
