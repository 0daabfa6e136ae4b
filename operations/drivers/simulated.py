"""A world in virtual time: what a script says happens, and every action takes as long as it should.

One queue holds what will happen, ordered by time, then rank (script, results, wakes), then the order of
entry; so a run is the same to the byte.  What comes due is checked against the state first: an action
whose host died meanwhile never ends.  The state is read here, never changed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from operations import action as a
from operations import event as e
from operations import vm_event as v
from operations.drivers.agenda import HORIZON_S, OPENING, SCRIPT, WAKE, Agenda
from operations.drivers.migrating import MigratingWorld
from operations.drivers.scripted import ScriptedWorld
from operations.event import Event
from operations.guest import PLAIN
from operations.instruction import Instruction
from operations.policy import Policies
from operations.state import ClusterState
from planner.sentence import Sentence


class SimulatedDriver:
    """Plays a script and simulates every action."""

    def __init__(
        self,
        state: ClusterState,
        policies: Policies,
        script: Iterable[Instruction] = (),
        until_s: float | None = None,
    ) -> None:
        self._state = state
        self._policies = policies
        self._until_s = HORIZON_S if until_s is None else until_s
        self._is_bounded = until_s is not None
        self._agenda = Agenda()
        self._push = self._agenda.push
        self._periodic = 0
        self._moving = MigratingWorld(state, policies, self._agenda)
        self._scripted = ScriptedWorld(state, policies, self._agenda, self._moving)
        self._begin: dict[type[a.Action], Callable[[Any], None]] = {
            a.Wake: self._wake,
            a.StartVm: self._start,
            a.StopVm: self._stop,
            a.ResetVm: self._reset,
            a.FenceHost: self._fence,
            a.PowerOffHost: self._power_off,
            a.PowerOnHost: self._power_on,
            a.MigrateVm: self._moving.migrate,
            a.MigrateStorage: self._moving.migrate_storage,
            a.SeedSecondary: self._moving.seed,
        }
        self._push(0.0, self._open, None, OPENING)
        for instruction in script:
            self._push(instruction.at_s, self._scripted.play, instruction, SCRIPT)

    # -- the port

    def begin(self, action: a.Action) -> None:
        """Begin an action; its end comes out of `events`."""
        self._begin[type(action)](action)

    def events(self) -> Iterator[Event]:
        """Yield what happens until nothing more will, or the run's end is reached."""
        agenda, until_s, pop = self._agenda, self._until_s, heapq.heappop
        queue = agenda.queue
        while queue and queue[0][0] <= until_s and (self._is_bounded or len(queue) > self._periodic):
            agenda.now, _, _, due, subject = pop(queue)  # as `Agenda.pop` does, without a call
            event = due(subject)
            if event is not None:
                yield event

    def next_at_s(self) -> float | None:
        """When the next thing comes due; None when nothing more will within the run."""
        queue = self._agenda.queue
        if not queue or queue[0][0] > self._until_s:
            return None
        return queue[0][0] if self._is_bounded or len(queue) > self._periodic else None

    def step(self) -> Event | None:
        """Let the next thing happen."""
        return self._agenda.pop()

    @property
    def now(self) -> float:
        """Virtual time."""
        return self._agenda.now

    def _open(self, _: None) -> Event:
        self._scripted.look_for_quorum()
        if any(host.is_cut or host.group for host in self._state.hosts.values()):
            self._moving.look_at_links()
        return e.RunBegun(
            0.0, "cluster", 0, self._policies.product, len(self._state.hosts), len(self._state.vms)
        )

    # -- wakes

    def _wake(self, action: a.Wake) -> None:
        self._periodic += action.periodic
        self._push(self._agenda.now + action.delay_s, self._woke, action, WAKE)

    def _woke(self, action: a.Wake) -> Event:
        self._periodic -= action.periodic
        return e.Woke(self._agenda.now, action.subject, action.cause, action.purpose, action.since)

    # -- VMs

    def _start(self, action: a.StartVm) -> None:
        self._push(self._agenda.now + self._policies.timings.start_s, self._started, action)

    def _started(self, action: a.StartVm) -> Event | None:
        vm = self._state.vms[action.vm]
        if vm.activity != action.cause:
            return None
        guest = vm.guest
        if guest is not PLAIN and (why := self._scripted.start_failure(vm)) is not None:
            return v.StartFailed(self._agenda.now, action.vm, action.cause, why, action.host)
        boot_s = self._policies.timings.boot_s if guest.boot_s is None else guest.boot_s
        self._push(self._agenda.now + boot_s, self._up, action)
        return v.VmStarted(self._agenda.now, action.vm, action.cause, action.host)

    def _up(self, action: a.StartVm | a.ResetVm) -> Event | None:
        vm = self._state.vms[action.vm]
        if vm.activity != action.cause or vm.host is None or vm.phase != "booting":
            return None
        return v.VmUp(self._agenda.now, action.vm, action.cause, vm.host, self._agenda.now - vm.down_at)

    def _reset(self, action: a.ResetVm) -> None:
        guest = self._state.vms[action.vm].guest
        boot_s = self._policies.timings.boot_s if guest.boot_s is None else guest.boot_s
        self._push(self._agenda.now + boot_s, self._up, action)

    def _stop(self, action: a.StopVm) -> None:
        takes = self._policies.timings.guest_shutdown_s if action.clean else 0.0
        self._push(self._agenda.now + takes, self._stopped, action)

    def _stopped(self, action: a.StopVm) -> Event | None:
        vm = self._state.vms[action.vm]
        if vm.host != action.host:
            return None
        moved = action.reason == "evacuation"
        return v.VmOff(
            self._agenda.now,
            vm.name,
            action.cause,
            _WHY_OFF[action.reason],
            action.host,
            action.reason != "asked",
            moved,
        )

    # -- hosts

    def _fence(self, action: a.FenceHost) -> None:
        times = self._policies.timings
        if action.method == "power":
            self._push(self._agenda.now + times.fence_s, self._fenced, action)
        elif action.method == "watchdog":
            is_free = self._state.hosts[action.host].asked_off  # it gave its lock back
            at_s = self._agenda.now if is_free else max(self._agenda.now, action.silent_at + times.lock_s)
            self._push(at_s, self._fenced, action)
        else:
            self._push(self._agenda.now, self._fenced, action)

    def _fenced(self, action: a.FenceHost) -> Event | None:
        host = self._state.hosts[action.host]
        if host.verdict != "dead":
            return None
        if action.method == "watchdog" and not any(map(self._state.majority, self._state.primaries)):
            return None  # nobody may take its lock: the next primary asks again
        if action.method == "none":
            why = Sentence("nobody can make sure that it stopped")
            return e.FenceFailed(self._agenda.now, host.name, action.cause, why)
        if action.method == "lock" and host.powered and host.vms:
            why = Sentence("it has power and may still run its VMs")
            return e.FenceFailed(self._agenda.now, host.name, action.cause, why)
        if host.powered and not host.returned:
            self._scripted.gone(host)
        why = _WHY_FENCED[action.method]
        return e.HostFenced(self._agenda.now, host.name, action.cause, why)

    def _power_off(self, action: a.PowerOffHost) -> None:
        self._push(self._agenda.now, self._off, action)

    def _off(self, action: a.PowerOffHost) -> Event | None:
        host = self._state.hosts[action.host]
        if not host.powered:
            return None
        if action.back:
            self._push(
                self._agenda.now + self._policies.timings.host_reboot_s, self._scripted.back, host.name
            )
        self._scripted.gone(host)
        why = Sentence("to restart") if action.back else Sentence("as asked for")
        why = Sentence("to save energy") if action.standby else why
        ha = self._policies.ha
        waited_for = ha.enabled and ha.quorum and ha.shutdown == "failover" and not action.standby
        return e.HostOff(
            self._agenda.now,
            host.name,
            action.cause,
            why,
            action.standby,
            planned=True,
            waited_for=waited_for,
        )

    def _power_on(self, action: a.PowerOnHost) -> None:
        self._push(self._agenda.now + self._policies.timings.host_wake_s, self._scripted.back, action.host)


_WHY_OFF: Final = {
    "isolation": Sentence("its host is isolated"),
    "storage": Sentence("its storage is gone"),
    "asked": Sentence("as asked for"),
    "evacuation": Sentence("to start elsewhere"),
}
_WHY_FENCED: Final = {
    "lock": Sentence("its locks on the datastores are free"),
    "power": Sentence("switched off by its management board"),
    "watchdog": Sentence("its watchdog must have stopped it by now"),
}
