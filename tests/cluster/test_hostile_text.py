"""Names are hostile text: on pages, in charts, tables, logs and on a terminal they stay names."""

from __future__ import annotations

import csv
import io
import json
import logging
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import openpyxl
import pytest
from django.test import Client

from cluster import pricing, snapshot
from cluster.exports import xlsx
from cluster.exports.csv import FORMULA_STARTS
from cluster.exports.csv import render as render_csv
from cluster.models import Estate, Plan, PriceBook, Wish
from cluster.roles import Role
from config.legible_log import OneLine
from planner.cost.book import Price
from planner.cost.book import PriceBook as Book
from planner.cost.book_csv import price_of, read_book, write_book
from planner.estate import VM, Cluster, Datastore, Host
from planner.estate import Estate as PlannerEstate
from planner.formats.document import write_document
from planner.quality import Quality, Reading
from planner.report import Parameters
from planner.report import plan as make_plan
from tests.cluster.people import person

ROOT = Path(__file__).resolve().parents[2]
STARTS = ["=", "+", "-", "@", "＝", "＋", "－", "＠"]
BODIES = [
    *(
        'HYPERLINK("http://evil.example","x")',
        "cmd|' /C calc'!A0",
        "1+1",
        "SUM(A1:A9)",
        "IMPORTXML(CONCAT(1))",
    ),
    *(
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '" onmouseover="alert(1)',
        "'; DROP TABLE x;--",
    ),
    *("{{7*7}}", "{% load %}", "${7*7}", "javascript:alert(1)", "</script><script>alert(1)//", "%s%n%x"),
    *("\u202etxt.exe", "\\..\\..\\x", "../../etc/passwd", "<b>bold</b>", "&lt;x&gt;", "a]]>b", "#set", "$x$"),
    *("x" * 200, "\U0001f9e8"),
]
HOSTILE = [f"{start}{body} {n}" for n in range(5) for start in STARTS for body in BODIES]
MARKS = ("<script>alert", "<img src=x", "<b>bold", 'onmouseover="alert')


def hostile_estate(names: list[str]) -> PlannerEstate:
    return PlannerEstate(
        clusters=tuple(Cluster(name=name) for name in names[:3]),
        hosts=tuple(
            Host(name=name, cluster=names[at % 3], sockets=2, cores=32, cpu_mhz=2000.0, memory_mib=2**20)
            for at, name in enumerate(names[:12])
        ),
        datastores=tuple(Datastore(name=name, capacity_mib=10**9, used_mib=1) for name in names[:4]),
        vms=tuple(
            VM(name=name, cluster=names[at % 3], host=names[at % 12], power="on", vcpus=1, memory_mib=64,
               disk_mib=10, owner=name, folder=name, guest_os=name, datastores=(names[at % 4],))
            for at, name in enumerate(names)
        ),
    ).sorted()  # fmt: skip


def test_a_thousand_hostile_names_make_no_formula_in_any_table() -> None:
    assert len(set(HOSTILE)) == 1000
    plain = formulas_of_reports([f"name{number:04}" for number in range(1000)])
    found = formulas_of_reports(HOSTILE)
    assert sorted(found) == sorted(plain)  # our own, of the sheet that lives
    assert not [formula for formula in found for name in HOSTILE if len(name) > 3 and name in formula]


def formulas_of_reports(names: list[str]) -> list[str]:
    """What a spreadsheet would work out in the workbooks and the CSVs of a report about these names."""
    reading = Reading(estate=hostile_estate(names), quality=Quality(format="json", sheets=()))
    report = make_plan(reading, Parameters())
    made = {"title": names[0], "made_at": datetime(2026, 1, 1, tzinfo=UTC)}
    found: list[str] = []
    for language in ("en", "fr"):
        book = xlsx.render(report, language=language, **made)
        for sheet in openpyxl.load_workbook(io.BytesIO(book)):
            cells = [cell for row in sheet.iter_rows() for cell in row]
            assert not [cell for cell in cells if cell.hyperlink is not None]
            found += [str(cell.value) for cell in cells if cell.data_type == "f"]
        text = render_csv(report, language=language, **made).decode("utf-8-sig")
        _, formulas = counted(text, ";" if language == "fr" else ",")
        assert formulas == 0
    return found


def counted(text: str, separator: str = ",") -> tuple[int, int]:
    """How many cells a CSV has, and how many a spreadsheet would take for a formula."""
    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]
    return len(cells), sum(is_formula(cell) for cell in cells)


def is_formula(cell: str) -> bool:
    number = cell.replace(",", ".").lstrip("-").replace(".", "", 1).isdecimal()
    return not number and cell.lstrip().startswith(FORMULA_STARTS)


