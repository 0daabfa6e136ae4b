"""Migrations that share links: as one begins or ends, all others on its hosts speed up or slow down.

A transfer gets the least of what its source and its target have for each of theirs.  Progress is booked
whenever the sharing changes; what ends next is found anew, under a new version number.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from msgspec import Struct

from operations.action import MigrateVm, SeedSecondary
from operations.migration import Copying, MigrationLoad, Outcome
from operations.policy import Policies
from operations.state import ClusterState, VmState

Move: TypeAlias = MigrateVm | SeedSecondary


class Transfer(Struct, eq=False):
    """One migration or seeding under way, past its set-up."""

    move: Move
    source: str
    host: str
    copying: Copying
    begun_s: float
    round_mib: float
    round_began_s: float
    sent_mib: float = 0.0
    rate: float = 0.0
    booked_s: float = 0.0
    version: int = 0
    stopping: bool = False


def load_of(vm: VmState, policies: Policies, *, seeding: bool = False) -> MigrationLoad:
    """What moving a VM means: its used memory, how fast it dirties, and what the policy does about it.

    Seeding a second copy must end, so it slows the guest if it has to.
    """
    limits, times, guest = policies.migration, policies.timings, vm.guest
    demand = vm.row.memory_demand_mib
    used = guest.used_mib if guest.used_mib is not None else demand
    return MigrationLoad(
        memory_mib=float(vm.memory_mib if used is None else min(used, vm.memory_mib)),
        dirty_mib_s=guest.dirty_mib_s,
        working_set_mib=guest.working_set_mib,
        downtime_limit_ms=limits.downtime_limit_ms,
        max_rounds=limits.max_rounds,
        remedy="sdps" if seeding else limits.remedy,
        setup_s=times.migration_setup_s,
        device_ms=times.migration_device_ms,
        announce_ms=times.announce_ms,
        time_out_s=math.inf if seeding else limits.time_out_s,
        cap_mib_s=limits.cap_mib_s,
    )


class Transfers:
    """All transfers past their set-up, by VM."""

    def __init__(self, state: ClusterState, policies: Policies) -> None:
        self._state = state
        self._policies = policies
        self._active: dict[str, Transfer] = {}

    def __contains__(self, transfer: Transfer) -> bool:
        return self._active.get(transfer.move.vm) is transfer

    def of_host(self, host: str) -> list[Transfer]:
        """The transfers from or to a host."""
        return [each for each in self._active.values() if host in (each.source, each.host)]

    def get(self, vm: str) -> Transfer | None:
        """The transfer of a VM."""
        return self._active.get(vm)

    def join(self, move: Move, source: str, begun_s: float, now: float) -> Transfer:
        """Let a transfer begin to send."""
        vm = self._state.vms[move.vm]
        load = load_of(vm, self._policies, seeding=isinstance(move, SeedSecondary))
        transfer = Transfer(
            move=move,
            source=source,
            host=move.host,
            copying=Copying(load),
            begun_s=begun_s,
            round_mib=load.memory_mib,
            round_began_s=now,
            booked_s=now,
        )
        self._active[move.vm] = transfer
        return transfer

    def leave(self, transfer: Transfer) -> None:
        """Take a transfer off its links."""
        if transfer in self:
            del self._active[transfer.move.vm]

    def share(self, now: float) -> list[tuple[Transfer, float]]:
        """Book what was sent, give every transfer its rate anew, and say when each round would end."""
        users: dict[str, int] = {}
        for each in self._active.values():
            self._book(each, now)
            for name in (each.source, each.host):
                users[name] = users.get(name, 0) + 1
        ends: list[tuple[Transfer, float]] = []
        for each in self._active.values():
            if each.stopping:
                continue
            rate = self._rate(each, users)
            if rate != each.rate or not each.version:
                each.rate = rate
                each.version += 1
                ends.append((each, now + (each.round_mib - each.sent_mib) / rate))
        return ends

    def _book(self, transfer: Transfer, now: float) -> None:
        if not transfer.stopping:
            sent = transfer.sent_mib + transfer.rate * (now - transfer.booked_s)
            transfer.sent_mib = min(transfer.round_mib, sent)
        transfer.booked_s = now

    def _rate(self, transfer: Transfer, users: dict[str, int]) -> float:
        rate = self.link_rate(transfer, users)
        cap = transfer.copying.load.cap_mib_s
        return rate if cap is None else min(rate, cap)

    def link_rate(self, transfer: Transfer, users: dict[str, int] | None = None) -> float:
        """What the links alone would give it."""
        hosts = self._state.hosts
        counts = users or {name: max(1, len(self.of_host(name))) for name in (transfer.source, transfer.host)}
        return min(hosts[name].link_mib_s / counts[name] for name in (transfer.source, transfer.host))

    def end_round(self, transfer: Transfer, now: float) -> tuple[Outcome, float]:
        """Close a round; say what comes and when the next round would end."""
        copying = transfer.copying
        seconds = now - transfer.round_began_s
        if copying.rounds == 0 and copying.is_done(transfer.rate):
            outcome: Outcome = "stop"
        else:
            outcome = copying.end_round(transfer.round_mib, seconds, transfer.rate, now - transfer.begun_s)
        transfer.round_mib = copying.left_mib
        transfer.round_began_s = now
        transfer.sent_mib = 0.0
        transfer.booked_s = now
        transfer.version += 1
        transfer.stopping = outcome != "copy"
        return outcome, now + transfer.round_mib / transfer.rate
