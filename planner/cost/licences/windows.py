"""Windows Server: Standard against Datacenter, host by host, by the VMs that may run there."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Final

from msgspec import Struct

CORES_MIN_PER_CPU: Final = 8  # Windows Server 2016 licensing datasheet
CORES_MIN_PER_SERVER: Final = 16
CORES_PER_PACK: Final = 2  # licences are sold for 2 and for 16 cores
VMS_PER_STANDARD: Final = 2  # that one full licence of the host covers


class WindowsLicences(Struct, frozen=True, kw_only=True):
    """What hosts need, in sets of 16 cores; `datacenter_hosts` of them are cheaper with Datacenter."""

    standard_16: Decimal
    datacenter_16: Decimal
    datacenter_hosts: int


def cores_to_license(cpus: Sequence[int]) -> int:
    """Count the cores of one server: all of them, at least 8 for each CPU and 16 in all.

    Cores are licensed in pairs.

    Source: Microsoft, Windows Server licensing: 8 core licences for each processor, 16 for each server.

    >>> [cores_to_license(cpus) for cpus in ([4, 4], [12], [20, 20], [6] * 4)]
    [16, 16, 40, 32]
    """
    cores = sum(max(CORES_MIN_PER_CPU, cores) for cores in cpus)
    whole = max(CORES_MIN_PER_SERVER, cores)
    return whole + whole % CORES_PER_PACK


def full_licences(vms: int) -> int:
    """Count how often a server must be licensed with Standard: once for every two VMs.

    >>> [full_licences(vms) for vms in (0, 1, 2, 3, 11)]
    [0, 1, 1, 2, 6]
    """
    return -(-vms // VMS_PER_STANDARD)


def break_even_vms(standard: Decimal, datacenter: Decimal) -> int:
    """Give the number of VMs on a host from which Datacenter costs no more, by price alone.

    2 x Datacenter / Standard, rounded up: 6,771 / 1,176 x 2 = 11.5, so the twelfth VM decides.  It is
    the published rule of thumb; `datacenter_pays_from` counts whole licences.

    Source: list prices of Windows Server 2025.

    >>> break_even_vms(Decimal(1176), Decimal(6771))
    12
    """
    quotient = datacenter * VMS_PER_STANDARD / standard
    return int(quotient.to_integral_value(rounding=ROUND_CEILING))


def datacenter_pays_from(standard: Decimal, datacenter: Decimal) -> int:
    """Give the number of VMs on a host from which Datacenter is not dearer, whole licences counted.

    Standard comes for two VMs at a time: 11 VMs need six licences, 7,056, which is above 6,771; 10 need
    five, 5,880.  So Datacenter pays one VM before the rule of thumb says so.

    >>> datacenter_pays_from(Decimal(1176), Decimal(6771))
    11
    """
    licences = int((datacenter / standard).to_integral_value(rounding=ROUND_CEILING))
    return max(1, VMS_PER_STANDARD * (licences - 1) + 1)


def licences_for(
    hosts: Sequence[Sequence[int]],
    vms: Sequence[int],
    standard: Decimal,
    datacenter: Decimal,
    alike: Sequence[int] | None = None,
) -> WindowsLicences:
    """Choose for each host the cheaper of Standard and Datacenter; equal cost is Datacenter.

    Args:
        hosts: for each host the cores of its CPUs.
        vms: for each host the Windows VMs that may run there at once, those restarted there included.
        standard, datacenter: price of 16 cores.
        alike: how many such hosts there are, one of each unless told.

    >>> licences_for([[8, 8]] * 3, [2, 12, 0], Decimal(1176), Decimal(6771))
    WindowsLicences(standard_16=Decimal('1'), datacenter_16=Decimal('1'), datacenter_hosts=1)
    """
    in_standard = in_datacenter = Decimal(0)
    datacenter_hosts = 0
    for cpus, count, many in zip(hosts, vms, alike or [1] * len(hosts), strict=True):
        sets = Decimal(cores_to_license(cpus)) / 16 * many
        times = full_licences(count)
        if times * standard < datacenter:
            in_standard += sets * times
        else:
            in_datacenter += sets
            datacenter_hosts += many
    return WindowsLicences(
        standard_16=in_standard, datacenter_16=in_datacenter, datacenter_hosts=datacenter_hosts
    )


def may_run(placed: Sequence[int], failures: int) -> list[int]:
    """Say how many Windows VMs may run on each host: those placed there, and its share of lost hosts.

    The VMs of the fullest hosts, as many as may fail, are restarted evenly over the others.

    >>> may_run([10, 6, 4], 1), may_run([10, 6, 4], 0)
    ([13, 11, 9], [10, 6, 4])
    """
    hosts = len(placed)
    if not failures or hosts <= 1:
        return list(placed)
    lost = min(failures, hosts - 1)
    fullest = sorted(placed, reverse=True)
    among, without = sum(fullest[:lost]), sum(fullest[: lost + 1])
    # A host that is itself among the fullest does not restart its own VMs: the next one takes its place.
    return [
        own + -(-(without - own if own >= fullest[lost - 1] else among) // max(1, hosts - failures))
        for own in placed
    ]
