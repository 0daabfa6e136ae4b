"""A worker and one operation: claim it, look once more, say that it is being submitted, submit it once.

Nothing here is tried twice.  From the moment that `submitting` stands in the database, whatever goes wrong
is `unknown`, and only `reconcile`, which asks the server, says how it ended.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from cluster import audit, connections, feed, foretelling, holds, obstacles
from cluster.approval import is_stale, plan_hash
from cluster.audit import Deed
from cluster.connections import Outcome, Refusal
from cluster.models import Connection, Datastore, Estate, Event, Operation, VirtualMachine, Wish
from cluster.reach import covers
from cluster.roles import Action, may
from cluster.work import lease
from operations.drivers.base import DriverError
from operations.limits import Move, crowded
from operations.policy import policies_of
from operations.preflight import in_blackout
from planner.sentence import Sentence

LEASE_S: Final = 60.0  # looking at the server, and a call with its time limit
GRACE_S: Final = 90.0  # a call that was sent before its worker died has arrived by then, or never will
FRESH_S: Final = 20.0  # a worker that was held up for longer than this does not submit any more
FOLLOWED_S: Final = 30.0  # then the reconciler follows
POLL_S: Final = 0.5  # at first, then less and less often: each question is a session of its own
POLL_MOST_S: Final = 5.0
State = Operation.State

_log = logging.getLogger(__name__)


class Lost(Exception):
    """Somebody else holds the operation now, or it was ended: write nothing more."""


def carry_out(operation_id: UUID | str, *, poll_s: float = POLL_S) -> None:
    """Do one operation, unless somebody does it already.  Called twice, it does it once."""
    operation = claim(operation_id)
    if operation is None or operation.connection is None:
        return
    began = time.monotonic()
    try:
        if _checked(operation, operation.connection):
            with holds.held(operation.pk) as alone:
                if not alone:
                    raise Lost
                _submit(operation, operation.connection, began)
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
    if not same.update(state=State.CLAIMED, token=operation.token + 1, lease_until=lease(LEASE_S)):
        return None
    operation.state, operation.token = State.CLAIMED, operation.token + 1
    return operation


def _checked(operation: Operation, connection: Connection) -> bool:
    """Look at the server once more; a dry run ends with what was found."""
    try:
        obstacle = connections.look(connection, operation) or obstacles.obstacle_of(connection, operation)
    except DriverError as error:
        _end(operation, State.FAILED, error.sentence)
        return False
    if obstacle is not None:
        _end(operation, State.FAILED, obstacle)
        return False
    if operation.dry_run:
        _end(operation, State.DONE, Sentence("Dry run: nothing stands in the way, and nothing was done"))
    return not operation.dry_run


def _submit(operation: Operation, connection: Connection, began: float) -> None:
    """Commit that it is being submitted, then submit it: so a crash is never a second try.

    `began` is when the checks did: what they found is too old after `FRESH_S`.
    """
    void = _void(operation)
    if void is not None:
        audit.note(Deed.OPERATION_LAPSED, "", str(operation), after=operation.as_noted())
        _end(operation, State.FAILED, void)
        raise Lost
    if not _commit_submitting(operation, connection):
        raise Lost
    try:
        if time.monotonic() - began > FRESH_S:
            raise Refusal(Sentence("The worker was held up for so long that what it had checked was stale"))
        external_id = connections.submit(connection, operation)
    except Refusal as refusal:
        _end(operation, State.FAILED, refusal.message)
        raise Lost from refusal
    except DriverError as error:
        _move(operation, State.UNKNOWN, why=_plain(error.sentence), lease_until=None)
        raise Lost from error
    _move(operation, State.RUNNING, external_id=external_id, lease_until=lease(LEASE_S))


def _void(operation: Operation) -> Sentence | None:
    """Why what was approved must not begin: it is something else now, or the approval is too old.

    Whether a second person has to approve is asked under the site's lock, by `_commit_submitting`.
    """
    people = ("requested_by", "approved_by")
    fresh = Operation.objects.select_related("connection", *people).get(pk=operation.pk)
    if plan_hash(fresh) != fresh.plan_sha256:
        return Sentence("This is not what was approved: nothing was done")
    if fresh.approved_by_id != fresh.requested_by_id and is_stale(fresh.approved_at):
        return Sentence("It was approved more than an hour ago: nothing was done")
    estate = Estate.objects.filter(name=fresh.connection.name if fresh.connection else "").first()
    asked, approved = fresh.requested_by, fresh.approved_by
    if asked is not None and not _may_still_ask(asked, fresh, estate):
        return Sentence("Whoever asked for it may not any more: nothing was done")
    if approved not in (None, asked) and not covers(approved, Action.APPROVE, estate):
        return Sentence("Whoever approved it may not any more: nothing was done")
    return None


def _may_still_ask(asker: User, operation: Operation, estate: Estate | None) -> bool:
    """Whether he asks for operations there, or wished for this one and may still wish."""
    if covers(asker, Action.OPERATE, estate):
        return True
    return Wish.objects.filter(operation=operation, asked_by=asker).exists() and may(asker, Action.REQUEST)


def _commit_submitting(operation: Operation, connection: Connection) -> bool:
    """Ask the site's own rules under its lock, and commit; False: it waits its turn."""
    with transaction.atomic():
        now = Connection.objects.select_for_update().annotate(moment=Now()).filter(pk=connection.pk).first()
        if now is None:
            return False  # it was removed, and with it what waits was ended
        minute = now.moment.hour * 60 + now.moment.minute
        if not now.may_act:
            _end(operation, State.FAILED, Sentence("The connection may not act any more"))
            return False
        if now.four_eyes and operation.approved_by_id == operation.requested_by_id:
            _move(operation, State.PROPOSED, approved_by=None, approved_at=None, lease_until=None)
            return False
        waits = _must_wait(operation, now, now.moment.weekday(), minute)
        if waits is not None:
            _move(operation, State.QUEUED, lease_until=lease(0), why=_plain(waits))
            return False
        foretold = foretelling.foretell(operation)
        _move(operation, State.SUBMITTING, submitted_at=Now(), lease_until=lease(LEASE_S), why=None,
              predicted=foretold)  # fmt: skip
        operation.predicted = foretold
        audit.note(Deed.OPERATION_SUBMITTED, "", str(operation), after=operation.as_noted())
    operation.refresh_from_db(fields=["submitted_at"])  # not the token: it may be another's by now
    return True


