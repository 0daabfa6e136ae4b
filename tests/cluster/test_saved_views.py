"""Saved views: a filtered page under a name, one's own alone, leading nowhere but here."""

from __future__ import annotations

import pytest
from django.test import Client

from cluster.models import Estate, SavedView
from cluster.roles import Role
from tests.cluster.people import person

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


def signed_in(role: Role = Role.AUDITOR) -> Client:
    client = Client()
    client.force_login(person(role))
    return client


def test_a_view_is_kept_shown_in_the_tree_and_dropped() -> None:
    estate = Estate.objects.create(name="site")
    address = f"/estates/{estate.pk}/vms/?power=on&sort=-memory_mib&column=owner"
    client = signed_in()
    kept = client.post("/views/", {"name": HOSTILE, "address": address})
    assert kept.headers["Location"] == address
    page = client.get(address).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert HOSTILE not in page
    view = SavedView.objects.get()
    client.post(f"/views/{view.pk}/drop/", {"address": "/"})
    assert not SavedView.objects.exists()


def test_the_same_name_takes_the_new_address() -> None:
    client = signed_in()
    for address in ("/runs/", "/events/?level=error"):
        client.post("/views/", {"name": "mine", "address": address})
    assert SavedView.objects.get().address == "/events/?level=error"


def test_nobody_sees_or_drops_the_view_of_another() -> None:
    signed_in().post("/views/", {"name": "secret name", "address": "/runs/"})
    other = signed_in(Role.BUYER)
    assert "secret name" not in other.get("/runs/").content.decode()
    assert other.post(f"/views/{SavedView.objects.get().pk}/drop/", {"address": "/"}).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "https://else.where/",
        "//else.where/runs/",
        "javascript:alert(1)",
        "runs/",
        "/nothing/here/",
        "/runs/?" + "x" * 3000,
    ],
)
def test_a_view_leads_nowhere_else(address: str) -> None:
    assert signed_in().post("/views/", {"name": "x", "address": address}).status_code == 400
    assert not SavedView.objects.exists()


def test_a_view_without_a_name_is_refused_and_fifty_are_enough() -> None:
    client = signed_in()
    assert client.post("/views/", {"name": " ", "address": "/runs/"}).status_code == 400
    for number in range(52):
        client.post("/views/", {"name": str(number), "address": "/runs/"})
    assert SavedView.objects.count() == 50
