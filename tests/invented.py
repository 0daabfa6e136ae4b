"""Invented estates in the shape of RVTools exports: any of the 27 sheets, as many VMs as asked for.

The shapes are those of a real export: the headers of RVTools 4.x in their order, texts for truth values,
some VMs off, some templates, datastores shared by the hosts of a cluster.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from planner.formats.headers import HEADERS

Cell: TypeAlias = str | float | int | bool | None
Rows: TypeAlias = Sequence[Sequence[Cell]]
Tables: TypeAlias = dict[str, tuple[tuple[str, ...], Rows]]

UNUSED_HEADERS: Final = frozenset(
    {"disk.EnableUUID", "vCenter UUID", "OS", "UUID", "VM Version", "Config Checksum", "VMRef"}
)
SYSTEMS: Final = (
    "Microsoft Windows Server 2022 (64-bit)",
    "Red Hat Enterprise Linux 9 (64-bit)",
    "Debian 12",
)
SIZES: Final = ((1, 2048), (2, 4096), (2, 8192), (4, 16384), (8, 32768))


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How large an invented estate is."""

    vms: int = 20
    hosts: int = 4
    clusters: int = 2
    disks_per_vm: int = 2
    partitions_per_vm: int = 2
    own_columns: int = 0
    seed: int = 1


def tables(shape: Shape, sheets: Sequence[str] = tuple(HEADERS)) -> Tables:
    """Invent the sheets asked for; the same shape gives the same sheets."""
    makers = {name: _Maker(shape) for name in sheets}
    own = tuple(f"Own {number}" for number in range(shape.own_columns))
    made: Tables = {}
    for name, maker in makers.items():
        headers = tuple(header for header in HEADERS[name] if header not in UNUSED_HEADERS)
        headers += own if name == "vInfo" else ()
        rows = [[row.get(header) for header in headers] for row in maker.rows(name)]
        made[name] = (headers, rows)
    return made


@dataclass(frozen=True)
class _Vm:
    number: int
    name: str
    host: int
    cluster: int
    on: bool
    template: bool
    vcpus: int
    memory: int
    disk: int


