"""Site administrators say who may come in; the table of roles is what the code does."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import NoReverseMatch, reverse

from cluster import tokens
from cluster.gates import GATES
from cluster.models import AuditEntry, GivenPassword
from cluster.roles import Action, Role, may
from cluster.sign_in_steps import CHOOSE, WHILE_HELD
from tests.cluster.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def chief(client: Client) -> Client:
    client.force_login(person(Role.SITE_ADMINISTRATOR))
    return client


def test_a_person_is_added_with_a_password_shown_once(chief: Client) -> None:
    page = chief.post("/people/add/", {"username": "ada", "roles": [Role.AUDITOR.value]})
    password = re.search(r"<code>([\w-]{20})</code>", page.content.decode()).group(1)
    assert page["Cache-Control"] == "no-store"
    assert password not in chief.get("/people/").content.decode()
    assert Client().login(username="ada", password=password)
    entry = AuditEntry.objects.get(deed="added a person")
    assert (entry.subject, entry.after) == ("ada", {"roles": ["auditor"], "active": True})
    assert password not in str(AuditEntry.objects.values())


@pytest.mark.parametrize("name", ["", "a b", "<script>", "x" * 151, "ADA", "ada\0"])
def test_a_name_that_is_taken_or_no_name_makes_nobody(chief: Client, name: str) -> None:
    User.objects.create_user("ada")
    page = chief.post("/people/add/", {"username": name})
    assert page.status_code == 400
    assert "field-error" in page.content.decode()
    assert User.objects.count() == 2


def test_a_change_of_roles_is_noted_before_and_after(chief: Client) -> None:
    ada = person(Role.BUYER)
    chief.post(f"/people/{ada.pk}/", {f"p{ada.pk}-roles": [Role.AUDITOR.value], f"p{ada.pk}-active": "on"})
    entry = AuditEntry.objects.get(deed="changed a person")
    assert (entry.before["roles"], entry.after["roles"]) == (["buyer"], ["auditor"])
    assert may(User.objects.get(pk=ada.pk), Action.AUDIT)


def test_who_is_locked_out_is_out_at_once(chief: Client) -> None:
    ada = person(Role.BUYER)
    theirs = Client()
    theirs.force_login(ada)
    assert theirs.get("/").status_code == 200
    chief.post(f"/people/{ada.pk}/", {f"p{ada.pk}-roles": [Role.BUYER.value]})
    assert theirs.get("/").status_code == 302


def test_a_new_password_ends_the_sessions(chief: Client) -> None:
    ada = person(Role.BUYER)
    theirs = Client()
    theirs.force_login(ada)
    assert chief.post(f"/people/{ada.pk}/password/").status_code == 200
    assert theirs.get("/").status_code == 302


def test_the_last_site_administrator_stays_one(chief: Client) -> None:
    last = User.objects.get()
    for sent in ({f"p{last.pk}-active": "on"}, {f"p{last.pk}-roles": [Role.SITE_ADMINISTRATOR.value]}):
        page = chief.post(f"/people/{last.pk}/", sent)
        assert page.status_code == 400
        assert "Somebody has to remain site administrator" in page.content.decode()
    assert may(User.objects.get(), Action.PEOPLE)


def test_one_chooses_a_password_of_ones_own(client: Client) -> None:
    ada = User.objects.create_user("ada", password="the first password")
    client.force_login(ada)
    sent = {"old_password": "the first password", "new_password1": "short", "new_password2": "short"}
    assert client.post("/password/", sent).status_code == 200
    chosen = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}
    assert client.post("/password/", {**sent, **chosen}).status_code == 302
    assert Client().login(username="ada", password="correct horse battery")
    assert AuditEntry.objects.get(deed="set a password").subject == "ada"


def given_to(chief: Client, address: str, sent: dict[str, object]) -> str:
    page = chief.post(address, sent).content.decode()
    return re.search(r"<code>([\w-]{20})</code>", page).group(1)


def choose(client: Client, old: str, new: str) -> HttpResponse:
    return client.post("/password/", {"old_password": old, "new_password1": new, "new_password2": new})


def test_a_password_that_another_knows_opens_the_choice_of_a_new_one_and_nothing_else(chief: Client) -> None:
    given = given_to(chief, "/people/add/", {"username": "ada", "roles": [Role.AUDITOR.value]})
    theirs = Client()
    assert theirs.login(username="ada", password=given)
    addresses = {}
    for name in GATES.keys() - WHILE_HELD - {CHOOSE}:
        with suppress(NoReverseMatch):  # it asks for a number
            addresses[name] = reverse(name)
    assert len(addresses) > 40
    for name, address in addresses.items():
        answer = theirs.get(address)
        if name.startswith("api-"):
            assert answer.status_code == 403
            assert answer.json() == {"error": "this sign-in is not complete"}
        else:
            assert (answer.status_code, answer.headers["Location"]) == (302, "/password/"), name
    assert theirs.get("/nowhere/").headers["Location"] == "/password/"
    page = theirs.get("/password/").content.decode()
    assert "Who gave you this one knows it too" in page
    assert "/events/" not in page  # nothing of the frame, which would ask for more

    assert "This is the password you have" in choose(theirs, given, given).content.decode()
    assert choose(theirs, given, "correct horse battery").status_code == 302
    assert theirs.get("/").status_code == 200
    assert not GivenPassword.objects.exists()
    again = Client()
    assert again.login(username="ada", password="correct horse battery")
    assert again.get("/").status_code == 200


def test_a_password_given_anew_is_to_be_chosen_anew_and_tokens_go_on(chief: Client) -> None:
    ada = person(Role.AUDITOR)
    _, key = tokens.make(ada, "nightly", [Action.READ], 1, [])
    given = given_to(chief, f"/people/{ada.pk}/password/", {})
    given = given_to(chief, f"/people/{ada.pk}/password/", {})  # twice: the second one holds
    theirs = Client()
    assert theirs.login(username=ada.username, password=given)
    assert theirs.get("/").headers["Location"] == "/password/"
    program = Client(headers={"Authorization": f"Bearer {key}"})
    assert program.get("/api/v1/estates").status_code == 200
    assert theirs.post("/logout/").status_code == 302


@pytest.mark.parametrize("role", [None, *[role for role in Role if role is not Role.SITE_ADMINISTRATOR]])
def test_nobody_else_manages_people(client: Client, role: Role | None) -> None:
    client.force_login(person(role))
    other = User.objects.create_user("other")
    assert client.get("/people/").status_code == 403
    for address in ("/people/add/", f"/people/{other.pk}/", f"/people/{other.pk}/password/"):
        assert client.post(address, {"username": "x"}).status_code in (403, 404)
    assert User.objects.filter(username="x").count() == 0
