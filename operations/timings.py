"""Every duration of a rehearsal: default of each product, range, unit and source.  Data, no decisions."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

Product: TypeAlias = Literal["vsphere", "proxmox"]
PRODUCTS: Final[tuple[Product, ...]] = ("vsphere", "proxmox")


class Timing(Struct, frozen=True, kw_only=True):
    """One duration.  `verified` is False where no source was found: an assumption the user should check."""

    name: str
    unit: str
    vsphere: float
    proxmox: float
    low: float
    high: float
    source: str
    verified: bool = True


class Timings(Struct, frozen=True, kw_only=True):
    """The durations one rehearsal runs with; see `ROWS` for what each is."""

    detect_s: float
    detect_with_datastores_s: float
    election_s: float
    restart_overhead_s: float
    election_overhead_s: float
    isolation_s: float
    primary_isolation_s: float
    watchdog_s: float
    lock_s: float
    fence_s: float
    start_s: float
    boot_s: float
    guest_shutdown_s: float
    local_retry_s: float
    tier_timeout_s: float
    apd_timeout_s: float
    apd_delay_s: float
    monitor_s: float
    host_reboot_s: float
    host_service_s: float
    host_wake_s: float
    ft_gap_ms: float
    migration_setup_s: float
    migration_device_ms: float
    announce_ms: float
    drs_interval_s: float
    dpm_off_window_s: float
    dpm_on_window_s: float
    storage_copy_mib_s: float


def _row(
    name: str,
    vsphere: float,
    proxmox: float,
    low: float,
    high: float,
    source: str,
    *,
    unit: str = "s",
    verified: bool = True,
) -> Timing:
    return Timing(
        name=name, unit=unit, vsphere=vsphere, proxmox=proxmox, low=low, high=high, source=source,
        verified=verified,
    )  # fmt: skip


_PVE_TESTS: Final = "pve-ha-manager's regression suite, measured over its 144 logs"
_DEEPDIVE: Final = "vSphere Clustering Deepdive; yellow-bricks.com, HA timeline"

ROWS: Final[tuple[Timing, ...]] = (
    _row(
        "detect_s", 15.0, 40.0, 15, 180,
        f"no heartbeat datastore, no ping: {_DEEPDIVE}; fault to fence decision, median: {_PVE_TESTS}",
    ),
    _row("detect_with_datastores_s", 18.0, 40.0, 18, 180, f"with heartbeat datastores: {_DEEPDIVE}"),
    _row(
        "election_s", 25.0, 120.0, 25, 180,
        "primary lost to new primary reading the protected list; Proxmox: the manager lock runs out",
        verified=False,
    ),
    _row(
        "restart_overhead_s", 10.0, 0.0, 10, 15,
        "list, place and request: 10-15 s or more, yellow-bricks.com bcdr; Proxmox: in the same round",
    ),
    _row("election_overhead_s", 10.0, 0.0, 10, 15, "primary lost: restarts at +35 s", verified=False),
    _row("isolation_s", 30.0, 60.0, 30, 60, "blogs.vmware.com/vsphere/2011/11; Proxmox watchdog"),
    _row("primary_isolation_s", 5.0, 60.0, 5, 60, "blogs.vmware.com/vsphere/2011/11; Broadcom KB 322784"),
    _row("watchdog_s", 0.0, 60.0, 42, 60, "0: none; pve-docs ha-manager: 60 s without quorum"),
    _row("lock_s", 0.0, 120.0, 120, 180, "the lock of a silent host may be taken, Proxmox VE HA"),
    _row("fence_s", 5.0, 5.0, 0.03, 60, "power-off by the management board until confirmed", verified=False),
    _row("start_s", 2.0, 3.0, 0.4, 5, "asked to running: 0.4-1.2 s measured on QEMU; 3 s in PVE"),
    _row("boot_s", 30.0, 30.0, 3, 120, "guest boot until it answers; 30/60/120 s give the usual HA outages"),
    _row("guest_shutdown_s", 60.0, 60.0, 5, 300, "clean shutdown; given up after 300 s", verified=False),
    _row("local_retry_s", 120.0, 20.0, 20, 120, "pause before another try on the same host; PVE: one round"),
    _row("tier_timeout_s", 600.0, 600.0, 0, 3600, "a tier gives up waiting: terraform vsphere docs"),
    _row("apd_timeout_s", 140.0, 140.0, 20, 99999, "APD becomes permanent, VMware 6.0 manual p. 50"),
    _row("apd_delay_s", 180.0, 180.0, 0, 3600, "delay for VM failover, VMware 6.0 manual p. 50"),
    _row("monitor_s", 30.0, 30.0, 30, 120, "VM monitoring, high sensitivity: no heartbeat for 30 s"),
    _row("host_reboot_s", 300.0, 60.0, 60, 900, "server restart until it takes VMs", verified=False),
    _row("host_service_s", 1200.0, 1200.0, 300, 7200, "patching one host in maintenance", verified=False),
    _row("host_wake_s", 300.0, 300.0, 60, 900, "standby host until it takes VMs", verified=False),
    _row("ft_gap_ms", 100.0, 100.0, 95, 273, "second copy speaks: 95-273 ms measured on COLO", unit="ms"),
    _row("migration_setup_s", 0.57, 0.57, 0.45, 0.83, "median of 76 measured QEMU migrations"),
    _row("migration_device_ms", 20.0, 20.0, 10, 200, "fixed part of the stop, fitted on 70 runs", unit="ms"),
    _row("announce_ms", 57.0, 57.0, 0, 550, "resume and announce until a ping answers, median", unit="ms"),
    _row("drs_interval_s", 300.0, 300.0, 60, 300, "300 s up to 6.7, 60 s from 7.0: blogs.vmware.com 2020/05"),
    _row("dpm_off_window_s", 2400.0, 2400.0, 2400, 2400, "40 min below the range: Broadcom KB 310527"),
    _row("dpm_on_window_s", 300.0, 300.0, 300, 300, "5 min above the range: Broadcom KB 310527"),
    _row(
        "storage_copy_mib_s", 74.0, 74.0, 20, 1000,
        "620 Mbit/s, 110 min for 500 GB: Red Hat migration planner", unit="MiB/s",
    ),
)  # fmt: skip


def timings_of(product: Product) -> Timings:
    """Give the defaults of a product.

    >>> timings_of("vsphere").detect_s, timings_of("proxmox").lock_s
    (15.0, 120.0)
    """
    values = {row.name: float(row.vsphere if product == "vsphere" else row.proxmox) for row in ROWS}
    return Timings(**values)
