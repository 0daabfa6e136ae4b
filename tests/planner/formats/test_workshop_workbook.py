"""The real workbook of the sizing workshop gives the figures that its authors published."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.estate import VM
from planner.formats.document import read_document, write_document
from planner.formats.reader import read
from planner.quality import Reading
from planner.units import gib, tib

WORKBOOK = Path(__file__).resolve().parents[4] / "shared" / "data" / "rvtools" / "SizingWorkshop-RVTools.xlsx"


@pytest.fixture(scope="module")
def workshop() -> Reading:
    if not WORKBOOK.exists():
        pytest.skip(f"{WORKBOOK.name} is not in ../shared/data/rvtools")
    return read(WORKBOOK)


def load_of(reading: Reading, cluster: str) -> list[VM]:
    return [vm for vm in reading.estate.vms_of(cluster) if vm.is_load]


def test_every_row_of_the_three_sheets_is_read(workshop: Reading) -> None:
    rows = {sheet.name: (sheet.rows_read, sheet.rows_skipped) for sheet in workshop.quality.sheets}
    assert rows == {"vInfo": (805, 0), "vPartition": (1618, 0), "vHost": (34, 0)}
    assert [sheet.name for sheet in workshop.quality.sheets] == ["vInfo", "vPartition", "vHost"]


def test_it_holds_795_vms_10_templates_34_hosts_and_4_clusters(workshop: Reading) -> None:
    estate = workshop.estate
    assert sum(vm.template for vm in estate.vms) == 10
    assert sum(not vm.template for vm in estate.vms) == 795
    assert len(estate.hosts) == 34
    assert [cluster.name for cluster in estate.clusters] == ["Cluster1", "Cluster2", "DMZ", "Mgmt"]


def test_cluster1_has_the_published_sums(workshop: Reading) -> None:
    load = load_of(workshop, "Cluster1")
    assert len(load) == 47
    assert sum(vm.vcpus for vm in load) == 257
    assert gib(sum(vm.memory_mib for vm in load)) == 1195.4765625
    assert tib(sum(vm.disk_used_mib or 0 for vm in load)) == pytest.approx(22.3534, abs=5e-5)
    assert tib(sum(vm.guest_used_mib for vm in load)) == pytest.approx(17.5061, abs=5e-5)


def test_the_other_clusters_have_the_published_vcpus(workshop: Reading) -> None:
    assert sum(vm.vcpus for vm in load_of(workshop, "DMZ")) == 136
    assert sum(vm.vcpus for vm in load_of(workshop, "Mgmt")) == 76
    assert sum(vm.vcpus for vm in workshop.estate.vms_of("Mgmt") if not vm.template) == 80
    assert gib(sum(vm.memory_mib for vm in load_of(workshop, "DMZ"))) == pytest.approx(448, abs=0.5)


def test_the_old_mb_headers_are_mib(workshop: Reading) -> None:
    info = next(sheet for sheet in workshop.quality.sheets if sheet.name == "vInfo")
    assert "Provisioned MB" in info.columns_known
    assert "In Use MB" in info.columns_known
    first = next(vm for vm in workshop.estate.vms if vm.name == "wadfs1")
    assert (first.disk_mib, first.disk_used_mib) == (86201, 62420)


def test_hosts_that_vhost_lacks_are_kept_and_told_once(workshop: Reading) -> None:
    (warning,) = workshop.quality.warnings
    assert (warning.sheet, warning.row, warning.column, warning.count) == ("vInfo", 2, "Host", 754)
    assert warning.message.values["host"] == "bovmsp-04.customer.com"
    assert len(workshop.estate.unknown_hosts()) == 32


def test_as_a_document_it_is_the_same_estate(workshop: Reading) -> None:
    assert read_document(write_document(workshop.estate)).estate == workshop.estate
