"""Events are numbered without a gap, whoever writes them at the same time; the row is the truth.

HEADROOM_FEED_EVENTS=4000 ./headroom test tests/cluster/test_feed.py -s      4,000 events instead of 480
"""

from __future__ import annotations

import ast
import logging
import os
import time

import pytest
from django.db import transaction

from cluster import feed, hub
from cluster.models import Event
from cluster.reach import Sight
from planner.sentence import Sentence
from tests.cluster.conftest import Site

WRITERS = 8
EVENTS_EACH = int(os.environ.get("HEADROOM_FEED_EVENTS", "480")) // WRITERS

WRITE = """
import random, time
from django.db import transaction
from cluster import feed
from planner.sentence import Sentence

class Undo(Exception):
    pass

def publish(n, undo=False):
    with transaction.atomic():
        feed.publish("test", Sentence("event {n}", {"n": n}), subject=str(SEED))
        time.sleep(chance.random() / 500)  # the number is taken, the row not yet visible
        if undo:
            raise Undo

chance = random.Random(SEED)
print("ready", flush=True)
input()
for n in range(EACH):
    try:
        publish(n, undo=chance.random() < 0.1)
    except Undo:
        publish(n)
"""

READ = """
import time
from cluster import feed
seen, gives_up_at = [], time.monotonic() + 240
while len(seen) < TOTAL and time.monotonic() < gives_up_at:
    seen += [event.seq for event in feed.after(seen[-1] if seen else 0, 7)]
print(seen)
"""


class Undo(Exception):
    """Ends a transaction."""


def say(n: int) -> int:
    return feed.publish("test", Sentence("event {n}", {"n": n}))


def say_and_undo(n: int) -> None:
    with transaction.atomic():
        say(n)
        raise Undo


def test_a_reader_misses_no_event_of_eight_writers(any_site: Site):
    total = WRITERS * EVENTS_EACH
    reader = any_site.start(READ.replace("TOTAL", str(total)))
    writers = [
        any_site.start(WRITE.replace("SEED", str(n)).replace("EACH", str(EVENTS_EACH)))
        for n in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    began = time.monotonic()
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [writer.wait(timeout=300) for writer in writers] == [0] * WRITERS
    wrote_s = time.monotonic() - began
    said, _ = reader.communicate(timeout=300)
    print(f"\n{total} events of {WRITERS} writers in {wrote_s:.1f} s, {total / wrote_s:.0f} a second")
    assert ast.literal_eval(said) == list(range(1, total + 1))


@pytest.mark.django_db
def test_a_number_of_a_transaction_that_fails_is_given_again():
    first = say(1)
    with pytest.raises(Undo):
        say_and_undo(2)
    assert say(3) == first + 1
    assert [event.values for event in feed.after(first - 1)] == [{"n": 1}, {"n": 3}]


@pytest.mark.django_db
def test_after_gives_pages_in_order():
    first = say(0)
    for n in range(1, 10):
        say(n)
    assert [event.seq for event in feed.after(first + 2, limit=3)] == [first + 3, first + 4, first + 5]
    assert feed.after(first + 9) == []
    assert feed.last_seq() == first + 9


@pytest.mark.django_db(transaction=True)
def test_an_event_stands_when_the_listeners_cannot_be_told(caplog, settings):
    settings.FEED_URL = "unix:///nowhere/valkey.sock"
    feed._client.cache_clear()
    with caplog.at_level(logging.WARNING, "cluster.feed"):
        seq = say(1)
    feed._client.cache_clear()
    assert Event.objects.filter(seq=seq).exists()
    assert f"event {seq} is stored" in caplog.text


async def test_a_page_that_shows_what_no_poke_has_told_of_is_told_it_once(monkeypatch):
    known = [5]
    monkeypatch.setattr(feed, "last_seq", lambda: known[0])
    monkeypatch.setattr(hub, "_rows_after", lambda seq: [])
    here = hub.Hub()
    readers = [await here.join("a session", 5, print, Sight(person=1))]
    known[0] = 7  # two events, and their poke is under way
    readers.append(await here.join("a session", 7, print, Sight(person=1)))
    assert readers[1].cursor == 7
    for reader in readers:
        here.leave(reader)


async def test_an_event_that_comes_while_old_rows_are_looked_for_is_not_passed_over(monkeypatch):
    here = hub.Hub()
    here.last_seq = 9
    reader = hub.Reader(cursor=3, session_key="", close=print, sight=Sight(person=1))

    def nothing_but_an_event_now(seq: int) -> list[Event]:
        here.last_seq = 10
        return []  # the rows from 4 to 9 are forgotten

    monkeypatch.setattr(hub, "_rows_after", nothing_but_an_event_now)
    await here.next_frame(reader, "en")
    assert reader.cursor == 9
