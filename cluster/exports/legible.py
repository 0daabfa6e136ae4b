"""Text that can be printed: no invisible character, none that the report's fonts cannot draw.

An accessible PDF may not hold a character without a glyph, and one that turns the direction of the
text or hides would let a name say something else than it is.  Such characters are told by number.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

from django.conf import settings

from cluster.visible import SPACES, told

FONTS: Final = Path(settings.BASE_DIR) / "templates" / "report" / "fonts"
_COMBINING: Final = frozenset({"Mn", "Mc", "Me"})
LEFT_TO_RIGHT_MARK: Final = "\u200e"
# Hebrew, Arabic and the scripts beside them, with their presentation forms.  Source: Unicode 15, chapter 9.
_RIGHT_TO_LEFT: Final = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
_CLOSED: Final = re.compile(f"[{_RIGHT_TO_LEFT}](?:[^A-Za-z0-9]*[{_RIGHT_TO_LEFT}])*")
_MARKS_IN_A_ROW: Final = 4  # more combining marks on one letter than any script needs run over the lines


def legible(text: str) -> str:
    """The text with every character that cannot be drawn, or hides, written as `[U+202E]`.

    Words written from right to left are closed by a mark, so that what follows them stays on their right.
    """
    if text.isascii() and text.isprintable():
        return text
    return _CLOSED.sub(f"\\g<0>{LEFT_TO_RIGHT_MARK}", "".join(_pieces(text)))


def _pieces(text: str) -> Iterator[str]:
    """The text in runs; one undrawable character many times over is told once, with its number."""
    for (drawn, character), run in groupby(
        _judged(text), key=lambda pair: pair if not pair[0] else (True, "")
    ):
        if drawn:
            yield "".join(letter for _, letter in run)
        else:
            count = sum(1 for _ in run)
            yield told(character) if count == 1 else f"{told(character)}×{count}"


def _judged(text: str) -> Iterator[tuple[bool, str]]:
    """Each character with whether it is drawn as it is; white space of any kind is drawn as a space."""
    drawn = drawable()
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in _COMBINING else 0
        if character in SPACES:
            yield True, " "
        else:
            hides = category.startswith("C") or marks > _MARKS_IN_A_ROW
            yield not hides and ord(character) in drawn, character


@cache
def drawable() -> frozenset[int]:
    """The characters that have a glyph in one of the report's fonts."""
    return frozenset(code for font in sorted(FONTS.glob("*.ttf")) for code in _mapped(font.read_bytes()))


def _mapped(font: bytes) -> Iterator[int]:
    """The character map of a TrueType font.  Source: OpenType 1.9, table cmap, subtables 4 and 12."""
    cmap = _table(font, b"cmap")
    (count,) = struct.unpack_from(">H", cmap, 2)
    for index in range(count):
        (offset,) = struct.unpack_from(">I", cmap, 4 + 8 * index + 4)
        subtable = cmap[offset:]
        match struct.unpack_from(">H", subtable)[0]:
            case 4:
                yield from _segments(subtable)
            case 12:
                yield from _groups(subtable)


def _table(font: bytes, tag: bytes) -> bytes:
    (count,) = struct.unpack_from(">H", font, 4)
    for index in range(count):
        name, _, offset, length = struct.unpack_from(">4sIII", font, 12 + 16 * index)
        if name == tag:
            return font[offset : offset + length]
    raise ValueError(f"the font has no table {tag.decode()}")


def _segments(subtable: bytes) -> Iterator[int]:
    """Subtable 4: segments of the first 65,536 characters; 0xFFFF closes the list and is none."""
    half = struct.unpack_from(">H", subtable, 6)[0]
    count = half // 2
    ends = struct.unpack_from(f">{count}H", subtable, 14)
    starts = struct.unpack_from(f">{count}H", subtable, 16 + half)
    deltas = struct.unpack_from(f">{count}H", subtable, 16 + 2 * half)
    ranges = struct.unpack_from(f">{count}H", subtable, 16 + 3 * half)
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        for code in range(start, min(end, 0xFFFE) + 1):
            glyph = code
            if ranges[index]:
                place = 16 + 3 * half + 2 * index + ranges[index] + 2 * (code - start)
                glyph = struct.unpack_from(">H", subtable, place)[0]
                if glyph == 0:
                    continue
            if (glyph + deltas[index]) & 0xFFFF:
                yield code


def _groups(subtable: bytes) -> Iterator[int]:
    """Subtable 12: groups of characters of all planes."""
    (count,) = struct.unpack_from(">I", subtable, 12)
    for index in range(count):
        start, end, glyph = struct.unpack_from(">III", subtable, 16 + 12 * index)
        yield from range(start if glyph else start + 1, end + 1)
