"""From a workbook to a plan, to a table, to files: what a person does in the first five minutes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest
from pypdf import PdfReader

from tests.browser.conftest import FORMULA, PHONE, VMS

if TYPE_CHECKING:
    from playwright.sync_api import Download, Page, Route


def test_an_upload_is_followed_live_until_its_plan(open_page: Callable[..., Page], workbook: Path) -> None:
    page = open_page("/import/")
    page.get_by_label("Drop the export here").set_input_files(workbook)
    page.get_by_role("button", name="Import", exact=True).click()

    page.wait_for_url("**/runs/**")
    page.get_by_text("Succeeded", exact=True).wait_for()
    stages = page.locator(".stages li")
    assert stages.evaluate_all("all => all.map(one => one.dataset.state)") == ["done"] * 4
    told = page.locator("#run .events p").all_inner_texts()
    assert told[0] == "Blue export.xlsx was received"
    assert any("60" in line for line in told)
    assert page.locator("[data-feed-state]").get_attribute("data-state") == "live"
    assert page.locator("#tree .tree-name", has_text="Blue export").count() == 1  # without another page
    assert page.locator("#run #tree").count() == 0

    page.get_by_role("link", name="See the plan").click()
    assert page.locator("h1").inner_text().endswith("Blue export")
    assert "carries its load with 1 host lost" in page.locator(".verdict p").first.inner_text()


def test_a_file_that_is_dropped_is_imported(open_page: Callable[..., Page], workbook: Path) -> None:
    page = open_page("/import/")
    dropped = page.evaluate_handle(
        """bytes => {
            const all = new DataTransfer();
            all.items.add(new File([new Uint8Array(bytes)], "Dropped.xlsx"));
            return all;
        }""",
        list(workbook.read_bytes()),
    )
    page.locator("[data-drop]").dispatch_event("drop", {"dataTransfer": dropped})
    page.wait_for_url("**/runs/**")
    assert page.locator("h1").inner_text().endswith("Dropped")


def test_of_several_dropped_files_none_is_chosen_silently(open_page: Callable[..., Page]) -> None:
    page = open_page("/import/")
    dropped = page.evaluate_handle(
        """() => {
            const all = new DataTransfer();
            for (const name of ["vInfo.csv", "vHost.csv"]) all.items.add(new File(["x"], name));
            return all;
        }"""
    )
    page.locator("[data-drop]").dispatch_event("drop", {"dataTransfer": dropped})
    page.get_by_text("Drop one file").wait_for()
    assert page.url.endswith("/import/")


def test_on_a_phone_the_rows_come_before_the_filters(
    open_page: Callable[..., Page], estate_address: str
) -> None:
    page = open_page(f"{estate_address}vms/", viewport=PHONE)
    assert not page.locator("#id_os").is_visible()
    page.locator("[data-fold] > summary").click()
    page.locator("#id_name").fill("app-07")
    page.wait_for_url("**name=app-07**")
    assert page.locator("[data-rows]").inner_text() == "1 to 1 of 1"
    page.reload()
    assert page.locator("#id_name").is_visible()  # what is asked for stays in sight


def test_an_estate_is_removed_only_when_it_is_meant(open_page: Callable[..., Page], workbook: Path) -> None:
    page = open_page("/import/")
    page.get_by_label("Drop the export here").set_input_files(workbook)
    page.get_by_label("Name of the estate").fill("Gone soon")
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_role("link", name="See the plan").click()
    page.get_by_text("Remove this estate").click()
    page.get_by_role("button", name="Remove it").click()  # the browser asks for the box first
    assert "/estates/" in page.url
    page.get_by_label("Yes, remove Gone soon").check()
    page.get_by_role("button", name="Remove it").click()
    page.wait_for_url(lambda url: "/estates/" not in url)
    assert page.locator(".nav").get_by_text("Gone soon").count() == 0


def test_a_file_that_is_no_export_is_refused_with_a_reason(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    poem = tmp_path / "poem.xlsx"
    poem.write_text("Two roads diverged in a yellow wood\n" * 20)
    page = open_page("/import/")
    page.get_by_label("Drop the export here").set_input_files(poem)
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url("**/runs/**")
    note = page.get_by_role("alert")
    note.wait_for()
    assert "The estate stands as it was before" in note.inner_text()
    assert "fault of its own" not in note.inner_text()


def test_every_headline_opens_to_its_formula_and_inputs(imported: Page) -> None:
    imported.locator("#answer").get_by_role("link", name="Blue").click()
    figure = imported.locator("#figure-vcpu_per_core_n1")
    figure.locator("summary").click()
    shown = figure.inner_text()
    assert "How it is calculated" in shown
    assert "108" in shown  # vCPUs of the 54 running VMs
    assert "2.25" in shown  # on the 48 cores that three hosts have


def test_a_figure_leads_to_its_rule(imported: Page) -> None:
    imported.locator("#answer").get_by_role("link", name="Blue").click()
    imported.locator("#figure-hosts_by_memory summary").click()
    imported.locator("#figure-hosts_by_memory").get_by_role("link", name="The rule").click()
    imported.wait_for_url("**/help/formulas/sizing/#hosts_by_memory")
    assert imported.locator("h1").inner_text() == "Sizing: how many hosts, and what says so"
    assert imported.locator(":target").inner_text() == "hosts_by_memory"


def test_another_parameter_makes_another_plan_on_the_same_page(imported: Page) -> None:
    imported.locator("#answer").get_by_role("link", name="Blue").click()
    verdict = imported.locator(".verdict p").first
    assert verdict.inner_text() == "2 hosts carry this load; 3 are needed with 1 host lost. You have 4."
    imported.get_by_label("Host failures to survive").fill("2")
    imported.wait_for_url(re.compile(r"[?&]plan=\d+"))
    imported.get_by_text("4 are needed with 2 hosts lost").wait_for()
    assert imported.get_by_label("Host failures to survive").input_value() == "2"
    imported.reload()
    assert verdict.inner_text() == "2 hosts carry this load; 4 are needed with 2 hosts lost. You have 4."


def test_a_senseless_parameter_is_explained_and_plans_nothing(imported: Page) -> None:
    imported.locator("#answer").get_by_role("link", name="Blue").click()
    before = imported.url
    imported.locator("[data-parameters]").evaluate("form => form.noValidate = true")
    imported.get_by_label("vCPUs per core, at most").fill("-1")
    imported.locator("#planning .field-error").wait_for()
    assert imported.url == before


def test_the_table_of_vms_sorts_and_filters_and_says_so_in_its_address(imported: Page) -> None:
    imported.get_by_role("link", name="VMs", exact=True).click()
    rows = imported.locator("[data-rows]")
    assert rows.inner_text() == f"1 to 50 of {VMS}"

    imported.get_by_label("Name", exact=True).fill("app-0")
    imported.wait_for_url("**?name=app-0")
    assert rows.inner_text() == "1 to 7 of 7"
    imported.get_by_role("link", name="Memory").click()
    imported.wait_for_url("**sort=memory_mib*")
    imported.get_by_role("link", name="Memory").click()
    imported.wait_for_url("**sort=-memory_mib*")
    assert imported.locator("tbody tr").first.locator("td").first.inner_text() == "app-03"

    imported.reload()
    assert rows.inner_text() == "1 to 7 of 7"
    assert imported.get_by_label("Name", exact=True).input_value() == "app-0"
    imported.evaluate("history.go(-2)")
    imported.wait_for_url("**?name=app-0")


def test_what_is_typed_before_the_scripts_are_there_is_asked_for(imported: Page) -> None:
    address = imported.get_by_role("link", name="VMs", exact=True).get_attribute("href")
    held: list[Route] = []
    imported.route("**/htmx*.js", lambda route: held.append(route))
    imported.goto(urljoin(imported.url, address), wait_until="commit")
    imported.get_by_label("Name", exact=True).fill("app-0")
    held[0].continue_()
    imported.wait_for_url("**?name=app-0")


def test_the_csv_holds_the_rows_in_sight_and_no_formula(imported: Page) -> None:
    imported.get_by_role("link", name="VMs", exact=True).click()
    imported.get_by_label("Name", exact=True).fill("hyperlink")
    imported.wait_for_url("**?name=hyperlink")
    with imported.expect_download() as got:
        imported.get_by_role("link", name="CSV of these rows").click()
    rows = list(csv.DictReader(io.StringIO(content_of(got.value).decode("utf-8-sig"))))
    assert [row["name"] for row in rows] == [f"'{FORMULA}"]
    assert rows[0]["memory_mib"] == "8192"


def test_the_table_works_without_scripts(open_page: Callable[..., Page], imported: Page) -> None:
    address = imported.get_by_role("link", name="VMs", exact=True).get_attribute("href")
    plain = open_page(f"{address}?name=app-1", java_script_enabled=False)
    assert plain.locator("[data-rows]").inner_text() == "1 to 10 of 10"
    plain.get_by_role("link", name="Memory").click()
    assert "sort=memory_mib" in plain.url
    plain.get_by_label("Name", exact=True).fill("app-2")
    plain.get_by_role("button", name="Filter").click()
    assert "name=app-2" in plain.url
    assert plain.locator("[data-rows]").inner_text() == "1 to 10 of 10"


@pytest.mark.parametrize("ending", ["pdf", "html", "xlsx", "csv", "json"])
def test_the_plan_can_be_taken_along(imported: Page, ending: str) -> None:
    with imported.expect_download() as got:
        imported.get_by_role("link", name=ending.upper(), exact=True).click()
    assert re.fullmatch(rf"headroom-blue-export-\d{{4}}-\d\d-\d\d\.{ending}", got.value.suggested_filename)
    content = content_of(got.value)
    match ending:
        case "pdf":
            assert "Blue export" in PdfReader(io.BytesIO(content)).pages[0].extract_text()
        case "html":
            assert b"Blue export" in content
            assert b"<script" not in content
        case "xlsx":
            assert content.startswith(b"PK")
        case "csv":
            assert "Blue" in content.decode("utf-8-sig")
        case "json":
            assert json.loads(content)["clusters"][0]["hosts_needed"] == 3


def content_of(download: Download) -> bytes:
    return Path(download.path()).read_bytes()
