"""A rehearsal in the browser: run it, watch it end, go back in it, let a host fail in the middle of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import HOSTS, PHONE, VMS
from tests.browser.test_every_page import found_by_axe

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.browser.conftest import Faults

SCRIPT = "profile vsphere\nat 10 fail esx1\nat 300 repair esx1\n"
LONG = "profile vsphere\n" + "".join(
    f"at {100 * n} fail esx1\nat {100 * n + 50} repair esx1\n" for n in range(1, 9)
)


def pause(page: Page) -> None:
    """Stand still: a rehearsal that is played goes on from wherever it is put.

    Asked and clicked in one step of the page: one that ends just before a click would begin again with it.
    """
    page.locator("[data-player]").evaluate(
        "one => { if (one.dataset.playing === 'true') one.querySelector('[data-play]').click(); }"
    )


def seek(page: Page, at_s: float) -> None:
    page.locator("[data-scrub]").evaluate(
        "(line, at) => { line.value = at; line.dispatchEvent(new Event('input')); }", at_s
    )


def phases(page: Page) -> dict[str, str]:
    """The phase of each VM as it is shown, by name."""
    return dict(
        page.locator(".vm-mark").evaluate_all(
            "all => all.map(one => [one.querySelector('.vm-name').textContent, one.dataset.phase])"
        )
    )


def state_of(page: Page, host: str) -> str | None:
    return page.locator(".host-card", has=page.get_by_role("button", name=host, exact=True)).get_attribute(
        "data-state"
    )


def vms_of(page: Page, host: str) -> int:
    return (
        page.locator(".host-card", has=page.get_by_role("button", name=host, exact=True))
        .locator(".vm-mark")
        .count()
    )


@pytest.fixture
def rehearsed(open_page: Callable[..., Page], estate_address: str) -> Page:
    """The page of a rehearsal that has ended."""
    page = open_page(f"{estate_address}rehearse/?name=Blue")
    page.get_by_label("Script", exact=True).fill(SCRIPT)
    page.get_by_role("button", name="Rehearse", exact=True).click()
    page.wait_for_url("**/rehearsals/**")
    page.locator("[data-player][data-ready]").wait_for()
    pause(page)
    return page


def test_a_script_is_played_to_its_end_and_back(rehearsed: Page) -> None:
    page = rehearsed
    assert "Every VM came back" in page.locator(".verdict p").first.inner_text()
    page.get_by_label("Speed").select_option("1800")
    seek(page, 0)
    page.get_by_role("button", name="Play").click()
    page.locator("[data-player][data-playing=false]").wait_for()
    assert page.locator("[data-time]").inner_text() == page.locator("[data-total]").inner_text()
    at_end = phases(page)
    assert set(at_end.values()) == {"running", "off"}
    assert vms_of(page, "esx1") < VMS / HOSTS

    seek(page, 0)
    assert vms_of(page, "esx1") == VMS / HOSTS
    assert state_of(page, "esx1") == "up"
    seek(page, 12)
    assert state_of(page, "esx1") == "off"
    down = [name for name, phase in phases(page).items() if phase == "down"]
    assert len(down) > 10
    assert f"VMs out: {len(down)}" in page.locator("[data-out]").inner_text()
    seek(page, 9999)
    assert phases(page) == at_end
    bars = page.locator(".bar-row")
    assert bars.count() == len(down)
    assert page.locator(".bar-total").first.inner_text() in page.locator(".verdict p").first.inner_text()


def test_the_causes_stand_under_each_other_and_lead_to_their_second(rehearsed: Page) -> None:
    page = rehearsed
    chain = page.locator(".causes > ul > li[data-kind=host-failed]")
    assert chain.locator("li[data-kind=host-dead] li[data-kind=host-fenced]").count() == 1
    many = chain.locator("li[data-kind=host-fenced] .cause-group summary").first
    many.click()
    up = chain.locator("li[data-kind=vm-restarting] li[data-kind=vm-up]").first
    up.locator("> .told-time").click()
    assert re.match(r"1:\d\d$", page.locator("[data-time]").inner_text())
    last = page.locator(".told li").last
    assert "back" in last.inner_text()


def test_the_playback_needs_no_mouse(rehearsed: Page) -> None:
    page = rehearsed
    seek(page, 0)
    page.locator("h1").click()
    page.keyboard.press(".")
    assert page.locator("[data-time]").inner_text() == "0:10"
    assert page.locator(".told li").last.get_attribute("data-kind") != "run-begun"
    page.keyboard.press(",")
    assert page.locator("[data-time]").inner_text() == "0:00"
    page.keyboard.press(" ")
    assert page.locator("[data-player]").get_attribute("data-playing") == "true"
    page.keyboard.press(" ")
    assert page.locator("[data-player]").get_attribute("data-playing") == "false"
    line = page.get_by_role("slider", name="Second of the rehearsal")
    line.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert line.get_attribute("aria-valuetext") == page.locator("[data-time]").inner_text()
    assert page.locator("[data-time]").inner_text() != "0:00"
    mark = page.locator(".host-vms").first.locator(".vm-mark").first
    mark.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.vm") != mark.get_attribute("data-vm")
    page.keyboard.press("Enter")
    page.locator("dialog[open]").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")


def test_a_host_that_is_clicked_fails_at_that_second(rehearsed: Page) -> None:
    page = rehearsed
    before = page.url.partition("#")[0]
    seek(page, 45)
    at_45 = phases(page)
    page.locator("[data-host]", has_text="esx2").click()
    page.get_by_role("button", name="Fail", exact=True).click()
    page.wait_for_url(lambda url: "#play=45" in url)
    assert page.url.partition("#")[0] != before
    page.locator("[data-player][data-ready]").wait_for()
    page.keyboard.press("Escape")
    pause(page)
    seek(page, 44.9)
    assert phases(page) == {name: at_45[name] for name in at_45}
    assert state_of(page, "esx2") == "up"
    seek(page, 45)
    assert state_of(page, "esx2") == "off"
    assert "at 45 fail esx2" in page.locator(".script-shown").inner_text()


def test_a_click_writes_the_line_of_a_script(open_page: Callable[..., Page], estate_address: str) -> None:
    page = open_page(f"{estate_address}rehearse/?name=Blue")
    script = page.get_by_label("Script", exact=True)
    script.fill("profile vsphere\n")
    page.get_by_label("At second", exact=True).fill("42")
    page.locator("[data-host]", has_text="esx3").click()
    page.get_by_role("button", name="Isolate from the network").click()
    page.locator(".vm-mark", has_text="app-10").click()
    page.get_by_role("combobox", name="Move to").select_option(label="esx0")
    page.get_by_role("button", name="Move to").click()
    page.get_by_text("Proxmox VE", exact=True).first.click()
    assert script.input_value() == "profile proxmox\nat 42 isolate esx3\nat 42 migrate app-10 to esx0\n"
    script.fill("profile vsphere\nat 5 fail nobody")
    page.get_by_role("button", name="Rehearse", exact=True).click()
    page.get_by_role("alert").get_by_text("no such host").wait_for()
    chosen = script.evaluate("one => one.value.slice(one.selectionStart, one.selectionEnd)")
    assert chosen == "at 5 fail nobody"


def test_an_example_is_found_and_run_with_one_click(open_page: Callable[..., Page]) -> None:
    page = open_page("/rehearsals/")
    every = page.locator("[data-example]:visible").count()
    page.get_by_label("Find an example").fill("proxmox networks cut")
    found = page.locator("[data-example]:visible")
    assert 0 < found.count() < every
    found.filter(has_text="proxmox-all-networks-cut").locator("button").click()
    page.wait_for_url("**/rehearsals/*-*/**")
    page.locator("[data-player][data-ready]").wait_for()
    page.locator(".verdict-bad").wait_for()
    assert page.locator(".bar-row[data-lost]").count() == 3


def test_a_page_whose_line_was_cut_has_every_event_once(
    open_page: Callable[..., Page], estate_address: str, faults: Faults
) -> None:
    """Half of the answers are lost on their way; the page asks again after the last event that it has."""
    page = open_page(f"{estate_address}rehearse/?name=Blue")
    asked: list[int] = []

    def cut_every_other(route: Route) -> None:
        asked.append(int(route.request.url.rpartition("=")[2]))
        if len(asked) % 2:
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/rehearsals/*/events**", cut_every_other)
    page.get_by_label("Script", exact=True).fill(LONG)
    page.get_by_role("button", name="Rehearse", exact=True).click()
    page.wait_for_url("**/rehearsals/**")
    page.locator("[data-player][data-ready]").wait_for()
    assert len(asked) >= 2
    log = page.request.get(f"{page.url.partition('#')[0]}log.json").json()
    seek(page, 1e6)
    numbers = page.locator(".told li").evaluate_all("all => all.map(one => Number(one.dataset.number))")
    total = len(log["events"])
    assert numbers == list(range(max(1, total - 119), total + 1))
    assert not page.locator("[data-trouble]").is_visible()
    assert all("ERR_FAILED" in fault for fault in faults.found)
    faults.found.clear()


def test_drills_say_which_failures_are_survived(open_page: Callable[..., Page], estate_address: str) -> None:
    page = open_page(f"{estate_address}rehearse/?name=Blue")
    page.get_by_label("What fails").select_option("pairs")
    page.get_by_role("button", name="Do the drills").click()
    page.wait_for_url("**/rehearsals/**")
    page.locator("#outcome[data-state=succeeded]").wait_for()
    assert page.locator(".grid rect").count() == HOSTS * (HOSTS - 1) / 2
    assert page.locator("#outcome table").first.locator("tbody tr").count() == HOSTS * (HOSTS - 1) / 2
    assert page.locator(".verdict p").first.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_can_be_read_in_both_themes_and_on_a_phone(
    open_page: Callable[..., Page], rehearsed: Page, estate_address: str, scheme: str
) -> None:
    seek(rehearsed, 45)
    played = rehearsed.url.partition("#")[0]
    for address in ("/rehearsals/", f"{estate_address}rehearse/?name=Blue", f"{played}#t=45"):
        for viewport in ({"width": 1440, "height": 900}, PHONE):
            page = open_page(address, color_scheme=scheme, viewport=viewport)
            if "#t=" in address:
                page.locator("[data-player][data-ready]").wait_for()
            assert found_by_axe(page) == [], address
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
            assert page.locator("h1").count() == 1


def rehearse_example(page: Page, name: str) -> None:
    page.locator("[data-example]", has_text=name).locator("button").click()
    page.wait_for_url("**/rehearsals/*-*/**")
    page.locator("[data-player][data-ready]").wait_for()
    pause(page)


def test_a_link_that_is_clicked_is_cut_at_that_second_and_shown_so(open_page: Callable[..., Page]) -> None:
    page = open_page("/rehearsals/")
    rehearse_example(page, "maintenance-weakens-others")
    before = page.url.partition("#")[0]
    pause(page)
    seek(page, 30)
    of_esx3 = page.get_by_role("group", name="Links of esx3")
    assert [text.split() for text in of_esx3.get_by_role("button").all_inner_texts()] == [
        ["network"], ["san", "2/2"],
    ]  # fmt: skip
    of_esx3.get_by_role("button", name="san: 2 of 2 paths").click()
    page.get_by_role("button", name="Cut fabric-b").click()
    page.wait_for_url(lambda url: before not in url)
    page.locator("[data-player][data-ready]").wait_for()
    assert "at 30 lose-path esx3 san fabric-b" in page.locator(".script-shown").inner_text()
    pause(page)
    for at_s, shown in ((29, "san: 2 of 2 paths"), (31, "san: 1 of 2 paths"), (29, "san: 2 of 2 paths")):
        seek(page, at_s)
        assert of_esx3.get_by_role("button", name=shown).is_visible()
    of_esx3.get_by_role("button", name="network").click()
    page.get_by_role("button", name="Cut all its networks").click()
    page.wait_for_url(lambda url: "#play=29" in url)
    page.locator("[data-player][data-ready]").wait_for()
    seek(page, 31)
    assert of_esx3.get_by_role("button", name="network cut").is_visible()


def test_the_end_says_who_was_lost_and_what_would_have_saved_them(open_page: Callable[..., Page]) -> None:
    page = open_page("/rehearsals/")
    rehearse_example(page, "site-fails")
    rescues = page.locator("[data-rescues]")
    assert "shared storage" in rescues.inner_text()
    assert "1 of 1" in rescues.inner_text()
    pause(page)
    seek(page, 30)
    page.locator("[data-host]", has_text="esx3").click()
    page.get_by_role("button", name="Fail its whole site, south").click()
    page.wait_for_url(lambda url: "#play=30" in url)
    page.locator("[data-player][data-ready]").wait_for()
    assert "at 30 fail-group site:south" in page.locator(".script-shown").inner_text()
