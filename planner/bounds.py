"""Why no plan can use fewer hosts: lower bounds that hold for every packing, in exact integers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np
from msgspec import Struct

from planner.demand import Counts

ROUNDINGS: Final = 24  # beyond it VMs are so small that the sum says as much
THRESHOLDS: Final = 2_000  # sizes tried by L2; each one tried is a proof, so fewer are a proof too

SUM: Final = "sum of demand"
SIZES: Final = "sizes that do not share a host (L2)"
ROUNDED: Final = "sizes rounded to parts of a host (u(k))"
APART: Final = "VMs that stand apart"


class Lowest(Struct, frozen=True):
    """No placement uses fewer `hosts`; `method` says what proves it."""

    hosts: int
    method: str

    def stronger(self, other: Lowest) -> Lowest:
        """The bound that excludes more; this one where they exclude the same."""
        return other if other.hosts > self.hosts else self


def fewest_of(needs: Counts, gives: Counts, apart: int) -> Lowest:
    """Say how many of hosts that may differ any plan needs at least.

    Of each resource the largest hosts are taken until they hold the sum; and no host is larger than the
    largest in everything, so that what holds for hosts like that holds for these.

    >>> fewest_of(np.array([[7], [7], [7]]), np.array([[12], [8], [8]]), 0).hosts
    3
    """
    if not len(needs) or not len(gives):
        return Lowest(0, SUM)
    most = 0
    for column in range(needs.shape[1]):
        total, hosts = sum(needs[:, column].tolist()), 0
        for give in sorted(gives[:, column].tolist(), reverse=True):
            if total <= 0:
                break
            total, hosts = total - give, hosts + 1
        most = max(most, hosts)
    largest = gives.max(axis=0)
    able = needs[(needs <= largest).all(axis=1)]
    return Lowest(most, SUM).stronger(fewest_hosts(able, largest.tolist(), apart))


def fewest_hosts(needs: Counts, give: Sequence[int], apart: int = 0) -> Lowest:
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
        Hosts, 0 where there is nothing to place, and which of these proves it; the simplest wins ties.

    Source: S. Martello, P. Toth, Knapsack Problems (Wiley 1990), section 8.3.  Their example has nine
    items in bins of 100: the sum asks for 3, L2 proves 4.

    >>> fewest_hosts(np.array([[70], [60], [50], [33], [33], [33], [11], [7], [3]]), [100]).hosts
    4
    """
    best = Lowest(0, SUM)
    sums = [sum(needs[:, column].tolist()) for column in range(len(give))]
    for total, size in zip(sums, give, strict=True):
        best = best.stronger(Lowest(-(-total // size) if size else 0, SUM))
    best = best.stronger(Lowest(apart, APART)).stronger(Lowest(min(len(needs), 1), SUM))
    for column, size in enumerate(give):
        sizes = needs[:, column]
        best = best.stronger(Lowest(most_by_size(np.sort(sizes).tolist(), size), SIZES))
        best = best.stronger(Lowest(most_by_rounding(sizes, size), ROUNDED))
    return best


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
    thresholds = thresholds[:: -(-len(thresholds) // THRESHOLDS)]
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
