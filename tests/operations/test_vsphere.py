"""vSphere against VMware's own simulator: read, trusted, refused; and what its answers mean."""

from __future__ import annotations

import hashlib
import math
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyVmomi import vim

from operations.drivers.addresses import networks_of
from operations.drivers.base import DriverError
from operations.drivers.remote import NotBegun, Order
from operations.drivers.trust import coloned
from operations.drivers.vsphere import performance
from operations.drivers.vsphere.collector import Found, changes, read_all
from operations.drivers.vsphere.inventory import ASKED, read_inventory, reading_of
from operations.drivers.vsphere.server import opened
from operations.drivers.vsphere.session import session
from planner.formats.findings import Findings
from planner.parameters import Parameters
from planner.report import plan
from tests.operations.simulator import Simulator, simulated


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder = tmp_path_factory.mktemp("vcsim")
    with simulated(
        folder, "-clusters", 2, "-hosts", 3, "-vms", 5, "-datastores", 2, "-username", "u", "-password", "p"
    ) as one:
        yield one


# -- reading


def test_the_whole_inventory_becomes_an_estate_that_can_be_planned(simulator: Simulator) -> None:
    stages: list[str] = []
    with session(simulator.login()) as instance:
        reading = read_inventory(instance, stages.append)
    estate = reading.estate
    assert stages == [what for what, _, _ in ASKED]
    assert (len(estate.clusters), len(estate.hosts), len(estate.vms), len(estate.datastores)) == (2, 6, 10, 2)
    vm = estate.vms[0]
    assert (vm.name, vm.cluster, vm.power, vm.vcpus, vm.memory_mib) == (
        "DC0_C0_RP0_VM0",
        "DC0_C0",
        "on",
        1,
        32,
    )
    assert vm.disk_used_mib is not None
    assert vm.host in {host.name for host in estate.hosts_of("DC0_C0")}
    assert (vm.networks, [disk.datastore for disk in vm.disks]) == (("DC0_DVPG0",), ["LocalDS_0"])
    host = estate.hosts[0]
    assert (host.sockets, host.cores, host.datacenter) == (2, 2, "DC0")
    assert {hba.kind for hba in host.hbas} == {"Parallel SCSI", "Block SCSI"}
    assert host.nics[0].switch == "vSwitch0"
    assert estate.datastores[0].hosts == tuple(host.name for host in estate.hosts)
    assert {path.host for path in estate.paths} == {host.name for host in estate.hosts}
    assert estate.unknown_hosts() == ()
    assert len(plan(reading, Parameters()).clusters) == 2
    assert "Licence Evaluation Mode: 0 of 0 in use" in [str(said) for said in reading.quality.assumptions]


def test_reading_twice_gives_the_same_estate(simulator: Simulator) -> None:
    estates = []
    for _ in range(2):
        with session(simulator.login()) as instance:
            estates.append(read_inventory(instance).estate)
    still = [[vm.name for vm in estate.vms] + [path.name for path in estate.paths] for estate in estates]
    assert still[0] == still[1]


def test_small_pages_give_every_object_once(simulator: Simulator) -> None:
    """This simulator's version ignores the size of a page; a vCenter does not."""
    with session(simulator.login()) as instance:
        ids = [found.id for found in read_all(instance, vim.VirtualMachine, ("name",), page=3)]
    assert len(ids) == len(set(ids)) == 10


class PagedCollector:
    """A property collector that gives one object a page, as a busy vCenter may."""

    def __init__(self, names: list[str]) -> None:
        self.left = names
        self.requests = 0

    def page(self, *_: Any) -> Any:
        self.requests += 1
        name = self.left.pop(0)
        thing = type("Ref", (), {"_moId": name})()
        prop = type("Prop", (), {"name": "name", "val": name})()
        content = type("Content", (), {"obj": thing, "propSet": [prop]})()
        return type("Page", (), {"objects": [content], "token": "more" if self.left else None})()

    RetrievePropertiesEx = ContinueRetrievePropertiesEx = page


