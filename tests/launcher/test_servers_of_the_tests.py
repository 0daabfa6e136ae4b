"""The servers that other tests build on are real and answer."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis

from tests.conftest import Stack, neighbours

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_files_stay_together_and_tests_that_empty_the_tables_stay_last() -> None:
    groups = neighbours(["a.py::1", "a.py::2", "b.py::1", "tests/browser/c.py::1", "a.py::empties"])
    assert groups["a.py::1"] == groups["a.py::2"]
    assert len(set(groups.values())) == 4
    assert list(groups)[-1] == "a.py::empties"
    assert groups["a.py::empties"] != groups["a.py::1"]


def test_the_broker_of_the_tests_keeps_what_it_is_told(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        client.set("host", "esx3")
        assert client.get("host") == b"esx3"


def test_the_postgresql_of_the_tests_answers_under_its_database_url(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url) as connection:
        assert connection.execute("SELECT 2 + 2").fetchone() == (4,)


@pytest.mark.stack
def test_the_stack_of_the_tests_is_ready_when_it_is_handed_over(stack: Stack) -> None:
    with urllib.request.urlopen(f"{stack.url}readyz") as answer:
        assert answer.read() == b'{"ready": true}'


@pytest.mark.stack
@pytest.mark.browser
def test_the_browser_of_the_tests_opens_a_page_of_the_stack(stack: Stack, browser: Browser) -> None:
    page = browser.new_page()
    answer = page.goto(f"{stack.url}livez")
    assert answer is not None
    assert answer.ok
    assert page.inner_text("body").strip() == "ok"
    page.close()
