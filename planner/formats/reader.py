"""bytes -> Reading: says what a file is by its content, never by its ending, and reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from planner.estate import EstateError
from planner.formats.archive import Archive
from planner.formats.csv_files import CsvFiles, archived, encoding_of, in_folder, single
from planner.formats.findings import Findings
from planner.formats.ova import descriptor_of, is_tar
from planner.formats.ovf import FORMAT as OVF
from planner.formats.ovf import read_ovf
from planner.formats.plain import read_answers, read_json, read_xml
from planner.formats.rvtools import RvtoolsReader, Source, sheet_kind
from planner.formats.sheet import Sheet
from planner.formats.text import cleaned, shortened
from planner.formats.workbook import BINARY_WORKBOOK, WORKBOOK, Workbook
from planner.formats.xml_text import looks_like_xml
from planner.quality import FormatError, Quality, Reading
from planner.sentence import Sentence

_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
# Names that are the same in every language, for they stand in a translated sentence.
_OTHERS: Final = (
    (b"%PDF", "PDF"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!", "RAR"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"SQLite format 3", "SQLite"),
    (b"\x7fELF", "ELF"),
    (b"MZ", "EXE"),
)
MAX_FILE_BYTES: Final = (
    500 * 1024 * 1024
)  # larger than any export of a supported estate; the shell asks for less


OnSheet: TypeAlias = Callable[[str], None]


class _Followed:
    """Sheets whose opening is told."""

    def __init__(self, source: Source, on_sheet: OnSheet) -> None:
        self._source = source
        self._on_sheet = on_sheet

    @property
    def names(self) -> Sequence[str]:
        return self._source.names

    def sheet(self, name: str, kind: str) -> Sheet:
        self._on_sheet(name)
        return self._source.sheet(name, kind)

    def count(self, name: str) -> int:
        return self._source.count(name)


def _unfollowed(_name: str) -> None:
    """Nobody asked to be told."""


def read(source: bytes | Path, filename: str = "", on_sheet: OnSheet = _unfollowed) -> Reading:
    """Read an RVTools workbook, its CSV files (one, a zip or a folder), an estate document, an OVF or OVA
    appliance, or what libvirt (XML) or the Proxmox API (JSON) answered, in one file or a folder of them.

    What the file is, its bytes say; the name only tells which sheet a single CSV file is.  Nothing is
    half-read: either there is a whole estate, or a refusal.

    Args:
        source: the bytes, or the path of a file or folder.
        filename: what the sender called it.
        on_sheet: is told the name of each sheet as it is opened.

    Returns:
        The estate, sorted, and the report of what was read, skipped and assumed.

    Raises:
        FormatError: it is none of these, or cannot be read; says where and what was found.
    """
    name = filename or (source.name if isinstance(source, Path) else "")
    if isinstance(source, Path) and source.is_dir():
        return read_answers(source) or _read_csv(in_folder(source), on_sheet)
    start = _start(source)
    if is_tar(start):
        return _read_ova(source)
    if start.startswith((_ZIP, _EMPTY_ZIP)):
        return _read_archive(source, name, on_sheet)
    data = source if isinstance(source, bytes) else source.read_bytes()
    _refuse_others(data, start)
    if start.decode(encoding_of(start), "replace").lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return read_json(data, name)
    if looks_like_xml(start):
        return read_xml(data, name)
    files = single(data, name)
    if files is None:
        raise FormatError(
            Sentence(
                "The file is neither an RVTools workbook nor its CSV nor an estate document "
                "nor an appliance; it begins with {found}",
                {"found": shortened(cleaned(start[:40].decode("utf-8", "replace")), 60)},
            )
        )
    return _read_csv(files, on_sheet)


def _start(source: bytes | Path) -> bytes:
    """Give the first bytes of the file."""
    if isinstance(source, bytes):
        size, start = len(source), source[:512]
    else:
        try:
            size = source.stat().st_size
            with source.open("rb") as stream:
                start = stream.read(512)
        except OSError as error:
            raise FormatError(
                Sentence(
                    "{file} cannot be opened: {reason}", {"file": str(source), "reason": error.strerror or ""}
                )
            ) from error
    if not start:
        raise FormatError(Sentence("The file is empty"))
    if size > MAX_FILE_BYTES and not is_tar(start):  # of an OVA only the descriptor is read
        raise FormatError(
            Sentence(
                "The file has {bytes} bytes; the limit is {limit}", {"bytes": size, "limit": MAX_FILE_BYTES}
            )
        )
    return start


def _read_ova(source: bytes | Path) -> Reading:
    """Read the descriptor inside, and say what was odd about the tar too."""
    findings = Findings()
    reading = read_ovf(descriptor_of(source, findings))
    told = (*findings.warnings, *reading.quality.warnings)
    quality = msgspec.structs.replace(reading.quality, format=f"{OVF}-tar", warnings=told)
    return Reading(estate=reading.estate, quality=quality)


def _read_archive(source: bytes | Path, name: str, on_sheet: OnSheet) -> Reading:
    archive = Archive(source)
    try:
        if WORKBOOK in archive.parts:
            return _read_workbook(archive, source, on_sheet)
        if BINARY_WORKBOOK in archive.parts:
            raise FormatError(Sentence("The file is a binary workbook (.xlsb); save it as .xlsx"))
        files = archived(archive)
        if any(sheet_kind(Path(file).stem) for file in files):
            return _read_csv(files, on_sheet)
        found = ", ".join(sorted(archive.parts)) or "-"
        raise FormatError(
            Sentence(
                "The zip holds neither a workbook nor CSV files of RVTools; it holds {found}",
                {"found": shortened(cleaned(found), 400)},
            )
        )
    finally:
        archive.close()


def _read_workbook(archive: Archive, source: bytes | Path, on_sheet: OnSheet) -> Reading:
    findings = Findings()
    return _read_sheets(_Followed(Workbook(archive, source, findings), on_sheet), "rvtools-xlsx", findings)


def _read_csv(files: Mapping[str, Callable[[], bytes]], on_sheet: OnSheet) -> Reading:
    findings = Findings()
    return _read_sheets(_Followed(CsvFiles(files, findings), on_sheet), "rvtools-csv", findings)


def _read_sheets(source: Source, form: str, findings: Findings) -> Reading:
    try:
        estate = RvtoolsReader(source, findings).estate()
    except EstateError as error:
        # The reader tells rows of one name apart, so this is a fault of ours; the import still ends cleanly.
        raise FormatError(
            Sentence("The estate contradicts itself: {reason}", {"reason": str(error)})
        ) from error
    order = [sheet_kind(name) for name in source.names]
    quality = Quality(
        format=form,
        sheets=tuple(sorted(findings.sheets, key=lambda sheet: order.index(sheet.name))),
        warnings=findings.warnings,
        assumptions=findings.assumptions,
    )
    return Reading(estate=estate, quality=quality)


def _refuse_others(data: bytes, start: bytes) -> None:
    """Name the formats that people send by mistake."""
    if start.startswith(_OLE):
        if _ENCRYPTED in data:
            raise FormatError(Sentence("The workbook is protected by a password; save it without one"))
        raise FormatError(Sentence("The file is an old .xls workbook or another OLE file; save it as .xlsx"))
    for magic, what in _OTHERS:
        if start.startswith(magic):
            raise FormatError(
                Sentence(
                    "The file is of the kind {what}, neither a workbook, nor CSV, nor an estate document",
                    {"what": what},
                )
            )
