"""Which VMs need a guest licence, by the operating system that the export names."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

from planner.estate import VM

Guest: TypeAlias = Literal["windows-server", "rhel", "other", "unknown"]

# Windows for desks is licensed by device or user, not by host.
_DESK: Final = re.compile(r"windows\s*(xp|vista|7|8|8\.1|10|11|2000 professional)\b")
_RHEL: Final = re.compile(r"red hat enterprise|\brhel")


def guest_of(vm: VM) -> Guest:
    """Say which guest licence a VM needs, as far as the export tells.

    >>> names = ("Microsoft Windows Server 2019 (64-bit)", "Microsoft Windows 10 (64-bit)", None,
    ...          "Red Hat Enterprise Linux 8 (64-bit)", "Ubuntu Linux (64-bit)")
    >>> [guest_of(VM(name="a", power="on", vcpus=1, memory_mib=1, disk_mib=0, guest_os=os)) for os in names]
    ['windows-server', 'other', 'unknown', 'rhel', 'other']
    """
    name = (vm.guest_os or "").strip().lower()
    if not name:
        return "unknown"
    if "windows" in name:
        return "other" if _DESK.search(name) else "windows-server"
    return "rhel" if _RHEL.search(name) else "other"
