"""Something that happens while a reader looks into the database: before each of its queries in turn.

Each look by itself is right; what two of them say together may be what never was.  So nobody waits for the
unlucky moment: it is made, at every place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

PLACES_MAX = 120


class Meanwhile:
    """What lets something happen once, before the reader's query of this place."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.seen, self.happened = 0, False

    @contextmanager
    def lets(self, deed: Callable[[], object]) -> Iterator[None]:
        """Let it happen while the block reads."""

        def before(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            if not self.happened and self.seen == self.place:
                self.happened = True
                deed()
            self.seen += 1
            return execute(sql, params, many, context)

        with connection.execute_wrapper(before):
            yield


def every_place(fewest: int = 3) -> Iterator[Meanwhile]:
    """One for each query of the reader, until it asks no more; it asks at least so many times."""
    for place in range(PLACES_MAX):
        late = Meanwhile(place)
        yield late
        if not late.happened:
            assert place >= fewest, "nothing was looked up"
            return
    raise AssertionError("the reader asks without an end")
