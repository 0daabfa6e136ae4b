"""What holds on every page: small screens, both themes, keyboard, one heading, names that are only text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import HOSTILE, PHONE

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Faults

SERIOUS = {"serious", "critical"}
CONTRAST = {"runOnly": ["color-contrast"]}  # all that another theme changes
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PAGES = {
    "overview": "/",
    "import": "/import/",
    "runs": "/runs/",
    "run": "run",
    "events": "/events/",
    "account": "/account/",
    "requests": "/wishes/",
    "connections": "/connections/",
    "people": "/people/",
    "password": "/password/",
    "second factor": "/account/second-factor/",
    "help": "/help/?q=bound",
    "formula": "/help/formulas/sizing/",
    "interface": "/help/interface/",
    "search": "/search/?q=app",
    "estate": "estate",
    "quality": "estate|quality/",
    "hosts": "estate|hosts/",
    "vms": "estate|vms/",
    "datastores": "estate|datastores/",
    "network": "estate|network/",
    "estate events": "estate|events/",
    "history": "estate|history/",
    "until when": "estate|ahead/",
    "redundancy": "estate|wiring/",
    "topology": "estate|wiring/topology/",
    "availability": "estate|wiring/availability/",
    "editor of the wiring": "estate|wiring/edit/?kind=nic",
    "cost": "estate|cost/",
    "hosts to buy": "estate|cost/hosts/",
    "variants": "estate|variants/",
    "cluster": "estate|cluster/?name=Blue",
    "failures": "estate|cluster/failures/?name=Blue",
    "balance": "estate|cluster/balance/?name=Blue",
    "placement": "estate|cluster/placement/?name=Blue",
    "rehearsals": "/rehearsals/",
    "prices": "/prices/",
    "mails": "/mails/",
    "webhooks": "/webhooks/",
    "operations": "/operations/",
    "host": "host",
    "vm": "vm",
    "not found": "/nothing/is/here/",
}


@pytest.fixture
def addresses(imported: Page, estate_address: str) -> dict[str, str]:
    """Where each page is in this stack."""
    found = {"estate": estate_address}
    imported.goto(f"{found['estate']}vms/?name=app-10")
    found["vm"] = imported.locator("tbody a").first.get_attribute("href") or ""
    imported.goto(f"{found['estate']}hosts/")
    found["host"] = imported.locator("tbody a").first.get_attribute("href") or ""
    imported.goto("/runs/")
    found["run"] = imported.locator("tbody a").first.get_attribute("href") or ""
    return found


def address_of(name: str, addresses: dict[str, str]) -> str:
    thing, _, rest = PAGES[name].partition("|")
    return f"{addresses.get(thing, thing)}{rest}"


def look_at_all_of(page: Page) -> None:
    """Scroll to the end, so that everything that waits for being seen is drawn."""
    page.evaluate(
        """async () => {
            for (let y = 0; y < document.documentElement.scrollHeight; y += 500) {
                scrollTo(0, y);
                await new Promise((done) => setTimeout(done, 60));
            }
        }"""
    )
    for chart in page.locator("[data-chart]").all():
        chart.locator(".main-svg").first.wait_for()


CUT = r"""() => [...document.querySelectorAll(".card .table-box, .stacked, .search input, select")]
  .filter((one) => one.checkVisibility())
  .filter((one) => {
    if (one.tagName !== "SELECT") return one.scrollWidth > one.clientWidth;
    const measure = document.createElement("canvas").getContext("2d");
    const style = getComputedStyle(one);
    measure.font = style.font;
    const room = one.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return measure.measureText(one.selectedOptions[0].text).width > room;
  })
  .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_cards_costs_and_choices_are_not_cut(
    open_page: Callable[..., Page], addresses: dict[str, str], width: int, locale: str
) -> None:
    page = open_page("/", viewport={"width": width, "height": 900}, locale=locale)
    for name in ("overview", "estate", "cluster"):
        page.goto(address_of(name, addresses))
        assert page.evaluate(CUT) == [], name
    page.goto("/")
    for meter in page.locator(".card .meter").all():
        card = meter.locator("xpath=ancestor::article").bounding_box()
        shown = meter.bounding_box()
        assert card
        assert shown
        assert shown["x"] + shown["width"] <= card["x"] + card["width"]


def found_by_axe(page: Page, rules: dict[str, list[str]] = WCAG) -> list[str]:
    """What axe-core calls serious or critical: rule, and where."""
    found = Axe().run(page, options=rules).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(
    open_page: Callable[..., Page], addresses: dict[str, str], scheme: str
) -> None:
    page = open_page("/", color_scheme=scheme)
    found = {}
    for name in PAGES:
        page.goto(address_of(name, addresses))
        page.evaluate("document.querySelectorAll('main details').forEach((one) => (one.open = true))")
        found[name] = found_by_axe(page, WCAG if scheme == "light" else CONTRAST)
        assert page.locator("h1").count() == 1, name
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_axe_finds_what_is_too_pale_or_has_no_name(open_page: Callable[..., Page]) -> None:
    page = open_page("/import/", color_scheme="light")
    page.locator("h1").evaluate("heading => { heading.style.color = '#bbb'; }")
    page.locator("h1").evaluate("heading => heading.after(document.createElement('button'))")
    assert {fault.partition(":")[0] for fault in found_by_axe(page)} == {"color-contrast", "button-name"}


def test_no_page_scrolls_sideways_on_a_phone(
    open_page: Callable[..., Page], addresses: dict[str, str]
) -> None:
    page = open_page("/", viewport=PHONE)
    for name in PAGES:
        page.goto(address_of(name, addresses))
        look_at_all_of(page)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        if name in ("topology", "availability"):
            page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true; })")
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{name}, opened"


