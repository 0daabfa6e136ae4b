"""What a first visit brings over the line: counted in bytes, with an empty cache."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

FIRST_LOAD_MOST = 450 * 1024
FIGURE_MOST = 60 * 1024
UNDER_THE_FOLD = {"width": 1440, "height": 900}


def counted(page: Page) -> dict[str, float]:
    """The bytes of each answer from now on, headers included, as they came over the line."""
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.setCacheDisabled", {"cacheDisabled": True})
    addresses: dict[str, str] = {}
    found: dict[str, float] = {}

    def asked(event: dict[str, Any]) -> None:
        addresses[event["requestId"]] = event["request"]["url"]

    def done(event: dict[str, Any]) -> None:
        if event["requestId"] in addresses:
            found[addresses[event["requestId"]]] = event["encodedDataLength"]

    line.on("Network.requestWillBeSent", asked)
    line.on("Network.loadingFinished", done)
    return found


@pytest.mark.parametrize("address", ["/", "/estates/1/", "/estates/1/cluster/?name=Production"])
def test_a_first_load_keeps_within_its_budget(open_page: Callable[..., Page], address: str) -> None:
    page = open_page("about:blank", viewport=UNDER_THE_FOLD)
    found = counted(page)
    page.goto(address, wait_until="networkidle")
    assert len(found) > 10  # the styles, fonts and scripts were counted too
    assert sum(found.values()) <= FIRST_LOAD_MOST, found


def test_charts_come_when_they_are_looked_at_and_are_small(open_page: Callable[..., Page]) -> None:
    page = open_page("about:blank", viewport={"width": 1440, "height": 500})
    found = counted(page)
    page.goto("/estates/1/cluster/?name=Production", wait_until="networkidle")
    assert not [url for url in found if "plotly.min" in url or "/charts/" in url]
    for chart in page.locator("[data-chart]").all():
        chart.scroll_into_view_if_needed()
        chart.locator(".main-svg").first.wait_for()
    figures = {url: size for url, size in found.items() if "/charts/" in url}
    assert len(figures) == page.locator("[data-chart]").count() > 0
    assert {url: size for url, size in figures.items() if size > FIGURE_MOST} == {}
    assert len([url for url in found if "plotly.min" in url]) == 1


def test_no_page_has_a_script_in_line_and_none_would_be_run(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    for address in ("/", "/estates/1/", "/estates/1/cluster/?name=Production", "/estates/1/wiring/topology/"):
        answer = page.request.get(address)
        policy = answer.headers["content-security-policy"]
        scripts = re.search(r"script-src ([^;]*)", policy) or re.search(r"default-src ([^;]*)", policy)
        assert scripts, policy
        assert "unsafe-inline" not in scripts[1]
        assert "http:" not in scripts[1]
        text = answer.text()
        assert not re.search(r"<script(?![^>]*(\bsrc=|type=\"application/json\"))[^>]*>", text), address
        assert not re.search(r"<[^>]+\son\w+=\"", text), address
