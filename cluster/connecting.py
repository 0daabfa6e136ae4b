"""What people do with connections: add, change, refresh, remove.  Each is a transaction with its audit entry.

A password goes in and never comes out: no page, answer, log or audit entry holds it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import msgspec
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models.functions import Now

from cluster import audit, connections, queueing, services, vault
from cluster.audit import Deed
from cluster.models import Connection, Estate, Operation, Run
from cluster.reach import covers
from cluster.roles import Action, may
from planner.sentence import Sentence

SHOWN: Final = ("name", "kind", "host", "port", "uris", "username", "fingerprint", "refresh_minutes",
                "may_act", "four_eyes", "blackout", "moves_per_host")  # fmt: skip
WHERE: Final = ("kind", "host", "port", "uris")


def add(asker: User, password: str, **fields: Any) -> Connection:
    """Store a connection, its password sealed.

    Raises:
        PermissionDenied: none of the asker's roles opens this.
        services.Refused: an address that the site does not allow.  Nothing is stored.
    """
    _allow(asker)
    connection = Connection(**fields, created_by=asker)
    _check_where(connection)
    with transaction.atomic():
        connection.save()
        _seal(connection, password)
        _schedule(connection)
        audit.note(Deed.CONNECTION_ADDED, asker.get_username(), connection.name, after=seen(connection))
    return connection


def change(asker: User, connection: Connection, password: str = "", **fields: Any) -> None:
    """Change it; an empty password leaves the one there is, but not for another server.

    Raises:
        PermissionDenied, services.Refused: nothing is changed.
    """
    _allow(asker)
    with transaction.atomic():
        connection = Connection.objects.select_for_update().get(pk=connection.pk)
        before = seen(connection)
        moved = any(fields.get(name, before[name]) != before[name] for name in WHERE)
        if moved and not password and fields.get("username", connection.username):
            raise services.Refused(Sentence("Another server needs its password given again"))
        for name, value in fields.items():
            setattr(connection, name, value)
        _check_where(connection)
        connection.save()
        if password:
            _seal(connection, password)
        _schedule(connection)
        audit.note(Deed.CONNECTION_CHANGED, asker.get_username(), connection.name, before, seen(connection))


def remove(asker: User, connection: Connection) -> None:
    """Forget it and its secret; what was observed stays, and operations that wait end: nobody does them."""
    _allow(asker)
    with transaction.atomic():
        if Connection.objects.select_for_update().filter(pk=connection.pk).first() is None:
            return  # somebody was quicker
        _cancel_what_waits(asker, connection)
        audit.note(Deed.CONNECTION_REMOVED, asker.get_username(), connection.name, seen(connection))
        connection.delete()


def refresh(asker: User, connection: Connection) -> Run:
    """Queue a refresh of the estate that bears the connection's name.

    Raises:
        PermissionDenied: none of the asker's roles reads this server.
    """
    if not covers(asker, Action.REFRESH, Estate.objects.filter(name=connection.name).first()):
        raise PermissionDenied
    with transaction.atomic():
        audit.note(Deed.REFRESH_ASKED, asker.get_username(), connection.name)
        return _queue(connection, asker)


def refresh_due() -> int:
    """Queue what is due; of two schedulers one wins each."""
    queued = 0
    for connection in Connection.objects.filter(next_refresh_at__lte=Now()):
        with transaction.atomic():
            same = Connection.objects.filter(pk=connection.pk, next_refresh_at=connection.next_refresh_at)
            busy = _under_way(connection)  # that reading may have begun before what made this one due
            later = Now() + timedelta(minutes=connection.refresh_minutes or 1)
            if same.update(next_refresh_at=later if busy else _due(connection)) and not busy:
                _queue(connection, None)
                queued += 1
    return queued


def seen(connection: Connection) -> dict[str, Any]:
    """What anybody may see of it: all but the secret."""
    return {name: getattr(connection, name) for name in SHOWN}


def _cancel_what_waits(asker: User, connection: Connection) -> None:
    """End the operations of which nothing was asked of the server yet."""
    why = Sentence("The connection was removed meanwhile")
    waiting = connection.operations.filter(ended_at=None).exclude(state__in=Operation.BUSY)
    for operation in waiting:
        if waiting.filter(pk=operation.pk).update(
            state=Operation.State.CANCELLED, ended_at=Now(), lease_until=None, why=msgspec.to_builtins(why)
        ):
            operation.state = Operation.State.CANCELLED
            noted = operation.as_noted()
            audit.note(Deed.OPERATION_CANCELLED, asker.get_username(), str(operation), after=noted)


def _under_way(connection: Connection) -> bool:
    return connection.runs.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING]).exists()


def _queue(connection: Connection, asker: User | None) -> Run:
    run = Run(
        kind=Run.Kind.REFRESH,
        estate_name=connection.name,
        estate=Estate.objects.filter(name=connection.name).first(),
        connection=connection,
        requested_by=asker,
    )
    return queueing.queue(
        run, Sentence("A refresh from {server} was asked for", {"server": connection.server})
    )


def _seal(connection: Connection, password: str) -> None:
    connection.secret = vault.seal(password, connections.place_of(connection))
    connection.save(update_fields=["secret"])


def _schedule(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(next_refresh_at=_due(connection))


def _due(connection: Connection) -> Any:
    """When it is read again by itself; None: only when asked, or after an operation."""
    minutes = connection.refresh_minutes
    return None if minutes is None else Now() + timedelta(minutes=minutes)


def _check_where(connection: Connection) -> None:
    if connection.kind == Connection.Kind.LIBVIRT:
        why = connections.refused_places(connection.uris.splitlines())
    else:
        why = connections.refused_address(connection.host, connection.port)
    if why is not None:
        raise services.Refused(why)


def _allow(asker: User) -> None:
    if not may(asker, Action.CONNECT):
        raise PermissionDenied
