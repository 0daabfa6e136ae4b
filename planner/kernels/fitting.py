"""Whether a VM may stand on a host: room, permitted hosts, VMs that stay apart; and putting it there."""

from __future__ import annotations

from planner.kernels.arrays import I32, I64, Flags
from planner.kernels.jit import kernel


@kernel
def may_stand(
    vm: int,
    host: int,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
) -> bool:
    """Whether a host takes a VM.

    Args:
        need: need[vm, resource]; room: room[host, resource], what is left.
        permit: the row of `permitted` that holds for each VM; permitted[row, host].
        apart_start, apart_group: the groups of each VM of which no host takes two, in compressed form.
        present: present[group, host], VMs of the group on the host.
    """
    for resource in range(need.shape[1]):
        if need[vm, resource] > room[host, resource]:
            return False
    if not permitted[permit[vm], host]:
        return False
    for entry in range(apart_start[vm], apart_start[vm + 1]):
        if present[apart_group[entry], host] > 0:
            return False
    return True


@kernel
def stand(
    vm: int, host: int, sign: int, need: I64, room: I64, apart_start: I64, apart_group: I64, present: I32
) -> None:
    """Put a VM on a host (sign 1) or take it away (sign -1)."""
    for resource in range(need.shape[1]):
        room[host, resource] -= sign * need[vm, resource]
    for entry in range(apart_start[vm], apart_start[vm + 1]):
        present[apart_group[entry], host] += sign
