"""A sentence for a person, kept apart from its values so that the shell can translate it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

Value: TypeAlias = str | int | float | bool | None


class Sentence(Struct, frozen=True):
    """An English template with named values; `str()` gives the English text.

    The template is the key of the translation, so it holds no value itself.  Counts, names and
    quantities are values: the shell formats them in the reader's locale.

    >>> str(Sentence("{count} powered-off VMs count for storage, not for load", {"count": 42}))
    '42 powered-off VMs count for storage, not for load'
    """

    template: str
    values: dict[str, Value] = {}

    def __str__(self) -> str:
        return self.template.format(**self.values)


def texts(sentences: Iterable[Sentence]) -> list[str]:
    """Say them in English, each once, in their order.

    >>> texts([Sentence("a host is down"), Sentence("no reserve"), Sentence("a host is down")])
    ['a host is down', 'no reserve']
    """
    return list(dict.fromkeys(str(sentence) for sentence in sentences))
