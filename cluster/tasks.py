"""What workers do: fetch, call, publish.  A task is safe to run twice: the row says what is left to do."""

from __future__ import annotations

import logging
from typing import Final

import msgspec
from celery import shared_task
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from cluster import (
    carrying,
    connecting,
    connections,
    demo,
    foretelling,
    forgetting,
    mailing,
    observing,
    operating,
    pricing,
    quarantine,
    queueing,
    results,
    sessions,
    snapshot,
    studies,
    webhooks,
    witness,
    work,
    years,
)
from cluster.models import Connection
from cluster.question import YearsAsked
from cluster.rehearsal import drilling, play
from operations.drivers.base import DriverError
from operations.drivers.remote import Observed
from planner import report
from planner.paths.report import examine
from planner.quality import Reading
from planner.sentence import Sentence

log = logging.getLogger(__name__)
READ_LEASE_S: Final = 300  # one kind of object of the largest vCenter


@shared_task(name="cluster.tasks.import_estate")
def import_estate(run_id: str) -> None:
    """Read the upload, store the estate, keep it dated, plan it."""
    claimed = work.claim(run_id)
    if claimed is None:
        return
    with claimed:
        path, filename = claimed.file()
        claimed.advance("read", 5, Sentence("Reading {file}", {"file": filename}))
        reading = quarantine.read(path, filename, on_sheet=claimed.sheet, hold=claimed.hold)
        results.tell_quality(claimed, reading)
        results.store_estate(claimed, reading)
        results.keep_observation(claimed, Observed(reading=reading))
        demo.tell_history(claimed.estate())
        _plan(claimed, reading)


@shared_task(name="cluster.tasks.refresh_estate")
def refresh_estate(run_id: str) -> None:
    """Read a connection's server, store what stands there, keep it dated, plan it."""
    claimed = work.claim(run_id)
    if claimed is None:
        return
    with claimed:
        observed = _read_server(claimed)
        results.store_estate(claimed, observed.reading)
        results.keep_observation(claimed, observed)
        observing.tell_happenings(claimed.run.connection)
        _plan(claimed, observed.reading)


@shared_task(name="cluster.tasks.refresh_due")
def refresh_due() -> None:
    """Queue every refresh whose time has come."""
    connecting.refresh_due()


@shared_task(name="cluster.tasks.mail_reports")
def mail_reports() -> None:
    """Write the letters that are due, each schedule by itself: one that fails holds up no other."""
    for schedule_id in mailing.due_schedules():
        write_letters.delay(schedule_id)


@shared_task(name="cluster.tasks.write_letters")
def write_letters(schedule_id: int) -> None:
    """Make the report of a schedule and put it into the outbox."""
    mailing.write(schedule_id)


@shared_task(name="cluster.tasks.send_letters")
def send_letters() -> None:
    """Hand over what waits in the outbox."""
    for letter_id in mailing.waiting():
        mailing.send(letter_id)


@shared_task(name="cluster.tasks.tell_webhooks")
def tell_webhooks() -> None:
    """Have each webhook told by itself: a slow one holds up no other."""
    for hook_id in webhooks.due():
        tell_webhook.delay(hook_id)


@shared_task(name="cluster.tasks.tell_webhook")
def tell_webhook(hook_id: int) -> None:
    """Tell one webhook what it has not heard."""
    webhooks.tell(hook_id)


# At most once, unlike all other tasks: acknowledged before it begins, never delivered again, never retried.
# What a crash leaves behind, `reconcile_operations` looks up on the server.
@shared_task(name="cluster.tasks.carry_out", acks_late=False, reject_on_worker_lost=False, max_retries=0)
def carry_out(operation_id: str) -> None:
    """Do one real operation, unless somebody does it already."""
    carrying.carry_out(operation_id)


@shared_task(name="cluster.tasks.abort_operation")
def abort_operation(operation_id: str) -> None:
    """Ask the server to end what is under way."""
    carrying.abort(operation_id)


@shared_task(name="cluster.tasks.reconcile_operations")
def reconcile_operations() -> None:
    """Ask the servers how the operations stand that nobody holds; tell workers of those that wait."""
    carrying.reconcile()
    operating.send_waiting()


@shared_task(name="cluster.tasks.fit_migrations")
def fit_migrations() -> None:
    """Learn from the migrations that were measured since."""
    foretelling.learn_due()


@shared_task(name="cluster.tasks.make_plan")
def make_plan(run_id: str) -> None:
    """Plan a stored estate with the parameters of the run."""
    claimed = work.claim(run_id)
    if claimed is None:
        return
    with claimed:
        with claimed.kept():
            reading = snapshot.load_reading(claimed.estate())
        _plan(claimed, reading)


