"""A stored connection -> a world: the only file of the shell, beside the tasks, that reaches a hypervisor.

The libraries that do are imported when they are needed, never by a web process that shows pages.

Three things stand between a dry run and the call: what looks gets a server that cannot submit (`Looking`),
`submit` asks the row itself once more, and the database refuses a dry run any state that comes after it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models.functions import Now
from msgspec import Struct

from cluster import vault
from cluster.models import Connection, Definition, Observation, Operation
from operations import preflight
from operations.drivers.addresses import networks_of, refusal_of
from operations.drivers.base import DriverError
from operations.drivers.places import WrongPlace, read_places, refusal_of_place
from operations.drivers.remote import (
    Happening,
    Login,
    NotBegun,
    Observed,
    Order,
    Server,
    SubjectNow,
    TaskNow,
)
from planner.estate import Estate
from planner.formats.document import read_document
from planner.sentence import Sentence

CLOCKS_APART: Final = timedelta(seconds=60)  # of the server and the database
HANDED_OVER_FOR: Final = timedelta(minutes=10)  # to the server's own HA: then it is not doing it
NEVER_BEGAN: Final = Sentence("The server never began it")
HAPPENINGS_MOST: Final = 500  # of one refresh


class Refusal(Exception):
    """Nothing was begun, and why."""

    def __init__(self, message: Sentence) -> None:
        super().__init__(str(message))
        self.message = message


class Outcome(Struct, frozen=True):
    """How an operation stands on the server: `running`, `done` or `failed`."""

    state: str
    why: Sentence | None
    seconds: float | None
    external_id: str
    measured: dict[str, float] = {}


class Looking:
    """A server seen by somebody who only looks: there is no way from here to a call that changes anything."""

    __slots__ = ("find_task", "host_now", "look", "task_now")

    def __init__(self, server: Server) -> None:
        self.look = server.look
        self.host_now = server.host_now
        self.task_now = server.task_now
        self.find_task = server.find_task


def place_of(connection: Connection) -> str:
    """What a connection's secret is bound to."""
    return f"connection/{connection.pk}"


def refused_address(host: str, port: int) -> Sentence | None:
    """Why a connection may not go there; None where it may be tried."""
    return refusal_of(host, port, networks_of(settings.CONNECTION_NETWORKS))


def refused_places(lines: Sequence[str]) -> Sentence | None:
    """Why a connection may not go to all of these hosts; None where it may be tried."""
    allowed = networks_of(settings.CONNECTION_NETWORKS)
    try:
        refusals = (refusal_of_place(place, allowed) for place in read_places(lines))
        return next((refusal for refusal in refusals if refusal is not None), None)
    except WrongPlace as wrong:
        return wrong.sentence


def observe_estate(connection: Connection, on_stage: Callable[[str], None]) -> Observed:
    """Read the whole inventory, and what was measured.

    Raises:
        DriverError: not reached, not trusted, not let in.
    """
    with _opened(connection) as server:
        return server.read(on_stage, _recorded(connection))


def about(connection: Connection) -> str:
    """Log in and say what answers there."""
    with _opened(connection) as server:
        return server.about()


def happenings(connection: Connection, since: datetime) -> list[Happening]:
    """Ask what has happened since a time, the oldest first."""
    with _opened(connection) as server:
        return server.happenings(since, HAPPENINGS_MOST)


def watch(connection: Connection, wait_s: int) -> Iterator[list[Happening]]:
    """Tell what changes, as it changes, until the caller stops asking."""
    with _opened(connection) as server:
        yield from server.watch(wait_s)


def look(connection: Connection, operation: Operation) -> Sentence | None:
    """Say what stands in the way of an operation now.  Only reads, as a dry run does."""
    order = order_of(operation)
    with looking(connection) as server:
        subject = server.look(order)
        target = server.host_now(order.destination) if order.kind in Operation.DESTINED else None
    asked = preflight.Asked(
        kind=order.kind, subject=order.subject, source=order.source, destination=order.destination
    )
    return preflight.obstacle(asked, _now(subject), None if target is None else _now(target))


def submit(connection: Connection, operation: Operation) -> str:
    """Ask the server for it: the one call of this shell that changes something outside.

    Raises:
        Refusal: nothing was begun: by the server's word, or because the row is not one to be submitted.
        DriverError: nobody knows whether it was begun.
    """
    armed = Operation.objects.filter(
        pk=operation.pk, token=operation.token, state=Operation.State.SUBMITTING, dry_run=False,
        connection__may_act=True,
    )  # fmt: skip
    if not armed.exists():
        raise Refusal(Sentence("This operation may not act"))
    with _opened(connection) as server:
        try:
            return server.submit(order_of(operation))
        except NotBegun as error:
            raise Refusal(error.sentence) from error


def abort(connection: Connection, operation: Operation) -> None:
    """Ask the server to end what is under way; how it ended, `observe` says."""
    if operation.external_id:
        with _opened(connection) as server:
            server.abort(operation.external_id)


