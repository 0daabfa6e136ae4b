"""Even out many hosts by moves and exchanges, counting each VM that ends elsewhere once.

The score is that of `balancing`.  Near the end of a gain its slope says enough: with c = weight /
(2 x hosts x deviation), a change of load d on a host that is y above the mean costs c x d x (2 y + d).
So a move costs the sum of that over two hosts, and an exchange of p and q costs both moves less
2 c (u_s^2 + u_t^2) p q.
"""

from __future__ import annotations

import numpy as np

from planner.kernels.arrays import F64, I32, I64, Flags
from planner.kernels.balancing import score_of
from planner.kernels.fitting import may_stand, stand
from planner.kernels.jit import kernel

NONE_YET = -1  # nobody is taken along; then come the VMs of the chain
NOBODY = -2  # the end of a chain


@kernel
def _slopes(value: F64, weight: F64, mean: F64, slope: F64) -> None:
    """Fill the mean of each load and how steeply the score follows its sum of squares."""
    hosts, loads = value.shape
    for load in range(loads):
        mean[load] = 0.0
        for host in range(hosts):
            mean[load] += value[host, load]
        mean[load] /= hosts
        spread = 0.0
        for host in range(hosts):
            spread += (value[host, load] - mean[load]) ** 2
        deviation = np.sqrt(spread / hosts)
        slope[load] = weight[load] / (2.0 * hosts * deviation) if deviation > 0.0 else 0.0


@kernel
def _partners(source: int, value: F64, mean: F64, slope: F64, many: int) -> I64:
    """The hosts that lack most of what this one has too much of, and the other way round."""
    hosts, loads = value.shape
    likeness = np.zeros(hosts)
    for host in range(hosts):
        for load in range(loads):
            likeness[host] += (
                slope[load] * (value[source, load] - mean[load]) * (value[host, load] - mean[load])
            )
    likeness[source] = 1e300
    return np.argsort(likeness)[: min(many, hosts - 1)]


@kernel
def _cost_of_move(
    vm: int, source: int, target: int, part: F64, unit: F64, value: F64, mean: F64, slope: F64
) -> float:
    """How much the score rises, by its slope, when a VM moves."""
    cost = 0.0
    for load in range(part.shape[1]):
        down = -part[vm, load] * unit[source, load]
        up = part[vm, load] * unit[target, load]
        cost += slope[load] * down * (2.0 * (value[source, load] - mean[load]) + down)
        cost += slope[load] * up * (2.0 * (value[target, load] - mean[load]) + up)
    return cost


@kernel
def _can_exchange(
    one: int,
    other: int,
    source: int,
    target: int,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
) -> bool:
    """Whether two VMs may change places, ways to get there left aside."""
    stand(one, source, -1, need, room, apart_start, apart_group, present)
    stand(other, target, -1, need, room, apart_start, apart_group, present)
    able = may_stand(one, target, need, room, permit, permitted, apart_start, apart_group, present)
    if able:
        stand(one, target, 1, need, room, apart_start, apart_group, present)
        able = may_stand(other, source, need, room, permit, permitted, apart_start, apart_group, present)
        stand(one, target, -1, need, room, apart_start, apart_group, present)
    stand(one, source, 1, need, room, apart_start, apart_group, present)
    stand(other, target, 1, need, room, apart_start, apart_group, present)
    return able


@kernel
def _enter(vm: int, host: int, head: I64, after: I64, before: I64) -> None:
    """Put a VM at the head of the chain of a host."""
    after[vm] = head[host]
    before[vm] = NOBODY
    if head[host] >= 0:
        before[head[host]] = vm
    head[host] = vm


@kernel
def _shift(
    vm: int,
    source: int,
    target: int,
    where: I64,
    head: I64,
    after: I64,
    before: I64,
    part: F64,
    unit: F64,
    value: F64,
    need: I64,
    room: I64,
    apart_start: I64,
    apart_group: I64,
    present: I32,
) -> None:
    """Move a VM in all the books."""
    stand(vm, source, -1, need, room, apart_start, apart_group, present)
    stand(vm, target, 1, need, room, apart_start, apart_group, present)
    for load in range(value.shape[1]):
        value[source, load] -= part[vm, load] * unit[source, load]
        value[target, load] += part[vm, load] * unit[target, load]
    where[vm] = target
    if before[vm] >= 0:
        after[before[vm]] = after[vm]
    else:
        head[source] = after[vm]
    if after[vm] >= 0:
        before[after[vm]] = before[vm]
    _enter(vm, target, head, after, before)


