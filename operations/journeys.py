"""What moved in a run, and each host that was emptied: order, how many at once, how long, what stayed."""

from __future__ import annotations

from msgspec import Struct

from operations import vm_event as v
from operations.event import Event
from operations.exposure import stuck
from operations.policy import Policies
from operations.state import ClusterState
from planner.sentence import Sentence


class Journey(Struct, frozen=True, kw_only=True):
    """One VM that left a host; by migration, or restarted elsewhere (`seconds` None)."""

    vm: str
    host: str
    began_s: float
    seconds: float | None = None


class Stay(Struct, frozen=True, kw_only=True):
    """One VM that could not leave."""

    vm: str
    why: Sentence


class Emptied(Struct, frozen=True, kw_only=True):
    """One emptying: `seconds` is None where the host was not empty at the end; journeys in their order."""

    host: str
    began_s: float
    seconds: float | None
    at_once: int
    journeys: tuple[Journey, ...]
    stays: tuple[Stay, ...]
    weaker: tuple[Sentence, ...]


class Moved(Struct, frozen=True, kw_only=True):
    """All live migrations of a run."""

    count: int
    failed: int
    longest_stop_ms: float
    lost_pings: int
    sent_mib: float


class _Emptying:
    """One emptying under way."""

    def __init__(self, host: str, began_s: float, weaker: tuple[Sentence, ...]) -> None:
        self.host, self.began_s, self.weaker = host, began_s, weaker
        self.seconds: float | None = None
        self.under_way: dict[str, float] = {}
        self.at_once = 0
        self.journeys: list[Journey] = []


class Journeys:
    """Follows the events of one run."""

    def __init__(self) -> None:
        self._weaker: dict[str, list[Sentence]] = {}
        self._emptyings: list[_Emptying] = []
        self._open: dict[str, _Emptying] = {}
        self._moved: list[v.Migrated] = []
        self._failed = 0

    def take(self, event: Event) -> None:
        """See one event."""
        match event:
            case v.Preflight():
                self._weaker.setdefault(event.subject, []).append(event.text)
            case v.Emptying():
                weaker = tuple(self._weaker.pop(event.subject, ()))
                self._open[event.subject] = _Emptying(event.subject, event.at_s, weaker)
                self._emptyings.append(self._open[event.subject])
            case v.MaintenanceOn() if event.subject in self._open:
                self._open.pop(event.subject).seconds = event.seconds
            case v.MaintenanceOff():
                self._open.pop(event.subject, None)
            case _:
                self._take_of_vm(event)

    def _take_of_vm(self, event: Event) -> None:
        match event:
            case v.Migrating() if event.source in self._open:
                one = self._open[event.source]
                one.under_way[event.subject] = event.at_s
                one.at_once = max(one.at_once, len(one.under_way))
            case v.Migrated():
                self._moved.append(event)
                self._left(event.source, event.subject, event.host, event.seconds)
            case v.MigrationFailed():
                self._failed += 1
                if event.source in self._open:
                    self._open[event.source].under_way.pop(event.subject, None)
            case v.VmOff() if event.moved and event.host in self._open:
                self._open[event.host].under_way[event.subject] = event.at_s
            case v.VmRestarting():
                self._restarted(event)

    def _left(self, source: str, vm: str, host: str, seconds: float | None) -> None:
        one = self._open.get(source)
        if one is not None and vm in one.under_way:
            began_s = one.under_way.pop(vm)
            one.journeys.append(Journey(vm=vm, host=host, began_s=began_s, seconds=seconds))

    def _restarted(self, event: v.VmRestarting) -> None:
        for one in tuple(self._open.values()):
            if event.subject in one.under_way:
                self._left(one.host, event.subject, event.host, None)

    def moved(self) -> Moved:
        """All live migrations so far."""
        return Moved(
            count=len(self._moved),
            failed=self._failed,
            longest_stop_ms=max((one.downtime_ms for one in self._moved), default=0.0),
            lost_pings=sum(one.lost_pings for one in self._moved),
            sent_mib=sum(one.sent_mib for one in self._moved),
        )

    def emptied(self, state: ClusterState, policies: Policies) -> tuple[Emptied, ...]:
        """Each emptying; of those that are not over, what stays and why, as the state is now."""
        return tuple(
            Emptied(
                host=one.host,
                began_s=one.began_s,
                seconds=one.seconds,
                at_once=one.at_once,
                journeys=tuple(sorted(one.journeys, key=lambda journey: (journey.began_s, journey.vm))),
                stays=_stays(state, policies, one.host) if one.host in self._open else (),
                weaker=one.weaker,
            )
            for one in self._emptyings
        )


def _stays(state: ClusterState, policies: Policies, host: str) -> tuple[Stay, ...]:
    waits = Sentence("it waits for room or its turn")
    vms = (state.vms[name] for name in state.hosts[host].vms)
    return tuple(Stay(vm=vm.name, why=stuck(state, policies, vm) or waits) for vm in vms)
