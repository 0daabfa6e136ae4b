"""An approval is another person's, of what he was shown, within the hour; everything else voids it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from cluster import carrying, connecting, operating
from cluster.models import AuditEntry, Connection, Estate, Operation, Scope
from cluster.roles import Role
from cluster.services import Refused
from tests.cluster.people import administrator, person, site_administrator
from tests.cluster.test_operations import World, ended, there, world  # noqa: F401

pytestmark = pytest.mark.django_db
State = Operation.State


@pytest.fixture
def waiting(there: Connection) -> Operation:
    Connection.objects.update(four_eyes=True)
    there.refresh_from_db()
    return operating.propose(administrator(), there, "migrate", "vm0", "h2", real=True)


@pytest.fixture
def second() -> User:
    user = User.objects.create_user("second")
    user.groups.set(administrator().groups.all())
    return user


def test_nobody_approves_his_own(world: World, waiting: Operation) -> None:
    client = Client()
    client.force_login(administrator())
    answer = client.post(f"/operations/{waiting.pk}/approve/", {"plan": waiting.plan_sha256})
    assert answer.status_code == 403
    assert AuditEntry.objects.filter(deed="approval refused").count() == 1
    carrying.carry_out(waiting.pk)
    assert world.submitted == []


def test_another_person_approves_what_he_was_shown(world: World, waiting: Operation, second: User) -> None:
    client = Client()
    client.force_login(second)
    page = client.get("/operations/").content.decode()
    assert f'name="plan" value="{waiting.plan_sha256}"' in page
    assert client.post(f"/operations/{waiting.pk}/approve/", {"plan": waiting.plan_sha256}).status_code == 302
    carrying.carry_out(waiting.pk)
    assert world.submitted == ["vm0"]


@pytest.mark.parametrize("plan", ["", "0" * 64, "x"])
def test_an_approval_without_the_plans_hash_is_none(waiting: Operation, second: User, plan: str) -> None:
    with pytest.raises(Refused, match="not what was proposed"):
        operating.approve(second, waiting, plan)


CHANGES: dict[str, Any] = {
    "destination": lambda o: Operation.objects.filter(pk=o.pk).update(destination="h1"),
    "subject": lambda o: Operation.objects.filter(pk=o.pk).update(subject_id="vm-3"),
    "kind": lambda o: Operation.objects.filter(pk=o.pk).update(kind="power-off"),
    "real": lambda o: Operation.objects.filter(pk=o.pk).update(dry_run=True),
    "asker": lambda o: Operation.objects.filter(pk=o.pk).update(requested_by=person(Role.BUYER)),
    "server": lambda o: Connection.objects.update(host="10.9.9.9"),
    "certificate": lambda o: Connection.objects.update(fingerprint="AA"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_plan_that_changed_before_the_approval_is_void(waiting: Operation, second: User, what: str) -> None:
    shown = waiting.plan_sha256
    CHANGES[what](waiting)
    with pytest.raises(Refused, match="not what was proposed"):
        operating.approve(second, Operation.objects.get(pk=waiting.pk), shown)


@pytest.mark.parametrize("what", CHANGES)
def test_a_plan_that_changed_after_the_approval_is_void(
    world: World,
    waiting: Operation,
    second: User,
    what: str,
) -> None:
    operating.approve(second, waiting, waiting.plan_sha256)
    CHANGES[what](waiting)
    carrying.carry_out(waiting.pk)
    assert world.submitted == []
    assert ended(waiting)[0] in ("failed", "done")  # done: what became a dry run looked, and did nothing


@pytest.mark.parametrize(("minutes", "counts"), [(59, True), (61, False)])
def test_a_proposal_counts_for_an_hour(waiting: Operation, second: User, minutes: int, counts: bool) -> None:
    Operation.objects.update(created_at=timezone.now() - timedelta(minutes=minutes))
    if counts:
        operating.approve(second, waiting, waiting.plan_sha256)
        return
    with pytest.raises(Refused, match="more than an hour ago"):
        operating.approve(second, waiting, waiting.plan_sha256)


@pytest.mark.parametrize(("minutes", "submitted"), [(59, ["vm0"]), (61, [])])
def test_an_approval_counts_for_an_hour(
    world: World,
    waiting: Operation,
    second: User,
    minutes: int,
    submitted: list[str],
) -> None:
    operating.approve(second, waiting, waiting.plan_sha256)
    Operation.objects.update(approved_at=timezone.now() - timedelta(minutes=minutes))
    carrying.carry_out(waiting.pk)
    assert world.submitted == submitted
    if not submitted:
        assert ended(waiting) == ("failed", "It was approved more than an hour ago: nothing was done")


def test_four_eyes_that_are_switched_on_later_count_for_what_waits(
    world: World, there: Connection, second: User
) -> None:
    operation = operating.propose(administrator(), there, "migrate", "vm0", "h2", real=True)
    Connection.objects.update(four_eyes=True)
    carrying.carry_out(operation.pk)
    assert world.submitted == []
    operation.refresh_from_db()
    assert (operation.state, operation.approved_by) == ("proposed", None)  # it waits for another person
    operating.approve(second, operation, operation.plan_sha256)
    carrying.carry_out(operation.pk)
    assert world.submitted == ["vm0"]


@pytest.mark.parametrize("who", ["asked for", "approved"])
@pytest.mark.parametrize("end", ["no role", "locked out", "another estate"])
def test_rights_that_end_after_the_approval_end_what_waits(
    world: World, waiting: Operation, second: User, who: str, end: str
) -> None:
    operating.approve(second, waiting, waiting.plan_sha256)
    person = waiting.requested_by if who == "asked for" else second
    match end:
        case "no role":
            person.groups.clear()
        case "locked out":
            User.objects.filter(pk=person.pk).update(is_active=False)
        case _:
            elsewhere = Estate.objects.create(name="elsewhere")
            role = Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR.value
            Scope.objects.create(person=person, role=role, estate=elsewhere)
    carrying.carry_out(waiting.pk)
    assert world.submitted == []
    assert ended(waiting) == ("failed", f"Whoever {who} it may not any more: nothing was done")


@pytest.mark.parametrize("role", [role for role in Role if "virtual" not in role])
def test_no_other_role_approves(waiting: Operation, role: Role) -> None:
    with pytest.raises(PermissionDenied):
        operating.approve(person(role), waiting, waiting.plan_sha256)


def test_who_acts_cannot_switch_four_eyes_off(there: Connection, settings: Any) -> None:
    settings.CONNECTION_NETWORKS = ["10.0.0.0/8"]
    Connection.objects.update(four_eyes=True)
    with pytest.raises(PermissionDenied):
        connecting.change(administrator(), there, four_eyes=False)
    connecting.change(site_administrator(), there, four_eyes=False)
    noted = AuditEntry.objects.get(deed="changed a connection")
    assert (noted.before["four_eyes"], noted.after["four_eyes"]) == (True, False)
