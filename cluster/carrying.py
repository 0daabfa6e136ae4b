"""A worker and one operation: claim it, look once more, say that it is being submitted, submit it once.

Nothing here is tried twice.  From the moment that `submitting` stands in the database, whatever goes wrong
is `unknown`, and only `reconcile`, which asks the server, says how it ended.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from cluster import audit, connections, feed
from cluster.approval import is_stale, plan_hash
from cluster.audit import Deed
from cluster.connections import NotBegun, Outcome
from cluster.models import Connection, Event, Operation
from operations.drivers.base import DriverError
from operations.preflight import in_blackout
from planner.sentence import Sentence

LEASE_S: Final = 60.0  # looking at the server, and a call with its time limit
GRACE_S: Final = 90.0  # a call that was sent before its worker died has arrived by then, or never will
FRESH_S: Final = 20.0  # a worker that was held up for longer than this does not submit any more
FOLLOWED_S: Final = 30.0  # then the reconciler follows
POLL_S: Final = 0.5
State = Operation.State

_log = logging.getLogger(__name__)


class Lost(Exception):
    """Somebody else holds the operation now, or it was ended: write nothing more."""


def carry_out(operation_id: UUID | str, *, poll_s: float = POLL_S) -> None:
    """Do one operation, unless somebody does it already.  Called twice, it does it once."""
    operation = claim(operation_id)
    if operation is None or operation.connection is None:
        return
    try:
        if _checked(operation, operation.connection):
            _submit(operation, operation.connection)
            _follow(operation, operation.connection, poll_s)
    except Lost:
        _log.info("operation %s is held by another worker, or was ended", operation.pk)


def claim(operation_id: UUID | str) -> Operation | None:
    """Take it; None where somebody else holds it, it is over, or it was submitted by whoever.

    The UPDATE asks for columns of the row itself and for the token that was read: a condition over a join
    becomes a subquery, which PostgreSQL does not ask again when it has waited for another's claim.
    """
    free = Q(state=State.QUEUED) | Q(state=State.CLAIMED, lease_until__lt=Now())
    seen = Operation.objects.filter(free, pk=operation_id, connection__stopped=False)
    operation = seen.select_related("connection").first()
    if operation is None:
        return None
    same = Operation.objects.filter(free, pk=operation_id, token=operation.token)
    if not same.update(state=State.CLAIMED, token=operation.token + 1, lease_until=_lease(LEASE_S)):
        return None
    operation.state, operation.token = State.CLAIMED, operation.token + 1
    return operation


def _checked(operation: Operation, connection: Connection) -> bool:
    """Look at the server once more; a dry run ends with what was found."""
    try:
        obstacle = connections.look(connection, operation)
    except DriverError as error:
        _end(operation, State.FAILED, Sentence("{reason}", {"reason": str(error)}))
        return False
    if obstacle is not None:
        _end(operation, State.FAILED, obstacle)
        return False
    if operation.dry_run or not connection.may_act:
        _end(operation, State.DONE, Sentence("Dry run: nothing stands in the way, and nothing was done"))
        return False
    return True


def _submit(operation: Operation, connection: Connection) -> None:
    """Commit that it is being submitted, then submit it: so a crash is never a second try."""
    began = time.monotonic()
    void = _void(operation, connection)
    if void is not None:
        audit.note(Deed.OPERATION_LAPSED, "", str(operation), after=_seen(operation))
        _end(operation, State.FAILED, void)
        raise Lost
    if not _commit_submitting(operation, connection):
        raise Lost
    try:
        if time.monotonic() - began > FRESH_S:
            raise DriverError("this worker was held up")
        external_id = connections.submit(connection, operation)
    except NotBegun as refusal:
        _end(operation, State.FAILED, refusal.message)
        raise Lost from refusal
    except DriverError as error:
        _move(
            operation,
            State.UNKNOWN,
            why=_plain(Sentence("{reason}", {"reason": str(error)})),
            lease_until=None,
        )
        raise Lost from error
    _move(operation, State.RUNNING, external_id=external_id, lease_until=_lease(LEASE_S))


def _void(operation: Operation, connection: Connection) -> Sentence | None:
    """Why what was approved must not begin: it is something else now, or the approval is too old."""
    fresh = Operation.objects.select_related("connection").get(pk=operation.pk)
    if plan_hash(fresh) != fresh.plan_sha256:
        return Sentence("This is not what was approved: nothing was done")
    by_another = fresh.approved_by_id != fresh.requested_by_id
    if connection.four_eyes and not by_another:
        return Sentence("Nobody else has approved it: nothing was done")
    if by_another and is_stale(fresh.approved_at):
        return Sentence("It was approved more than an hour ago: nothing was done")
    return None


def _commit_submitting(operation: Operation, connection: Connection) -> bool:
    """Ask the site's own rules under its lock, and commit; False: it waits its turn."""
    with transaction.atomic():
        now = Connection.objects.select_for_update().get(pk=connection.pk)
        moment = timezone.now()
        minute = moment.hour * 60 + moment.minute
        waits = now.stopped or in_blackout(now.blackout, moment.weekday(), minute) or _crowded(operation, now)
        if waits:
            _move(operation, State.QUEUED, lease_until=_lease(0))
            return False
        _move(operation, State.SUBMITTING, submitted_at=Now(), lease_until=_lease(LEASE_S))
        audit.note(Deed.OPERATION_SUBMITTED, "", str(operation), after=_seen(operation))
    operation.refresh_from_db()
    return True


