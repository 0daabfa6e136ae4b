"""What led to what: the events of a run as a tree, each under the event that caused it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from operations.event import Event

STEP = "  "


def tree_of(events: Sequence[Event]) -> Iterator[str]:
    """Yield the lines of the log, each indented by its depth under the event that caused it."""
    return tree_lines([(event.cause, event.line()) for event in events])


def tree_lines(told: Sequence[tuple[int, str]]) -> Iterator[str]:
    """Yield lines by cause: each stands below the line whose number it gives, one step further in.

    Args:
        told: cause and text of each line; lines are numbered from 1 in the order given, and a cause of 0
            is nobody's.

    >>> list(tree_lines([(0, "host-failed"), (1, "host-dead"), (0, "asked"), (2, "host-fenced")]))
    ['host-failed', '  host-dead', '    host-fenced', 'asked']
    """
    below: dict[int, list[int]] = {}
    for number, (cause, _) in enumerate(told, start=1):
        below.setdefault(cause, []).append(number)
    waiting = [(number, 0) for number in reversed(below.get(0, []))]
    while waiting:
        number, depth = waiting.pop()
        yield STEP * depth + told[number - 1][1].strip()
        waiting += [(child, depth + 1) for child in reversed(below.get(number, []))]
