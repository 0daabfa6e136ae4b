"""The port between the engine and a world, simulated or real."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from operations.action import Action
from operations.event import Event
from planner.sentence import Sentence


class DriverError(Exception):
    """The hypervisor cannot be reached, or said something that makes no sense.

    `permanent`: trying again will not help.  An action that fails is no exception but an event.
    """

    def __init__(self, message: Sentence | str, *, permanent: bool = False) -> None:
        self.sentence = (
            message if isinstance(message, Sentence) else Sentence("{reason}", {"reason": message})
        )
        super().__init__(str(self.sentence))
        self.permanent = permanent


class Driver(Protocol):
    """Does actions and tells what happens; the only thing that knows what time it is.

    `begin` returns at once: the end of an action comes out of `events`, with the action's `cause` as the
    event's.  `Wake` is an action as well, and ends as `Woke`.

    Raises:
        DriverError: see there.
    """

    def begin(self, action: Action) -> None:
        """Begin an action."""

    def events(self) -> Iterator[Event]:
        """Yield what happens, in the order of time, until nothing more will."""
