"""Variants of an estate: who begins, changes, commits and removes them.

A committed variant is not changed: it is released first.  What a variant stands on is committed with it,
and released only together with what stands on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from cluster import audit
from cluster.audit import Deed
from cluster.models import Estate, Variant
from cluster.roles import Action
from cluster.services import NotAllowed, Refused, allow_on, wait_for_turn
from cluster.snapshot import changes_of, load, variant_of
from planner import variant as planner
from planner.compared import COMPLETED
from planner.cost.assumptions import Assumptions
from planner.cost.book import BookError
from planner.cost.study import TODAY
from planner.sentence import Sentence

CHANGES_MAX: Final = 50
DEPTH_MAX: Final = 10
Changes = tuple[planner.Change, ...]


def begin(user: User, estate: Estate, name: str, base: Variant | None = None) -> Variant:
    """Begin a variant without changes, on top of another or of the estate itself.

    Raises:
        NotAllowed: the user makes no plans of the estate, or `base` is of another.
        Refused: a name that is taken or makes no sense, a stack that is too deep.
    """
    allow_on(user, Action.PLAN, estate)
    wanted = " ".join(name.split())
    if not wanted or not wanted.isprintable() or wanted in (TODAY, COMPLETED):
        raise Refused(Sentence("A variant needs a name that can be printed"))
    if base is not None and base.estate_id != estate.pk:
        raise NotAllowed
    if base is not None and _depth(base) >= DEPTH_MAX:
        raise Refused(Sentence("Variants stack {most} deep at most", {"most": DEPTH_MAX}))
    try:
        with transaction.atomic():
            made = Variant.objects.create(estate=estate, name=wanted, base=base, created_by=user)
            note = {"variant": wanted, "on": base.name if base else None}
            audit.note(Deed.VARIANT_CHANGED, user.get_username(), estate.name, after=note)
    except IntegrityError:
        raise Refused(Sentence("There is a variant {name} already", {"name": wanted})) from None
    return made


def add(user: User, variant: Variant, change: planner.Change) -> None:
    """Add a change at the end, if the estate and the changes before it allow it.

    Raises:
        NotAllowed: the user makes no plans of the estate.
        Refused: the variant is committed or too long, or the change names what is not there.
    """
    _keep(user, variant, lambda changes: (*changes, change))


def take_back(user: User, variant: Variant, place: int) -> None:
    """Take one change out again, if those after it still make sense.

    Raises:
        NotAllowed: the user makes no plans of the estate.
        Refused: the variant is committed, there is no such change, or others need it.
    """
    meant = changes_of(variant)[place : place + 1] if place >= 0 else ()

    def without(changes: Changes) -> Changes:
        if not meant or changes[place : place + 1] != meant:
            raise Refused(Sentence("There is no such change"))
        return changes[:place] + changes[place + 1 :]

    _keep(user, variant, without)


def remove(user: User, variant: Variant) -> None:
    """Remove a variant that is not committed and that nothing stands on.

    Raises:
        NotAllowed: the user makes no plans of the estate.
        Refused: it is committed, or others stand on it.
    """
    allow_on(user, Action.PLAN, variant.estate)
    with transaction.atomic():
        row = _locked(variant)
        if row.on_top.exists():
            raise Refused(Sentence("Another variant stands on {name}", {"name": row.name}))
        note = {"variant": row.name, "changes": row.changes}
        audit.note(Deed.VARIANT_REMOVED, user.get_username(), row.estate.name, before=note)
        row.delete()


def commit(user: User, variant: Variant) -> None:
    """Commit a variant and what it stands on: what they take is reserved from now on.

    Raises:
        NotAllowed: the user makes no plans of the estate.
        Refused: a change no longer fits the estate.
    """
    allow_on(user, Action.PLAN, variant.estate)
    with transaction.atomic():
        wait_for_turn(variant.estate)
        rows = _with_bases(variant)
        _try(rows[0], variant_of(rows[0]))
        open_rows = [row for row in rows if row.committed_at is None]
        Variant.objects.filter(pk__in=[row.pk for row in open_rows]).update(
            committed_at=Now(), committed_by=user
        )
        for row in reversed(open_rows):
            note = {"variant": row.name, "changes": row.changes}
            audit.note(Deed.VARIANT_COMMITTED, user.get_username(), row.estate.name, after=note)


def release(user: User, variant: Variant) -> None:
    """Give back what a committed variant reserves, and what those on top of it do.

    Raises:
        NotAllowed: the user makes no plans of the estate.
    """
    allow_on(user, Action.PLAN, variant.estate)
    with transaction.atomic():
        wait_for_turn(variant.estate)
        rows = [row for row in _with_those_on_top(variant) if row.committed_at is not None]
        Variant.objects.filter(pk__in=[row.pk for row in rows]).update(committed_at=None, committed_by=None)
        for row in rows:
            note = {"variant": row.name}
            audit.note(Deed.VARIANT_RELEASED, user.get_username(), row.estate.name, before=note)


def _keep(user: User, variant: Variant, changed: Callable[[Changes], Changes]) -> None:
    """Change what stands in the row now, which may be more than `variant` knows."""
    allow_on(user, Action.PLAN, variant.estate)
    with transaction.atomic():
        wait_for_turn(variant.estate)
        row = _locked(variant)
        changes = changed(changes_of(row))
        if len(changes) > CHANGES_MAX:
            raise Refused(Sentence("A variant has {most} changes at most", {"most": CHANGES_MAX}))
        base = variant_of(row.base) if row.base is not None else None
        _try(row, planner.Variant(name=row.name, changes=changes, base=base))
        row.changes = msgspec.json.decode(msgspec.json.encode(changes))
        row.save(update_fields=["changes"])
        note = {"variant": row.name, "changes": row.changes}
        audit.note(Deed.VARIANT_CHANGED, user.get_username(), row.estate.name, after=note)


def _locked(variant: Variant) -> Variant:
    row = Variant.objects.select_for_update(of=("self",)).select_related("estate", "base").get(pk=variant.pk)
    if row.committed_at is not None:
        raise Refused(Sentence("{name} is committed; release it first", {"name": row.name}))
    return row


def _try(row: Variant, wanted: planner.Variant) -> None:
    try:
        planner.applied(load(row.estate), Assumptions(), wanted)
    except BookError as error:
        raise Refused(error.message) from error


def _depth(variant: Variant) -> int:
    return len(_with_bases(variant))


def _with_bases(variant: Variant) -> list[Variant]:
    """The variant and what it stands on, the deepest last."""
    found, row = [], Variant.objects.select_related("estate").get(pk=variant.pk)
    while row is not None:
        found.append(row)
        row = Variant.objects.select_related("estate").filter(pk=row.base_id).first()
    return found


def _with_those_on_top(variant: Variant) -> list[Variant]:
    found, level = [], [Variant.objects.select_related("estate").get(pk=variant.pk)]
    while level:
        found += level
        level = list(Variant.objects.select_related("estate").filter(base__in=level))
    return found