def test_every_page_is_asked_for_once_and_the_view_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    collector = PagedCollector(["a", "b", "c"])
    gone: list[str] = []
    view = type("View", (), {"Destroy": lambda self: gone.append("view")})()
    manager = type("Manager", (), {"CreateContainerView": lambda self, *_: view})()
    content = type("All", (), {"viewManager": manager, "propertyCollector": collector, "rootFolder": None})()
    instance = type("Instance", (), {"RetrieveContent": lambda self: content})()
    monkeypatch.setattr("operations.drivers.vsphere.collector._filter", lambda *_: None)
    assert [found.id for found in read_all(instance, vim.VirtualMachine, ("name",))] == ["a", "b", "c"]
    assert (collector.requests, gone) == (3, ["view"])


def test_a_power_off_is_seen_while_waiting_for_changes(simulator: Simulator) -> None:
    with session(simulator.login()) as instance:
        watch = changes(instance, {vim.VirtualMachine: ("name", "runtime.powerState")}, wait_s=5)
        known = {change.id: change.properties["name"] for change in next(watch)}
        assert len(known) == 10
        identity = next(iter(known))
        vm = vim.VirtualMachine(identity, instance._stub)
        vm.PowerOffVM_Task()
        seen = [change for change in next(watch) if change.id == identity]
        assert seen[0].kind == "modify"
        assert seen[0].properties["runtime.powerState"] == "poweredOff"
        watch.close()
        vm.PowerOnVM_Task()


# -- measured use, events, changes, acting


def order(kind: str, vm: Any, **given: Any) -> Order:
    usual = {"subject_id": vm.id, "subject": vm.name, "source": vm.host or ""}
    return Order(kind=kind, **{**usual, **given})


def test_counters_become_demand_with_average_peak_and_coverage(simulator: Simulator) -> None:
    with opened(simulator.login()) as server:
        found = server.read(lambda _: None)
    used = {one.vm: one for one in found.usage}
    assert len(used) == 10
    for vm in found.reading.estate.vms:
        cpu, memory = used[vm.name].cpu_mhz, used[vm.name].memory_mib
        assert cpu is not None
        assert memory is not None
        assert 0 < cpu.average < cpu.p95 < cpu.peak
        assert (cpu.coverage, vm.cpu_demand_mhz) == (1.0, cpu.p95)
        assert vm.memory_demand_mib == math.ceil(memory.p95) < vm.memory_mib
    assert any("10 of 10 running VMs" in str(one) for one in found.reading.quality.assumptions)


def test_a_day_of_counters_of_many_vms_is_asked_for_in_questions_of_32(simulator: Simulator) -> None:
    with session(simulator.login()) as instance:
        asked: list[int] = []
        manager = instance.RetrieveContent().perfManager
        real = type(manager).QueryPerf

        def counted(self: Any, specs: Any) -> Any:
            asked.append(len(specs) * len(specs[0].metricId))
            return real(self, specs)

        wanted = ("runtime.powerState", "config.hardware.memoryMB")
        rows = list(read_all(instance, vim.VirtualMachine, wanted))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(manager), "QueryPerf", counted)
            patch.setattr(performance, "VMS_A_QUESTION", 4)
            assert len(list(performance.usage_of_vms(instance, rows, {row.id: row.id for row in rows}))) == 10
    assert asked == [8, 8, 4]  # 10 VMs, 4 a question, 2 counters each


def test_what_happened_is_told_once_the_oldest_first(simulator: Simulator) -> None:
    with opened(simulator.login()) as server:
        since = datetime.now(UTC) - timedelta(hours=1)
        told = server.happenings(since, 500)
        assert [one.at for one in told] == sorted(one.at for one in told)
        assert {one.kind for one in told} >= {"VmPoweredOnEvent"}
        assert len(server.happenings(since, 3)) == 3
        newest = told[-1].at
        vm = server.read(lambda _: None).reading.estate.vms[-1]
        server.submit(order("power-off", vm))
        after = server.happenings(newest, 500)
        server.submit(order("power-on", vm))
    assert [(one.kind, one.subject) for one in after] == [("VmPoweredOffEvent", vm.name)]