@shared_task(name="cluster.tasks.make_study")
def make_study(run_id: str) -> None:
    """Answer a question about one cluster of a stored estate."""
    claimed = work.claim(run_id)
    if claimed is None:
        return
    with claimed:
        if claimed.run.parameters.get("kind") == "balance":  # moves what runs today
            estate = snapshot.load(claimed.estate())
        else:
            estate = snapshot.load_reserved(claimed.estate())[0].estate
        studies.study(claimed, estate)


@shared_task(name="cluster.tasks.rehearse")
def rehearse(run_id: str) -> None:
    """Play a script on an estate; the same script gives the same events whichever worker plays it."""
    claimed = work.claim(run_id)
    if claimed is None:
        return
    with claimed:
        play.play(claimed, claimed.run.rehearsal)


@shared_task(name="cluster.tasks.drill")
def drill(run_id: str) -> None:
    """Fail every host, or every pair."""
    claimed = work.claim(run_id)
    if claimed is None:
        return
    with claimed:
        drilling.drill(claimed, claimed.run.rehearsal)


@shared_task(name="cluster.tasks.examine_wiring")
def examine_wiring(run_id: str) -> None:
    """Find what is single in an estate with its designs, and how available its VMs are."""
    claimed = work.claim(run_id)
    if claimed is None:
        return
    with claimed:
        asked = msgspec.convert(claimed.run.parameters, YearsAsked)
        wired = snapshot.load_wired(claimed.estate())
        reading = wired.reading
        claimed.advance(
            "paths",
            20,
            Sentence("Following the paths of {count} hosts", {"count": len(reading.estate.hosts)}),
        )
        with claimed.kept():
            paths = examine(reading.estate)
            tolerated = results.tolerated_by(reading)
            exact = results.availability_of(reading, asked, tolerated)
            services = results.services_of(reading, asked, tolerated)
        played = years.play_all(claimed, exact, asked, lambda count: _call_helpers(run_id, count))
        with claimed.kept():
            results.store_redundancy(claimed, wired, asked, paths, played, services)


@shared_task(name="cluster.tasks.play_years", ignore_result=True)
def play_years(run_id: str) -> None:
    """Play shares of the years of a run that another worker holds."""
    years.help_out(run_id)


@shared_task(name="cluster.tasks.price_estate")
def price_estate(run_id: str) -> None:
    """Price a stored estate with a price book, its variants, or the hosts to buy for it."""
    claimed = work.claim(run_id)
    if claimed is None:
        return
    with claimed:
        request = pricing.request_of(claimed.run)
        reading, remarks = snapshot.load_reserved(claimed.estate(), but=pricing.compared_rows(request))
        count = len(reading.estate.vms)
        claimed.advance("price", 20, Sentence("Pricing {count} VMs", {"count": count}))
        with claimed.kept():
            pricing.store_study(claimed, request, reading, remarks)


@shared_task(name="cluster.tasks.sweep_lost_runs")
def sweep_lost_runs() -> None:
    """Send again what no worker holds."""
    queueing.sweep_lost_runs()


@shared_task(name="cluster.tasks.witness_audit")
def witness_audit() -> None:
    """Note the end of the audit outside of the database."""
    witness.witness()


@shared_task(name="cluster.tasks.forget_old_events")
def forget_old_events() -> None:
    """Delete events that are older than the site keeps them, and sessions that have ended."""
    log.info("%d old events forgotten", forgetting.forget_old_events())
    log.info("%d ended sessions forgotten", sessions.forget_ended())


def _call_helpers(run_id: str, count: int) -> None:
    """Ask other workers to play along; nobody has to come, and the broker need not answer."""
    try:
        for _ in range(count):
            play_years.apply_async([run_id], retry=False)
    except OperationalError:
        log.warning("run %s: no helper could be called; its worker plays alone", run_id)


def _read_server(claimed: work.Work) -> Observed:
    connection = claimed.run.connection
    if connection is None:
        raise work.WorkFailed(Sentence("The connection was removed meanwhile"))

    def tell(stage: str) -> None:
        message = Sentence("Reading {what} of {server}", {"what": stage, "server": connection.server})
        claimed.advance("read", min(50, claimed.run.progress + 5), message, lease_s=READ_LEASE_S)

    try:
        observed = connections.observe_estate(connection, tell)
    except DriverError as error:
        raise work.WorkFailed(error.sentence) from error
    Connection.objects.filter(pk=connection.pk).update(seen_at=Now())
    return observed


def _plan(claimed: work.Work, reading: Reading) -> None:
    parameters = claimed.parameters()
    reading, _ = snapshot.with_reservations(claimed.estate(), reading)
    claimed.advance(
        "plan", work.PLAN_PERCENT, Sentence("Planning {count} VMs", {"count": len(reading.estate.vms)})
    )
    with claimed.kept():
        plan = report.plan(reading, parameters, on_cluster=claimed.cluster)
    results.store_plan(claimed, plan)
