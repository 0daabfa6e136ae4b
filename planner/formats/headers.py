"""The 27 sheets of an RVTools export and the headers that RVTools itself writes into each.

A header that stands here and is not read is RVTools' own; any other one is the customer's.
Source: the header sets of an export of RVTools 4.x (see docs/formats.md), in the spelling "MiB".
"""

from __future__ import annotations

from typing import Final

_VM_TAIL: Final = (
    "Annotation|Backup status|ClusterInvariantVMMId|Last backup|Datacenter|Cluster|Host|Folder|"
    "OS according to the configuration file|OS according to the VMware Tools|VMRef|VM ID|VM UUID"
)
_SDK: Final = "VI SDK Server|VI SDK UUID|Internal Sort Column|Object ID|vCenter UUID"
_VM_HEAD: Final = "VM|Powerstate|Template|SRM Placeholder"
_PLACE: Final = "Host|Datacenter|Cluster"
_SHAPING: Final = (
    "Promiscuous Mode|Mac Changes|Forged Transmits|Traffic Shaping|Width|Peak|Burst|Policy|Reverse Policy|"
    "Notify Switch|Rolling Order|Offload|TSO|Zero Copy Xmit"
)
_SHAPING_BOTH: Final = (
    "In Traffic Shaping|In Avg|In Peak|In Burst|Out Traffic Shaping|Out Avg|Out Peak|Out Burst"
)

