"""What led to what: the events of a run as a tree, each under the event that caused it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from operations.event import Event

STEP = "  "


def tree_of(events: Sequence[Event]) -> Iterator[str]:
    """Yield the lines of the log, each indented by its depth under the event that caused it.

    Events are numbered from 1 in the order given; a cause of 0 is a root.  An event that nothing led to and
    that led to nothing stands alone at the left.
    """
    below: dict[int, list[int]] = {}
    for number, event in enumerate(events, start=1):
        below.setdefault(event.cause, []).append(number)
    waiting = [(number, 0) for number in reversed(below.get(0, []))]
    while waiting:
        number, depth = waiting.pop()
        yield STEP * depth + events[number - 1].line().strip()
        waiting += [(child, depth + 1) for child in reversed(below.get(number, []))]
