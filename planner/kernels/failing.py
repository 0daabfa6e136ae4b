"""Lose one unit, lose every two units: restart their VMs on what is left, really, each time."""

from __future__ import annotations

import numpy as np

from planner.kernels.arrays import I32, I64, Flags
from planner.kernels.fitting import may_stand, stand
from planner.kernels.jit import kernel
from planner.kernels.restarting import first_host, hopeless, restart_all, undo
from planner.kernels.searching import FOUND, IMPOSSIBLE, restart_somehow

SEARCHED_AT_MOST = 100  # VMs up to which every way is worth trying
STEPS_A_SEARCH = 50_000


@kernel
def lose_units(
    need: I64,
    unit_start: I64,
    unit_vm: I64,
    size: I64,
    unit: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
    pairs: bool,
    effort: int,
) -> tuple[I64, I32, Flags]:
    """Lose every unit, and every two units, and restart their VMs on what is left.

    Every verdict "none lost" is a placement that was made: the plans of two single losses side by side
    where they do not meet, and VM by VM where they do.  A verdict "lost" is proven where a VM finds no
    host even when it is alone, where the room of all hosts together does not hold the VMs, where every
    way was tried, or where one of the two losses is proven to lose VMs already; elsewhere three ways to
    restart did not find a placement, and neither did trying every way until the effort was spent.

    Args:
        need: need[vm, resource].
        unit_start, unit_vm: the VMs of each unit, largest first, in compressed form.
        size: rank[vm] by size, 0 the largest: the order of a joint restart.
        unit: the unit of each host (a host, a rack, a site).
        room: room[host, resource] with every VM in its place; negative where a host is overfull.
        permit, permitted, apart_start, apart_group, present: see `may_stand`; `present` as it is now.
        pairs: whether to lose two units at a time.
        effort: steps in all for trying every way where the quick ways lose VMs; each is a look at a host.

    Returns:
        The host on which each VM restarts when its unit alone is lost (-1: none), VMs lost as
        lost[unit, unit] (a single loss on the diagonal), and where that is proven.  Where a single loss
        already loses VMs, the number of a pair is the sum of the two: at least so many.
    """
    units = unit_start.shape[0] - 1
    hosts = room.shape[0]
    plan = np.full(need.shape[0], -1, np.int64)
    lost = np.zeros((units, units), np.int32)
    proven = np.ones((units, units), np.bool_)
    alone = np.zeros(units, np.int32)
    cursor = 0
    # A VM of a lost unit is gone from its groups there, but no VM may return to that unit: nothing to undo.
    for a in range(units):
        vms = unit_vm[unit_start[a] : unit_start[a + 1]]
        target = np.full(vms.shape[0], -1, np.int64)
        for row in range(vms.shape[0]):
            if (
                first_host(
                    vms[row], 0, a, a, unit, need, room, permit, permitted, apart_start, apart_group, present
                )
                < 0
            ):
                alone[a] += 1
        missing = restart_all(
            vms,
            False,
            a,
            a,
            unit,
            need,
            room,
            permit,
            permitted,
            apart_start,
            apart_group,
            present,
            target,
            cursor,
        )
        undo(vms, target, need, room, apart_start, apart_group, present)
        if missing > alone[a]:
            again = np.full(vms.shape[0], -1, np.int64)
            fewer = restart_all(
                vms,
                True,
                a,
                a,
                unit,
                need,
                room,
                permit,
                permitted,
                apart_start,
                apart_group,
                present,
                again,
                0,
            )
            undo(vms, again, need, room, apart_start, apart_group, present)
            if fewer < missing:
                missing = fewer
                target[:] = again
        sure = missing == alone[a]
        if not sure:
            sure = hopeless(vms, unit, a, a, need, room)
        if not sure and effort > 0 and vms.shape[0] <= SEARCHED_AT_MOST:
            again = np.full(vms.shape[0], -1, np.int64)
            found, steps = restart_somehow(
                vms,
                a,
                a,
                unit,
                need,
                room,
                permit,
                permitted,
                apart_start,
                apart_group,
                present,
                again,
                min(effort, STEPS_A_SEARCH),
            )
            effort -= steps
            sure = found == IMPOSSIBLE
            if found == FOUND:
                missing = 0
                sure = True
                target[:] = again
        for row in range(vms.shape[0]):
            plan[vms[row]] = target[row]
            if target[row] >= 0:
                cursor = (target[row] + 1) % hosts
        lost[a, a] = missing
        proven[a, a] = sure
    if not pairs:
        return plan, lost, proven
    moved = np.empty(need.shape[0] + 1, np.int64)
    onto = np.empty(need.shape[0] + 1, np.int64)
    for a in range(units):
        first = unit_vm[unit_start[a] : unit_start[a + 1]]
        met = unit == a  # hosts that the loss of `a` takes or fills
        struck = np.zeros(units, np.bool_)  # units on which a VM of `a` restarts
        for row in range(first.shape[0]):
            if plan[first[row]] >= 0:
                stand(first[row], plan[first[row]], 1, need, room, apart_start, apart_group, present)
                met[plan[first[row]]] = True
                struck[unit[plan[first[row]]]] = True
        for b in range(a + 1, units):
            second = unit_vm[unit_start[b] : unit_start[b + 1]]
            meeting = struck[b]  # only asked where neither loss loses VMs already
            for row in range(second.shape[0]):
                if plan[second[row]] >= 0 and met[plan[second[row]]]:
                    meeting = True
                    break
            missing = lost[a, a] + lost[b, b]
            sure = proven[a, a] and proven[b, b]
            if missing > 0:
                sure = (lost[a, a] > 0 and proven[a, a]) or (lost[b, b] > 0 and proven[b, b])
            elif meeting:
                missing = _mend(
                    a,
                    b,
                    first,
                    second,
                    plan,
                    unit,
                    need,
                    room,
                    permit,
                    permitted,
                    apart_start,
                    apart_group,
                    present,
                    moved,
                    onto,
                )
                if missing > 0:
                    missing, sure, effort = _lose_both(
                        a,
                        b,
                        first,
                        second,
                        plan,
                        size,
                        unit,
                        need,
                        room,
                        permit,
                        permitted,
                        apart_start,
                        apart_group,
                        present,
                        effort,
                    )
            lost[a, b] = lost[b, a] = missing
            proven[a, b] = proven[b, a] = sure
        for row in range(first.shape[0]):
            if plan[first[row]] >= 0:
                stand(first[row], plan[first[row]], -1, need, room, apart_start, apart_group, present)
    return plan, lost, proven


