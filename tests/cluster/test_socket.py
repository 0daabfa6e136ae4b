"""A browser that follows the feed misses nothing, sees nothing twice, and sees it in order.

HEADROOM_SILENT_S=120 ./headroom test tests/cluster/test_socket.py -k silent     two minutes, not 7 s
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from tests.cluster.conftest import Site
from tests.conftest import wait_until
from tests.handshake import handshake

SILENT_S = float(os.environ.get("HEADROOM_SILENT_S", "7"))  # redis-py 8 ends silent subscriptions after 5 s
AT_ONCE = 300
WEB = """
import uvicorn
import cluster.hub
cluster.hub.BEHIND_MAX_S = {behind_max_s}
cluster.hub.CHECK_EVERY_S = 0.5
import cluster.consumers
cluster.consumers.CLOSE_WITHIN_S = {close_within_s}
uvicorn.run(
    "config.asgi:application", port={port}, log_level="warning", lifespan="off", ws_per_message_deflate=False
)
"""

LOGIN = """
from django.contrib.auth.models import User
from django.contrib.auth import SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.auth.models import Group
user, _ = User.objects.get_or_create(username="reader")
user.groups.set([Group.objects.get(name="auditor")])
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
print(session.session_key)
"""

PUBLISHER = """
import sys, time
from contextlib import nullcontext
from django.db import transaction
from cluster import feed
from planner.sentence import Sentence
SENTENCE = "{count} powered-off VMs count for storage, not for load"
for line in sys.stdin:
    count, pause_s, padding = line.split()
    with nullcontext() if float(pause_s) else transaction.atomic():
        for n in range(int(count)):
            feed.publish("test", Sentence(SENTENCE, {"count": n, "padding": "x" * int(padding)}))
            time.sleep(float(pause_s))
    print("done", flush=True)
