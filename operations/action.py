"""What we ask of a hypervisor, simulated or real; `cause` is the number of the event that led to it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Purpose: TypeAlias = Literal[
    "judge", "elect", "isolate", "restart", "restart-vm", "retry", "tier", "depend", "monitor",
    "apd-timeout", "apd-act", "serviced", "drs", "mend", "rejoin",
]  # fmt: skip
StopReason: TypeAlias = Literal["isolation", "storage", "asked", "evacuation"]
Fencing: TypeAlias = Literal["lock", "power", "watchdog", "none"]


class Action(Struct, frozen=True, gc=False):
    """One thing asked; its end comes out of the driver's events.

    An action says all that is needed to begin it: a driver may begin it on another thread, when the
    state has moved on.
    """

    cause: int


class Wake(Action, frozen=True, gc=False):
    """Come back after a delay: the engine has no clock, so waiting is an action as well.

    `since` is what the sleeper compares on waking: a host that was silent then may have come back and
    fallen silent again.  `periodic`: it never keeps a run alive by itself.
    """

    delay_s: float
    purpose: Purpose
    subject: str
    since: float = 0.0
    periodic: bool = False


class FenceHost(Action, frozen=True, gc=False):
    """Make sure that a host, silent since a time, runs nothing any more."""

    host: str
    method: Fencing
    silent_at: float


class StartVm(Action, frozen=True, gc=False):
    """Start a VM on a host where its memory is reserved."""

    vm: str
    host: str


class StopVm(Action, frozen=True, gc=False):
    """Stop a VM where it runs; `clean` waits for its guest."""

    vm: str
    host: str
    reason: StopReason
    clean: bool = False


class ResetVm(Action, frozen=True, gc=False):
    """Reset a VM whose guest no longer answers."""

    vm: str


class MigrateVm(Action, frozen=True, gc=False):
    """Move a running VM."""

    vm: str
    source: str
    host: str


class MigrateStorage(Action, frozen=True, gc=False):
    """Copy a VM's disks to another datastore while it runs."""

    vm: str
    source: str
    datastore: str
    size_mib: int


class SeedSecondary(Action, frozen=True, gc=False):
    """Make the second copy of an FT VM from the first."""

    vm: str
    source: str
    host: str


class PowerOffHost(Action, frozen=True, gc=False):
    """Switch an empty host off; `standby` for the energy, `back` to restart it at once."""

    host: str
    standby: bool = False
    back: bool = False


class PowerOnHost(Action, frozen=True, gc=False):
    """Wake a host from standby."""

    host: str
