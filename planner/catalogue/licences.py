"""What a core licence costs and how cores are counted.  List prices; sources disagree, so they are ranges."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from planner.catalogue import Fact, fact

Licence: TypeAlias = Literal["vvf", "vcf", "none"]

CORES_MIN_PER_CPU: Final = 16  # Broadcom KB 313548
CORES_MIN_PER_ORDER: Final = 72  # Broadcom, since 10 April 2025

VVF_CORE_YEAR: Final = fact(
    "vvf_core_year",
    "135",
    "USD/core/year",
    "VMware vSphere Foundation list price: redresscompliance.com 135, vmwaremadesimple.com 190",
    "2025",
    high="190",
)
VCF_CORE_YEAR: Final = fact(
    "vcf_core_year",
    "350",
    "USD/core/year",
    "VMware Cloud Foundation list price: redresscompliance.com",
    "2025",
)
PRICES: Final[dict[Licence, Fact]] = {"vvf": VVF_CORE_YEAR, "vcf": VCF_CORE_YEAR}
COUNTING_SOURCE: Final = (
    "Broadcom KB 313548: at least 16 cores a CPU; at least 72 cores an order since 10 April 2025"
)