def test_what_changes_is_told_while_somebody_watches(simulator: Simulator) -> None:
    with opened(simulator.login()) as server, opened(simulator.login()) as other:
        vm = server.read(lambda _: None).reading.estate.vms[0]
        watch = server.watch(5)
        threading.Timer(1.0, lambda: other.submit(order("power-off", vm))).start()
        told = next(watch)
        watch.close()
        other.submit(order("power-on", vm))
    assert [one.text for one in told] == [f"{vm.name} is poweredOff now"]


def test_a_host_enters_and_leaves_maintenance_by_its_name(simulator: Simulator) -> None:
    with opened(simulator.login()) as server:
        host = server.read(lambda _: None).reading.estate.hosts[0]
        for kind, mode in (("enter", True), ("leave", False)):
            asked = Order(kind=kind, subject_id=f"host/{host.name}", subject=host.name)
            assert server.task_now(server.submit(asked)).state == "success"
            assert server.look(asked).maintenance is mode
        nobody = Order(kind="enter", subject_id="host/none", subject="none")
        assert not server.look(nobody).exists
        with pytest.raises(NotBegun, match="none is not there"):
            server.submit(nobody)


def test_what_a_server_does_not_know_was_never_begun(simulator: Simulator) -> None:
    """This simulator has neither FT nor aborts; a vCenter without the licence says no alike."""
    with opened(simulator.login()) as server:
        vm = server.read(lambda _: None).reading.estate.vms[0]
        for kind in ("ft-on", "ft-off"):
            with pytest.raises(NotBegun):
                server.submit(order(kind, vm))
        assert server.look(order("ft-on", vm)).ft is False
        with pytest.raises(NotBegun, match="cluster's own settings"):
            server.submit(order("protect", vm))
        with pytest.raises(DriverError, match="cannot end this task"):
            server.abort(server.submit(order("power-off", vm)))
        server.submit(order("power-on", vm))


# -- trust


def fingerprint(simulator: Simulator) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(simulator.ca_file.read_text())).hexdigest()


def refused(simulator: Simulator, **given: Any) -> DriverError:
    with pytest.raises(DriverError) as caught, session(simulator.login(**given)):
        pass
    assert "p@ss" not in str(caught.value)
    return caught.value


def test_a_certificate_nobody_vouches_for_is_refused(simulator: Simulator) -> None:
    error = refused(simulator, ca_file=None)
    assert "is not trusted" in str(error)
    assert error.permanent


def test_a_pinned_certificate_is_enough_and_another_one_is_refused(simulator: Simulator) -> None:
    pin = fingerprint(simulator)
    for spelled in (pin, coloned(pin)):
        with session(simulator.login(ca_file=None, fingerprint=spelled)) as instance:
            assert instance.RetrieveContent().about.name
    error = refused(simulator, ca_file=None, fingerprint="00" * 32)
    assert f"fingerprint is {coloned(pin)}, not the one pinned" in str(error)


def test_a_wrong_password_is_told_without_it(simulator: Simulator) -> None:
    error = refused(simulator, password="wrong-p@ss")
    assert "does not know this user and password" in str(error)
    assert error.permanent
    assert "wrong" not in repr(simulator.login(password="wrong-p@ss"))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", ["10.0.0.0/8"]),
        ("127.0.0.1", ["0.0.0.0/0"]),  # everything is not this machine
        ("localhost", ["10.0.0.0/8"]),  # a name that leads where it may not
        ("::1", ["::/0"]),
        ("::ffff:127.0.0.1", ["::/0"]),
        ("169.254.169.254", ["0.0.0.0/0"]),
        ("127.0.0.1", []),
        ("a b", ["0.0.0.0/0"]),
        ("x\r\nHost: y", ["0.0.0.0/0"]),
        ("2130706433", ["0.0.0.0/0"]),
        ("0x7f.1", ["0.0.0.0/0"]),
    ],
)
def test_addresses_that_the_site_does_not_allow_get_no_word_from_us(
    simulator: Simulator, host: str, allowed: list[str]
) -> None:
    before = simulator.calls()
    error = refused(simulator, host=host, allowed=networks_of(allowed))
    assert any(word in str(error) for word in ("allow", "characters", "reached"))
    assert simulator.calls() == before


