"""A stored connection -> a world: the only file of the shell, beside the tasks, that reaches a hypervisor.

The libraries that do are imported when they are needed, never by a web process that shows pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from msgspec import Struct

from cluster import vault
from cluster.models import Connection, Operation
from operations import preflight
from operations.drivers.addresses import networks_of, refusal_of
from operations.drivers.base import DriverError
from planner.quality import Reading
from planner.sentence import Sentence

if TYPE_CHECKING:
    from operations.drivers.vsphere.acting import Order, SubjectNow
    from operations.drivers.vsphere.session import Login

CLOCKS_APART: Final = timedelta(seconds=60)  # of the server and the database


class NotBegun(Exception):
    """The server said no: nothing was begun, and why."""

    def __init__(self, message: Sentence) -> None:
        super().__init__(str(message))
        self.message = message


class Outcome(Struct, frozen=True):
    """How an operation stands on the server: `running`, `done` or `failed`."""

    state: str
    why: str
    seconds: float | None
    external_id: str


def place_of(connection: Connection) -> str:
    """What a connection's secret is bound to."""
    return f"connection/{connection.pk}"


def refused_address(host: str, port: int) -> Sentence | None:
    """Why a connection may not go there; None where it may be tried."""
    why = refusal_of(host, port, networks_of(settings.CONNECTION_NETWORKS))
    return None if why is None else Sentence("{reason}", {"reason": why})


def read(connection: Connection, on_stage: Callable[[str], None]) -> Reading:
    """Read the whole inventory.

    Raises:
        DriverError: not reached, not trusted, not let in.
    """
    from operations.drivers.vsphere.inventory import read_inventory

    with opened(connection) as instance:
        return read_inventory(instance, on_stage)


def about(connection: Connection) -> str:
    """Log in and say what answers there."""
    with opened(connection) as instance:
        return str(instance.RetrieveContent().about.fullName)


@contextmanager
def opened(connection: Connection) -> Iterator[Any]:
    """A session, ended whatever happens."""
    from operations.drivers.vsphere.session import session

    with session(login_of(connection)) as instance:
        yield instance


def look(connection: Connection, operation: Operation) -> Sentence | None:
    """Say what stands in the way of an operation now.  Only reads, as a dry run does."""
    from operations.drivers.vsphere import acting

    with opened(connection) as instance:
        order = order_of(operation)
        subject = acting.look(instance, order)
        target = acting.host_now(instance, order.destination) if order.kind == "migrate" else None
    asked = preflight.Asked(
        kind=order.kind, subject=order.subject, source=order.source, destination=order.destination
    )
    return preflight.obstacle(asked, _now(subject), None if target is None else _now(target))


def submit(connection: Connection, operation: Operation) -> str:
    """Ask the server for it: the one call of this shell that changes something outside.

    Raises:
        NotBegun: the server refused, so nothing was begun.
        DriverError: nobody knows whether it was begun.
    """
    from operations.drivers.vsphere import acting

    with opened(connection) as instance:
        try:
            return acting.submit(instance, order_of(operation))
        except acting.NotBegun as error:
            raise NotBegun(Sentence("The server refuses: {fault}", {"fault": str(error)})) from error


def observe(connection: Connection, operation: Operation) -> Outcome:
    """Ask the server how an operation stands: by its task, else by what became of its subject."""
    from operations.drivers.vsphere import acting

    order = order_of(operation)
    with opened(connection) as instance:
        identity = operation.external_id
        if not identity and operation.submitted_at is not None:
            identity = acting.find_task(instance, order, operation.submitted_at - CLOCKS_APART) or ""
        task = acting.task_now(instance, identity) if identity else None
        if task is not None and task.state != "gone":
            return _outcome(task.state, task.error, task.seconds, identity)
        subject = acting.look(instance, order)
    if subject.busy:
        return Outcome("running", "", None, identity)
    reached = subject.exists and _reached(order.kind, subject, order.destination)
    why = "" if reached else "the server never began it"
    return Outcome("done" if reached else "failed", why, None, identity)


def order_of(operation: Operation) -> Order:
    """What the driver is asked for; the subject's id is the one that the inventory gave."""
    from operations.drivers.vsphere.acting import Order

    return Order(
        kind=operation.kind,
        subject_id=operation.subject_id,
        subject=operation.subject,
        source=operation.source,
        destination=operation.destination,
    )


def _now(found: SubjectNow) -> preflight.Now:
    return preflight.Now(
        exists=found.exists, host=found.host, power=found.power, maintenance=found.maintenance,
        connected=found.connected, busy=found.busy,
    )  # fmt: skip


def _outcome(state: str, error: str, seconds: float | None, identity: str) -> Outcome:
    known = {"success": "done", "error": "failed"}
    return Outcome(known.get(state, "running"), error, seconds, identity)


def _reached(kind: str, subject: SubjectNow, destination: str) -> bool:
    match kind:
        case "migrate":
            return subject.host == destination
        case "power-on":
            return subject.power == "poweredOn"
        case "power-off":
            return subject.power == "poweredOff"
        case "reset":
            return False  # how it stands says nothing of whether it was: without its task, it was not
    return subject.maintenance == (kind == "enter")


def login_of(connection: Connection) -> Login:
    """Open the secret and say how to reach the server."""
    from operations.drivers.vsphere.session import Login

    try:
        password = vault.unseal(connection.secret, place_of(connection))
    except vault.Sealed as error:
        raise DriverError(f"the password cannot be opened: {error}", permanent=True) from error
    return Login(
        host=connection.host,
        port=connection.port,
        username=connection.username,
        password=password,
        fingerprint=connection.fingerprint or None,
        ca_file=settings.CONNECTION_CA_FILE or None,
        allowed=networks_of(settings.CONNECTION_NETWORKS),
    )
