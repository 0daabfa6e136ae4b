"""What people write about the wiring: single components and cables, and the undoing of the last one."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.db import transaction

from cluster import audit, snapshot
from cluster.audit import Deed
from cluster.models import Estate, WiringEdit
from cluster.roles import Action
from cluster.services import Refused, allow_on, wait_for_turn
from planner.estate import EstateError
from planner.paths.amend import Edit, check_edit
from planner.sentence import Sentence

EDITS_MOST: Final = 5_000  # a hundred hosts drawn by hand; an estate document says more in one piece


def make_edit(user: User, estate: Estate, edit: Edit) -> WiringEdit:
    """Keep one edit, after judging it on the estate as it is wired now.

    Raises:
        NotAllowed, EditError: nothing has been changed.
        Refused: the feeds would feed each other in a ring, or there are too many edits.
    """
    allow_on(user, Action.IMPORT, estate)
    with transaction.atomic():
        wait_for_turn(estate)
        try:
            check_edit(snapshot.load_wired(estate).reading.estate, edit)
        except EstateError as error:
            raise Refused(Sentence("{reason}", {"reason": str(error)})) from error
        if estate.wiring_edits.count() >= EDITS_MOST:
            raise Refused(Sentence("An estate takes at most {most} edits by hand", {"most": EDITS_MOST}))
        row = WiringEdit.objects.create(
            estate=estate, kind=edit.kind, name=edit.name, values=edit.values, created_by=user
        )
        note = {"kind": edit.kind, "name": edit.name, "values": edit.values}
        audit.note(Deed.WIRING_EDITED, user.get_username(), estate.name, after=note)
    return row


def undo_edit(user: User, estate: Estate, pk: int) -> bool:
    """Undo the last edit; False where it is not the last any more: somebody was quicker.

    Raises:
        NotAllowed: nothing has been changed.
    """
    allow_on(user, Action.IMPORT, estate)
    with transaction.atomic():
        last = estate.wiring_edits.select_for_update().order_by("-pk").first()
        if last is None or last.pk != pk:
            return False
        note = {"kind": last.kind, "name": last.name, "values": last.values}
        last.delete()
        audit.note(Deed.WIRING_UNDONE, user.get_username(), estate.name, before=note)
    return True
