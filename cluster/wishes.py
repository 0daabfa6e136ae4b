"""What system administrators ask for their VMs: a new one, a size, a restart priority, an order, a restart.

A virtual-infrastructure administrator answers, never the asker himself.  A granted priority or order holds in
rehearsals from then on; a granted restart becomes an operation that the asker proposed and the answerer
approved; a new VM or another size is granted as a promise, for Headroom makes no VMs.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models.functions import Now

from cluster import audit, feed, operating
from cluster.audit import Deed
from cluster.models import Connection, Estate, Event, VirtualMachine, Wish
from cluster.reach import covers, visible_to
from cluster.roles import Action, may
from cluster.services import Refused, wait_for_turn
from operations.written import written
from planner.estate import Estate as PlannerEstate
from planner.sentence import Sentence

Kind, State = Wish.Kind, Wish.State
OPEN_MAX: Final = 200  # of one person: a request is a sentence to a colleague, not a queue


def ask(asker: User, wish: Wish) -> Wish:
    """Store a request that is not stored yet.

    Raises:
        PermissionDenied: none of the asker's roles asks.
        Refused: not a VM of the asker's, or a request that contradicts itself.
    """
    if not may(asker, Action.REQUEST):
        raise PermissionDenied
    with transaction.atomic():
        wait_for_turn(wish.estate)
        _judge(asker, wish)
        wish.asked_by = asker
        wish.save(force_insert=True)
        audit.note(Deed.WISH_ASKED, asker.get_username(), str(wish), after=seen(wish))
        said = Sentence("{person} asks: {what}", {"person": asker.get_username(), "what": str(wish)})
        feed.publish("wish-asked", said, subject=wish.vm, estate=wish.estate)
    return wish


def answer(answerer: User, wish: Wish, *, granted: bool, words: str = "") -> Wish:
    """Grant or refuse a request.

    Raises:
        PermissionDenied: none of the answerer's roles reaches this estate, or he asked himself.
        Refused: it was answered or withdrawn meanwhile, or the restart is refused.
    """
    if not covers(answerer, Action.ANSWER, wish.estate) or wish.asked_by_id in (None, answerer.pk):
        raise PermissionDenied
    with transaction.atomic():
        open_ = Wish.objects.select_for_update().filter(pk=wish.pk, state=State.ASKED)
        found = open_.first()
        if found is None:
            raise Refused(Sentence("This was answered already"))
        before = seen(found)
        found.state = State.GRANTED if granted else State.REFUSED
        found.answer, found.answered_by, found.answered_at = words, answerer, Now()
        if granted and found.kind == Kind.RESTART:
            found.operation = _restart(answerer, found)
        found.save()
        found.refresh_from_db()
        audit.note(Deed.WISH_ANSWERED, answerer.get_username(), str(found), before, seen(found))
        level = Event.Level.SUCCESS if granted else Event.Level.WARNING
        said = Sentence("Granted: {what}") if granted else Sentence("Refused: {what}")
        told = Sentence(said.template, {"what": str(found)})
        feed.publish(f"wish-{found.state}", told, subject=found.vm, level=level, estate=found.estate)
    return found


def withdraw(asker: User, wish: Wish) -> None:
    """Take a request of one's own back.

    Raises:
        PermissionDenied: it is another's.
        Refused: it was answered already.
    """
    if wish.asked_by_id != asker.pk or not may(asker, Action.REQUEST):
        raise PermissionDenied
    with transaction.atomic():
        if not Wish.objects.filter(pk=wish.pk, state=State.ASKED).update(state=State.WITHDRAWN):
            raise Refused(Sentence("This was answered already"))
        audit.note(Deed.WISH_WITHDRAWN, asker.get_username(), str(wish), after=seen(wish))


# -- what holds


def granted(estate: Estate, wired: PlannerEstate) -> PlannerEstate:
    """The estate with the restart priorities that were granted; the newest of a VM counts."""
    rows = estate.wishes.filter(state=State.GRANTED, kind=Kind.PRIORITY).order_by("id")
    priorities = {row.vm: row.priority for row in rows}
    if not priorities:
        return wired
    vms = tuple(
        msgspec.structs.replace(vm, restart_priority=priorities.get(vm.name, vm.restart_priority))  # type: ignore[arg-type]
        for vm in wired.vms
    )
    return msgspec.structs.replace(wired, vms=vms)


def order_lines(estate: Estate, names: frozenset[str]) -> str:
    """The granted orders among these VMs, as lines of a script."""
    rows = estate.wishes.filter(state=State.GRANTED, kind=Kind.DEPENDENCY).order_by("id")
    after: dict[str, list[str]] = {}
    for row in rows:
        if row.vm in names and row.after in names and row.after not in after.get(row.vm, []):
            after.setdefault(row.vm, []).append(row.after)
    return "".join(
        f"guest {written(vm)} after {written(','.join(first))}\n" for vm, first in sorted(after.items())
    )


def seen(wish: Wish) -> dict[str, Any]:
    """What the audit keeps of a request."""
    fields = (
        "kind",
        "state",
        "vm",
        "vcpus",
        "memory_mib",
        "disk_mib",
        "priority",
        "after",
        "reason",
        "answer",
    )
    kept = {name: getattr(wish, name) for name in fields if getattr(wish, name) not in ("", None)}
    return {"id": wish.pk, "estate": wish.estate_id, **kept}


# -- what is refused


def _judge(asker: User, wish: Wish) -> None:
    if not visible_to(asker, Estate).filter(pk=wish.estate_id).exists():
        raise PermissionDenied
    if wish.kind != Kind.NEW:
        _own(asker, wish.estate, wish.vm)
    elif VirtualMachine.objects.filter(estate=wish.estate, name=wish.vm).exists():
        raise Refused(Sentence("There is a VM of this name already"))
    if wish.kind == Kind.DEPENDENCY:
        _judge_order(asker, wish)
    if wish.kind == Kind.PRIORITY and not wish.priority:
        raise Refused(Sentence("Which restart priority?"))
    if wish.kind in (Kind.NEW, Kind.RESIZE) and not (wish.vcpus or wish.memory_mib or wish.disk_mib):
        raise Refused(Sentence("How many vCPUs, how much memory or disk?"))
    if Wish.objects.filter(asked_by=asker, state=State.ASKED).count() >= OPEN_MAX:
        raise Refused(Sentence("{count} requests of yours wait for an answer already", {"count": OPEN_MAX}))


def _own(asker: User, estate: Estate, name: str) -> None:
    if not visible_to(asker, VirtualMachine).filter(estate=estate, name=name).exists():
        raise Refused(Sentence("There is no VM {vm} of yours", {"vm": name}))


def _judge_order(asker: User, wish: Wish) -> None:
    """A VM may wait for one of the asker's VMs, not for itself, and nobody waits in a circle."""
    _own(asker, wish.estate, wish.after)
    if "," in wish.after:
        raise Refused(Sentence("A name with a comma cannot stand in an order"))
    waits: dict[str, set[str]] = {}
    rows = wish.estate.wishes.filter(kind=Kind.DEPENDENCY, state__in=[State.ASKED, State.GRANTED])
    for vm, after in rows.values_list("vm", "after"):
        waits.setdefault(vm, set()).add(after)
    reached, ahead = {wish.after}, [wish.after]
    while ahead:
        for name in waits.get(ahead.pop(), ()):
            if name not in reached:
                reached.add(name)
                ahead.append(name)
    if wish.vm in reached:
        raise Refused(Sentence("{vm} would wait for itself", {"vm": wish.vm}))


def _restart(answerer: User, wish: Wish) -> Any:
    """The operation: proposed by the asker, approved by the answerer."""
    connection = Connection.objects.filter(name=wish.estate.name).first()
    if connection is None or wish.asked_by is None:
        raise Refused(Sentence("{estate} has no connection to act through", {"estate": wish.estate.name}))
    asked = operating.write_proposal(wish.asked_by, connection, "reset", wish.vm, real=connection.may_act)
    if asked.state == asked.State.PROPOSED:
        operating.approve(answerer, asked, asked.plan_sha256)
    return asked
