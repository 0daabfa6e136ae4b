"""Roles that are kept apart, and how far a role is told to reach: given on the page, noted, and held to."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from cluster import people
from cluster.models import AuditEntry, Estate, Scope, VirtualMachine
from cluster.reach import covers, visible_to
from cluster.roles import Action, Extent, Role
from tests.cluster.people import person, site_administrator
from tests.cluster.test_every_route import stored

pytestmark = pytest.mark.django_db
APART = {
    frozenset({Role.SYSTEM_ADMINISTRATOR, Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR}),
    frozenset({Role.SITE_ADMINISTRATOR, Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR}),
    *(frozenset({Role.AUDITOR, other}) for other in Role if other is not Role.AUDITOR),
}


@pytest.fixture
def chief(client: Client) -> Client:
    client.force_login(site_administrator())
    return client


@pytest.mark.parametrize("pair", [frozenset(pair) for pair in combinations(Role, 2)])
def test_two_roles_are_given_together_or_refused(chief: Client, pair: frozenset[Role]) -> None:
    sent = {"username": "ada", "roles": [role.value for role in pair]}
    refused = pair in APART
    assert chief.post("/people/add/", sent).status_code == (400 if refused else 200)
    assert User.objects.filter(username="ada").exists() != refused
    bob = User.objects.create_user("bob")
    changed = {f"p{bob.pk}-roles": sent["roles"], f"p{bob.pk}-active": "on"}
    assert chief.post(f"/people/{bob.pk}/", changed).status_code == (400 if refused else 200)
    assert bob.groups.count() == (0 if refused else 2)


def test_a_site_that_allows_them_says_so_on_every_page_and_in_the_audit(chief: Client, settings: Any) -> None:
    settings.ALLOW_ROLE_CONFLICTS = True
    roles = [Role.SYSTEM_ADMINISTRATOR.value, Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR.value]
    chief.post("/people/add/", {"username": "ada", "roles": roles})
    assert AuditEntry.objects.filter(deed="gave roles that are to be kept apart", subject="ada").exists()
    ada = User.objects.get(username="ada")
    people.note_own_password(ada)  # or every page leads to the choice of one
    theirs = Client()
    theirs.force_login(ada)
    for path in ("/", "/account/", "/operations/"):
        assert "against the rule that keeps these missions apart" in theirs.get(path).content.decode()


def test_one_of_two_that_clash_may_be_taken_from_who_has_both(chief: Client) -> None:
    both = person(Role.AUDITOR)
    both.groups.add(person(Role.BUYER).groups.get())
    sent = {f"p{both.pk}-roles": [Role.BUYER.value], f"p{both.pk}-active": "on"}
    assert chief.post(f"/people/{both.pk}/", sent).status_code == 200
    assert both.groups.get().name == Role.BUYER.value


def test_a_scope_is_given_and_taken_on_the_page_and_noted(chief: Client) -> None:
    one, two = Estate.objects.create(name="one"), Estate.objects.create(name="two")
    buyer = person(Role.BUYER)
    prefix = f"s{buyer.pk}-"
    sent = {f"{prefix}role": "buyer", f"{prefix}estate": one.pk}
    assert chief.post(f"/people/{buyer.pk}/scopes/", sent).status_code == 200
    theirs = Client()
    theirs.force_login(buyer)
    assert [theirs.get(f"/estates/{estate.pk}/").status_code for estate in (one, two)] == [200, 404]
    noted = AuditEntry.objects.get(deed="narrowed a role")
    assert (noted.before["scopes"], noted.after["scopes"][0]["estate__name"]) == ([], "one")
    assert chief.post(f"/people/{buyer.pk}/scopes/{Scope.objects.get().pk}/remove/").status_code == 200
    assert theirs.get(f"/estates/{two.pk}/").status_code == 200
    assert AuditEntry.objects.filter(deed="widened a role").exists()


@pytest.mark.parametrize(
    ("role", "extent"),
    [
        (Role.SITE_ADMINISTRATOR, Extent(cluster="A")),
        (Role.BUYER, Extent(cluster="A")),  # which the person does not have
        (Role.SYSTEM_ADMINISTRATOR, Extent()),
        (Role.SYSTEM_ADMINISTRATOR, Extent(estate=1)),
    ],
)
def test_what_cannot_be_narrowed_is_refused(role: Role, extent: Extent) -> None:
    ada = person(Role.SYSTEM_ADMINISTRATOR)
    with pytest.raises(people.NotThis):
        people.give_scope(site_administrator(), ada, role, extent)
    assert not Scope.objects.exists()


def test_a_scope_of_another_person_is_not_taken_by_its_number(chief: Client) -> None:
    estate = Estate.objects.create(name="one")
    buyer, ada = person(Role.BUYER), person(Role.SYSTEM_ADMINISTRATOR)
    scope = Scope.objects.create(person=buyer, role="buyer", estate=estate)
    chief.post(f"/people/{ada.pk}/scopes/{scope.pk}/remove/")
    assert Scope.objects.filter(pk=scope.pk).exists()


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        ({"cluster": "A"}, {0, 2, 4, 6}),
        ({"site": "north"}, {0, 4}),
        ({"owner": "bob"}, {5}),
        ({"owner": "BOB"}, {5}),
        ({"cluster": "A", "owner": "bob"}, set()),
        ({"cluster": "B", "owner": "bob"}, {5}),
        ({"cluster": "nowhere"}, set()),
    ],
)
def test_a_scope_shows_these_vms_and_no_other(scope: dict[str, str], seen: set[int]) -> None:
    estate = stored("house", "ada")
    estate.host_set.filter(name="esx0").update(site_name="north")
    VirtualMachine.objects.filter(name="vm000005").update(owner="bob")
    ada = person(Role.SYSTEM_ADMINISTRATOR)
    Scope.objects.create(person=ada, role=Role.SYSTEM_ADMINISTRATOR.value, **scope)
    rows = visible_to(ada, VirtualMachine).values_list("name", flat=True)
    assert set(rows) == {f"vm{n:06}" for n in seen}
    assert len(rows) == len(seen)
    assert covers(ada, Action.READ, estate, "A") == (scope == {"cluster": "A"})


def test_two_scopes_of_one_role_add_up_and_roles_do_not_lend_each_other_theirs() -> None:
    one, two = Estate.objects.create(name="one"), Estate.objects.create(name="two")
    both = person(Role.BUYER)
    both.groups.add(person(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR).groups.get())
    Scope.objects.create(person=both, role="buyer", estate=one)
    Scope.objects.create(person=both, role=Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR.value, estate=two)
    assert set(visible_to(both, Estate)) == {one, two}
    assert covers(both, Action.OPERATE, two)
    assert not covers(both, Action.OPERATE, one)  # a buyer there, and no more
    assert not covers(both, Action.IMPORT, None)
