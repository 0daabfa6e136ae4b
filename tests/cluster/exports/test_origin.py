"""Every kind of report says what it was made of, is made the same again, and agrees with the screen."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from datetime import timedelta
from io import BytesIO, StringIO
from typing import Any

import openpyxl
import pypdf
import pytest
from django.test import Client
from django.utils import translation

from cluster import reporting, selectors, services, tasks
from cluster.exports import EXPORTS
from cluster.exports.beside import Beside
from cluster.exports.origin import Origin
from cluster.exports.version import version
from cluster.models import Estate, Plan
from planner.report import Parameters, PlanReport
from tests.cluster.demo import DEMO, NAME, planned_demo
from tests.cluster.exports.test_pdf import joined
from tests.cluster.exports.texts import HOSTILE, MADE_AT, TITLE
from tests.cluster.people import administrator

SHA256 = "0123456789abcdef" * 4
BESIDE = Beside(origin=Origin(file="=cmd|x.xlsx", sha256=SHA256, revision=7, seed=42, years=10_000.0))


def text_of(kind: str, content: bytes) -> str:
    """All that a reader of the file can read, without its spaces."""
    match kind:
        case "pdf":
            pages = pypdf.PdfReader(BytesIO(content)).pages
            return joined(" ".join(page.extract_text() for page in pages))
        case "xlsx":
            book = openpyxl.load_workbook(BytesIO(content))
            cells = (cell for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row)
            return joined(" ".join(str(cell) for cell in cells))
        case _:
            return joined(content.decode())


@pytest.mark.parametrize("kind", EXPORTS)
def test_every_kind_says_what_it_was_made_of(kind: str, demo_report: PlanReport) -> None:
    made = EXPORTS[kind].render(demo_report, title=TITLE, language="en", made_at=MADE_AT, beside=BESIDE)
    text = text_of(kind, made)
    for told in (SHA256, version(), "42", "cmd|x.xlsx", "vvf_core_year", "electricity_eur_kwh"):
        assert joined(told) in text, told
    if kind == "json":
        found = json.loads(made)["made_from"]
        assert found["input"] == {"file": "=cmd|x.xlsx", "sha256": SHA256, "revision": 7}
        assert found["chance"] == {"seed": 42, "years": 10_000.0}
        assert {row["date"] for row in found["prices"]} == {"2021", "2025"}
        assert found["parameters"]["failures"] == 1
    else:
        assert joined("Revision of the estate") in text


@pytest.mark.parametrize("kind", ["json", "csv", "figures.csv", "html", "pdf", "xlsx"])
def test_the_same_inputs_give_the_same_bytes(kind: str, demo_report: PlanReport) -> None:
    first, second = (
        EXPORTS[kind].render(demo_report, title=TITLE, language="en", made_at=MADE_AT, beside=BESIDE)
        for _ in range(2)
    )
    assert first == second


def test_the_json_says_nothing_of_when_and_in_which_language(demo_report: PlanReport) -> None:
    first = EXPORTS["json"].render(demo_report, title=TITLE, language="en", made_at=MADE_AT, beside=BESIDE)
    later = MADE_AT + timedelta(days=400)
    assert first == EXPORTS["json"].render(
        demo_report, title=TITLE, language="fr", made_at=later, beside=BESIDE
    )


@pytest.mark.django_db
def test_two_plans_of_the_same_file_give_the_same_bytes_of_json() -> None:
    estate = planned_demo()
    first = selectors.latest_plan(estate)
    run = services.start_plan(administrator(), estate, Parameters())
    tasks.make_plan(str(run.pk))
    second = selectors.latest_plan(estate)
    assert first is not None
    assert second is not None
    assert first.pk != second.pk
    assert first.created_at != second.created_at
    one, other = (reporting.file_of(plan, "json", "en").content for plan in (first, second))
    assert one == other
    found = json.loads(one)["made_from"]["input"]
    assert found["sha256"] == hashlib.sha256(DEMO.read_bytes()).hexdigest()
    assert found["revision"] == estate.revision


@pytest.mark.django_db
def test_a_plan_of_another_revision_does_not_claim_the_file_of_this_one() -> None:
    estate = planned_demo()
    newest = selectors.latest_plan(estate)
    assert newest is not None
    other = Plan.objects.create(
        estate=estate,
        estate_revision=newest.estate_revision + 1,
        parameters=newest.parameters,
        report=newest.report,
    )
    assert reporting.origin_of(other, None) == Origin(revision=newest.estate_revision + 1)


# -- totals: what the screen says, every file says


@pytest.fixture
def screen(db: Any) -> tuple[Estate, str]:
    estate = planned_demo()
    client = Client()
    client.force_login(administrator())
    return estate, joined(re.sub(r"<[^>]+>", " ", client.get(f"/estates/{estate.pk}/").content.decode()))


@pytest.mark.parametrize("kind", EXPORTS)
def test_totals_agree_with_the_screen(kind: str, screen: tuple[Estate, str]) -> None:
    estate, page = screen
    plan = selectors.latest_plan(estate)
    assert plan is not None
    report = selectors.report_of(plan)
    totals = report.totals
    shown = {
        "hosts": f"{totals.hosts:,}",
        "vms_on": f"{totals.vms_on:,}",
        "vcpus_on": f"{totals.vcpus_on:,}",
    }
    for name, told in shown.items():
        assert told in page, name  # the screen says it
    content = reporting.file_of(plan, kind, "en").content
    text = text_of(kind, content)
    needed = {cluster.name: cluster.hosts_needed for cluster in report.clusters}
    match kind:
        case "json":
            assert json.loads(content)["totals"]["vcpus_on"] == totals.vcpus_on
            assert {one["name"]: one["hosts_needed"] for one in json.loads(content)["clusters"]} == needed
        case "csv":
            rows = list(csv.DictReader(StringIO(content.decode("utf-8-sig"), newline="")))
            assert sum(int(row["VMs powered on"]) for row in rows) == totals.vms_on
            assert {row["Cluster"]: int(row["Hosts needed"]) for row in rows} == needed
        case "figures.csv":
            rows = list(csv.DictReader(StringIO(content.decode("utf-8-sig"), newline="")))
            found = {row["Cluster"]: int(float(row["Value"])) for row in rows if row["Id"] == "hosts_needed"}
            assert found == needed
        case "xlsx":
            sheet = openpyxl.load_workbook(BytesIO(content))["Summary"]
            values = {row[0]: row[1] for row in sheet.iter_rows(values_only=True)}
            assert (values["Hosts"], values["VMs powered on"]) == (totals.hosts, totals.vms_on)
        case _:
            assert NAME in text
            for told in shown.values():
                assert told in text


# -- the page for a buyer


def test_the_first_page_answers_the_five_questions_of_a_buyer(demo_report: PlanReport) -> None:
    made = EXPORTS["pdf"].render(demo_report, title=TITLE, language="en", made_at=MADE_AT)
    pages = [joined(page.extract_text()) for page in pypdf.PdfReader(BytesIO(made)).pages]
    first = pages[0]
    for told in (
        "1 of 4 clusters does not carry its load with 1 host lost: Production.",
        "What is to be done?",
        "Production: add 1 host. Memory runs out first.",
        "What does it cost?",
        "What is single?",
        "The wiring of this estate was not examined.",
        "Until when?",
        "8 of 9",
    ):
        assert joined(told) in first, told
    for line in demo_report.cost:
        if line.item == "total" and line.low is not None:
            assert f"{float(line.low):,.2f}" in first


def test_the_contents_name_the_page_of_every_cluster(demo_report: PlanReport) -> None:
    made = EXPORTS["pdf"].render(demo_report, title=TITLE, language="en", made_at=MADE_AT)
    lines = pypdf.PdfReader(BytesIO(made)).pages[1].extract_text().splitlines()
    told = {line.split(" ")[0].rstrip("."): line for line in lines}
    pages = [page.extract_text() for page in pypdf.PdfReader(BytesIO(made)).pages]
    for cluster in demo_report.clusters:
        number = int(re.findall(r"\d+", told[cluster.name])[-1])
        assert cluster.name in pages[number - 1], cluster.name


def test_the_html_opens_alone(hostile_report: PlanReport) -> None:
    made = EXPORTS["html"].render(hostile_report, title=HOSTILE[0], language="fr", made_at=MADE_AT).decode()
    assert "<script" not in made
    assert "&lt;script&gt;" in made
    assert '<html lang="fr">' in made
    assert not re.search(r"""(?:src|href)=["'](?!#)""", made)
    assert "url(" not in made
    assert "@import" not in made
    with translation.override("fr"):
        assert "Que faut-il faire" in made
