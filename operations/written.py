"""Lines that a person writes: split into words, with errors that name file, line and word."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from msgspec import Struct


class ScenarioError(ValueError):
    """A scenario that cannot be read: `file`, `line` and `word` say where."""

    def __init__(self, file: str, line: int, word: str, why: str) -> None:
        super().__init__(f"{file}:{line}: {word!r}: {why}" if line else f"{file}: {word!r}: {why}")
        self.file = file
        self.line = line
        self.word = word
        self.why = why


class Line(Struct, frozen=True):
    """One line with words on it."""

    file: str
    number: int
    words: tuple[str, ...]

    def error(self, word: str, why: str) -> ScenarioError:
        """Say what is wrong with a word."""
        return ScenarioError(self.file, self.number, word, why)

    def word(self, index: int, what: str) -> str:
        """Give a word that must be there."""
        if index >= len(self.words):
            raise self.error(self.words[-1], f"{what} is missing after it")
        return self.words[index]

    def known(self, word: str, names: Iterable[str], what: str) -> str:
        """Give a name that must be known."""
        choices = tuple(names)
        if word not in choices:
            some = ", ".join(choices[:8]) + (" ..." if len(choices) > 8 else "")
            raise self.error(word, f"there is no such {what}; there is {some or 'none'}")
        return word

    def number_of(self, word: str, *, least: float = 0.0, most: float = 1e9) -> float:
        """Give a number within limits."""
        try:
            value = float(word)
        except ValueError:
            raise self.error(word, "is no number") from None
        if not math.isfinite(value) or not least <= value <= most:
            raise self.error(word, f"is not between {least:g} and {most:g}")
        return value


def lines_of(text: str, file: str) -> Iterator[Line]:
    """Yield the lines that say something; `#` begins a remark."""
    for number, raw in enumerate(text.splitlines(), start=1):
        words = tuple(raw.split("#", 1)[0].split())
        if words:
            yield Line(file, number, words)
