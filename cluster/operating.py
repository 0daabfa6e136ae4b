"""What people ask of real hypervisors: propose, approve, cancel, abort, stop the line.

A proposal is a dry run unless its asker says otherwise and the connection allows it.  Where the site wants
four eyes, another person approves within the hour, and what is approved is what was proposed: the approval
is bound to the hash of the plan, which is taken anew before anything is submitted.
"""

from __future__ import annotations

import hmac
from typing import Final
from uuid import UUID

from celery import current_app
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from cluster import audit, feed, foretelling
from cluster.approval import is_stale, plan_hash
from cluster.audit import Deed
from cluster.models import Connection, Estate, Event, Host, Operation, VirtualMachine
from cluster.reach import covers
from cluster.roles import Action
from cluster.services import Refused
from planner.sentence import Sentence

State = Operation.State
EARLY: Final = (State.PROPOSED, State.QUEUED, State.CLAIMED)  # nothing was asked of the server yet
ABOUT_HOSTS: Final = (Operation.Kind.ENTER, Operation.Kind.LEAVE)


def propose(
    asker: User,
    connection: Connection,
    kind: str,
    subject: str,
    destination: str = "",
    *,
    real: bool = False,
    post_copy: bool = False,
) -> Operation:
    """Write down what is wanted.  The subject is found by name in what the connection observed.

    Raises:
        PermissionDenied, Refused: nothing is written.
    """
    _allow(asker, Action.OPERATE, connection)
    return write_proposal(asker, connection, kind, subject, destination, real=real, post_copy=post_copy)


def write_proposal(
    asker: User,
    connection: Connection,
    kind: str,
    subject: str,
    destination: str = "",
    *,
    real: bool = False,
    post_copy: bool = False,
) -> Operation:
    """Write a proposal of somebody whose right to it was asked before.

    Raises:
        Refused: nothing is written.
    """
    estate = Estate.objects.filter(name=connection.name).first()
    found = None if estate is None else _subject(estate, kind, subject)
    if found is None:
        raise Refused(Sentence("{subject} is nothing that {connection} has shown",
                               {"subject": subject, "connection": connection.name}))  # fmt: skip
    identity, source = found
    destination = destination if kind in Operation.DESTINED else ""
    if destination or kind in Operation.DESTINED:
        _check_destination(estate, destination)
    _check_kind(connection, kind, post_copy=post_copy)
    if real and not connection.may_act:
        raise Refused(
            Sentence("{connection} may only be read: dry runs alone", {"connection": connection.name})
        )
    with transaction.atomic():
        operation = Operation.objects.create(
            connection=connection,
            kind=kind,
            subject_id=identity,
            subject=subject,
            source=source,
            destination=destination,
            dry_run=not real,
            post_copy=post_copy,
            requested_by=asker,
        )
        operation.plan_sha256 = plan_hash(operation)
        operation.predicted = foretelling.foretell(operation)
        operation.save(update_fields=["plan_sha256", "predicted"])
        audit.note(Deed.OPERATION_PROPOSED, asker.get_username(), str(operation), after=operation.as_noted())
        if not real or not connection.four_eyes:
            _queue(operation, asker)
    return operation


def _check_destination(estate: Estate | None, destination: str) -> None:
    if not Host.objects.filter(estate=estate, name=destination).exists():
        raise Refused(Sentence("{host} is not there", {"host": destination}))


def _check_kind(connection: Connection, kind: str, *, post_copy: bool) -> None:
    """Refuse what only plain libvirt hosts are asked for, elsewhere."""
    if connection.kind == Connection.Kind.LIBVIRT:
        if post_copy and kind != Operation.Kind.MIGRATE:
            raise Refused(Sentence("Post-copy is for a migration"))
        return
    if kind == Operation.Kind.RESTART:
        raise Refused(
            Sentence(
                "{connection} has an HA of its own, which restarts its VMs", {"connection": connection.name}
            )
        )
    if post_copy:
        raise Refused(Sentence("Only libvirt is asked for post-copy"))


def approve(asker: User, operation: Operation, plan_sha256: str) -> None:
    """Let it begin, as the approver saw it: `plan_sha256` is the hash of the plan that he was shown.

    Raises:
        PermissionDenied: none of his roles approves here, or he proposed it himself.
        Refused: it is no proposal any more, it is older than APPROVE_WITHIN_S, or not what he was shown.
    """
    _allow(asker, Action.APPROVE, operation.connection)
    if operation.requested_by_id in (None, asker.pk):
        audit.note(Deed.APPROVAL_REFUSED, asker.get_username(), str(operation), after=operation.as_noted())
        raise PermissionDenied
    with transaction.atomic():
        now = (
            Operation.objects.select_for_update(of=("self",))
            .select_related("connection")
            .get(pk=operation.pk)
        )
        if not hmac.compare_digest(plan_hash(now), plan_sha256) or plan_sha256 != now.plan_sha256:
            raise Refused(Sentence("This is not what was proposed any more: propose it anew"))
        if is_stale(now.created_at):
            raise Refused(Sentence("This was proposed more than an hour ago: propose it anew"))
        _queue(operation, asker)


