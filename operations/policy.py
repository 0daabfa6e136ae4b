"""Data that tunes the decisions: HA, FT, DRS, migration; one set for each product."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from operations.action import Fencing
from operations.timings import Product, Timings, timings_of

Isolation: TypeAlias = Literal["none", "power-off", "shutdown"]
Gate: TypeAlias = Literal["none", "started", "up"]
Balance: TypeAlias = Literal["memory", "count"]
ApdResponse: TypeAlias = Literal["disabled", "warning", "conservative", "aggressive"]
PdlResponse: TypeAlias = Literal["disabled", "warning", "restart"]
Separation: TypeAlias = Literal["host", "rack", "site"]
Remedy: TypeAlias = Literal["none", "sdps", "auto-converge", "post-copy", "raise-limit", "stop", "time-out"]
ShutdownPolicy: TypeAlias = Literal["migrate", "freeze", "failover"]

# What one operation costs, in units of the limits below: docs.vmware 6.7 GUID-25EA5833.
MOVE_UNITS: Final = 1  # of both hosts, their NICs and the VM's datastores
COPY_HOST_UNITS: Final = 4
COPY_DATASTORE_UNITS: Final = 16  # of the source and of the target


class HaPolicy(Struct, frozen=True, kw_only=True):
    """How HA decides.

    `retries_s` are the times of the tries after the first (vSphere); `relocates` turns to the other way:
    tries on the spot, then elsewhere, then an error (Proxmox).
    """

    enabled: bool = True
    fencing: Fencing = "lock"
    quorum: bool = False
    isolation: Isolation = "none"
    batch: int = 32  # VMs a host starts at a time: yellow-bricks.com bcdr
    retries_s: tuple[float, ...] = (0.0, 120.0, 360.0, 840.0, 1800.0)  # yellow-bricks 2011/07/27
    relocates: bool = False
    max_restart: int = 1  # pve-docs ha-manager
    max_relocate: int = 1
    gate: Gate = "none"
    respects_spread: bool = True  # das.respectvmvmantiaffinityrules
    strict_gather: bool = False
    balance: Balance = "memory"
    failback: bool = False
    keeps_rules: bool = False
    monitors: bool = True
    max_resets: int = 3  # VM monitoring, high: 3 resets an hour
    reset_window_s: float = 3600.0
    apd: ApdResponse = "conservative"
    pdl: PdlResponse = "restart"
    shutdown: ShutdownPolicy = "failover"


class FtPolicy(Struct, frozen=True, kw_only=True):
    """How FT pairs are placed; both copies count for the limits (docs.vmware 8.0 GUID-57929CF0)."""

    max_vms: int = 4
    max_vcpus: int = 8
    separate: Separation = "host"
    share_of_nic: float = 0.5  # of one NIC for logging, so that a burst still passes; an assumption


class DrsPolicy(Struct, frozen=True, kw_only=True):
    """How load is levelled and hosts are sent to standby.

    `min_gain` and `cooldown_s` are the hysteresis: a move must lower the spread by so much, and a VM
    that was moved stays for a while.  DPM: 63 % +- 18 %, Broadcom KB 310527.
    """

    enabled: bool = False
    threshold: int = 3
    min_gain: float = 0.01
    cooldown_s: float = 1800.0
    max_moves: int = 8  # MaxMovesPerHost
    dpm: bool = False
    dpm_low: float = 0.45
    dpm_high: float = 0.81


class MigrationPolicy(Struct, frozen=True, kw_only=True):
    """How many cost units there are, limits of the pre-copy, what helps when it does not end."""

    host_units: int = 8
    slow_nic_units: int = 4  # up to 1 Gbit/s
    fast_nic_units: int = 8
    datastore_units: int = 128
    cap_mib_s: float | None = None
    unknown_link_mbit: float = 10_000.0  # a NIC whose speed nobody told
    link_share: float = 0.94  # of the nominal rate; 112 MiB/s measured on 1 Gbit/s
    downtime_limit_ms: float = 300.0  # qemu options.c
    max_rounds: int = 30  # Xen, Clark et al. 2005
    remedy: Remedy = "sdps"
    time_out_s: float = 3600.0
    max_tries: int = 2  # of a move that no person asked for; an assumption
    max_rtt_ms: float = 150.0  # VMware 6.0 manual p. 122
    site_rtt_ms: float | None = None  # between two sites; None: nobody told
    ping_interval_s: float = 1.0


class Capacity(Struct, frozen=True, kw_only=True):
    """What of a host VMs may use."""

    vcpu_per_core: float = 4.0  # Ganeti's policy default
    memory_ratio: float = 1.0  # the guaranteed case does not overcommit


class Policies(Struct, frozen=True, kw_only=True):
    """Everything that tunes one run."""

    product: Product
    timings: Timings
    ha: HaPolicy = HaPolicy()
    ft: FtPolicy = FtPolicy()
    drs: DrsPolicy = DrsPolicy()
    migration: MigrationPolicy = MigrationPolicy()
    capacity: Capacity = Capacity()


def policies_of(product: Product) -> Policies:
    """Give the defaults of a product.

    >>> policies_of("proxmox").ha.fencing
    'watchdog'
    """
    if product == "vsphere":
        return Policies(product=product, timings=timings_of(product))
    return Policies(
        product=product,
        timings=timings_of(product),
        ha=HaPolicy(
            fencing="watchdog",
            quorum=True,
            batch=4,  # pve-ha-manager: 4 workers a node
            relocates=True,
            strict_gather=True,
            balance="count",
            failback=True,
            keeps_rules=True,
            monitors=False,
            apd="disabled",
            pdl="disabled",
            shutdown="migrate",
        ),
        migration=MigrationPolicy(host_units=4, fast_nic_units=4, remedy="raise-limit"),
    )
