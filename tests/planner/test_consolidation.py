"""What is there: counts and ratios."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from planner.consolidation import NO_CLUSTER, assumptions, members, summarize, totals
from planner.estate import VM, Partition
from tests.planner.small import host, reading, vm

POWER = st.sampled_from(["on", "off", "suspended"])


@st.composite
def vms(draw: st.DrawFn) -> list[VM]:
    return [
        vm(
            f"vm{number}",
            cluster=draw(st.sampled_from(["a", "b", None])),
            power=draw(POWER),
            template=draw(st.booleans()),
            vcpus=draw(st.integers(0, 64)),
            memory_mib=draw(st.integers(0, 10**6)),
            disk_mib=draw(st.integers(0, 10**7)),
            disk_used_mib=draw(st.none() | st.integers(0, 10**7)),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


@given(vms())
def test_every_vm_is_on_off_or_a_template(found: list[VM]) -> None:
    counted = totals(reading(vms=found).estate)
    assert counted.vms == counted.vms_on + counted.vms_off
    assert counted.vms + counted.templates == len(found)


@given(vms())
def test_clusters_and_what_has_none_add_up_to_the_whole(found: list[VM]) -> None:
    estate = reading(vms=found, clusters=["a", "b"]).estate
    summaries = [summarize(cluster) for cluster in members(estate)]
    outside = [one for one in found if one.cluster is None]
    counted = totals(estate)
    vcpus = sum(summary.vcpus_on for summary in summaries) + sum(one.vcpus for one in outside if one.is_load)
    assert counted.vcpus_on == vcpus
    assert counted.vms_without_cluster == len(outside)


def test_a_vm_without_cluster_belongs_to_that_of_its_host() -> None:
    estate = reading(hosts=[host("esx1", cluster="c")], vms=[vm("a", cluster=None, host="esx1")]).estate
    (cluster,) = members(estate)
    assert [one.name for one in cluster.vms] == ["a"]
    assert totals(estate).vms_without_cluster == 0


def test_an_estate_without_any_cluster_is_one() -> None:
    estate = reading(hosts=[host("esx1", cluster=None)], vms=[vm("a", cluster=None)]).estate
    (cluster,) = members(estate)
    assert (cluster.name, len(cluster.hosts), len(cluster.vms)) == (NO_CLUSTER, 1, 1)
    assert (totals(estate).clusters, totals(estate).vms_without_cluster) == (0, 1)


def test_clusters_are_known_by_their_own_rows_hosts_or_vms() -> None:
    estate = reading(hosts=[host("h", cluster="b")], vms=[vm("v", cluster="c")], clusters=["a"]).estate
    assert [cluster.name for cluster in members(estate)] == ["a", "b", "c"]


def test_one_host_has_no_ratio_at_n_minus_1() -> None:
    (cluster,) = members(reading(hosts=[host("esx1")], vms=[vm("a")]).estate)
    summary = summarize(cluster)
    assert (summary.vcpu_per_core, summary.vcpu_per_core_n1, summary.cores_n1) == (0.25, None, None)


def test_a_cluster_without_hosts_has_no_ratio() -> None:
    (cluster,) = members(reading(vms=[vm("a")]).estate)
    summary = summarize(cluster)
    assert (summary.vcpu_per_core, summary.vcpu_per_core_n1, summary.vms_per_host) == (None, None, None)


def test_hosts_of_unequal_size_lose_a_mean_one() -> None:
    (cluster,) = members(reading(hosts=[host("a", cores=8), host("b", cores=24)], vms=[vm("v")]).estate)
    assert summarize(cluster).cores_n1 == 16.0


def test_what_does_not_run_counts_for_storage_alone() -> None:
    found = [
        vm("on", disk_used_mib=1024),
        vm("off", power="off", disk_used_mib=2048),
        vm("model", template=True, disk_used_mib=4096),
    ]
    (cluster,) = members(reading(hosts=[host("h")], vms=found).estate)
    summary = summarize(cluster)
    assert (summary.vms_on, summary.vms_off, summary.templates, summary.vcpus_on) == (1, 1, 1, 4)
    assert summary.storage_used_tib * 1024 * 1024 == 7168


def test_a_vm_that_tells_no_space_in_use_counts_its_disks_and_the_plan_says_so() -> None:
    found = [vm("a", disk_mib=4096), vm("b", disk_mib=4096, disk_used_mib=0)]
    (cluster,) = members(reading(vms=found).estate)
    assert summarize(cluster).storage_used_tib * 1024 * 1024 == 4096
    said = [str(sentence) for sentence in assumptions(found)]
    assert said == ["VMs without a figure of space in use (1): the size of their disks stands in for it"]


def test_what_guests_report_is_told_apart_from_what_files_hold() -> None:
    partition = Partition(name="C:", capacity_mib=2048, consumed_mib=1024)
    (cluster,) = members(reading(vms=[vm("a", disk_used_mib=4096, partitions=(partition,))]).estate)
    summary = summarize(cluster)
    assert summary.guest_used_tib * 4 == summary.storage_used_tib
