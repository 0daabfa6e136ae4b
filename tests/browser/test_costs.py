"""Prices in a browser: platforms are compared, every line opens; small screens, both themes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from planner.cost.book_csv import write_book
from tests.browser.conftest import DESK, PHONE
from tests.browser.test_every_page import found_by_axe
from tests.planner.cost.books import quotes

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def book(open_page: Callable[..., Page], tmp_path: Path) -> str:
    """The name of a price book with a quote for everything."""
    path = tmp_path / "quotes.csv"
    path.write_bytes(write_book(quotes()))
    page = open_page("/prices/")
    if not page.get_by_role("link", name="Our quotes").count():
        page.get_by_label("Name", exact=True).fill("Our quotes")
        page.get_by_label("CSV, optional").set_input_files(path)
        page.get_by_role("button", name="Begin").click()
        page.wait_for_url("**/prices/*/")
    return "Our quotes"


def compared(page: Page, book: str) -> None:
    page.get_by_role("link", name="Cost", exact=True).click()
    page.get_by_label("Price book", exact=True).select_option(label=book)
    page.get_by_role("checkbox", name="Proxmox VE").check()
    page.get_by_label("Cores of a host").fill("32")
    page.get_by_label("Memory of a host, GiB").fill("512")
    page.get_by_role("button", name="Price it").click()
    page.wait_for_url("**study=*")


def test_platforms_are_compared_and_every_line_opens_to_its_formula(imported: Page, book: str) -> None:
    compared(imported, book)
    table = imported.get_by_role("region", name="Side by side")
    heads = table.locator("thead th").all_inner_texts()
    assert [head.split("\n")[0] for head in heads] == ["Today", "VMware vSphere", "Proxmox VE"]
    assert "all prices known" in imported.locator(".verdict").inner_text()

    line = imported.locator("details.bill[open] tbody tr", has_text="Electricity, cooling included")
    line.get_by_text("Formula and source").click()
    assert "8760 h x PUE" in line.inner_text()
    assert "Eurostat" in line.inner_text()

    picture = imported.locator("figure.chart", has_text="From Today to Proxmox VE")
    picture.scroll_into_view_if_needed()
    imported.locator("figure.chart[data-drawn]", has_text="From Today to Proxmox VE").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_prices_can_be_read_on_every_screen(
    open_page: Callable[..., Page], imported: Page, book: str, theme: str, viewport: dict[str, int]
) -> None:
    compared(imported, book)
    for address in (imported.url, "/prices/", "/prices/1/"):
        page = open_page(address, viewport=viewport, color_scheme=theme)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert found_by_axe(page) == []
        assert page.locator("h1").count() == 1


def begun(page: Page, address: str, name: str, base: str = "") -> None:
    page.goto(f"{address}variants/")
    if page.get_by_role("link", name=name, exact=True).count():
        page.get_by_role("link", name=name, exact=True).first.click()
        return
    page.get_by_label("Name", exact=True).last.fill(name)
    if base:
        page.get_by_label("On top of").select_option(label=base)
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/variants/*/")


def test_variants_are_made_stacked_compared_and_committed(
    imported: Page, estate_address: str, book: str
) -> None:
    page = imported
    begun(page, estate_address, "Two hundred more")
    page.get_by_label("How many").fill("200")
    page.get_by_label("Like this VM or template").fill("app-10")
    page.locator("details.change[open]").get_by_role("button", name="Add").click()
    page.get_by_text("200 more VMs like app-10").wait_for()

    begun(page, estate_address, "And safer", "Two hundred more")
    change = page.locator("details.change", has=page.get_by_role("heading", name="Failures to survive"))
    change.locator("summary").click()
    change.get_by_role("button", name="Add").click()
    page.get_by_text("Room for the loss of 2 hosts").wait_for()

    page.goto(f"{estate_address}variants/")
    page.get_by_label("Price book", exact=True).select_option(label=book)
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("**study=*")
    table = page.get_by_role("region", name="Variants side by side")
    heads = [head for head in table.locator("thead th").all_inner_texts() if head != "Today, completed"]
    assert heads == ["Today", "Two hundred more", "And safer"]
    row = table.locator("tbody tr", has_text="Missing hosts, bought")
    counts = [int(cell) for cell in row.locator("td").all_inner_texts()]
    assert counts[-1] == counts[-2] + 1  # one host more for one failure more
    row.locator("summary").click()
    assert "by placing every VM" in row.inner_text()

    page.get_by_role("link", name="And safer", exact=True).first.click()
    page.get_by_role("button", name="Commit").click()
    page.get_by_text("are reserved in every plan").wait_for()
    page.goto(estate_address)
    assert "Reserved by committed variants" in page.locator("main").inner_text()
    page.goto(f"{estate_address}variants/")
    page.get_by_role("link", name="Two hundred more", exact=True).first.click()
    page.get_by_role("button", name="Release").click()
    page.get_by_role("button", name="Commit").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_variants_and_hosts_to_buy_can_be_read_on_every_screen(
    open_page: Callable[..., Page], imported: Page, estate_address: str, theme: str, viewport: dict[str, int]
) -> None:
    begun(imported, estate_address, "Readable")
    for address in (imported.url, f"{estate_address}variants/", f"{estate_address}cost/hosts/"):
        page = open_page(address, viewport=viewport, color_scheme=theme)
        page.evaluate("document.querySelectorAll('main details').forEach((one) => (one.open = true))")
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert found_by_axe(page) == []
        assert page.locator("h1").count() == 1
