"""What changes something on libvirt hosts: each is asked for once.  What was asked is read from the domains.

libvirt has no task ids: an id of ours says what was asked for, and the domain's state on both hosts, with
the statistics of its job, says how it stands.  A restart elsewhere needs every host that may still run the
VM to be confirmed off by the power switch: silence is no proof.

Source: libvirt.org/html/libvirt-libvirt-domain.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from operations.drivers.base import DriverError
from operations.drivers.libvirt import binding, fence, moving
from operations.drivers.libvirt.fleet import Fleet, is_lost, said
from operations.drivers.libvirt.guests import checked_uuid, doubtful, find, on_host, the_vm
from operations.drivers.libvirt.identities import Identity, made
from operations.drivers.remote import ABOUT_HOSTS, NotBegun, Order, SubjectNow
from planner.sentence import Sentence

NO_MAINTENANCE: Final = Sentence(
    "libvirt has no maintenance mode: migrate the VMs of the host away, and put no others there"
)
NO_HA: Final = Sentence("libvirt has no HA that could keep it: here a restart elsewhere is asked for")
NO_FT: Final = Sentence("libvirt has no FT")
_UUID: Final = re.compile(r"<uuid>\s*([0-9a-fA-F-]{36})\s*</uuid>")


def look(fleet: Fleet, order: Order) -> SubjectNow:
    """Read the subject of an order on every host that answers.

    A VM that no host shows, and whose own host is silent, is there and not connected.  Where the power switch
    says that this host is off, the VM is off, too.
    """
    if order.kind in ABOUT_HOSTS:
        return host_now(fleet, order.subject)
    guests = find(fleet, checked_uuid(order.subject_id))
    one = the_vm(guests, order.source)
    hindered = _hindered(fleet, order, one.domain if one else None)
    if one is not None and one.active:
        return SubjectNow(
            exists=True, name=order.subject, host=one.host, power=one.power, hindered=hindered,
            busy=any(guest.is_busy for guest in guests),
        )  # fmt: skip
    doubts = doubtful(fleet)
    if order.source in doubts or (doubts and (one is None or one.host != order.source)):
        return SubjectNow(
            exists=True, name=order.subject, host=order.source, connected=False, hindered=hindered
        )
    if one is None and order.source not in fleet.silent:
        return SubjectNow(exists=False)
    host = order.source if order.source in fleet.silent or one is None else one.host
    return SubjectNow(exists=True, name=order.subject, host=host, power="poweredOff", hindered=hindered)


def host_now(fleet: Fleet, name: str) -> SubjectNow:
    """Read a host by its name."""
    if name not in fleet.places:
        return SubjectNow(exists=False)
    return SubjectNow(exists=True, name=name, connected=name in fleet.connections)


def submit(fleet: Fleet, order: Order) -> str:
    """Ask for it, once; give an id of ours.

    Raises:
        NotBegun: nothing began.
        DriverError: nobody knows whether it was begun.
    """
    if not fleet.login.acts:
        raise NotBegun(Sentence("This session may only read"))
    match order.kind:
        case "enter" | "leave":
            raise NotBegun(NO_MAINTENANCE)
        case "protect" | "unprotect":
            raise NotBegun(NO_HA)
        case "ft-on" | "ft-off":
            raise NotBegun(NO_FT)
        case "migrate":
            return moving.begin(fleet, order)
        case "restart":
            return _restart(fleet, order)
        case "power-on" | "power-off" | "reset":
            return _power(fleet, order)


def _power(fleet: Fleet, order: Order) -> str:
    """Switch a VM on or off, or reset it, where it is."""
    uuid = checked_uuid(order.subject_id)
    one = the_vm(find(fleet, uuid), order.source)
    if one is None:
        raise NotBegun(Sentence("{subject} is on no host that answers", {"subject": order.subject}))
    if order.kind == "power-on":
        _refuse_twin(fleet, order, one.host)
        if one.active:
            raise NotBegun(Sentence("{subject} runs on {host}", {"subject": order.subject, "host": one.host}))
    calls: dict[str, Callable[[], Any]] = {
        "power-on": one.domain.create,
        "power-off": one.domain.destroy,
        "reset": lambda: one.domain.reset(0),
    }
    asked(fleet, one.host, calls[order.kind], lambda: _is_active(fleet, one.host, uuid) is one.active)
    return made(Identity(kind=order.kind, uuid=uuid, source=one.host, destination=one.host))


def _refuse_twin(fleet: Fleet, order: Order, host: str) -> None:
    """Refuse to start a copy while the host that had the VM last is silent: it may run there."""
    silent = [name for name in doubtful(fleet) if name == order.source or host != order.source]
    if silent:
        raise NotBegun(
            Sentence(
                "{host} does not answer and is not confirmed to be off: {subject} may run there",
                {"host": silent[0], "subject": order.subject},
            )
        )


def _restart(fleet: Fleet, order: Order) -> str:
    """Start a VM on another host, after its own was switched off and that was confirmed.

    Every host of the connection is looked at: one that answers must not run it, a silent one must be off.
    """
    uuid = checked_uuid(order.subject_id)
    target = fleet.of(order.destination)
    _check_definition(order, uuid)
    running = next((one for one in find(fleet, uuid) if one.active), None)
    if running is not None:
        raise NotBegun(Sentence("{subject} runs on {host}", {"subject": order.subject, "host": running.host}))
    if order.source not in fleet.silent:
        raise NotBegun(
            Sentence(
                "{host} answers: nothing is restarted elsewhere while its own host is there",
                {"host": order.source},
            )
        )
    fence.make_off(fleet.login.fence, order.source)
    others = [name for name in doubtful(fleet) if name != order.source]
    if others:
        raise NotBegun(
            Sentence(
                "{host} does not answer and is not confirmed to be off: {subject} may run there",
                {"host": others[0], "subject": order.subject},
            )
        )
    if not fence.is_off(fleet.login.fence, order.source):
        raise NotBegun(Sentence("{host} was switched on again", {"host": order.source}))
    asked(
        fleet,
        order.destination,
        lambda: target.defineXML(order.definition).create(),
        lambda: not _is_active(fleet, order.destination, uuid),
    )
    return made(Identity(kind="restart", uuid=uuid, source=order.source, destination=order.destination))


def _check_definition(order: Order, uuid: str) -> None:
    found = _UUID.search(order.definition)
    if found is None or found.group(1).lower() != uuid:
        raise NotBegun(
            Sentence(
                "The definition of {subject} was never read: nobody can start it", {"subject": order.subject}
            )
        )


def _is_active(fleet: Fleet, host: str, uuid: str) -> bool:
    found = on_host(fleet, host, uuid)
    return found is not None and found.active


def asked(fleet: Fleet, host: str, call: Callable[[], Any], undone: Callable[[], bool]) -> None:
    """Do one call that changes something.

    Args:
        fleet, host: where.
        call: the one call.
        undone: after an error: whether all is as it was.

    Raises:
        NotBegun: libvirt said no, and nothing has changed.
        DriverError: the connection was lost, or something did change: nobody knows.
    """
    libvirt = binding.loaded()
    connection = fleet.of(host)
    try:
        call()
    except libvirt.libvirtError as error:
        why = said(error, fleet.login)
        if is_lost(connection) or not undone():
            raise DriverError(f"{host}: {why}") from error
        raise NotBegun(why) from error


def _hindered(fleet: Fleet, order: Order, domain: Any) -> Sentence | str:
    """Why the hosts themselves would not do it, or must not."""
    if order.kind == "restart" and order.source in fleet.silent and not fleet.login.fence:
        return fence.NO_PROGRAM
    if order.kind == "migrate" and domain is not None and on_host(fleet, order.source, order.subject_id):
        return moving.hindrance(fleet, order, domain)
    return ""
