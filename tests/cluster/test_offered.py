"""A page offers nothing that would be refused to somebody whose role is narrow, or that he has no use for."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from cluster import demo, pricing
from cluster.models import Connection, Estate, Host, Operation, Run, Scope
from cluster.roles import Role
from tests.cluster.people import person, site_administrator
from tests.cluster.test_every_route import side, stored

pytestmark = pytest.mark.django_db
ADMINISTRATOR = Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR


def narrowed(role: Role, *others: Role, **scope: Any) -> Client:
    """Who has this role as far as the scope says, and others everywhere."""
    who = person(role, *others)
    Scope.objects.create(person=who, role=role.value, **scope)
    return signed_in(who)


def signed_in(who: Any) -> Client:
    client = Client()
    client.force_login(who)
    return client


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def house() -> Estate:
    return stored("house", "ada")


@pytest.fixture
def example(house: Estate) -> Estate:
    """The estate, as if it had been read from the example's file."""
    house.sha256 = demo._sha256()
    house.save()
    return house


@pytest.mark.parametrize("scope", [{"cluster": "A"}, {"site": "north"}])
@pytest.mark.parametrize("role", [ADMINISTRATOR, Role.BUYER])
def test_the_first_run_is_for_who_may_do_all_of_it(
    example: Estate, role: Role, scope: dict[str, str]
) -> None:
    example.host_set.update(site_name="north")
    part = narrowed(role, estate=example, **scope)
    assert "Your first five minutes" not in text(part, "/")
    assert "first-run/take-out" not in text(part, "/help/")
    whole = narrowed(role, estate=example)  # another scope of the same person
    assert "Your first five minutes" in text(whole, "/")
    assert "first-run/take-out" in text(whole, "/help/")


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.SITE_ADMINISTRATOR, None])
def test_the_help_offers_the_first_run_to_nobody_who_has_none(example: Estate, role: Role | None) -> None:
    assert "first-run/take-out" not in text(signed_in(person(role)), "/help/")


def test_who_reaches_a_part_alone_is_offered_no_import_and_no_mail_of_reports(house: Estate) -> None:
    Run.objects.create(
        kind="import", estate_name="house", estate=house, state=Run.State.FAILED,
        error={"template": "no", "values": {}}, requested_by=person(ADMINISTRATOR),
    )  # fmt: skip
    part = narrowed(ADMINISTRATOR, estate=house, cluster="A")
    for address in ("/", f"/runs/{Run.objects.get().pk}/"):
        assert 'href="/import/' not in text(part, address)
    assert 'href="/mails/' not in text(part, "/")
    assert part.get("/import/").status_code == 403
    Scope.objects.all().delete()
    assert 'href="/import/' in text(part, "/")
    assert "Import again" in text(part, f"/runs/{Run.objects.get().pk}/")


def test_who_reaches_one_estate_imports_that_and_is_told_why_no_other(house: Estate) -> None:
    one = narrowed(ADMINISTRATOR, estate=house)
    assert "Load the example estate" not in text(one, "/import/")
    sent = {"file": SimpleUploadedFile("other.csv", b"VM\n"), "name": ""}
    refused = one.post("/import/", sent, headers={"accept": "application/json"})
    assert refused.status_code == 400
    assert "Your role reaches some estates alone" in refused.json()["errors"][0]
    assert not Run.objects.exists()
    sent = {"file": SimpleUploadedFile("other.csv", b"VM\n"), "name": "house"}
    assert one.post("/import/", sent).status_code == 302


def test_an_auditor_is_shown_a_failed_import_without_a_way_to_the_next(house: Estate) -> None:
    run = Run.objects.create(
        kind="import", estate_name="house", estate=house, state=Run.State.FAILED,
        error={"template": "no", "values": {}},
    )  # fmt: skip
    shown = text(signed_in(person(Role.AUDITOR)), f"/runs/{run.pk}/")
    assert "Nothing was changed" in shown
    assert "/import/" not in shown


def test_the_page_of_a_host_leads_to_no_cluster_that_is_seen_in_part(house: Estate) -> None:
    house.host_set.update(site_name="north")
    host = Host.objects.filter(estate=house, cluster_name="A").first()
    assert host
    link = f'href="/estates/{house.pk}/cluster/'
    assert link not in text(narrowed(ADMINISTRATOR, estate=house, site="north"), f"/hosts/{host.pk}/")
    assert link in text(signed_in(person(Role.AUDITOR)), f"/hosts/{host.pk}/")


def test_variants_are_begun_from_the_table_of_an_estate_that_is_reached_whole(house: Estate) -> None:
    table = f"/estates/{house.pk}/vms/"
    part = narrowed(ADMINISTRATOR, estate=house, cluster="A")
    assert 'value="drop"' not in text(part, table)
    Scope.objects.all().delete()
    assert 'value="drop"' in text(part, table)


