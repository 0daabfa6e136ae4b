"""The plan as a whole: what is asked, what is answered, what is said when nobody can tell."""

from __future__ import annotations

import math
import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.estate import Datastore, Disk, Estate, Rule
from planner.parameters import ParameterError, Parameters
from planner.quality import Quality, Reading
from planner.report import ClusterPlan, failures_tolerated, plan
from tests.planner.small import host, reading, vm

PAGES = Path(__file__).resolve().parents[2] / "docs" / "formulas"


def the_plan(given: Reading, **parameters: object) -> ClusterPlan:
    (cluster,) = plan(given, Parameters(**parameters)).clusters
    assert failures_tolerated(given, Parameters(**parameters)) == {
        cluster.name: cluster.failures_tolerated_today or 0
    }
    return cluster


def texts(cluster: ClusterPlan) -> list[str]:
    return [str(said) for said in (*cluster.assumptions, *cluster.refusals)]


def hosts(count: int, **given: object) -> list[object]:
    return [host(f"esx{n}", **given) for n in range(count)]


def vms(count: int, **given: object) -> list[object]:
    return [vm(f"vm{n}", **given) for n in range(count)]


def test_hosts_by_cpu_bind_where_vcpus_are_many() -> None:
    cluster = the_plan(reading(hosts(4), vms(48, memory_mib=2048)))  # 192 vCPUs, 64 a host
    assert (cluster.binding, cluster.hosts_for_load, cluster.hosts_needed, cluster.lower_bound) == (
        "cpu",
        3,
        4,
        3,
    )
    assert (cluster.fits, cluster.failures_tolerated_today) == (True, 1)


def test_hosts_by_memory_bind_where_memory_is_large() -> None:
    cluster = the_plan(reading(hosts(4), vms(21, vcpus=1, memory_mib=16384)))  # 7 a host
    assert (cluster.binding, cluster.hosts_for_load, cluster.fits) == ("memory", 3, True)


def test_measured_cpu_binds_where_it_asks_for_more_than_the_vcpus() -> None:
    loaded = vms(12, vcpus=1, memory_mib=1024, cpu_demand_mhz=6000)  # 16 x 2,500 MHz a host: 6 a host
    cluster = the_plan(reading(hosts(3), loaded))
    assert (cluster.binding, cluster.hosts_for_load, cluster.lower_bound, cluster.fits) == ("cpu", 2, 2, True)
    opened = {figure.id: figure for figure in cluster.figures}
    assert {given.name: given.value for given in opened["hosts_by_cpu"].inputs} == {
        "demand": 12,
        "capacity_per_host": 64,
        "held_mhz": 72_000,
        "mhz_per_host": 40_000,
    }
    assert "MHz" in str(opened["hosts_by_cpu"].formula)
    assert cluster.template is not None
    assert cluster.template.held_mhz == 6000
    assert cluster.free_vms == 0  # after a loss two hosts are full by the clock, whatever their vCPUs
    assert any("measured CPU (12 of 12)" in text for text in texts(cluster))


def test_measured_cpu_that_is_low_leaves_the_plan_to_the_vcpus() -> None:
    quiet = the_plan(reading(hosts(4), vms(48, memory_mib=2048, cpu_demand_mhz=10)))
    assert (quiet.binding, quiet.hosts_for_load, quiet.lower_bound) == ("cpu", 3, 3)


def test_local_storage_asks_for_hosts_and_may_bind() -> None:
    stores = [Datastore(name=f"local{n}", capacity_mib=100_000, used_mib=0, shared=False, hosts=(f"esx{n}",))
              for n in range(4)]  # fmt: skip
    cluster = the_plan(reading(hosts(4), vms(8, disk_mib=40_000), stores))
    assert (cluster.binding, cluster.hosts_for_load, cluster.lower_bound) == ("storage", 4, 4)
    assert cluster.needs[2].hosts == 4


def test_shared_storage_that_is_too_small_does_not_fit_whatever_the_hosts() -> None:
    store = Datastore(name="san", capacity_mib=100_000, used_mib=0, hosts=("esx0", "esx1", "esx2"))
    cluster = the_plan(reading(hosts(3), vms(4, disk_mib=40_000), [store]))
    assert (cluster.binding, cluster.fits) == ("storage", False)
    assert any("hosts do not help" in text for text in texts(cluster))


def test_a_datastore_mounted_by_all_hosts_is_counted_once() -> None:
    store = Datastore(name="san", capacity_mib=2**20, used_mib=2**18, hosts=("esx0", "esx1", "esx2"))
    cluster = the_plan(reading(hosts(3), vms(2), [store]))
    assert cluster.needs[2].capacity_today == 1.0
    (free,) = [figure for figure in cluster.figures if figure.id == "storage_free_tib"]
    assert free.value == 0.75