"""


@dataclass
class Web:
    """A web process, and somebody who is logged in."""

    site: Site
    port: int
    session: str
    process: subprocess.Popen[str]
    publisher: subprocess.Popen[str] | None = None

    def begin(self, count: int, pause_s: float = 0, padding: int = 0) -> None:
        """Begin to publish: with pauses each event in a transaction of its own, without all in one."""
        if self.publisher is None:
            self.publisher = self.site.start(PUBLISHER)
        self.publisher.stdin.write(f"{count} {pause_s} {padding}\n")
        self.publisher.stdin.flush()

    def finish(self) -> None:
        assert self.publisher.stdout.readline() == "done\n"

    def publish(self, count: int) -> None:
        self.begin(count)
        self.finish()

    @asynccontextmanager
    async def follow(self, query: str = "", language: str = "en") -> AsyncIterator[ClientConnection]:
        headers = {"Cookie": f"sessionid={self.session}; django_language={language}"}
        address = f"ws://127.0.0.1:{self.port}/ws/events/{query}"
        async with websockets.connect(
            address, additional_headers=headers, origin=f"http://127.0.0.1:{self.port}", max_size=None
        ) as opened:
            yield opened


def web_of(site: Site, behind_max_s: float = 30.0, close_within_s: float = 5.0) -> Web:
    site.start_broker()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = site.start(WEB.format(port=port, behind_max_s=behind_max_s, close_within_s=close_within_s))
    wait_until(lambda: answers(port), "the web process")
    return Web(site, port, site.run(LOGIN), process)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def web(site_of_module: Site) -> Web:
    return web_of(site_of_module)


async def newest(web: Web) -> int:
    """The number of the newest event."""
    async with web.follow() as opened:
        return json.loads(await opened.recv())["upto"]


def seqs(events: list[dict]) -> list[int]:
    return [event["seq"] for event in events]


async def events_of(opened: ClientConnection, upto: int, within_s: float = 60.0) -> list[dict]:
    """The events that the socket tells until the given number has come."""
    told: list[dict] = []
    async with asyncio.timeout(within_s):
        while not told or told[-1]["seq"] < upto:
            frame = json.loads(await opened.recv())
            if frame["type"] == "events":
                told += frame["events"]
    return told


async def closed_with(opened: ClientConnection) -> int:
    async with asyncio.timeout(30):
        while True:
            try:
                await opened.recv()
            except websockets.ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006


async def test_a_reader_who_comes_and_goes_misses_nothing(any_site: Site):
    web = web_of(any_site)
    total, chance = 400, random.Random(7)  # noqa: S311
    web.begin(total, pause_s=0.005)
    seen: list[int] = []
    while not seen or seen[-1] < total:
        last = seen[-1] if seen else 0
        async with web.follow(f"?after={last}") as opened:
            stays = min(total, last + chance.randrange(1, 60))
            seen += seqs(await events_of(opened, stays))
    web.finish()
    assert seen == list(range(1, total + 1))


async def test_a_late_reader_gets_the_past_and_goes_on_live(web: Web):
    start = await newest(web)
    web.publish(1_700)
    async with web.follow(f"?after={start}") as opened:
        assert json.loads(await opened.recv()) == {"type": "hello", "seq": start, "upto": start + 1_700}
        web.begin(40, pause_s=0.01)
        told = seqs(await events_of(opened, start + 1_740))
    assert told == list(range(start + 1, start + 1_741))
    web.finish()


async def test_without_after_only_what_happens_from_now_on_is_told(web: Web):
    web.publish(3)
    start = await newest(web)
    async with web.follow() as opened:
        assert json.loads(await opened.recv()) == {"type": "hello", "seq": start, "upto": start}
        web.publish(1)
        assert seqs(await events_of(opened, start + 1)) == [start + 1]


async def test_a_reader_from_a_later_time_than_ours_is_told_where_we_are(web: Web):
    start = await newest(web)
    async with web.follow(f"?after={start + 1_000}") as opened:
        assert json.loads(await opened.recv()) == {"type": "hello", "seq": start, "upto": start}


async def test_many_events_travel_in_few_frames(web: Web):
    start = await newest(web)
    web.publish(900)
    frames = 0
    async with web.follow(f"?after={start}") as opened:
        async for message in opened:
            frame = json.loads(message)
            frames += 1
            if frame["type"] == "events" and frame["events"][-1]["seq"] == start + 900:
                break
    assert frames == 3  # hello, and two pages


async def test_a_silent_socket_lives_and_then_tells(web: Web):
    start = await newest(web)
    async with web.follow() as opened:
        await asyncio.sleep(SILENT_S)
        web.publish(1)
        assert seqs(await events_of(opened, start + 1)) == [start + 1]


async def test_three_hundred_browsers_that_come_at_the_same_moment_are_all_told(web: Web):
    async with AsyncExitStack() as crowd:
        begun = [crowd.enter_async_context(web.follow()) for _ in range(AT_ONCE)]
        sockets = await asyncio.gather(*begun)
        hellos = await asyncio.gather(*(opened.recv() for opened in sockets))
        upto = max(json.loads(hello)["upto"] for hello in hellos) + 1
        web.publish(1)
        told = await asyncio.gather(*(events_of(opened, upto) for opened in sockets))
    assert [seqs(events) for events in told] == [[upto]] * AT_ONCE


async def test_nothing_is_lost_while_the_broker_is_away(site: Site):
    web = web_of(site)
    async with web.follow("?after=0") as opened:
        web.publish(5)
        assert seqs(await events_of(opened, 5)) == [1, 2, 3, 4, 5]
        broker = site.started[0]
        broker.kill()
        broker.wait()
        web.publish(5)
        assert seqs(await events_of(opened, 10)) == [6, 7, 8, 9, 10]
        site.start_broker()
        site.broker().flushall()
        web.publish(5)
        assert seqs(await events_of(opened, 15)) == [11, 12, 13, 14, 15]
    async with web.follow("?after=13") as opened:
        assert seqs(await events_of(opened, 15)) == [14, 15]


async def test_an_event_speaks_the_readers_language(web: Web):
    start = await newest(web)
    web.publish(1_001)
    async with web.follow(f"?after={start + 1_000}", language="fr") as opened:
        [event] = await events_of(opened, start + 1_001)
    assert event["values"]["count"] == 1000
    assert event["text"].replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\xa0", " ").startswith("1 000 ")
    assert event["at"].endswith("Z")
    assert (event["kind"], event["level"], event["run"], event["progress"]) == ("test", "info", None, None)


async def test_a_stranger_is_sent_away(web: Web):
    async with replace(web, session="nobody").follow("?after=0") as opened:
        assert await closed_with(opened) == 4401


async def test_another_sites_page_cannot_listen(web: Web):
    headers = {"Cookie": f"sessionid={web.session}"}
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(
            f"ws://127.0.0.1:{web.port}/ws/events/", additional_headers=headers, origin="http://evil.example"
        )


@pytest.mark.parametrize("after", ["x", "-1", "1e3", "9" * 19, "%00", "\N{ARABIC-INDIC DIGIT THREE}"])
async def test_an_after_that_is_no_number_is_refused(web: Web, after: str):
    async with web.follow(f"?after={after}") as opened:
        assert await closed_with(opened) == 4400


async def test_who_logs_out_hears_no_more(web: Web):
    opened_by = replace(web, session=web.site.run(LOGIN))
    async with opened_by.follow() as opened:
        await opened.recv()
        end = f"Session.objects.filter(session_key={opened_by.session!r}).delete()"
        web.site.run(f"from django.contrib.sessions.models import Session; {end}")
        assert await closed_with(opened) == 4401


async def test_a_reader_who_takes_nothing_is_sent_away_and_the_others_are_not(site: Site):
    web = web_of(site, behind_max_s=2.0)
    slow = await asyncio.to_thread(a_reader_who_never_reads, web)
    async with web.follow("?after=0") as opened:
        web.begin(2_000, padding=10_000)  # 20 MB, more than any buffer on the way holds
        told = seqs(await events_of(opened, 2_000))
    assert told == list(range(1, 2_001))
    web.finish()
    assert await asyncio.to_thread(is_ended, slow)


async def test_who_never_reads_is_hung_up_on_and_holds_nothing_of_ours(site: Site):
    web = web_of(site, behind_max_s=2.0, close_within_s=0.5)
    slow = await asyncio.to_thread(a_reader_who_never_reads, web)
    await asyncio.to_thread(wait_until, lambda: holds_a_reader(web), "the slow reader")
    web.begin(2_000, padding=10_000)
    await asyncio.to_thread(web.finish)
    await asyncio.to_thread(wait_until, lambda: not holds_a_reader(web), "the end of the slow reader")
    slow.close()


def holds_a_reader(web: Web) -> bool:
    """Whether the web process has a connection with a browser: proc(5), tcp, state 01 of its own port."""
    rows = [line.split() for line in Path(f"/proc/{web.process.pid}/net/tcp").read_text().splitlines()[1:]]
    held = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{web.port:04X}") and row[3] == "01"}
    return any(target_of(file) in held for file in Path(f"/proc/{web.process.pid}/fd").iterdir())


def target_of(file: Path) -> str:
    try:
        return str(file.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


def a_reader_who_never_reads(web: Web) -> socket.socket:
    """A socket with a small window that says hello and then sleeps."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", web.port))
    slow.sendall(handshake(web.port, "/ws/events/?after=0", f"sessionid={web.session}"))
    return slow


def is_ended(slow: socket.socket) -> bool:
    """Whether the server has let go of it: all that was on its way is read, then nothing comes."""
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    slow.settimeout(60)
    try:
        while slow.recv(1 << 20):
            pass
    except ConnectionResetError:
        pass
    return True