class _Maker:
    """Invents the rows of one estate, each by its headers."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        chance = random.Random(shape.seed)  # noqa: S311 - invented sizes, no secret
        self.vms = [self._vm(number, chance) for number in range(shape.vms)]

    def rows(self, sheet: str) -> Iterator[dict[str, Cell]]:
        """Give the rows of one sheet."""
        makers = {
            "vInfo": self._info,
            "vCPU": self._cpu,
            "vMemory": self._memory,
            "vDisk": self._disk,
            "vPartition": self._partition,
            "vNetwork": self._network,
            "vHost": self._host,
            "vCluster": self._cluster,
            "vDatastore": self._datastore,
            "vHBA": self._hba,
            "vNIC": self._nic,
            "vSwitch": self._switch,
            "dvSwitch": self._dvswitch,
            "vPort": self._port,
            "dvPort": self._dvport,
            "vMultiPath": self._multipath,
            "vHealth": self._health,
            "vMetaData": self._metadata,
        }
        if sheet in makers:
            yield from makers[sheet]()
        elif HEADERS[sheet][0] == "VM":
            for vm in self.vms:
                yield self._tail(vm)

    def _vm(self, number: int, chance: random.Random) -> _Vm:
        host = number % self.shape.hosts
        vcpus, memory = chance.choice(SIZES)
        template = number % 40 == 39
        return _Vm(
            number=number,
            name=f"vm{number:06d}",
            host=host,
            cluster=host % self.shape.clusters,
            on=not template and number % 10 != 9,
            template=template,
            vcpus=vcpus,
            memory=memory,
            disk=chance.randrange(20, 400) * 1024,
        )

    def _tail(self, vm: _Vm) -> dict[str, Cell]:
        return {
            "VM": vm.name,
            "Powerstate": "poweredOn" if vm.on else "poweredOff",
            "Template": "True" if vm.template else "False",
            "SRM Placeholder": "False",
            "Annotation": "rented by the month" if vm.number % 7 == 0 else None,
            "Datacenter": "DC1",
            "Cluster": f"cluster{vm.cluster}",
            "Host": self._host_name(vm.host),
            "Folder": f"/DC1/vm/team{vm.number % 20}",
            "OS according to the configuration file": SYSTEMS[vm.number % 3],
            "OS according to the VMware Tools": SYSTEMS[vm.number % 3] if vm.on else None,
            "VM ID": f"vm-{1000 + vm.number}",
            "VM UUID": f"5023{vm.number:08x}-0000-4000-8000-{vm.number:012x}",
            "VI SDK Server": "vcenter.example.com",
            "VI SDK UUID": "0b7a3c1e-0000-4000-8000-00000000f00d",
        }

    def _info(self) -> Iterator[dict[str, Cell]]:
        for vm in self.vms:
            yield {
                **self._tail(vm),
                **{f"Own {number}": f"value {vm.number % 9}" for number in range(self.shape.own_columns)},
                "Config status": "green",
                "DNS Name": f"{vm.name}.example.com",
                "Connection state": "connected",
                "Guest state": "running" if vm.on else "notRunning",
                "CPUs": vm.vcpus,
                "Memory": vm.memory,
                "Active Memory": vm.memory // 10 if vm.on else 0,
                "NICs": 1,
                "Disks": self.shape.disks_per_vm,
                "Total disk capacity MiB": vm.disk,
                "Provisioned MiB": vm.disk + vm.memory,
                "In Use MiB": vm.disk // 2,
                "Unshared MiB": vm.disk // 2,
                "Primary IP Address": f"10.{vm.number >> 16 & 255}.{vm.number >> 8 & 255}.{vm.number & 255}",
                "Network #1": f"net{vm.number % 8}",
                "Resource pool": "/DC1/Resources",
                "FT State": "notConfigured",
                "HA Restart Priority": "medium",
                "HA Isolation Response": "none",
                "Boot Required": "False",
                "Firmware": "efi",
                "HW version": 19,
                "Path": f"[ds{vm.cluster}] {vm.name}/{vm.name}.vmx",
                "Creation date": "2024/01/31 10:20:30",
                "Change Version": "2024-05-06T07:08:09.123456Z",
                "EnableUUID": "True",
                "CBT": "False",
                "Log directory": f"[ds{vm.cluster}] {vm.name}/",
                "SMBIOS UUID": f"4223{vm.number:08x}-0000-4000-8000-{vm.number:012x}",
                "VI SDK Server type": "VMware vCenter Server",
                "VI SDK API Version": "8.0.2.0",
            }

    def _cpu(self) -> Iterator[dict[str, Cell]]:
        for vm in self.vms:
            yield {
                **self._tail(vm),
                "CPUs": vm.vcpus,
                "Sockets": 1,
                "Reservation": 500 if vm.number % 5 == 0 else 0,
                "Limit": -1,
                "Shares": 1000,
            }

    def _memory(self) -> Iterator[dict[str, Cell]]:
        for vm in self.vms:
            yield {
                **self._tail(vm),
                "Size MiB": vm.memory,
                "Reservation": vm.memory if vm.number % 8 == 0 else 0,
                "Overhead": 60,
                "Consumed": vm.memory // 2,
                "Active": vm.memory // 10,
                "Limit": -1,
            }

    def _disk(self) -> Iterator[dict[str, Cell]]:
        for vm in self.vms:
            for disk in range(self.shape.disks_per_vm):
                yield {
                    **self._tail(vm),
                    "Disk": f"Hard disk {disk + 1}",
                    "Disk Key": 2000 + disk,
                    "Capacity MiB": vm.disk // self.shape.disks_per_vm,
                    "Raw": "False",
                    "Disk Mode": "persistent",
                    "Sharing mode": "sharingNone",
                    "Thin": "True",
                    "Controller": "SCSI controller 0",
                    "Path": f"[ds{vm.cluster}] {vm.name}/{vm.name}_{disk}.vmdk",
                }

    def _partition(self) -> Iterator[dict[str, Cell]]:
        for vm in self.vms:
            for number in range(self.shape.partitions_per_vm if vm.on else 0):
                size = vm.disk // self.shape.partitions_per_vm
                yield {
                    **self._tail(vm),
                    "Disk Key": 2000,
                    "Disk": f"/data{number}",
                    "Capacity MiB": size,
                    "Consumed MiB": size // 3,
                    "Free MiB": size - size // 3,
                    "Free %": 66,
                }

    def _network(self) -> Iterator[dict[str, Cell]]:
        for vm in self.vms:
            yield {
                **self._tail(vm),
                "NIC label": "Network adapter 1",
                "Adapter": "Vmxnet3",
                "Network": f"net{vm.number % 8}",
                "Switch": "dvs1",
                "Connected": "True" if vm.on else "False",
                "Mac Address": f"00:50:56:{vm.number >> 16 & 255:02x}:{vm.number >> 8 & 255:02x}:"
                f"{vm.number & 255:02x}",
            }

    def _host_name(self, host: int) -> str:
        return f"esx{host:04d}.example.com"

    def _place(self, host: int) -> dict[str, Cell]:
        return {
            "Host": self._host_name(host),
            "Datacenter": "DC1",
            "Cluster": f"cluster{host % self.shape.clusters}",
            "VI SDK Server": "vcenter.example.com",
            "VI SDK UUID": "0b7a3c1e-0000-4000-8000-00000000f00d",
        }

    def _host(self) -> Iterator[dict[str, Cell]]:
        for host in range(self.shape.hosts):
            yield {
                **self._place(host),
                "Config status": "green",
                "in Maintenance Mode": "False",
                "CPU Model": "Intel(R) Xeon(R) Gold 6444Y",
                "Speed": 3600,
                "HT Active": "True",
                "# CPU": 2,
                "Cores per CPU": 16,
                "# Cores": 32,
                "CPU usage %": 35,
                "# Memory": 1048576,
                "Memory usage %": 61,
                "# NICs": 4,
                "# HBAs": 2,
                "Current EVC": "intel-sapphirerapids",
                "ESX Version": "VMware ESXi 8.0.3 build-24022510",
                "Vendor": "Dell Inc.",
                "Model": "PowerEdge R760",
                "UUID": f"4c4c4544-0000-4000-8000-{host:012x}",
            }

    def _cluster(self) -> Iterator[dict[str, Cell]]:
        for cluster in range(self.shape.clusters):
            yield {
                "Name": f"cluster{cluster}",
                "OverallStatus": "green",
                "HA enabled": "True",
                "Failover Level": 1,
                "AdmissionControlEnabled": "True",
                "DRS enabled": "True",
                "Restart Priority": "medium",
                "VI SDK Server": "vcenter.example.com",
            }

    def _datastore(self) -> Iterator[dict[str, Cell]]:
        for cluster in range(self.shape.clusters):
            hosts = range(cluster, self.shape.hosts, self.shape.clusters)
            yield {
                "Name": f"ds{cluster}",
                "Accessible": "True",
                "Type": "VMFS",
                "Capacity MiB": 50 * 1024 * 1024,
                "Provisioned MiB": 60 * 1024 * 1024,
                "In Use MiB": 20 * 1024 * 1024,
                "Free MiB": 30 * 1024 * 1024,
                "# Hosts": len(hosts),
                "Hosts": ", ".join(self._host_name(host) for host in hosts),
                "URL": f"ds:///vmfs/volumes/{cluster:08x}/",
            }

    def _hba(self) -> Iterator[dict[str, Cell]]:
        for host in range(self.shape.hosts):
            for port in range(2):
                yield {
                    **self._place(host),
                    "Device": f"vmhba{port + 2}",
                    "Type": "Fibre Channel",
                    "Status": "online",
                    "Model": "LPe36002",
                    "WWN": f"10 00 00 00 c9 00 {host % 256:02x} {port:02x}",
                }

    def _nic(self) -> Iterator[dict[str, Cell]]:
        for host in range(self.shape.hosts):
            for port in range(4):
                yield {
                    **self._place(host),
                    "Network Device": f"vmnic{port}",
                    "Driver": "ixgben",
                    "Speed": 25000 if port < 3 else 0,
                    "Duplex": "Full",
                    "MAC": f"0c:42:a1:00:{host % 256:02x}:{port:02x}",
                    "Switch": "vSwitch0" if port < 2 else "dvs1",
                }

    def _switch(self) -> Iterator[dict[str, Cell]]:
        for host in range(self.shape.hosts):
            yield {**self._place(host), "Switch": "vSwitch0", "# Ports": 128, "MTU": 1500}

    def _dvswitch(self) -> Iterator[dict[str, Cell]]:
        hosts = ", ".join(self._host_name(host) for host in range(min(self.shape.hosts, 500)))
        yield {"Switch": "dvs1", "Datacenter": "DC1", "Name": "dvs1", "Host members": hosts, "Max MTU": 9000}

    def _port(self) -> Iterator[dict[str, Cell]]:
        for host in range(self.shape.hosts):
            yield {**self._place(host), "Port Group": "Management Network", "Switch": "vSwitch0", "VLAN": 0}

    def _dvport(self) -> Iterator[dict[str, Cell]]:
        for net in range(8):
            yield {"Port": f"net{net}", "Switch": "dvs1", "Type": "earlyBinding", "VLAN": 100 + net}

    def _multipath(self) -> Iterator[dict[str, Cell]]:
        for host in range(self.shape.hosts):
            cluster = host % self.shape.clusters
            yield {
                **self._place(host),
                "Datastore": f"ds{cluster}",
                "Disk": f"naa.6006016{cluster:025x}",
                "Policy": "VMW_PSP_RR",
                "Vendor": "DGC",
                "Model": "VRAID",
                **{f"Path {path}": f"vmhba{1 + path}:C0:T0:L{cluster}" for path in (1, 2)},
                "Path 1 state": "Active",
                "Path 2 state": "Standby",
            }

    def _health(self) -> Iterator[dict[str, Cell]]:
        yield {
            "Name": "vm000000",
            "Message": "On disk vm000000 is more than 90% used",
            "Message type": "Storage",
        }

    def _metadata(self) -> Iterator[dict[str, Cell]]:
        yield {"RVTools major version": "4.7", "RVTools version": "4.7.1", "Server": "vcenter.example.com"}
