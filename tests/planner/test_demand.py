"""What VMs need and hosts give."""

from __future__ import annotations

import pytest

from planner.demand import (
    KHZ,
    MEMORY,
    VCPU,
    capacity_of,
    give_of,
    held_mhz,
    load_of,
    need_of,
    usable_memory_mib,
    vm_overhead_mib,
)
from tests.planner.small import host, vm

# vSphere Resource Management 6.5 to 6.7, p. 34: MB of overhead for 1, 2, 4 and 8 vCPUs.
OVERHEAD_TABLE = {
    256: (20.29, 24.28, 32.23, 48.16),
    1024: (25.90, 29.91, 37.86, 53.82),
    4096: (48.64, 52.72, 60.67, 76.78),
    16384: (139.62, 143.98, 151.93, 168.60),
}


@pytest.mark.parametrize("memory_mib", sorted(OVERHEAD_TABLE))
def test_overhead_is_within_its_stated_error_of_every_published_cell(memory_mib: int) -> None:
    for vcpus, published in zip((1, 2, 4, 8), OVERHEAD_TABLE[memory_mib], strict=True):
        assert vm_overhead_mib(vcpus, memory_mib) == pytest.approx(published, abs=1.15)


def test_a_need_is_rounded_up_and_a_capacity_down() -> None:
    assert need_of(vm("a", vcpus=3, memory_mib=1000, cpu_reservation_mhz=0.0001)) == (3000, 1058571, 1, 0, 0)
    assert 1058571 > (1000 + vm_overhead_mib(3, 1000)) * 1024 > 1058570
    assert give_of(cores=3, cpu_mhz=1.00051, memory_mib=1024, vcpu_per_core=0.3335) == (
        1000,
        128000,
        3001,
        10**15,
        10**15,
    )


def test_a_host_smaller_than_what_the_hypervisor_keeps_gives_nothing() -> None:
    assert usable_memory_mib(512) == 0.0


def test_only_running_vms_are_load() -> None:
    vms = [vm("on"), vm("off", power="off"), vm("asleep", power="suspended"), vm("model", template=True)]
    assert load_of(vms).names == ("on",)


def test_nothing_to_place_is_an_empty_load() -> None:
    load = load_of([])
    assert (load.names, load.needs.shape, load.total(MEMORY)) == ((), (0, 5), 0)


def test_an_ft_vm_counts_twice_and_its_copies_are_a_pair() -> None:
    load = load_of([vm("db", ft="primary"), vm("web")])
    assert load.names == ("db", "web", "db (FT secondary)")
    assert load.vms == ("db", "web", "db")
    assert load.pairs == ((0, 2),)
    assert load.total(VCPU) == 12_000


def test_a_listed_secondary_is_paired_and_not_invented() -> None:
    vms = [vm("db", ft="primary"), vm("db (secondary)", ft="secondary"), vm("db1", ft="primary"),
           vm("db1 (secondary)", ft="secondary")]  # fmt: skip
    load = load_of(vms)
    assert load.names == ("db", "db (secondary)", "db1", "db1 (secondary)")
    assert load.pairs == ((0, 1), (2, 3))


def test_a_secondary_of_another_name_is_paired_by_uuid() -> None:
    load = load_of([vm("a", ft="primary", uuid="u1"), vm("zz", ft="secondary", uuid="u1")])
    assert load.pairs == ((0, 1),)


def test_the_name_of_an_invented_secondary_never_collides() -> None:
    load = load_of([vm("db", ft="primary"), vm("db (FT secondary)")])
    assert len(set(load.names)) == 3


def test_hosts_in_maintenance_or_disconnected_give_nothing() -> None:
    hosts = [host("a"), host("b", maintenance=True), host("c", connected=False)]
    assert capacity_of(hosts, 4.0).names == ("a",)


def test_a_speed_nobody_told_never_refuses_a_reservation() -> None:
    gives = capacity_of([host("a", cpu_mhz=0)], 4.0).gives
    assert gives[0, KHZ] == 10**15


def test_absurd_sizes_are_added_up_exactly() -> None:
    load = load_of([vm(f"vm{n}", memory_mib=10**12) for n in range(20_000)])
    assert load.total(MEMORY) > 2**63


def test_measured_cpu_is_held_against_the_clock_and_measured_memory_lowers_nothing() -> None:
    quiet = vm("a", vcpus=2, memory_mib=4096)
    busy = vm("a", vcpus=2, memory_mib=4096, cpu_demand_mhz=4100.5, memory_demand_mib=512)
    assert need_of(busy)[:2] == need_of(quiet)[:2]
    assert (need_of(quiet)[KHZ], need_of(busy)[KHZ]) == (0, 4_100_500)


@pytest.mark.parametrize(
    ("reserved", "measured", "held"), [(500, 2000, 2000), (2000, 500, 2000), (None, 0, 0)]
)
def test_a_vm_holds_the_larger_of_its_reservation_and_what_was_measured(
    reserved: float | None, measured: float, held: float
) -> None:
    assert held_mhz(vm("a", cpu_reservation_mhz=reserved, cpu_demand_mhz=measured)) == held
