"""Lower bounds: never above the truth."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from planner.bounds import fewest_hosts, most_by_rounding, most_by_size
from tests.planner.small import fewest_by_trying

ITEM = st.tuples(st.integers(1, 20), st.integers(1, 20))


@given(st.lists(ITEM, max_size=7))
def test_no_packing_beats_the_bound(items: list[tuple[int, int]]) -> None:
    give = (20, 20)
    needs = np.array(items, dtype=np.int64).reshape(-1, 2)
    assert fewest_hosts(needs, give).hosts <= fewest_by_trying(items, give)


@given(st.lists(ITEM, min_size=1, max_size=30))
def test_the_bound_is_never_below_the_sums(items: list[tuple[int, int]]) -> None:
    needs = np.array(items, dtype=np.int64)
    sums = [-(-int(needs[:, column].sum()) // 20) for column in (0, 1)]
    assert fewest_hosts(needs, (20, 20)).hosts >= max(sums)


def test_items_above_half_a_bin_need_one_each() -> None:
    assert most_by_size([51] * 9, 100) == 9


def test_items_that_must_share_what_large_ones_leave_are_counted() -> None:
    # Each 60 leaves 40: the two 45 fit beside none of them, yet 60 + 60 + 45 + 45 is 2.1 bins.
    assert most_by_size([45, 45, 60, 60], 100) == 3


def test_vms_just_above_a_tenth_of_a_host_share_it_with_eight_others() -> None:
    assert most_by_rounding(np.array([101] * 90), 1000) == 10
    assert fewest_hosts(np.array([[101]] * 91), (1000,)).hosts == 11


def test_nothing_needs_no_host() -> None:
    assert fewest_hosts(np.empty((0, 3), dtype=np.int64), (1, 1, 1)).hosts == 0


def test_vms_that_stand_apart_need_as_many_hosts() -> None:
    assert fewest_hosts(np.array([[1, 1]]), (10, 10), apart=4).hosts == 4
