"""Each column is found under each of its names, in any case, with any blanks, in any order."""

from __future__ import annotations

import pytest

from planner.formats.columns import COLUMNS, Column
from planner.formats.findings import Findings
from planner.formats.headers import HEADERS
from planner.formats.matching import match, missing
from planner.formats.reader import read
from tests.workbooks import small, vm, workbook

ALIASES = [
    (sheet, column, header)
    for sheet, columns in COLUMNS.items()
    for column in columns
    for header in column.headers
]
# The 52 names of the "vInfoInUse" dialect that merging tools map.
DIALECT = {
    "vInfo": {
        "vInfoVMName": "vm",
        "vInfoUUID": "vm_uuid",
        "vInfoPowerstate": "power",
        "vInfoTemplate": "template",
        "vInfoCPUs": "vcpus",
        "vInfoMemory": "memory_mib",
        "vInfoProvisioned": "provisioned_mib",
        "vInfoInUse": "in_use_mib",
        "vInfoDataCenter": "datacenter",
        "vInfoCluster": "cluster",
        "vInfoHost": "host",
        "vInfoOSTools": "os_tools",
        "vInfoOS": "os_configured",
        "vInfoTotalDiskCapacityMiB": "capacity_mib",
        "vInfoNetwork1": "network_1",
        "vInfoNetwork8": "network_8",
        "vInfoFolder": "folder",
        "vInfoHARestartPriority": "restart_priority",
        "vInfoVISDKServer": "server",
    },
    "vHost": {
        "vHostName": "host",
        "vHostDatacenter": "datacenter",
        "vHostCluster": "cluster",
        "vHostCpuModel": "cpu_model",
        "vHostCpuMhz": "cpu_mhz",
        "vHostNumCpu": "sockets",
        "vHostCoresPerCPU": "cores_per_socket",
        "vHostNumCpuCores": "cores",
        "vHostOverallCpuUsage": "cpu_usage_percent",
        "vHostMemorySize": "memory_mib",
        "vHostOverallMemoryUsage": "memory_usage_percent",
        "vHostFullName": "version",
        "vHostVendor": "vendor",
        "vHostModel": "model",
    },
    "vPartition": {
        "vPartitionDisk": "disk",
        "vPartitionVMName": "vm",
        "vPartitionUUID": "vm_uuid",
        "vPartitionConsumedMiB": "consumed_mib",
        "vPartitionCapacityMiB": "capacity_mib",
    },
    "vMemory": {"vMemoryVMName": "vm", "vMemoryUUID": "vm_uuid", "vMemoryReservation": "reservation_mib"},
    "vDisk": {"vDiskVMName": "vm", "vDiskCapacityMiB": "capacity_mib", "vDiskName": "disk"},
    "vDatastore": {
        "vDatastoreName": "datastore",
        "vDatastoreCapacity": "capacity_mib",
        "vDatastoreFreeSpace": "free_mib",
        "vDatastoreProvisioned": "provisioned_mib",
        "vDatastoreInUse": "in_use_mib",
        "vDatastoreType": "kind",
        "vDatastoreURL": "url",
        "vDatastoreHosts": "hosts",
    },
}


def found(sheet: str, *headers: str) -> dict[str, int]:
    return match(sheet, headers, Findings()).at


@pytest.mark.parametrize(
    ("sheet", "column", "header"), ALIASES, ids=lambda value: str(getattr(value, "field", value))
)
def test_a_column_is_found_under_each_of_its_names(sheet: str, column: Column, header: str) -> None:
    assert found(sheet, "Something else", header) == {column.field: 1}


@pytest.mark.parametrize(
    ("sheet", "column", "header"), ALIASES[::3], ids=lambda value: str(getattr(value, "field", value))
)
def test_case_blanks_and_punctuation_do_not_matter(sheet: str, column: Column, header: str) -> None:
    spelled = f"  {header.upper().replace(' ', '  ')} "
    assert found(sheet, spelled) == {column.field: 0}


@pytest.mark.parametrize("unit", ["MiB", "MB", "(MiB)", "[MB]", "", "mib", "_MB"])
@pytest.mark.parametrize("header", ["Provisioned", "In Use", "In use", "vInfoInUse"])
def test_a_size_is_found_with_any_unit_of_old_and_new_exports(header: str, unit: str) -> None:
    assert len(found("vInfo", f"{header} {unit}")) == 1


@pytest.mark.parametrize(
    ("sheet", "header", "field"),
    [(sheet, header, field) for sheet, names in DIALECT.items() for header, field in names.items()],
)
def test_the_prefixed_dialect_is_understood(sheet: str, header: str, field: str) -> None:
    assert found(sheet, header) == {field: 0}


