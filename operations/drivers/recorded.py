"""A world that was: plays the facts of a log again, so that the policies can be asked anew.

The facts come at their times; the notes between them must be made again by the same policies.  If they
are not, the log and the policies belong to different worlds, and that is an error.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from operations.action import Action, Wake
from operations.drivers.base import DriverError
from operations.event import Event, Woke
from operations.state import ClusterState


class RecordedDriver:
    """Replays a log.  Actions are not done again; only waiting is."""

    def __init__(self, log: Sequence[Event], state: ClusterState) -> None:
        self._log = log
        self._state = state
        self._wakes: list[tuple[float, int, Wake]] = []
        self._entries = 0

    def begin(self, action: Action) -> None:
        """Remember a delay; everything else has happened already."""
        if isinstance(action, Wake):
            self._entries += 1
            heapq.heappush(self._wakes, (self._state.now + action.delay_s, self._entries, action))

    def events(self) -> Iterator[Event]:
        """Yield the facts of the log, and a waking wherever a note must come of it.

        Raises:
            DriverError: a note of the log that the policies do not make again.
        """
        while self._state.number < len(self._log):
            event = self._log[self._state.number]
            if self._wakes and self._wakes[0][0] < event.at_s:
                yield self._wake()
            elif not event.is_note:
                yield event
            elif self._wakes and self._wakes[0][0] == event.at_s:
                yield self._wake()
            else:
                raise DriverError(f"the policies do not say again: {event.line()}", permanent=True)

    def _wake(self) -> Woke:
        at_s, _, action = heapq.heappop(self._wakes)
        return Woke(at_s, action.subject, action.cause, action.purpose, action.since)
