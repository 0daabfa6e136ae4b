"""A body over the limit is refused before it fills the disk, whatever its headers promise."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from config.upload_limit import Message, Receive, Send, UploadLimit

MIB = 1024 * 1024
CHUNK = b"x" * (MIB // 4)


class Reader:
    """An application that reads the whole body, then answers with its length."""

    def __init__(self) -> None:
        self.read_bytes = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            self.read_bytes += len(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def post(app: UploadLimit, chunks: int, promised: int | None) -> list[Message]:
    sent: list[Message] = []
    left = chunks

    async def receive() -> Message:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": CHUNK, "more_body": left > 0}

    async def send(message: Message) -> None:
        sent.append(message)

    headers: list[Any] = [] if promised is None else [(b"content-length", str(promised).encode())]
    await app({"type": "http", "headers": headers}, receive, send)
    return sent


@pytest.fixture
def reader(settings: Settings) -> Reader:
    settings.UPLOAD_LIMIT_BYTES = 2 * MIB
    return Reader()


async def test_a_file_at_the_limit_passes_with_the_form_around_it(reader: Reader) -> None:
    (answer,) = await post(UploadLimit(reader), chunks=12, promised=3 * MIB)
    assert (answer["status"], reader.read_bytes) == (200, 3 * MIB)


async def test_a_body_that_promises_more_is_refused_unread(reader: Reader) -> None:
    start, body = await post(UploadLimit(reader), chunks=13, promised=3 * MIB + 1)
    assert (start["status"], reader.read_bytes) == (413, 0)
    assert body["body"] == b"The upload is larger than 2 MiB.\n"


@pytest.mark.parametrize("promised", [None, 10])
async def test_a_body_that_grows_over_the_limit_is_cut_off(reader: Reader, promised: int | None) -> None:
    start, _ = await post(UploadLimit(reader), chunks=10_000, promised=promised)
    assert (start["status"], reader.read_bytes) == (413, 3 * MIB)
