"""A webhook tells what its maker may see when it is told, and nothing once his rights have ended."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from cluster import feed, webhooks
from cluster.models import Estate, Scope, Webhook
from cluster.roles import Role
from planner.sentence import Sentence
from tests.cluster.http_server import Listener
from tests.cluster.people import site_administrator
from tests.cluster.test_webhooks import added, program, reader, site_settings, turn  # noqa: F401

SITE, BUYER = Role.SITE_ADMINISTRATOR, Role.BUYER


def in_estates() -> tuple[Estate, Estate]:
    """Two estates, and an event of each and of none."""
    estates = (Estate.objects.create(name="north"), Estate.objects.create(name="south"))
    for estate in (*estates, None):
        feed.publish("plan-done", Sentence("told"), estate=estate, subject=estate.name if estate else "")
    return estates


def subjects(program: Listener) -> list[str]:
    return [json.loads(one.body)["event"]["subject"] for one in program.heard]


@pytest.mark.django_db
def test_who_only_keeps_connections_reads_no_estate_through_a_webhook(program: Listener) -> None:
    hook, _ = webhooks.add(site_administrator(), "tickets", program.url, [])
    in_estates()
    assert turn() == 0
    assert program.heard == []
    hook.refresh_from_db()
    assert hook.cursor == feed.last_seq()  # they passed by: later rights do not bring them back


@pytest.mark.django_db
def test_a_webhook_tells_of_the_estates_of_its_maker_alone(program: Listener) -> None:
    maker = reader()
    north = Estate.objects.create(name="west")
    Scope.objects.create(person=maker, role=BUYER.value, estate=north)
    webhooks.add(maker, "tickets", program.url, [])
    in_estates()
    feed.publish("plan-done", Sentence("told"), estate=north, subject="west")
    turn()
    assert subjects(program) == ["west"]


@pytest.mark.django_db
@pytest.mark.parametrize("end", ["reads no more", "keeps no connections", "no role", "locked out", "removed"])
def test_when_the_rights_of_its_maker_end_a_webhook_is_told_nothing(program: Listener, end: str) -> None:
    hook, _ = added(program)
    in_estates()
    program.answers = [200, 500]  # two events are still to be told when the rights end
    turn()
    heard = len(program.heard)
    maker = User.objects.get(pk=hook.created_by_id)
    match end:
        case "reads no more":
            maker.groups.remove(Group.objects.get(name=BUYER.value))
        case "keeps no connections":
            maker.groups.remove(Group.objects.get(name=SITE.value))
        case "no role":
            maker.groups.clear()
        case "locked out":
            User.objects.filter(pk=maker.pk).update(is_active=False)
        case _:
            maker.delete()
    assert heard == 2
    assert turn() == 0
    assert len(program.heard) == heard
    page = _page_of(site_administrator())
    assert "<bdi>nothing</bdi>" in page
    assert ("no account any more" in page) == (end == "removed")


@pytest.mark.django_db
def test_rights_that_end_between_two_deliveries_of_one_turn_end_the_telling(
    program: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = User.objects.get(pk=added(program)[0].created_by_id)
    in_estates()
    heard = webhooks._heard

    def and_lose_the_role(hook: Webhook, holder: Any, seq: int) -> bool:
        maker.groups.clear()
        return heard(hook, holder, seq)

    monkeypatch.setattr(webhooks, "_heard", and_lose_the_role)
    assert turn() == 1
    assert subjects(program) == ["north"]


@pytest.mark.django_db
def test_the_page_says_what_each_webhook_may_tell(program: Listener) -> None:
    added(program)
    page = _page_of(reader())
    assert "<bdi>everything</bdi>" in page
    assert "show you no estate" not in page
    estate = Estate.objects.create(name="<i>west</i>")
    Scope.objects.create(person=reader(), role=BUYER.value, estate=estate)
    page = _page_of(site_administrator())
    assert "&lt;i&gt;west&lt;/i&gt;, runs of the maker" in page
    assert "show you no estate" in page


def _page_of(user: User) -> str:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client.get("/webhooks/").content.decode()
