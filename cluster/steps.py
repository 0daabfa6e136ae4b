"""The guided first run: six things to do with the example estate, ticked by what was really done.

Runs and the audit say what a person did; only that a verdict was read leaves no other trace: it is noted.
"""

from __future__ import annotations

from typing import Final, Literal

from django.contrib.auth.models import User
from django.utils import timezone
from msgspec import Struct

from cluster.audit import Deed
from cluster.models import AuditEntry, Estate, FirstSteps, Run

Key = Literal["verdict", "failure", "single", "rehearsal", "platforms", "report"]
KEYS: Final[tuple[Key, ...]] = ("verdict", "failure", "single", "rehearsal", "platforms", "report")
OF_A_RUN: Final[dict[str, Key]] = {
    Run.Kind.STUDY: "failure",
    Run.Kind.WIRING: "single",
    Run.Kind.REHEARSAL: "rehearsal",
    Run.Kind.DRILL: "rehearsal",
    Run.Kind.COST: "platforms",
}


class Done(Struct, frozen=True):
    """What of the first run a person has done."""

    keys: frozenset[Key]

    @property
    def is_all(self) -> bool:
        return len(self.keys) == len(KEYS)


def done_by(user: User, estate: Estate) -> Done | None:
    """What the person has done with the example; None: the steps were put away."""
    noted = FirstSteps.objects.filter(person=user).first()
    if noted is not None and noted.put_away_at is not None:
        return None
    keys: set[Key] = {OF_A_RUN[kind] for kind in _kinds_run(user, estate)}
    if noted is not None and noted.verdict_read_at is not None:
        keys.add("verdict")
    if AuditEntry.objects.filter(
        deed=Deed.REPORT_TAKEN, actor=user.get_username(), subject=estate.name
    ).exists():
        keys.add("report")
    return Done(frozenset(keys))


def note_verdict_read(user: User) -> None:
    """Note that the person has opened the page of a verdict; the first time counts."""
    noted, _ = FirstSteps.objects.get_or_create(person=user)
    if noted.verdict_read_at is None:
        noted.verdict_read_at = timezone.now()
        noted.save(update_fields=["verdict_read_at"])


def put_away(user: User) -> None:
    """Show the steps to this person no more."""
    FirstSteps.objects.update_or_create(person=user, defaults={"put_away_at": timezone.now()})


def take_out(user: User) -> None:
    """Show the steps again."""
    FirstSteps.objects.filter(person=user).update(put_away_at=None)


def _kinds_run(user: User, estate: Estate) -> set[str]:
    runs = Run.objects.filter(
        estate=estate, requested_by=user, state=Run.State.SUCCEEDED, kind__in=list(OF_A_RUN)
    )
    studies = runs.filter(kind=Run.Kind.STUDY, study__kind="failures")
    prices = runs.filter(kind=Run.Kind.COST, cost_study__kind="cost")
    rest = runs.exclude(kind__in=[Run.Kind.STUDY, Run.Kind.COST])
    rows = [one.order_by().values_list("kind") for one in (studies, prices, rest)]
    return {kind for (kind,) in rows[0].union(*rows[1:])}
