"""Which columns the readers take from which sheet, under which headers, and how a header finds its column.

A header matches when its letters and digits agree, whatever its case, blanks and punctuation.  Sizes match
with any unit behind them; the unit then tells the factor.  RVTools wrote MB for what is MiB until version 4.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal, TypeAlias

from msgspec import Struct

Kind: TypeAlias = Literal["name", "text", "number", "size", "flag"]


class Column(Struct, frozen=True):
    """A column that is read: the field it fills and the headers it is known by, the best first.

    A name is a text that the estate refers to, and may not be long.  `wanted` columns are missed with a
    warning, `required` ones with an error.
    """

    field: str
    kind: Kind
    headers: tuple[str, ...]
    wanted: bool = False
    required: bool = False


class Header(Struct, frozen=True):
    """What a header cell says: its key, and the MiB that one of its units are (1 where it names none)."""

    key: str
    mib: float = 1.0
    unit: str = ""


_UNIT: Final = re.compile(r"^(?P<base>.*?)[\s_\[(]*(?P<unit>[kmgt]i?b|bytes)[\])]*$", re.IGNORECASE)
_MIB: Final = {"kib": 1 / 1024, "mib": 1.0, "gib": 1024.0, "tib": 1024.0**2, "bytes": 1 / 1024**2}
_SIGNIFICANT: Final = re.compile(r"[^a-z0-9#%]")


def key_of(header: str) -> str:
    """Give what counts of a header: lower-case letters, digits, # and %.

    >>> key_of(" In use (MiB) ")
    'inusemib'
    """
    return _SIGNIFICANT.sub("", unicodedata.normalize("NFKC", header).casefold())


def size_header(header: str) -> Header:
    """Give the key of a size's header without its unit, and the unit.  MB means MiB in every RVTools.

    >>> size_header("In Use MB")
    Header(key='inuse', mib=1.0, unit='MB')
    >>> size_header("Provisioned (GiB)").mib
    1024.0
    """
    found = _UNIT.match(unicodedata.normalize("NFKC", header).strip())
    if not found or not key_of(found["base"]):
        return Header(key_of(header))
    unit = found["unit"]
    binary = unit.casefold() if unit.casefold() == "bytes" else unit[0].casefold() + "ib"
    return Header(key_of(found["base"]), _MIB[binary], unit)


def _name(field: str, *headers: str, wanted: bool = False, required: bool = False) -> Column:
    return Column(field, "name", headers, wanted, required)


def _text(field: str, *headers: str, wanted: bool = False, required: bool = False) -> Column:
    return Column(field, "text", headers, wanted, required)


def _number(field: str, *headers: str, wanted: bool = False, required: bool = False) -> Column:
    return Column(field, "number", headers, wanted, required)


def _size(field: str, *headers: str, wanted: bool = False, required: bool = False) -> Column:
    return Column(field, "size", headers, wanted, required)


def _flag(field: str, *headers: str, wanted: bool = False) -> Column:
    return Column(field, "flag", headers, wanted)


def _vm_link(sheet: str) -> tuple[Column, ...]:
    """How a row of a VM's details says whose it is."""
    return (
        _name("vm", "VM", "VM Name", f"{sheet}VMName", wanted=True),
        _text("vm_id", "VM ID", f"{sheet}VMID", f"{sheet}ObjectID"),
        _text("vm_uuid", "VM UUID", f"{sheet}UUID"),
        _text("server", "VI SDK Server", "VI SDK UUID", "vCenter UUID", f"{sheet}VISDKServer"),
    )


def _path_columns() -> tuple[Column, ...]:
    paths = (_name(f"path_{number}", f"Path {number}") for number in range(1, 9))
    states = (_text(f"state_{number}", f"Path {number} state") for number in range(1, 9))
    return (*paths, *states)


COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "vInfo": (
        _name("vm", "VM", "VM Name", "vInfoVMName", "Name", required=True),
        _text("vm_id", "VM ID", "vInfoVMID", "vInfoObjectID", "Object ID"),
        _text("vm_uuid", "VM UUID", "vInfoUUID", "vInfoInstanceUUID"),
        _text("bios_uuid", "UUID", "SMBIOS UUID"),
        _text("server", "VI SDK Server", "VI SDK UUID", "vCenter UUID", "vInfoVISDKServer"),
        _text("power", "Powerstate", "Power state", "vInfoPowerstate", wanted=True),
        _flag("template", "Template", "vInfoTemplate", wanted=True),
        _number(
            *("vcpus", "CPUs", "vCPUs", "# CPUs", "CPU", "vInfoCPUs", "vCPU", "# vCPUs", "vCPU count"),
            *("CPU count", "Num CPUs", "Number of CPUs"),
            required=True,
        ),
        _size("memory_mib", "Memory", "vInfoMemory", "Memory size", "vRAM", "RAM", required=True),
        _size("provisioned_mib", "Provisioned", "vInfoProvisioned"),
        _size("capacity_mib", "Total disk capacity", "vInfoTotalDiskCapacity"),
        _size("in_use_mib", "In Use", "vInfoInUse", wanted=True),
        _name("cluster", "Cluster", "vInfoCluster", wanted=True),
        _name("host", "Host", "vInfoHost", wanted=True),
        _text("datacenter", "Datacenter", "vInfoDataCenter"),
        _text("folder", "Folder", "vInfoFolder"),
        _text("path", "Path", "vInfoPath"),
        *(
            _text(f"network_{number}", f"Network #{number}", f"vInfoNetwork{number}")
            for number in range(1, 9)
        ),
        _text("os_tools", "OS according to the VMware Tools", "vInfoOSTools"),
        _text("os_configured", "OS according to the configuration file", "OS", "vInfoOS"),
        _text("ft_state", "FT State", "vInfoFTState", "vInfoFaultToleranceState"),
        _text("ft_role", "FT Role", "vInfoFTRole"),
        _text("restart_priority", "HA Restart Priority", "vInfoHARestartPriority"),
        _text("rule_kinds", "Cluster rule(s)", "vInfoClusterRules"),
        _text("rule_names", "Cluster rule name(s)", "vInfoClusterRuleNames"),
        _text("owner", "Owner", "VM Owner"),
    ),
    "vCPU": (*_vm_link("vCPU"), _number("reservation_mhz", "Reservation", "vCPUReservation")),
    "vMemory": (
        *_vm_link("vMemory"),
        _size("reservation_mib", "Reservation", "vMemoryReservation"),
    ),
    "vDisk": (
        *_vm_link("vDisk"),
        _name("disk", "Disk", "vDiskName", "Label"),
        _text("disk_key", "Disk Key", "vDiskKey"),
        _size("capacity_mib", "Capacity", "vDiskCapacity", wanted=True),
        _text("path", "Path", "vDiskPath"),
        _text("disk_path", "Disk Path"),
        _flag("thin", "Thin", "vDiskThin"),
        _flag("raw", "Raw", "vDiskRaw"),
        _text("sharing", "Sharing mode", "vDiskSharingMode"),
        _text("shared_bus", "Shared Bus", "vDiskSharedBus"),
    ),
    "vPartition": (
        *_vm_link("vPartition"),
        _name("disk", "Disk", "vPartitionDisk", wanted=True),
        _size("capacity_mib", "Capacity", "vPartitionCapacity", wanted=True),
        _size("consumed_mib", "Consumed", "vPartitionConsumed"),
        _size("free_mib", "Free", "vPartitionFree"),
    ),
    "vNetwork": (
        *_vm_link("vNetwork"),
        _name("label", "NIC label", "vNetworkNICLabel", "Adapter label"),
        _text("adapter", "Adapter", "vNetworkAdapter"),
        _text("network", "Network", "vNetworkName", "vNetworkNetwork"),
        _text("mac", "Mac Address", "vNetworkMacAddress"),
        _flag("connected", "Connected", "vNetworkConnected"),
    ),
    "vHost": (
        _name("host", "Host", "Host Name", "vHostName", "Name", required=True),
        _name("cluster", "Cluster", "vHostCluster", wanted=True),
        _text("datacenter", "Datacenter", "vHostDatacenter"),
        _text("server", "VI SDK Server", "VI SDK UUID", "vCenter UUID", "vHostVISDKServer"),
        _number("sockets", "# CPU", "vHostNumCpu", "# Sockets", wanted=True),
        _number("cores_per_socket", "Cores per CPU", "vHostCoresPerCPU"),
        _number("cores", "# Cores", "vHostNumCpuCores", wanted=True),
        _number("cpu_mhz", "Speed", "vHostCpuMhz", "Speed MHz", required=True),
        _size("memory_mib", "# Memory", "vHostMemorySize", "Memory", required=True),
        _number("cpu_usage_percent", "CPU usage %", "vHostOverallCpuUsage"),
        _number("memory_usage_percent", "Memory usage %", "vHostOverallMemoryUsage"),
        _flag("maintenance", "in Maintenance Mode", "vHostInMaintenanceMode", "Maintenance Mode"),
        _text("vendor", "Vendor", "vHostVendor"),
        _text("model", "Model", "vHostModel"),
        _text("cpu_model", "CPU Model", "vHostCpuModel"),
        _text("version", "ESX Version", "vHostFullName", "ESXi Version"),
        _text("evc", "Current EVC", "vHostCurrentEVC"),
    ),
    "vCluster": (
        _name("cluster", "Name", "vClusterName", "Cluster", required=True),
        _text("server", "VI SDK Server", "VI SDK UUID", "vCenter UUID", "vClusterVISDKServer"),
        _flag("ha_enabled", "HA enabled", "vClusterHAEnabled", wanted=True),
        _flag("drs_enabled", "DRS enabled", "drs", "vClusterDRSEnabled", wanted=True),
        _flag("admission_control", "AdmissionControlEnabled"),
        _number("failover_level", "Failover Level", "vClusterFailoverLevel"),
        _text("restart_priority", "Restart Priority"),
    ),
    "vDatastore": (
        _name("datastore", "Name", "vDatastoreName", "Datastore", required=True),
        _size("capacity_mib", "Capacity", "vDatastoreCapacity", required=True),
        _size("in_use_mib", "In Use", "vDatastoreInUse"),
        _size("free_mib", "Free", "Free space", "vDatastoreFreeSpace"),
        _size("provisioned_mib", "Provisioned", "vDatastoreProvisioned"),
        _text("kind", "Type", "vDatastoreType"),
        _number("host_count", "# Hosts", "vDatastoreNumHosts"),
        _text("hosts", "Hosts", "vDatastoreHosts"),
        _text("url", "URL", "vDatastoreURL"),
        _text("object_id", "Object ID", "vDatastoreObjectID"),
        _text("server", "VI SDK Server", "VI SDK UUID", "vCenter UUID", "vDatastoreVISDKServer"),
    ),
    "vHBA": (
        _name("host", "Host", "vHBAHost", required=True),
        _name("device", "Device", "vHBADevice", required=True),
        _text("kind", "Type", "vHBAType"),
        _text("status", "Status", "vHBAStatus"),
        _text("model", "Model", "vHBAModel"),
        _text("wwn", "WWN", "vHBAWWN"),
        _text("pci", "Pci", "vHBAPci"),
    ),
    "vNIC": (
        _name("host", "Host", "vNICHost", required=True),
        _name("device", "Network Device", "vNICNetworkDevice", required=True),
        _text("driver", "Driver", "vNICDriver"),
        _number("speed_mbit", "Speed", "vNICSpeed"),
        _text("mac", "MAC", "vNICMAC"),
        _name("switch", "Switch", "vNICSwitch"),
        _text("uplink", "Uplink port", "vNICUplinkPort"),
        _text("pci", "PCI", "vNICPCI"),
    ),
    "vSwitch": (
        _name("host", "Host", "vSwitchHost", required=True),
        _name("switch", "Switch", "vSwitchName", required=True),
        _number("mtu", "MTU", "vSwitchMTU"),
    ),
    "dvSwitch": (
        _name("switch", "Switch", "dvSwitchSwitch", "Name", required=True),
        _text("hosts", "Host members", "dvSwitchHostMembers"),
        _number("mtu", "Max MTU", "dvSwitchMaxMTU"),
        _text("lacp", "LACP Mode", "dvSwitchLACPMode"),
    ),
    "vPort": (
        _name("host", "Host", "vPortHost", required=True),
        _name("port_group", "Port Group", "vPortName", required=True),
        _name("switch", "Switch", "vPortSwitch"),
        _text("vlan", "VLAN", "vPortVLAN"),
        _text("policy", "Policy", "vPortPolicy"),
    ),
    "dvPort": (
        _name("port_group", "Port", "dvPortName", required=True),
        _name("switch", "Switch", "dvPortSwitch"),
        _text("vlan", "VLAN", "dvPortVLAN"),
        _text("policy", "Policy", "dvPortPolicy"),
        _text("active", "Active Uplink", "dvPortActiveUplink"),
        _text("standby", "Standby Uplink", "dvPortStandbyUplink"),
    ),
    "vSC_VMK": (
        _name("host", "Host", "vSCVMKHost", required=True),
        _name("device", "Device", "vSCVMKDevice", required=True),
        _name("port_group", "Port Group", "vSCVMKPortGroup"),
        _text("ip", "IP Address", "vSCVMKIPAddress"),
    ),
    "vMultiPath": (
        _name("host", "Host", "vMultiPathHost", required=True),
        _name("lun", "Disk", "vMultiPathDisk", required=True),
        _name("datastore", "Datastore", "vMultiPathDatastore"),
        _text("policy", "Policy", "vMultiPathPolicy"),
        _text("vendor", "Vendor", "vMultiPathVendor"),
        _text("model", "Model", "vMultiPathModel"),
        *_path_columns(),
    ),
}
"""Sheet name -> the columns read from it.  A sheet of RVTools that is not here is counted, not read."""