def test_charts_are_drawn_have_their_numbers_beside_them_and_cannot_be_sent_away(
    open_page: Callable[..., Page], addresses: dict[str, str]
) -> None:
    page = open_page(address_of("cluster", addresses))
    look_at_all_of(page)
    charts = page.locator("[data-chart]")
    assert charts.count() == 3
    for chart in charts.all():
        chart.locator("summary").click()
        assert chart.locator("tbody tr").count() > 0
        chart.locator(".chart-area").hover()
    offered = page.locator(".modebar-btn").evaluate_all("all => all.map(one => one.dataset.title)")
    assert "Download plot as a PNG" in offered
    assert not [title for title in offered if re.search("share|cloud|edit|produced", title, re.IGNORECASE)]
    library = page.request.get(page.locator("script[data-plotly]").get_attribute("data-plotly") or "").text()
    assert "cloud.plotly.com" not in library


def test_the_theme_that_was_chosen_is_remembered(open_page: Callable[..., Page]) -> None:
    page = open_page("/", color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    button = page.get_by_role("button", name="Colours")
    button.click()
    button.click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark


def test_names_stay_text_wherever_they_are_shown(
    open_page: Callable[..., Page], addresses: dict[str, str]
) -> None:
    page = open_page(f"{addresses['estate']}vms/")
    names = page.locator("tbody td:first-child").all_inner_texts()
    assert HOSTILE in names
    assert any(name.endswith("gnp.exe") for name in names)
    assert not any("\u202e" in name for name in names)
    page.get_by_role("link", name=HOSTILE).click()
    assert page.locator("h1").inner_text().endswith(HOSTILE)
    page.goto(f"/search/?q={HOSTILE}")
    assert page.locator(".found-page a").count() >= 1
    page.goto(address_of("cluster", addresses))
    look_at_all_of(page)
    boxes = page.locator(".chart-wide .slicetext").all_inner_texts()
    assert not page.locator("img").count()
    assert boxes


def test_a_plan_is_reached_and_opened_without_a_mouse(
    open_page: Callable[..., Page], addresses: dict[str, str]
) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "page"

    page.keyboard.press("Control+k")
    page.keyboard.type("Blue")
    page.locator("#found a").first.wait_for()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('#found') !== null")
    page.keyboard.press("Escape")
    assert page.locator("#found a").count() == 0
    page.keyboard.press("Control+k")
    page.keyboard.type("x")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/**")

    page.goto(address_of("cluster", addresses))
    summary = page.locator("#figure-hosts_needed > summary")
    summary.focus()
    outline = summary.evaluate("one => getComputedStyle(one).outlineStyle")
    page.keyboard.press("Enter")
    assert page.locator("#figure-hosts_needed .formula").first.is_visible()
    assert outline == "solid"


def test_the_pages_speak_french(open_page: Callable[..., Page], addresses: dict[str, str]) -> None:
    page = open_page(address_of("cluster", addresses))
    page.get_by_role("button", name="FR").click()
    assert page.locator("html").get_attribute("lang") == "fr"
    look_at_all_of(page)  # a decimal comma in a drawing would be a fault in the console
    assert page.locator("#figure-vcpu_per_core_n1 .figure-value").inner_text() == "2,25"
    assert page.locator("#id_vcpu_per_core").input_value() == "4.0"


def test_a_session_that_has_ended_leads_to_the_sign_in_page(
    open_page: Callable[..., Page], estate_address: str
) -> None:
    page = open_page(f"{estate_address}vms/")
    page.context.clear_cookies()
    page.get_by_label("Name", exact=True).fill("app")
    page.wait_for_url("**/login/**")
    assert page.locator("h1").inner_text() == "Sign in"


def test_a_part_that_is_refused_is_told_in_words(
    open_page: Callable[..., Page], estate_address: str, faults: Faults
) -> None:
    page = open_page(f"{estate_address}vms/")
    page.route("**/vms/**", lambda route: route.fulfill(status=403, body="no"))
    page.get_by_label("Name", exact=True).fill("app")
    page.get_by_role("alert").get_by_text("The server refused this").wait_for()
    assert all("403" in fault for fault in faults.found)
    faults.found.clear()


def test_a_stranger_is_asked_to_sign_in(open_page: Callable[..., Page]) -> None:
    page = open_page("/import/", storage_state=None)
    assert "/login/" in page.url
    assert page.locator("h1").inner_text() == "Sign in"


def test_the_tree_opens_its_branches_when_asked(open_page: Callable[..., Page], estate_address: str) -> None:
    page = open_page(estate_address)
    tree = page.get_by_role("navigation", name="Estates and clusters")
    assert tree.get_by_role("link", name="esx0").count() == 0
    tree.get_by_label("What is in Blue", exact=True).click()
    tree.get_by_role("link", name="esx0").wait_for()
    tree.get_by_label("What is in esx0").click()
    tree.get_by_role("link", name="app-04").wait_for()
    tree.get_by_label("What is in Network").click()
    tree.get_by_text("Nothing recorded").wait_for()
    tree.get_by_role("link", name="esx0").click()
    assert page.locator("h1").inner_text().endswith("esx0")


def test_the_tree_is_one_button_away_on_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page("/", viewport=PHONE)
    tree = page.get_by_role("navigation", name="Estates and clusters")
    assert not tree.is_visible()
    page.get_by_role("button", name="Estates and clusters").click()
    assert tree.is_visible()
    page.keyboard.press("Escape")
    assert not tree.is_visible()
    tree_button = "document.activeElement.hasAttribute('data-menu')"
    assert page.evaluate(tree_button)
