"""The demo estate is what its builder builds, and tells the story that its README promises."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from planner.estate import Estate
from planner.formats.document import read_document, write_document
from planner.quality import Reading
from planner.report import Parameters, PlanReport, plan
from scenarios.demo import build, hardware


@pytest.fixture(scope="module")
def reading() -> Reading:
    return read_document(build.ESTATE.read_bytes())


@pytest.fixture(scope="module")
def estate(reading: Reading) -> Estate:
    return reading.estate


@pytest.fixture(scope="module")
def report(reading: Reading) -> PlanReport:
    return plan(reading, Parameters())


def test_the_committed_estate_is_what_the_builder_builds() -> None:
    assert build.document(build.estate()) == build.ESTATE.read_bytes()


def test_the_estate_is_sorted_and_says_its_format(estate: Estate) -> None:
    assert estate.sorted() == estate
    assert build.ESTATE.read_bytes().startswith(b'{"format": "headroom-estate/1",')


def test_the_estate_is_read_without_a_warning_and_written_again_unchanged(reading: Reading) -> None:
    assert reading.quality.warnings == ()
    assert read_document(write_document(reading.estate)).estate == reading.estate


def test_production_has_lost_its_spare_host_and_the_others_have_one(report: PlanReport) -> None:
    told = {
        cluster.name: (
            cluster.hosts_today,
            cluster.hosts_needed,
            cluster.binding,
            cluster.failures_tolerated_today,
        )
        for cluster in report.clusters
    }
    assert told == {
        "Production": (8, 9, "memory", 0),
        "DMZ": (3, 3, "memory", 1),
        "Management": (2, 2, "memory", 1),
        "Desktops": (4, 4, "cpu", 1),
    }


def test_everything_that_is_named_is_there(estate: Estate) -> None:
    hosts = {host.name for host in estate.hosts}
    stores = {store.name: store for store in estate.datastores}
    luns = {lun.name for lun in estate.luns}
    networks = {group.name for group in estate.port_groups}
    names = {vm.name for vm in estate.vms}
    assert estate.unknown_hosts() == ()
    assert {rack.site for rack in estate.racks} <= {site.name for site in estate.sites}
    for vm in estate.vms:
        assert vm.host in hosts
        assert vm.host in stores[vm.datastores[0]].hosts
        assert set(vm.networks) <= networks
        assert {disk.datastore for disk in vm.disks} == set(vm.datastores)
        assert sum(disk.capacity_mib for disk in vm.disks) == vm.disk_mib
    for rule in estate.rules:
        assert set(rule.vms) <= names
        assert set(rule.hosts) <= hosts
    for path in estate.paths:
        assert (path.host in hosts, path.lun in luns) == (True, True)


def test_rules_that_must_hold_do_hold_today(estate: Estate) -> None:
    host_of = {vm.name: vm.host for vm in estate.vms}
    for rule in estate.rules:
        found = [host_of[vm] for vm in rule.vms]
        match rule.kind:
            case "spread":
                assert len(set(found)) == len(found), rule.name
            case "gather":
                assert len(set(found)) == 1, rule.name
            case "must-run-on":
                assert set(found) <= set(rule.hosts), rule.name


def test_the_weak_points_are_where_the_readme_says(estate: Estate) -> None:
    ways = Counter((path.host, path.lun) for path in estate.paths)
    single = {lun for (_host, lun), count in ways.items() if count == 1}
    assert single == {hardware.ONE_PATH_LUN}
    alone = {host.name for host in estate.hosts if sum(nic.up is True for nic in host.nics) == 1}
    assert alone == {hardware.ONE_UPLINK_HOST}
    readme = Path(build.__file__).with_name("README.md").read_text(encoding="utf-8")
    assert hardware.ONE_PATH_LUN in readme
    assert hardware.ONE_UPLINK_HOST in readme


def test_hosts_carry_what_was_placed_on_them(estate: Estate) -> None:
    for host in estate.hosts:
        configured = sum(vm.memory_mib for vm in estate.vms if vm.host == host.name and vm.is_load)
        assert 0 < configured < host.memory_mib
