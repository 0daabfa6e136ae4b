"""Why no plan can use fewer hosts: lower bounds that hold for every packing, in exact integers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from planner.demand import Counts

ROUNDINGS: Final = 24  # beyond it VMs are so small that the sum says as much


def fewest_hosts(needs: Counts, give: Sequence[int], apart: int = 0) -> int:
    """Say how many hosts of one kind any plan needs at least.

    The largest of: the sum of each resource over what a host gives, rounded up; Martello and Toth's
    L2 of each resource, which knows that two VMs of more than half a host never share one; Fekete and
    Schepers' rounding of each resource, which knows that of VMs just above a tenth of a host only nine
    share one; and the largest set of VMs that must stand apart.

    Args:
        needs: shape (n_copy, n_column), whole numbers, none larger than `give`.
        give: what one host gives, by column.
        apart: size of the largest set that no two of may share a host.

    Returns:
        Hosts, 0 where there is nothing to place.

    Source: S. Martello, P. Toth, Knapsack Problems (Wiley 1990), section 8.3.  Their example has nine
    items in bins of 100: the sum asks for 3, L2 proves 4.

    >>> fewest_hosts(np.array([[70], [60], [50], [33], [33], [33], [11], [7], [3]]), [100])
    4
    """
    bounds = [apart]
    for column, size in enumerate(give):
        sizes = needs[:, column]
        bounds += [most_by_size(sorted(sizes.tolist()), size), most_by_rounding(sizes, size)]
    return max(bounds)


def most_by_rounding(sizes: Counts, size: int) -> int:
    """Give the best bound of Fekete and Schepers' dual feasible functions u(k), k = 1 to 24.

    u(k) of a share x of a bin is x where (k + 1) x is whole, else floor((k + 1) x) / k.  Whatever
    shares sum to at most 1, their u(k) do too, so that the sum of all u(k) bounds the bins.

    Source: S. Fekete, J. Schepers, New classes of fast lower bounds for bin packing problems,
    Mathematical Programming 91 (2001).

    >>> most_by_rounding(np.array([34] * 6), 100), most_by_rounding(np.array([11] * 100), 100)
    (3, 12)
    """
    if not len(sizes) or not size:
        return 0
    best = 0
    for k in range(1, ROUNDINGS + 1):
        parts, rest = np.divmod(sizes * (k + 1), size)
        whole = rest == 0
        rounded, exact = int(parts[~whole].sum()), int(parts[whole].sum())
        best = max(best, -(-(rounded * (k + 1) + exact * k) // (k * (k + 1))))
    return best


def most_by_size(sizes: Sequence[int], size: int) -> int:
    """Give Martello and Toth's L2 for items in ascending order and bins of one size.

    For each threshold t up to half a bin: items above size - t have a bin of their own, those above
    half a bin have one each with some room left, and items from t on have to share that room.
    With t = 0 it is the sum rounded up.

    >>> most_by_size([60, 60, 60], 100), most_by_size([34, 34, 34, 34], 100)
    (3, 2)
    """
    if not sizes or not size:
        return 0
    sums = [0, *accumulate(sizes)]
    half = bisect_right(sizes, size // 2)
    thresholds = [0, *sorted(set(sizes[:half]))]
    return max(_at_threshold(sizes, sums, size, half, threshold) for threshold in thresholds)


def _at_threshold(sizes: Sequence[int], sums: Sequence[int], size: int, half: int, threshold: int) -> int:
    """Count bins for one threshold; every step is a binary search, so that all of them stay cheap."""
    alone = bisect_right(sizes, size - threshold)  # from here on: nothing of the threshold's size joins
    alone = max(alone, half)
    small = bisect_left(sizes, threshold)
    large = alone - half
    left_over = large * size - (sums[alone] - sums[half])
    sharing = sums[half] - sums[small]
    return len(sizes) - alone + large + max(0, -(-(sharing - left_over) // size))