def cancel(asker: User, operation: Operation) -> bool:
    """End it before it is submitted; False where it is too late."""
    if operation.requested_by_id != asker.pk:
        _allow(asker, Action.OPERATE, operation.connection)
    with transaction.atomic():
        waiting = Operation.objects.filter(pk=operation.pk, state__in=EARLY)
        if not waiting.update(state=State.CANCELLED, ended_at=Now(), lease_until=None):
            return False
        audit.note(Deed.OPERATION_CANCELLED, asker.get_username(), str(operation), after=operation.as_noted())
    return True


def abort(asker: User, operation: Operation) -> bool:
    """Wish that what is under way end now; False where nothing is.  Only the server says how it ended."""
    _allow(asker, Action.OPERATE, operation.connection)
    with transaction.atomic():
        under_way = Operation.objects.filter(pk=operation.pk, state__in=Operation.BUSY, abort_asked_at=None)
        if not under_way.update(abort_asked_at=Now()):
            return False
        audit.note(Deed.OPERATION_ABORTED, asker.get_username(), str(operation), after=operation.as_noted())
        transaction.on_commit(lambda: _send(operation.pk, "abort_operation"))
    return True


def stop_the_line(asker: User, connection: Connection, *, stopped: bool) -> None:
    """Let nothing more begin on a connection, or let it again.  What runs, runs on."""
    _allow(asker, Action.OPERATE, connection)
    with transaction.atomic():
        Connection.objects.filter(pk=connection.pk).update(stopped=stopped)
        deed = Deed.LINE_STOPPED if stopped else Deed.LINE_FREED
        audit.note(deed, asker.get_username(), connection.name)
        said = Sentence("Nothing more begins") if stopped else Sentence("Operations may begin again")
        level = Event.Level.WARNING if stopped else Event.Level.INFO
        feed.publish("line", said, subject=connection.name, level=level)


def reaches(asker: User, action: Action, connection: Connection | None) -> bool:
    """Whether a role that opens the action reaches the whole estate that bears the connection's name."""
    name = connection.name if connection else ""
    return covers(asker, action, Estate.objects.filter(name=name).first())


def send_waiting() -> int:
    """Tell workers of what is queued and nobody holds: a broker may forget, the rows do not."""
    waiting = Operation.objects.filter(state__in=[State.QUEUED, State.CLAIMED], lease_until__lt=Now())
    for operation in waiting.order_by("created_at"):
        _send(operation.pk)
    for operation in Operation.objects.filter(state__in=Operation.BUSY).exclude(abort_asked_at=None):
        _send(operation.pk, "abort_operation")
    return len(waiting)


def _queue(operation: Operation, asker: User) -> None:
    proposed = Operation.objects.filter(pk=operation.pk, state=State.PROPOSED)
    try:
        with transaction.atomic():
            moved = proposed.update(
                state=State.QUEUED, approved_by=asker, approved_at=Now(), lease_until=Now()
            )
    except IntegrityError as error:
        raise Refused(
            Sentence("{subject} has an operation under way already", {"subject": operation.subject})
        ) from error
    if not moved:
        raise Refused(Sentence("This is no proposal any more"))
    operation.refresh_from_db()
    audit.note(Deed.OPERATION_APPROVED, asker.get_username(), str(operation), after=operation.as_noted())
    transaction.on_commit(lambda: _send(operation.pk))


def _subject(estate: Estate, kind: str, name: str) -> tuple[str, str] | None:
    """The id and the host of what an operation is about, as it was observed; None: there is no such thing."""
    if kind in ABOUT_HOSTS:
        known = Host.objects.filter(estate=estate, name=name).exists()
        return (f"host/{name}"[:255], "") if known else None
    vm = VirtualMachine.objects.filter(estate=estate, name=name).first()
    return (vm.source_id, vm.host_name or "") if vm is not None and vm.source_id else None


def _send(pk: UUID, task: str = "carry_out") -> None:
    try:
        current_app.send_task(f"cluster.tasks.{task}", [str(pk)], retry=False)
    except OperationalError:
        return  # `send_waiting` tells again


def _allow(asker: User, action: Action, connection: Connection | None) -> None:
    if not reaches(asker, action, connection):
        raise PermissionDenied
