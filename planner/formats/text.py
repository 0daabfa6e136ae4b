"""Text of a file made safe to show: no control characters, no reversed reading, one form of each letter."""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_NAME: Final = 255  # planner.estate.Name
ELLIPSIS: Final = "…"

# Cc controls, Cf invisible and bidirectional marks, Zl and Zp line breaks, Cs halves of a character.
_ESCAPED: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})


def is_plain(text: str) -> bool:
    """Whether the text is printable ASCII without blanks around it: what nearly every name is."""
    return text.isascii() and text.isprintable() and text[:1] != " " != text[-1:]


def cleaned(text: str) -> str:
    """Trim, compose (NFC), turn odd spaces into spaces and escape what cannot be seen.

    A control or bidirectional character is not dropped but written out, so that two names which differ
    by it stay two names and a reader sees why.

    >>> cleaned(" web\\u00a001 ")
    'web 01'
    >>> cleaned("gpj.exe\\u202e") == "gpj.exe\\\\u202E"
    True
    """
    if is_plain(text):
        return text
    composed = unicodedata.normalize("NFC", text.strip())
    return "".join(_shown(character) for character in composed).strip()


def has_hidden(text: str) -> bool:
    """Whether `cleaned` writes out a character that cannot be seen (odd spaces do not count)."""
    if text.isprintable():
        return False
    return any(unicodedata.category(character) in _ESCAPED for character in text.strip())


def shortened(text: str, limit: int = MAX_NAME) -> str:
    """Give the text, cut with an ellipsis where it is longer than the limit."""
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in _ESCAPED:
        return f"\\u{ord(character):04X}"
    return " " if category == "Zs" else character
