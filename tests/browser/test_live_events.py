"""A page that was away misses nothing: it says how far it had come and is told the rest, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocketRoute


def test_what_happened_while_the_line_was_cut_is_told_afterwards(
    open_page: Callable[..., Page], workbook: Path
) -> None:
    lines: list[WebSocketRoute] = []
    cut = False

    def connect(line: WebSocketRoute) -> None:
        lines.append(line)
        if cut:
            line.close()
        else:
            line.connect_to_server()

    page = open_page("/login/")
    page.route_web_socket("**/ws/events/**", connect)
    page.goto("/events/")
    state = page.locator("[data-feed-state][data-state=live]")
    state.wait_for()
    page.locator("#drawer > summary").click()
    before = numbers(page)

    cut = True
    lines[-1].close()
    page.locator("[data-feed-state][data-state=waiting]").wait_for()
    other = open_page("/import/")
    other.get_by_label("Drop the export here").set_input_files(workbook)
    other.get_by_role("button", name="Import", exact=True).click()
    other.get_by_text("Succeeded", exact=True).wait_for()
    newest = numbers(other)[-1]
    assert numbers(page) == before

    cut = False
    page.locator(f"[data-feed-list] [data-seq='{newest}']").wait_for()
    after = numbers(page)
    assert after == sorted(set(after))
    assert [seq for seq in after if seq > before[-1]] == list(range(before[-1] + 1, newest + 1))
    assert parse_qs(urlsplit(lines[-1].url).query)["after"] == [str(before[-1])]


def numbers(page: Page) -> list[int]:
    shown = page.locator("[data-feed-list] li").evaluate_all("all => all.map(one => Number(one.dataset.seq))")
    return list(shown)