def test_shared_storage_is_not_counted_in_hosts_which_is_no_lack_of_knowledge() -> None:
    store = Datastore(name="san", capacity_mib=2**20, used_mib=2**18, hosts=("esx0", "esx1", "esx2"))
    shared = the_plan(reading(hosts(3), vms(2), [store]))
    unknown = the_plan(reading(hosts(3), vms(2)))
    for cluster, counted, why in ((shared, False, "does not grow"), (unknown, True, "No datastore")):
        (figure,) = [figure for figure in cluster.figures if figure.id == "hosts_by_storage"]
        assert (figure.value, figure.counted) == (None, counted)
        assert why in str(figure.assumptions[0])


def test_local_disks_that_only_boot_a_host_are_left_out_beside_shared_storage() -> None:
    stores = [
        Datastore(name="san", capacity_mib=2**20, used_mib=0, hosts=("esx0", "esx1")),
        Datastore(name="boot", capacity_mib=2**20, used_mib=0, shared=False, hosts=("esx0",)),
    ]
    cluster = the_plan(reading(hosts(2), vms(2), stores))
    assert cluster.needs[2].capacity_today == 1.0
    assert "Local datastores without VM files (1) are left out" in texts(cluster)


def test_a_datastore_belongs_to_the_cluster_whose_vms_use_it_where_nobody_says_who_mounts_it() -> None:
    stores = [Datastore(name="gold", capacity_mib=2**20, used_mib=0)]
    disk = Disk(name="disk 1", capacity_mib=1, datastore="gold")
    given = reading([host("a", cluster="a"), host("b", cluster="b")],
                    [vm("x", cluster="a", disks=(disk,)), vm("y", cluster="b")], stores)  # fmt: skip
    a, b = plan(given, Parameters()).clusters
    assert (a.needs[2].capacity_today, b.needs[2].capacity_today) == (1.0, None)
    assert any("not judged" in text for text in texts(b))


def test_storage_nobody_exported_is_not_judged_and_said() -> None:
    cluster = the_plan(reading(hosts(3), vms(2)))
    assert cluster.fits is True
    assert "No datastore of this cluster is known: whether its storage suffices is not judged" in texts(
        cluster
    )


def test_a_vm_larger_than_any_host_is_refused_by_name_and_nothing_fits() -> None:
    cluster = the_plan(reading(hosts(3), [vm("giant", memory_mib=10**6), vm("small")]))
    assert (cluster.fits, cluster.hosts_for_load, cluster.hosts_needed) == (False, None, None)
    assert any(
        text.startswith("giant needs 983.8 GiB with overhead; a host of the plan gives")
        for text in texts(cluster)
    )


def test_a_vm_that_only_the_larger_hosts_hold_is_counted_in_those() -> None:
    cluster = the_plan(
        reading([*hosts(3), host("large", memory_mib=524288)], [vm("big", memory_mib=262144)]), failures=0
    )
    assert cluster.host_model is not None
    assert (cluster.host_model.memory_mib, cluster.hosts_for_load, cluster.fits) == (524288, 1, True)
    assert cluster.failures_tolerated_today == 0


def test_a_vm_wider_than_its_host_has_threads_is_pointed_out() -> None:
    cluster = the_plan(reading(hosts(3), [vm("wide", vcpus=40)]))
    assert "wide has 40 vCPUs, a host at most 32 threads: such VMs (1) do not start" in texts(cluster)


def test_a_cluster_without_hosts_is_not_judged_and_says_so() -> None:
    cluster = the_plan(reading(vms=vms(3)))
    assert (cluster.fits, cluster.hosts_for_load, cluster.hosts_needed, cluster.binding) == (
        None,
        None,
        None,
        None,
    )
    assert (cluster.failures_tolerated_today, cluster.free_vms, cluster.cost) == (None, None, ())
    assert "The cluster has no host: describe one by its cores and memory to size it" in texts(cluster)


def test_a_cluster_without_hosts_is_sized_in_the_host_described() -> None:
    cluster = the_plan(reading(vms=vms(20)), host_cores=16, host_memory_gib=128.0)
    assert (cluster.hosts_for_load, cluster.hosts_needed, cluster.fits) == (3, 4, None)
    assert cluster.host_model is not None
    assert (cluster.host_model.name, cluster.host_model.sockets) == ("as given", 2)


def test_a_cluster_without_vms_fits_and_needs_only_what_may_fail() -> None:
    cluster = the_plan(reading(hosts(2)))
    assert (cluster.fits, cluster.hosts_for_load, cluster.hosts_needed, cluster.lower_bound) == (
        True,
        0,
        1,
        0,
    )
    assert (cluster.binding, cluster.template, cluster.free_vms) == (None, None, None)


