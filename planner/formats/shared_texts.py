"""How much memory the shared texts of a workbook take once a parser has copied them into the cells.

A workbook keeps each text once and its cells refer to it; the parser gives each cell a copy of its own.
417 KB of zip, one text of 30,000 characters in 200,000 cells, took 5.8 GB.  So where the longest text in
every cell would be too much, the copies are added up before they are made.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from typing import Final

# 100,000 VMs x 93 columns of 15 characters are 140 MB.
MAX_COPIED_BYTES: Final = 512 * 1024 * 1024
MAX_TEXTS: Final = 5_000_000  # 27 sheets of 100,000 VMs share about 2 million: names, UUIDs, paths

_ITEM: Final = re.compile(rb"<(?:[^\s<>/:]+:)?si[\s>/]")
_ITEM_END: Final = re.compile(rb"</(?:[^\s<>/:]+:)?si\s*>|<(?:[^\s<>/:]+:)?si\s*/>")
_MARK: Final = re.compile(rb"[\"']s[\"']")
_REFERENCE: Final = re.compile(rb"[\"']s[\"'][^<]*<v>(\d{1,9})<")
_LONGEST_CELL_BYTES: Final = 64 * 1024


class SharedTexts:
    """The sizes of the texts in their order, none smaller than the text."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.sizes = array("Q")
        size = 0
        has_begun = False
        for text in _cut_before_tags(pieces):
            if not has_begun:
                begin = _ITEM.search(text)
                has_begun, text = begin is not None, text[begin.start() :] if begin else b""
            first, *items = _ITEM_END.split(text)
            size += len(first)
            if items:
                self.sizes.append(size)
                self.sizes.extend(map(len, items[:-1]))
                size = len(items[-1])
        self.longest = max(self.sizes, default=0)

    def copied(self, pieces: Iterable[bytes]) -> int:
        """Add up the copies that the cells of a sheet get; stops beyond the limit.

        A reference that is spelled oddly counts as one to the longest text.
        """
        total = 0
        for text in _cut_before_tags(pieces, b"<c"):
            numbers = [int(number) for number in _REFERENCE.findall(text)]
            total += sum(self.sizes[number] for number in numbers if number < len(self.sizes))
            total += (len(_MARK.findall(text)) - len(numbers)) * self.longest
            if total > MAX_COPIED_BYTES:
                break
        return total


def _cut_before_tags(pieces: Iterable[bytes], tag: bytes = b"<") -> Iterator[bytes]:
    """Give the pieces cut anew, each before the last tag of its kind."""
    carried = b""
    for piece in pieces:
        text = carried + piece
        cut = max(0, text.rfind(tag))
        if len(text) - cut > _LONGEST_CELL_BYTES:
            cut = len(text)
        carried = text[cut:]
        yield text[:cut]
    yield carried
