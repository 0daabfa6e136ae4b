"""A session that ends while its page is open: nothing of the sign-in page is shown in place of an answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

SESSION = "sessionid"
LIVE = "[data-feed-state][data-state=live]"


def upload(page: Page, file: Path) -> None:
    page.get_by_label("Drop the export here").set_input_files(file)
    page.get_by_role("button", name="Import", exact=True).click()


def test_a_file_sent_after_the_session_leads_to_the_sign_in(
    open_page: Callable[..., Page], workbook: Path
) -> None:
    page = open_page("/import/")
    page.context.clear_cookies(name=SESSION)
    upload(page, workbook)
    page.wait_for_url("**/login/?next=/import/")


def test_a_file_that_is_refused_is_not_said_to_have_met_a_silent_server(
    open_page: Callable[..., Page], workbook: Path
) -> None:
    page = open_page("/import/")
    page.locator("[data-upload] [name=csrfmiddlewaretoken]").evaluate("token => { token.value = '-'; }")
    upload(page, workbook)
    page.locator("[data-upload-words]", has_text="The server refused this").wait_for()


def test_the_number_of_runs_stays_a_number(open_page: Callable[..., Page], workbook: Path) -> None:
    page, other = open_page("/events/"), open_page("/import/")
    page.locator(LIVE).wait_for()
    page.context.clear_cookies(name=SESSION)
    with page.expect_response(lambda answer: "/login/" in answer.url):
        upload(other, workbook)
    page.wait_for_timeout(300)  # the script reads what came
    assert page.locator("[data-count-shown]").inner_text().isdigit()
