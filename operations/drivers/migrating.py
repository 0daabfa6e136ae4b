"""The simulated world's migrations, seedings and copies of disks."""

from __future__ import annotations

from msgspec import Struct

from operations import action as a
from operations import event as e
from operations import vm_event as v
from operations.drivers.agenda import Agenda
from operations.drivers.transfers import Move, Transfer, Transfers
from operations.migration import count_lost_pings
from operations.policy import Policies
from operations.state import ClusterState
from planner.sentence import Sentence, Value


class _Fetching(Struct, frozen=True):
    """A VM that runs on `host` since `since_s` while its memory still comes from `source`."""

    source: str
    host: str
    since_s: float
    until_s: float


class MigratingWorld:
    """Runs transfers: set-up, rounds, stop, arrival."""

    def __init__(self, state: ClusterState, policies: Policies, agenda: Agenda) -> None:
        self._state = state
        self._policies = policies
        self._agenda = agenda
        self._push = agenda.push
        self._transfers = Transfers(state, policies)
        self._fetching: dict[str, _Fetching] = {}

    # -- begin

    def migrate(self, action: a.MigrateVm) -> None:
        """Begin a live migration."""
        now = self._now
        if self._state.vms[action.vm].guest.migration_fails or self._state.vms[action.vm].guest.absent:
            self._push(now + self._policies.timings.migration_setup_s, self._failed, action)
        else:
            self._push(
                now + self._policies.timings.migration_setup_s, self._join, (action, action.source, now)
            )

    def seed(self, action: a.SeedSecondary) -> None:
        """Begin to make a second copy."""
        now = self._now
        self._push(now + self._policies.timings.migration_setup_s, self._join, (action, action.source, now))

    def migrate_storage(self, action: a.MigrateStorage) -> None:
        """Begin to copy disks."""
        seconds = action.size_mib / self._policies.timings.storage_copy_mib_s
        self._push(self._now + seconds, self._copied, (action, seconds))

    # -- go on

    def _is_current(self, move: Move) -> bool:
        """Whether nothing ended the move meanwhile."""
        vm = self._state.vms[move.vm]
        number = vm.activity if isinstance(move, a.MigrateVm) else vm.seed_activity
        return number == move.cause

    def _join(self, subject: tuple[Move, str, float]) -> None:
        move, source, begun_s = subject
        if self._is_current(move):
            self._transfers.join(move, source, begun_s, self._now)
            self._share()

    @property
    def _now(self) -> float:
        return self._agenda.now

    def _share(self) -> None:
        for transfer, at_s in self._transfers.share(self._now):
            self._push(at_s, self._round_over, (transfer, transfer.version))

    def _round_over(self, subject: tuple[Transfer, int]) -> e.Event | None:
        transfer, version = subject
        if transfer not in self._transfers or transfer.version != version:
            return None
        if not self._is_current(transfer.move):
            self._drop(transfer)
            return None
        outcome, at_s = self._transfers.end_round(transfer, self._now)
        if outcome == "copy":
            self._push(at_s, self._round_over, (transfer, transfer.version))
        elif outcome == "stop":
            seconds = transfer.copying.stop_s(self._transfers.link_rate(transfer))
            self._push(self._now + seconds, self._arrived, (transfer, seconds))
        else:
            self._drop(transfer)
            return self._failure(transfer, transfer.copying.why)
        return None

    def _drop(self, transfer: Transfer) -> None:
        self._transfers.leave(transfer)
        self._share()

    def _arrived(self, subject: tuple[Transfer, float]) -> e.Event | None:
        transfer, stop_s = subject
        if transfer not in self._transfers:
            return None
        self._drop(transfer)
        if not self._is_current(transfer.move):
            return None
        move, copying = transfer.move, transfer.copying
        seconds = self._now - transfer.begun_s
        if isinstance(move, a.SeedSecondary):
            return v.FtProtected(self._now, move.vm, move.cause, move.host, seconds)
        if copying.post_copy:
            until_s = self._now + copying.left_mib / transfer.rate
            self._fetching[move.vm] = _Fetching(transfer.source, move.host, self._now, until_s)
        gap_s = stop_s + self._policies.timings.announce_ms / 1000.0
        lost = count_lost_pings(self._now - stop_s, gap_s, self._policies.migration.ping_interval_s)
        return v.Migrated(
            self._now, move.vm, move.cause, transfer.source, move.host, seconds, stop_s * 1000.0, lost,
            copying.sent_mib + copying.left_mib, copying.rounds,
        )  # fmt: skip

    def _copied(self, subject: tuple[a.MigrateStorage, float]) -> e.Event | None:
        action, seconds = subject
        vm = self._state.vms[action.vm]
        if vm.activity != action.cause or vm.host is None:
            return None
        lost = self._state.hosts[vm.host].storage_lost
        for name in (action.source, action.datastore):
            if name in lost:
                why = Sentence("{host} does not reach {datastore}", {"host": vm.host, "datastore": name})
                return v.MigrationFailed(self._now, vm.name, action.cause, why, vm.host, vm.host)
        return v.StorageMoved(self._now, action.vm, action.cause, action.source, action.datastore, seconds)

    # -- fail

    def host_gone(self, host: str, number: int) -> None:
        """Tell of the migrations that end because a host is gone; a VM on its other end runs on.

        A VM whose memory is still being fetched from the host dies with it: the price of post-copy.
        """
        for name in self._state.hosts[host].incoming:
            vm = self._state.vms[name]
            if vm.host is not None and vm.host != host:
                self._push(self._now, self._target_gone, (name, vm.activity, host, number))
        for name, fetching in self._fetching.items():
            if fetching.source == host:
                self._push(self._now, self._memory_gone, (name, number))

    def _memory_gone(self, subject: tuple[str, int]) -> e.Event | None:
        name, number = subject
        vm, fetching = self._state.vms[name], self._fetching[name]
        stayed = vm.host == fetching.host and vm.down_at <= fetching.since_s == vm.moved_at
        if not stayed or vm.phase != "running" or fetching.until_s <= self._now:
            return None
        why = Sentence("part of its memory was still on {host}", {"host": fetching.source})
        return v.VmOff(self._now, name, number, why, fetching.host)

    def look_at_links(self) -> None:
        """Tell, after an event that takes networks away, what goes on no more without them.

        Called just before that event, whose number will be the next.
        """
        self._push(self._now, self._unlinked, self._state.number + 1)

    def _unlinked(self, number: int) -> None:
        state = self._state
        for vm in state.vms.values():
            if vm.host is None:
                continue
            if vm.target is not None and not state.are_linked(vm.host, vm.target):
                self._push(self._now, self._target_unlinked, (vm.name, vm.activity, number))
            for copy in (vm.secondary, vm.seeding):
                if copy is not None and not state.are_linked(vm.host, copy):
                    self._push(self._now, self._copy_unlinked, (vm.name, copy, number))
        for name, fetching in self._fetching.items():
            if not state.are_linked(fetching.source, fetching.host):
                self._push(self._now, self._memory_gone, (name, number))

    def _target_unlinked(self, subject: tuple[str, int, int]) -> e.Event | None:
        name, activity, number = subject
        vm = self._state.vms[name]
        if vm.activity != activity or vm.host is None or vm.target is None:
            return None
        self._forget(name)
        why = Sentence("{source} and {host} have no network between them", _pair(vm.host, vm.target))
        return v.MigrationFailed(self._now, name, number, why, vm.host, vm.target)

    def _copy_unlinked(self, subject: tuple[str, str, int]) -> e.Event | None:
        name, copy, number = subject
        vm = self._state.vms[name]
        if vm.host is None or copy not in (vm.secondary, vm.seeding):
            return None
        if copy == vm.seeding:
            self._forget(name)
        why = Sentence("{source} and {host} have no network between them", _pair(vm.host, copy))
        return v.FtCopyLost(self._now, name, number, why, copy)

    def _forget(self, name: str) -> None:
        transfer = self._transfers.get(name)
        if transfer is not None:
            self._drop(transfer)

    def _target_gone(self, subject: tuple[str, int, str, int]) -> e.Event | None:
        name, activity, host, number = subject
        vm = self._state.vms[name]
        if vm.activity != activity or vm.host is None:
            return None
        self._forget(name)
        return v.MigrationFailed(
            self._now, name, number, Sentence("{host} is gone", {"host": host}), vm.host, host
        )

    def _failed(self, action: a.MigrateVm) -> e.Event | None:
        vm = self._state.vms[action.vm]
        if vm.activity != action.cause or vm.host is None:
            return None
        if vm.guest.absent:
            why = Sentence("it is not on {host}, where the record has it", {"host": vm.host})
        else:
            why = Sentence("the hypervisor reports an error; it runs on where it is")
        return v.MigrationFailed(self._now, vm.name, action.cause, why, vm.host, action.host, vm.guest.absent)

    def _failure(self, transfer: Transfer, why: Sentence) -> e.Event | None:
        move = transfer.move
        if isinstance(move, a.SeedSecondary):
            return None
        return v.MigrationFailed(self._now, move.vm, move.cause, why, transfer.source, move.host)


def _pair(source: str, host: str) -> dict[str, Value]:
    return {"source": source, "host": host}
