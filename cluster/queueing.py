"""Runs wait for a worker, and are told again when nobody works on them: the row is the truth.

queue             write a queued Run and its event; a worker is told when the transaction stands
sweep_lost_runs   nobody could be told, the broker forgot, or the worker died: tell again, or give up
"""

from __future__ import annotations

import logging
from typing import Final

import msgspec
from celery import current_app
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from cluster import feed
from cluster.models import Event, Run
from cluster.work import LEASE_S, lease
from planner.sentence import Sentence

ATTEMPTS_MAX: Final = 3  # a file that killed three workers is not given to a fourth
QUICK: Final = {"max_retries": 1, "interval_start": 0.1}  # of kombu, when it connects
TASKS: Final = {
    Run.Kind.IMPORT: "cluster.tasks.import_estate",
    Run.Kind.PLAN: "cluster.tasks.make_plan",
    Run.Kind.STUDY: "cluster.tasks.make_study",
    Run.Kind.REHEARSAL: "cluster.tasks.rehearse",
    Run.Kind.DRILL: "cluster.tasks.drill",
    Run.Kind.WIRING: "cluster.tasks.examine_wiring",
    Run.Kind.REFRESH: "cluster.tasks.refresh_estate",
    Run.Kind.COST: "cluster.tasks.price_estate",
}

_log = logging.getLogger(__name__)


def queue(run: Run, message: Sentence, *, tell_a_worker: bool = True) -> Run:
    """Write a run and its event, in the caller's transaction; the worker is told when that stands."""
    run.lease_until = lease(LEASE_S)  # from then on the sweep holds the message for lost
    run.save(force_insert=True)
    feed.publish(
        f"{run.kind}-queued", message, subject=run.estate_name, run=run, estate=run.estate, progress=0
    )
    if tell_a_worker:
        transaction.on_commit(lambda: _send(run))
    return run


def _send(run: Run) -> None:
    """Tell a worker; a broker that does not answer is no reason to refuse what is queued already."""
    try:
        with current_app.connection_for_write() as broker:
            broker.transport_options = broker.transport_options | QUICK  # its own way takes 6 s to give up
            current_app.send_task(TASKS[Run.Kind(run.kind)], [str(run.pk)], connection=broker, retry=False)
    except OperationalError as error:
        _log.warning("run %s is queued, but no worker could be told: %s", run.pk, error)


def sweep_lost_runs() -> int:
    """Send again every unfinished run that no worker holds; give how many.  Safe to run at any time."""
    lost = Run.objects.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING], lease_until__lt=Now())
    return sum(_sweep(run) for run in lost.order_by("created_at"))


def _sweep(run: Run) -> bool:
    """Take the run up again, or give it up; False where somebody else was first."""
    same = Run.objects.filter(pk=run.pk, attempt=run.attempt, state=run.state, lease_until__lt=Now())
    if run.attempt >= ATTEMPTS_MAX:
        return _give_up(run, same)
    with transaction.atomic():
        if not same.update(state=Run.State.QUEUED, lease_until=lease(LEASE_S)):
            return False
        transaction.on_commit(lambda: _send(run))
    return True


def _give_up(run: Run, same: QuerySet[Run]) -> bool:
    message = Sentence("The worker died {count} times at this; it is not tried again", {"count": run.attempt})
    with transaction.atomic():
        if not same.update(
            state=Run.State.FAILED,
            lease_until=None,
            finished_at=Now(),
            error=msgspec.to_builtins(message),
        ):
            return False
        feed.publish(
            f"{run.kind}-failed",
            message,
            subject=run.estate_name,
            level=Event.Level.ERROR,
            run=run,
            estate=run.estate,
        )
    return True
