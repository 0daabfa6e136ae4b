"""What a policy answers: notes that become events at once, and actions that the driver begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from operations.action import Action
from operations.event import Event
from operations.policy import Policies
from operations.state import ClusterState

Step: TypeAlias = Action | Event
Steps: TypeAlias = Iterator[Step]
# What most rules say to most events; saying it costs less than a generator that yields nothing.
Answer: TypeAlias = Iterable[Step]
NOTHING: Final[tuple[Step, ...]] = ()
# (state, event, number of its cause, policies); the event's type is the key under which it stands.
Rule: TypeAlias = Callable[[ClusterState, Any, int, Policies], Answer]
Rules: TypeAlias = dict[type[Event], Rule]
