"""What is priced: the hosts of each year on one platform, the VMs on them, and what changes to get there."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from planner.cost.features import Use
from planner.cost.machine import Batch, Machine, each_host
from planner.cost.platforms import Choice


class Year(Struct, frozen=True, kw_only=True):
    """One year's hosts and load.

    `batches[].bought` are bought at the start of this year.  `windows` and `rhel` tell for each host
    how many such VMs may run on it at once, `sql` and `oracle` whether one ever may (1 or 0).
    `utilisation_percent` None: nothing was measured.
    """

    batches: tuple[Batch, ...]
    vms: int
    vcpus: int
    memory_gib: Decimal
    storage_tib: Decimal = Decimal(0)
    windows: tuple[int, ...] = ()
    rhel: tuple[int, ...] = ()
    sql: tuple[int, ...] = ()
    oracle: tuple[int, ...] = ()
    utilisation_percent: Decimal | None = None

    @property
    def machines(self) -> list[Machine]:
        """Every host, one by one."""
        return each_host(self.batches)

    @property
    def hosts(self) -> int:
        """How many hosts there are."""
        return sum(batch.count for batch in self.batches)

    @property
    def bought(self) -> int:
        """How many of them are bought at the start of the year."""
        return sum(batch.bought for batch in self.batches)

    @property
    def cores(self) -> int:
        """Physical cores of all hosts."""
        return sum(batch.count * batch.machine.cores for batch in self.batches)

    @property
    def cpus(self) -> list[list[int]]:
        """The cores of each CPU of each host."""
        return [machine.cpus for machine in self.machines]


class Design(Struct, frozen=True, kw_only=True):
    """One way to run an estate.  `key` is stable, `name` what a reader calls it.

    `moved_vms` have to be migrated, which costs work; `new_platform` means that people have to learn it.
    `physical` counts administrators by server instead of by VM.
    """

    key: str
    name: str
    choice: Choice
    years: tuple[Year, ...]
    uses: tuple[Use, ...] = ()
    moved_vms: int = 0
    new_platform: bool = False
    physical: bool = False

    def year(self, number: int) -> Year:
        """The fleet of a year counted from 0; the last one stays."""
        return self.years[min(number, len(self.years) - 1)]

    def bought(self, number: int) -> tuple[Batch, ...]:
        """What is bought at the start of a year; a fleet that stays is bought once."""
        if number >= len(self.years):
            return ()
        return tuple(batch for batch in self.years[number].batches if batch.bought)