def test_one_host_carries_its_load_and_no_failure() -> None:
    cluster = the_plan(reading(hosts(1), vms(2)))
    assert (cluster.fits, cluster.failures_tolerated_today, cluster.hosts_needed) == (False, 0, 2)
    assert the_plan(reading(hosts(1), vms(2)), failures=0).fits is True


def test_when_all_hosts_are_in_maintenance_nothing_fits_and_it_is_said() -> None:
    cluster = the_plan(reading(hosts(2, maintenance=True), vms(2)), failures=0)
    assert (cluster.fits, cluster.hosts_today, cluster.failures_tolerated_today) == (False, 2, 0)
    assert "No host of the cluster can run VMs: all are in maintenance or disconnected" in texts(cluster)


def test_a_load_too_large_even_without_failure_tolerates_none() -> None:
    cluster = the_plan(reading(hosts(2), vms(40)))
    assert (cluster.fits, cluster.failures_tolerated_today, cluster.free_vms) == (False, 0, 0)
    assert "Not everything finds a place on the 2 hosts" in texts(cluster)


def test_a_described_host_is_counted_in_while_todays_hosts_are_judged() -> None:
    cluster = the_plan(
        reading(hosts(3), vms(48, memory_mib=2048)), host_cores=64, host_sockets=2, host_memory_gib=512.0
    )
    assert (cluster.hosts_today, cluster.hosts_for_load, cluster.hosts_needed) == (3, 1, 2)
    assert (cluster.fits, cluster.failures_tolerated_today) == (False, 0)
    to_buy = next(line for line in cluster.cost if line.item == "hosts")
    assert to_buy.quantity == 2


def test_reservations_count_where_they_ask_for_more_than_the_ratio() -> None:
    # 12 VMs of 1 vCPU that each reserve a quarter of a 16 x 2,500 MHz host
    cluster = the_plan(reading(hosts(4), vms(12, vcpus=1, memory_mib=1024, cpu_reservation_mhz=10_000.0)))
    assert (cluster.hosts_for_load, cluster.needs[0].hosts, cluster.binding) == (3, 3, "cpu")


def test_free_room_is_what_still_fits_with_the_failures_asked() -> None:
    # 64 vCPUs a host, 2 of 3 hosts after the loss: 128, of which 80 are taken; the average VM has 4
    cluster = the_plan(reading(hosts(3), vms(20, memory_mib=4096)))
    assert cluster.template is not None
    assert (cluster.template.name, cluster.template.vcpus, cluster.free_vms) == ("average running VM", 4, 12)


@pytest.mark.parametrize("count", [1, 5, 17, 31, 32])
def test_used_and_free_make_the_total_where_all_vms_are_alike(count: int) -> None:
    cluster = the_plan(reading(hosts(3), vms(count, memory_mib=4096)))
    assert count + (cluster.free_vms or 0) == 32  # two hosts of 64 vCPUs, 4 a VM


def test_free_room_may_be_counted_in_a_named_template_and_stops_at_the_datastore() -> None:
    store = Datastore(name="san", capacity_mib=500_000, used_mib=100_000, hosts=("esx0", "esx1", "esx2"))
    given = reading(
        hosts(3), [*vms(2), vm("golden", template=True, vcpus=1, memory_mib=1024, disk_mib=100_000)], [store]
    )
    cluster = the_plan(given, template="golden")
    assert cluster.template is not None
    # the files of the two VMs and of the template take 180,000 MiB
    assert (cluster.template.name, cluster.free_vms) == ("golden", 3)


def test_rules_cost_hosts_and_the_plan_says_so() -> None:
    rule = Rule(kind="spread", vms=("vm0", "vm1", "vm2"), name="apart")
    cluster = the_plan(reading(hosts(4), vms(3), rules=[rule]))
    assert (cluster.hosts_for_load, cluster.lower_bound, cluster.fits) == (3, 3, True)
    assert "Hosts beyond what the sums ask for (2): VMs are placed whole, and rules are kept" in texts(
        cluster
    )


def test_preferences_and_rules_about_hosts_are_told_apart() -> None:
    rules = [
        Rule(kind="should-run-on", vms=("vm0",), hosts=("esx0",)),
        Rule(kind="must-run-on", vms=("vm1",), hosts=("esx1",)),
    ]
    cluster = the_plan(reading(hosts(3), vms(2), rules=rules))
    assert (cluster.fits, cluster.failures_tolerated_today) == (False, 0)  # esx1 must not fail
    assert "Rules that are preferences (1) bind nothing here" in texts(cluster)
    assert any(text.startswith("vm1 finds no host: forbidden by must-run-on") for text in texts(cluster))