@pytest.mark.django_db
def test_a_thousand_hostile_names_make_no_formula_and_no_markup_on_any_page() -> None:
    estate = Estate.objects.create(name=HOSTILE[0])
    reading = Reading(estate=hostile_estate(HOSTILE), quality=Quality(format="json", sheets=()))
    snapshot.save(estate, reading)
    report = make_plan(reading, Parameters(licence="none"))
    estate.refresh_from_db()
    Plan.objects.create(
        estate=estate, estate_revision=1, parameters=msgspec.to_builtins(Parameters()),
        report=msgspec.to_builtins(report),
    )  # fmt: skip
    Wish.objects.create(estate=estate, vm=HOSTILE[6], kind="restart", reason=HOSTILE[5], asked_by=None)
    client = Client()
    client.force_login(person(Role.AUDITOR))
    text = client.get(f"/estates/{estate.pk}/vms.csv").content.decode("utf-8-sig")
    cells, formulas = counted(text)
    print(f"\n{cells} cells of the table of VMs, {formulas} formulas")
    assert cells > 10_000
    assert formulas == 0
    base = f"/estates/{estate.pk}"
    vm = estate.virtualmachine_set.get(name=HOSTILE[6])
    host = estate.host_set.earliest("pk")
    asked = {"name": HOSTILE[1], "cluster": HOSTILE[1]}
    about = [
        f"{base}/{part}" for part in ("", "vms/?rows=500", "hosts/", "datastores/", "cluster/", "quality/")
    ]
    about += [f"/vms/{vm.pk}/", f"/hosts/{host.pk}/", f"/tree/estates/{estate.pk}/", "/search/?q=alert"]
    for path in ("/", *about, "/wishes/", "/events/", "/operations/"):
        page = client.get(path, None if "?" in path else asked)
        assert page.status_code == 200, path
        assert not [mark for mark in MARKS if mark in page.content.decode()], path
    for chart in ("heatmap", "treemap"):
        answer = client.get(f"{base}/charts/{chart}.json", {"cluster": HOSTILE[1]})
        assert answer["Content-Type"] == "application/json"
        assert not [mark for mark in MARKS if mark in json.dumps(answer.json(), ensure_ascii=False)], chart


@pytest.mark.django_db
def test_prices_come_back_as_they_were_and_are_no_formula() -> None:
    rows = tuple(
        Price(key=f"host:{at}", low=None, high=None, currency="", unit="host", source=name, note=name)
        for at, name in enumerate(HOSTILE[:200])
    )
    written = write_book(Book(name="b", rows=rows))
    _, formulas = counted(written.decode())
    assert formulas == 0
    for original, back in zip(rows[:24], read_book(written, "b").rows[:24], strict=True):
        assert (back.source, back.note) == (original.source.strip(), original.note.strip())


def test_a_log_line_stays_one_line_and_sends_nothing_to_a_terminal() -> None:
    held = io.StringIO()
    handler = logging.StreamHandler(held)
    handler.setFormatter(OneLine("{levelname} {message}", style="{"))
    log = logging.Logger("hostile")
    log.addHandler(handler)
    hostile = "vm\x1b]0;owned\x07\r\nCRITICAL forged line\u202e\u2028end\x00"
    log.warning("VM %s", hostile)
    try:
        raise ValueError(hostile)
    except ValueError:
        log.exception("failed: %s", hostile)
    lines = held.getvalue().splitlines()
    assert not any(line.startswith("CRITICAL") for line in lines)
    assert all(line.isprintable() for line in lines)
    assert all(line.startswith(("WARNING", "ERROR", "  | ")) for line in lines)


@pytest.mark.parametrize("command", [("planner", "plan"), ("planner", "place")])
def test_a_terminal_gets_no_control_from_a_name(tmp_path: Path, command: tuple[str, str]) -> None:
    hostile = [
        "esc\x1b[31mred",
        "bell\x07",
        "turn\u202egnp",
        "line\r\nforged",
        "c1\x9bcsi",
        "osc\x1b]0;x\x07",
    ]
    file = tmp_path / "estate.json"
    file.write_bytes(write_document(hostile_estate([*hostile, *(f"{name}2" for name in hostile)])))
    done = subprocess.run(
        [sys.executable, "-m", command[0], command[1], str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    said = done.stdout + done.stderr
    assert "red" in said
    assert not [sign for sign in "\x1b\x07\u202e\x9b\r" if sign in said]


@pytest.mark.django_db
def test_hostile_prices_stay_text_on_their_page() -> None:
    book = PriceBook.objects.create(name="<script>alert(1)</script>")
    buyer = person(Role.BUYER)
    pricing.save_book(
        buyer, book, [price_of({"key": "server", "low": "9000", "currency": "EUR", "source": BODIES[6]})]
    )
    client = Client()
    client.force_login(buyer)
    for path in (f"/prices/{book.pk}/", "/prices/"):
        page = client.get(path).content.decode()
        assert not [mark for mark in MARKS if mark in page]
