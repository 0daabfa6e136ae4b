"""What will happen in a simulated world, in order: by time, then rank, then the order of entry."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from operations.event import Event

OPENING, SCRIPT, RESULT, WAKE = -1, 0, 1, 2
HORIZON_S: Final = 1e9
Due: TypeAlias = Callable[[Any], Event | None]
Entry: TypeAlias = tuple[float, int, int, Due, Any]


class Agenda:
    """A queue of what comes due; `now` is the time of what came due last."""

    __slots__ = ("_entries", "now", "queue")

    def __init__(self) -> None:
        self.queue: list[Entry] = []
        self._entries = 0
        self.now = 0.0

    def push(self, at_s: float, due: Due, subject: object, rank: int = RESULT) -> None:
        """Let `due(subject)` come at a time; it gives an event, or None if nothing happens after all."""
        self._entries += 1
        heapq.heappush(self.queue, (at_s, rank, self._entries, due, subject))

    def pop(self) -> Event | None:
        """Let the next thing happen."""
        self.now, _, _, due, subject = heapq.heappop(self.queue)
        return due(subject)
