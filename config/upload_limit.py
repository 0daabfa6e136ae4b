"""Refuses a request body over the limit before it fills the disk, whatever its headers promise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from django.conf import settings

FORM_BYTES = 1024 * 1024  # the form around the file: a file just over the limit gets the page's own words
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]


class BodyTooLarge(Exception):
    """The body went over the limit while it was read."""


class UploadLimit:
    """Answers 413 to a body that is, or turns out to be, larger than an upload may be."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        limit = settings.UPLOAD_LIMIT_BYTES + FORM_BYTES
        if _promised_bytes(scope) > limit:
            await _refuse(send)
            return
        read_bytes = 0
        answering = False

        async def counted_receive() -> Message:
            nonlocal read_bytes
            message = await receive()
            read_bytes += len(message.get("body", b""))
            if read_bytes > limit:
                raise BodyTooLarge
            return message

        async def noted_send(message: Message) -> None:
            nonlocal answering
            answering = True
            await send(message)

        try:
            await self.app(scope, counted_receive, noted_send)
        except BodyTooLarge:
            if not answering:
                await _refuse(send)


def _promised_bytes(scope: Message) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _refuse(send: Send) -> None:
    text = f"The upload is larger than {settings.UPLOAD_LIMIT_BYTES // (1024 * 1024)} MiB.\n".encode()
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": text})
