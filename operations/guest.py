"""What an estate does not say of a VM and a rehearsal needs: how long it boots, how fast it dirties."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Lock: TypeAlias = Literal["", "backup", "create"]


class Guest(Struct, frozen=True, kw_only=True):
    """One VM's behaviour.  None: the default of the profile.

    `home` lists hosts in the order of preference; `after` the VMs that must answer before it starts.
    `licensed` names the hosts for which its software is licensed; empty: nobody said.
    `start_failures` is how many starts go wrong before one works (-1: all of them).
    """

    boot_s: float | None = None
    used_mib: float | None = None
    dirty_mib_s: float = 0.0
    working_set_mib: float | None = None
    home: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    licensed: tuple[str, ...] = ()
    container: bool = False
    start_failures: int = 0
    migration_fails: bool = False
    lock: Lock = ""
    absent: bool = False
    error: bool = False
    max_restart: int | None = None
    max_relocate: int | None = None
    passthrough: bool = False
    local_media: bool = False
    cpu_pinned: bool = False
    local_swap: bool = False
    ft_logging_mbit: float = 20.0  # below 20 Mbit/s for several real applications: VMware 4 FT paper p. 14


PLAIN = Guest()
