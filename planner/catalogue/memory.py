"""What the hypervisor keeps of a host's memory, for itself and for each VM."""

from __future__ import annotations

from typing import Final

from planner.catalogue import fact

_MINFREE: Final = "vSphere Mem.MinFreePct sliding scale: 899 MB for the first 28 GB, 1 % of the rest"
_OVERHEAD: Final = (
    "vSphere Resource Management 6.5 to 6.7, sample overhead memory, p. 34; least-squares fit of its "
    "16 cells, largest error 1.1 MB"
)

HOST_BASE_MB: Final = fact("host_base_mb", "899", "MB", _MINFREE, "2012")
HOST_BASE_UP_TO_GB: Final = fact("host_base_up_to_gb", "28", "GB", _MINFREE, "2012")
HOST_SHARE_ABOVE: Final = fact("host_share_above", "0.01", "ratio", _MINFREE, "2012")

VM_BASE_MB: Final = fact("vm_base_mb", "18.4", "MB", _OVERHEAD, "2018")
VM_PER_MEMORY_MB: Final = fact("vm_per_memory_mb", "0.0074", "MB/MB", _OVERHEAD, "2018")
VM_PER_FURTHER_VCPU_MB: Final = fact("vm_per_further_vcpu_mb", "3.98", "MB/vCPU", _OVERHEAD, "2018")
