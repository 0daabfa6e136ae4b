"""The public price book: list prices, rates and powers that somebody published, each with source and date.

What nobody published, or what only an old or doubtful page names, is either not here or marked `low`.
Hardware, storage, network and support have no row: their cards wait for a quote.
"""

from __future__ import annotations

from typing import Final

from planner.catalogue import power
from planner.catalogue.licences import VCF_CORE_YEAR, VVF_CORE_YEAR

# key, low, high, currency, source, date, confidence
Row = tuple[str, str, str, str, str, str, str]

_REDRESS: Final = "VMware list price: redresscompliance.com"
_PROXMOX: Final = "Proxmox VE subscription per socket: aegisfleet report of April 2026, classact.co.jp"
_MICROSOFT: Final = "Microsoft Windows Server 2025 pricing, cited by api-evangelist"
_IDC: Final = "IDC Australia 2010, small and medium businesses, average: itbenchmark.wordpress.com"
_RED_HAT: Final = "Red Hat migration planner: check of a VM after its move, 60 minutes"
_KWH: Final = power.ELECTRICITY_EUR_KWH
_OURS: Final = "assumption; enter what is true of yours"


def _one(key: str, value: str, currency: str, source: str, date: str, confidence: str = "published") -> Row:
    return (key, value, value, currency, source, date, confidence)


ROWS: Final[tuple[Row, ...]] = (
    ("vvs_core_year", "50", "140", "USD", f"{_REDRESS} 50; vmwaremadesimple.com about 140", "2025", "low"),
    _one("vvep_core_year", "150", "USD", _REDRESS, "2025"),
    (
        "vvf_core_year", str(VVF_CORE_YEAR.low), str(VVF_CORE_YEAR.high), "USD", VVF_CORE_YEAR.source,
        "2025", "list",
    ),
    _one("vcf_core_year", str(VCF_CORE_YEAR.low), "USD", VCF_CORE_YEAR.source, "2025", "list"),
    _one("proxmox_community_year", "120", "EUR", _PROXMOX, "2026-04", "list"),
    _one("proxmox_basic_year", "370", "EUR", _PROXMOX, "2026-04", "list"),
    _one("proxmox_standard_year", "550", "EUR", _PROXMOX, "2026-04", "list"),
    _one("proxmox_premium_year", "1100", "EUR", _PROXMOX, "2026-04", "list"),
    _one("xcpng_host_year", "1250", "EUR", "nortinia blog, about 1,250 EUR a host", "2025", "low"),
    _one("nutanix_core_year", "649", "USD", "undercodetesting, about 649 USD a core", "2025", "low"),
    _one("windows_standard_16", "1176", "USD", _MICROSOFT, "2025", "list"),
    _one("windows_datacenter_16", "6771", "USD", _MICROSOFT, "2025", "list"),
    _one(
        "sql_enterprise_2", "14256", "USD",
        "SQL Server 2017 Enterprise, price of a licence for two cores: dustindorsey.com", "2017", "low",
    ),
    _one("electricity_kwh", str(_KWH.value), "EUR", _KWH.source, "2025"),
    _one("pue", str(power.PUE.value), "", power.PUE.source, "2025"),
    _one("host_idle_w", str(power.HOST_IDLE_W.value), "", power.HOST_IDLE_W.source, "2021"),
    _one("host_full_w", str(power.HOST_FULL_W.value), "", power.HOST_FULL_W.source, "2021"),
    _one("assumed_utilisation_percent", "35", "", _OURS, "", "assumption"),
    _one("vms_per_administrator", "80", "", _IDC, "2010", "low"),
    _one("hosts_per_administrator", "30", "", _IDC, "2010", "low"),
    _one("migration_hours_vm", "1", "", _RED_HAT, "2025"),
    _one("grid_kg_kwh", "0.38", "", "Boavizta electrical mix, EU, 2019/20", "2020"),
    (
        "embodied_host_kg", "1156", "1659", "",
        "Boavizta environmental footprint data: making, 10 % and 90 % of 30 servers with two CPUs",
        "2023-02", "published",
    ),
    _one("host_failures_year", "5", "", _OURS, "", "assumption"),
    _one("repair_hours", "24", "", _OURS, "", "assumption"),
    _one("restart_seconds", "180", "", _OURS, "", "assumption"),
    _one("discount_percent", "0", "", _OURS, "", "assumption"),
    _one("nic_ports", "4", "", _OURS, "", "assumption"),
    _one("ft_ports", "2", "", "two ways between hosts of FT; enter yours", "", "assumption"),
    _one("hba_ports", "2", "", _OURS, "", "assumption"),
    _one("switch_ports", "48", "", _OURS, "", "assumption"),
    _one("switch_copies", "2", "", "two independent networks: IBM SAN rules", "", "assumption"),
    _one("array_controllers", "2", "", _OURS, "", "assumption"),
    _one("raw_per_usable", "2", "", "RAID-1 keeps two copies: vSAN 6.5 manual", "2017", "assumption"),
    _one("host_rack_units", "2", "", _OURS, "", "assumption"),
    _one(
        "rate:EUR:USD", "1.0411", "",
        "European Central Bank, reference rate of 28 February 2025, cited by eurodripusa.net",
        "2025-02-28",
    ),
)  # fmt: skip
