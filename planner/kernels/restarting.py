"""Find hosts for VMs whose own is lost; put them there and take them away again."""

from __future__ import annotations

from planner.kernels.arrays import I32, I64, Flags
from planner.kernels.fitting import may_stand, stand
from planner.kernels.jit import kernel


@kernel
def first_host(
    vm: int,
    start: int,
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
) -> int:
    """The first host from `start` on, in a circle, that takes the VM and is not lost; -1 if none does."""
    hosts = room.shape[0]
    for step in range(hosts):
        host = start + step
        if host >= hosts:
            host -= hosts
        if (
            unit[host] != skip_a
            and unit[host] != skip_b
            and may_stand(vm, host, need, room, permit, permitted, apart_start, apart_group, present)
        ):
            return host
    return -1


@kernel
def tightest_host(
    vm: int,
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
) -> int:
    """The host on which the VM leaves least, by its scarcest share; -1 if none takes it."""
    best, best_rest = -1, 1e300
    for host in range(room.shape[0]):
        if (
            unit[host] != skip_a
            and unit[host] != skip_b
            and may_stand(vm, host, need, room, permit, permitted, apart_start, apart_group, present)
        ):
            rest = 0.0
            for resource in range(need.shape[1]):
                rest += (room[host, resource] - need[vm, resource]) / (need[vm, resource] + 1.0)
            if rest < best_rest:
                best, best_rest = host, rest
    return best


@kernel
def restart_all(
    vms: I64,
    tightest: bool,
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
    start: int,
) -> int:
    """Restart VMs in the order given; fills `target` and returns how many find no host."""
    lost = 0
    for row in range(vms.shape[0]):
        vm = vms[row]
        if tightest:
            host = tightest_host(
                vm, skip_a, skip_b, unit, need, room, permit, permitted, apart_start, apart_group, present
            )
        else:
            host = first_host(
                vm,
                start,
                skip_a,
                skip_b,
                unit,
                need,
                room,
                permit,
                permitted,
                apart_start,
                apart_group,
                present,
            )
        target[row] = host
        if host < 0:
            lost += 1
        else:
            stand(vm, host, 1, need, room, apart_start, apart_group, present)
            start = host + 1 if host + 1 < room.shape[0] else 0  # one after the other: plans seldom meet
    return lost


@kernel
def undo(
    vms: I64, target: I64, need: I64, room: I64, apart_start: I64, apart_group: I64, present: I32
) -> None:
    """Take away what `restart_all` put."""
    for row in range(vms.shape[0]):
        if target[row] >= 0:
            stand(vms[row], target[row], -1, need, room, apart_start, apart_group, present)


@kernel
def hopeless(vms: I64, unit: I64, skip_a: int, skip_b: int, need: I64, room: I64) -> bool:
    """Whether the room of all hosts that stay cannot hold the VMs, resource by resource.

    A host that holds too much already has no room; it takes none away from the others.
    """
    for resource in range(need.shape[1]):
        wanted = 0.0
        for row in range(vms.shape[0]):
            wanted += need[vms[row], resource]
        for host in range(room.shape[0]):
            if unit[host] != skip_a and unit[host] != skip_b and room[host, resource] > 0:
                wanted -= room[host, resource]
        if wanted > 0.5:
            return True
    return False