def test_a_server_that_is_not_there_is_told_in_one_line(simulator: Simulator) -> None:
    error = refused(simulator, port=1)
    assert str(error) == "127.0.0.1:1 cannot be reached: ConnectionRefusedError"
    assert not error.permanent


# -- what answers mean


def found(kind: str, identity: str, **properties: Any) -> tuple[str, Found]:
    return kind, Found(identity, {key.replace("__", "."): value for key, value in properties.items()})


def reading(*rows: tuple[str, Found]) -> Any:
    answers: dict[str, list[Found]] = {what: [] for what, _, _ in ASKED}
    for kind, row in rows:
        answers[kind].append(row)
    return reading_of(answers, Findings())


def reference(kind: type, identity: str) -> Any:
    return kind(identity, None)


HARDWARE = vim.host.Summary.HardwareSummary(numCpuCores=16, numCpuPkgs=2, cpuMhz=2500, memorySize=2**36)


def small_cluster(config: Any, *more: tuple[str, Found]) -> Any:
    parent = reference(vim.ClusterComputeResource, "c1")
    host = reference(vim.HostSystem, "h1")
    return reading(
        found("clusters", "c1", name="prod", configurationEx=config),
        found("hosts", "h1", name="esx1", parent=parent, summary__hardware=HARDWARE),
        *(
            found("VMs", name, name=name, runtime__host=host, config__hardware__numCPU=1)
            for name in ("a", "b")
        ),
        *more,
    )


def test_rules_and_restart_priorities_of_a_cluster_are_read() -> None:
    a, b = (reference(vim.VirtualMachine, name) for name in ("a", "b"))
    config = vim.cluster.ConfigInfoEx(
        dasConfig=vim.cluster.DasConfigInfo(enabled=True, admissionControlEnabled=True, failoverLevel=1),
        drsConfig=vim.cluster.DrsConfigInfo(enabled=False),
        dasVmConfig=[
            vim.cluster.DasVmConfigInfo(key=a, dasSettings=vim.cluster.DasVmSettings(restartPriority="high"))
        ],
        group=[
            vim.cluster.VmGroup(name="licensed", vm=[a]),
            vim.cluster.HostGroup(name="oracle hosts", host=[reference(vim.HostSystem, "h1")]),
        ],
        rule=[
            vim.cluster.AntiAffinityRuleSpec(name="apart", enabled=True, vm=[a, b]),
            vim.cluster.AffinityRuleSpec(name="off", enabled=False, vm=[a, b]),
            vim.cluster.VmHostRuleInfo(
                name="oracle",
                enabled=True,
                mandatory=True,
                vmGroupName="licensed",
                affineHostGroupName="oracle hosts",
            ),
        ],
    )
    estate = small_cluster(config).estate
    cluster = estate.clusters[0]
    assert (cluster.ha_enabled, cluster.drs_enabled, cluster.admission_control, cluster.failover_level) == (
        True, False, True, 1,
    )  # fmt: skip
    assert [(rule.name, rule.kind, rule.vms, rule.hosts) for rule in estate.rules] == [
        ("oracle", "must-run-on", ("a",), ("esx1",)),
        ("apart", "spread", ("a", "b"), ()),
    ]
    assert [vm.restart_priority for vm in estate.vms] == ["high", "medium"]


def test_two_vms_of_one_name_are_told_apart_by_their_ids() -> None:
    read = small_cluster(None, found("VMs", "vm-7", name="a"))
    assert [vm.name for vm in read.estate.vms] == ["a (a)", "a (vm-7)", "b"]