def test_who_sees_vms_alone_reads_why_there_is_no_host(house: Estate) -> None:
    owner = narrowed(Role.SYSTEM_ADMINISTRATOR, owner="ada")
    assert "Your role shows VMs of this estate, and no host." in text(owner, f"/estates/{house.pk}/hosts/")
    everybody = signed_in(person(Role.AUDITOR))
    assert "No row answers this filter." in text(everybody, f"/estates/{house.pk}/hosts/?name=nowhere")


def test_who_keeps_connections_is_not_offered_to_read_a_server() -> None:
    Connection.objects.create(name="house", host="10.0.0.1", username="u")
    assert "Read now" not in text(signed_in(site_administrator()), "/connections/")


def test_an_operation_is_offered_as_far_as_the_role_that_acts_reaches(house: Estate) -> None:
    stored("yard", "bob")
    who = narrowed(ADMINISTRATOR, Role.BUYER, estate=house)  # who reads both, and acts in one
    for name in ("house", "yard"):
        connection = Connection.objects.create(name=name, host="10.0.0.1", username="u")
        for state in (Operation.State.PROPOSED, Operation.State.RUNNING):
            Operation.objects.create(
                connection=connection,
                kind="migrate",
                subject=name,
                subject_id=state,
                state=state,
                dry_run=False,
            )
    shown = text(who, "/operations/")
    for row in Operation.objects.select_related("connection"):
        deeds = ("approve", "cancel") if row.state == Operation.State.PROPOSED else ("abort",)
        for deed in deeds:
            offered = f'"/operations/{row.pk}/{deed}/"' in shown
            assert offered == (row.connection.name == "house"), (row, deed)  # type: ignore[union-attr]
            if not offered:
                assert who.post(f"/operations/{row.pk}/{deed}/").status_code == 403


def test_who_reaches_no_connection_is_told_so_in_place_of_a_form(house: Estate) -> None:
    Connection.objects.create(name="house", host="10.0.0.1", username="u")
    part = narrowed(ADMINISTRATOR, estate=house, cluster="A")
    shown = text(part, "/operations/")
    assert "/operations/propose/" not in shown
    assert "Nothing can be proposed yet" in shown
    Scope.objects.all().delete()
    assert "/operations/propose/" in text(part, "/operations/")


def test_a_run_is_cancelled_and_a_rehearsal_changed_where_the_role_that_may_reaches() -> None:
    house, yard = side("house", "ada").keys, side("yard", "bob").keys
    who = person(Role.SYSTEM_ADMINISTRATOR, Role.BUYER)  # who reads both, and plans in one
    Scope.objects.create(person=who, role=Role.BUYER.value, estate_id=house["estate"])
    Scope.objects.create(person=who, role=Role.SYSTEM_ADMINISTRATOR.value, estate_id=yard["estate"])
    client = signed_in(who)
    for keys in (house, yard):
        offered = f"/runs/{keys['run']}/cancel/" in text(client, f"/runs/{keys['run']}/")
        assert offered == (keys is house)
        assert client.post(f"/runs/{keys['run']}/cancel/").status_code == (302 if offered else 403)
        again = f"/rehearsals/{keys['rehearsal']}/script/"
        assert (again in text(client, f"/rehearsals/{keys['rehearsal']}/")) == (keys is house)


def test_a_system_administrator_who_reaches_nothing_is_told_so_and_asked_nothing(house: Estate) -> None:
    nowhere = signed_in(person(Role.SYSTEM_ADMINISTRATOR))
    assert "A site administrator says how far that is" in text(nowhere, "/")
    shown = text(nowhere, "/wishes/")
    assert "/wishes/ask/" not in shown
    assert "You can ask once your role reaches a VM" in shown
    Scope.objects.create(
        person=person(Role.SYSTEM_ADMINISTRATOR), role=Role.SYSTEM_ADMINISTRATOR.value, owner="ada"
    )
    assert "/wishes/ask/" in text(nowhere, "/wishes/")
    assert "that your role reaches" in text(nowhere, "/")


def test_a_buyer_of_a_part_begins_no_price_book_that_he_would_not_see(house: Estate) -> None:
    part = narrowed(Role.BUYER, estate=house, cluster="A")
    assert 'href="/prices/' not in text(part, "/")
    assert "A new book" not in text(part, "/prices/")
    assert part.post("/prices/", {"name": "quotes"}).status_code == 403
    with pytest.raises(PermissionDenied):
        pricing.begin_book(person(Role.BUYER), "quotes", ())
    Scope.objects.all().delete()
    assert part.post("/prices/", {"name": "quotes"}, follow=True).status_code == 200