def observe(connection: Connection, operation: Operation) -> Outcome:
    """Ask the server how an operation stands: by its task, else by what became of its subject."""
    order, identity = order_of(operation), operation.external_id
    since = operation.submitted_at
    with looking(connection) as server:
        task = server.task_now(identity) if identity else TaskNow("gone")
        if task.state in ("gone", "handed over") and since is not None:
            found = server.find_task(order, since - CLOCKS_APART) or ""
            if found and found != identity:
                identity, task = found, server.task_now(found)
        if task.state not in ("gone", "handed over"):
            return _outcome(task, identity)
        subject = server.look(order)
    if subject.exists and _reached(order, subject):
        return Outcome("done", None, None, identity)
    waiting = (
        task.state == "handed over" and since is not None and _moment(connection) - since < HANDED_OVER_FOR
    )
    if subject.busy or waiting or not subject.connected:
        return Outcome("running", None, None, identity)
    return Outcome("failed", _undone(task, identity), None, identity)


def _moment(connection: Connection) -> datetime:
    """The database's clock: those of workers may be wrong."""
    moment: datetime = (
        Connection.objects.annotate(moment=Now()).values_list("moment", flat=True).get(pk=connection.pk)
    )
    return moment


def _undone(task: TaskNow, identity: str) -> Sentence:
    """Why nothing is as it was wanted, where no task says so."""
    if task.state == "handed over":
        return Sentence("The server's HA took it over and did not do it")
    return Sentence("The server forgot its task, and nothing has changed") if identity else NEVER_BEGAN


def order_of(operation: Operation) -> Order:
    """What the driver is asked for; the subject's id is the one that the inventory gave."""
    return Order(
        kind=operation.kind,
        subject_id=operation.subject_id,
        subject=operation.subject,
        source=operation.source,
        destination=operation.destination,
        definition=_definition(operation),
        post_copy=operation.post_copy,
    )


def _definition(operation: Operation) -> str:
    """What was read of a VM that is to be restarted: on its own host, else on the one that had it last."""
    if operation.kind != Operation.Kind.RESTART:
        return ""
    known = Definition.objects.filter(connection=operation.connection, vm_id=operation.subject_id)
    found = known.filter(host=operation.source).first()
    return found.text if found else ""


@contextmanager
def looking(connection: Connection) -> Iterator[Looking]:
    """A session that can only look."""
    with _opened(connection) as server:
        yield Looking(server)


def _opened(connection: Connection) -> AbstractContextManager[Server]:
    """A session, ended whatever happens."""
    login = login_of(connection)
    match connection.kind:
        case Connection.Kind.VSPHERE:
            from operations.drivers.vsphere.server import opened as vsphere

            return vsphere(login)
        case Connection.Kind.PROXMOX:
            from operations.drivers.proxmox.server import opened as proxmox

            return proxmox(login)
        case Connection.Kind.LIBVIRT:
            from operations.drivers.libvirt.server import opened as libvirt

            return libvirt(login)
    raise DriverError(Sentence("There is no driver for {kind}", {"kind": connection.kind}), permanent=True)


def _recorded(connection: Connection) -> Estate | None:
    """What was observed last."""
    newest = Observation.objects.filter(connection=connection).exclude(document=b"").first()
    return None if newest is None else read_document(zlib.decompress(bytes(newest.document))).estate


def _now(found: SubjectNow) -> preflight.Now:
    return preflight.Now(
        exists=found.exists, host=found.host, power=found.power, maintenance=found.maintenance,
        connected=found.connected, busy=found.busy, protected=found.protected, ft=found.ft,
        hindered=found.hindered,
    )  # fmt: skip


def _outcome(task: TaskNow, identity: str) -> Outcome:
    known = {"success": "done", "error": "failed"}
    said = task.error
    why = said if isinstance(said, Sentence) else Sentence("{reason}", {"reason": said}) if said else None
    return Outcome(known.get(task.state, "running"), why, task.seconds, identity, task.measured)


def _reached(order: Order, subject: SubjectNow) -> bool:
    match order.kind:
        case "migrate":
            return subject.host == order.destination
        case "restart":
            return subject.host == order.destination and subject.power == "poweredOn"
        case "power-on":
            return subject.power == "poweredOn"
        case "power-off":
            return subject.power == "poweredOff"
        case "protect" | "unprotect":
            return subject.protected is (order.kind == "protect")
        case "ft-on" | "ft-off":
            return subject.ft is (order.kind == "ft-on")
        case "enter" | "leave":
            return subject.maintenance == (order.kind == "enter")
        case "reset":
            return False  # how it stands says nothing of whether it was: without its task, it was not


def login_of(connection: Connection) -> Login:
    """Open the secret and say how to reach the server."""
    try:
        password = vault.unseal(connection.secret, place_of(connection))
    except vault.Sealed as error:
        raise DriverError(
            Sentence("The password cannot be opened: {why}", {"why": str(error)}), permanent=True
        ) from error
    return Login(
        host=connection.host,
        port=connection.port,
        username=connection.username,
        password=password,
        fingerprint=connection.fingerprint or None,
        ca_file=settings.CONNECTION_CA_FILE or None,
        allowed=networks_of(settings.CONNECTION_NETWORKS),
        uris=tuple(connection.uris.splitlines()),
        acts=connection.may_act,
        fence=settings.FENCE_PROGRAM,
    )
