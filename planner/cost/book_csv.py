"""A price book as CSV: what a spreadsheet exports, with commas or semicolons, and what it imports."""

from __future__ import annotations

import csv
import io
from decimal import Decimal, InvalidOperation
from typing import Final

from planner.catalogue.cards import card_of
from planner.cost.book import CONFIDENCES, BookError, Price, PriceBook, check_price
from planner.sentence import Sentence

COLUMNS: Final = (
    "key", "low", "high", "currency", "unit", "source", "date", "valid_from", "valid_to", "confidence",
    "note",
)  # fmt: skip
REQUIRED: Final = ("key", "low")
ROWS_MAX: Final = 10_000
BYTES_MAX: Final = 8 * 2**20
DELIMITERS: Final = (",", ";", "\t")
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # OWASP ASVS 5.0, 1.2.10


def read_book(data: bytes, name: str) -> PriceBook:
    """Read a price book.

    The first row names the columns, `key` and `low` at least.  `high` empty is `low`; `unit` empty is
    the card's; `confidence` empty is a quote.  Rows of the same card are kept side by side.

    Raises:
        BookError: names the row and what is wrong with it; nothing is half read.

    >>> book = read_book(b"key,low,currency,source\\nserver,9000,EUR,quote 17\\n", "ours")
    >>> book.rows[0].high, book.rows[0].unit
    (Decimal('9000'), 'host')
    """
    if len(data) > BYTES_MAX:
        raise BookError(Sentence("larger than {most} bytes", {"most": BYTES_MAX}), name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BookError(Sentence("not a text in UTF-8"), name) from None
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Price] = []
    try:
        head = [column.strip().lower() for column in next(lines, [])]
        _check_head(head, name)
        for cells in lines:
            if any(cell.strip() for cell in cells):
                rows.append(_row(head, cells, name, lines.line_num))
            if len(rows) > ROWS_MAX:
                raise BookError(Sentence("more than {most} rows", {"most": ROWS_MAX}), name)
    except csv.Error as error:
        raise BookError(Sentence("{problem}", {"problem": str(error)}), name, lines.line_num) from None
    return PriceBook(name=name, rows=tuple(rows))


def write_book(book: PriceBook) -> bytes:
    """Write a price book so that `read_book` gives it back."""
    out = io.StringIO(newline="")
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(COLUMNS)
    for row in book.rows:
        cells = (getattr(row, column) for column in COLUMNS)
        lines.writerow(_harmless(cell) if isinstance(cell, str) else _number_text(cell) for cell in cells)
    return out.getvalue().encode()


def _number_text(cell: object) -> str:
    return "" if cell is None else str(cell)


def _harmless(text: str) -> str:
    """Mark text that a spreadsheet would take for a formula; `_bare` takes the mark off."""
    return f"'{text}" if text.lstrip().startswith(FORMULA_STARTS) or text[:1] in FORMULA_STARTS else text


def _bare(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].lstrip().startswith(FORMULA_STARTS) else text


def _check_head(head: list[str], name: str) -> None:
    missing = [column for column in REQUIRED if column not in head]
    unknown = [column for column in head if column and column not in COLUMNS]
    twice = [column for column in head if column and head.count(column) > 1]
    for columns, sentence in (
        (missing, Sentence("no column {column} in the first row")),
        (unknown, Sentence("unknown column {column} in the first row")),
        (twice, Sentence("column {column} stands twice in the first row")),
    ):
        if columns:
            raise BookError(Sentence(sentence.template, {"column": columns[0]}), name)


def _row(head: list[str], cells: list[str], name: str, number: int) -> Price:
    if len(cells) > len(head) and any(cell.strip() for cell in cells[len(head) :]):
        raise BookError(Sentence("more cells than the first row has"), name, number)
    given = {column: _bare(cell.strip()) for column, cell in zip(head, cells, strict=False) if column}
    try:
        price = price_of(given)
        check_price(price)
    except BookError as error:
        raise BookError(error.message, name, number) from None
    return price


def price_of(given: dict[str, str]) -> Price:
    """Make a row of texts by column, as a spreadsheet or a form has them; `check_price` judges it.

    Raises:
        BookError: an amount that is no number, or a confidence that is none.
    """
    key = given.get("key", "")
    card = card_of(key)
    low = _number(key, given.get("low", ""))
    high = _number(key, given.get("high", ""))
    confidence = given.get("confidence") or "quote"
    if confidence not in CONFIDENCES:
        known = ", ".join(CONFIDENCES)
        raise BookError(
            Sentence(
                "{key}: confidence {value} is not one of {known}",
                {"key": key, "value": confidence, "known": known},
            )
        )
    return Price(
        key=key,
        low=low,
        high=low if high is None else high,
        currency=given.get("currency", ""),
        unit=given.get("unit") or (card.unit if card else ""),
        source=given.get("source", ""),
        date=given.get("date", ""),
        valid_from=given.get("valid_from", ""),
        valid_to=given.get("valid_to", ""),
        confidence=confidence,
        note=given.get("note", ""),
    )


def _number(key: str, text: str) -> Decimal | None:
    """Read an amount as spreadsheets write it in English or French; what could be two numbers is refused.

    >>> _number("server", "1 250,50"), _number("server", "1250.5"), _number("server", "")
    (Decimal('1250.50'), Decimal('1250.5'), None)
    """
    plain = text.replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
    if not plain:
        return None
    if "," in plain:
        whole, _, rest = plain.partition(",")
        if "," in rest or "." in plain or len(rest) == 3:
            sentence = Sentence(
                "{key}: {value} could be two numbers; write 1250.50 without thousands marks",
                {"key": key, "value": text},
            )
            raise BookError(sentence)
        plain = f"{whole}.{rest}"
    try:
        return Decimal(plain)
    except InvalidOperation:
        raise BookError(Sentence("{key}: {value} is not a number", {"key": key, "value": text})) from None
