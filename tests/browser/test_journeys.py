"""The six main journeys, from the overview to the answer, by a person without a mouse."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest
from msgspec.structs import replace
from pypdf import PdfReader

from planner.formats.document import write_document
from tests.planner.paths.wired import reference

if TYPE_CHECKING:
    from playwright.sync_api import FileChooser, Locator, Page

TABS_MOST = 250
SWITCH, GONE = "prod-tor-a", "prod-tor-b"
AT_IT = "one => one === document.activeElement || one.contains(document.activeElement)"


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it is reached; whoever cannot reach it so cannot reach it at all."""
    wanted.wait_for()
    for _ in range(TABS_MOST):
        if wanted.evaluate(AT_IT):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"not reached with Tab: {wanted}")


def enter(page: Page, wanted: Locator) -> None:
    tab_to(page, wanted)
    page.keyboard.press("Enter")


def write(page: Page, wanted: Locator, text: str) -> None:
    tab_to(page, wanted)
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def open_tile(page: Page, estate: str, question: str) -> None:
    """From the overview through the answer of a question to its proof."""
    page.goto("/")
    card = page.get_by_role("article", name=estate, exact=True)
    enter(page, card.get_by_role("link", name=question))
    page.wait_for_url("**/estates/**")


def take_in(page: Page, file: Path) -> None:
    """From the overview to an imported estate."""
    page.goto("/")
    enter(page, page.get_by_role("link", name="Import an estate"))
    page.wait_for_url("**/import/")
    choose(page, page.get_by_label("Drop the export here"), file)
    enter(page, page.get_by_role("button", name="Import", exact=True))
    page.wait_for_url("**/runs/**")
    enter_when_ready(page, "See the plan")


def choose(page: Page, wanted: Locator, file: Path) -> None:
    """Open the chooser of files with the keyboard; a busy browser may miss the first key."""
    choosers: list[FileChooser] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    for _ in range(TABS_MOST):
        tab_to(page, wanted)
        page.keyboard.press("Enter")
        page.wait_for_timeout(200)
        if choosers:
            return choosers[0].set_files(file)
    pytest.fail("no chooser of files opened")


def enter_when_ready(page: Page, name: str) -> None:
    page.get_by_role("link", name=name).wait_for()
    enter(page, page.get_by_role("link", name=name))
    page.wait_for_url(lambda url: "/runs/" not in url)


