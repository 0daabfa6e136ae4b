"""CSV exports: one file, a zip or a folder, in any separator and encoding, give what the workbook gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.formats.reader import read
from planner.quality import FormatError
from tests.invented import Shape, tables
from tests.workbooks import csv_set, small, vm, workbook, zipped

SHEETS = ("vInfo", "vDisk", "vPartition", "vHost", "vCluster", "vDatastore", "vNetwork")
MADE = tables(Shape(vms=25, hosts=3, own_columns=2), SHEETS)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_zip_of_files_is_the_estate_of_the_workbook(separator: str) -> None:
    reading = read(zipped(csv_set(MADE, separator)), "export.zip")
    assert reading.estate == read(workbook(MADE)).estate
    assert reading.quality.format == "rvtools-csv"
    assert {sheet.name for sheet in reading.quality.sheets} == set(SHEETS)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_encoding_does_not_matter(encoding: str) -> None:
    made = small(vInfo=[vm("été01", Cluster="Größe"), vm("naïve")])
    (data,) = csv_set(made, ";", encoding).values()
    reading = read(data, "RVTools_tabvInfo.csv")
    assert [each.name for each in reading.estate.vms] == ["naïve", "été01"]
    assert reading.estate.clusters[0].name == "Größe" or reading.estate.clusters[1].name == "Größe"


def test_windows_1252_is_told() -> None:
    (data,) = csv_set(small(vInfo=[vm("été")]), ",", "cp1252").values()
    assert any(
        "Windows-1252" in str(assumption) for assumption in read(data, "vInfo.csv").quality.assumptions
    )


def test_a_folder_of_files_is_read(tmp_path: Path) -> None:
    for name, data in csv_set(MADE, ";").items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "readme.md").write_text("not a sheet")
    assert read(tmp_path).estate == read(workbook(MADE)).estate


@pytest.mark.parametrize("name", ["vInfo.csv", "RVTools_tabvInfo.csv", "export of may.csv", "", "data.bin"])
def test_a_single_file_is_known_by_its_name_or_its_header(name: str) -> None:
    (data,) = csv_set(small(vInfo=[vm()]), ";").values()
    assert [each.name for each in read(data, name).estate.vms] == ["web01"]


def test_decimal_commas_of_a_semicolon_set_are_read() -> None:
    row = vm(**{"In Use MiB": 1234.5, "Provisioned MiB": 20480.25})
    (data,) = csv_set(small(vInfo=[row]), ";", comma=",").values()
    found = read(data, "vInfo.csv").estate.vms[0]
    assert (found.disk_used_mib, found.disk_mib) == (1235, 20480)


def test_an_ambiguous_number_of_a_semicolon_set_has_a_decimal_comma_and_a_warning() -> None:
    data = b"VM;CPUs;Memory;Provisioned MiB;In Use MiB;Powerstate\nweb01;2;4096;100;1,234;poweredOn\n"
    reading = read(data, "vInfo.csv")
    assert reading.estate.vms[0].disk_used_mib == 1
    (told,) = [w for w in reading.quality.warnings if w.column == "In Use MiB"]
    assert told.message.values == {"found": "1,234", "sign": ","}


def test_the_separator_hint_of_a_spreadsheet_program_is_no_row() -> None:
    data = b"sep=;\r\nVM;CPUs;Memory;Provisioned MiB;Powerstate\r\nweb01;2;bad;100;poweredOn\r\n"
    reading = read(
        b"sep=;\r\nVM;CPUs;Memory;Provisioned MiB;Powerstate\r\nok;2;1;1;poweredOff\r\n", "vInfo.csv"
    )
    assert [each.name for each in reading.estate.vms] == ["ok"]
    told = [w for w in read(data, "vInfo.csv").quality.warnings if w.column == "Memory"]
    assert {w.row for w in told} == {3}


def test_quoted_separators_and_line_breaks_stay_in_their_cell() -> None:
    header = b'VM,CPUs,Memory,Provisioned MiB,Powerstate,"Team, place"\n'
    data = header + b'"a,b",2,1,1,poweredOn,"x\ny"\nc,z,1,1,poweredOn,\n'
    reading = read(data, "vInfo.csv")
    assert reading.estate.vms[0].name == "a,b"
    assert reading.estate.vms[0].attributes == {"Team, place": "x y"}
    assert any(w.row == 3 and w.column == "CPUs" for w in reading.quality.warnings)


def test_short_and_long_rows_are_read() -> None:
    header = b"VM,CPUs,Memory,Provisioned MiB,Powerstate,Host\n"
    data = header + b"a,1,2,3,poweredOn\nb,1,2,3,poweredOn,esx1,extra,extra\n"
    assert [each.host for each in read(data, "vInfo.csv").estate.vms] == [None, "esx1"]


@pytest.mark.parametrize(
    "data",
    [
        b"a,b,c\n1,2,3\n",
        b"hello world",
        b"VM\nweb01\n",
        b"\x00\x01\x02\x03" * 50,
        "Größe".encode("cp1252") * 40,
    ],
)
def test_a_text_that_is_no_export_is_refused_naming_how_it_begins(data: bytes) -> None:
    with pytest.raises(FormatError, match="it begins with"):
        read(data, "notes.txt")


def test_a_zip_of_other_files_is_refused_naming_them() -> None:
    with pytest.raises(FormatError, match=r"it holds a\.png, b/c\.doc"):
        read(zipped({"a.png": b"x", "b/c.doc": b"y"}))


def test_a_set_without_vinfo_is_refused_naming_the_sheets() -> None:
    files = csv_set(tables(Shape(vms=2), ("vHost", "vDisk")))
    with pytest.raises(
        FormatError, match="no sheet vInfo; the sheets found are: RVTools_tabvDisk, RVTools_tabvHost"
    ):
        read(zipped(files))


def test_bytes_of_no_encoding_are_refused_with_their_place() -> None:
    data = b"VM;CPUs;Memory;Provisioned MiB;Powerstate\n\x81\x8d;1;1;1;poweredOn\n"
    with pytest.raises(FormatError, match="none of UTF-8, UTF-16 and Windows-1252"):
        read(data, "vInfo.csv")
