"""Sign in by an OpenID provider: a real one, over HTTP, which is then told to lie in every way it could."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.contrib.auth.models import User
from django.test import Client

from cluster.models import AuditEntry, Identity, SecondFactor, SignIn
from cluster.roles import Role, roles_of
from cluster.views import oidc
from tests.cluster.http_server import listener
from tests.cluster.oidc_provider import Provider, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    with running() as provider:
        settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = provider.issuer, "headroom"
        settings.OIDC_CLIENT_SECRET = "s3cret"
        settings.OIDC_ROLES = {"watchers": "auditor", "movers": "virtual-infrastructure administrator",
                               "keepers": "site administrator"}  # fmt: skip
        oidc._registered.cache_clear()
        yield provider
        oidc._registered.cache_clear()


def back_of(client: Client) -> str:
    """Follow the browser there; give the address it is sent back to."""
    there = client.get("/oidc/login/")
    assert there.status_code == 302
    sent = requests.get(there["Location"], allow_redirects=False, timeout=5)
    return sent.headers["Location"].partition("testserver")[2]


def sign_in(client: Client) -> int:
    return client.get(back_of(client)).status_code


def test_whom_a_group_gives_a_role_gets_an_account_at_the_first_sign_in(provider: Provider) -> None:
    client = Client()
    assert "Sign in with your organisation" in client.get("/login/").content.decode()
    assert sign_in(client) == 302
    ada = User.objects.get(username="ada")
    assert roles_of(ada) == {Role.AUDITOR}
    assert not ada.has_usable_password()
    assert client.get("/audit/").status_code == 200
    assert Identity.objects.get().subject == "42"
    deeds = list(AuditEntry.objects.values_list("deed", flat=True))
    assert {"added a person", "changed a person", "signed in"} <= set(deeds)


def test_the_provider_asks_for_a_second_factor_and_is_not_asked_again(
    provider: Provider, settings: Any
) -> None:
    settings.SECOND_FACTOR_ROLES = [Role.AUDITOR.value]
    client = Client()
    assert sign_in(client) == 302
    ada = User.objects.get(username="ada")
    assert client.get("/audit/").status_code == 200
    assert SignIn.objects.filter(person=ada).count() == 1
    SecondFactor.objects.create(person=ada, secret="")
    again = Client()
    assert sign_in(again) == 302
    assert again.get("/audit/").status_code == 200


def test_a_sign_in_uses_pkce_a_state_and_a_nonce(provider: Provider) -> None:
    asked = parse_qs(urlsplit(Client().get("/oidc/login/")["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert all(len(asked[name][0]) >= 20 for name in ("state", "nonce", "code_challenge"))


def test_a_person_is_the_subject_whatever_the_name_says(provider: Provider) -> None:
    sign_in(Client())
    provider.claims["preferred_username"] = "renamed"
    assert sign_in(Client()) == 302
    provider.claims |= {"sub": "43", "preferred_username": "ada"}  # another person under the old name
    assert sign_in(Client()) == 403
    assert User.objects.filter(username__in=["ada", "renamed"]).count() == 1


def test_a_local_account_is_nobody_elses(provider: Provider) -> None:
    User.objects.create_user("Ada", password="a long enough password")
    assert sign_in(Client()) == 403
    assert not Identity.objects.exists()


def test_roles_follow_the_groups_at_each_sign_in(provider: Provider) -> None:
    sign_in(Client())
    provider.claims["groups"] = ["movers", "unknown"]
    sign_in(Client())
    assert roles_of(User.objects.get()) == {Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR}
    provider.claims["groups"] = ["movers", "keepers"]  # two that are to be kept apart
    assert sign_in(Client()) == 403
    assert roles_of(User.objects.get()) == {Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR}


@pytest.mark.parametrize("groups", [[], None, "other", {"a": 1}, [1, 2]])
def test_whom_no_group_gives_a_role_gets_no_account(provider: Provider, groups: Any) -> None:
    provider.claims["groups"] = groups
    assert sign_in(Client()) == 403
    assert not User.objects.exists()


def test_who_is_locked_out_stays_out(provider: Provider) -> None:
    sign_in(Client())
    User.objects.update(is_active=False)
    assert sign_in(Client()) == 403


@pytest.mark.parametrize(
    "lie",
    ["issuer", "audience", "expired", "nonce", "no nonce", "no subject", "key", "shared secret", "unsigned"],
)
def test_a_token_that_lies_lets_nobody_in(provider: Provider, lie: str) -> None:
    provider.lie = lie
    client = Client()
    assert sign_in(client) == 400
    assert not User.objects.exists()
    assert client.get("/").status_code == 302
    assert AuditEntry.objects.get().deed == "sign-in refused"


def test_a_provider_that_calls_itself_otherwise_is_not_asked(provider: Provider) -> None:
    provider.lie = "issuer of metadata"
    assert Client().get("/oidc/login/").status_code == 502


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
def test_a_provider_that_sends_us_elsewhere_is_not_followed(provider: Provider, path: str) -> None:
    with listener() as elsewhere:
        provider.sent_elsewhere[path] = elsewhere.url
        client = Client()
        if path.startswith("/."):
            assert client.get("/oidc/login/").status_code == 502
        else:
            assert sign_in(client) == 400
        assert elsewhere.heard == []
    assert not User.objects.exists()


def test_a_state_that_is_another_browsers_or_used_up_lets_nobody_in(provider: Provider) -> None:
    hers, his = Client(), Client()
    back = back_of(hers)
    assert his.get(back).status_code == 400  # somebody was sent the address of another's sign-in
    assert hers.get(back).status_code == 302
    assert Client().get(back).status_code == 400
    hers.post("/logout/")
    assert hers.get(back).status_code == 400


@pytest.mark.parametrize("query", ["", "?error=access_denied", "?code=x&state=y", "?code=&state="])
def test_nonsense_that_comes_back_is_refused(provider: Provider, query: str) -> None:
    assert Client().get(f"/oidc/back/{query}").status_code == 400


def test_a_provider_that_is_away_is_told_and_passwords_still_work(settings: Any) -> None:
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = "http://127.0.0.1:1", "x"
    oidc._registered.cache_clear()
    assert Client().get("/oidc/login/").status_code == 502
    User.objects.create_user("bob", password="a long enough password")
    sent = {"username": "bob", "password": "a long enough password"}
    assert Client().post("/login/", sent).status_code == 302
    oidc._registered.cache_clear()


def test_without_a_provider_there_is_no_such_page() -> None:
    assert Client().get("/oidc/login/").status_code == 404
    assert "your organisation" not in Client().get("/login/").content.decode()
