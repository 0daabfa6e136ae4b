"""What workers do: fetch, call, publish.  A task is safe to run twice: the row says what is left to do."""

from __future__ import annotations

from celery import shared_task

from cluster import quarantine, results, services, snapshot, studies, work
from cluster.rehearsal import drilling, play
from planner import report
from planner.quality import Reading
from planner.sentence import Sentence


@shared_task(name="cluster.tasks.import_estate")
def import_estate(run_id: str) -> None:
    """Read the upload, store the estate, plan it."""
    claimed = work.claim(run_id)
    if claimed is None:
        return
    with claimed:
        path, filename = claimed.file()
        claimed.advance("read", 5, Sentence("Reading {file}", {"file": filename}))
        reading = quarantine.read(path, filename, on_sheet=claimed.sheet, hold=claimed.hold)
        results.store_estate(claimed, reading)
        _plan(claimed, reading)


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
        studies.study(claimed, snapshot.load(claimed.estate()))


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


@shared_task(name="cluster.tasks.sweep_lost_runs")
def sweep_lost_runs() -> None:
    """Send again what no worker holds."""
    services.sweep_lost_runs()


def _plan(claimed: work.Work, reading: Reading) -> None:
    parameters = claimed.parameters()
    claimed.advance("plan", 85, Sentence("Planning {count} VMs", {"count": len(reading.estate.vms)}))
    with claimed.kept():
        plan = report.plan(reading, parameters)
    results.store_plan(claimed, plan)
