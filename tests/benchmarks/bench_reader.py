"""How fast an RVTools export becomes an estate, beside openpyxl, which only gives cells.

    pytest -s tests/benchmarks/bench_reader.py          10,000 VMs with disks and partitions; 100,000 VMs

Each reader has a process of its own, so that memory is its own too; seconds are of the CPU, which a busy
machine stretches less than the clock's.  Prints figures and ratios; asserts only that all read the same rows.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from planner.formats.document import write_document
from planner.formats.reader import read
from tests.invented import Shape, tables
from tests.workbooks import csv_set, write_workbook, zipped

ROOT = Path(__file__).resolve().parents[2]
DETAILS = ("vInfo", "vDisk", "vPartition")

MEASURE = """
import json, resource, sys, time
from pathlib import Path
path = Path(sys.argv[1])
{prepare}
start, cpu = time.perf_counter(), time.process_time()
rows = {rows}
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps([rows, time.process_time() - cpu, time.perf_counter() - start, used]))
"""
OURS = MEASURE.format(
    prepare="from planner.formats.reader import read",
    rows="sum(sheet.rows_read for sheet in read(path).quality.sheets)",
)
CALAMINE = MEASURE.format(
    prepare="from python_calamine import CalamineWorkbook",
    rows="sum(sum(1 for _ in book.get_sheet_by_name(name).iter_rows()) - 1"
    " for book in [CalamineWorkbook.from_path(path)] for name in book.sheet_names)",
)
OPENPYXL = MEASURE.format(
    prepare="import openpyxl",
    rows="sum(sum(1 for _ in sheet.iter_rows(values_only=True)) - 1"
    " for sheet in openpyxl.load_workbook(path, read_only=True).worksheets)",
)


def measured(name: str, program: str, path: Path) -> tuple[int, float]:
    """Run one reader and print what it took; give the rows it read and its CPU seconds."""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rows, cpu_s, wall_s, mib = json.loads(done.stdout)
    print(f"  {name:<34} {rows:>8} rows  {cpu_s:7.2f} s CPU  {wall_s:7.2f} s  {mib:>5} MiB")
    return rows, cpu_s


def test_a_workbook_of_10_000_vms_against_openpyxl(tmp_path: Path) -> None:
    path = tmp_path / "export.xlsx"
    write_workbook(tables(Shape(vms=10_000, hosts=250, clusters=12), DETAILS), path)
    print(f"\n10,000 VMs, {' + '.join(DETAILS)}, {path.stat().st_size / 2**20:.1f} MiB")
    rows, ours = measured("ours: checked, read, an estate", OURS, path)
    cells, calamine = measured("python-calamine: cells only", CALAMINE, path)
    other, openpyxl = measured("openpyxl, read_only: cells only", OPENPYXL, path)
    print(f"  openpyxl / ours {openpyxl / ours:.1f}, openpyxl / calamine {openpyxl / calamine:.1f}")
    assert rows == cells == other


@pytest.mark.parametrize("inline", [False, True], ids=["shared texts", "inline texts"])
def test_a_workbook_of_100_000_vms(tmp_path: Path, inline: bool) -> None:
    path = tmp_path / "export.xlsx"
    write_workbook(tables(Shape(vms=100_000, hosts=2_500, clusters=120), ("vInfo",)), path, inline=inline)
    print(f"\n100,000 VMs, vInfo, {path.stat().st_size / 2**20:.1f} MiB, inline texts: {inline}")
    rows, ours = measured("ours: checked, read, an estate", OURS, path)
    cells, calamine = measured("python-calamine: cells only", CALAMINE, path)
    print(f"  ours / cells only {ours / calamine:.1f}")
    assert rows == cells == 100_000


def test_csv_and_documents_of_10_000_vms(tmp_path: Path) -> None:
    made = tables(Shape(vms=10_000, hosts=250, clusters=12), DETAILS)
    files, document = tmp_path / "export.zip", tmp_path / "estate.json"
    files.write_bytes(zipped(csv_set(made, ";")))
    document.write_bytes(write_document(read(files).estate))
    print(f"\n10,000 VMs as CSV ({files.stat().st_size / 2**20:.1f} MiB zipped) and as an estate document")
    measured("a zip of CSV files", OURS, files)
    measured("an estate document", OURS, document)
