"""Static files are sent piece by piece, as the web process sends them."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from django.test import AsyncClient, Client
from pytest_django.fixtures import Settings

CONTENT = b"x" * 200_000


@pytest.fixture
def served(tmp_path: Path, settings: Settings) -> str:
    """The address of a static file of three pieces and a bit."""
    (tmp_path / "large.js").write_bytes(CONTENT)
    settings.STATIC_ROOT = str(tmp_path)
    settings.WHITENOISE_USE_FINDERS = False
    settings.WHITENOISE_AUTOREFRESH = False
    return f"{settings.STATIC_URL}large.js"


async def test_a_file_comes_whole_and_without_a_warning(served: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = await AsyncClient().get(served)
        pieces = [piece async for piece in answer.streaming_content]
    assert answer.status_code == 200
    assert b"".join(pieces) == CONTENT
    assert [len(piece) for piece in pieces] == [65536, 65536, 65536, 3392]


async def test_headers_alone_a_range_and_what_the_browser_has_already(served: str) -> None:
    client = AsyncClient()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head = await client.head(served)
        part = await client.get(served, headers={"range": "bytes=10-19"})
        again = await client.get(served, headers={"if-modified-since": head["last-modified"]})
        assert [piece async for piece in part.streaming_content] == [b"x" * 10]
    assert (head.status_code, part.status_code, again.status_code) == (200, 206, 304)


def test_a_caller_that_waits_gets_the_same(served: str) -> None:
    assert b"".join(Client().get(served).streaming_content) == CONTENT
