"""Group equal rows by hashing: a million rows in a fraction of a second, without sorting them."""

from __future__ import annotations

import numpy as np

from planner.kernels.arrays import I64
from planner.kernels.jit import kernel


@kernel
def _slot(rows: I64, row: int, mask: int) -> int:
    """A place in the table for a row: the bits of all its columns, mixed."""
    word = 1469598103934665603
    for column in range(rows.shape[1]):
        word = (word ^ rows[row, column]) * 1099511628211
        word ^= (word >> 29) & 0x7FFFFFFFF
    return word & mask


@kernel
def group_rows(rows: I64) -> tuple[I64, I64]:
    """Number the distinct rows in the order of their first appearance.

    Returns:
        The number of the group of each row, and the first row of each group.
    """
    count, columns = rows.shape
    side = 64
    while side < 2 * count:
        side *= 2
    table = np.full(side, -1, np.int64)
    group = np.empty(count, np.int64)
    first = np.empty(count, np.int64)
    groups = 0
    for row in range(count):
        slot = _slot(rows, row, side - 1)
        while True:
            known = table[slot]
            if known < 0:
                table[slot] = groups
                first[groups] = row
                group[row] = groups
                groups += 1
                break
            same = True
            for column in range(columns):
                if rows[first[known], column] != rows[row, column]:
                    same = False
                    break
            if same:
                group[row] = known
                break
            slot = (slot + 1) & (side - 1)
    return group, first[:groups]