def test_a_vm_without_configuration_is_told_and_not_invented() -> None:
    read = small_cluster(None, found("VMs", "vm-9", name="half-made"))
    vm = next(vm for vm in read.estate.vms if vm.name == "half-made")
    assert (vm.power, vm.vcpus, vm.memory_mib, vm.host) == ("off", 0, 0, None)
    assert "half-made shows no configuration" in str(read.quality.warnings[0].message)


def test_a_fibre_channel_path_leads_to_the_datastore_on_its_lun() -> None:
    adapter = vim.host.FibreChannelHba(
        key="k", device="vmhba2", model="QLE", status="online", portWorldWideName=0x2100001B32000001, bus=1
    )
    disk = vim.host.ScsiDisk(
        key="d", canonicalName="naa.6000", vendor="PURE ", model="FlashArray",
        capacity=vim.host.DiskDimensions.Lba(block=2**21, blockSize=512),
    )  # fmt: skip
    path = vim.host.MultipathInfo.Path(
        key="p", name="vmhba2:C0:T1:L4", adapter="k", state="standby", pathState="standby"
    )
    unit = vim.host.MultipathInfo.LogicalUnit(
        lun="d", path=[path], policy=vim.host.MultipathInfo.LogicalUnitPolicy(policy="VMW_PSP_RR")
    )
    told = {
        "config.storageDevice.hostBusAdapter": [adapter],
        "config.storageDevice.scsiLun": [disk],
        "config.storageDevice.multipathInfo": vim.host.MultipathInfo(lun=[unit]),
    }
    vmfs = vim.host.VmfsVolume(extent=[vim.host.ScsiDisk.Partition(diskName="naa.6000", partition=1)])
    info = vim.host.VmfsDatastoreInfo(name="ds1", vmfs=vmfs)
    estate = reading(
        ("hosts", Found("h1", {"name": "esx1", "summary.hardware": HARDWARE, **told})),
        found("datastores", "s1", name="ds1", info=info),
    ).estate
    assert [(hba.kind, hba.wwn) for hba in estate.hosts[0].hbas] == [("Fibre Channel", "2100001b32000001")]
    assert [(path.lun, path.datastore, path.state, path.policy) for path in estate.paths] == [
        ("naa.6000", "ds1", "standby", "VMW_PSP_RR")
    ]
    assert (estate.luns[0].capacity_mib, estate.luns[0].vendor, estate.datastores[0].luns) == (
        1024,
        "PURE",
        ("naa.6000",),
    )


def test_ft_pairs_keep_their_roles() -> None:
    def half(identity: str, role: int) -> tuple[str, Found]:
        info = vim.vm.FaultToleranceConfigInfo(role=role)
        return found(
            "VMs", identity, name=identity, runtime__faultToleranceState="running", config__ftInfo=info
        )

    estate = reading(half("p", 1), half("s", 2)).estate
    assert [vm.ft for vm in estate.vms] == ["primary", "secondary"]


def test_names_with_escapes_and_controls_are_shown_as_they_are_meant() -> None:
    estate = reading(found("VMs", "v", name="a%2fb\u202e")).estate
    assert estate.vms[0].name == "a/b\\u202E"


def test_the_folder_of_a_vm_is_its_path_below_the_datacenter(tmp_path: Path) -> None:
    folder, root, centre = (
        reference(vim.Folder, "f2"), reference(vim.Folder, "f1"), reference(vim.Datacenter, "d1"),
    )  # fmt: skip
    estate = reading(
        found("datacenters", "d1", name="DC"),
        found("folders", "f1", name="vm", parent=centre),
        found("folders", "f2", name="web", parent=root),
        found("VMs", "v1", name="v1", parent=folder),
        found("VMs", "v2", name="v2", parent=root),
    ).estate
    assert [vm.folder for vm in estate.vms] == ["web", None]
