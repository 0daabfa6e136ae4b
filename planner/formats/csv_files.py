"""RVTools' CSV exports: one file, a zip of files or a folder of files, one a sheet.

The encoding is what the bytes prove (UTF-8, UTF-16, else cp1252), the separator what the header holds.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from planner.formats.archive import Archive
from planner.formats.columns import COLUMNS
from planner.formats.findings import Findings
from planner.formats.matching import count_known
from planner.formats.number import Decimal
from planner.formats.rvtools import sheet_kind
from planner.formats.sheet import MAX_ROWS, Cell, Row
from planner.formats.text import cleaned, shortened
from planner.quality import FormatError
from planner.sentence import Sentence

ENDINGS: Final = (".csv", ".txt", ".tsv")
SEPARATORS: Final = ";,\t|"
MAX_FIELD_CHARACTERS: Final = 1_000_000  # an annotation; the csv module's own limit of 131,072 is too tight
MIN_KNOWN_HEADERS: Final = 3  # a table that shares fewer headers with vInfo is another table
MAX_KNOWN_TEXTS: Final = 100_000
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SNIFFED_BYTES: Final = 4096


class CsvFiles:
    """CSV files as the sheets of an export."""

    def __init__(self, files: Mapping[str, Callable[[], bytes]], findings: Findings) -> None:
        """Take the files by name; each is opened when its sheet is."""
        self._findings = findings
        self._files: dict[str, Callable[[], bytes]] = {}
        for name in sorted(files):
            stem = PurePosixPath(name).stem
            self._files[stem if stem not in self._files else name] = files[name]
        self.names = list(self._files)

    def sheet(self, name: str, kind: str) -> CsvSheet:
        """Decode one file."""
        return CsvSheet(kind, decoded(self._files[name](), name, self._findings), name)

    def count(self, name: str) -> int:
        """Count the rows below the header."""
        return max(0, sum(1 for _, cells in self.sheet(name, name).rows() if any(cells)) - 1)


class CsvSheet:
    """One CSV file."""

    def __init__(self, kind: str, text: str, file: str) -> None:
        self.name = kind
        self._file = shortened(cleaned(file))
        self._separator, self._text, self._skipped = _separator(text)
        # Where the semicolon separates, the comma is the decimal sign: so do the locales of Windows.
        self.decimal: Decimal = "," if self._separator == ";" else "."

    def rows(self, positions: Sequence[int] | None = None) -> Iterator[Row]:
        """Split the file into rows."""
        # The limit is one number for the whole process; it is only ever raised, and always to this.
        csv.field_size_limit(MAX_FIELD_CHARACTERS)
        reader = csv.reader(io.StringIO(self._text, newline=""), delimiter=self._separator)
        width = max(positions) + 1 if positions else 0
        known: dict[str, str] = {}
        try:
            for number, row in enumerate(reader, 1 + self._skipped):
                if number > MAX_ROWS:
                    raise FormatError(
                        Sentence("The file has more than {limit} rows", {"limit": MAX_ROWS}), sheet=self._file
                    )
                # Equal texts (cluster, system ...) are kept once.
                cells: list[Cell] = [known.setdefault(cell, cell) or None for cell in row]
                if len(known) > MAX_KNOWN_TEXTS:
                    known.clear()
                if positions is not None:
                    cells.extend([None] * (width - len(cells)))
                    cells = [cells[position] for position in positions]
                yield number, cells
        except csv.Error as error:
            raise FormatError(
                Sentence("The file cannot be split into rows: {reason}", {"reason": str(error)}),
                sheet=self._file,
                row=reader.line_num,
            ) from error


def archived(archive: Archive) -> dict[str, Callable[[], bytes]]:
    """Give the CSV files of a zip."""
    return {
        name: _reader(archive, name)
        for name in archive.parts
        if name.casefold().endswith(ENDINGS) and not PurePosixPath(name).name.startswith((".", "__"))
    }


def in_folder(folder: Path) -> dict[str, Callable[[], bytes]]:
    """Give the CSV files of a folder."""
    return {
        path.name: path.read_bytes
        for path in sorted(folder.iterdir())
        if path.is_file() and path.suffix.casefold() in ENDINGS
    }


def single(data: bytes, filename: str) -> dict[str, Callable[[], bytes]] | None:
    """Give one CSV file as the sheet that its name says or its header shows; None where neither does."""
    stem = PurePosixPath(filename.replace("\\", "/")).stem
    if sheet_kind(stem) is not None:
        return {filename: lambda: data}
    header = _header(data)
    if header is None:
        return None
    kind = max(COLUMNS, key=lambda sheet: count_known(sheet, header))
    if count_known(kind, header) < MIN_KNOWN_HEADERS:
        return None
    return {f"{kind}.csv": lambda: data}


def encoding_of(data: bytes) -> str:
    """Say how the bytes spell text."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return encoding
    sample = data[:_SNIFFED_BYTES]
    if len(sample) >= 4 and sample[1::2].count(0) > len(sample) // 4:
        return "utf-16-le"
    if len(sample) >= 4 and sample[0::2].count(0) > len(sample) // 4:
        return "utf-16-be"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def decoded(data: bytes, name: str, findings: Findings | None = None) -> str:
    """Give the text of a file.

    Raises:
        FormatError: it is text in none of the encodings.
    """
    encoding = encoding_of(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise FormatError(
            Sentence(
                "The file is text in none of UTF-8, UTF-16 and Windows-1252 (byte {position})",
                {"position": error.start},
            ),
            sheet=shortened(cleaned(name)),
        ) from error
    if encoding == "cp1252" and findings is not None:
        findings.assume("{sheet} is not UTF-8 and was read as Windows-1252", sheet=shortened(cleaned(name)))
    return text


def _reader(archive: Archive, name: str) -> Callable[[], bytes]:
    return lambda: archive.read(name)


def _header(data: bytes) -> list[str] | None:
    try:
        separator, body, _ = _separator(decoded(data[: 16 * _SNIFFED_BYTES], ""))
        return next(csv.reader(io.StringIO(body, newline=""), delimiter=separator), None)
    except (FormatError, csv.Error):
        return None


def _separator(text: str) -> tuple[str, str, int]:
    """Give the separator, the text to split, and the lines before it (`sep=;` of Excel)."""
    first, _, rest = text.partition("\n")
    hint = first.strip().removeprefix("sep=")
    if first.startswith("sep=") and len(hint) == 1:
        return hint, rest, 1
    unquoted = "".join(first.split('"')[::2])
    separator = max(SEPARATORS, key=unquoted.count)
    return separator, text, 0
