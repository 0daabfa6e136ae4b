"""A browser that takes nothing, not even our goodbye, is hung up on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError

from cluster import consumers, feed, hub
from cluster.roles import Role
from planner.sentence import Sentence
from tests.cluster.people import person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(hub, "BEHIND_MAX_S", 0.2)
    monkeypatch.setattr(hub, "CHECK_EVERY_S", 0.1)
    monkeypatch.setattr(hub, "POLL_S", 0.1)
    monkeypatch.setattr(consumers, "CLOSE_WITHIN_S", 0.2)


class Stuck:
    """A browser behind a full buffer: after the hello nothing that is sent to it ever arrives."""

    def __init__(self) -> None:
        self.took: list[str] = []
        self.said_hello = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if not self.took:
            return {"type": "websocket.connect"}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: dict[str, Any]) -> None:
        if self.said_hello.is_set():
            await asyncio.Event().wait()
        self.took.append(message["type"])
        if message["type"] == "websocket.send":
            self.said_hello.set()


@sync_to_async
def scope() -> dict[str, Any]:
    session = SessionStore()
    session.create()
    return {
        "type": "websocket",
        "path": "/ws/events/",
        "query_string": b"",
        "headers": [],
        "user": person(Role.AUDITOR),
        "session": session,
    }


async def test_who_takes_nothing_is_hung_up_on(quick):
    browser = Stuck()
    app = consumers.EventsConsumer.as_asgi()
    socket = asyncio.create_task(app(await scope(), browser.receive, browser.send))
    async with asyncio.timeout(60):
        await browser.said_hello.wait()
        await sync_to_async(feed.publish)("test", Sentence("an event"))
        assert await socket is None
    assert browser.took == ["websocket.accept", "websocket.send"]
    assert hub.hub()._readers == set()
    assert hub.hub()._tasks == []


class Reading(Stuck):
    """A browser that takes all, and notes the code with which it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.code: int | None = None
        self.closed = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if not self.took:
            return {"type": "websocket.connect"}
        await self.closed.wait()
        return {"type": "websocket.disconnect", "code": self.code}

    async def send(self, message: dict[str, Any]) -> None:
        self.took.append(message["type"])
        if message["type"] == "websocket.close":
            self.code = message["code"]
            self.closed.set()


async def test_who_cannot_be_told_what_he_missed_is_asked_to_come_again(quick, monkeypatch):
    await sync_to_async(feed.publish)("test", Sentence("an event before he came"))
    broken = feed.after

    def fails(seq: int, limit: int = feed.PAGE):
        if seq == 0:
            raise DatabaseError("database or disk is full")
        return broken(seq, limit)

    monkeypatch.setattr(feed, "after", fails)
    browser = Reading()
    app = consumers.EventsConsumer.as_asgi()
    asked = await scope() | {"query_string": b"after=0"}
    async with asyncio.timeout(60):
        await app(asked, browser.receive, browser.send)
    assert browser.code == hub.Closed.COME_AGAIN
    assert hub.hub()._readers == set()
