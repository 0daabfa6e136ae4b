"""What each role sees in the browser: pages that load once and stay, no link that refuses who follows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from cluster.roles import Role
from tests.browser.conftest import DESK, PHONE
from tests.browser.test_every_page import found_by_axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

SETTLES_MS = 700
LINKS = "all => all.map(one => one.getAttribute('href'))"


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("role", [*(each.value for each in Role), ""])
def test_every_page_of_a_role_opens_once_and_stays(
    open_as: Callable[..., Page], role: str, viewport: dict[str, int]
) -> None:
    name = f"{role or 'no role'} {viewport['width']}".replace(" ", "-")
    page = open_as(name, role, viewport=viewport)
    if viewport == PHONE:  # where the longer words have the least room
        french = {"name": "django_language", "value": "fr", "url": page.url}
        page.context.add_cookies([french])  # type: ignore[list-item]
    loaded: list[str] = []
    page.on("load", lambda shown: loaded.append(shown.url))
    shown = page.eval_on_selector_all("nav a[href^='/'], .user a[href^='/'], .bar-end a[href^='/']", LINKS)
    assert "/account/" in shown
    for address in ["/", *dict.fromkeys(shown)]:
        loaded.clear()
        answer = page.goto(address)
        assert answer is not None
        assert answer.ok, address
        page.wait_for_timeout(SETTLES_MS)
        assert len(loaded) == 1, loaded
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.goto("/")
    assert found_by_axe(page) == []
