"""Try every way to restart a few VMs, within a number of steps: found, impossible, or given up."""

from __future__ import annotations

from typing import Final

import numpy as np

from planner.kernels.arrays import I32, I64, Flags
from planner.kernels.fitting import may_stand, stand
from planner.kernels.jit import kernel
from planner.kernels.restarting import undo

FOUND: Final = 1
IMPOSSIBLE: Final = 0
GIVEN_UP: Final = -1
TWINS_AMONG: Final = 64  # hosts up to which those that differ in nothing are told apart from the others


@kernel
def _twins(one: int, other: int, room: I64, permitted: Flags, present: I32) -> bool:
    """Whether no VM could tell two hosts apart."""
    for resource in range(room.shape[1]):
        if room[one, resource] != room[other, resource]:
            return False
    for row in range(permitted.shape[0]):
        if permitted[row, one] != permitted[row, other]:
            return False
    for group in range(present.shape[0]):
        if present[group, one] != present[group, other]:
            return False
    return True


@kernel
def _has_twin_before(
    host: int, begin: int, skip_a: int, skip_b: int, unit: I64, room: I64, permitted: Flags, present: I32
) -> bool:
    """Whether a host that was tried already is like this one, so that to try it again would tell nothing."""
    for other in range(begin, host):
        if unit[other] != skip_a and unit[other] != skip_b and _twins(other, host, room, permitted, present):
            return True
    return False


@kernel
def _alike(one: int, other: int, need: I64, permit: I64, apart_start: I64) -> bool:
    """Whether two VMs can change places without anybody noticing."""
    for vm in (one, other):
        if apart_start[vm + 1] > apart_start[vm]:
            return False
    for resource in range(need.shape[1]):
        if need[one, resource] != need[other, resource]:
            return False
    return bool(permit[one] == permit[other])


@kernel
def restart_somehow(
    vms: I64,
    skip_a: int,
    skip_b: int,
    unit: I64,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
    target: I64,
    most: int,
) -> tuple[int, int]:
    """Find a host for each VM by trying every way; the VMs are taken away again.

    Args:
        vms: in the order in which they are tried; best the hardest first, equal ones side by side.
        target: out, the host of each; all -1 where none was found.
        most: steps, each a look at one host, before giving up.

    Returns:
        FOUND, IMPOSSIBLE or GIVEN_UP, and the steps taken.
    """
    hosts = room.shape[0]
    number = vms.shape[0]
    begin = np.zeros(number + 1, np.int64)
    level, steps = 0, 0
    target[:] = -1
    host = 0
    while 0 <= level < number:
        vm = vms[level]
        found = False
        while host < hosts:
            steps += 1
            if steps > most:
                undo(vms, target, need, room, apart_start, apart_group, present)
                target[:] = -1
                return GIVEN_UP, steps
            if (
                unit[host] != skip_a
                and unit[host] != skip_b
                and may_stand(vm, host, need, room, permit, permitted, apart_start, apart_group, present)
                and not (
                    hosts <= TWINS_AMONG
                    and _has_twin_before(host, begin[level], skip_a, skip_b, unit, room, permitted, present)
                )
            ):
                found = True
                break
            host += 1
        if found:
            stand(vm, host, 1, need, room, apart_start, apart_group, present)
            target[level] = host
            level += 1
            if level < number:
                begin[level] = host if _alike(vm, vms[level], need, permit, apart_start) else 0
                host = begin[level]
        else:
            level -= 1
            if level >= 0:
                stand(vms[level], target[level], -1, need, room, apart_start, apart_group, present)
                host = target[level] + 1
                target[level] = -1
    if level < 0:
        return IMPOSSIBLE, steps
    undo(vms, target, need, room, apart_start, apart_group, present)
    return FOUND, steps
