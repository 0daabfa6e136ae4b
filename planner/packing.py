"""Greedy ways to fill hosts, on groups of equal copies, and an exhaustive one for a handful of them.

Everything here is arrays and numbers of rows; names, rules and refusals are the matter of `placement`.
Hosts are filled in the order of their rows.  With `give` a further host of that size may always be
opened; without, what finds no room is left over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from planner.demand import Counts

Floats: TypeAlias = npt.NDArray[np.float64]
Score: TypeAlias = Literal["dot", "distance"]

COMPACT_EVERY: Final = 64
SEARCH_STEPS: Final = 20_000


class OutOfSteps(Exception):  # an end, not an error
    """A search was stopped before it had tried everything."""


class Shapes(Struct, frozen=True, kw_only=True, eq=False):
    """Groups of copies with equal needs: `needs[shape, column]`, and the copies of each shape."""

    needs: Counts
    copies: tuple[Counts, ...]

    @property
    def counts(self) -> list[int]:
        """How many copies each shape has."""
        return [len(group) for group in self.copies]


class Filling(Struct, kw_only=True, eq=False):
    """Hosts being filled: what is `left[host, column]`, and what was placed as (shape, host, copies)."""

    left: Counts
    placed: list[tuple[int, int, int]]
    over: int = 0


def group(needs: Counts, copies: Counts) -> Shapes:
    """Group copies of equal needs; shapes come in ascending order of their needs."""
    if not len(copies):
        return Shapes(needs=needs[:0], copies=())
    rows = needs[copies]
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    starts = np.flatnonzero(np.any(ordered[1:] != ordered[:-1], axis=1)) + 1
    return Shapes(needs=ordered[[0, *starts]], copies=tuple(np.split(copies[order], starts)))


def orders(shapes: Shapes, give: Counts, counts: Sequence[int]) -> list[Counts]:
    """Give the orders worth trying, largest first: by sum, largest share, weighted sum, each column."""
    share = shapes.needs / np.maximum(give, 1)
    weight = np.asarray(counts, dtype=float) @ share
    keys = [share.sum(axis=1), share.max(axis=1), share @ weight, *share.T]
    return [np.argsort(-key, kind="stable") for key in keys]


class _Open:
    """The hosts still in play while copies are put on the first that fits: what is left, column by column."""

    def __init__(self, left: Counts) -> None:
        self.hosts = np.arange(len(left))
        self.left = left.copy()
        self.columns = [np.ascontiguousarray(column) for column in left.T]
        self.placed: list[tuple[int, int, int]] = []
        self.over = 0

    def first(self, need: Sequence[int]) -> int:
        """Give the first row with room for one more copy, -1 where there is none."""
        if not len(self.hosts):
            return -1
        room = self.columns[0] >= need[0]
        for column, wanted in zip(self.columns[1:], need[1:], strict=True):
            if wanted:
                room &= column >= wanted
        row = int(room.argmax())
        return row if room[row] else -1

    def take(self, shape: int, rows: Counts, counts: Counts, need: Sequence[int]) -> None:
        """Put copies of a shape on rows."""
        for column, wanted in zip(self.columns, need, strict=True):
            column[rows] -= counts * wanted
        self.placed.extend(
            (shape, host, count)
            for host, count in zip(self.hosts[rows].tolist(), counts.tolist(), strict=True)
        )

    def take_one(self, shape: int, row: int, need: Sequence[int]) -> None:
        """Put one copy on a row."""
        for column, wanted in zip(self.columns, need, strict=True):
            column[row] -= wanted
        self.placed.append((shape, int(self.hosts[row]), 1))

    def spread(self, shape: int, need: Counts, count: int) -> int:
        """Put up to `count` equal copies on the first rows with room; say how many found one."""
        fits = how_many(np.stack(self.columns, axis=1), need)
        counts = np.clip(count - (np.cumsum(fits) - fits), 0, fits)
        rows = np.flatnonzero(counts)
        self.take(shape, rows, counts[rows], need.tolist())
        return int(counts.sum())

    def put_aside(self, smallest: Counts) -> None:
        """Drop the rows too full for anything still to come."""
        keep = np.ones(len(self.hosts), dtype=bool)
        for column, wanted in zip(self.columns, smallest.tolist(), strict=True):
            keep &= column >= wanted
        if not keep.all():
            self.write_back()
            self.hosts = self.hosts[keep]
            self.columns = [column[keep] for column in self.columns]

    def open(self, hosts: int, give: Counts) -> Counts:
        """Open new hosts; give their rows."""
        first = len(self.hosts)
        self.hosts = np.concatenate([self.hosts, len(self.left) + np.arange(hosts)])
        self.left = np.vstack([self.left, np.tile(give, (hosts, 1))])
        self.columns = [
            np.concatenate([column, np.full(hosts, size)])
            for column, size in zip(self.columns, give.tolist(), strict=True)
        ]
        return np.arange(first, first + hosts)

    def write_back(self) -> None:
        """Note what is left on the rows in play."""
        self.left[self.hosts] = np.stack(self.columns, axis=1)


def first_fit(shapes: Shapes, order: Counts, left: Counts, give: Counts | None) -> Filling:
    """Put each copy, shape after shape in the order given, on the first host that has room for it.

    Hosts too full for anything still to come are put aside now and then, so that the cost grows with
    the hosts in play and not with all of them.
    """
    hosts = _Open(left)
    needs = shapes.needs[order]
    smallest_to_come = np.minimum.accumulate(needs[::-1])[::-1]
    rows = needs.tolist()
    for step, shape in enumerate(order.tolist()):
        if step % COMPACT_EVERY == 0:
            hosts.put_aside(smallest_to_come[step])
        count = len(shapes.copies[shape])
        row = hosts.first(rows[step])
        if row >= 0 and count == 1:
            hosts.take_one(shape, row, rows[step])
            continue
        rest = count if row < 0 else count - hosts.spread(shape, needs[step], count)
        if rest:
            _open_hosts(hosts, shape, needs[step], rest, give)
    hosts.write_back()
    return Filling(left=hosts.left, placed=hosts.placed, over=hosts.over)


def _open_hosts(hosts: _Open, shape: int, need: Counts, count: int, give: Counts | None) -> None:
    """Put copies on new hosts, as many on each as it holds; without new hosts they are left over."""
    per_host = int(how_many(give[None, :], need)[0]) if give is not None else 0
    if give is None or not per_host:
        hosts.over += count
        return
    rows = hosts.open(-(-count // per_host), give)
    counts = np.full(len(rows), per_host)
    counts[-1] = count - per_host * (len(rows) - 1)
    hosts.take(shape, rows, counts, need.tolist())


def how_many(left: Counts, need: Counts) -> Counts:
    """Say how many copies of one need each host has room for.

    >>> how_many(np.array([[10, 7], [3, 100]]), np.array([2, 3])).tolist()
    [2, 1]
    """
    wanted = np.flatnonzero(need)
    if not len(wanted):
        return np.full(len(left), 2**40, dtype=np.int64)
    return np.asarray((left[:, wanted] // need[wanted]).min(axis=1).clip(0))


def lacking(need: Counts, left: Counts) -> Counts:
    """Name, for each host, the column that is short by the largest factor; -1 where all suffices.

    >>> lacking(np.array([4, 8]), np.array([[4, 8], [1, 7], [3, 1]])).tolist()
    [-1, 0, 1]
    """
    factor = np.where(need > left, need / np.maximum(left, 1), 0.0)
    return np.where(factor.any(axis=1), factor.argmax(axis=1), -1)


def host_by_host(shapes: Shapes, left: Counts, give: Counts | None, scale: Counts, score: Score) -> Filling:
    """Fill one host after the other, each time with the copy that suits best what is left on it.

    What suits best: the largest dot product of need and rest, or the smallest distance between them,
    each resource weighted by how scarce it is.  A mix that fills a new host is repeated as often as
    its copies last, which is what the same choices would lead to.
    """
    counts = np.array(shapes.counts, dtype=np.int64)
    inverse = 1 / np.maximum(scale, 1)
    share = shapes.needs * inverse
    weight = counts @ share
    filling = Filling(left=left.copy(), placed=[])
    for host in range(len(left)):
        mix = _mix(shapes.needs, share, weight, counts, filling.left[host], inverse, score)
        _apply(filling, mix, host, 1, counts)
    while give is not None and counts.any():
        rest = give.copy()
        mix = _mix(shapes.needs, share, weight, counts, rest, inverse, score)
        if not mix:
            break
        times = min(int(counts[shape]) // take for shape, take in mix.items())
        first = len(filling.left)
        filling.left = np.vstack([filling.left, np.repeat(rest[None, :], times, axis=0)])
        _apply(filling, mix, first, times, counts)
    filling.over = int(counts.sum())
    return filling


def _apply(filling: Filling, mix: dict[int, int], first: int, times: int, counts: Counts) -> None:
    for shape, take in mix.items():
        counts[shape] -= take * times
        filling.placed.extend((shape, first + row, take) for row in range(times))


def _mix(
    needs: Counts, share: Floats, weight: Floats, counts: Counts, rest: Counts, inverse: Floats, score: Score
) -> dict[int, int]:
    """Choose what goes on one host; `rest` is what is left of it and changes in place."""
    mix: dict[int, int] = {}
    able = np.flatnonzero(counts)
    available, wanted, shares = counts[able], needs[able], share[able]
    while True:
        room = (wanted <= rest).all(axis=1) & (available > 0)
        if not room.all():
            able, available, wanted, shares = able[room], available[room], wanted[room], shares[room]
        if not len(able):
            return mix
        ratio = rest * inverse
        if score == "dot":
            best = (shares @ (weight * ratio)).argmax()
        else:
            best = ((ratio - shares) ** 2 @ weight).argmin()
        shape = int(able[best])
        mix[shape] = mix.get(shape, 0) + 1
        available[best] -= 1
        rest -= wanted[best]


def affordable(shapes: Shapes) -> bool:
    """Say whether filling host by host stays quick: its cost is choices times shapes."""
    choices = min(sum(shapes.counts), 40 * len(shapes.needs))
    return choices * (10 + len(shapes.needs) / 20) < 300_000  # microseconds of numpy calls


def search(
    needs: Counts,
    allowed: Sequence[frozenset[int] | None],
    apart: Sequence[frozenset[int]],
    left: Counts,
    most: int | None = None,
) -> list[int] | None:
    """Try every way to place a handful of items on the hosts; None when there is none.

    Args:
        needs: per item, in the order of trying (largest first is quickest).
        allowed: hosts an item may use, None for any.
        apart: groups an item belongs to; two items of a group never share a host.
        left: what is left on each host.
        most: hosts that may be used at most, None for all.

    Raises:
        OutOfSteps: after so many steps that not everything was tried.
    """
    hosts: list[int] = []
    rooms = [row.tolist() for row in left]
    rows = [row.tolist() for row in needs]
    held: list[set[int]] = [set() for _ in rooms]
    items = [0] * len(rooms)
    steps = 0

    def place_from(item: int) -> bool:
        nonlocal steps
        if item == len(rows):
            return True
        tried: set[tuple[object, ...]] = set()
        all_open = most is not None and sum(map(bool, items)) >= most
        for host, room in enumerate(rooms):
            steps += 1
            if steps > SEARCH_STEPS:
                raise OutOfSteps
            permitted = allowed[item]
            if permitted is not None and host not in permitted:
                continue
            if (all_open and not items[host]) or held[host] & apart[item]:
                continue
            if any(n > r for n, r in zip(rows[item], room, strict=True)):
                continue
            is_open = most is None or items[host] > 0
            twin = (*room, is_open, frozenset(held[host]), *(host in a for a in allowed if a is not None))
            if twin in tried:
                continue
            tried.add(twin)
            before, groups = list(room), held[host]
            rooms[host][:] = [r - n for n, r in zip(rows[item], room, strict=True)]
            held[host] = groups | apart[item]
            hosts.append(host)
            items[host] += 1
            if place_from(item + 1):
                return True
            hosts.pop()
            items[host] -= 1
            rooms[host][:] = before
            held[host] = groups
        return False

    return hosts if place_from(0) else None
