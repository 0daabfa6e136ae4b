"""Prices in a browser: platforms are compared, every line opens; small screens, both themes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from planner.cost.book_csv import write_book
from tests.browser.conftest import DESK, PHONE
from tests.browser.test_every_page import TOO_PALE, UNLABELLED
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
        page.get_by_label("Name").fill("Our quotes")
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
    page.wait_for_url("**study=*", timeout=60_000)


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
        assert page.evaluate(TOO_PALE) == []
        assert page.evaluate(UNLABELLED) == []
        assert page.locator("h1").count() == 1
