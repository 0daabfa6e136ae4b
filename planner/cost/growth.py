"""The load of a later year: more VMs of the mix that runs today."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from planner.estate import VM


def growth_factor(percent: Decimal, year: int) -> Decimal:
    """How many times today's load there is in a year counted from 0.

    >>> growth_factor(Decimal(20), 2)
    Decimal('1.44')
    """
    return (1 + percent / 100) ** year


def grown(vms: Sequence[VM], factor: Decimal) -> tuple[VM, ...]:
    """Add copies of running VMs, taken evenly from all of them, or take some away.

    The number of running VMs is today's times the factor, rounded up.  Copies are in no rule; an FT
    pair is copied as a pair.

    >>> one = VM(name="a", power="on", vcpus=2, memory_mib=4096, disk_mib=0)
    >>> [vm.name for vm in grown([one, replace(one, name="b")], Decimal("1.5"))]
    ['a', 'b', 'a (growth 1)']
    """
    running = [vm for vm in vms if vm.is_load and vm.ft != "secondary"]
    wanted = math.ceil(len(running) * factor)
    if wanted >= len(running):
        return (*vms, *_copies(running, wanted - len(running)))
    kept = {running[row * len(running) // wanted].name for row in range(wanted)}
    dropped = {vm.name for vm in running} - kept
    return tuple(vm for vm in vms if vm.name not in dropped)


def _copies(running: Sequence[VM], count: int) -> list[VM]:
    return [
        replace(original, name=f"{original.name} (growth {row + 1})", id=None, uuid=None)
        for row in range(count)
        for original in [running[row * len(running) // count % len(running)]]
    ]
