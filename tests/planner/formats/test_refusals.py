"""What is no readable export is refused: at once, in little memory, with a sentence that says why."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.formats import archive as archive_module
from planner.formats.reader import read
from planner.quality import FormatError, Reading
from tests.invented import Shape, tables
from tests.workbooks import csv_set, small, vm, workbook, zipped

ROOT = Path(__file__).resolve().parents[3]
PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        '<sheets><sheet name="vInfo" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}
HEAD = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
TAIL = "</sheetData></worksheet>"


def handmade(rows: str, head: str = HEAD, tail: str = TAIL) -> bytes:
    """A workbook whose only sheet holds this XML."""
    return zipped(
        {name: text.encode() for name, text in PARTS.items()}
        | {"xl/worksheets/sheet1.xml": (head + rows + tail).encode()}
    )


def cell(reference: str) -> str:
    return f'<c r="{reference}"><v>1</v></c>'


def refusal(data: bytes, name: str = "") -> str:
    with pytest.raises(FormatError) as caught:
        read(data, name)
    return str(caught.value)


# --- no workbook at all


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "The file is empty"),
        (b"%PDF-1.7 ...", "of the kind PDF"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"7z\xbc\xaf\x27\x1crest", "7-Zip"),
        (b"\x89PNG\r\n", "of the kind PNG"),
        (b"<html><body>log in</body></html>", "it begins with <html>"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old .xls workbook"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            "password",
        ),
        (b"PK\x03\x04", "damaged or truncated zip"),
        (b"PK\x05\x06" + bytes(18), "it holds -"),
    ],
)
def test_what_is_no_workbook_is_named(data: bytes, told: str) -> None:
    assert told in refusal(data, "export.xlsx")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_workbook_is_refused(part: float) -> None:
    data = workbook(small(vInfo=[vm()]))
    assert "damaged or truncated zip" in refusal(data[: int(len(data) * part)])


def test_the_ending_of_the_name_does_not_matter() -> None:
    assert len(read(workbook(small(vInfo=[vm()])), "notes.txt").estate.vms) == 1


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"gone\.xlsx cannot be opened: No such file"):
        read(tmp_path / "gone.xlsx")


def test_a_workbook_without_vinfo_is_refused_naming_its_sheets() -> None:
    made = {name: (("A",), [[1]]) for name in ("vHost", "Tabelle1")}
    assert "There is no sheet vInfo; the sheets found are: vHost, Tabelle1" in refusal(workbook(made))


@pytest.mark.parametrize("column", ["VM", "CPUs", "Memory"])
def test_a_vinfo_without_a_needed_column_is_refused_naming_sheet_row_and_column(column: str) -> None:
    row = vm()
    del row[column]
    message = refusal(workbook(small(vInfo=[row])))
    assert message.startswith(
        f"vInfo, row 1, column {column}: The column {column} is missing; the headers found are: "
    )
    assert "Powerstate" in message


def test_an_empty_vinfo_is_refused() -> None:
    assert "The column VM is missing" in refusal(workbook({"vInfo": ((), [])}))


def test_a_binary_workbook_is_refused() -> None:
    assert ".xlsb" in refusal(zipped({"xl/workbook.bin": b"x"}))


# --- macros


def test_a_workbook_with_macros_is_read_and_the_macros_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(workbook(small(vInfo=[vm()])))) as plain:
        parts = {name: plain.read(name) for name in plain.namelist()}
    reading = read(zipped(parts | {"xl/vbaProject.bin": b"Attribute VB_Name"}), "export.xlsm")
    assert len(reading.estate.vms) == 1
    (told,) = reading.quality.warnings
    assert "macros" in str(told.message)


# --- zips that lie, swell or hide


def test_a_part_that_claims_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(zipped({"xl/workbook.xml": b"x"}))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<L", archive_module.MAX_PART_BYTES + 1)
    assert "claims to inflate to" in refusal(bytes(data))


def test_all_parts_together_may_not_claim_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "MAX_INFLATED_BYTES", 1000)
    assert "The zip claims to inflate to" in refusal(workbook(small(vInfo=[vm()])))


def test_a_part_that_inflates_too_well_is_refused_as_a_bomb() -> None:
    bomb = zipped({"xl/workbook.xml": bytes(64 * 1024 * 1024)})
    assert len(bomb) < 100_000
    assert "like a zip bomb" in refusal(bomb)


@pytest.mark.parametrize("claimed", [10, 5_000_000])
def test_a_part_that_lies_about_its_size_is_refused(claimed: int) -> None:
    content = b"<a>" * 500_000
    data = bytearray(zipped({name: text.encode() for name, text in PARTS.items()} | {"xl/lie.xml": content}))
    for magic, offset, crc in ((b"PK\x01\x02", 24, 16), (b"PK\x03\x04", 22, 14)):
        at = data.rindex(magic)
        data[at + offset : at + offset + 4] = struct.pack("<L", claimed)
        # A liar who knows how such readers check forges the checksum of the beginning, too.
        data[at + crc : at + crc + 4] = struct.pack("<L", zlib.crc32(content[:claimed]))
    assert "xl/lie.xml in the zip is damaged" in refusal(bytes(data))


def test_a_damaged_part_is_refused() -> None:
    data = bytearray(workbook(tables(Shape(vms=300), ("vInfo",))))
    for at in range(len(data) // 2, len(data) // 2 + 40):
        data[at] ^= 0x55
    assert "in the zip is damaged" in refusal(bytes(data))


@pytest.mark.parametrize("encoding", ["UTF-99", "utf-7", "x"])
def test_a_plan_in_an_encoding_nobody_knows_is_refused(encoding: str) -> None:
    parts = {name: text.encode() for name, text in PARTS.items()}
    parts["xl/workbook.xml"] = (
        f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + parts["xl/workbook.xml"]
    )
    assert "The workbook cannot be read" in refusal(zipped(parts))


def test_too_many_parts_are_refused() -> None:
    assert "the limit is 2000" in refusal(zipped({f"xl/{number}": b"" for number in range(2001)}))


def test_an_endless_directory_is_refused_before_it_is_read() -> None:
    data = bytearray(zipped({"a": b"x"}))
    at = data.rindex(b"PK\x05\x06")
    data[at + 12 : at + 16] = struct.pack("<L", 2**31)
    assert "directory of 2147483648 bytes" in refusal(bytes(data))


def test_an_encrypted_zip_is_refused() -> None:
    data = bytearray(workbook(small(vInfo=[vm()])))
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    assert "encrypted" in refusal(bytes(data))


def test_a_csv_in_a_zip_may_not_swell_either() -> None:
    assert "like a zip bomb" in refusal(zipped({"vInfo.csv": b"VM;CPUs\n" + b";" * (64 * 1024 * 1024)}))


# --- sheets that would take more memory than there is


@pytest.mark.parametrize(
    "rows",
    [
        f'<row r="1">{cell("A1")}</row><row r="1048576">{cell("XFD1048576")}</row>',
        f'<row r="1">{cell("A1")}</row><row r="200000">{cell("ZZ200000")}</row>',
        f'<row r="1">{cell("A1")}{cell("XFD1048576")}</row>',
        f'<row r="1">{cell("A1")}</row><row r="2">{cell("ZZZZ1048576")}</row>',
        f'<row r="1">{cell("A1")}</row><row r="2">{cell("A99999999")}</row>',
        f'<row r="1">{cell("A1")}</row>' + "<row r='1048576'><c r='xfd1048576'><v>1</v></c></row>",
        f'<row r="1">{cell("A1")}</row>' + '<row r="1048576"><c\nr = "XFD1048576"><v>1</v></c></row>',
        f'<row r="1">{cell("A1")}</row>' + '<row r="1048576"><y:c s="1" r="XFD1048576"><v>1</v></y:c></row>',
        f'<row r="1">{cell("A1")}</row>' + '<row r="1048576"><c cm=">" r="XFD1048576"><v>1</v></c></row>',
        f'<row r="1">{cell("A1")}</row><row r="1048576">' + "<c><v>1</v></c>" * 16_384 + "</row>",
    ],
)
def test_two_cells_too_far_apart_are_refused(rows: str) -> None:
    data = handmade(rows)
    assert len(data) < 5_000
    assert "the limit is 20000000 cells" in refusal(data)


@pytest.mark.parametrize("hiding", ["<!-- <c r='", "<![CDATA[<c r='", "<?x <c r='"])
def test_markup_in_which_a_cell_could_hide_is_refused(hiding: str) -> None:
    assert "comments or other markup" in refusal(handmade(f'<row r="1">{hiding} {cell("XFD1048576")}</row>'))


def test_an_endless_tag_is_refused_quickly() -> None:
    assert "markup" in refusal(handmade("<row " + "x" * (12 * 1024 * 1024) + ">"))


def test_an_endless_text_does_not_hide_what_follows() -> None:
    rows = f'<row r="1"><c r="A1" t="str"><v>{"x" * (3 * 1024 * 1024)}</v></c>{cell("XFD1048576")}</row>'
    assert "the limit is 20000000 cells" in refusal(handmade(rows))


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/worksheets/sheet7.xml"])
def test_a_sheet_whose_part_is_missing_is_refused_by_name(part: str) -> None:
    with zipfile.ZipFile(io.BytesIO(workbook(tables(Shape(vms=2))))) as sound:
        parts = {name: sound.read(name) for name in sound.namelist() if name != part}
    assert refusal(zipped(parts)).startswith("v")


def test_a_sheet_in_another_alphabet_is_not_read() -> None:
    parts = {name: text.encode() for name, text in PARTS.items()}
    sheet = (HEAD + cell("A1") + cell("XFD1048576") + TAIL).encode("utf-16")
    assert refusal(zipped(parts | {"xl/worksheets/sheet1.xml": sheet}))


def test_a_large_and_honest_sheet_passes() -> None:
    rows = "".join(
        f'<row r="{row}">{cell(f"A{row}")}{cell(f"AZ{row}")}</row>' for row in range(1, 120_000, 7)
    )
    assert "The column VM is missing" in refusal(handmade(rows))


def test_styled_empty_cells_far_away_take_no_place() -> None:
    rows = f'<row r="1">{cell("A1")}</row><row r="1048576"><c r="XFD1048576" s="2"/></row>'
    assert "The column VM is missing" in refusal(handmade(rows))


def test_one_long_text_in_too_many_cells_is_refused() -> None:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    sheet = book.add_worksheet("vInfo")
    for row in range(200):
        for column in range(100):
            sheet.write_string(row, column, "x" * 30_000)
    book.close()
    assert len(buffer.getvalue()) < 200_000
    assert "The cells of the sheet hold more than 536870912 bytes of text" in refusal(buffer.getvalue())


@pytest.mark.parametrize(
    "bomb",
    ["zipped({'xl/workbook.xml': bytes(400 * 2**20)})", "handmade(cell('A1') + cell('XFD1048576'))"],
)
def test_a_bomb_is_refused_in_little_memory(bomb: str) -> None:
    program = (
        "import resource, sys\n"
        "from tests.planner.formats.test_refusals import cell, handmade\n"
        "from tests.workbooks import zipped\n"
        "from planner.formats.reader import read\n"
        "from planner.quality import FormatError\n"
        f"data = {bomb}\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    read(data)\nexcept FormatError:\n    pass\nelse:\n    sys.exit('it was read')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 50 * 1024  # KiB


# --- anything at all


SEEDS = [
    workbook(
        tables(Shape(vms=3, hosts=2), ("vInfo", "vDisk", "vHost", "vDatastore", "vMultiPath", "vNetwork"))
    ),
    handmade('<row r="1"><c r="A1" t="inlineStr"><is><t>VM</t></is></c></row>'),
    zipped(csv_set(tables(Shape(vms=3), ("vInfo", "vHost")))),
    csv_set(tables(Shape(vms=3), ("vInfo",)), ";")["RVTools_tabvInfo.csv"],
    b'{"format":"headroom-estate/1","vms":[{"name":"a","power":"on","vcpus":1,"memory_mib":1,"disk_mib":1}]}',
]


def outcome(data: bytes) -> Reading | None:
    """Nothing but a reading or a refusal that says why may come out."""
    try:
        return read(data, "x")
    except FormatError as error:
        told = str(error)
    assert told
    return None


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0, 2**32), st.integers(1, 12))
def test_mutated_files_are_read_or_refused(seed_file: bytes, seed: int, changes: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    data = bytearray(seed_file)
    for _ in range(changes):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randrange(1, 30)]
            case 2:
                data[at:at] = chance.randbytes(chance.randrange(1, 8))
            case _:
                data[at : at + 4] = chance.choice([b"\xff" * 4, bytes(4), b"<c r", b'"', b"NaN,", b"1e99"])
        data = data or bytearray(b"x")
    outcome(bytes(data))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_mutated_parts_of_a_sound_zip_are_read_or_refused(seed: int, changes: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    with zipfile.ZipFile(io.BytesIO(SEEDS[0])) as sound:
        parts = {name: bytearray(sound.read(name)) for name in sound.namelist()}
    for _ in range(changes):
        part = parts[chance.choice(sorted(parts))]
        at = chance.randrange(len(part) + 1)
        match chance.randrange(4):
            case 0:
                part[at : at + 1] = chance.randbytes(1)
            case 1:
                del part[at : at + chance.randrange(1, 60)]
            case 2:
                part[at:at] = chance.choice(
                    [b"<row>", b"</c>", b'<c r="B2"/>', b"<v>-5</v>", b"&x;", b"\x00"]
                )
            case _:
                part[at : at + 2] = chance.choice([b"NaN", b"9" * 30, b"99999", b"\xff\xfe", b"''"])
    outcome(zipped({name: bytes(part) for name, part in parts.items()}))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    outcome(data)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.one_of(st.none(), st.text(max_size=12), st.floats(), st.booleans()), max_size=8),
        max_size=6,
    )
)
def test_any_csv_below_a_header_is_read_or_refused(rows: list[list[object]]) -> None:
    lines = ["VM;CPUs;Memory;Provisioned MiB;Powerstate;Template;In Use MiB;Host"]
    lines += [";".join("" if value is None else str(value) for value in row) for row in rows]
    outcome("\n".join(lines).encode("utf-8", "replace"))
