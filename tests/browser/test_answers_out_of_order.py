"""Answers that come in another order than they were asked for, or never: shown is what was asked last."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route, WebSocketRoute

    from tests.browser.conftest import Faults

TEMPLATES = ROOT / "templates"
RUN = r"[0-9a-f]{8}-[0-9a-f-]{27}/$"
OTHER_RUN = "first => !document.querySelector('#planning [hx-get]').getAttribute('hx-get').includes(first)"
SOME = 10
DRAWN = "one => JSON.stringify(one.figure.data)"


class Held:
    """Answers that are on their way: those asked for while it holds come when they are let go."""

    def __init__(self, page: Page, address: str) -> None:
        self.routes: list[Route] = []
        self.holds = True
        page.route(re.compile(address), self._take)

    def _take(self, route: Route) -> None:
        if self.holds:
            self.routes.append(route)
        else:
            route.continue_()

    def wait(self, page: Page) -> None:
        while not self.routes:
            page.wait_for_timeout(50)

    def let_go(self) -> None:
        from playwright.sync_api import Error

        self.holds = False
        for route in self.routes:
            with suppress(Error):  # nobody waits for it any more
                route.continue_()


class Still:
    """A worker that takes its time: so often the page is told that it still works."""

    def __init__(self, page: Page, address: str) -> None:
        self.told = 0
        self.words = page.locator("#planning").inner_html()
        page.route(re.compile(address), self._take)

    def _take(self, route: Route) -> None:
        if self.told == SOME:
            route.continue_()
        else:
            self.told += 1
            route.fulfill(body=self.words, content_type="text/html")


def asked_run(page: Page) -> str:
    found = re.search(RUN, page.locator("#planning [hx-get]").get_attribute("hx-get"))
    assert found
    return found[0]


def test_the_plan_that_is_shown_is_the_one_asked_for_last(imported: Page, estate_address: str) -> None:
    page = imported
    page.goto(f"{estate_address}cluster/?name=Blue")
    held = Held(page, "/plan/" + RUN)
    failures = page.locator("[data-parameters] [name=failures]")
    failures.fill("2")
    held.wait(page)
    first = asked_run(page)
    failures.fill("3")
    page.wait_for_function(OTHER_RUN, arg=first)
    still = Still(page, "/plan/" + asked_run(page))
    held.let_go()
    page.wait_for_url("**plan=**")
    page.wait_for_timeout(500)
    assert still.told == SOME
    assert failures.input_value() == "3"


def test_the_study_that_is_shown_is_the_one_asked_for_last(imported: Page, estate_address: str) -> None:
    page = imported
    page.goto(f"{estate_address}cluster/placement/?name=Blue")
    held = Held(page, "/study/" + RUN)
    ask = page.get_by_role("button", name="Place anew")
    ask.click()
    held.wait(page)
    first = asked_run(page)
    failures = page.locator("#answer [name=failures]")
    failures.fill("2")
    ask.click()
    page.wait_for_function(OTHER_RUN, arg=first)
    held.let_go()
    page.wait_for_url("**study=**")
    page.wait_for_timeout(1000)
    assert failures.input_value() == "2"


def test_a_chart_shows_what_was_chosen_last(imported: Page, estate_address: str) -> None:
    page = imported
    page.goto(f"{estate_address}cluster/?name=Blue")
    chart = page.locator("figure", has=page.locator("[data-chart-choice]"))
    chart.scroll_into_view_if_needed()
    page.locator("figure[data-drawn] [data-chart-choice]").first.wait_for(state="attached")
    by_memory = chart.evaluate(DRAWN)
    held = Held(page, "area=vcpus")
    chart.locator("label", has_text="vCPU").click()
    held.wait(page)
    chart.locator("label", has_text="Memory").click()
    with page.expect_response(re.compile("area=vcpus")):
        held.let_go()
    page.wait_for_timeout(300)
    assert chart.evaluate(DRAWN) == by_memory


class Line:
    """The feed's socket as the page has it; the test is the server."""

    def __init__(self, page: Page) -> None:
        self.lines: list[WebSocketRoute] = []
        page.route_web_socket("**/ws/events/**", self._connect)

    def _connect(self, line: WebSocketRoute) -> None:
        self.lines.append(line)
        line.send(json.dumps({"type": "hello", "seq": 1_000_000, "upto": 1_000_000}))

    def tell(self, seq: int) -> None:
        event: dict[str, Any] = {
            "seq": seq, "at": "2026-01-01T00:00:00.000Z", "level": "info", "subject": "", "text": "t",
        }  # fmt: skip
        self.lines[-1].send(json.dumps({"type": "events", "events": [event]}))


