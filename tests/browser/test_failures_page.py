"""A host is lost in the browser: asked for, computed by the worker, its VMs appear again elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import HOSTILE, PHONE
from tests.browser.test_every_page import found_by_axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

KINDS = {"failures": "Lose the hosts", "balance": "Look for moves", "placement": "Place anew"}


def ask(page: Page, estate_address: str, kind: str) -> None:
    page.goto(f"{estate_address}cluster/{kind}/?name=Blue")
    page.get_by_role("button", name=KINDS[kind]).click()
    page.wait_for_url("**study=**")
    page.locator(".verdict").wait_for()


def test_a_lost_hosts_vms_appear_again_on_the_others(imported: Page, estate_address: str) -> None:
    page = imported
    page.goto(f"{estate_address}cluster/?name=Blue")
    page.get_by_role("link", name="Failures", exact=True).click()
    page.get_by_role("heading", name="No host has been lost yet").wait_for()
    ask(page, estate_address, "failures")
    assert page.locator(".verdict p").first.inner_text() == "All 4 single losses are survived."
    assert "6 of 6 double losses are survived" in page.locator(".verdict").inner_text()
    assert page.locator("#planning").inner_text().strip() == ""

    rows = page.locator(".losses tbody tr")
    assert rows.count() == 4
    cells = rows.first.locator("td.onto").all_inner_texts()
    vms = int(rows.first.locator("td.num").first.inner_text())
    assert sum(int(cell) for cell in cells if cell.isdecimal()) == vms

    rows.first.get_by_role("link").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="esx0 is lost").wait_for()
    shown = page.locator("#loss .appear bdi").all_inner_texts()
    assert HOSTILE in shown
    assert len([name for name in shown if not name.startswith("esx")]) == vms
    assert page.locator("#loss").get_by_text("nobody").is_visible()
    page.get_by_role("link", name="All losses").click()
    page.locator("#loss").wait_for(state="detached")


def test_a_loss_is_told_to_those_who_watch_events(imported: Page, estate_address: str) -> None:
    ask(imported, estate_address, "failures")
    imported.goto("/runs/")
    imported.locator("tbody a").first.click()
    imported.locator("#run").wait_for()
    told = imported.locator("#run .events p").all_inner_texts()
    assert told[0] == "A study of Blue was asked for"
    assert "Losing every host of Blue, one by one and in pairs" in told
    assert told[-1] == "4 of 4 single losses are survived"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_study_can_be_read_in_both_themes_and_on_a_phone(
    open_page: Callable[..., Page], imported: Page, estate_address: str, kind: str, scheme: str
) -> None:
    ask(imported, estate_address, kind)
    page = open_page(f"{estate_address}cluster/{kind}/?name=Blue&unit=esx0", color_scheme=scheme)
    assert found_by_axe(page) == []
    assert page.locator("h1").count() == 1
    phone = open_page(f"{estate_address}cluster/{kind}/?name=Blue", viewport=PHONE, color_scheme=scheme)
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_studies_speak_french(open_page: Callable[..., Page], imported: Page, estate_address: str) -> None:
    ask(imported, estate_address, "balance")
    page = open_page(f"{estate_address}cluster/balance/?name=Blue", locale="fr-FR")
    assert "rien n’est déplacé" in page.locator(".verdict").inner_text()
