"""Choose migrations that even out the hosts: a weighted sum of standard deviations, updated in place.

The score is sum over k of weight[k] * population standard deviation over the hosts of value[host, k],
where value is linear in the VMs that a host holds.  A move changes two hosts, so its score costs O(k).
"""

from __future__ import annotations

import heapq

import numpy as np

from planner.kernels.arrays import F64, I32, I64, Flags
from planner.kernels.fitting import may_stand, stand
from planner.kernels.jit import kernel


@kernel
def score_of(value: F64, weight: F64) -> float:
    """The score of hosts as they are."""
    hosts, loads = value.shape
    score = 0.0
    for load in range(loads):
        mean = 0.0
        for host in range(hosts):
            mean += value[host, load]
        mean /= hosts
        spread = 0.0
        for host in range(hosts):
            spread += (value[host, load] - mean) ** 2
        score += weight[load] * np.sqrt(spread / hosts)
    return score


@kernel
def _sums(value: F64, total: F64, square: F64) -> None:
    """Fill the sums and the sums of squares of each load, around zero mean for the squares' sake."""
    hosts, loads = value.shape
    for load in range(loads):
        total[load] = 0.0
        square[load] = 0.0
        for host in range(hosts):
            total[load] += value[host, load]
            square[load] += value[host, load] ** 2


@kernel
def _move(
    vm: int, source: int, target: int, part: F64, unit: F64, value: F64, total: F64, square: F64
) -> None:
    """Bring the loads of the two hosts and the sums up to date."""
    for load in range(value.shape[1]):
        for host, sign in ((source, -1.0), (target, 1.0)):
            before = value[host, load]
            after = before + sign * part[vm, load] * unit[host, load]
            total[load] += after - before
            square[load] += after * after - before * before
            value[host, load] = after


@kernel
def _best_target(
    vm: int,
    source: int,
    part: F64,
    unit: F64,
    value: F64,
    total: F64,
    square: F64,
    weight: F64,
    open_to: Flags,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
    bound: float,
) -> tuple[float, int]:
    """The host on which the VM lowers the score most, below a bound; -1 where there is none."""
    hosts, loads = value.shape
    left_total, left_square = np.empty(loads), np.empty(loads)
    for load in range(loads):
        down = part[vm, load] * unit[source, load]
        left_total[load] = total[load] - down
        left_square[load] = square[load] + down * (down - 2.0 * value[source, load])
    share = 1.0 / hosts
    best, best_score = -1, bound
    for target in range(hosts):
        if target == source or not open_to[target]:
            continue
        score = 0.0
        for load in range(loads):
            up = part[vm, load] * unit[target, load]
            mean = (left_total[load] + up) * share
            variance = (left_square[load] + up * (up + 2.0 * value[target, load])) * share - mean * mean
            if variance > 0.0:
                score += weight[load] * np.sqrt(variance)
            if score >= best_score:
                break
        if score < best_score and may_stand(
            vm, target, need, room, permit, permitted, apart_start, apart_group, present
        ):
            best, best_score = target, score
    return best_score, best


@kernel
def steepest_moves(
    where: I64,
    movable: Flags,
    open_to: Flags,
    part: F64,
    unit: F64,
    value: F64,
    weight: F64,
    most: int,
    least_gain: float,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
) -> tuple[I64, F64]:
    """Move the VM that lowers the score most, again and again: every VM and every host is tried each time.

    Args:
        where: in and out, the host of each VM.
        movable: VMs that may be moved; open_to: hosts that may take them.
        part: part[vm, load]; unit: unit[host, load], what one of it adds to value[host, load].
        value: in and out, value[host, load].
        weight: weight[load].
        most: moves at most; least_gain: stop below this gain of a move.
        need, room, permit, permitted, apart_start, apart_group, present: see `may_stand`; in and out.

    Returns:
        Moves as moves[row, (vm, source, target)], and the score after each.
    """
    moves = np.empty((most, 3), np.int64)
    scores = np.empty(most)
    total, square = np.empty(value.shape[1]), np.empty(value.shape[1])
    made = 0
    while made < most:
        _sums(value, total, square)
        current = score_of(value, weight)
        best_vm, best_target, best_score = -1, -1, current - least_gain
        for vm in range(where.shape[0]):
            if movable[vm] and where[vm] >= 0:
                score, target = _best_target(
                    vm,
                    where[vm],
                    part,
                    unit,
                    value,
                    total,
                    square,
                    weight,
                    open_to,
                    need,
                    room,
                    permit,
                    permitted,
                    apart_start,
                    apart_group,
                    present,
                    best_score,
                )
                if target >= 0:
                    best_vm, best_target, best_score = vm, target, score
        if best_vm < 0:
            break
        source = where[best_vm]
        _move(best_vm, source, best_target, part, unit, value, total, square)
        stand(best_vm, source, -1, need, room, apart_start, apart_group, present)
        stand(best_vm, best_target, 1, need, room, apart_start, apart_group, present)
        where[best_vm] = best_target
        moves[made] = best_vm, source, best_target
        scores[made] = score_of(value, weight)
        made += 1
    return moves[:made], scores[:made]


@kernel
def lazy_moves(
    where: I64,
    movable: Flags,
    open_to: Flags,
    part: F64,
    unit: F64,
    value: F64,
    weight: F64,
    most: int,
    least_gain: float,
    refresh: int,
    need: I64,
    room: I64,
    permit: I64,
    permitted: Flags,
    apart_start: I64,
    apart_group: I64,
    present: I32,
) -> tuple[I64, F64]:
    """`steepest_moves` for large clusters: gains are remembered and looked at again when they come up.

    The VM with the best remembered gain is looked at again; if it is still the best, it moves.  All
    gains are renewed every `refresh` moves and before giving up, so that the end is a true local optimum
    of single moves.
    """
    moves = np.empty((most, 3), np.int64)
    scores = np.empty(most)
    total, square = np.empty(value.shape[1]), np.empty(value.shape[1])
    made = 0
    while made < most:
        _sums(value, total, square)
        current = score_of(value, weight)
        heap = [(0.0, -1)]
        for vm in range(where.shape[0]):
            if movable[vm] and where[vm] >= 0:
                score, target = _best_target(
                    vm,
                    where[vm],
                    part,
                    unit,
                    value,
                    total,
                    square,
                    weight,
                    open_to,
                    need,
                    room,
                    permit,
                    permitted,
                    apart_start,
                    apart_group,
                    present,
                    current - least_gain,
                )
                if target >= 0:
                    heap.append((score - current, vm))
        heapq.heapify(heap)
        since = 0
        while made < most and since < refresh and len(heap) > 1:
            _, vm = heapq.heappop(heap)
            if vm < 0:
                break
            source = where[vm]
            score, target = _best_target(
                vm,
                source,
                part,
                unit,
                value,
                total,
                square,
                weight,
                open_to,
                need,
                room,
                permit,
                permitted,
                apart_start,
                apart_group,
                present,
                current - least_gain,
            )
            gain = score - current
            if target < 0:
                continue
            if gain > heap[0][0]:
                heapq.heappush(heap, (gain, vm))
                continue
            _move(vm, source, target, part, unit, value, total, square)
            stand(vm, source, -1, need, room, apart_start, apart_group, present)
            stand(vm, target, 1, need, room, apart_start, apart_group, present)
            where[vm] = target
            current = score
            moves[made] = vm, source, target
            scores[made] = score
            made += 1
            since += 1
        if since == 0:
            break
    return moves[:made], scores[:made]
