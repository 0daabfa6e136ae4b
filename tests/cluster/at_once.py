"""Two people, or two workers, at the same moment: the second begins before the first has committed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from django.db import connection, transaction

STILL_S = 0.7  # a statement that takes longer than this waits for the first
ENDS_WITHIN_S = 60.0


def at_once(first: Callable[[], object], second: Callable[[], object]) -> str:
    """Let both happen and say what became of the second: `done`, or the exception's name.

    The first commits as soon as the second waits for it, or has ended.
    """
    became, moved, ended = ["lost"], Event(), Event()

    def before(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        moved.set()
        return execute(sql, params, many, context)

    def run() -> None:
        try:
            with connection.execute_wrapper(before):
                second()
            became[0] = "done"
        except Exception as error:  # noqa: BLE001  its name is the answer
            became[0] = type(error).__name__
        finally:
            ended.set()
            moved.set()
            connection.close()

    other = Thread(target=run)
    with transaction.atomic():
        first()
        other.start()
        while moved.wait(STILL_S) and not ended.is_set():
            moved.clear()
    other.join(ENDS_WITHIN_S)
    return became[0]