def test_vms_without_cluster_are_in_no_plan_and_it_is_said() -> None:
    report = plan(reading(hosts(2), [*vms(1), vm("lost", cluster=None)]), Parameters())
    assert [str(said) for said in report.assumptions] == [
        "VMs (1) and hosts (0) of no cluster are in no plan"
    ]


def test_an_empty_estate_has_no_plan_and_fits() -> None:
    report = plan(reading(), Parameters())
    assert (report.clusters, report.fits) == ((), True)


@given(st.integers(0, 2**32), st.integers(1, 3))
@settings(max_examples=25)
def test_the_order_of_rows_does_not_change_the_answer(seed: int, failures: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - shuffles test data
    one = reading(
        [host(f"esx{n}", cluster=f"c{n % 2}", memory_mib=65536 * (1 + n % 3)) for n in range(8)],
        [
            vm(f"vm{n}", cluster=f"c{n % 2}", vcpus=1 + n % 9, memory_mib=1024 * (1 + n % 11))
            for n in range(50)
        ],
    )
    rows = {field: list(getattr(one.estate, field)) for field in ("hosts", "vms", "clusters")}
    for row in rows.values():
        chance.shuffle(row)
    shuffled = Estate(**{field: tuple(row) for field, row in rows.items()}).sorted()
    other = Reading(estate=shuffled, quality=Quality(format="test"))
    parameters = Parameters(failures=failures)
    assert msgspec.to_builtins(plan(one, parameters)) == msgspec.to_builtins(plan(other, parameters))


@given(st.integers(1, 6), st.integers(0, 40), st.integers(0, 3))
@settings(max_examples=40)
def test_hosts_needed_are_never_below_the_bound_and_decide_whether_equal_hosts_fit(
    count: int, load: int, failures: int
) -> None:
    cluster = the_plan(reading(hosts(count), vms(load)), failures=failures)
    assert cluster.hosts_for_load is not None
    assert cluster.lower_bound is not None
    assert cluster.hosts_needed == cluster.hosts_for_load + failures
    assert cluster.lower_bound <= cluster.hosts_for_load
    assert cluster.fits is (count >= cluster.hosts_needed)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"failures": -1}, "failures: -1 is not between 0 and 1000"),
        ({"failures": 10**9}, "failures: 1000000000 is not between 0 and 1000"),
        ({"vcpu_per_core": 0.0}, "vCPUs per core: 0.0 is not above 0 and at most 1000"),
        ({"vcpu_per_core": -4.0}, "vCPUs per core: -4.0 is not above 0 and at most 1000"),
        ({"vcpu_per_core": math.nan}, "vCPUs per core: nan is not above 0 and at most 1000"),
        ({"vcpu_per_core": math.inf}, "vCPUs per core: inf is not above 0 and at most 1000"),
        ({"host_cores": 0}, "host cores: 0 is not between 1 and 100000"),
        ({"host_sockets": 0}, "host sockets: 0 is not between 1 and 1024"),
        ({"host_cores": 2, "host_sockets": 4}, "a host of 2 cores cannot have 4 sockets"),
        ({"host_memory_gib": 0.0}, "host memory: 0.0 GiB is not between 1 and 1000000000"),
        ({"host_memory_gib": math.nan}, "host memory: nan GiB is not between 1 and 1000000000"),
        ({"cluster": "C"}, "there is no cluster C; there are: c"),
        ({"template": "ghost"}, "there is no VM or template ghost"),
        ({"currency": "euro"}, "currency: euro is not three capital letters"),
        ({"host_price": "-1"}, "host price: -1 is not an amount of money"),
        ({"host_price": "NaN"}, "host price: NaN is not an amount of money"),
        ({"host_price": "lots"}, "host price: lots is not an amount of money"),
        ({"licence": "free"}, "licence: free is not vvf, vcf or none"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters: dict[str, object], said: str) -> None:
    with pytest.raises(ParameterError) as refused:
        plan(reading(hosts(2), vms(1)), Parameters(**parameters))  # type: ignore[arg-type]
    assert str(refused.value) == said


def test_every_figure_can_be_opened_to_a_page_that_exists() -> None:
    store = Datastore(name="san", capacity_mib=2**20, used_mib=2**18, hosts=("esx0", "esx1"))
    cluster = the_plan(reading(hosts(3, cpu_usage_percent=10.0, memory_usage_percent=5.0), vms(4), [store]))
    for figure in cluster.figures:
        assert figure.formula.template
        assert (PAGES / f"{figure.page}.md").is_file(), figure.id
    assert len({figure.id for figure in cluster.figures}) == len(cluster.figures)
