"""Twelve relations between the answers to two questions: no expected value is written down anywhere.

METAMORPHIC_EXAMPLES=500 ./headroom test tests/planner/test_metamorphic.py   (each relation so many times)
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.estate import VM, Host
from planner.formats.document import write_document
from planner.formats.reader import read
from planner.quality import Reading
from planner.report import ClusterPlan, Parameters, plan
from tests.planner.small import host, reading, vm

EXAMPLES = int(os.environ.get("METAMORPHIC_EXAMPLES", "15"))
SIZES = st.tuples(st.sampled_from([1, 2, 4, 8, 12]), st.sampled_from([2048, 4096, 16384, 32768, 65536]))


def planned(hosts: list[Host], vms: list[VM], failures: int = 1, name: str = "c") -> ClusterPlan:
    return of(reading(hosts, vms), failures, name)


def of(asked: Reading, failures: int = 1, name: str = "c") -> ClusterPlan:
    report = plan(asked, Parameters(failures=failures))
    return next(cluster for cluster in report.clusters if cluster.name == name)


def verdict(found: ClusterPlan) -> tuple[object, ...]:
    return (
        found.hosts_for_load, found.hosts_needed, found.lower_bound, found.fits,
        found.failures_tolerated_today, found.binding,
    )  # fmt: skip


def change(rows: list, **given: object) -> list:
    return [msgspec.structs.replace(row, **given) for row in rows]


def the_order_of_rows(hosts: list[Host], vms: list[VM]) -> None:
    chance = random.Random(1)  # noqa: S311
    mixed = chance.sample(hosts, len(hosts)), chance.sample(vms, len(vms))
    assert verdict(planned(*mixed)) == verdict(planned(hosts, vms))


def other_names(hosts: list[Host], vms: list[VM]) -> None:
    renamed = [msgspec.structs.replace(row, name=f"z{row.name}") for row in vms]
    assert verdict(planned(hosts, renamed)) == verdict(planned(hosts, vms))


def written_and_read_again(hosts: list[Host], vms: list[VM]) -> None:
    asked = reading(hosts, vms)
    again = read(write_document(asked.estate), "e.json")
    assert verdict(of(again)) == verdict(of(asked))


def a_vm_that_is_off(hosts: list[Host], vms: list[VM]) -> None:
    more = [*vms, vm("off", power="off", vcpus=64, memory_mib=10**6)]
    assert verdict(planned(hosts, more)) == verdict(planned(hosts, vms))


def another_cluster(hosts: list[Host], vms: list[VM]) -> None:
    beside = change([*hosts], cluster="d"), change([*vms], cluster="d")
    both = (
        [*hosts, *(msgspec.structs.replace(row, name=f"d{row.name}") for row in beside[0])],
        [*vms, *(msgspec.structs.replace(row, name=f"d{row.name}") for row in beside[1])],
    )
    assert verdict(planned(*both)) == verdict(planned(hosts, vms))
    assert verdict(planned(*both, name="d")) == verdict(planned(hosts, vms))


def twice_the_memory_of_all(hosts: list[Host], vms: list[VM]) -> None:
    """Memory counts in whole MiB after an overhead of the host's: only the direction is sure."""
    larger = [msgspec.structs.replace(row, memory_mib=row.memory_mib * 2) for row in vms]
    assert_bound(planned(hosts, vms), planned(hosts, larger))


def assert_bound(less: ClusterPlan, more: ClusterPlan) -> None:
    """More load never needs fewer hosts; without a bound some VM fits on no host at all, and stays so."""
    if less.lower_bound is None:
        assert more.lower_bound is None
    elif more.lower_bound is not None:
        assert less.lower_bound <= more.lower_bound


def one_more_vm(hosts: list[Host], vms: list[VM]) -> None:
    assert_bound(planned(hosts, vms), planned(hosts, [*vms, vm("more")]))


def one_vm_less(hosts: list[Host], vms: list[VM]) -> None:
    more, less = planned(hosts, vms), planned(hosts, vms[:-1])
    if more.fits:
        assert less.fits or not vms[:-1]


def one_more_host(hosts: list[Host], vms: list[VM]) -> None:
    before, after = planned(hosts, vms), planned([*hosts, host("more")], vms)
    if before.failures_tolerated_today is not None:
        assert after.failures_tolerated_today >= before.failures_tolerated_today
    assert (after.hosts_for_load, after.lower_bound) == (before.hosts_for_load, before.lower_bound)


def one_more_failure(hosts: list[Host], vms: list[VM]) -> None:
    less, more = planned(hosts, vms, 0), planned(hosts, vms, 1)
    if less.hosts_needed is not None and more.hosts_needed is not None:
        assert less.hosts_needed <= more.hosts_needed
    assert not more.fits or less.fits


def the_bound_below(hosts: list[Host], vms: list[VM]) -> None:
    found = planned(hosts, vms)
    if found.hosts_for_load is not None:
        assert found.lower_bound <= found.hosts_for_load <= found.hosts_needed


def larger_hosts(hosts: list[Host], vms: list[VM]) -> None:
    larger = [
        msgspec.structs.replace(row, memory_mib=row.memory_mib * 2, cores=row.cores * 2) for row in hosts
    ]
    small, large = planned(hosts, vms), planned(larger, vms)
    if small.lower_bound is not None:
        assert large.lower_bound <= small.lower_bound
    assert large.fits or not small.fits


RELATIONS = (
    the_order_of_rows, other_names, written_and_read_again, a_vm_that_is_off, another_cluster,
    twice_the_memory_of_all, one_more_vm, one_vm_less, one_more_host, one_more_failure, the_bound_below,
    larger_hosts,
)  # fmt: skip


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_relation_holds(relation: Callable[[list[Host], list[VM]], None]) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.integers(2, 5), st.lists(SIZES, min_size=1, max_size=14))
    def holds(hosts: int, sizes: list[tuple[int, int]]) -> None:
        rows = [host(f"h{number}") for number in range(hosts)]
        machines = [
            vm(f"v{number:02}", vcpus=vcpus, memory_mib=memory_mib, host=f"h{number % hosts}")
            for number, (vcpus, memory_mib) in enumerate(sizes)
        ]
        relation(rows, machines)

    holds()
