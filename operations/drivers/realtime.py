"""The simulated world in real time: another thread takes actions in, every delay is waited for.

For demonstrations, and to show that the engine does not lean on virtual time.  Events carry the time
they were due, so the log is the same as in virtual time, whatever the machine is busy with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from operations.action import Action
from operations.drivers.simulated import SimulatedDriver
from operations.event import Event
from operations.instruction import Instruction
from operations.policy import Policies
from operations.state import ClusterState

WORKERS: Final = 1  # one queue of actions, as a hypervisor's task list: their order is part of the log


class RealTimeDriver:
    """Plays a script `speed` times as fast as life.

    `clock` tells seconds, and is an argument because this package has none.
    """

    def __init__(
        self,
        state: ClusterState,
        policies: Policies,
        script: Iterable[Instruction],
        *,
        clock: Callable[[], float],
        speed: float = 1.0,
        until_s: float | None = None,
    ) -> None:
        self._world = SimulatedDriver(state, policies, script, until_s)
        self._clock = clock
        self._speed = speed
        self._begun: list[Future[None]] = []
        self._stop = threading.Event()

    def begin(self, action: Action) -> None:
        """Hand an action to the worker."""
        self._begun.append(self._pool.submit(self._world.begin, action))

    def events(self) -> Iterator[Event]:
        """Wait for what comes next, and yield it when its time has come."""
        with ThreadPoolExecutor(WORKERS) as self._pool:
            began = self._clock()
            while (at_s := self._next()) is not None:
                self._stop.wait(max(0.0, began + at_s / self._speed - self._clock()))
                if self._stop.is_set():
                    return
                event = self._world.step()
                if event is not None:
                    yield event

    def stop(self) -> None:
        """End the run from another thread."""
        self._stop.set()

    def _next(self) -> float | None:
        """When the next thing is due, once every action begun so far has been taken in."""
        begun, self._begun = self._begun, []
        for each in begun:
            each.result()
        return self._world.next_at_s()