def _crowded(operation: Operation, connection: Connection) -> bool:
    """Whether one of its hosts has as many moves under way as the site allows."""
    busy = connection.operations.filter(state__in=Operation.BUSY, kind=Operation.Kind.MIGRATE)
    return operation.kind == Operation.Kind.MIGRATE and any(
        busy.filter(Q(source=host) | Q(destination=host)).count() >= connection.moves_per_host
        for host in (operation.source, operation.destination)
    )


def _follow(operation: Operation, connection: Connection, poll_s: float) -> None:
    """Ask until it is over; a server that falls silent leaves it to the reconciler."""
    until = time.monotonic() + FOLLOWED_S
    while time.monotonic() < until:
        try:
            outcome = connections.observe(connection, operation)
        except DriverError as error:
            _log.warning("operation %s: %s", operation.pk, error)
            return
        if outcome.state != "running":
            _conclude(operation, outcome)
            return
        _move(operation, State.RUNNING, lease_until=_lease(LEASE_S))
        time.sleep(poll_s)


# -- after a crash


def reconcile() -> int:
    """Give every operation that nobody holds its true state; how many there were.  Never submits anything."""
    lost = Operation.objects.filter(state__in=[State.SUBMITTING, State.RUNNING], lease_until__lt=Now())
    lost.update(state=State.UNKNOWN, token=F("token") + 1, lease_until=None)
    settled = ~Q(external_id="") | Q(submitted_at__lt=Now() - timedelta(seconds=GRACE_S))
    unknown = Operation.objects.filter(settled, state=State.UNKNOWN).exclude(connection=None)
    return sum(_reconcile(operation) for operation in unknown.select_related("connection"))


def _reconcile(operation: Operation) -> bool:
    assert operation.connection is not None  # noqa: S101  by the query
    try:
        outcome = connections.observe(operation.connection, operation)
        if outcome.state != "running":
            _conclude(operation, outcome)
        elif outcome.external_id and not operation.external_id:
            _move(operation, State.UNKNOWN, external_id=outcome.external_id)
    except DriverError as error:
        _log.warning("operation %s stays unknown: %s", operation.pk, error)
        return False
    except Lost:
        return False
    return True


# -- writing


def _conclude(operation: Operation, outcome: Outcome) -> None:
    ended = State.DONE if outcome.state == "done" else State.FAILED
    why = Sentence("Done") if ended == State.DONE else Sentence("{reason}", {"reason": outcome.why or "-"})
    measured = {} if outcome.seconds is None else {"total_s": outcome.seconds}
    _end(operation, ended, why, measured=measured, external_id=outcome.external_id)


def _end(operation: Operation, state: Operation.State, why: Sentence, **changes: Any) -> None:
    with transaction.atomic():
        _move(operation, state, why=_plain(why), ended_at=Now(), lease_until=None, **changes)
        audit.note(Deed.OPERATION_ENDED, "", str(operation), after=_seen(operation))
        level = Event.Level.SUCCESS if state == State.DONE else Event.Level.ERROR
        feed.publish(f"operation-{state}", why, subject=operation.subject, level=level)


def _move(operation: Operation, state: Operation.State, **changes: Any) -> None:
    """Write, if the operation is still ours: same token, same state as we left it in."""
    mine = Operation.objects.filter(pk=operation.pk, token=operation.token, state=operation.state)
    if not mine.update(state=state, **changes):
        raise Lost
    operation.state = state


def _seen(operation: Operation) -> dict[str, Any]:
    fields = ("kind", "state", "subject", "source", "destination", "dry_run", "external_id")
    return {"id": str(operation.pk)} | {name: str(getattr(operation, name)) for name in fields}


def _plain(sentence: Sentence) -> Any:
    return msgspec.to_builtins(sentence)


def _lease(seconds: float) -> Any:
    return Now() + timedelta(seconds=seconds)
