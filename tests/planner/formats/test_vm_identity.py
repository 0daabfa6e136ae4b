"""Which rows are the same VM, and what two VMs of one name are called."""

from __future__ import annotations

import random

from planner.estate import Estate
from planner.formats.reader import read
from planner.quality import Reading
from tests.invented import Cell
from tests.workbooks import host, small, vm, workbook


def read_rows(*rows: dict[str, Cell], **sheets: list[dict[str, Cell]]) -> Reading:
    return read(workbook(small(vInfo=list(rows), **sheets)))


def names(estate: Estate) -> list[str]:
    return [vm.name for vm in estate.vms]


def test_the_same_vm_id_twice_is_one_vm() -> None:
    reading = read_rows(
        vm("a", **{"VM ID": "vm-1"}), vm("b", **{"VM ID": "vm-2"}), vm("a", CPUs=8, **{"VM ID": "vm-1"})
    )
    assert [(each.name, each.vcpus) for each in reading.estate.vms] == [("a", 2), ("b", 2)]
    (told,) = reading.quality.warnings
    assert (told.sheet, told.row, told.column) == ("vInfo", 4, "VM ID")
    assert told.message.values == {"vm": "a", "key": "VM ID", "first": 2}
    assert reading.quality.sheets[0].rows_skipped == 1


def test_the_same_uuid_twice_is_one_vm() -> None:
    reading = read_rows(vm("a", **{"VM UUID": "u-1"}), vm("renamed", **{"VM UUID": "u-1"}))
    assert names(reading.estate) == ["a"]


def test_copies_that_share_a_bios_uuid_are_two_vms() -> None:
    rows = [vm(f"copy{n}", **{"VM ID": f"vm-{n}", "SMBIOS UUID": "same"}) for n in range(2)]
    assert names(read_rows(*rows).estate) == ["copy0", "copy1"]


def test_the_same_vm_id_in_two_vcenters_is_two_vms() -> None:
    rows = [vm(f"{server}-vm", **{"VM ID": "vm-1", "VI SDK Server": server}) for server in ("vc1", "vc2")]
    assert names(read_rows(*rows).estate) == ["vc1-vm", "vc2-vm"]


def test_two_vms_of_one_name_are_told_apart_by_their_ids() -> None:
    reading = read_rows(vm("web01", **{"VM ID": "vm-1234"}), vm("web01", **{"VM ID": "vm-77"}))
    assert names(reading.estate) == ["web01", "web01 [vm-1234]"]
    (told,) = reading.quality.warnings
    assert told.message.values["vm"] == "web01"
    assert told.row == 2


def test_the_names_do_not_hang_on_the_order_of_the_rows() -> None:
    rows = [vm("web01", **{"VM ID": f"vm-{number}"}) for number in (9, 10, 1234, 77)]
    first = read_rows(*rows).estate
    random.Random(3).shuffle(rows)  # noqa: S311
    assert read_rows(*rows).estate == first
    assert names(first) == ["web01", "web01 [vm-10]", "web01 [vm-1234]", "web01 [vm-77]"]


def test_a_name_that_is_taken_is_not_given_again() -> None:
    rows = [vm("a", **{"VM ID": "vm-1"}), vm("a", **{"VM ID": "vm-2"}), vm("a [vm-2]", **{"VM ID": "vm-3"})]
    assert names(read_rows(*rows).estate) == ["a", "a [vm-2 2]", "a [vm-2]"]


def test_without_ids_the_same_name_elsewhere_is_another_vm() -> None:
    reading = read_rows(vm("web01", Cluster="c1"), vm("web01", Cluster="c2"))
    assert [(each.name, each.cluster) for each in reading.estate.vms] == [
        ("web01", "c1"),
        ("web01 [c2]", "c2"),
    ]


def test_without_ids_the_same_name_in_the_same_place_is_the_same_vm() -> None:
    assert names(read_rows(vm("web01"), vm("web01")).estate) == ["web01"]


def test_disks_find_their_vm_by_id_though_two_share_a_name() -> None:
    rows = [vm("web01", **{"VM ID": "vm-1"}), vm("web01", **{"VM ID": "vm-2"})]
    disks: list[dict[str, Cell]] = [
        {"VM": "web01", "VM ID": "vm-2", "Disk": "Hard disk 1", "Capacity MiB": 222},
        {"VM": "web01", "VM ID": "vm-1", "Disk": "Hard disk 1", "Capacity MiB": 111},
    ]
    estate = read_rows(*rows, vDisk=disks).estate
    assert [(each.name, each.disks[0].capacity_mib) for each in estate.vms] == [
        ("web01", 111),
        ("web01 [vm-2]", 222),
    ]


def test_disks_of_an_ambiguous_name_are_given_to_nobody() -> None:
    rows = [vm("web01", **{"VM ID": "vm-1"}), vm("web01", **{"VM ID": "vm-2"})]
    reading = read_rows(*rows, vDisk=[{"VM": "web01", "Disk": "Hard disk 1", "Capacity MiB": 1}])
    assert all(each.disks == () for each in reading.estate.vms)
    assert any(w.sheet == "vDisk" and w.row == 2 for w in reading.quality.warnings)


def test_details_of_an_unknown_vm_are_skipped_and_told() -> None:
    partitions: list[dict[str, Cell]] = [
        {"VM": "gone", "Disk": "/", "Capacity MiB": 9, "Consumed MiB": 3},
        {"VM": "web01", "Disk": "/", "Capacity MiB": 9, "Consumed MiB": 3},
    ]
    reading = read_rows(vm(), vPartition=partitions)
    assert reading.estate.vms[0].guest_used_mib == 3
    (told,) = reading.quality.warnings
    assert (told.sheet, told.row, told.message.values["vm"]) == ("vPartition", 2, "gone")
    assert reading.quality.sheets[1].rows_skipped == 1


def test_clusters_of_one_name_in_two_datacenters_stay_two() -> None:
    rows = [vm("a", Datacenter="Lyon"), vm("b", Datacenter="Paris", Host="esx2")]
    hosts = [host("esx1", Datacenter="Lyon"), host("esx2", Datacenter="Paris")]
    reading = read_rows(*rows, vHost=hosts)
    assert [cluster.name for cluster in reading.estate.clusters] == ["c1 [Lyon]", "c1 [Paris]"]
    assert [each.cluster for each in reading.estate.vms] == ["c1 [Lyon]", "c1 [Paris]"]
    assert [each.cluster for each in reading.estate.hosts] == ["c1 [Lyon]", "c1 [Paris]"]
    assert any(w.message.values.get("cluster") == "c1" for w in reading.quality.warnings)


def test_clusters_of_one_name_in_two_vcenters_stay_two() -> None:
    rows = [vm("a", **{"VI SDK Server": "vc1"}), vm("b", **{"VI SDK Server": "vc2"})]
    assert [cluster.name for cluster in read_rows(*rows).estate.clusters] == ["c1 [vc1]", "c1 [vc2]"]


def test_a_host_twice_is_one_host() -> None:
    reading = read_rows(vm(), vHost=[host(), host(**{"# Cores": 64})])
    assert [(each.name, each.cores) for each in reading.estate.hosts] == [("esx1", 32)]
    assert any((w.sheet, w.row) == ("vHost", 3) for w in reading.quality.warnings)
