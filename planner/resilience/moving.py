"""What a migration costs, and in which order migrations can be done so that everything holds on the way.

A VM that moves takes its memory on both hosts until it has arrived.  The cost is that of
docs/formulas/migration.md for a VM that dirties nothing (a floor) and stops as long as its downtime
limit allows (a ceiling): how fast a VM dirties its memory no export tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from planner.estate import VM, Host
from planner.resilience.ground import Ground, may_take, put
from planner.sentence import Sentence

# The figures of operations.timings and docs/formulas/migration.md; tests hold the two together.
SETUP_S: Final = 0.57  # median of 76 measured QEMU migrations
DEVICE_MS: Final = 20.0  # fixed part of the stop, fitted on 70 measured runs
ANNOUNCE_MS: Final = 57.0  # resume and announce until a ping answers, median
DOWNTIME_LIMIT_MS: Final = 300.0  # QEMU's default
PING_INTERVAL_S: Final = 1.0
LINE_SHARE: Final = 0.94  # of the nominal speed, after the frames of Ethernet, IP and TCP
MBIT_PER_MIB: Final = 8.388608
ASSUMED_MBIT: Final = 10_000  # where the estate tells no speed: an assumption that is said

LINK_ASSUMED: Final = Sentence(
    "where no NIC speed is known a migration is reckoned at {mbit} Mbit/s", {"mbit": ASSUMED_MBIT}
)


class Cost(Struct, frozen=True, kw_only=True):
    """What one migration costs: the memory sent at least, its time at least, the pings lost at most.

    `lost_pings` is an expectation at one ping a second.
    """

    memory_mib: int
    seconds: float
    lost_pings: float


class Move(Struct, frozen=True, kw_only=True):
    """One migration.  Those of one `stage` can run at once; a later stage needs the room of before."""

    vm: str
    source: str
    target: str
    stage: int
    cost: Cost
    reason: Sentence


class Step(Struct, frozen=True, kw_only=True):
    """A row that goes from one host to another, as rows and columns of the arrays."""

    row: int
    source: int
    target: int
    stage: int = 1


def cost_of(vm: VM, source: Host, target: Host) -> Cost:
    """Say what one migration costs.

    Args:
        vm: its measured memory counts, else the configured one.
        source, target: the slower of their fastest NICs carries it.

    Source: Clark et al., NSDI 2005; QEMU's stop rule; docs/formulas/migration.md.

    >>> from planner.estate import Nic
    >>> nic = (Nic(device="vmnic0", speed_mbit=10_000),)
    >>> host = Host(name="h", sockets=1, cores=8, cpu_mhz=0, memory_mib=1024, nics=nic)
    >>> cost = cost_of(VM(name="v", power="on", vcpus=1, memory_mib=32_000, disk_mib=0), host, host)
    >>> round(cost.seconds, 1), round(cost.lost_pings, 3)
    (29.1, 0.377)
    """
    memory = vm.memory_mib if vm.memory_demand_mib is None else min(vm.memory_demand_mib, vm.memory_mib)
    speed = min(link_mbit(host) or ASSUMED_MBIT for host in (source, target))
    seconds = SETUP_S + memory / (speed * LINE_SHARE / MBIT_PER_MIB) + DEVICE_MS / 1000
    stop_ms = min(DOWNTIME_LIMIT_MS, (seconds - SETUP_S) * 1000) + DEVICE_MS + ANNOUNCE_MS
    return Cost(memory_mib=memory, seconds=seconds, lost_pings=stop_ms / 1000 / PING_INTERVAL_S)


def link_mbit(host: Host) -> int | None:
    """Give the speed of a host's fastest NIC that is up; None where none is known."""
    return max((nic.speed_mbit for nic in host.nics if nic.speed_mbit and nic.up is not False), default=None)


def moves_of(ground: Ground, steps: Sequence[Step], reasons: Sequence[Sentence]) -> tuple[Move, ...]:
    """Name the steps; VMs that stay together are a move each."""
    return tuple(
        Move(
            vm=name,
            source=ground.hosts[step.source].name,
            target=ground.hosts[step.target].name,
            stage=step.stage,
            cost=cost_of(_vm(ground, name), ground.hosts[step.source], ground.hosts[step.target]),
            reason=reason,
        )
        for step, reason in zip(steps, reasons, strict=True)
        for name in ground.names(step.row)
    )


def _vm(ground: Ground, name: str) -> VM:
    """Give the VM of a copy; an FT secondary that is not listed is as large as its primary."""
    if name in ground.vms:
        return ground.vms[name]
    load = ground.tables.load
    return ground.vms[load.vms[load.names.index(name)]]


def staged(ground: Ground, steps: Sequence[Step]) -> list[Step]:
    """Number the steps so that those of a stage need no room that another of the same stage gives free.

    The order is kept; each step was found valid after those before it.
    """
    room, present = ground.room(), ground.present()
    leaving: list[Step] = []
    stage = 1
    numbered = []
    for step in steps:
        if leaving and not may_take(ground.standing, step.row, room, present)[step.target]:
            _release(ground, leaving, room, present)
            leaving, stage = [], stage + 1
        if leaving and any(step.row == other.row for other in leaving):
            _release(ground, leaving, room, present)
            leaving, stage = [], stage + 1
        put(ground.standing, step.row, step.target, room, present)
        leaving.append(step)
        numbered.append(Step(row=step.row, source=step.source, target=step.target, stage=stage))
    return numbered


def _release(ground: Ground, leaving: Sequence[Step], room: np.ndarray, present: np.ndarray) -> None:
    """Free the sources of a stage that is over."""
    for step in leaving:
        put(ground.standing, step.row, step.source, room, present, -1)


def ordered(ground: Ground, wanted: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """Bring steps into an order in which each is valid when it begins; give also those that never are.

    Each stage takes every step that is valid beside those it took before; their sources are free when
    the stage is over.
    """
    room, present = ground.room(), ground.present()
    waiting, done, stage = list(wanted), [], 1
    while waiting:
        taken, rest = [], []
        for step in waiting:
            if may_take(ground.standing, step.row, room, present)[step.target]:
                put(ground.standing, step.row, step.target, room, present)
                taken.append(Step(row=step.row, source=step.source, target=step.target, stage=stage))
            else:
                rest.append(step)
        if not taken:
            break
        _release(ground, taken, room, present)
        done += taken
        waiting, stage = rest, stage + 1
    return done, waiting
