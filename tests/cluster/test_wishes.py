"""System administrators ask for their VMs, others answer, and what is granted holds."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client

from cluster import carrying, snapshot, wishes
from cluster.models import AuditEntry, Connection, Estate, Operation, VirtualMachine, Wish
from cluster.rehearsal import question
from cluster.roles import Role
from cluster.services import Refused
from planner.estate import Estate as PlannerEstate
from tests.cluster.people import administrator, person
from tests.cluster.test_operations import World, world  # noqa: F401
from tests.planner.small import host, reading, vm

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    """A system administrator; the VMs app, db and web are hers, and no other."""
    ada = User.objects.create_user("ada")
    ada.groups.set(person(Role.SYSTEM_ADMINISTRATOR).groups.all())
    return ada


@pytest.fixture
def lab(ada: User) -> Estate:
    vms = [vm(name, id=f"id-{name}", host="h1") for name in ("app", "db", "web", "alien")]
    estate = Estate.objects.create(name="lab")
    snapshot.save(estate, reading([host("h1"), host("h2")], vms, clusters=["c"]))
    VirtualMachine.objects.exclude(name="alien").update(owner="Ada")
    return Estate.objects.get()


def asked(who: User, estate: Estate, kind: str, name: str = "app", **given: Any) -> Wish:
    return wishes.ask(who, Wish(estate=estate, kind=kind, vm=name, **given))


def priority_of(estate: PlannerEstate, name: str) -> str:
    return next(one.restart_priority for one in estate.vms if one.name == name)


def test_a_granted_priority_holds_in_rehearsals_and_survives_an_import(ada: User, lab: Estate) -> None:
    wish = asked(ada, lab, "priority", priority="highest")
    assert priority_of(wishes.granted(lab, snapshot.load(lab)), "app") == "medium"
    wishes.answer(administrator(), wish, granted=True, words="yes")
    assert priority_of(wishes.granted(lab, snapshot.load(lab)), "app") == "highest"
    snapshot.save(lab, reading([host("h1"), host("h2")], [vm("app", host="h2")], clusters=["c"]))
    assert priority_of(wishes.granted(lab, snapshot.load(lab)), "app") == "highest"
    deeds = list(AuditEntry.objects.order_by("seq").values_list("actor", "deed"))
    assert deeds == [
        ("ada", "asked for a change of a VM"),
        (administrator().username, "answered what was asked for a VM"),
    ]


def test_a_granted_order_stands_in_the_script_that_a_rehearsal_begins_with(ada: User, lab: Estate) -> None:
    wishes.answer(administrator(), asked(ada, lab, "dependency", after="db"), granted=True)
    wishes.answer(administrator(), asked(ada, lab, "dependency", "web", after="app"), granted=True)
    part = question.part_of(snapshot.load(lab), "c")
    orders = wishes.order_lines(lab, frozenset(one.name for one in part.vms))
    assert orders == "guest app after db\nguest web after app\n"
    script = question.script_of(part, question.suggestion(["h1"], orders))
    assert script.guests["app"].after == ("db",)
    client = Client()
    client.force_login(administrator())
    assert "guest web after app" in client.get(f"/estates/{lab.pk}/rehearse/?name=c").content.decode()


def test_nobody_waits_in_a_circle(ada: User, lab: Estate) -> None:
    asked(ada, lab, "dependency", "app", after="db")
    asked(ada, lab, "dependency", "web", after="app")
    for name, after in (("db", "web"), ("db", "app"), ("app", "app")):
        with pytest.raises(Refused, match="would wait for itself"):
            asked(ada, lab, "dependency", name, after=after)


@pytest.mark.parametrize(
    ("kind", "name", "given"),
    [
        ("restart", "alien", {}),
        ("priority", "alien", {"priority": "high"}),
        ("priority", "app", {}),
        ("dependency", "app", {"after": "alien"}),
        ("dependency", "alien", {"after": "app"}),
        ("resize", "app", {}),
        ("new", "app", {"vcpus": 2}),
        ("new", "fresh", {}),
    ],
)
def test_what_is_not_ones_own_or_makes_no_sense_is_refused(
    ada: User, lab: Estate, kind: str, name: str, given: dict[str, Any]
) -> None:
    with pytest.raises(Refused):
        asked(ada, lab, kind, name, **given)
    assert not Wish.objects.exists()


def test_a_granted_restart_is_one_operation_asked_by_one_and_approved_by_another(
    world: World,
    ada: User,
    lab: Estate,
) -> None:
    Connection.objects.create(name="lab", host="10.0.0.1", username="u", may_act=True, four_eyes=True)
    wish = wishes.answer(administrator(), asked(ada, lab, "restart"), granted=True)
    operation = Operation.objects.get()
    assert wish.operation == operation
    assert (operation.kind, operation.state) == ("reset", "queued")
    assert (operation.requested_by, operation.approved_by) == (ada, administrator())
    carrying.carry_out(operation.pk)
    assert world.submitted == ["app"]


def test_a_restart_without_a_server_stays_asked(ada: User, lab: Estate) -> None:
    wish = asked(ada, lab, "restart")
    with pytest.raises(Refused, match="no connection to act through"):
        wishes.answer(administrator(), wish, granted=True)
    wish.refresh_from_db()
    assert wish.state == "asked"


def test_nobody_answers_himself_and_no_other_role_answers(ada: User, lab: Estate) -> None:
    wish = asked(ada, lab, "priority", priority="high")
    for role in (Role.SYSTEM_ADMINISTRATOR, Role.BUYER, Role.AUDITOR, Role.SITE_ADMINISTRATOR, None):
        with pytest.raises(PermissionDenied):
            wishes.answer(person(role), wish, granted=True)
    Wish.objects.update(asked_by=administrator())
    with pytest.raises(PermissionDenied):
        wishes.answer(administrator(), Wish.objects.get(), granted=True)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM_ADMINISTRATOR])
def test_other_roles_ask_for_nothing(lab: Estate, role: Role) -> None:
    with pytest.raises(PermissionDenied):
        asked(person(role), lab, "restart")


def test_an_answer_is_given_once(ada: User, lab: Estate) -> None:
    wish = asked(ada, lab, "priority", priority="high")
    wishes.answer(administrator(), wish, granted=False, words="no room")
    with pytest.raises(Refused, match="answered already"):
        wishes.answer(administrator(), wish, granted=True)
    with pytest.raises(Refused, match="answered already"):
        wishes.withdraw(ada, wish)


def test_the_page_asks_answers_and_shows(ada: User, lab: Estate) -> None:
    hers, his = Client(), Client()
    hers.force_login(ada)
    his.force_login(administrator())
    sent = {"estate": lab.pk, "kind": "priority", "vm": "app", "priority": "high", "reason": "<b>shop</b>"}
    assert hers.post("/wishes/ask/", sent).status_code == 302
    wish = Wish.objects.get()
    page = his.get("/wishes/").content.decode()
    assert "<b>shop</b>" not in page
    assert f"/wishes/{wish.pk}/answer/" in page
    assert f"/wishes/{wish.pk}/answer/" not in hers.get("/wishes/").content.decode()
    assert his.post(f"/wishes/{wish.pk}/answer/", {"granted": "yes", "words": "ok"}).status_code == 302
    assert "granted" in hers.get("/wishes/").content.decode()
    assert hers.post("/wishes/ask/", {**sent, "vm": "alien"}).status_code == 400