def test_the_number_of_runs_is_the_one_counted_last(open_page: Callable[..., Page]) -> None:
    page = open_page("/login/")
    line = Line(page)
    counts: list[Route] = []
    page.route("**/runs/working/", lambda route: counts.append(route))
    page.goto("/events/")
    page.locator("[data-feed-state][data-state=live]").wait_for()
    for seq in (1, 2):
        line.tell(1_000_000 + seq)
        while len(counts) < seq:
            page.wait_for_timeout(50)
    counts[1].fulfill(body="0")
    page.locator("[data-count-shown]", has_text=re.compile("^0$")).wait_for()
    counts[0].fulfill(body="7")
    page.wait_for_timeout(500)
    assert page.locator("[data-count-shown]").inner_text() == "0"


def test_a_line_that_says_nothing_any_more_is_opened_anew(open_page: Callable[..., Page]) -> None:
    """A machine that slept, or a proxy that forgot it: nobody closes such a socket."""
    page = open_page("/login/")
    line = Line(page)
    page.clock.install()
    page.goto("/events/")
    page.locator("[data-feed-state][data-state=live]").wait_for()
    assert len(line.lines) == 1
    page.clock.fast_forward(61_000)
    page.locator("[data-feed-state][data-state=waiting]").wait_for()
    page.clock.fast_forward(1_000)
    page.locator("[data-feed-state][data-state=live]").wait_for()
    assert len(line.lines) == 2


IMPATIENT = """
const timeout = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (ms) => timeout(Math.min(ms, 1000));
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (...given) {
  if (this.timeout) this.timeout = 1000;
  return send.apply(this, given);
};
"""


class Lost:
    """The first answer of an address never comes."""

    def __init__(self, page: Page, address: str) -> None:
        self.route: Route | None = None
        page.add_init_script(IMPATIENT)
        page.route(re.compile(address), self._take)

    def _take(self, route: Route) -> None:
        if self.route is None:
            self.route = route
        else:
            route.continue_()


def test_a_plan_whose_answer_never_comes_is_asked_for_again(
    open_page: Callable[..., Page], estate_address: str, faults: Faults
) -> None:
    page = open_page(f"{estate_address}cluster/?name=Blue")
    lost = Lost(page, "/plan/" + RUN)
    page.reload()
    page.locator("[data-parameters] [name=failures]").fill("2")
    page.wait_for_url("**plan=**", timeout=60_000)
    assert lost.route is not None
    faults.found = [fault for fault in faults.found if not fault.startswith("console: htmx:timeout")]


def test_a_rehearsal_whose_answer_never_comes_is_asked_for_again(
    open_page: Callable[..., Page], estate_address: str
) -> None:
    page = open_page(f"{estate_address}rehearse/?name=Blue")
    lost = Lost(page, "/api/v1/rehearsals/[^/]+/events")
    page.get_by_role("button", name="Rehearse", exact=True).click()
    page.locator("[data-player][data-ready]").wait_for(timeout=60_000)
    assert lost.route is not None


def test_whatever_asks_again_and_again_gives_up_an_answer_that_never_comes() -> None:
    """htmx asks nothing more of an element while its last question is under way."""
    pollers = [path for path in TEMPLATES.rglob("*.html") if "every " in "".join(asks(path.read_text()))]
    assert len(pollers) >= 6
    for path in pollers:
        assert 'hx-request=\'{"timeout": ' in path.read_text(), path


def asks(template: str) -> list[str]:
    return re.findall(r'hx-trigger="([^"]*)"', template)
