"""Spread VMs over a fixed number of hosts, so that no resource of any of them runs out before the others."""

from __future__ import annotations

import numpy as np

from planner.kernels.arrays import F64, I64
from planner.kernels.jit import kernel


@kernel
def spread_over(demand: F64, room: F64, looks: int, seed: int) -> I64:
    """Give each VM, in the order of the rows, the host on which it leaves the most even room.

    Large VMs are spread first, small ones even out what they left: with many VMs a host all resources
    of all hosts end nearly full together, which filling one host after the other cannot do.

    Args:
        demand: demand[vm, resource] in shares of a host, large VMs first.
        room: in and out, room[host, resource] in the same shares; all hosts are open.
        looks: hosts looked at for each VM, drawn anew; all of them where there are no more.
        seed: of the drawing; not 0.

    Returns:
        The host of each VM, -1 where none of those looked at takes it.
    """
    vms, resources = demand.shape
    hosts = room.shape[0]
    where = np.full(vms, -1, np.int64)
    word = seed
    for vm in range(vms):
        best, best_score = -1, 1e300
        word = (word * 1103515245 + 12345) & 0x7FFFFFFF
        start = (word >> 8) % hosts
        step = 1
        if looks < hosts:
            word = (word * 1103515245 + 12345) & 0x7FFFFFFF
            step = 1 + (word >> 8) % (hosts - 1)
        host = start
        for _ in range(min(looks, hosts)):
            score = 0.0
            for resource in range(resources):
                rest = room[host, resource] - demand[vm, resource]
                if rest < 0.0:
                    score = 1e301
                    break
                # How much nearer to full the resource comes, and nearer weighs more.
                full = 1.0 - room[host, resource]
                after = 1.0 - rest
                score += after * after * after * after - full * full * full * full
            if score < best_score:
                best, best_score = host, score
            host += step
            if host >= hosts:
                host -= hosts
        if best >= 0:
            where[vm] = best
            for resource in range(resources):
                room[best, resource] -= demand[vm, resource]
    return where