@kernel
def exchange(
    where: I64,
    home: I64,
    movable: Flags,
    part: F64,
    unit: F64,
    value: F64,
    weight: F64,
    most: int,
    least_gain: float,
    partners: int,
    sweeps: int,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
) -> int:
    """Lower the score by moves and exchanges between unlike hosts; gives how many VMs are away from home.

    What is asked of a step, gain for each VM that leaves its home, is halved from round to round, so
    that the cheap gains come first; a VM that is away already may go on for nothing.

    Args:
        where: in and out, the host of each VM; home: where it began.
        movable: VMs that may be moved.
        part, unit, value, weight: see `steepest_moves`; `value` in and out.
        most: VMs that may be away from home at most.
        least_gain: what a VM that leaves its home must bring at least, by the slope.
        partners: hosts tried for each host; sweeps: over all hosts, at most, for each price.
        need, room, permit, permitted, apart_start, apart_group, present: see `may_stand`; in and out.
    """
    hosts, loads = value.shape
    # The VMs of each host as a chain: one may hold all of them without taking more memory.
    head = np.full(hosts, NOBODY, np.int64)
    after = np.full(where.shape[0], NOBODY, np.int64)
    before = np.full(where.shape[0], NOBODY, np.int64)
    away = 0
    for vm in range(where.shape[0] - 1, -1, -1):
        if where[vm] >= 0:
            _enter(vm, where[vm], head, after, before)
            away += where[vm] != home[vm]
    mean, slope = np.empty(loads), np.empty(loads)
    score = score_of(value, weight)
    asked = score / hosts
    while asked >= least_gain and asked > 1e-7 * score:
        for _ in range(sweeps):
            done = 0
            for source in range(hosts):
                _slopes(value, weight, mean, slope)
                best, best_gain = 0.0, 0.0
                vm, other, target = -1, -1, -1
                for host in _partners(source, value, mean, slope, partners):
                    first = NONE_YET
                    while first != NOBODY:
                        one = first
                        first = head[source] if first == NONE_YET else after[first]
                        if one >= 0 and not movable[one]:
                            continue
                        cost_one, price_one = 0.0, 0
                        if one >= 0:
                            cost_one = _cost_of_move(one, source, host, part, unit, value, mean, slope)
                            price_one = int(home[one] != host) - int(home[one] != source)
                        second = NONE_YET
                        while second != NOBODY:
                            two = second
                            second = head[host] if second == NONE_YET else after[second]
                            if (one < 0 and two < 0) or (two >= 0 and not movable[two]):
                                continue
                            cost, price = cost_one, price_one
                            if two >= 0:
                                price += int(home[two] != source) - int(home[two] != host)
                            if away + price > most:
                                continue
                            if two >= 0:
                                cost += _cost_of_move(two, host, source, part, unit, value, mean, slope)
                            if one >= 0 and two >= 0:
                                for load in range(loads):
                                    both = unit[source, load] ** 2 + unit[host, load] ** 2
                                    cost -= 2.0 * slope[load] * both * part[one, load] * part[two, load]
                            worth = -cost / (max(price, 0) + 0.25)
                            if worth <= best or worth < asked:
                                continue
                            if one >= 0 and two >= 0:
                                able = _can_exchange(
                                    one,
                                    two,
                                    source,
                                    host,
                                    need,
                                    room,
                                    permit,
                                    permitted,
                                    apart_start,
                                    apart_group,
                                    present,
                                )
                            elif one >= 0:
                                able = may_stand(
                                    one,
                                    host,
                                    need,
                                    room,
                                    permit,
                                    permitted,
                                    apart_start,
                                    apart_group,
                                    present,
                                )
                            else:
                                able = may_stand(
                                    two,
                                    source,
                                    need,
                                    room,
                                    permit,
                                    permitted,
                                    apart_start,
                                    apart_group,
                                    present,
                                )
                            if able:
                                best, best_gain = worth, -cost
                                vm, other, target = one, two, host
                if best_gain <= 0.0:
                    continue
                for moved, leaves, enters in ((vm, source, target), (other, target, source)):
                    if moved >= 0:
                        away += int(home[moved] != enters) - int(home[moved] != leaves)
                        _shift(
                            moved,
                            leaves,
                            enters,
                            where,
                            head,
                            after,
                            before,
                            part,
                            unit,
                            value,
                            need,
                            room,
                            apart_start,
                            apart_group,
                            present,
                        )
                done += 1
            if done * 50 < hosts:
                break
        score = score_of(value, weight)
        asked *= 0.5
    return away


@kernel
def sequence(
    where: I64,
    goal: I64,
    part: F64,
    unit: F64,
    value: F64,
    weight: F64,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
) -> tuple[I64, F64]:
    """Bring VMs to where they are wanted, one after the other, the best for the score first.

    Each move is valid when it begins.  VMs that block each other stay where they are.

    Returns:
        Moves as moves[row, (vm, source, target)], and the score after each.
    """
    loads = value.shape[1]
    waiting = np.flatnonzero((where != goal) & (goal >= 0) & (where >= 0))
    moves = np.empty((waiting.shape[0], 3), np.int64)
    scores = np.empty(waiting.shape[0])
    mean, slope = np.empty(loads), np.empty(loads)
    left, made = waiting.shape[0], 0
    while left > 0:
        if made % 32 == 0:
            _slopes(value, weight, mean, slope)
        best, chosen = 1e300, -1
        for row in range(left):
            vm = waiting[row]
            cost = _cost_of_move(vm, where[vm], goal[vm], part, unit, value, mean, slope)
            if cost < best and may_stand(
                vm, goal[vm], need, room, permit, permitted, apart_start, apart_group, present
            ):
                best, chosen = cost, row
        if chosen < 0:
            break
        vm = waiting[chosen]
        source, target = where[vm], goal[vm]
        stand(vm, source, -1, need, room, apart_start, apart_group, present)
        stand(vm, target, 1, need, room, apart_start, apart_group, present)
        for load in range(loads):
            value[source, load] -= part[vm, load] * unit[source, load]
            value[target, load] += part[vm, load] * unit[target, load]
        where[vm] = target
        moves[made] = vm, source, target
        scores[made] = score_of(value, weight)
        made += 1
        left -= 1
        waiting[chosen] = waiting[left]
    return moves[:made], scores[:made]