@kernel
def _mend(
    a: int,
    b: int,
    first: I64,
    second: I64,
    plan: I64,
    unit: I64,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
    moved: I64,
    onto: I64,
) -> int:
    """Lose `b` after `a`: keep the plans of both where they do not meet, and look further where they do.

    Returns:
        VMs that find no host, beyond those that find none when their unit alone is lost.
    """
    number = 0
    missing = 0
    for row in range(first.shape[0] + second.shape[0]):
        if row < first.shape[0]:
            vm = first[row]
            if plan[vm] < 0 or unit[plan[vm]] != b:
                continue
            host = -1
        else:
            vm = second[row - first.shape[0]]
            host = plan[vm]
            if host < 0:
                continue
        if (
            host < 0
            or unit[host] == a
            or not may_stand(vm, host, need, room, permit, permitted, apart_start, apart_group, present)
        ):
            start = (plan[vm] + 1) % room.shape[0]
            host = first_host(
                vm, start, a, b, unit, need, room, permit, permitted, apart_start, apart_group, present
            )
        if host < 0:
            missing += 1
            continue
        stand(vm, host, 1, need, room, apart_start, apart_group, present)
        moved[number] = vm
        onto[number] = host
        number += 1
    for row in range(number):
        stand(moved[row], onto[row], -1, need, room, apart_start, apart_group, present)
    return missing


@kernel
def _lose_both(
    a: int,
    b: int,
    first: I64,
    second: I64,
    plan: I64,
    size: I64,
    unit: I64,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
    effort: int,
) -> tuple[int, bool, int]:
    """Restart the VMs of two units together, largest first, by first and by best fit, then in every way.

    Returns:
        VMs lost, whether that is proven, and the effort that is left.
    """
    for row in range(first.shape[0]):
        if plan[first[row]] >= 0:
            stand(first[row], plan[first[row]], -1, need, room, apart_start, apart_group, present)
    both = np.concatenate((first, second))
    both = both[np.argsort(size[both])]
    alone = 0  # VMs that find no host even with nothing else to restart
    for row in range(both.shape[0]):
        if (
            first_host(
                both[row], 0, a, b, unit, need, room, permit, permitted, apart_start, apart_group, present
            )
            < 0
        ):
            alone += 1
    fewest = both.shape[0] + 1
    for tightest in (False, True):
        target = np.full(both.shape[0], -1, np.int64)
        missing = restart_all(
            both,
            tightest,
            a,
            b,
            unit,
            need,
            room,
            permit,
            permitted,
            apart_start,
            apart_group,
            present,
            target,
            0,
        )
        undo(both, target, need, room, apart_start, apart_group, present)
        fewest = min(fewest, missing)
        if fewest <= alone:
            break
    sure = fewest == alone
    if not sure:
        sure = hopeless(both, unit, a, b, need, room)
    if not sure and effort > 0 and both.shape[0] <= SEARCHED_AT_MOST:
        target = np.full(both.shape[0], -1, np.int64)
        found, steps = restart_somehow(
            both,
            a,
            b,
            unit,
            need,
            room,
            permit,
            permitted,
            apart_start,
            apart_group,
            present,
            target,
            min(effort, STEPS_A_SEARCH),
        )
        effort -= steps
        sure = found == IMPOSSIBLE
        if found == FOUND:
            fewest = 0
            sure = True
    for row in range(first.shape[0]):
        if plan[first[row]] >= 0:
            stand(first[row], plan[first[row]], 1, need, room, apart_start, apart_group, present)
    return fewest, sure, effort
