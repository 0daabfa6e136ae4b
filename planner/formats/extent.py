"""How far the cells of a worksheet reach, found on its XML before a parser builds the rectangle.

The parser keeps a sheet as a full rectangle of about 30 bytes a cell, and any cell may lie anywhere: 1,400
bytes of zip with cells in A1 and XFD1048576 would ask for 500 GB.  A sheet of 400 MB must pass in a second,
so a piece is only searched for a cell that is not spelled `<c r="AB12"` or lies beyond the columns of the
first row or the rows so far.  Where there is one, every tag of that piece is looked at.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# 100,000 VMs with 93 columns are 9.3 million, 300 MB; this leaves room for a customer's columns below 1 GB.
MAX_CELLS: Final = 20_000_000
MAX_ROW: Final = 1_048_576  # the last row of a spreadsheet

_DECLARATION: Final = re.compile(rb"^(?:\xef\xbb\xbf)?<\?xml\s[^<>]*\?>")
_FEW_ROWS: Final = 99_999  # five digits: below, no closer bound is needed
_PREFIXED: Final = re.compile(rb":c[\s/>]")  # `<x:c`: found apart, for an alternative would cost five times
_FIRST_ROW: Final = re.compile(rb'<c r="([A-Z]{1,3})\d+"(?:[^<]|<(?!c |/row>))*</row>')
_ROW: Final = re.compile(rb'<row\s(?:[^>]*?\s)?r="(\d{1,7})"')
_IN_TAG: Final = rb"(?:[^<>\"']|\"[^\"]*\"|'[^']*')*"
_WHOLE_TAG: Final = re.compile(rb"<" + _IN_TAG + rb">")
_TAG: Final = re.compile(rb"<(?:[^\s<>/:]+:)?(row|c)((?:[\s/]" + _IN_TAG + rb")?)>")
_REFERENCE: Final = re.compile(rb"\sr\s*=\s*[\"']([A-Za-z]*)(\d*)")
_LONGEST_TAG_BYTES: Final = 64 * 1024
_LONGEST_REFERENCE: Final = 20  # what is longer is beyond every limit, and slow to count
_MOST_COLUMNS: Final = 702  # ZZ


class Extent:
    """The rectangle that a parser would build, found piece by piece.

    `rows` and `columns` are upper bounds, rounded up unless `exact`.
    """

    def __init__(self, *, exact: bool = False) -> None:
        self._exact = exact
        self._carried = b""
        self._has_begun = False
        self._width = 0
        self._last_row = 0
        self._row = self._column = 0
        self.rows = self.columns = 0
        self.shared_texts = 0
        """How many cells refer to a shared text, at most."""
        self.is_worksheet = False
        self.is_odd = False
        """Whether it holds what no program writes there, and in which cells could hide."""

    @property
    def is_too_large(self) -> bool:
        """Whether the rectangle holds more rows or cells than are read."""
        return self.rows > MAX_ROW or self.rows * self.columns > MAX_CELLS

    def feed(self, piece: bytes) -> None:
        """Look at the next piece; a tag cut at its end waits for the rest."""
        text = self._carried + piece
        if not self._has_begun:
            self._has_begun, text = True, _DECLARATION.sub(b"", text, count=1)
        cut = text.rfind(b"<")
        if cut < 0 or _WHOLE_TAG.match(text, cut):
            cut = len(text)
        if len(text) - cut > _LONGEST_TAG_BYTES:
            self.is_odd, cut = True, len(text)
        self.is_odd = self.is_odd or _holds_markup(text)
        self._carried, text = text[cut:], text[:cut]
        self.is_worksheet = self.is_worksheet or b"sheetData" in text
        self.shared_texts += text.count(b'"s"') + text.count(b"'s'")
        if self._exact or not self._is_within_bounds(text):
            self._look_closely(text)

    def _is_within_bounds(self, text: bytes) -> bool:
        """Whether each cell of the piece is spelled as usual and lies within the bounds, which may grow."""
        if not self._width:
            first = _FIRST_ROW.search(text)
            self._width = _column_number(first.group(1)) if first else 0
        row = _ROW.match(text, text.rfind(b"<row"))
        self._last_row = max(self._last_row, int(row.group(1)) if row else 0)
        rows, columns = _rows_bound(self._last_row), _columns_bound(self._width)
        if columns > _MOST_COLUMNS or _beyond(rows, columns).search(text) or _PREFIXED.search(text):
            return False
        self.rows, self.columns = max(self.rows, rows), max(self.columns, columns)
        at = text.rfind(b'<c r="')
        if at >= 0:  # a next cell without a reference follows this one
            self._locate(text[at + len(b"<c") : at + _LONGEST_REFERENCE])
        return True

    def _look_closely(self, text: bytes) -> None:
        """Follow each row and cell as the parser does: its reference tells its place, else it is the next."""
        for tag in _TAG.finditer(text):
            kind, attributes = tag.groups()
            if kind == b"row":
                self._row, self._column = self._row + 1, 0
                self._locate(attributes)
                continue
            self._column += 1
            self._locate(attributes)
            if not attributes.endswith(b"/"):  # an empty cell takes no place
                self.rows, self.columns = max(self.rows, self._row), max(self.columns, self._column)

    def _locate(self, attributes: bytes) -> None:
        reference = _REFERENCE.search(attributes)
        if reference is None:
            return
        letters, digits = reference.groups()
        if letters:
            self._column = _column_number(letters)
        if digits:
            self._row = int(digits[:_LONGEST_REFERENCE])


def _holds_markup(text: bytes) -> bool:
    """Whether there is a comment, a CDATA section, an instruction, or text of another alphabet."""
    return b"\0" in text or (b"!" in text and b"<!" in text) or (b"?" in text and b"<?" in text)


def _column_number(letters: bytes) -> int:
    """Give 1 for A, 27 for AA."""
    number = 0
    for letter in letters.upper()[:_LONGEST_REFERENCE]:
        number = number * 26 + letter - ord("A") + 1
    return number


def _columns_bound(width: int) -> int:
    """Round up to whole alphabets: A to Z, AA to AZ ...

    >>> _columns_bound(5), _columns_bound(93)
    (26, 104)
    """
    return -(-max(1, width) // 26) * 26


def _rows_bound(last_row: int) -> int:
    """Round up to two leading digits, and to no fewer than five digits.

    >>> _rows_bound(12), _rows_bound(123456), _rows_bound(1048576)
    (99999, 129999, 1099999)
    """
    if last_row <= _FEW_ROWS:
        return _FEW_ROWS
    unit: int = 10 ** (len(str(last_row)) - 2)
    return (last_row // unit + 1) * unit - 1


@lru_cache(maxsize=256)
def _beyond(rows: int, columns: int) -> re.Pattern[bytes]:
    """Find a cell that is spelled otherwise or lies beyond the bounds, and no other element."""
    last = chr(ord("A") + columns // 26 - 2)
    letters = "[A-Z]" if columns == 26 else f"[A-{last}]?[A-Z]"
    digits = r"\d{1,5}"
    if rows > _FEW_ROWS:
        rest = len(str(rows)) - 2
        tens, ones = str(rows)[0], str(rows)[1]
        lower = "" if tens == "1" else rf"[1-{int(tens) - 1}]\d{{{rest + 1}}}|"
        digits = rf"(?:\d{{1,{rest + 1}}}|{lower}{tens}[0-{ones}]\d{{{rest}}})"
    return re.compile(rf'<c(?! r="{letters}{digits}"|ol|onditional|fRule)'.encode())
