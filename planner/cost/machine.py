"""A host as a buyer counts it: sockets, cores, memory, watts; and a fleet of such hosts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from planner.estate import Host


class Machine(Struct, frozen=True, kw_only=True):
    """One kind of host.  What is None is taken from the price book's rows for any host."""

    name: str
    sockets: int
    cores: int
    memory_mib: int
    cpu_mhz: float = 0.0
    idle_w: Decimal | None = None
    full_w: Decimal | None = None
    rack_units: Decimal | None = None
    embodied_kg: Decimal | None = None

    @property
    def cpus(self) -> list[int]:
        """The cores of each CPU, as evenly as they go."""
        share, rest = divmod(self.cores, self.sockets)
        return [share + 1] * rest + [share] * (self.sockets - rest)


class Batch(Struct, frozen=True, kw_only=True):
    """So many hosts of one kind; `bought` of them have to be paid."""

    machine: Machine
    count: int
    bought: int = 0


def machine_of(host: Host) -> Machine:
    """Take a host of the estate as a kind; hosts of one model and size are of one kind."""
    return Machine(
        name=host.model or "unnamed model",
        sockets=host.sockets,
        cores=host.cores,
        memory_mib=host.memory_mib,
        cpu_mhz=host.cpu_mhz,
    )


def batches_of(hosts: Sequence[Host], bought: frozenset[str] = frozenset()) -> tuple[Batch, ...]:
    """Group hosts by kind, in the order of their names; only those in `bought` have to be paid.

    >>> esx = [Host(name=f"esx{n}", sockets=2, cores=16, cpu_mhz=2700, memory_mib=262144) for n in range(3)]
    >>> [(batch.count, batch.machine.cpus) for batch in batches_of(esx)]
    [(3, [8, 8])]
    """
    counts: dict[Machine, int] = {}
    paid: dict[Machine, int] = {}
    for host in hosts:
        kind = machine_of(host)
        counts[kind] = counts.get(kind, 0) + 1
        paid[kind] = paid.get(kind, 0) + (host.name in bought)
    ordered = sorted(counts, key=lambda kind: (kind.name, kind.cores, kind.memory_mib, kind.sockets))
    return tuple(Batch(machine=kind, count=counts[kind], bought=paid[kind]) for kind in ordered)


def each_host(batches: Sequence[Batch]) -> list[Machine]:
    """List the hosts one by one."""
    return [batch.machine for batch in batches for _ in range(batch.count)]
