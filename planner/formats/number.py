"""One parser for numbers written as text, in the way of their column: `1,234.5`, `1 234,5`, `1.234,5`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

Decimal: TypeAlias = Literal[".", ","]

MAX_DIGITS: Final = 40  # a double has 17; beyond this it is no number of an export
# Plain and no-break spaces, thin and narrow ones (French Excel writes U+202F), apostrophes (Swiss).
_GROUP_SIGNS: Final = " \u00a0\u2009\u202f'\u2019"
_UNGROUP: Final = str.maketrans("", "", _GROUP_SIGNS)
_BLANK_GROUPS: Final = re.compile(rf"[+-]?\d{{1,3}}([{_GROUP_SIGNS}]\d{{3}})+([.,]\d+)?", re.ASCII)
_SIGN_GROUPS: Final = {
    ".": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII),
    ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?", re.ASCII),
}
_SIMPLE: Final = {
    ".": re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII),
    ",": re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d{1,3})?", re.ASCII),
}
_SEPARATORS: Final = re.compile(r"[.,]")


def decimal_sign(texts: Iterable[str]) -> Decimal | None:
    """Say which sign is the decimal one in a column: what most of its unambiguous numbers use.

    `1.234,5` and `0,5` speak for the comma, `1,234.5` and `0.25` for the point; `1,234` alone says
    nothing.

    Returns:
        The sign, or None where no number speaks, or as many for one as for the other.

    >>> decimal_sign(["1 234,5", "1,234"])
    ','
    >>> decimal_sign(["1,234"]) is None
    True
    """
    votes = Counter(vote for text in texts if (vote := _vote(text)))
    if votes["."] == votes[","]:
        return None
    return "." if votes["."] > votes[","] else ","


def is_ambiguous(text: str) -> bool:
    """Whether the text reads as two different numbers, such as `1,234`."""
    plain = _ungrouped(text)
    if plain is None or _vote(text) is not None:
        return False
    readings = {_read(plain, "."), _read(plain, ",")}
    return None not in readings and len(readings) == 2


def parsed(text: str, decimal: Decimal) -> float | None:
    """Give the number that the text writes, None where it writes none.

    Spaces and apostrophes group by threes, and so does the other sign of the pair.  Digits are those of
    ASCII.  NaN, infinities and numbers too large for a double are no numbers.

    >>> parsed("1 234,5", ",")
    1234.5
    >>> parsed("1,234", "."), parsed("1,234", ",")
    (1234.0, 1.234)
    >>> parsed("12 34", "."), parsed("1e400", ".")
    (None, None)
    """
    plain = _ungrouped(text)
    return None if plain is None else _read(plain, decimal)


def _ungrouped(text: str) -> str | None:
    """Take the spaces out of a number grouped by threes; None where spaces stand otherwise."""
    stripped = text.strip()
    if len(stripped) > MAX_DIGITS:
        return None
    if not any(sign in stripped for sign in _GROUP_SIGNS):
        return stripped
    return stripped.translate(_UNGROUP) if _BLANK_GROUPS.fullmatch(stripped) else None


def _read(plain: str, decimal: Decimal) -> float | None:
    if _SIMPLE[decimal].fullmatch(plain):
        plain = plain.replace(",", ".")
    elif _SIGN_GROUPS[decimal].fullmatch(plain):
        group = "," if decimal == "." else "."
        plain = plain.replace(group, "").replace(",", ".")
    else:
        return None
    value = float(plain)
    return value if abs(value) != float("inf") else None


def _vote(text: str) -> Decimal | None:
    """Give the decimal sign that this text alone proves."""
    plain = _ungrouped(text)
    signs = _SEPARATORS.findall(plain) if plain else []
    if plain is None or not signs:
        return None
    last: Decimal = signs[-1]
    other: Decimal = "." if last == "," else ","
    if len(set(signs)) == 1 and len(signs) > 1:  # 1,234,567
        return other if _read(plain, other) is not None else None
    if len(signs) == 1 and plain == text.strip():  # 1,234 or 0,5; not 1 234,567, whose blanks group
        whole, _, fraction = plain.lstrip("+-").partition(last)
        if len(fraction) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0"):
            return None
    return last if _read(plain, last) is not None else None
