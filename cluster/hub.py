"""One listener a web process: it reads new events once and wakes every socket of the process.

    Redis "headroom:feed" --poke--+
    the database, every 3 s ------+--> Hub: reads new rows once --> recent --> Reader of each socket

A reader has no queue, only the number up to which its socket has been told.  What comes next it takes
from the hub's recent events, or from the rows where it is further behind: numbers have no gap, so
neither has a reader, and a slow one costs no memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.utils import timezone
from redis import asyncio as redis
from redis.exceptions import RedisError

from cluster import feed, second_factor
from cluster.frames import Told, events_frame, ping_frame, told
from cluster.reach import Sight, sight_of
from cluster.roles import read_rights

POLL_S: Final = 3.0  # a lost poke delays an event by so much, and loses nothing
PAUSE_MIN_S: Final = 0.005  # between two looks at the rows: what happens meanwhile goes out in one frame
PAUSE_MAX_S: Final = 0.25  # four frames a second, to more than 625 sockets
# A frame costs 17-28 us, 90 us on a busy machine, of the process that also makes the pages: to 500 sockets
# one goes out five times a second.  What happens after a while of quiet goes out at once.
PAUSE_PER_SOCKET_S: Final = 400e-6
RECENT: Final = 2_000  # events kept for the sockets; who is further behind reads rows
RETRY_S: Final = 1.0
PING_S: Final = 20.0  # proxies cut what is silent for 30-60 s
BEHIND_MAX_S: Final = 30.0  # a socket that takes nothing for so long is closed
CHECK_EVERY_S: Final = 2.5  # who has logged out is gone within 5 s

T = TypeVar("T")
Seen: TypeAlias = tuple[Sight, frozenset[str], bool]
_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Reader:
    """One socket: how far it has been told, and how to end it."""

    cursor: int
    session_key: str
    close: Callable[[int], None]
    sight: Sight
    sealed_by: str = ""  # what the session says of the password it was opened with
    proven: bool = False  # by a second factor
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    sending_since: float | None = None  # monotonic; while a frame is on its way
    behind_since: float | None = None  # monotonic; None while it replays, and when it has been told all
    told_at: float = field(default_factory=time.monotonic)

    def is_stuck(self, now: float) -> bool:
        """Whether it has not taken what was sent for too long."""
        since = [moment for moment in (self.sending_since, self.behind_since) if moment is not None]
        return bool(since) and now - min(since) > BEHIND_MAX_S


class Hub:
    """The readers of one event loop and what they are told; it listens while it has any."""

    def __init__(self) -> None:
        self.last_seq = 0
        self._recent: deque[Told] = deque(maxlen=RECENT)
        self._readers: set[Reader] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._poked = asyncio.Event()
        self._starting = asyncio.Lock()
        self._rows = ThreadPoolExecutor(1, thread_name_prefix="feed")

    async def join(
        self,
        session_key: str,
        after: int | None,
        close: Callable[[int], None],
        sight: Sight,
        sealed_by: str = "",
        *,
        proven: bool = False,
    ) -> Reader:
        """Begin to tell a socket what comes after this number; None: what happens from now on."""
        async with self._starting:
            if not self._tasks:
                await self._start()
        known = self.last_seq
        if after is not None and after > known:  # a page may show what no poke has told us of yet
            known = max(self.last_seq, await self._look(feed.last_seq))
        cursor = self.last_seq if after is None else min(after, known)
        reader = Reader(
            cursor=cursor,
            session_key=session_key,
            close=close,
            sight=sight,
            sealed_by=sealed_by,
            proven=proven,
        )
        reader.wake.set()
        self._readers.add(reader)
        return reader

    def leave(self, reader: Reader) -> None:
        """Forget a socket; without any, the hub sleeps."""
        self._readers.discard(reader)
        if not self._readers:
            for task in self._tasks:
                task.cancel()
            self._tasks.clear()

    async def next_frame(self, reader: Reader, language: str) -> str:
        """What the reader has to be told next; its cursor moves with it."""
        upto, events = self.last_seq, self._after(reader.cursor)  # `upto` may move while rows are read
        if events is None:
            events = await self._look(lambda: _rows_after(reader.cursor))
        reader.cursor = events[-1].seq if events else upto  # rows may be cleared away one day
        if not reader.sight.everything:
            events = [one for one in events if reader.sight.sees(one.event.estate_id, one.asked_by)]
        return events_frame(events, language) if events else ping_frame(reader.cursor)

    def _after(self, cursor: int) -> Sequence[Told] | None:
        """The recent events after the cursor; None where the first of them is not recent any more."""
        if cursor >= self.last_seq:
            return ()
        behind = self.last_seq - cursor
        if behind > len(self._recent):
            return None
        count = len(self._recent)
        return [self._recent[at] for at in range(count - behind, min(count, count - behind + feed.PAGE))]

    async def _start(self) -> None:
        self.last_seq = await self._look(feed.last_seq)
        self._recent.clear()
        self._tasks = [asyncio.create_task(task()) for task in (self._listen, self._read, self._watch)]

    async def _look(self, read: Callable[[], T]) -> T:
        """Read the database in the hub's own thread, which keeps its connection."""
        return await asyncio.get_running_loop().run_in_executor(self._rows, _with_fresh_connection, read)

    async def _listen(self) -> None:
        """Hear pokes; after every (re)connection look at the rows, for pokes may have been missed."""
        complained = False
        while True:
            # No read timeout: silence is normal (redis-py 8 would end a silent subscription after 5 s).
            client = redis.Redis.from_url(settings.FEED_URL, socket_timeout=None, socket_connect_timeout=2)
            try:
                async with client, client.pubsub() as pubsub:
                    await pubsub.subscribe(feed.CHANNEL)
                    async for _message in pubsub.listen():  # the first one confirms the subscription
                        complained = False
                        self._poked.set()
            except (RedisError, OSError) as error:
                if not complained:
                    _log.warning("the feed is polled until Redis answers: %s", error)
                complained = True
            await asyncio.sleep(RETRY_S)

    async def _read(self) -> None:
        """Look for new rows when poked, and every few seconds in any case."""
        while True:
            try:
                async with asyncio.timeout(POLL_S):
                    await self._poked.wait()
            except TimeoutError:
                pass
            self._poked.clear()
            try:
                await self._take_new_rows()
            except DatabaseError as error:
                _log.warning("the feed waits for the database: %s", error)
                await asyncio.sleep(RETRY_S)
            pause_s = len(self._readers) * PAUSE_PER_SOCKET_S
            await asyncio.sleep(min(max(pause_s, PAUSE_MIN_S), PAUSE_MAX_S))

    async def _take_new_rows(self) -> None:
        while True:
            events = await self._look(lambda: _rows_after(self.last_seq))
            if not events:
                return
            now = time.monotonic()
            for reader in self._readers:
                if reader.cursor >= self.last_seq:  # it had been told all; a replay is never behind
                    reader.behind_since = now
                reader.wake.set()
            self._recent.extend(events)
            self.last_seq = events[-1].seq
            if len(events) < feed.PAGE:
                return

    async def _watch(self) -> None:
        """End sockets that take nothing any more, and those whose session has ended."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            now = time.monotonic()
            for reader in list(self._readers):
                if reader.is_stuck(now):
                    reader.close(Closed.TOO_SLOW)
                elif now - reader.told_at > PING_S:
                    reader.wake.set()
            try:
                await self._look_at_rights(list(self._readers))
            except DatabaseError as error:
                _log.warning("sessions could not be checked: %s", error)

    async def _look_at_rights(self, readers: Sequence[Reader]) -> None:
        """End the sockets of those whose rights have ended; tell the others what they may see now."""
        valid = await self._look(lambda: _valid_sessions({reader.session_key for reader in readers}))
        sights = await self._look(lambda: _sights({reader.sight.person for reader in readers}))
        for reader in readers:
            _judge(reader, reader.session_key in valid, sights.get(reader.sight.person))


class Closed:
    """Why we end a socket: WebSocket close codes of our own (4000-4999 are free for that)."""

    BAD_REQUEST: Final = 4400
    NOT_LOGGED_IN: Final = 4401
    TOO_SLOW: Final = 4008
    COME_AGAIN: Final = 4503


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop: in a web process there is one."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


def _judge(reader: Reader, in_session: bool, now_seen: Seen | None) -> None:
    """End a socket whose session, password or right to read has ended; narrow or widen what it is told."""
    if not in_session or now_seen is None:
        reader.close(Closed.NOT_LOGGED_IN)
        return
    sight, seals, asks_for_more = now_seen
    unsealed = bool(reader.sealed_by) and reader.sealed_by not in seals
    if not sight.reads or unsealed or (asks_for_more and not reader.proven):
        reader.close(Closed.NOT_LOGGED_IN)
        return
    reader.sight = sight


def _sights(people: set[int]) -> dict[int, Seen]:
    """What each of these people may see now, the seals that sessions of theirs may bear, and whether a role
    asks for a second factor."""
    users = list(User.objects.filter(pk__in=people, is_active=True))
    rights = read_rights(users)
    return {
        user.pk: (
            sight_of(user.pk, rights[user.pk]),
            frozenset({user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()}),
            not second_factor.roles_asked().isdisjoint(rights[user.pk].reaches),
        )
        for user in users
    }


def _rows_after(seq: int) -> list[Told]:
    return [told(event) for event in feed.after(seq)]


def _valid_sessions(keys: set[str]) -> set[str]:
    alive = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    return set(alive.values_list("session_key", flat=True))


def _with_fresh_connection(read: Callable[[], T]) -> T:
    """Read; a connection that failed is closed, so that the next look opens another."""
    try:
        return read()
    except DatabaseError:
        connection.close()
        raise
