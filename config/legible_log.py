"""Log lines that stay lines: what is hostile in a name is shown by its number, not sent to a terminal."""

from __future__ import annotations

import logging
from typing import Any


class OneLine(logging.Formatter):
    """A record is one line; those of a traceback begin with a bar, so that none passes for a record."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return legible(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return "\n".join(f"  | {legible(line)}" for line in super().formatException(ei).split("\n"))

    def formatStack(self, stack_info: str) -> str:
        return "\n".join(f"  | {legible(line)}" for line in stack_info.split("\n"))


def legible(text: str) -> str:
    r"""Show controls, ends of lines and marks that turn the direction of a text by their numbers.

    >>> legible("a\x1b[31mred\r\nforged") == r"a\x1b[31mred\r\nforged"
    True
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
