"""Lines that a person writes: split into words, with errors that name file, line and word."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from planner.sentence import Sentence, Value

_AS_IT_IS: Final = "{why}"
# Whole sentences, for no language puts them together from the same parts.
_NO_SUCH: Final = {
    "host": Sentence("there is no such host; there is {some}"),
    "vm": Sentence("there is no such VM; there is {some}"),
    "VM": Sentence("there is no such VM; there is {some}"),
    "datastore": Sentence("there is no such datastore; there is {some}"),
    "cluster": Sentence("there is no such cluster; there is {some}"),
    "group": Sentence("there is no such group; there is {some}"),
    "setting": Sentence("there is no such setting; there is {some}"),
    "beginning": Sentence("there is no such beginning; there is {some}"),
    "beginning of a line": Sentence("there is no such beginning of a line; there is {some}"),
    "word here": Sentence("there is no such word here; there is {some}"),
}
_MISSING: Final = {
    "a value": Sentence("a value is missing after it"),
    "a duration": Sentence("a duration is missing after it"),
    "a time": Sentence("a time is missing after it"),
    "what happens": Sentence("what happens is missing after it"),
    "a host": Sentence("a host is missing after it"),
    "a vm": Sentence("a VM is missing after it"),
    "a datastore": Sentence("a datastore is missing after it"),
    "a path": Sentence("a path is missing after it"),
    "a group": Sentence("a group is missing after it"),
    "a number": Sentence("a number is missing after it"),
    "'to'": Sentence("'to' is missing after it"),
}
# A word, a name with spaces in quotation marks (doubled inside it), or a remark.
_WORD: Final = re.compile(r'"((?:[^"]|"")*)"(?=[\s#]|$)|([^\s#]+)|#.*')


class ScenarioError(ValueError):
    """A scenario that cannot be read: `file`, `line` and `word` say where, `why` what is wrong with it."""

    def __init__(self, file: str, line: int, word: str, why: str | Sentence) -> None:
        super().__init__(f"{file}:{line}: {word!r}: {why}" if line else f"{file}: {word!r}: {why}")
        self.file = file
        self.line = line
        self.word = word
        self.why = Sentence(_AS_IT_IS, {"why": why}) if isinstance(why, str) else why


class Line(Struct, frozen=True):
    """One line with words on it."""

    file: str
    number: int
    words: tuple[str, ...]

    def error(self, word: str, why: str | Sentence) -> ScenarioError:
        """Say what is wrong with a word."""
        return ScenarioError(self.file, self.number, word, why)

    def word(self, index: int, what: str) -> str:
        """Give a word that must be there."""
        if index >= len(self.words):
            raise self.error(self.words[-1], _MISSING.get(what) or f"{what} is missing after it")
        return self.words[index]

    def known(self, word: str, names: Iterable[str], what: str) -> str:
        """Give a name that must be known."""
        choices = tuple(names)
        if word not in choices:
            some = ", ".join(choices[:8]) + (" ..." if len(choices) > 8 else "")
            said = _NO_SUCH.get(what)
            why = f"there is no such {what}; there is {some or '-'}"
            raise self.error(word, why if said is None else Sentence(said.template, {"some": some or "-"}))
        return word

    def number_of(self, word: str, *, least: float = 0.0, most: float = 1e9) -> float:
        """Give a number within limits."""
        try:
            value = float(word)
        except ValueError:
            raise self.error(word, Sentence("is no number")) from None
        if not math.isfinite(value) or not least <= value <= most:
            limits: dict[str, Value] = {"least": f"{least:g}", "most": f"{most:g}"}
            raise self.error(word, Sentence("is not between {least} and {most}", limits))
        return value


def lines_of(text: str, file: str) -> Iterator[Line]:
    """Yield the lines that say something; `#` begins a remark, a name with spaces stands in `"`.

    >>> next(lines_of('at 5 migrate "db 1" to esx2  # now', "script")).words
    ('at', '5', 'migrate', 'db 1', 'to', 'esx2')
    """
    for number, raw in enumerate(text.splitlines(), start=1):
        words = tuple(_words(raw))
        if words:
            yield Line(file, number, words)


def written(name: str) -> str:
    """Write a name as one word of a line.

    >>> written("esx1"), written("db 1")
    ('esx1', '"db 1"')
    """
    if name and not re.search(r'[\s"#]', name):
        return name
    return '"' + name.replace('"', '""') + '"'


def _words(raw: str) -> Iterator[str]:
    for found in _WORD.finditer(raw):
        quoted, plain = found.groups()
        if quoted is not None:
            yield quoted.replace('""', '"')
        elif plain is not None:
            yield plain
