"""Two migrations that lower the score together where neither does alone: the look-ahead of the balancers."""

from __future__ import annotations

import numpy as np

from planner.kernels.arrays import F64, I32, I64, Flags
from planner.kernels.fitting import may_stand, stand
from planner.kernels.jit import kernel


@kernel
def best_pair(
    sources: I64,
    aside: I64,
    start: I64,
    vms: I64,
    movable: Flags,
    open_to: Flags,
    part: F64,
    unit: F64,
    value: F64,
    weight: F64,
    least_gain: float,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
) -> tuple[float, I64]:
    """Find the best pair of moves: first `other` leaves `target` for `third`, then `vm` takes its place.

    `third` is the source of `vm` (the two change places) or one of the hosts `aside`.  Both moves are
    valid when they begin: the first while `vm` is still at home, the second when `other` has gone.

    Args:
        sources: hosts whose VMs are tried as `vm`.
        aside: hosts that are tried as `third` beside the source.
        start, vms: the VMs of each host in compressed form.
        least_gain: a pair must lower the score by more.
        others: see `steepest_moves`.

    Returns:
        The gain (0 where there is none), and (other, target, third, vm, source).
    """
    hosts, loads = value.shape
    total, square = np.zeros(loads), np.zeros(loads)
    current = 0.0
    for load in range(loads):
        for host in range(hosts):
            total[load] += value[host, load]
            square[load] += value[host, load] ** 2
        mean = total[load] / hosts
        current += weight[load] * np.sqrt(max(0.0, square[load] / hosts - mean * mean))
    share = 1.0 / hosts
    best, found = current - least_gain, np.full(5, -1, np.int64)
    for number in range(sources.shape[0]):
        source = sources[number]
        for first in range(start[source], start[source + 1]):
            vm = vms[first]
            if not movable[vm]:
                continue
            for target in range(hosts):
                if target == source or not open_to[target] or not permitted[permit[vm], target]:
                    continue
                for second in range(start[target], start[target + 1]):
                    other = vms[second]
                    if not movable[other]:
                        continue
                    for choice in range(aside.shape[0] + 1):
                        third = source if choice == 0 else aside[choice - 1]
                        if third == target or not open_to[third] or (choice > 0 and third == source):
                            continue
                        score = 0.0
                        for load in range(loads):
                            at_source = -part[vm, load] * unit[source, load]
                            at_target = (part[vm, load] - part[other, load]) * unit[target, load]
                            at_third = part[other, load] * unit[third, load]
                            if third == source:
                                at_source += at_third
                                at_third = 0.0
                            summed = total[load] + at_source + at_target + at_third
                            squared = square[load] + at_source * (2.0 * value[source, load] + at_source)
                            squared += at_target * (2.0 * value[target, load] + at_target)
                            squared += at_third * (2.0 * value[third, load] + at_third)
                            variance = squared * share - (summed * share) ** 2
                            if variance > 0.0:
                                score += weight[load] * np.sqrt(variance)
                            if score >= best:
                                break
                        if score >= best or not may_stand(
                            other, third, need, room, permit, permitted, apart_start, apart_group, present
                        ):
                            continue
                        stand(other, third, 1, need, room, apart_start, apart_group, present)
                        stand(other, target, -1, need, room, apart_start, apart_group, present)
                        if may_stand(
                            vm, target, need, room, permit, permitted, apart_start, apart_group, present
                        ):
                            best = score
                            found[0], found[1], found[2] = other, target, third
                            found[3], found[4] = vm, source
                        stand(other, target, 1, need, room, apart_start, apart_group, present)
                        stand(other, third, -1, need, room, apart_start, apart_group, present)
    if found[0] < 0:
        return 0.0, found
    return current - best, found
