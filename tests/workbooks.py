"""Writes RVTools-shaped workbooks and CSV sets for tests and benchmarks."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import xlsxwriter

from tests.invented import Cell, Rows, Tables


def small(**sheets: Sequence[Mapping[str, Cell]]) -> Tables:
    """Give sheets from rows written as header -> cell; the headers stand in the order they first appear."""
    made: Tables = {}
    for name, rows in sheets.items():
        headers = tuple(dict.fromkeys(header for row in rows for header in row))
        made[name] = (headers, [[row.get(header) for header in headers] for row in rows])
    return made


def vm(name: str = "web01", **cells: Cell) -> dict[str, Cell]:
    """Give a row of vInfo that any reader must take, with cells changed or added."""
    row: dict[str, Cell] = {
        "VM": name,
        "Powerstate": "poweredOn",
        "Template": "False",
        "CPUs": 2,
        "Memory": 4096,
        "Provisioned MiB": 20480,
        "In Use MiB": 10240,
        "Cluster": "c1",
        "Host": "esx1",
    }
    return row | cells


def host(name: str = "esx1", **cells: Cell) -> dict[str, Cell]:
    """Give a row of vHost that any reader must take, with cells changed or added."""
    row: dict[str, Cell] = {
        "Host": name,
        "Cluster": "c1",
        "# CPU": 2,
        "# Cores": 32,
        "Speed": 2600,
        "# Memory": 524288,
    }
    return row | cells


def workbook(made: Mapping[str, tuple[Sequence[str], Rows]]) -> bytes:
    """Write sheets into a workbook."""
    buffer = io.BytesIO()
    write_workbook(made, buffer)
    return buffer.getvalue()


def write_workbook(
    made: Mapping[str, tuple[Sequence[str], Rows]], target: BinaryIO | Path, *, inline: bool = False
) -> None:
    """Write sheets into a workbook; `inline` keeps each text in its cell and the memory small."""
    file = target if not isinstance(target, Path) else str(target)
    book = xlsxwriter.Workbook(file, {"constant_memory": inline, "strings_to_numbers": False})
    for name, (headers, rows) in made.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate((headers, *rows)):
            for column, cell in enumerate(row):
                _write(sheet, number, column, cell)
    book.close()


def csv_set(
    made: Mapping[str, tuple[Sequence[str], Rows]],
    separator: str = ",",
    encoding: str = "utf-8",
    comma: str = ".",
) -> dict[str, bytes]:
    """Write sheets as RVTools' CSV files, numbers with the decimal sign given."""
    files: dict[str, bytes] = {}
    for name, (headers, rows) in made.items():
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=separator)
        writer.writerow(headers)
        writer.writerows([_spelled(cell, comma) for cell in row] for row in rows)
        files[f"RVTools_tab{name}.csv"] = text.getvalue().encode(encoding)
    return files


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Put files into a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _write(sheet: xlsxwriter.workbook.Worksheet, row: int, column: int, cell: Cell) -> None:
    if cell is None:
        return
    if isinstance(cell, bool):
        sheet.write_boolean(row, column, cell)
    elif isinstance(cell, int | float):
        sheet.write_number(row, column, cell)
    elif cell.startswith("="):
        sheet.write_formula(row, column, cell, value="")
    else:
        sheet.write_string(row, column, cell)


def _spelled(cell: Cell, comma: str) -> str:
    if cell is None:
        return ""
    return str(cell).replace(".", comma) if isinstance(cell, float) else str(cell)
