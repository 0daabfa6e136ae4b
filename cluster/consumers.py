"""ws/events/?after=<seq>: what was missed, then what happens, in order and without a gap.

    -> {"type": "hello", "seq": 41, "upto": 57}
    -> {"type": "events", "events": [{"seq": 42, "at": ..., "kind": ..., "text": ...}, ...]}
    -> {"type": "ping", "seq": 57}                    when nothing has happened for a while

Closed with 4401: not (or no longer) logged in; 4400: `after` is no number; 4008: too slow, and 4503: the
database did not answer; come again with the last `seq` seen.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Final
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.db import DatabaseError
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

from cluster.frames import hello_frame, ping_frame
from cluster.hub import PING_S, Closed, Reader, hub
from cluster.reach import sight_of
from cluster.roles import Action, rights_of
from cluster.sign_in_steps import PROVEN, is_held

CLOSE_WITHIN_S: Final = 5.0
SEQ_DIGITS_MAX: Final = 18  # a 64-bit number

_log = logging.getLogger(__name__)


class EventsConsumer(AsyncWebsocketConsumer):
    """One socket of the feed; what it receives from the browser it ignores."""

    reader: Reader | None = None
    sender: asyncio.Task[None] | None = None
    _given_up = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._whole = asyncio.current_task()
        self._receive = receive
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            if not self._given_up:
                raise

    async def connect(self) -> None:
        await self.accept()  # a refusal before that reaches the browser as 1006, which says nothing
        user = self.scope["user"]
        session = self.scope["session"]
        rights = await database_sync_to_async(rights_of)(user)
        if not rights.opens(Action.READ) or await database_sync_to_async(is_held)(session, user):
            await self.close(Closed.NOT_LOGGED_IN)
            return
        asked = parse_qs(self.scope["query_string"].decode("latin-1")).get("after", [""])[0]
        if asked and not (asked.isascii() and asked.isdigit() and len(asked) <= SEQ_DIGITS_MAX):
            await self.close(Closed.BAD_REQUEST)
            return
        self.reader = await hub().join(
            session.session_key or "",
            int(asked) if asked else None,
            self._end,
            sight_of(user.pk, rights),
            session.get(HASH_SESSION_KEY, ""),
            proven=bool(session.get(PROVEN)),
        )
        self.sender = asyncio.create_task(self._tell(self.reader, language_of(self.scope)))

    async def disconnect(self, code: int) -> None:
        self._stop_telling()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Ignore it: a browser has nothing to say here."""

    async def _tell(self, reader: Reader, language: str) -> None:
        """Tell until the socket ends; where rows cannot be read it ends, or it would be silent for ever."""
        try:
            await self._tell_all(reader, language)
        except DatabaseError as error:
            _log.warning("a reader of the feed is asked to come again: %s", error)
            self._end(Closed.COME_AGAIN)

    async def _tell_all(self, reader: Reader, language: str) -> None:
        here = hub()
        await self.send(hello_frame(reader.cursor, here.last_seq))
        while True:
            await reader.wake.wait()
            reader.wake.clear()
            if time.monotonic() - reader.told_at > PING_S:
                await self._send(reader, ping_frame(reader.cursor))
            while reader.cursor < here.last_seq:
                await self._send(reader, await here.next_frame(reader, language))
            reader.behind_since = None

    async def _send(self, reader: Reader, frame: str) -> None:
        reader.sending_since = reader.told_at = time.monotonic()
        await self.send(frame)
        reader.sending_since = None

    def _end(self, code: int) -> None:
        """Close from outside the sender, which may be stuck in a frame that nobody takes."""
        self._stop_telling()
        self._closing = asyncio.create_task(self._close_or_give_up(code))

    async def _close_or_give_up(self, code: int) -> None:
        """Say why we close; to a browser that takes not even that, hang up."""
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self.close(code)
        except TimeoutError:
            self._given_up = True
            hang_up(self._receive)
            self._whole.cancel()

    def _stop_telling(self) -> None:
        if self.reader is not None:
            hub().leave(self.reader)
        if self.sender is not None:
            self.sender.cancel()


def hang_up(receive: Any) -> None:
    """Drop the connection under a socket, with all that its browser does not take; ASGI has no word for it.

    uvicorn's `receive` belongs to its protocol, which holds the transport.  When the application just ends,
    uvicorn closes, and closing waits until all is sent: for ever.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()


def language_of(scope: dict[str, Any]) -> str:
    """The reader's language as Django's LocaleMiddleware finds it: the cookie, then the browser's wish."""
    accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    wishes = [scope.get("cookies", {}).get(settings.LANGUAGE_COOKIE_NAME, "")]
    wishes += [language for language, _weight in parse_accept_lang_header(accepted)]
    for wish in filter(None, wishes):
        try:
            return get_supported_language_variant(wish)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE
