"""Takes a picture of every page, to be looked at: `python -m tests.browser.pictures FOLDER URL NAME`.

Of a running Headroom, at two widths, light and dark, French and English.  The password is read from
HEADROOM_PASSWORD.  The first estate and its first cluster, host and VM stand for all; nothing is changed.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from playwright.sync_api import sync_playwright

from tests.browser.test_every_page import PAGES, address_of
from tests.conftest import CHROMIUM_ARGUMENTS, CHROMIUMS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS: Final = (1440, 390)
THEMES: Final = ("light", "dark")
LOCALES: Final = ("en-GB", "fr-FR")


def main(folder: Path, url: str, name: str, only: tuple[str, ...]) -> None:
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)))
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        state, places = signed_in(browser, url, name)
        for locale in LOCALES:
            for theme in THEMES:
                for width in WIDTHS:
                    context = browser.new_context(
                        base_url=url,
                        storage_state=state,
                        locale=locale,
                        color_scheme=theme,
                        viewport={"width": width, "height": 900},
                    )
                    stranger = browser.new_context(
                        base_url=url,
                        locale=locale,
                        color_scheme=theme,
                        viewport={"width": width, "height": 900},
                    )
                    take(stranger.new_page(), "/login/", folder / f"sign-in-{width}-{theme}-{locale[:2]}.png")
                    stranger.close()
                    page = context.new_page()
                    for title, place in places.items():
                        if not only or title in only:
                            take(page, place, folder / f"{slug(title)}-{width}-{theme}-{locale[:2]}.png")
                    context.close()
        browser.close()


def signed_in(browser: Browser, url: str, name: str) -> tuple[dict[str, object], dict[str, str]]:
    """The cookies of a sign-in, and where each page is."""
    context = browser.new_context(base_url=url, locale="en-GB")
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password").fill(os.environ["HEADROOM_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda address: "login" not in address)
    places = places_of(page)
    state = dict(context.storage_state())
    context.close()
    return state, places


def places_of(page: Page) -> dict[str, str]:
    """The address of each page, with the first thing of each kind."""

    def first(address: str, links: str) -> str:
        page.goto(address)
        return page.locator(links).first.get_attribute("href") or ""

    estate = first("/", "article h2 a")
    found = {
        "estate": estate,
        "host": first(f"{estate}hosts/", "#table tbody a"),
        "vm": first(f"{estate}vms/", "#table tbody a"),
        "run": first("/runs/", "tbody a"),
    }
    page.goto(estate)
    cluster = quote(page.locator("#answer tbody th a").last.inner_text())
    return {title: address_of(title, found).replace("name=Blue", f"name={cluster}") for title in PAGES}


def take(page: Page, place: str, path: Path) -> None:
    """The whole page, once everything that waits for being seen is drawn."""
    page.goto(place)
    page.evaluate(
        """async () => {
            for (let y = 0; y < document.documentElement.scrollHeight; y += 700) {
                scrollTo(0, y);
                await new Promise((done) => setTimeout(done, 80));
            }
            scrollTo(0, 0);
        }"""
    )
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path, full_page=True)


def slug(title: str) -> str:
    return title.replace(" ", "-")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], tuple(sys.argv[4:]))
