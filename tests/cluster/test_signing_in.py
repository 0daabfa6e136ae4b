"""Passwords, lockout, sessions and tokens: who comes in, how long he stays, what a program may."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from cluster import pace, tasks, tokens
from cluster.models import ApiToken, AuditEntry, Estate, SignIn
from cluster.roles import Action, Role
from cluster.services import Refused
from config import settings as shipped
from tests.cluster.people import PASSWORD, person, with_password

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return with_password(person(Role.AUDITOR))


def sign_in(client: Client, name: str, password: str) -> int:
    return client.post("/login/", {"username": name, "password": password}).status_code


def deeds() -> list[str]:
    return list(AuditEntry.objects.order_by("seq").values_list("deed", flat=True))


# -- passwords


def test_passwords_are_kept_by_argon2_and_older_ones_are_kept_anew(settings: Any, ada: User) -> None:
    settings.PASSWORD_HASHERS = shipped.PASSWORD_HASHERS
    assert make_password("x").startswith("argon2$argon2id$")
    ada.password = make_password(PASSWORD, hasher="pbkdf2_sha256")
    ada.save()
    assert sign_in(Client(), ada.username, PASSWORD) == 302
    ada.refresh_from_db()
    assert ada.password.startswith("argon2$argon2id$")


@pytest.mark.parametrize("bad", ["short", "password1234", "auditor12345", "qwertyuiop123"])
def test_a_password_that_is_short_common_or_the_name_is_refused(ada: User, bad: str) -> None:
    client = Client()
    client.force_login(ada)
    sent = {"old_password": PASSWORD, "new_password1": bad, "new_password2": bad}
    assert client.post("/password/", sent).status_code == 200
    assert User.objects.get(pk=ada.pk).check_password(PASSWORD)


def test_a_long_password_of_any_letters_is_taken(ada: User) -> None:
    long = "correct horse battery staple, été 2026 💡 " * 3
    client = Client()
    client.force_login(ada)
    sent = {"old_password": PASSWORD, "new_password1": long, "new_password2": long}
    assert client.post("/password/", sent).status_code == 302
    assert User.objects.get(pk=ada.pk).check_password(long)


# -- lockout


def test_five_failures_lock_the_pair_of_person_and_address_for_a_while(settings: Any, ada: User) -> None:
    settings.AXES_ENABLED = True
    here, elsewhere = Client(REMOTE_ADDR="192.0.2.7"), Client(REMOTE_ADDR="192.0.2.8")
    codes = [sign_in(here, ada.username, "wrong") for _ in range(5)]
    assert codes == [200, 200, 200, 200, 429]
    answer = here.post("/login/", {"username": ada.username, "password": PASSWORD})
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")  # the right one, too
    assert b"15 minutes" in answer.content
    assert sign_in(elsewhere, ada.username, PASSWORD) == 302  # nobody locks somebody else out
    assert "locked out after failed sign-ins" in deeds()
    from axes.models import AccessAttempt

    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert sign_in(here, ada.username, PASSWORD) == 302


def test_an_unknown_name_is_answered_like_a_wrong_password(settings: Any, ada: User) -> None:
    settings.AXES_ENABLED = True
    known = Client().post("/login/", {"username": ada.username, "password": "x"})
    unknown = Client().post("/login/", {"username": "nobody", "password": "x"})
    hide = re.compile(rb'csrfmiddlewaretoken" value="\w+"|value="[\w -]*"')
    assert known.status_code == unknown.status_code == 200
    assert hide.sub(b"", known.content) == hide.sub(b"", unknown.content)


def test_too_many_sign_ins_from_an_address_are_told_to_wait(settings: Any, valkey_url: str) -> None:
    settings.FEED_URL = valkey_url
    pace._client.cache_clear()
    settings.SIGN_INS_PER_MINUTE = 3
    client = Client(REMOTE_ADDR="192.0.2.77")
    codes = [sign_in(client, f"name{n}", "x") for n in range(9)]  # a new name each time: no lockout
    assert 429 in codes[3:]
    pace._client.cache_clear()


def test_without_the_broker_nobody_is_slowed_down(settings: Any) -> None:
    settings.FEED_URL = "unix:///nonexistent/valkey.sock"
    pace._client.cache_clear()
    assert not pace.too_many("sign-in", "x", 0)
    pace._client.cache_clear()


# -- sessions


def test_a_session_ends_without_a_click_and_at_the_end_of_the_day(ada: User, monkeypatch: Any) -> None:
    client = Client()
    sign_in(client, ada.username, PASSWORD)
    now = time.time()

    def at(minutes: float) -> int:
        monkeypatch.setattr("cluster.entering.time.time", lambda: now + minutes * 60)
        return client.get("/").status_code

    assert [at(29), at(58), at(89)] == [200, 200, 302]
    sign_in(client, ada.username, PASSWORD)
    now = now + 89 * 60
    busy = [at(minutes) for minutes in range(0, 8 * 60, 20)]
    assert set(busy) == {200}
    assert at(8 * 60 + 1) == 302


def test_what_a_page_asks_by_itself_is_no_click(ada: User, monkeypatch: Any) -> None:
    client = Client()
    sign_in(client, ada.username, PASSWORD)
    now = time.time()
    for minutes in range(5, 30, 5):
        monkeypatch.setattr("cluster.entering.time.time", lambda m=minutes: now + m * 60)
        assert client.get("/runs/working/").status_code == 200
    monkeypatch.setattr("cluster.entering.time.time", lambda: now + 31 * 60)
    assert client.get("/runs/working/").status_code == 302


def test_the_row_of_a_session_dies_with_it_so_that_sockets_do(ada: User) -> None:
    client = Client()
    sign_in(client, ada.username, PASSWORD)
    left = Session.objects.get().expire_date - timezone.now()
    assert timedelta(minutes=29) < left < timedelta(minutes=31)


def test_one_sees_and_ends_ones_sessions_and_no_others(ada: User) -> None:
    here, there, theirs = Client(), Client(), Client()
    for client in (here, there):
        sign_in(client, ada.username, PASSWORD)
    bob = person(Role.BUYER)
    theirs.force_login(bob)
    page = here.get("/account/").content.decode()
    assert page.count("End it") == 1
    other = SignIn.objects.get(person=bob)
    assert here.post(f"/account/sessions/{other.pk}/end/").status_code == 404
    assert theirs.get("/").status_code == 200
    mine = SignIn.objects.filter(person=ada).exclude(session_key=here.session.session_key).get()
    assert here.post(f"/account/sessions/{mine.pk}/end/").status_code == 302
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)
    assert "ended a session" in deeds()


def test_the_eleventh_session_ends_the_first(ada: User) -> None:
    clients = [Client() for _ in range(11)]
    for client in clients:
        sign_in(client, ada.username, PASSWORD)
    codes = [client.get("/").status_code for client in clients]
    assert codes == [302, *[200] * 10]


def test_signing_in_changes_the_number_of_the_session(ada: User) -> None:
    client = Client()
    client.get("/login/")
    session = client.session
    session["x"] = 1
    session.save()
    client.cookies["sessionid"] = before = session.session_key
    sign_in(client, ada.username, PASSWORD)
    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


# -- tokens


def made(who: User, *actions: Action, days: int = 30, networks: tuple[str, ...] = ()) -> str:
    return tokens.make(who, "robot", actions or (Action.READ,), days, networks)[1]


def ask(key: str, path: str = "/api/v1/estates", **headers: str) -> int:
    bearer = {"Authorization": f"Bearer {key}"}
    return Client(headers=bearer, **headers).get(path).status_code


def test_a_new_password_leaves_the_session_that_chose_it_and_ends_the_others(ada: User) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        assert sign_in(client, ada.username, PASSWORD) == 302
    before = here.session.session_key
    sent = {"old_password": PASSWORD, "new_password1": PASSWORD + "!", "new_password2": PASSWORD + "!"}
    assert here.post("/password/", sent).status_code == 302
    assert here.session.session_key != before
    assert [row.session_key for row in SignIn.objects.all()] == [here.session.session_key]
    assert Session.objects.count() == 1
    assert "this one" in here.get("/account/").content.decode()
    assert there.get("/").status_code == 302


def test_ended_sessions_are_forgotten_each_night(ada: User) -> None:
    gone, stays = Client(), Client()
    for client in (gone, stays):
        assert sign_in(client, ada.username, PASSWORD) == 302
    Session.objects.filter(pk=gone.session.session_key).update(expire_date=timezone.now() - timedelta(days=1))
    tasks.forget_old_events()
    for rows in (Session.objects, SignIn.objects):
        assert list(rows.values_list("session_key", flat=True)) == [stays.session.session_key]


def test_a_token_is_shown_once_and_kept_as_a_hash(ada: User) -> None:
    client = Client()
    client.force_login(ada)
    sent = {"name": "robot", "actions": ["read"], "days": 30, "networks": ""}
    page = client.post("/account/tokens/", sent)
    key = re.search(r"hdr_\w{40}", page.content.decode())[0]
    assert page["Cache-Control"] == "no-store"
    assert key not in client.get("/account/").content.decode()
    row = ApiToken.objects.get()
    assert key not in str(row.__dict__)
    assert row.sha256 == tokens.hash_of(key)
    assert key not in str(list(AuditEntry.objects.values()))
    assert deeds()[-2:] == ["made a token", "was shown a secret"]
    assert ask(key) == 200
    row.refresh_from_db()
    assert row.used_from == "127.0.0.1"


@pytest.mark.parametrize("wrong", ["", "hdr_" + "x" * 40, "hdr_", "é", "x" * 5000])
def test_a_key_that_is_none_opens_nothing_even_beside_a_session(ada: User, wrong: str) -> None:
    client = Client(headers={"Authorization": f"Bearer {wrong}"})
    client.force_login(ada)
    answer = client.get("/api/v1/estates")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")


def test_a_token_ends_with_its_day_its_owner_and_its_removal(ada: User) -> None:
    keys = [made(ada) for _ in range(3)]
    assert [ask(key) for key in keys] == [200, 200, 200]
    ApiToken.objects.filter(sha256=tokens.hash_of(keys[0])).update(expires_at=timezone.now())
    tokens.remove(ada, ApiToken.objects.get(sha256=tokens.hash_of(keys[1])).pk)
    assert [ask(key) for key in keys] == [401, 401, 200]
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert ask(keys[2]) == 401
    assert AuditEntry.objects.filter(deed="token refused").count() == 3


def test_a_token_is_held_to_its_networks(ada: User) -> None:
    key = made(ada, networks=("10.1.0.0/16", "2001:db8::/32"))
    assert ask(key, REMOTE_ADDR="10.1.2.3") == 200
    assert ask(key, REMOTE_ADDR="2001:db8::1") == 200
    assert ask(key, REMOTE_ADDR="10.2.2.3") == 401


def test_a_token_does_what_it_was_made_for_and_no_more_than_its_owner(ada: User) -> None:
    admin = person(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)
    reads, rehearses = made(admin, Action.READ), made(admin, Action.READ, Action.REHEARSE)
    body = '{"scenario": "nothing of this name"}'

    def start(key: str) -> int:
        client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {key}"})
        return client.post("/api/v1/rehearsals", body, content_type="application/json").status_code

    assert (start(reads), start(rehearses)) == (403, 404)  # no CSRF: no cookie bears it
    admin.groups.clear()  # its owner lost the role: so did the token, at once
    assert (start(rehearses), ask(reads)) == (403, 403)


def test_a_token_is_good_for_programs_alone(ada: User) -> None:
    key = made(ada)
    assert ask(key, "/") == 302
    assert ask(key, "/account/") == 302
    assert ask(key, "/audit/") == 302


def test_what_makes_no_token(ada: User) -> None:
    site = person(Role.SITE_ADMINISTRATOR)
    for who, actions, days, networks in (
        (ada, [Action.IMPORT], 30, []),
        (ada, [], 30, []),
        (ada, [Action.READ], 366, []),
        (ada, [Action.READ], 0, []),
        (ada, [Action.READ], 30, ["10.0.0.1/8"]),
        (site, [Action.PEOPLE], 30, []),
    ):
        with pytest.raises(Refused):
            tokens.make(who, "x", actions, days, networks)
    assert not ApiToken.objects.exists()


def test_a_session_posts_to_the_api_with_its_csrf_token_alone() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person(Role.BUYER))
    assert client.post("/api/v1/rehearsals", "{}", content_type="application/json").status_code == 403


def test_a_superuser_of_djangos_is_nobody_here() -> None:
    Estate.objects.create(name="e")
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    assert client.get("/estates/1/").status_code == 404
    assert client.get("/people/").status_code == 403
