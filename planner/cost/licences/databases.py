"""Databases licensed by the cores of every host where they may run: why pinning them pays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

SQL_CORES_MIN: Final = 4  # for each processor, and for each VM
ORACLE_CORE_FACTOR_X86: Final = Decimal("0.5")  # Oracle Processor Core Factor Table


def sql_cores_of_hosts(hosts: Sequence[Sequence[int]]) -> int:
    """Count SQL Server Enterprise by physical cores: all of each host, at least 4 for each processor.

    Source: Microsoft's rules as ServiceNow states them: 4 licences for each physical processor.

    >>> sql_cores_of_hosts([[2, 2], [16, 16]])
    40
    """
    return sum(max(SQL_CORES_MIN, cores) for cpus in hosts for cores in cpus)


def sql_cores_of_vms(vcpus: Sequence[int]) -> int:
    """Count SQL Server by VM: its vCPUs, at least 4 each, in packs of two.

    Source: SQL Server 2017 licensing guide, as dustindorsey.com quotes it: 7 cores need 4 packs of two.

    >>> sql_cores_of_vms([1]), sql_cores_of_vms([7]), sql_cores_of_vms([4, 8])
    (4, 8, 12)
    """
    return sum(max(SQL_CORES_MIN, count + count % 2) for count in vcpus)


def oracle_processors(hosts: Sequence[Sequence[int]], factor: Decimal = ORACLE_CORE_FACTOR_X86) -> int:
    """Count Oracle processor licences: every core of every host where it may run, times the core factor.

    Source: Oracle Processor Core Factor Table; published example: 3 servers of 24 cores are 36.

    >>> oracle_processors([[12, 12]] * 3)
    36
    """
    return math.ceil(sum(sum(cpus) for cpus in hosts) * factor)