def _must_wait(operation: Operation, connection: Connection, weekday: int, minute: int) -> Sentence | None:
    """Say what an operation waits for; None: it may begin."""
    if connection.stopped:
        return Sentence("The line is stopped")
    if in_blackout(connection.blackout, weekday, minute):
        return Sentence("Nothing begins during {windows} (UTC)", {"windows": connection.blackout})
    return _crowded(operation, connection) if operation.kind == Operation.Kind.MIGRATE else None


def _crowded(operation: Operation, connection: Connection) -> Sentence | None:
    """Say which host, NIC or datastore has no unit left, by all that this connection has under way."""
    busy = list(
        connection.operations.filter(state__in=Operation.BUSY, kind=Operation.Kind.MIGRATE).exclude(
            pk=operation.pk
        )
    )
    stores = _datastores_of(connection, [operation.subject_id, *(each.subject_id for each in busy)])

    def move(one: Operation) -> Move:
        named = stores.get(one.subject_id, ())
        return Move(source=one.source, destination=one.destination, datastores=named)

    limits = policies_of(foretelling.product_of(connection)).migration
    speeds = foretelling.nic_speeds(connection, (operation.source, operation.destination))
    return crowded(move(operation), map(move, busy), speeds, limits, connection.moves_per_host)


def _datastores_of(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The shared datastores of VMs; a local one is its host's own affair."""
    shared = set(
        Datastore.objects.filter(estate__name=connection.name, shared=True).values_list("name", flat=True)
    )
    rows = VirtualMachine.objects.filter(estate__name=connection.name, source_id__in=ids)
    return {
        key: tuple(name for name in names if name in shared)
        for key, names in rows.values_list("source_id", "datastore_names")
    }


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
        so_far = {"measured": outcome.measured} if outcome.measured else {}
        _move(operation, State.RUNNING, lease_until=lease(LEASE_S), **so_far)
        time.sleep(poll_s)
        poll_s = min(POLL_MOST_S, poll_s * 1.5)


def abort(operation_id: UUID | str) -> None:
    """Pass the wish to end on to the server, as often as it is heard: ending what has ended is nothing.

    How it ended is not ours to say: the one that follows the operation, or the reconciler, asks.
    """
    wished = Operation.objects.filter(pk=operation_id, state__in=Operation.BUSY).exclude(abort_asked_at=None)
    operation = wished.select_related("connection").first()
    if operation is None or operation.connection is None:
        return
    try:
        connections.abort(operation.connection, operation)
    except DriverError as error:
        feed.publish("operation-abort", error.sentence, subject=operation.subject, level=Event.Level.WARNING)


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
        held = not operation.external_id and holds.is_held(operation.pk)  # asked before the server is
        outcome = connections.observe(operation.connection, operation)
        if outcome.state == "failed" and held:
            _log.warning("operation %s: a worker that stands still may yet submit it", operation.pk)
            return False
        if outcome.state != "running":
            _conclude(operation, outcome)
        elif outcome.external_id:
            _move(operation, State.RUNNING, external_id=outcome.external_id, lease_until=lease(LEASE_S))
    except DriverError as error:
        _log.warning("operation %s stays unknown: %s", operation.pk, error)
        return False
    except Lost:
        return False
    return True


# -- writing


def _conclude(operation: Operation, outcome: Outcome) -> None:
    ended = State.DONE if outcome.state == "done" else State.FAILED
    why = Sentence("Done") if ended == State.DONE else outcome.why or Sentence("The server gives no reason")
    measured = foretelling.record_of(outcome.seconds, outcome.measured)
    _end(operation, ended, why, measured=measured, external_id=outcome.external_id)
    # Where a VM went is known of the server alone: were the new host lost before it is read again, the
    # estate would still have the VM where it was.  Due since a second ago: SQLite's clock has coarser digits.
    Connection.objects.filter(pk=operation.connection_id).update(next_refresh_at=Now() - timedelta(seconds=1))


def _end(operation: Operation, state: Operation.State, why: Sentence, **changes: Any) -> None:
    with transaction.atomic():
        _move(operation, state, why=_plain(why), ended_at=Now(), lease_until=None, **changes)
        audit.note(Deed.OPERATION_ENDED, "", str(operation), after=operation.as_noted())
        level = Event.Level.SUCCESS if state == State.DONE else Event.Level.ERROR
        feed.publish(f"operation-{state}", why, subject=operation.subject, level=level)
    holds.forget(operation.pk)


def _move(operation: Operation, state: Operation.State, **changes: Any) -> None:
    """Write, if the operation is still ours: same token, same state as we left it in."""
    mine = Operation.objects.filter(pk=operation.pk, token=operation.token, state=operation.state)
    if not mine.update(state=state, **changes):
        raise Lost
    operation.state = state


def _plain(sentence: Sentence) -> Any:
    return msgspec.to_builtins(sentence)
