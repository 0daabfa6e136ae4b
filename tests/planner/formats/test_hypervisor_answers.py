"""What libvirt and the Proxmox API answer becomes an estate: recorded answers of others, and small ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from planner.estate import Estate, Host
from planner.formats.libvirt import read_libvirt
from planner.formats.proxmox import read_proxmox
from planner.formats.reader import read
from planner.parameters import Parameters
from planner.quality import FormatError, Reading
from planner.report import plan
from tests.planner.small import SHARED

LIBVIRT, PROXMOX = SHARED / "libvirt", SHARED / "proxmox"
needs_libvirt = pytest.mark.skipif(not LIBVIRT.exists(), reason=f"{LIBVIRT} is not there")
needs_proxmox = pytest.mark.skipif(not PROXMOX.exists(), reason=f"{PROXMOX} is not there")


def said(reading: Reading) -> str:
    return "; ".join(str(finding.message) for finding in reading.quality.warnings)


# -- libvirt


@needs_libvirt
def test_every_document_of_libvirt_is_read_alone_and_all_together() -> None:
    for path in sorted(LIBVIRT.iterdir()):
        read(path)
    together = read(LIBVIRT).estate
    assert len(together.hosts) == 7
    roots = [ElementTree.fromstring(path.read_bytes()) for path in sorted(LIBVIRT.iterdir())]  # noqa: S314
    domains = [domain for root in roots for domain in root.iter("domain") if domain.find("name") is not None]
    real = [domain for domain in domains if len(domain) > 2]  # capabilities name the kinds of domain too
    ids = [(domain.findtext("name"), domain.findtext("uuid")) for domain in real]
    nameless = sum(uuid is None for _, uuid in ids)  # without a UUID nothing proves that two are one
    assert len(together.vms) == len({each for each in ids if each[1]}) + nameless


@needs_libvirt
def test_capabilities_tell_cores_from_threads() -> None:
    host = read(LIBVIRT / "capabilities-00-kvm-x86_64.xml").estate.hosts[0]
    assert (host.sockets, host.cores, host.memory_mib) == (1, 4, 32731708 // 1024)  # 8 threads
    assert host.cpu_mhz == pytest.approx(3408.01)


NODE_CPU = "<cpu><nodes>1</nodes><sockets>1</sockets><cores>8</cores></cpu>"
DOMAIN = "<domain><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>512</memory>{more}</domain>"
NODE = f"<node>{NODE_CPU}<memory>8388608</memory>{{more}}</node>"


def node(more: str) -> bytes:
    return NODE.format(more=more).encode()


def test_one_vm_seen_on_two_hosts_is_one_vm_where_it_runs() -> None:
    off = DOMAIN.format(name="db", uuid="u1", more="")
    on = off.replace("<domain>", "<domain id='3'>")
    estate = read_libvirt({"h1.xml": node(off), "h2.xml": node(on)}).estate
    assert [(vm.name, vm.host, vm.power) for vm in estate.vms] == [("db", "h2", "on")]


def test_a_vm_that_runs_twice_is_told() -> None:
    on = DOMAIN.format(name="db", uuid="u1", more="").replace("<domain>", "<domain id='3'>")
    assert "db runs on two hosts at once: h1 and h2" in said(
        read_libvirt({"h1.xml": node(on), "h2.xml": node(on)})
    )


def test_two_domains_of_one_name_stay_two() -> None:
    first, second = (DOMAIN.format(name="db", uuid=uuid, more="") for uuid in ("u1", "u2"))
    estate = read_libvirt({"h1.xml": node(first), "h2.xml": node(second)}).estate
    assert [(vm.name, vm.host) for vm in estate.vms] == [("db", "h1"), ("db (2)", "h2")]


def test_a_disk_is_as_large_as_its_volume_and_lies_in_its_pool() -> None:
    pool = (
        "<pool type='netfs'><name>images</name><capacity>1073741824000</capacity>"
        "<target><path>/srv/images</path></target><volume><name>a.qcow2</name><key>/srv/images/a.qcow2</key>"
        "<capacity unit='GiB'>40</capacity><allocation unit='GiB'>7</allocation></volume></pool>"
    )
    disk = (
        "<devices><disk type='file'><source file='/srv/images/a.qcow2'/><target dev='vda'/></disk></devices>"
    )
    estate = read_libvirt({"h.xml": node(pool + DOMAIN.format(name="a", uuid="u", more=disk))}).estate
    vm = estate.vms[0]
    assert (vm.disk_mib, vm.disk_used_mib, vm.datastores) == (40 * 1024, 7 * 1024, ("images",))
    assert estate.datastores[0].shared


def test_a_domain_of_nonsense_is_refused_with_its_line() -> None:
    bad = "<domain>\n<name>x</name>\n<memory unit='furlong'>1</memory></domain>"
    with pytest.raises(FormatError, match="row 3: memory is no size: 1 furlong"):
        read(bad.encode(), "x.xml")


# -- Proxmox


@needs_proxmox
def test_the_recorded_answers_of_proxmox_become_an_estate_that_can_be_planned() -> None:
    reading = read(PROXMOX)
    assert [host.name for host in reading.estate.hosts] == ["pve1", "pve2"]
    assert [(vm.name, vm.id, vm.power) for vm in reading.estate.vms] == [
        ("vm-db", "qemu/101", "off"),
        ("vm-web", "qemu/100", "on"),
    ]
    assert "The node pve3 is offline and was never seen" in said(reading)
    assert plan(reading, Parameters()).clusters[0].hosts_today == 2


NODE_ROW = {"node": "pve3", "type": "node", "status": "offline", "maxmem": 0, "maxcpu": 0, "cpu": 0, "mem": 0}


def answers(*rows: dict[str, Any], recorded: Estate | None = None) -> Reading:
    return read_proxmox({"rows.json": json.dumps({"data": rows}).encode()}, recorded)


def test_an_offline_node_is_offline_with_the_hardware_it_was_last_seen_with() -> None:
    was = Host(name="pve3", sockets=2, cores=32, cpu_mhz=2400, memory_mib=262144, memory_usage_percent=40)
    reading = answers(NODE_ROW, recorded=Estate(hosts=(was,)))
    host = reading.estate.hosts[0]
    assert (host.connected, host.cores, host.memory_mib, host.memory_usage_percent) == (
        False,
        32,
        262144,
        None,
    )
    assert "offline; its hardware is as last seen" in said(reading)


def test_cores_and_sockets_are_those_of_cpuinfo_where_it_was_asked_for() -> None:
    row = NODE_ROW | {
        "status": "online", "maxmem": 2**37, "maxcpu": 64,
        "cpuinfo": {"sockets": 2, "cores": 32, "cpus": 64, "mhz": "2445.4", "model": "EPYC"},
    }  # fmt: skip
    host = answers(row).estate.hosts[0]
    assert (host.sockets, host.cores, host.cpu_mhz, host.cpu_model) == (2, 32, 2445.4, "EPYC")


GUEST = {
    "vmid": 100,
    "name": "a",
    "status": "running",
    "maxmem": 2**31,
    "cpus": 2,
    "maxdisk": 2**33,
    "node": "p1",
}


def test_guests_of_one_name_are_told_apart_by_number() -> None:
    estate = answers(GUEST, GUEST | {"vmid": 7}).estate
    assert [vm.name for vm in estate.vms] == ["a (qemu/100)", "a (qemu/7)"]


def test_rules_and_ha_resources_of_the_manager_are_read() -> None:
    reading = answers(
        GUEST,
        GUEST | {"vmid": 101, "name": "b"},
        {"type": "cluster", "name": "prod"},
        {"sid": "vm:100", "state": "started"},
        {"rule": "apart", "type": "resource-affinity", "affinity": "negative", "resources": "vm:100,vm:101"},
        {"rule": "home", "type": "node-affinity", "resources": "vm:100", "nodes": "p1:2,p2", "strict": 1},
        {"rule": "odd", "type": "moon-affinity", "resources": "vm:100"},
    )
    rules = {rule.name: (rule.kind, rule.vms, rule.hosts) for rule in reading.estate.rules}
    assert rules == {"apart": ("spread", ("a", "b"), ()), "home": ("must-run-on", ("a",), ("p1", "p2"))}
    assert [vm.restart_priority for vm in reading.estate.vms] == ["medium", "disabled"]
    assert reading.estate.clusters[0].name == "prod"
    assert "The rule odd is of a kind that is not known" in said(reading)


def test_a_shared_storage_is_one_and_local_ones_are_many() -> None:
    row = {"storage": "ceph", "type": "rbd", "total": 2**40, "used": 2**39, "shared": 1}
    local = {"storage": "local", "type": "dir", "total": 2**38, "used": 1, "shared": 0}
    estate = answers(*(each | {"node": name} for each in (row, local) for name in ("p1", "p2"))).estate
    assert [(store.name, store.hosts) for store in estate.datastores] == [
        ("ceph", ("p1", "p2")),
        ("local (p1)", ("p1",)),
        ("local (p2)", ("p2",)),
    ]


@pytest.mark.parametrize("value", [-1, "many", True, 1e30, [1]])
def test_a_number_that_is_none_is_refused_with_its_row(value: object) -> None:
    with pytest.raises(FormatError, match="maxmem of a is no number"):
        answers(GUEST | {"maxmem": value})


def test_json_that_is_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"colour": "red"}]')
    with pytest.raises(FormatError, match="neither an estate document nor an answer of the Proxmox API"):
        read(tmp_path)
