"""A socket hears what its reader may see, for as long as he may, and opens from our own pages alone.

The web process runs with the constants that are shipped; the seconds until a socket is closed are printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from cluster.sign_in_steps import CHOOSE, PROVE, SET_UP
from config.same_origin import is_ours
from tests.cluster.conftest import Site
from tests.conftest import wait_until

WEB = """
import uvicorn
uvicorn.run("config.asgi:application", port={port}, log_level="warning", lifespan="off", ws_max_size=65536)
"""
SIGN_IN = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from cluster.models import Estate, Scope
user, new = User.objects.get_or_create(username="{name}")
user.groups.set(Group.objects.filter(name="{role}"))
if "{estate}":
    estate, _ = Estate.objects.get_or_create(name="{estate}")
    Scope.objects.get_or_create(person=user, role="{role}", estate=estate)
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session["held_at"] = {held_at}
session.create()
print(session.session_key)
"""
ENDS = {
    "logout": """
from django.contrib.sessions.models import Session
Session.objects.filter(pk='{key}').delete()
""",
    "expiry": """
from datetime import timedelta
from django.contrib.sessions.models import Session
from django.utils import timezone
Session.objects.filter(pk='{key}').update(expire_date=timezone.now() - timedelta(seconds=1))
""",
    "locked out": "User.objects.filter(username='{name}').update(is_active=False)",
    "last role taken": "User.objects.get(username='{name}').groups.clear()",
    "new password": "u = User.objects.get(username='{name}'); u.set_password('x'); u.save()",
    "account removed": "User.objects.filter(username='{name}').delete()",
}


@pytest.fixture(scope="module")
def port(site_of_module: Site) -> int:
    site_of_module.start_broker()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    site_of_module.start(WEB.format(port=number))

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", number)) == 0

    wait_until(answers, "the web process")
    return number


def signed_in(
    site: Site, name: str, role: str = "auditor", estate: str = "", held_at: tuple[str, ...] = ()
) -> str:
    return site.run(SIGN_IN.format(name=name, role=role, estate=estate, held_at=list(held_at)))


def connect(port: int, key: str, origin: str | None = "", query: str = "") -> websockets.connect:
    return websockets.connect(
        f"ws://127.0.0.1:{port}/ws/events/{query}",
        additional_headers={"Cookie": f"sessionid={key}"},
        origin=f"http://127.0.0.1:{port}" if origin == "" else origin,
    )


async def closed_after(opened: ClientConnection) -> tuple[int, float]:
    """The code it is closed with, and after how many seconds."""
    began = time.monotonic()
    async with asyncio.timeout(20):
        try:
            while True:
                await opened.recv()
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code, time.monotonic() - began


@pytest.mark.parametrize("why", ENDS)
async def test_a_socket_ends_within_five_seconds_of_its_right(
    site_of_module: Site, port: int, why: str
) -> None:
    name = f"who-{why.replace(' ', '-')}"
    key = signed_in(site_of_module, name)
    async with connect(port, key) as opened:
        assert json.loads(await opened.recv())["type"] == "hello"
        code = f"from django.contrib.auth.models import User\n{ENDS[why].format(name=name, key=key)}"
        ending = site_of_module.start(code + "\nprint('done', flush=True)")
        await asyncio.to_thread(ending.stdout.readline)
        closed, seconds = await closed_after(opened)
        print(f"\n{why}: closed with {closed} after {seconds:.1f} s")
        assert closed == 4401
        assert seconds < 5.0


@pytest.mark.parametrize("role", ["", "site administrator"])
async def test_who_may_not_read_hears_nothing(site_of_module: Site, port: int, role: str) -> None:
    key = signed_in(site_of_module, f"no-reader-{role[:4]}", role)
    async with connect(port, key) as opened:
        assert (await closed_after(opened))[0] == 4401


@pytest.mark.parametrize("step", [PROVE, CHOOSE, SET_UP])
async def test_who_is_held_at_a_step_of_his_sign_in_hears_nothing(
    site_of_module: Site, port: int, step: str
) -> None:
    key = signed_in(site_of_module, "held-at-a-step", held_at=(step,))
    async with connect(port, key) as opened:
        assert (await closed_after(opened))[0] == 4401


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "http://evil.example",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "http://localhost:{port}",
    ],
)
async def test_a_socket_from_elsewhere_is_refused_before_it_opens(
    site_of_module: Site, port: int, origin: str | None
) -> None:
    key = signed_in(site_of_module, "reader")
    given = origin.format(port=port) if origin else origin
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(port, key, given):
            pass
    assert refused.value.response.status_code == 403


async def test_a_reader_held_to_an_estate_hears_of_it_alone_and_no_gap_confuses_him(
    site_of_module: Site, port: int
) -> None:
    key = signed_in(site_of_module, "held", "buyer", "mine")
    whole = signed_in(site_of_module, "whole", "auditor")
    tell = """
    from cluster import feed
    from cluster.models import Estate
    from planner.sentence import Sentence
    Estate.objects.get_or_create(name="other")
    for name in ("other", "mine", "other", None):
        estate = Estate.objects.get(name=name) if name else None
        feed.publish("test", Sentence("{x}", {"x": 1}), subject=f"of {name}", estate=estate)
    """
    async with connect(port, key) as narrow, connect(port, whole) as wide:
        start = json.loads(await narrow.recv())["seq"]
        await asyncio.to_thread(site_of_module.run, tell)
        heard = {"narrow": await told(narrow, 1), "wide": await told(wide, 4)}
    assert heard["narrow"] == ["of mine"]
    assert heard["wide"] == ["of other", "of mine", "of other", "of None"]
    async with connect(port, key, query=f"?after={start}") as again:  # what is replayed is filtered, too
        assert await told(again, 1) == ["of mine"]


async def told(opened: ClientConnection, count: int) -> list[str]:
    """The subjects of what is told until there are so many, and what comes within a second after them."""
    subjects: list[str] = []
    async with asyncio.timeout(20):
        while len(subjects) < count:
            frame = json.loads(await opened.recv())
            subjects += [event["subject"] for event in frame.get("events", [])]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            while True:
                frame = json.loads(await opened.recv())
                subjects += [event["subject"] for event in frame.get("events", [])]
    return subjects


async def test_a_message_of_megabytes_ends_the_socket(site_of_module: Site, port: int) -> None:
    key = signed_in(site_of_module, "reader")
    async with connect(port, key) as opened:
        await opened.recv()
        await opened.send("x" * 70_000)
        assert (await closed_after(opened))[0] in (1009, 1006)


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "ours"),
    [
        ("https://hr.example", "hr.example", "https", True),
        ("https://hr.example:443", "hr.example", "https", True),
        ("https://HR.example", "hr.example", "https", True),
        ("http://hr.example", "hr.example", "https", False),
        ("https://hr.example:8443", "hr.example", "https", False),
        ("https://hr.example.evil", "hr.example", "https", False),
        ("https://hr.example@evil", "hr.example", "https", False),
        ("https://evil", "evil", "https", False),  # a host that is not ours, whoever agrees with whom
        ("https://trusted.example", "hr.example", "https", True),
        ("http://[::1]:8000", "[::1]:8000", "http", True),
        ("http://x:port", "hr.example", "http", False),
        ("", "hr.example", "https", False),
        ("null", "hr.example", "https", False),
    ],
)
def test_an_origin_is_ours_by_scheme_host_and_port(
    settings: object, origin: str, host: str, scheme: str, ours: bool
) -> None:
    settings.ALLOWED_HOSTS = ["hr.example", "[::1]"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://trusted.example"]
    assert is_ours(origin, host, scheme) is ours
