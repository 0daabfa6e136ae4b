"""Workbook, CSV and JSON: opened with other libraries and compared with the report they are made of."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from decimal import Decimal
from io import BytesIO, StringIO

import msgspec
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from cluster.exports import EXPORTS, xlsx
from cluster.exports.csv import FORMULA_STARTS, harmless, write
from cluster.exports.legible import legible
from cluster.exports.sheets import Column, Table
from cluster.exports.version import version
from cluster.visible import visible
from planner.report import PlanReport
from tests.cluster.exports.texts import HOSTILE, MADE_AT, ROOT, TITLE

EXCEL_DIGITS = 1e-15  # a workbook holds 16 digits of a number


def workbook(report: PlanReport, language: str = "en", title: str = TITLE) -> openpyxl.Workbook:
    made = EXPORTS["xlsx"].render(report, title=title, language=language, made_at=MADE_AT)
    return openpyxl.load_workbook(BytesIO(made))


def rows(sheet: Worksheet) -> list[dict[str, object]]:
    head, *body = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in body]


def tables_of(book: openpyxl.Workbook) -> list[Worksheet]:
    """The sheets that are tables; the one that lives has tests of its own."""
    return [sheet for sheet in book if sheet.title != "Model"]


def read_csv(made: bytes, separator: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(made.decode("utf-8-sig"), newline=""), delimiter=separator))


def test_the_workbook_holds_every_number_of_the_report(demo_report: PlanReport) -> None:
    book = workbook(demo_report)
    assert book.sheetnames == [
        "Summary",
        "Clusters",
        "Needs",
        "Numbers",
        "Cost",
        "Warnings",
        "Assumptions",
        "Made from",
        "Model",
    ]
    for row, cluster in zip(rows(book["Clusters"]), demo_report.clusters, strict=True):
        assert row["Cluster"] == cluster.name
        assert row["Hosts needed"] == cluster.hosts_needed
        assert row["Failures tolerated today"] == cluster.failures_tolerated_today
        assert row["Storage used (TiB)"] == pytest.approx(cluster.summary.storage_used_tib, rel=EXCEL_DIGITS)
    numbers = rows(book["Numbers"])
    figures = [(cluster, figure) for cluster in demo_report.clusters for figure in cluster.figures]
    for row, (cluster, figure) in zip(numbers, figures, strict=True):
        assert (row["Cluster"], row["Id"]) == (cluster.name, figure.id)
        if isinstance(figure.value, bool):
            assert row["Value"] == ("yes" if figure.value else "no")
        elif isinstance(figure.value, int | float):
            assert row["Value"] == pytest.approx(figure.value, rel=EXCEL_DIGITS, abs=0)


def test_the_sums_of_the_workbook_are_those_of_the_report(demo_report: PlanReport) -> None:
    cost = rows(workbook(demo_report)["Cost"])
    lines = [line for cluster in demo_report.clusters for line in cluster.cost] + list(demo_report.cost)
    assert len(cost) == len(lines)
    for row, line in zip(cost, lines, strict=True):
        assert row["At least"] == (None if line.low is None else float(line.low))
        assert row["At most"] == (None if line.high is None else float(line.high))
        assert row["Currency"] == line.currency
    assert sum(Decimal(str(row["At least"])) for row in cost if row["At least"] is not None) == sum(
        Decimal(line.low) for line in lines if line.low is not None
    )


def test_the_workbook_says_what_it_is_and_keeps_its_head_in_sight(demo_report: PlanReport) -> None:
    book = workbook(demo_report)
    assert book.properties.title == f"{TITLE} – Capacity report"
    assert book.properties.creator == "Headroom"
    assert book.properties.created == MADE_AT.replace(tzinfo=None)
    for sheet in tables_of(book):
        assert sheet.freeze_panes == "B2"
        assert sheet.column_dimensions["A"].width > 8


def test_no_cell_of_a_table_is_a_formula_or_a_link(hostile_report: PlanReport) -> None:
    book = workbook(hostile_report, title=HOSTILE[2])
    for sheet in tables_of(book):
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", cell.coordinate
                assert cell.hyperlink is None
    names = [row["Cluster"] for row in rows(book["Clusters"])]
    assert names == [visible(text) if text.strip() else "(no name)" for text in HOSTILE]


def test_warnings_are_all_in_the_workbook(large_report: PlanReport) -> None:
    warnings = rows(workbook(large_report)["Warnings"])
    assert len(warnings) == 1000
    assert warnings[-1]["What was found"] == "1,001 is odd"


def test_a_text_longer_than_a_cell_is_cut_and_not_dropped(demo_report: PlanReport) -> None:
    model = demo_report.clusters[0]
    source = "s" * 40_000
    figure = msgspec.structs.replace(model.figures[0], source=source)
    report = msgspec.structs.replace(
        demo_report, clusters=(msgspec.structs.replace(model, figures=(figure,)),)
    )
    cell = rows(workbook(report)["Numbers"])[0]["Source"]
    assert isinstance(cell, str)
    assert len(cell) == xlsx.TEXT_MAX
    assert cell.endswith("s…")


def test_the_csv_holds_every_number_exactly(demo_report: PlanReport) -> None:
    made = EXPORTS["csv"].render(demo_report, title=TITLE, language="en", made_at=MADE_AT)
    assert made.startswith(b"\xef\xbb\xbf")
    for row, cluster in zip(read_csv(made), demo_report.clusters, strict=True):
        assert row["Cluster"] == cluster.name
        assert int(row["Hosts needed"]) == cluster.hosts_needed
        assert float(row["vCPUs per core"]) == cluster.summary.vcpu_per_core
        assert float(row["Storage used (TiB)"]) == cluster.summary.storage_used_tib


def test_the_figures_have_a_csv_of_their_own(demo_report: PlanReport) -> None:
    made = EXPORTS["figures.csv"].render(demo_report, title=TITLE, language="en", made_at=MADE_AT)
    found = {(row["Cluster"], row["Id"]): row for row in read_csv(made)}
    row = found["Production", "vcpu_per_core_n1"]
    assert float(row["Value"]) == 680 / 224
    assert row["Formula"] == "vCPUs of running VMs / ((hosts - 1) x mean cores of a host)"


def test_a_french_spreadsheet_gets_its_own_separators(demo_report: PlanReport) -> None:
    made = EXPORTS["csv"].render(demo_report, title=TITLE, language="fr", made_at=MADE_AT)
    first = read_csv(made, ";")[0]
    ratio = demo_report.clusters[0].summary.vcpu_per_core
    assert str(ratio).replace(".", ",") in first.values()


def test_no_cell_of_the_csv_starts_a_formula(hostile_report: PlanReport) -> None:
    made = EXPORTS["csv"].render(hostile_report, title=TITLE, language="en", made_at=MADE_AT)
    names = [row["Cluster"] for row in read_csv(made)]
    assert len(names) == len(HOSTILE)
    for row in read_csv(made):
        for cell in row.values():
            assert not cell.lstrip().startswith(FORMULA_STARTS), cell
    assert names[2] == '\'=HYPERLINK("http://x","click")'
    assert names[6] == "' =1"


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_every_start_of_a_formula_is_disarmed(start: str) -> None:
    assert harmless(f"{start}1+1").startswith("'")
    assert harmless(f"db{start}1") == visible(f"db{start}1")


def test_a_negative_number_stays_a_number() -> None:
    table = Table(name="t", columns=(Column("a"),), rows=((-3,), (-2.5,), (Decimal("-1.50"),), ("-3",)))
    assert write(table, "en", bom=False) == b"a\r\n-3\r\n-2.5\r\n-1.50\r\n'-3\r\n"


def test_the_json_is_what_the_command_line_prints(demo_report: PlanReport) -> None:
    made = EXPORTS["json"].render(demo_report, title=TITLE, language="fr", made_at=MADE_AT)
    command = [sys.executable, "-m", "planner", "plan", "scenarios/demo/estate.json", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")  # Production does not fit
    content = json.loads(made)
    assert content.pop("made_from")["headroom"] == version()
    assert content.pop("migrations_foretold") == []  # read from no server
    assert content == json.loads(done.stdout)


def test_the_json_of_hostile_names_is_json(hostile_report: PlanReport) -> None:
    made = EXPORTS["json"].render(hostile_report, title=TITLE, language="en", made_at=MADE_AT)
    assert [cluster["name"] for cluster in json.loads(made)["clusters"]] == list(HOSTILE)


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_empty_estate_exports(kind: str, empty_report: PlanReport) -> None:
    assert EXPORTS[kind].render(empty_report, title="", language="en", made_at=MADE_AT)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Hôpital / Sud", "headroom-hopital-sud-2026-03-02.pdf"),
        ('../../etc/passwd"\r\nX: y', "headroom-etcpasswd-x-y-2026-03-02.pdf"),
        ("数据库", "headroom-plan-2026-03-02.pdf"),
    ],
)
def test_a_file_name_is_plain_letters(title: str, name: str) -> None:
    assert EXPORTS["pdf"].file_name(title, MADE_AT) == name


def test_a_file_name_has_an_end() -> None:
    assert len(EXPORTS["xlsx"].file_name("x" * 5000, MADE_AT)) < 120


def test_printable_text_is_left_alone() -> None:
    for text in ("db-01", "Zürich 12 µs ≥ 3 → ok", "Ελλάδα Россия"):
        assert legible(text) == text
        assert visible(text) == text
    assert visible("数据库") == "数据库"
    assert legible("a\tb\nc") == visible("a\tb\nc") == "a b c"


def test_words_from_right_to_left_do_not_pull_what_follows_them_to_their_left() -> None:
    assert legible("שרת ראשי: 3 vCPU") == "שרת ראשי\u200e: 3 vCPU"
    assert visible("שרת ראשי: 3 vCPU") == "שרת ראשי: 3 vCPU"


def test_one_character_many_times_over_is_told_once() -> None:
    assert legible("a" + "\0" * 200) == "a[U+0000]×200"
    assert legible("数据") == "[U+6570][U+636E]"
