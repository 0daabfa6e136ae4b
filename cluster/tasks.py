"""What workers do: fetch, call, publish.  A task is safe to run twice: the row says what is left to do."""

from __future__ import annotations

from typing import Final

from celery import shared_task

from cluster import pricing, quarantine, results, services, snapshot, work
from planner import report
from planner.quality import Reading
from planner.sentence import Sentence

PLANNED_VMS_PER_S: Final = 500  # far below what the planner does: the lease must outlast the plan


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
        _plan(claimed, snapshot.load_reading(claimed.estate()))


@shared_task(name="cluster.tasks.price_estate")
def price_estate(run_id: str) -> None:
    """Price a stored estate with a price book."""
    claimed = work.claim(run_id)
    if claimed is None:
        return
    with claimed:
        reading = snapshot.load_reading(claimed.estate())
        count = len(reading.estate.vms)
        claimed.advance(
            "price",
            20,
            Sentence("Pricing {count} VMs", {"count": count}),
            lease_s=work.LEASE_S + count / PLANNED_VMS_PER_S,
        )
        pricing.store_study(claimed, reading)


@shared_task(name="cluster.tasks.sweep_lost_runs")
def sweep_lost_runs() -> None:
    """Send again what no worker holds."""
    services.sweep_lost_runs()


def _plan(claimed: work.Work, reading: Reading) -> None:
    parameters = claimed.parameters()
    claimed.advance(
        "plan",
        85,
        Sentence("Planning {count} VMs", {"count": len(reading.estate.vms)}),
        lease_s=work.LEASE_S + len(reading.estate.vms) / PLANNED_VMS_PER_S,
    )
    results.store_plan(claimed, report.plan(reading, parameters))
