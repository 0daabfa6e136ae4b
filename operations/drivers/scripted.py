"""The simulated world's misfortunes: what a script lets happen, and what follows from it by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from operations import event as e
from operations import vm_event as v
from operations.drivers.agenda import SCRIPT, Agenda
from operations.drivers.migrating import MigratingWorld
from operations.event import Event
from operations.instruction import ASKED, Instruction, Verb
from operations.policy import Policies
from operations.state import NO_RESTART, ClusterState, HostState, VmState
from planner.sentence import Sentence

IDLE_ROUNDS: Final = 60  # pve-ha-manager: a node that has no service any more goes idle after that
STANDS: Final = Sentence("it is so already")
JOINED: Final = Sentence("its networks are back")


class ScriptedWorld:
    """Lets instructions happen."""

    def __init__(
        self, state: ClusterState, policies: Policies, agenda: Agenda, moving: MigratingWorld
    ) -> None:
        self._state = state
        self._policies = policies
        self._agenda = agenda
        self._moving = moving
        self._starts_failed: dict[str, int] = {}
        self._without_quorum: dict[str, float] = {}
        self._plays: dict[str, Callable[[Instruction], Event | None]] = {
            "fail": self._fail,
            "repair": self._repair,
            "cut": self._cut,
            "isolate": self._cut,
            "join": self._join,
            "part": self._part,
            "heal": self._heal,
            "fail-group": self._each_of_group,
            "repair-group": self._each_of_group,
            "lose-path": self._lose_path,
            "restore-path": self._restore_path,
            "apd": self._lose_storage,
            "pdl": self._lose_storage,
            "restore-storage": self._restore_storage,
            "fill": self._fill,
            "free": self._free,
            "hang": self._hang,
            "crash": self._crash,
            "record-fail": self._record,
            "record-work": self._record,
            "load": self._load,
        }

    def play(self, instruction: Instruction) -> Event | None:
        """Let one line of the script happen."""
        if instruction.verb in ASKED:
            subject, *rest = instruction.names or ("cluster",)
            return e.Asked(self._now, subject, 0, instruction.verb, rest[-1] if rest else "")
        return self._plays[instruction.verb](instruction)

    @property
    def _now(self) -> float:
        return self._agenda.now

    def _ignored(self, subject: str) -> Event:
        return e.Ignored(self._now, subject, 0, STANDS)

    # -- hosts

    def gone(self, host: HostState) -> None:
        """Let follow what follows when a host stops: second copies take over, migrations to it end.

        Called just before the event, whose number will be the next.
        """
        number = self._state.number + 1
        for name in host.vms:
            vm = self._state.vms[name]
            if vm.ft and vm.phase == "running" and vm.secondary is not None:
                gap_s = self._policies.timings.ft_gap_ms / 1000.0
                self._agenda.push(self._now + gap_s, self._take_over, (name, host.name, number))
        self._moving.host_gone(host.name, number)
        self._agenda.push(self._now, self._look_again, None)

    def _take_over(self, subject: tuple[str, str, int]) -> Event | None:
        name, source, number = subject
        vm = self._state.vms[name]
        if vm.phase != "failover" or vm.secondary is None:
            return None
        gap_ms = self._policies.timings.ft_gap_ms
        return v.FtFailover(self._now, name, number, source, vm.secondary, gap_ms)

    def _fail(self, instruction: Instruction) -> Event:
        host = self._state.hosts[instruction.names[0]]
        if not host.powered:
            return self._ignored(host.name)
        self.gone(host)
        why = Sentence("power lost; VMs with it: {count}", {"count": len(host.vms)})
        return e.HostFailed(self._now, host.name, 0, why)

    def _repair(self, instruction: Instruction) -> Event:
        return self.back(instruction.names[0]) or self._ignored(instruction.names[0])

    def back(self, name: str) -> Event | None:
        """Let a host be there again; None if it never was away."""
        host = self._state.hosts[name]
        if host.powered and host.connected:
            return None
        self._agenda.push(self._now, self._look_again, None)
        if host.powered:
            return e.HostJoined(self._now, name, 0, JOINED)
        waits = self._policies.ha.fencing == "watchdog" and host.verdict == "dead"
        return e.HostBack(self._now, name, 0, waits)

    def _cut(self, instruction: Instruction) -> Event:
        host = self._state.hosts[instruction.names[0]]
        if not host.powered or not host.connected:
            return self._ignored(host.name)
        self._agenda.push(self._now, self._look_again, None)
        self._moving.look_at_links()
        return e.HostCut(self._now, host.name, 0, instruction.verb == "cut")

    def _join(self, instruction: Instruction) -> Event:
        host = self._state.hosts[instruction.names[0]]
        if not host.powered or host.connected:
            return self._ignored(host.name)
        self._agenda.push(self._now, self._look_again, None)
        return e.HostJoined(self._now, host.name, 0, JOINED)

    def _part(self, instruction: Instruction) -> Event:
        groups = tuple(sorted(instruction.groups, key=lambda names: (-len(names), names)))
        self._agenda.push(self._now, self._look_again, None)
        self._moving.look_at_links()
        words = " | ".join(" ".join(names) for names in groups)
        return e.NetworkParted(self._now, "network", 0, words, groups)

    def _heal(self, _: Instruction) -> Event:
        self._agenda.push(self._now, self._look_again, None)
        return e.NetworkHealed(self._now, "network", 0)

    def _each_of_group(self, instruction: Instruction) -> Event | None:
        if not instruction.groups[0]:
            why = Sentence("no host hangs on it alone")
            return e.Ignored(self._now, instruction.names[0], 0, why)
        verb: Verb = "fail" if instruction.verb == "fail-group" else "repair"
        for name in instruction.groups[0]:
            self._agenda.push(self._now, self.play, Instruction(self._now, verb, (name,)), SCRIPT)
        return None

    # -- quorum and watchdogs

    def _look_again(self, _: object) -> None:
        self.look_for_quorum()

    def look_for_quorum(self) -> None:
        """Wind the watchdog of every host with VMs that no longer belongs to a majority."""
        if self._policies.ha.fencing != "watchdog" or not self._policies.ha.enabled:
            return
        for name, host in self._state.hosts.items():
            alone = host.powered and not (host.connected and self._state.majority(host.group))
            if not alone:
                self._without_quorum.pop(name, None)
            elif name not in self._without_quorum and self._is_guarded(host):
                self._without_quorum[name] = self._now
                at_s = self._now + self._policies.timings.watchdog_s
                self._agenda.push(at_s, self._bite, (name, self._now, self._state.number))

    def _is_guarded(self, host: HostState) -> bool:
        """Whether HA is active on a host: it runs VMs, has one that is stopped, or had one a while ago."""
        if host.vms or host.idle_since is None:
            return bool(host.vms)
        idle_s = IDLE_ROUNDS * self._policies.timings.local_retry_s
        stopped = (vm for vm in self._state.vms.values() if vm.host is None and vm.tier != NO_RESTART)
        return self._now - host.idle_since <= idle_s or any(vm.last_host == host.name for vm in stopped)

    def _bite(self, subject: tuple[str, float, int]) -> Event | None:
        name, since, number = subject
        host = self._state.hosts[name]
        if self._without_quorum.get(name) != since or not host.powered:
            return None
        self.gone(host)
        return e.HostOff(self._now, name, number, Sentence("by its watchdog, it saw no majority"))

    # -- storage

    def _lose_path(self, instruction: Instruction) -> Event:
        host, name, path = instruction.names
        store = self._state.datastores[name]
        known = store.paths.get(host, ())
        if path not in known:
            return self._ignored(host)
        if len(known) == 1:
            self._agenda.push(self._now, self._all_paths_down, (host, name, self._state.number + 1))
        return e.PathLost(self._now, host, 0, name, path, len(known) - 1)

    def _all_paths_down(self, subject: tuple[str, str, int]) -> Event:
        host, name, number = subject
        return e.StorageLost(self._now, host, number, name, "APD")

    def _restore_path(self, instruction: Instruction) -> Event:
        host, name, path = instruction.names
        if path in self._state.datastores[name].paths.get(host, ()):
            return self._ignored(host)
        if name in self._state.hosts[host].storage_lost:
            self._agenda.push(self._now, self._storage_back, (host, name, self._state.number + 1))
        return e.PathBack(self._now, host, 0, name, path)

    def _storage_back(self, subject: tuple[str, str, int]) -> Event:
        host, name, number = subject
        return e.StorageBack(self._now, host, number, name)

    def _lose_storage(self, instruction: Instruction) -> Event:
        host, name = instruction.names
        if name in self._state.hosts[host].storage_lost:
            return self._ignored(host)
        return e.StorageLost(self._now, host, 0, name, "APD" if instruction.verb == "apd" else "PDL")

    def _restore_storage(self, instruction: Instruction) -> Event:
        host, name = instruction.names
        if name not in self._state.hosts[host].storage_lost:
            return self._ignored(host)
        return e.StorageBack(self._now, host, 0, name)

    def _fill(self, instruction: Instruction) -> Event:
        name = instruction.names[0]
        if self._state.datastores[name].full:
            return self._ignored(name)
        return e.DatastoreFull(self._now, name, 0)

    def _free(self, instruction: Instruction) -> Event:
        name = instruction.names[0]
        if not self._state.datastores[name].full:
            return self._ignored(name)
        return e.DatastoreFreed(self._now, name, 0)

    # -- VMs

    def _hang(self, instruction: Instruction) -> Event:
        vm = self._state.vms[instruction.names[0]]
        if vm.phase != "running":
            return self._ignored(vm.name)
        return v.VmHung(self._now, vm.name, 0, Sentence("its guest no longer answers"))

    def _crash(self, instruction: Instruction) -> Event:
        vm = self._state.vms[instruction.names[0]]
        if vm.host is None or vm.phase == "starting":
            return self._ignored(vm.name)
        return v.VmOff(self._now, vm.name, 0, Sentence("its process died"), vm.host)

    def _load(self, instruction: Instruction) -> Event:
        return e.DemandChanged(self._now, instruction.names[0], 0, instruction.number)

    def _record(self, instruction: Instruction) -> Event:
        if instruction.verb == "record-fail":
            return e.RecordLost(self._now, "cluster", 0)
        return e.RecordBack(self._now, "cluster", 0)

    def start_failure(self, vm: VmState) -> Sentence | None:
        """Why this start goes wrong; None when it works."""
        guest = vm.guest
        if guest.absent:
            return Sentence("its files are not there")
        if guest.lock == "create":
            return Sentence("locked (create)")
        failed = self._starts_failed.get(vm.name, 0)
        if guest.start_failures < 0 or failed < guest.start_failures:
            self._starts_failed[vm.name] = failed + 1
            return Sentence("the hypervisor reports an error")
        return None
