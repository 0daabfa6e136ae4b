"""Names as they are shown: what hides, or turns the text around it, is written as `[U+202E]`."""

from __future__ import annotations

import unicodedata
from typing import Final

SPACES: Final = frozenset("\t\n\r\v\f\u2028\u2029")
_HIDING: Final = frozenset({"Cc", "Cs"})
_TURNS: Final = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Nothing to see, so that two names look alike: soft hyphen, zero-width space, word joiner and its like.
_EMPTY: Final = frozenset("\u00ad\u200b\u2060\u2061\u2062\u2063\u2064\ufeff")


def visible(text: str) -> str:
    """The text for a page or a spreadsheet, whose fonts draw anything: only what hides is told by number.

    Joiners stay, for emoji and several scripts are written with them.
    """
    if text.isprintable():
        return text
    return "".join(
        " " if character in SPACES else told(character) if _hides(character) else character
        for character in text
    )


def told(character: str) -> str:
    """A character by its number."""
    return f"[U+{ord(character):04X}]"


def _hides(character: str) -> bool:
    """Controls, halves of surrogate pairs, marks that turn the direction of the text, and empty ones."""
    return unicodedata.category(character) in _HIDING or character in _TURNS or character in _EMPTY
