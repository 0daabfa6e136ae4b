"""RVTools-shaped workbooks of any size, for benchmarks."""

from __future__ import annotations

from pathlib import Path

import xlsxwriter


def _columns(text: str) -> list[str]:
    return text.split("|")


VINFO = _columns(
    "VM|Powerstate|Template|SRM Placeholder|Config status|DNS Name|Connection state|Guest state|Heartbeat|"
    "Consolidation Needed|PowerOn|Suspend time|Creation date|Change Version|CPUs|Memory|NICs|Disks|"
    "Total disk capacity MiB|Primary IP Address|Network #1|Resource pool|FT State|FT Role|Provisioned MiB|"
    "In Use MiB|Unshared MiB|HA Restart Priority|HA Isolation Response|Firmware|HW version|Path|Annotation|"
    "Datacenter|Cluster|Host|Folder|OS according to the configuration file|VM ID|VM UUID"
)
VDISK = _columns(
    "VM|Powerstate|Template|Disk|Capacity MiB|Raw|Disk Mode|Thin|Path|Cluster|Host|VM ID|VM UUID"
)
VPARTITION = _columns("VM|Powerstate|Template|Disk|Capacity MiB|Consumed MiB|Free MiB|Free %|Cluster|Host")
VHOST = _columns(
    "Host|Datacenter|Cluster|CPU Model|Speed|# CPU|Cores per CPU|# Cores|# Memory|# VMs|Vendor|Model"
)
VINFO_UNREAD = _columns(  # what else a full vInfo has; filled, as in life, with little that differs
    "Suspended To Memory|Suspend Interval|Overall Cpu Readiness|Active Memory|Fixed Passthru HotPlug|"
    "min Required EVC Mode Key|Latency Sensitivity|Op Notification Timeout|EnableUUID|CBT|Network #2|"
    "Network #3|Network #4|Num Monitors|Video Ram KiB|Folder ID|vApp|DAS protection|FT Latency|FT Bandwidth|"
    "FT Sec. Latency|HA VM Monitoring|Cluster rule(s)|Cluster rule name(s)|Boot Required|Boot delay|"
    "Boot retry delay|Boot retry enabled|Boot BIOS setup|Reboot PowerOff|EFI Secure boot|VM Version|"
    "HW upgrade status|HW upgrade policy|HW target|Log directory|Snapshot directory|Suspend directory|"
    "Config Checksum|SMBIOS UUID|Customization Info|Guest Detailed Data|VI SDK Server|Internal Sort Column"
)
CUSTOM = _columns("Owner|Cost centre|Stage|Backup|Service|Patch window")  # attributes a customer has made
VMS_A_HOST = 40


def write_workbook(path: Path, vms: int, *, details: bool) -> Path:
    """vInfo and vHost; with details also two disks and two partitions a VM."""
    hosts = max(2, vms // VMS_A_HOST)
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        _sheet(book, "vInfo", [*VINFO, *VINFO_UNREAD, *CUSTOM], (_vinfo(i, hosts) for i in range(vms)))
        _sheet(book, "vHost", VHOST, (_vhost(i) for i in range(hosts)))
        if details:
            _sheet(book, "vDisk", VDISK, (_vdisk(i, d, hosts) for i in range(vms) for d in (1, 2)))
            _sheet(book, "vPartition", VPARTITION, (_vpart(i, d, hosts) for i in range(vms) for d in "CD"))
    return path


def _sheet(book, name, header, rows):
    sheet = book.add_worksheet(name)
    sheet.write_row(0, 0, header)
    for at, row in enumerate(rows, start=1):
        sheet.write_row(at, 0, row)


def _power(i):
    return "poweredOff" if i % 10 == 0 else "poweredOn"


def _place(i, hosts):
    host = i % hosts
    return f"Cluster {host % 7}", f"esx{host:05}.example.org"


def _uuid(i):
    return f"4210aaaa-0000-4000-8000-{i:012x}"


def _vinfo(i, hosts):
    cluster, host = _place(i, hosts)
    known = {
        "VM": f"vm{i:06}", "Powerstate": _power(i), "Template": False, "SRM Placeholder": False,
        "Config status": "green", "DNS Name": f"vm{i:06}.example.org", "Connection state": "connected",
        "Guest state": "running", "Heartbeat": "green", "Consolidation Needed": False,
        "PowerOn": "2026/03/01 08:00:00", "Creation date": "2024/01/02 10:00:00", "Change Version": f"{i}",
        "CPUs": 2 + i % 7, "Memory": 4096 * (1 + i % 5), "NICs": 1, "Disks": 2,
        "Total disk capacity MiB": 102400,
        "Primary IP Address": f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}",
        "Network #1": f"VLAN {i % 40}", "Resource pool": "/Resources", "FT State": "notConfigured",
        "Provisioned MiB": 106496, "In Use MiB": 61440 + i % 1000, "Unshared MiB": 61440,
        "HA Restart Priority": "medium", "HA Isolation Response": "none",
        "Firmware": "efi", "HW version": "19",
        "Path": f"[ds{i % 20:03}] vm{i:06}/vm{i:06}.vmx", "Annotation": "", "Datacenter": "DC",
        "Cluster": cluster, "Host": host, "Folder": "/DC/vm",
        "OS according to the configuration file": "Debian GNU/Linux 12 (64-bit)",
        "VM ID": f"vm-{i}", "VM UUID": _uuid(i),
    }  # fmt: skip
    unread = [f"{name[:8]} {i % 3}" for name in VINFO_UNREAD[:-2]] + ["vcenter.example.org", i]
    return [*(known.get(name, "") for name in VINFO), *unread, *(f"{name} {i % 100}" for name in CUSTOM)]


def _vhost(i):
    return [f"esx{i:05}.example.org", "DC", f"Cluster {i % 7}", "Intel(R) Xeon(R) Gold 6338", 2000, 2, 32, 64,
            1048576, VMS_A_HOST, "Dell Inc.", "PowerEdge R750"]  # fmt: skip


def _vdisk(i, disk, hosts):
    return [f"vm{i:06}", _power(i), False, f"Hard disk {disk}", 51200, False, "persistent", True,
            f"[ds{i % 20:03}] vm{i:06}/vm{i:06}_{disk}.vmdk", *_place(i, hosts),
            f"vm-{i}", _uuid(i)]  # fmt: skip


def _vpart(i, drive, hosts):
    return [f"vm{i:06}", _power(i), False, f"{drive}:\\", 51200, 20480, 30720, 60, *_place(i, hosts)]
