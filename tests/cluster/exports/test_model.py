"""The sheet that lives: counted by another program, it says what the report says and follows its inputs."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path

import formulas
import openpyxl
import pytest
from msgspec.structs import replace

from cluster.exports import EXPORTS
from planner.formats.document import read_document
from planner.report import Parameters, PlanReport, plan
from tests.cluster.exports.texts import HOSTILE, MADE_AT, ROOT, TITLE

FIRST = 11  # the row of the first cluster, as a spreadsheet counts


def workbook(report: PlanReport, language: str = "en") -> bytes:
    return EXPORTS["xlsx"].render(report, title=TITLE, language=language, made_at=MADE_AT)


def worked_out(report: PlanReport, folder: Path, **inputs: float) -> dict[str, object]:
    """What the cells of the sheet hold when a spreadsheet has counted, with some inputs changed."""
    book = openpyxl.load_workbook(BytesIO(workbook(report)))
    sheet = book["Model"]
    for cell, value in inputs.items():
        sheet[cell] = value
    for name in book.sheetnames:
        if name != "Model":
            del book[name]
    path = folder / "model.xlsx"
    book.save(path)
    counted = formulas.ExcelModel().loads(str(path)).finish().calculate()
    found = {}
    for row in range(FIRST, FIRST + len(report.clusters)):
        for column in "HIJLMNO":
            ranges = counted[f"'[model.xlsx]MODEL'!{column}{row}"]
            found[f"{column}{row}"] = ranges.value[0, 0]
    return found


def test_a_spreadsheet_counts_what_the_report_says(demo_report: PlanReport, tmp_path: Path) -> None:
    found = worked_out(demo_report, tmp_path)
    kept = openpyxl.load_workbook(BytesIO(workbook(demo_report)), data_only=True)["Model"]
    for at, cluster in enumerate(demo_report.clusters):
        row = FIRST + at
        needs = {need.resource: need for need in cluster.needs}
        assert (found[f"H{row}"], found[f"I{row}"]) == (needs["cpu"].hosts, needs["memory"].hosts)
        assert found[f"L{row}"] == pytest.approx(cluster.summary.vcpu_per_core_n1)
        for column in "HIJLMNO":
            assert found[f"{column}{row}"] == pytest.approx(kept[f"{column}{row}"].value), (
                "the value it was sent with"
            )


def test_the_sheet_follows_its_inputs_as_a_new_plan_would(demo_report: PlanReport, tmp_path: Path) -> None:
    found = worked_out(demo_report, tmp_path, B4=2.0, B5=2.0, B6=10_000.0)
    estate = read_document((ROOT / "scenarios/demo/estate.json").read_bytes())
    again = plan(estate, Parameters(vcpu_per_core=2.0, failures=2, host_price="10000"))
    for at, cluster in enumerate(again.clusters):
        row = FIRST + at
        needs = {need.resource: need.hosts or 0 for need in cluster.needs}
        assert found[f"H{row}"] == needs["cpu"]
        assert found[f"J{row}"] == max(needs["cpu"], needs["memory"]) + 2
        packed = demo_report.clusters[at].hosts_needed or 0
        missing = max(0, max(found[f"J{row}"], packed) - cluster.hosts_today)
        assert found[f"M{row}"] == 10_000 * missing


def test_no_formula_holds_a_name_and_every_other_sheet_is_free_of_them(hostile_report: PlanReport) -> None:
    book = openpyxl.load_workbook(BytesIO(workbook(hostile_report)))
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    assert sheet.title == "Model"
                    assert not any(text in str(cell.value) for text in HOSTILE if len(text) > 3)


def test_a_cluster_without_a_host_has_no_line(demo_report: PlanReport) -> None:
    bare = replace(demo_report, clusters=tuple(replace(one, host_model=None) for one in demo_report.clusters))
    sheet = openpyxl.load_workbook(BytesIO(workbook(bare)))["Model"]
    assert sheet.max_row < FIRST


def test_the_licence_floor_is_in_the_formula(demo_report: PlanReport, tmp_path: Path) -> None:
    """Two sockets of 4 cores each count as 32 cores; Broadcom KB 313548."""
    found = worked_out(demo_report, tmp_path, **{f"D{FIRST}": 8.0, f"F{FIRST}": 2.0, "B7": 1.0, "B4": 1000.0})
    hosts = max(found[f"J{FIRST}"], demo_report.clusters[0].hosts_needed or 0)  # type: ignore[type-var]
    assert found[f"N{FIRST}"] == 32 * hosts
    assert math.isfinite(float(found[f"N{FIRST}"]))  # type: ignore[arg-type]
