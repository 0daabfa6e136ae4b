"""Processes that die at the worst moment: what was acknowledged stands, what was committed is delivered."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import time

from tests.cluster.conftest import Site
from tests.cluster.test_socket import events_of, seqs, web_of

KILLS, WRITERS = 60, 4
DEATHS = 200

WRITE = """
import os
from cluster import feed
from planner.sentence import Sentence
for n in range(10**9):
    feed.publish("test", Sentence("event {n}", {"n": n}), subject=str(os.getpid()))
    print(n, flush=True)
"""
DIE_AFTER_COMMIT = """
import os
from django.db import connection
from cluster import feed
from planner.sentence import Sentence
feed._poke = lambda seq: os._exit(9)
for n in range(DEATHS):
    connection.close()
    child = os.fork()
    if not child:
        feed.publish("test", Sentence("event {n}", {"n": n}))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
print("died")
"""


def test_sixty_killed_writers_leave_a_sound_database_with_all_that_they_acknowledged(site: Site) -> None:
    chance = random.Random(7)  # noqa: S311
    acknowledged: dict[str, int] = {}
    for _ in range(KILLS // WRITERS):
        writers = [site.start(WRITE) for _ in range(WRITERS)]
        for writer in writers:
            writer.stdout.readline()  # all of them write by now
        time.sleep(chance.uniform(0.05, 0.3))
        for writer in writers:
            os.kill(writer.pid, signal.SIGKILL)
        for writer in writers:
            lines = ["0", *writer.stdout.read().split("\n")]
            acknowledged[str(writer.pid)] = int([line for line in lines if line][-1]) + 1
    assert len(acknowledged) == KILLS
    with sqlite3.connect(site.folder / "headroom.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = dict(
            database.execute(
                "SELECT subject, count(*) FROM cluster_event WHERE kind = 'test' GROUP BY subject"
            )
        )
        first, last, count = database.execute(
            "SELECT min(seq), max(seq), count(*) FROM cluster_event"
        ).fetchone()
    print(f"\n{KILLS} kills, {sum(acknowledged.values())} acknowledged, {sum(kept.values())} kept")
    assert last - first + 1 == count
    assert all(kept[pid] in (told, told + 1) for pid, told in acknowledged.items())


async def test_two_hundred_deaths_between_commit_and_push_delay_events_and_lose_none(site: Site) -> None:
    web = web_of(site)
    async with web.follow("?after=0") as opened:
        code = DIE_AFTER_COMMIT.replace("DEATHS", str(DEATHS))
        assert await asyncio.to_thread(site.run, code) == "died"
        assert seqs(await events_of(opened, DEATHS)) == list(range(1, DEATHS + 1))
