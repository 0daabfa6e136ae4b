"""An operation is begun once or never: claims, tokens, dry runs, four eyes, caps, and what a crash leaves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from msgspec import structs

from cluster import carrying, connecting, connections, operating, services, snapshot
from cluster.connections import Outcome, Refusal
from cluster.models import AuditEntry, Connection, Estate, Operation, Run
from cluster.roles import Role
from operations.drivers.base import DriverError
from operations.preflight import Asked, Now, in_blackout, obstacle
from planner.estate import Datastore, Rule
from planner.sentence import Sentence
from tests.cluster.people import administrator, person
from tests.planner.small import host, reading, vm

pytestmark = pytest.mark.django_db
State = Operation.State


class World:
    """A server that counts what it is asked to do; `answer` says what the next call comes to."""

    def __init__(self) -> None:
        self.submitted: list[str] = []
        self.obstacle: Sentence | None = None
        self.answer: BaseException | None = None
        self.outcome: Outcome | DriverError = Outcome("done", None, 1.5, "task-1")

    def look(self, _: Connection, operation: Operation) -> Sentence | None:
        return self.obstacle

    def submit(self, _: Connection, operation: Operation) -> str:
        assert Operation.objects.get(pk=operation.pk).state == State.SUBMITTING  # committed before the call
        self.submitted.append(operation.subject)
        if self.answer is not None:
            raise self.answer
        return "task-1"

    def observe(self, _: Connection, operation: Operation) -> Outcome:
        if isinstance(self.outcome, DriverError):
            raise self.outcome
        return self.outcome


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    for name in ("look", "submit", "observe"):
        monkeypatch.setattr(connections, name, getattr(world, name))
    return world


@pytest.fixture
def there(settings: Any) -> Iterator[Connection]:
    vms = [vm(f"vm{n}", id=f"vm-{n}", host="h1") for n in range(4)]
    snapshot.save(Estate(name="lab"), reading([host("h1"), host("h2")], vms, clusters=["c"]))
    return Connection.objects.create(name="lab", host="10.0.0.1", username="u", may_act=True, four_eyes=False)


def proposed(there: Connection, name: str = "vm0", **given: Any) -> Operation:
    return operating.propose(administrator(), there, "migrate", name, "h2", **{"real": True, **given})


def ended(operation: Operation) -> tuple[str, str]:
    operation.refresh_from_db()
    why = operation.why or {"template": "", "values": {}}
    return operation.state, why["template"].format(**why["values"])


# -- the way that everything goes well


def test_an_operation_is_checked_submitted_followed_and_noted(world: World, there: Connection) -> None:
    operation = proposed(there)
    assert operation.state == State.QUEUED
    carrying.carry_out(operation.pk)
    assert ended(operation) == ("done", "Done")
    untold = {"downtime_ms": None, "sent_mib": None, "lost_pings": None}
    assert operation.measured == {"total_s": 1.5} | untold
    assert world.submitted == ["vm0"]
    deeds = list(AuditEntry.objects.order_by("seq").values_list("deed", flat=True))
    assert deeds == [
        "proposed an operation", "approved an operation", "submitted an operation", "ended an operation",
    ]  # fmt: skip


def test_what_was_done_has_the_server_read_again_and_a_dry_run_has_not(
    world: World, there: Connection
) -> None:
    carrying.carry_out(proposed(there, real=False).pk)
    assert connecting.refresh_due() == 0
    carrying.carry_out(proposed(there).pk)
    assert [connecting.refresh_due(), connecting.refresh_due()] == [1, 0]
    Run.objects.update(state=Run.State.SUCCEEDED)
    assert connecting.refresh_due() == 0  # it is read by itself after an operation alone


# -- once


def test_a_message_that_comes_eight_times_is_one_call(world: World, there: Connection) -> None:
    operation = proposed(there)
    for _ in range(8):
        carrying.carry_out(operation.pk)
    assert world.submitted == ["vm0"]


def test_a_vm_with_an_operation_under_way_takes_no_second_one(world: World, there: Connection) -> None:
    proposed(there)
    with pytest.raises(services.Refused, match="under way already"):
        proposed(there)


@pytest.mark.parametrize("state", [State.SUBMITTING, State.RUNNING, State.UNKNOWN])
def test_what_was_submitted_by_a_worker_that_died_is_never_submitted_again(
    world: World, there: Connection, state: str
) -> None:
    operation = proposed(there)
    long_ago = timezone.now() - timezone.timedelta(hours=1)
    Operation.objects.filter(pk=operation.pk).update(state=state, lease_until=long_ago, submitted_at=long_ago)
    world.outcome = DriverError("silent")
    for _ in range(3):
        carrying.carry_out(operation.pk)
        carrying.reconcile()
        operating.send_waiting()
    assert world.submitted == []
    assert ended(operation)[0] == State.UNKNOWN
    world.outcome = Outcome("done", None, None, "task-9")
    carrying.reconcile()
    assert ended(operation)[0] == State.DONE
    assert world.submitted == []


def test_a_claim_that_died_before_it_submitted_is_taken_up_by_another(
    world: World, there: Connection
) -> None:
    operation = proposed(there)
    assert carrying.claim(operation.pk) is not None
    assert carrying.claim(operation.pk) is None
    Operation.objects.filter(pk=operation.pk).update(
        lease_until=timezone.now() - timezone.timedelta(seconds=1)
    )
    carrying.carry_out(operation.pk)
    assert ended(operation)[0] == State.DONE


def test_a_worker_that_was_asleep_writes_and_submits_nothing(world: World, there: Connection) -> None:
    """It claimed; it slept; another claimed and did it; it wakes."""
    operation = proposed(there)
    sleeper = carrying.claim(operation.pk)
    assert sleeper is not None
    Operation.objects.filter(pk=operation.pk).update(
        lease_until=timezone.now() - timezone.timedelta(seconds=1)
    )
    carrying.carry_out(operation.pk)
    for deed in (
        lambda: carrying._submit(sleeper, there, time.monotonic()),
        lambda: carrying._end(sleeper, State.FAILED, Sentence("late")),
    ):
        with pytest.raises(carrying.Lost):
            deed()
    assert world.submitted == ["vm0"]
    assert ended(operation) == ("done", "Done")


# -- what the server says


def test_a_server_that_refuses_ends_it_as_failed(world: World, there: Connection) -> None:
    world.answer = Refusal(Sentence("The server refuses: {fault}", {"fault": "no"}))
    operation = proposed(there)
    carrying.carry_out(operation.pk)
    assert ended(operation) == ("failed", "The server refuses: no")


def test_an_answer_that_was_lost_leaves_it_unknown_until_the_server_says(
    world: World, there: Connection
) -> None:
    world.answer = DriverError("cannot be reached")
    operation = proposed(there)
    carrying.carry_out(operation.pk)
    assert ended(operation) == ("unknown", "cannot be reached")
    carrying.reconcile()
    assert ended(operation)[0] == State.UNKNOWN  # a call on its way may still arrive
    long_ago = timezone.now() - timezone.timedelta(hours=1)
    Operation.objects.filter(pk=operation.pk).update(submitted_at=long_ago)
    world.outcome = Outcome("failed", connections.NEVER_BEGAN, None, "")
    carrying.reconcile()
    assert ended(operation) == ("failed", "The server never began it")
    assert world.submitted == ["vm0"]


def test_what_stands_in_the_way_is_asked_at_the_moment_of_acting(world: World, there: Connection) -> None:
    operation = proposed(there)
    world.obstacle = Sentence("{host} is in maintenance mode", {"host": "h2"})
    carrying.carry_out(operation.pk)
    assert ended(operation) == ("failed", "h2 is in maintenance mode")
    assert world.submitted == []


# -- what people may


def test_a_dry_run_never_reaches_the_call(world: World, there: Connection) -> None:
    operation = proposed(there, real=False)
    carrying.carry_out(operation.pk)
    assert ended(operation) == ("done", "Dry run: nothing stands in the way, and nothing was done")
    assert world.submitted == []


def test_a_connection_that_may_only_be_read_acts_in_no_way(world: World, there: Connection) -> None:
    operation = proposed(there)
    Connection.objects.update(may_act=False)
    there.refresh_from_db()
    with pytest.raises(services.Refused, match="dry runs alone"):
        proposed(there, "vm1")
    carrying.carry_out(operation.pk)
    assert world.submitted == []


def test_with_four_eyes_another_person_approves(world: World, there: Connection) -> None:
    Connection.objects.update(four_eyes=True)
    there.refresh_from_db()
    operation = proposed(there)
    assert operation.state == State.PROPOSED
    carrying.carry_out(operation.pk)
    with pytest.raises(PermissionDenied):
        operating.approve(administrator(), operation, operation.plan_sha256)
    with pytest.raises(PermissionDenied):
        operating.approve(person(Role.SYSTEM_ADMINISTRATOR), operation, operation.plan_sha256)
    other = person(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)
    other.pk, other.username = None, "other"
    other.save()
    other.groups.set(administrator().groups.all())
    operating.approve(other, operation, operation.plan_sha256)
    carrying.carry_out(operation.pk)
    assert world.submitted == ["vm0"]
    with pytest.raises(services.Refused, match="no proposal any more"):
        operating.approve(other, operation, operation.plan_sha256)


# -- what the estate knows and the server does not mind


def ruled(*rules: Rule, stores: tuple[Any, ...] = (), **vm0: Any) -> None:
    vms = [
        vm("vm0", id="vm-0", host="h1", **vm0),
        vm("vm1", id="vm-1", host="h2"),
        vm("vm2", id="vm-2", host="h1"),
    ]
    read = reading([host("h1"), host("h2"), host("h3")], vms, clusters=["c"])
    estate = structs.replace(read.estate, rules=rules, datastores=stores)
    snapshot.save(Estate.objects.get(name="lab"), structs.replace(read, estate=estate))


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule(kind="spread", vms=("vm0", "vm1"), name="apart"), "a rule keeps vm0 off h2: apart"),
        (
            Rule(kind="must-run-on", vms=("vm0",), hosts=("h1",), name="licence"),
            "a rule keeps vm0 off h2: licence",
        ),
        (
            Rule(kind="must-not-run-on", vms=("vm0",), hosts=("h2",)),
            "a rule keeps vm0 off h2: must-not-run-on",
        ),
        (Rule(kind="should-run-on", vms=("vm0",), hosts=("h1",)), "Done"),
        (Rule(kind="spread", vms=("vm0", "vm2"), name="apart already"), "Done"),
    ],
)
def test_a_rule_of_the_estate_is_kept_when_the_server_would_not(
    world: World, there: Connection, rule: Rule, why: str
) -> None:
    ruled(rule)
    operation = proposed(there)
    carrying.carry_out(operation.pk)
    assert ended(operation)[1] == why
    assert world.submitted == ([] if why != "Done" else ["vm0"])


def test_a_rule_counts_what_was_moved_since_the_last_reading(world: World, there: Connection) -> None:
    ruled(Rule(kind="spread", vms=("vm0", "vm1"), name="apart"))
    carrying.carry_out(operating.propose(administrator(), there, "migrate", "vm1", "h3", real=True).pk)
    operation = proposed(there)
    carrying.carry_out(operation.pk)
    assert ended(operation) == ("done", "Done")
    operation = operating.propose(administrator(), there, "migrate", "vm0", "h3", real=True)
    carrying.carry_out(operation.pk)
    assert ended(operation) == ("failed", "a rule keeps vm0 off h3: apart")


def test_a_datastore_that_the_host_does_not_mount_is_in_the_way(world: World, there: Connection) -> None:
    store = Datastore(name="s1", capacity_mib=100, used_mib=1, hosts=("h1", "h3"))
    ruled(stores=(store,), datastores=("s1",))
    operation = proposed(there)
    carrying.carry_out(operation.pk)
    assert ended(operation) == ("failed", "h2 does not reach s1")


def test_a_stopped_line_begins_nothing_and_goes_on_when_freed(world: World, there: Connection) -> None:
    operation = proposed(there)
    operating.stop_the_line(administrator(), there, stopped=True)
    carrying.carry_out(operation.pk)
    assert ended(operation)[0] == State.QUEUED
    operating.stop_the_line(administrator(), there, stopped=False)
    carrying.carry_out(operation.pk)
    assert ended(operation)[0] == State.DONE


def test_a_line_that_is_stopped_after_the_claim_begins_nothing_either(
    world: World, there: Connection
) -> None:
    operation = carrying.claim(proposed(there).pk)
    assert operation is not None
    operating.stop_the_line(administrator(), there, stopped=True)
    with pytest.raises(carrying.Lost):
        carrying._submit(operation, there, time.monotonic())
    assert (world.submitted, ended(operation)[0]) == ([], State.QUEUED)


def test_a_blackout_waits(world: World, there: Connection) -> None:
    Connection.objects.update(blackout="mon-sun 00:00-24:00")
    operation = proposed(there)
    carrying.carry_out(operation.pk)
    assert ended(operation)[0] == State.QUEUED


def test_a_host_has_no_more_moves_than_the_site_allows(world: World, there: Connection) -> None:
    operations = [proposed(there, f"vm{n}") for n in range(3)]
    world.outcome = DriverError("silent")  # so that they stay under way
    for operation in operations:
        carrying.carry_out(operation.pk)
    states = [ended(operation)[0] for operation in operations]
    assert states == [State.RUNNING, State.RUNNING, State.QUEUED]
    assert world.submitted == ["vm0", "vm1"]


def test_cancelling_is_possible_until_it_is_submitted(world: World, there: Connection) -> None:
    operation = proposed(there)
    assert operating.cancel(administrator(), operation)
    carrying.carry_out(operation.pk)
    assert world.submitted == []
    second = proposed(there)
    carrying.carry_out(second.pk)
    assert not operating.cancel(administrator(), second)


def test_nothing_is_proposed_about_what_was_never_seen(world: World, there: Connection) -> None:
    for arguments in (("migrate", "vm99", "h2"), ("migrate", "vm0", "nowhere")):
        with pytest.raises(services.Refused):
            operating.propose(administrator(), there, *arguments, real=True)
    with pytest.raises(PermissionDenied):
        operating.propose(person(Role.BUYER), there, "migrate", "vm0", "h2")


# -- pure


@pytest.mark.parametrize(
    ("subject", "destination", "why"),
    [
        ({"exists": False}, {"exists": True}, "db is not there any more"),
        ({"busy": True}, {"exists": True}, "db has another task under way"),
        ({"host": "h3"}, {"exists": True}, "db runs on h3 now, no longer on h1"),
        ({"connected": False}, {"exists": True}, "db is not connected"),
        ({}, {"exists": False}, "h2 is not there"),
        ({}, {"exists": True, "connected": False}, "h2 is not connected"),
        ({}, {"exists": True, "maintenance": True}, "h2 is in maintenance mode"),
    ],
)
def test_each_obstacle_has_its_sentence(
    subject: dict[str, Any], destination: dict[str, Any], why: str
) -> None:
    asked = Asked(kind="migrate", subject="db", source="h1", destination="h2")
    now = Now(**{"exists": True, "host": "h1", "power": "poweredOn", **subject})
    assert str(obstacle(asked, now, Now(**destination))) == why


@pytest.mark.parametrize("windows", ["moon 1-2", "mon", "mon 25:00-26:00", "mon 10:70-11:00"])
def test_a_window_that_is_none_is_an_error(windows: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        in_blackout(windows, 0, 0)