@pytest.fixture(scope="module")
def one_switch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference design, but every cable of its second switch was put into the first."""
    estate = reference()
    links = [
        replace(link, a=link.a.replace(GONE, SWITCH), b=link.b.replace(GONE, SWITCH)) for link in estate.links
    ]
    wired = replace(
        estate,
        switches=tuple(switch for switch in estate.switches if switch.name != GONE),
        links=tuple(link for link in links if link.a != link.b),
    )
    path = tmp_path_factory.mktemp("wired") / "One switch.json"
    path.write_bytes(write_document(wired))
    return path


def test_from_an_import_to_its_plan(open_page: Callable[..., Page], workbook: Path) -> None:
    page = open_page("/")
    take_in(page, workbook)
    assert "carries its load with 1 host lost" in page.locator(".verdict p").first.inner_text()
    page.goto("/")
    card = page.get_by_role("article", name="Blue export", exact=True)
    assert "Fits" in card.get_by_role("link", name="Does it fit?").inner_text()
    if card.locator("details:not([open])").count():
        enter(page, card.locator("summary"))
    enter(page, card.get_by_role("link", name="Blue", exact=True))
    enter(page, page.locator("#figure-hosts_needed > summary"))
    assert "How it is calculated" in page.locator("#figure-hosts_needed").inner_text()


def test_a_host_fails_and_its_vms_are_found_again(imported: Page) -> None:
    page = imported
    open_tile(page, "Blue export", "What if a host dies?")
    page.wait_for_url("**/cluster/failures/**")
    enter(page, page.get_by_role("button", name="Lose the hosts"))
    page.wait_for_url("**study=**")
    assert page.locator(".verdict p").first.inner_text() == "All 4 single losses are survived."
    enter(page, page.locator(".losses tbody").get_by_role("link").first)
    page.get_by_role("heading", name="esx0 is lost").wait_for()
    assert page.locator("#loss .appear bdi").count() > 10


def test_the_single_switch_is_found(open_page: Callable[..., Page], one_switch: Path) -> None:
    page = open_page("/")
    take_in(page, one_switch)
    open_tile(page, "One switch", "What is single?")
    enter(page, page.get_by_role("button", name="Examine the wiring"))
    page.wait_for_url("**/runs/**")
    enter_when_ready(page, "See the answer")
    assert page.locator(".verdict p").first.inner_text() == "1 single point of failure"
    table = page.get_by_role("region", name="Single points of failure")
    assert table.locator("tbody th").all_inner_texts() == [SWITCH]
    page.goto("/")
    tile = page.get_by_role("article", name="One switch", exact=True).get_by_role(
        "link", name="What is single?"
    )
    assert "1 single point" in tile.inner_text()
    assert SWITCH in tile.inner_text()


def test_platforms_are_compared(imported: Page) -> None:
    page = imported
    open_tile(page, "Blue export", "What does it cost?")
    tab_to(page, page.get_by_role("checkbox", name="Proxmox VE"))
    if not page.get_by_role("checkbox", name="Proxmox VE").is_checked():
        page.keyboard.press("Space")
    enter(page, page.get_by_role("button", name="Price it"))
    page.wait_for_url("**study=*")
    table = page.get_by_role("region", name="Side by side")
    table.wait_for()
    heads = table.locator("thead th").all_inner_texts()
    assert {"Today", "Proxmox VE"} <= {head.split("\n")[0] for head in heads}
    total = table.locator("tr.total td").first.inner_text()
    page.goto("/")
    card = page.get_by_role("article", name="Blue export", exact=True)
    assert total.split("\n")[0] in card.get_by_role("link", name="What does it cost?").inner_text()


def test_a_maintenance_is_rehearsed(imported: Page) -> None:
    page = imported
    open_tile(page, "Blue export", "Does it fit?")
    enter(page, page.locator("#answer").get_by_role("link", name="Blue"))
    enter(page, page.get_by_role("link", name="Rehearse", exact=True))
    page.wait_for_url("**/rehearse/**")
    write(page, page.get_by_label("Script", exact=True), "profile vsphere\nat 10 maintenance esx1")
    enter(page, page.get_by_role("button", name="Rehearse", exact=True))
    page.wait_for_url("**/rehearsals/**")
    page.locator("[data-player][data-ready]").wait_for()
    tab_to(page, page.get_by_role("slider", name="Second of the rehearsal"))
    page.keyboard.press("End")
    host = page.locator(".host-card", has=page.get_by_role("button", name="esx1", exact=True))
    assert host.locator(".vm-mark:not([data-phase=off])").count() == 0
    assert "in maintenance" in page.locator(".told").inner_text()


@pytest.mark.parametrize("ending", ["pdf"])
def test_a_report_is_taken_and_says_what_the_screen_says(imported: Page, ending: str) -> None:
    page = imported
    open_tile(page, "Blue export", "Does it fit?")
    verdict = page.locator(".verdict p").first.inner_text()
    tab_to(page, page.get_by_role("link", name=ending.upper(), exact=True))
    with page.expect_download() as got:
        page.keyboard.press("Enter")
    text = PdfReader(io.BytesIO(Path(got.value.path()).read_bytes())).pages[0].extract_text()
    assert words(verdict) in words(text)


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_first_run_ticks_what_was_done_and_can_be_put_away(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    first_run = page.get_by_role("region", name="Your first five minutes")
    first = first_run.get_by_role("link").first
    assert "Read the verdict" in first.inner_text()
    enter(page, first)
    page.wait_for_url("**/cluster/**")
    page.goto("/")
    assert first_run.get_by_role("link").first.get_by_role("img", name="done").is_visible()
    for link in first_run.get_by_role("link").all():
        assert page.request.get(urljoin(page.url, link.get_attribute("href"))).ok
    enter(page, first_run.get_by_role("button", name="Put away"))
    first_run.wait_for(state="detached")
    page.wait_for_load_state()
    page.goto("/help/")
    enter(page, page.get_by_role("button", name="Show the first five minutes"))
    first_run.wait_for()
