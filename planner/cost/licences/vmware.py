"""VMware: cores with a floor for each CPU and each order, and the vSAN capacity that editions include."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from planner.catalogue.licences import CORES_MIN_PER_CPU, CORES_MIN_PER_ORDER

# TiB of vSAN for each licensed core.
VSAN_TIB_PER_CORE: Final = {"vvf": Decimal("0.25"), "vcf": Decimal(1)}


def licensed_cores(cpus: Iterable[int]) -> int:
    """Count the core licences of CPUs given by their cores: at least 16 each.

    Source: Broadcom KB 313548: 2 x 8 and 2 x 24 cores need 80 licences; three hosts with one 8-core
    CPU each need 48.

    >>> licensed_cores([8, 8, 24, 24]), licensed_cores([8, 8, 8])
    (80, 48)
    """
    return sum(max(CORES_MIN_PER_CPU, cores) for cores in cpus)


def ordered_cores(licensed: int) -> int:
    """Count what an order is billed: at least 72 cores, unless nothing is ordered.

    Source: Broadcom KB 313548, since 10 April 2025: one host with one 12-core CPU is billed 72.

    >>> ordered_cores(licensed_cores([12])), ordered_cores(80), ordered_cores(0)
    (72, 80, 0)
    """
    return max(CORES_MIN_PER_ORDER, licensed) if licensed else 0


def vsan_to_buy_tib(edition: str, cores: int, raw_tib: Decimal) -> Decimal:
    """Say how much vSAN capacity is left to buy beyond what the licensed cores include.

    Source: VMware list: VVF includes 0.25 TiB a core, VCF 1 TiB.

    >>> vsan_to_buy_tib("vvf", 96, Decimal(40)), vsan_to_buy_tib("vcf", 96, Decimal(40))
    (Decimal('16.00'), Decimal('0'))
    """
    included = VSAN_TIB_PER_CORE.get(edition, Decimal(0)) * cores
    return max(Decimal(0), raw_tib - included)