_HEADERS: Final = {
    "vInfo": (
        f"{_VM_HEAD}|Config status|DNS Name|Connection state|Guest state|Heartbeat|Consolidation Needed|"
        "PowerOn|Suspended To Memory|Suspend time|Suspend Interval|Creation date|Change Version|CPUs|"
        "Overall Cpu Readiness|Memory|Active Memory|NICs|Disks|Total disk capacity MiB|"
        "Fixed Passthru HotPlug|min Required EVC Mode Key|Latency Sensitivity|Op Notification Timeout|"
        "EnableUUID|disk.EnableUUID|CBT|Primary IP Address|Network #1|Network #2|Network #3|Network #4|"
        "Network #5|Network #6|Network #7|Network #8|Num Monitors|Video Ram KiB|Resource pool|Folder ID|"
        "vApp|DAS protection|FT State|FT Role|FT Latency|FT Bandwidth|FT Sec. Latency|"
        "Vm Failover In Progress|Provisioned MiB|In Use MiB|Unshared MiB|HA Restart Priority|"
        "HA Isolation Response|HA VM Monitoring|Cluster rule(s)|Cluster rule name(s)|Boot Required|"
        "Boot delay|Boot retry delay|Boot retry enabled|Boot BIOS setup|Reboot PowerOff|EFI Secure boot|"
        "Firmware|HW version|VM Version|HW upgrade status|HW upgrade policy|HW target|Path|Log directory|"
        "Snapshot directory|Suspend directory|Config Checksum|OS|UUID|SMBIOS UUID|Customization Info|"
        f"Guest Detailed Data|VI SDK Server type|VI SDK API Version|{_VM_TAIL}"
    ),
    "vCPU": (
        f"{_VM_HEAD}|CPUs|Sockets|Cores p/s|Max|Overall|Level|Shares|Reservation|Entitlement|"
        f"DRS Entitlement|Limit|Hot Add|Hot Remove|Numa Hotadd Exposed|{_VM_TAIL}"
    ),
    "vMemory": (
        f"{_VM_HEAD}|Size MiB|Memory Reservation Locked To Max|Overhead|Max|Consumed|Consumed Overhead|"
        "Private|Shared|Swapped|Ballooned|Active|Entitlement|DRS Entitlement|Level|Shares|Reservation|"
        f"Limit|Hot Add|{_VM_TAIL}"
    ),
    "vDisk": (
        f"{_VM_HEAD}|Disk|Disk Key|Disk UUID|Disk Path|Capacity MiB|Raw|Disk Mode|Sharing mode|Thin|"
        "Eagerly Scrub|Split|Write Through|Level|Shares|Reservation|Limit|Controller|Label|SCSI Unit #|"
        f"Unit #|Shared Bus|Path|Raw LUN ID|Raw Comp. Mode|{_VM_TAIL}"
    ),
    "vPartition": f"{_VM_HEAD}|Disk Key|Disk|Capacity MiB|Consumed MiB|Free MiB|Free %|{_VM_TAIL}",
    "vNetwork": (
        f"{_VM_HEAD}|NIC label|Adapter|Network|Switch|Connected|Starts Connected|Mac Address|Type|"
        f"IPv4 Address|IPv6 Address|Direct Path IO|{_VM_TAIL}"
    ),
    "vCD": f"{_VM_HEAD}|Device Node|Connected|Starts Connected|Device Type|{_VM_TAIL}",
    "vUSB": (
        f"{_VM_HEAD}|Device Node|Device Type|Connected|Family|Speed|EHCI enabled|Auto connect|Bus number|"
        f"Unit number|{_VM_TAIL}"
    ),
    "vSnapshot": (
        f"{_VM_HEAD}|Name|Description|Date / time|Filename|Size MiB (vmsn)|Size MiB (total)|Quiesced|State|"
        f"{_VM_TAIL}"
    ),
    "vTools": (
        f"{_VM_HEAD}|VM Version|Tools|Tools Version|Required Version|Upgradeable|Upgrade Policy|Sync time|"
        "App status|Heartbeat status|Kernel Crash state|Operation Ready|State change support|"
        f"Interactive Guest|{_VM_TAIL}"
    ),
    "vSource": (
        "Name|OS type|API type|API version|Version|Patch level|Build|Fullname|Product name|Product version|"
        "Product line|Vendor"
    ),
    "vRP": (
        "Resource Pool name|Resource Pool path|Status|# VMs total|# VMs|# vCPUs|CPU limit|"
        "CPU overheadLimit|CPU reservation|CPU level|CPU shares|CPU expandableReservation|CPU maxUsage|"
        "CPU overallUsage|CPU reservationUsed|CPU reservationUsedForVm|CPU unreservedForPool|"
        "CPU unreservedForVm|Mem Configured|Mem limit|Mem overheadLimit|Mem reservation|Mem level|"
        "Mem shares|Mem expandableReservation|Mem maxUsage|Mem overallUsage|Mem reservationUsed|"
        "Mem reservationUsedForVm|Mem unreservedForPool|Mem unreservedForVm|QS overallCpuDemand|"
        "QS overallCpuUsage|QS staticCpuEntitlement|QS distributedCpuEntitlement|QS balloonedMemory|"
        "QS compressedMemory|QS consumedOverheadMemory|QS distributedMemoryEntitlement|"
        "QS guestMemoryUsage|QS hostMemoryUsage|QS overheadMemory|QS privateMemory|QS sharedMemory|"
        "QS staticMemoryEntitlement|QS swappedMemory"
    ),
    "vCluster": (
        "Name|Config status|OverallStatus|NumHosts|numEffectiveHosts|TotalCpu|NumCpuCores|NumCpuThreads|"
        "Effective Cpu|TotalMemory|Effective Memory|Num VMotions|HA enabled|Failover Level|"
        "AdmissionControlEnabled|Host monitoring|HB Datastore Candidate Policy|Isolation Response|"
        "Restart Priority|Cluster Settings|Max Failures|Max Failure Window|Failure Interval|Min Up Time|"
        "VM Monitoring|DRS enabled|DRS default VM behavior|DRS vmotion rate|DPM enabled|"
        "DPM default behavior|DPM Host Power Action Rate|Backup status|ClusterInvariantVMMId|Last backup|"
        "com.vmware.vcenter.cluster.edrs.upgradeHostAdded"
    ),
    "vHost": (
        f"{_PLACE}|Config status|Compliance Check State|in Maintenance Mode|in Quarantine Mode|"
        "vSAN Fault Domain Name|CPU Model|Speed|HT Available|HT Active|# CPU|Cores per CPU|# Cores|"
        "CPU usage %|# Memory|Memory Tiering Type|Memory usage %|Console|# NICs|# HBAs|# VMs total|# VMs|"
        "VMs per Core|# vCPUs|vCPUs per Core|vRAM|VM Used memory|VM Memory Swapped|VM Memory Ballooned|"
        "VMotion support|Storage VMotion support|Current EVC|Max EVC|Assigned License(s)|ATS Heartbeat|"
        "ATS Locking|Current CPU power man. policy|Supported CPU power man.|Host Power Policy|ESX Version|"
        "Boot time|DNS Servers|DHCP|Domain|Domain List|DNS Search Order|NTP Server(s)|NTPD running|"
        "Time Zone|Time Zone Name|GMT Offset|Vendor|Model|Serial number|Service tag|OEM specific string|"
        "BIOS Vendor|BIOS Version|BIOS Date|Certificate Issuer|Certificate Start Date|"
        "Certificate Expiry Date|Certificate Status|Certificate Subject|AutoDeploy.MachineIdentity|"
        "Backup status|ClusterInvariantVMMId|Last backup|UUID"
    ),
    "vHBA": f"{_PLACE}|Device|Type|Status|Bus|Pci|Driver|Model|WWN",
    "vNIC": f"{_PLACE}|Network Device|Driver|Speed|Duplex|MAC|Switch|Uplink port|PCI|WakeOn",
    "vSwitch": f"{_PLACE}|Switch|# Ports|Free Ports|{_SHAPING}|MTU",
    "vPort": f"{_PLACE}|Port Group|Switch|VLAN|{_SHAPING}",
    "dvSwitch": (
        "Switch|Datacenter|Name|Vendor|Version|Description|Created|Host members|Max Ports|# Ports|# VMs|"
        f"{_SHAPING_BOTH}|CDP Type|CDP Operation|LACP Name|LACP Mode|LACP Load Balance Alg.|Max MTU|"
        "Contact|Admin Name|Backup status|ClusterInvariantVMMId|Last backup"
    ),
    "dvPort": (
        "Port|Switch|Type|# Ports|VLAN|Speed|Full Duplex|Blocked|Allow Promiscuous|Mac Changes|"
        f"Active Uplink|Standby Uplink|Policy|Forged Transmits|{_SHAPING_BOTH}|Reverse Policy|"
        "Notify Switch|Rolling Order|Check Beacon|Live Port Moving|Check Duplex|Check Error %|Check Speed|"
        "Percentage|Block Override|Config Reset|Shaping Override|Vendor Config Override|"
        "Sec. Policy Override|Teaming Override|Vlan Override"
    ),
    "vSC_VMK": (
        f"{_PLACE}|Port Group|Device|Mac Address|DHCP|IP Address|IP 6 Address|Subnet mask|Gateway|"
        "IP 6 Gateway|MTU"
    ),
    "vDatastore": (
        "Name|Config status|Address|Accessible|Type|# VMs total|# VMs|Capacity MiB|Provisioned MiB|"
        "In Use MiB|Free MiB|Free %|SIOC enabled|SIOC Threshold|# Hosts|Hosts|Cluster name|"
        "Cluster capacity MiB|Cluster free space MiB|Block size|Max Blocks|# Extents|Major Version|"
        "Version|VMFS Upgradeable|MHA|URL|Backup status|ClusterInvariantVMMId|Last backup"
    ),
    "vMultiPath": (
        f"{_PLACE}|Datastore|Disk|Display name|Policy|Oper. State|Path 1|Path 1 state|Path 2|Path 2 state|"
        "Path 3|Path 3 state|Path 4|Path 4 state|Path 5|Path 5 state|Path 6|Path 6 state|Path 7|"
        "Path 7 state|Path 8|Path 8 state|vStorage|Queue depth|Vendor|Model|Revision|Level|Serial #|UUID"
    ),
    "vLicense": "Name|Key|Labels|Cost Unit|Total|Used|Expiration Date|Features",
    "vFileInfo": "Friendly Path Name|File Name|File Type|File Size in bytes|Path",
    "vHealth": "Name|Message|Message type",
    "vMetaData": "RVTools major version|RVTools version|xlsx creation datetime|Server",
}

HEADERS: Final[dict[str, tuple[str, ...]]] = {
    sheet: tuple(f"{headers}|{_SDK}".split("|")) for sheet, headers in _HEADERS.items()
}
"""Sheet name -> the headers RVTools writes there."""
