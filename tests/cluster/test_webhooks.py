"""Programs are told over a real socket: signed, in order, at least once, never past a redirect."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from cluster import feed, posting, services, signing, webhooks
from cluster.models import AuditEntry, Event, Webhook
from cluster.roles import Role
from operations.drivers import trust
from operations.drivers.addresses import networks_of
from planner.sentence import Sentence
from tests.cluster.conftest import Site
from tests.cluster.http_server import Heard, Listener, listener
from tests.cluster.people import person, site_administrator

HERE = ("127.0.0.1/32",)


@pytest.fixture(autouse=True)
def site_settings(settings: Any, tmp_path: Path) -> None:
    settings.WEBHOOK_NETWORKS = list(HERE)
    settings.CONNECTION_KEY_FILE = tmp_path / "key"


@pytest.fixture
def program() -> Iterator[Listener]:
    with listener() as one:
        yield one


def reader() -> User:
    """A site administrator who buys, too, and so reads every estate."""
    return person(Role.SITE_ADMINISTRATOR, Role.BUYER)


def added(program: Listener, *kinds: str) -> tuple[Webhook, str]:
    return webhooks.add(reader(), "tickets", program.url, list(kinds))


def happen(*kinds: str) -> None:
    for kind in kinds:
        feed.publish(kind, Sentence("{vm} was told", {"vm": "<b>db-1</b>"}), subject="demo")


def turn() -> int:
    Webhook.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    return sum(webhooks.tell(pk) for pk in webhooks.due())


def seqs(heard: list[Heard]) -> list[int]:
    return [json.loads(one.body)["event"]["seq"] for one in heard]


@pytest.mark.django_db
def test_events_arrive_in_order_signed_and_only_those_asked_for(program: Listener) -> None:
    happen("plan-done")  # before anybody listened
    _, secret = added(program, "done", "operation")
    happen("plan-queued", "plan-done", "operation-failed", "plan-progress", "import-done")
    assert turn() == 3
    kinds = [json.loads(one.body)["event"]["kind"] for one in program.heard]
    assert kinds == ["plan-done", "operation-failed", "import-done"]
    one = program.heard[0]
    assert one.path == "/hook?x=1"
    assert signing.verified(secret, one.headers["Headroom-Signature"], one.body, time.time())
    assert json.loads(one.body)["event"]["text"] == "<b>db-1</b> was told"
    assert turn() == 0
    assert len(program.heard) == 3


@pytest.mark.django_db
def test_a_delivery_that_was_changed_or_is_sent_again_later_is_not_verified(program: Listener) -> None:
    _, secret = added(program)
    happen("plan-done")
    turn()
    one = program.heard[0]
    told, now = one.headers["Headroom-Signature"], time.time()
    assert signing.verified(secret, told, one.body, now)
    assert not signing.verified(secret, told, one.body.replace(b"plan", b"plot"), now)
    assert not signing.verified("another", told, one.body, now)
    assert not signing.verified(secret, told, one.body, now + signing.TOLERANCE_S + 2)
    moved = told.replace(told[2:12], str(int(now) + 3000))
    assert not signing.verified(secret, moved, one.body, now + 3000)
    for broken in ("", "t=,v1=", "t=1", "v1=x", "t=9" * 50):
        assert not signing.verified(secret, broken, one.body, now)


@pytest.mark.django_db
def test_what_was_not_taken_is_told_again_before_what_comes_after_it(program: Listener) -> None:
    hook, _ = added(program)
    happen("a-done", "b-done", "c-done")
    program.answers = [200, 500]
    turn()
    hook.refresh_from_db()
    assert hook.error == {"template": "it answered {status}", "values": {"status": 500}}
    assert hook.failing_since is not None
    turn()
    heard = seqs(program.heard)
    assert heard == [heard[0], heard[0] + 1, heard[0] + 1, heard[0] + 2]
    numbers = [one.headers["Headroom-Delivery"] for one in program.heard]
    assert numbers[1] == numbers[2]
    hook.refresh_from_db()
    assert (hook.error, hook.failing_since, hook.cursor) == (None, None, feed.last_seq())


@pytest.mark.django_db
def test_pauses_grow_and_have_an_end(program: Listener) -> None:
    hook, _ = added(program)
    happen("a-done")
    pauses = []
    for _ in range(12):
        program.answers = [503]
        turn()
        hook.refresh_from_db()
        pauses.append(round((hook.next_at - timezone.now()).total_seconds()))
    assert pauses[1] > pauses[0]
    assert pauses[2] > pauses[1]
    assert max(pauses) <= webhooks.PAUSE_MAX_S
    assert webhooks.due() == []  # not before its time


@pytest.mark.django_db
def test_a_redirect_is_not_followed(program: Listener) -> None:
    hook, _ = added(program)
    with listener() as elsewhere:
        program.answers, program.location = [302], elsewhere.url
        happen("a-done")
        turn()
        assert elsewhere.heard == []
    hook.refresh_from_db()
    assert hook.error["values"] == {"status": 302}


@pytest.mark.django_db
def test_a_program_that_is_gone_keeps_what_it_missed(program: Listener) -> None:
    hook, _ = added(program)
    url = hook.url
    Webhook.objects.update(url="http://127.0.0.1:1/")
    happen("a-done", "b-done")
    turn()
    hook.refresh_from_db()
    assert hook.failing_since is not None
    Webhook.objects.update(url=url)
    turn()
    assert len(program.heard) == 2


def test_an_answer_that_drips_is_cut(program: Listener) -> None:
    program.drip_s = 0.2
    with pytest.raises(posting.Undelivered, match="too long"):
        posting.post(program.url, b"{}", {}, networks_of(HERE), within_s=1.0)


@pytest.mark.django_db
def test_after_days_of_failure_it_is_switched_off_and_told(program: Listener) -> None:
    hook, _ = added(program)
    happen("a-done")
    program.answers = [500, 500]
    turn()
    Webhook.objects.update(failing_since=timezone.now() - timedelta(days=webhooks.DAYS_OF_FAILURE, hours=1))
    turn()
    hook.refresh_from_db()
    assert not hook.is_on
    assert Event.objects.filter(kind="webhook-off", subject="tickets").count() == 1
    assert AuditEntry.objects.filter(deed="switched a webhook off").count() == 1
    assert turn() == 0
    webhooks.turn(reader(), hook, on=True)
    assert turn() == 2  # what it missed, and that it was switched off


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://[::1]/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://u:p@127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/\r\nX: y",
        "http:///x",
        "",
    ],
)
@pytest.mark.django_db
def test_an_address_that_the_site_does_not_allow_is_refused(url: str) -> None:
    with pytest.raises(services.Refused):
        webhooks.add(site_administrator(), "x", url, [])
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f000001", "127.1", "017700000001", "0"])
def test_a_name_that_leads_to_an_address_not_allowed_gets_no_packet(
    program: Listener, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    opened: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _self, place: opened.append(place))
    url = program.url.replace("127.0.0.1", host)
    with pytest.raises(posting.Undelivered, match="no address that this site allows"):
        posting.post(url, b"secret", {}, networks_of(["10.0.0.0/8", "0.0.0.0/0"]))
    assert opened == program.heard == []


def test_a_name_that_changes_its_mind_is_looked_up_once(
    program: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        place = ("127.0.0.1" if len(asked) == 1 else "169.254.169.254", port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place)]

    monkeypatch.setattr(trust, "getaddrinfo", getaddrinfo)
    url = program.url.replace("127.0.0.1", "rebinding.example")
    assert posting.post(url, b"{}", {}, networks_of(HERE)) == 200
    assert asked == ["rebinding.example"]


@pytest.mark.django_db
def test_a_site_that_lists_no_network_tells_nobody(settings: Any, program: Listener) -> None:
    settings.WEBHOOK_NETWORKS = []
    with pytest.raises(services.Refused, match="HEADROOM_WEBHOOK_NETWORKS"):
        added(program)


@pytest.mark.django_db
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SITE_ADMINISTRATOR] + [None])
def test_only_who_manages_connections_manages_webhooks(role: Role | None, program: Listener) -> None:
    client = Client()
    client.force_login(person(role))
    assert client.get("/webhooks/").status_code == 403
    with pytest.raises(PermissionDenied):
        webhooks.add(person(role), "x", program.url, [])


@pytest.mark.django_db
def test_the_secret_is_shown_once_and_stands_nowhere_else(program: Listener) -> None:
    client = Client()
    client.force_login(reader())
    fields = {"name": "<b>chat</b>", "url": program.url, "kinds": ["done"]}
    page = client.post("/webhooks/add/", fields).content.decode()
    hook = Webhook.objects.get()
    happen("a-done")
    turn()
    secret = page.partition("<code>")[2].partition("</code>")[0]
    one = program.heard[0]
    assert signing.verified(secret, one.headers["Headroom-Signature"], one.body, time.time())
    assert "<b>chat</b>" not in page
    assert secret not in client.get("/webhooks/").content.decode()
    assert secret not in hook.secret
    assert secret not in json.dumps(list(AuditEntry.objects.values("before", "after")))
    assert client.post(f"/webhooks/{hook.pk}/turn/", {"on": "0"}).status_code == 302
    assert not Webhook.objects.get().is_on
    assert client.post(f"/webhooks/{hook.pk}/remove/").status_code == 302
    assert not Webhook.objects.exists()


# -- a worker that is killed between the delivery and its note

SET_UP = """
from cluster import feed, webhooks
from planner.sentence import Sentence
from cluster.roles import Role
from tests.cluster.people import person
webhooks.add(person(Role.SITE_ADMINISTRATOR, Role.BUYER), "tickets", "{url}", [])
for number in range(6):
    feed.publish("plan-done", Sentence("told"))
"""
KILLED = """
import os, signal
from cluster import webhooks
webhooks.LEASE_S = 0.0
heard, told = webhooks._heard, []
def die(hook, holder, seq):
    told.append(seq)
    if len(told) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return heard(hook, holder, seq)
webhooks._heard = die
for pk in webhooks.due():
    webhooks.tell(pk)
"""
WHOLE = "from cluster import webhooks; print(sum(webhooks.tell(pk) for pk in webhooks.due()))"


def test_a_kill_between_delivery_and_note_tells_once_more_and_leaves_no_gap(
    site: Site, program: Listener
) -> None:
    site.environment["HEADROOM_WEBHOOK_NETWORKS"] = HERE[0]
    site.run(SET_UP.format(url=program.url))
    assert site.start(KILLED).wait(120) == -9
    assert site.run(WHOLE) == "4"
    heard = seqs(program.heard)
    assert heard == [1, 2, 3, 3, 4, 5, 6]
    assert program.heard[2].headers["Headroom-Delivery"] == program.heard[3].headers["Headroom-Delivery"]