@pytest.mark.parametrize("sheet", sorted(COLUMNS))
def test_rvtools_own_headers_are_never_taken_for_a_customers(sheet: str) -> None:
    findings = Findings()
    result = match(sheet, HEADERS[sheet], findings)
    assert result.own == {}
    assert findings.warnings == ()


@pytest.mark.parametrize("sheet", sorted(COLUMNS))
def test_an_export_of_today_lacks_no_column_that_matters(sheet: str) -> None:
    assert missing(sheet, match(sheet, HEADERS[sheet], Findings())) == ([], [])


@pytest.mark.parametrize(
    ("garbled", "expected"),
    [
        ("Powerstat", "Powerstate"),
        ("Power_ståte", "Powerstate"),
        ("Tem?late", "Template"),
        ("Clustr", "Cluster"),
        ("Memorry", "Memory"),
        ("In Usee MiB", "In Use"),
    ],
)
def test_a_garbled_header_is_read_with_a_warning_that_says_as_what(garbled: str, expected: str) -> None:
    good = {"Powerstate", "Template", "Cluster", "Memory", "In Use MiB"}
    replaced = next(header for header in good if header.startswith(expected))
    row = {garbled if header == replaced else header: cell for header, cell in vm().items()}
    reading = read(workbook(small(vInfo=[row])))
    (read_vm,) = reading.estate.vms
    assert (read_vm.power, read_vm.memory_mib, read_vm.cluster, read_vm.disk_used_mib) == (
        "on",
        4096,
        "c1",
        10240,
    )
    (warning,) = [w for w in reading.quality.warnings if "most like" in w.message.template]
    assert (warning.sheet, warning.row, warning.column) == ("vInfo", 1, garbled)
    assert warning.message.values["expected"] == expected


def test_two_headers_equally_like_a_column_are_not_guessed_between() -> None:
    row = {key: cell for key, cell in vm().items() if key != "Cluster"}
    reading = read(workbook(small(vInfo=[row | {"Clusterx": "a", "Clustery": "b"}])))
    assert reading.estate.vms[0].cluster is None
    assert any(w.column == "Cluster" and "is missing" in w.message.template for w in reading.quality.warnings)


def test_a_column_twice_is_read_once_and_told() -> None:
    headers = ("VM", "CPUs", "Memory", "Provisioned MiB", "Powerstate", "Team", "Team")
    made = {"vInfo": (headers, [["web01", 2, 4096, 100, "poweredOn", "blue", "green"]])}
    reading = read(workbook(made))
    assert reading.estate.vms[0].attributes == {"Team": "blue"}
    assert any(w.column == "Team" and "twice" in w.message.template for w in reading.quality.warnings)


def test_the_better_of_two_headers_for_one_column_is_read() -> None:
    assert found("vInfo", "OS", "OS according to the configuration file") == {"os_configured": 1}
    assert found("vInfo", "SMBIOS UUID", "VM UUID", "UUID") == {"vm_uuid": 1, "bios_uuid": 2}
    assert found("vInfo", "In Use MB", "In Use MiB") == {"in_use_mib": 0}


def test_a_header_below_a_title_is_found() -> None:
    headers = ("Export of our estate", None, None, None, None)
    rows = [
        ["made in May", None, None, None, None],
        ["VM", "CPUs", "Memory", "Provisioned MiB", "Powerstate"],
        ["web01", 2, 4096, 100, "poweredOn"],
    ]
    reading = read(workbook({"vInfo": (headers, rows)}))  # type: ignore[dict-item]
    assert [found_vm.name for found_vm in reading.estate.vms] == ["web01"]


@pytest.mark.parametrize("unit", ["GB", "GiB", "(GB)"])
def test_a_unit_in_the_header_wins_and_is_told(unit: str) -> None:
    row = {
        ("Memory " + unit if header == "Memory" else header): cell for header, cell in vm(Memory=4).items()
    }
    reading = read(workbook(small(vInfo=[row])))
    assert reading.estate.vms[0].memory_mib == 4096
    assert any("was converted to MiB" in str(assumption) for assumption in reading.quality.assumptions)


def test_a_column_that_stands_twice_is_read_once_and_told() -> None:
    findings = Findings()
    found = match("vInfo", ["VM", "CPUs", "Memory", "Powerstate", "memory", "In Use MB"], findings)
    assert found.at["memory_mib"] == 2
    told = [finding for finding in findings.warnings if "stands twice" in finding.message.template]
    assert [(finding.sheet, finding.row, finding.column) for finding in told] == [("vInfo", 1, "memory")]
