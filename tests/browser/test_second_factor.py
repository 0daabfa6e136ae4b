"""A second factor in the browser: an app is set up, the codes are kept, one of them opens the account."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyotp

from tests.browser.conftest import PHONE, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

TWICE = "button => { button.click(); setTimeout(() => button.click(), 15); }"  # while the first is answered


def test_a_double_click_keeps_the_recovery_codes_in_sight(open_as: Callable[..., Page]) -> None:
    page = open_as("night-shift", viewport=PHONE)
    page.goto("/account/second-factor/")
    secret = page.locator("figure.qr code").inner_text().replace(" ", "")
    page.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Set it up").evaluate(TWICE)
    page.get_by_role("heading", name="Recovery codes").wait_for()
    codes = page.locator(".codes code").all_inner_texts()
    assert len(codes) == 10
    page.wait_for_timeout(1000)  # what a second answer would have come within
    assert page.locator(".codes code").all_inner_texts() == codes
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    page.get_by_role("link", name="I have kept them").click()
    page.context.clear_cookies()
    sign_in(page, "night-shift")
    page.get_by_label("Code", exact=True).fill(codes[0])
    page.get_by_role("button", name="Go on").click()
    page.locator(".user-name", has_text="night-shift").wait_for(state="attached")
