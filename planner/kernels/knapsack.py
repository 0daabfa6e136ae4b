"""The most valuable VMs that fit one host: the pricing problem, in exact integers."""

from __future__ import annotations

import numpy as np

from planner.kernels.arrays import F64, I32, I64
from planner.kernels.jit import kernel


@kernel
def fill_table(demand: I64, value: I64, limit: I64, size: I64, best: I64, took: I32) -> None:
    """Solve the bounded knapsack of two resources for every room at once.

    Args:
        demand: demand[shape, 2], none of it (0, 0).
        value: value[shape], integers.
        limit: the most VMs of each shape.
        size: the two capacities.
        best: out, best[room_0, room_1] of shape size + 1: the largest value that fits.
        took: out, took[shape, room_0, room_1]: VMs of the shape in the best content, looking back
            from the last shape to the first.
    """
    best[:, :] = 0
    for shape in range(demand.shape[0]):
        need_0, need_1, worth = demand[shape, 0], demand[shape, 1], value[shape]
        stage = took[shape]
        stage[:, :] = 0
        if worth <= 0 or limit[shape] <= 0:
            continue
        most = limit[shape]
        if need_0 > 0:
            most = min(most, size[0] // need_0)
        if need_1 > 0:
            most = min(most, size[1] // need_1)
        if most < limit[shape]:
            for a in range(need_0, size[0] + 1):
                for b in range(need_1, size[1] + 1):
                    candidate = best[a - need_0, b - need_1] + worth
                    if candidate > best[a, b]:
                        best[a, b] = candidate
                        stage[a, b] = stage[a - need_0, b - need_1] + 1
            continue
        chunk = 1
        remaining = most
        while remaining > 0:
            chunk = min(chunk, remaining)
            move_0, move_1, gain = need_0 * chunk, need_1 * chunk, worth * chunk
            for a in range(size[0], move_0 - 1, -1):
                for b in range(size[1], move_1 - 1, -1):
                    candidate = best[a - move_0, b - move_1] + gain
                    if candidate > best[a, b]:
                        best[a, b] = candidate
                        stage[a, b] = stage[a - move_0, b - move_1] + chunk
            remaining -= chunk
            chunk *= 2


@kernel
def read_table(demand: I64, took: I32, room_0: int, room_1: int) -> I64:
    """Read the best content of a room out of a table: VMs of each shape."""
    shapes = demand.shape[0]
    pattern = np.zeros(shapes, np.int64)
    for back in range(shapes):
        shape = shapes - 1 - back
        copies = took[shape, room_0, room_1]
        pattern[shape] = copies
        room_0 -= copies * demand[shape, 0]
        room_1 -= copies * demand[shape, 1]
    return pattern


@kernel
def _ceiling(weight_sum: F64, value_sum: F64, efficiency: F64, first: int, room: float) -> float:
    """The value that a fractional fill of the room by the shapes from `first` on cannot exceed."""
    low, high = first, efficiency.shape[0]
    reach = weight_sum[first] + room
    while low < high:
        middle = (low + high + 1) // 2
        if weight_sum[middle] <= reach:
            low = middle
        else:
            high = middle - 1
    whole: float = value_sum[low] - value_sum[first]
    if low == efficiency.shape[0]:
        return whole
    return whole + float((reach - weight_sum[low]) * efficiency[low])


@kernel
def _fits(demand: I64, room: I64) -> bool:
    """Whether one VM of a shape fits the room."""
    for resource in range(room.shape[0]):
        if demand[resource] > room[resource]:
            return False
    return True


@kernel
def branch(
    demand: I64, value: I64, limit: I64, size: I64, multiplier: F64, floor: int, nodes: int, keep: int
) -> tuple[int, int, I64, int]:
    """Search the most valuable content of one host by branch and bound, any number of resources.

    Args:
        demand: demand[shape, resource], shapes in falling order of value a surrogate weight
            (`multiplier` times demand).
        value: value[shape], positive integers.
        limit: the most VMs of each shape, positive.
        size: capacity of the host.
        multiplier: multiplier[resource] of the surrogate weight, positive.
        floor: contents of this value or less are of no interest.
        nodes: stop after so many steps.
        keep: how many contents to return at most.

    Returns:
        The best value found (`floor` if none was), a ceiling that no content exceeds (equal to the best
        value unless the search was stopped), contents found as found[row, shape] with the best last,
        and the number of steps.  The ceiling is a proof: the float sums behind it are widened by far
        more than their rounding.
    """
    shapes, resources = demand.shape
    surrogate = np.zeros(shapes)
    efficiency = np.zeros(shapes)
    weight_sum = np.zeros(shapes + 1)
    value_sum = np.zeros(shapes + 1)
    for shape in range(shapes):
        for resource in range(resources):
            surrogate[shape] += multiplier[resource] * demand[shape, resource]
        efficiency[shape] = value[shape] / max(surrogate[shape], 1e-300)
        weight_sum[shape + 1] = weight_sum[shape] + surrogate[shape] * limit[shape]
        value_sum[shape + 1] = value_sum[shape] + float(value[shape]) * limit[shape]
    slack = 1.0 + value_sum[shapes] * 1e-12  # 4,500 times the rounding of a double
    total = 0.0
    for resource in range(resources):
        total += multiplier[resource] * size[resource]

    depth_limit = 1
    for shape in range(shapes):
        depth_limit += limit[shape]
    depth_limit = min(depth_limit, 4096)
    taken = np.zeros(depth_limit + 1, np.int64)
    room = size.copy()
    rooms = np.zeros(depth_limit + 1)  # of the surrogate, by depth: never added back, so never drifting
    rooms[0] = total
    best = floor
    found = np.zeros((keep, shapes), np.int64)
    rows = 0
    copies = np.zeros(shapes, np.int64)
    depth = 0
    worth = 0
    candidate = 0
    steps = 0
    while True:
        steps += 1
        descend = False
        if steps <= nodes and depth < depth_limit:
            while candidate < shapes:
                roof = worth + _ceiling(weight_sum, value_sum, efficiency, candidate, rooms[depth])
                if roof + slack < best + 1:
                    candidate = shapes
                    break
                if copies[candidate] < limit[candidate] and _fits(demand[candidate], room):
                    descend = True
                    break
                candidate += 1
        if descend:
            for resource in range(resources):
                room[resource] -= demand[candidate, resource]
            rooms[depth + 1] = rooms[depth] - surrogate[candidate]
            copies[candidate] += 1
            worth += value[candidate]
            taken[depth] = candidate
            depth += 1
            if worth > best:
                best = worth
                if rows == keep:
                    for row in range(keep - 1):
                        found[row] = found[row + 1]
                    rows -= 1
                found[rows] = copies
                rows += 1
            continue
        if steps > nodes:
            break
        if depth == 0:
            return best, best, found[:rows], steps
        depth -= 1
        last = taken[depth]
        for resource in range(resources):
            room[resource] += demand[last, resource]
        copies[last] -= 1
        worth -= value[last]
        candidate = last + 1
    # Stopped: what is open at each level bounds what was not seen.
    roof = float(best)
    while True:
        here = worth + _ceiling(weight_sum, value_sum, efficiency, candidate, rooms[depth])
        roof = max(roof, float(here + slack))
        if depth == 0:
            break
        depth -= 1
        last = taken[depth]
        worth -= value[last]
        candidate = last + 1
    return best, int(np.ceil(roof)), found[:rows], steps


@kernel
def _balance(demand: I64, value: I64, limit: I64, room: I64, content: I64, blur: float, word: int) -> int:
    """Fill a host VM by VM, each the most worth for the room it takes of what is left, until four VMs of
    the usual size would fill it; `blur` disturbs the choice.  Returns the next random word."""
    shapes, resources = demand.shape
    mean = np.zeros(resources)
    for resource in range(resources):
        for shape in range(shapes):
            mean[resource] += demand[shape, resource]
        mean[resource] /= shapes
    while True:
        for resource in range(resources):
            if room[resource] < 4.0 * mean[resource]:
                return word
        best, best_score = -1, 0.0
        for shape in range(shapes):
            if content[shape] < limit[shape] and _fits(demand[shape], room):
                weight = 1e-300
                for resource in range(resources):
                    weight += demand[shape, resource] / max(1, room[resource])
                word = (word * 1103515245 + 12345) & 0x7FFFFFFF
                score = value[shape] / weight * (1.0 + blur * (word >> 8) / 8388608.0)
                if score > best_score:
                    best, best_score = shape, score
        if best < 0:
            return word
        content[best] += 1
        for resource in range(resources):
            room[resource] -= demand[best, resource]


@kernel
def complete(
    demand: I64,
    value: I64,
    limit: I64,
    size: I64,
    multiplier: F64,
    floor: int,
    nodes: int,
    firsts: I64,
    repeats: int,
) -> I64:
    """For each of some shapes, good contents with a VM of it: balanced filling, then a short search.

    Args:
        demand, value, limit, size, multiplier, floor: as `branch`.
        nodes: steps of each search.
        firsts: the shapes of which a content must hold a VM.
        repeats: contents a shape, all but the first with a blurred choice.

    Returns:
        Contents worth more than `floor`, as found[row, shape].
    """
    shapes = demand.shape[0]
    found = np.zeros((firsts.shape[0] * repeats, shapes), np.int64)
    rows = 0
    word = 1
    for first in firsts:
        if not _fits(demand[first], size):
            continue
        for repeat in range(repeats):
            content = found[rows]
            content[:] = 0
            content[first] = 1
            room = size - demand[first]
            word = _balance(demand, value, limit, room, content, 0.0 if repeat == 0 else 0.3, word)
            worth = 0
            for shape in range(shapes):
                worth += content[shape] * value[shape]
            _, _, rest, _ = branch(demand, value, limit - content, room, multiplier, floor - worth, nodes, 1)
            if rest.shape[0] > 0:
                content += rest[rest.shape[0] - 1]
                rows += 1
            elif worth > floor:
                rows += 1
    found[rows:] = 0
    return found[:rows]


@kernel
def fill_values(demand: I64, value: I64, limit: I64, size: I64, best: I64) -> None:
    """The table of `fill_table` without its contents: a third of the time, a tenth of the memory."""
    best[:, :] = 0
    for shape in range(demand.shape[0]):
        need_0, need_1, worth = demand[shape, 0], demand[shape, 1], value[shape]
        if worth <= 0 or limit[shape] <= 0:
            continue
        most = limit[shape]
        if need_0 > 0:
            most = min(most, size[0] // need_0)
        if need_1 > 0:
            most = min(most, size[1] // need_1)
        if most < limit[shape]:
            for a in range(need_0, size[0] + 1):
                for b in range(need_1, size[1] + 1):
                    best[a, b] = max(best[a, b], best[a - need_0, b - need_1] + worth)
            continue
        chunk = 1
        remaining = most
        while remaining > 0:
            chunk = min(chunk, remaining)
            move_0, move_1, gain = need_0 * chunk, need_1 * chunk, worth * chunk
            for a in range(size[0], move_0 - 1, -1):
                for b in range(size[1], move_1 - 1, -1):
                    best[a, b] = max(best[a, b], best[a - move_0, b - move_1] + gain)
            remaining -= chunk
            chunk *= 2
