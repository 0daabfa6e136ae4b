"""Workers that end, killed or asked to: what they had begun is done all the same, once, with the same answer.

HEADROOM_POINTS=20 ./headroom test tests/cluster/test_worker_ends.py -s     killed at 20 points, not 3
HEADROOM_ROLLED=60 ./headroom test tests/cluster/test_worker_ends.py -s     60 imports, not 12
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import Any

from tests.cluster.conftest import Site
from tests.cluster.test_lost_work import children
from tests.conftest import wait_until

POINTS = int(os.environ.get("HEADROOM_POINTS", "3"))
IMPORTS = int(os.environ.get("HEADROOM_ROLLED", "12"))
WORKERS = 3
VMS = 2_000

WORKER = """
from config.celery import app
queues = ["-Q", "quick,long,celery"]
app.worker_main(["worker", "-c", "1", "-l", "ERROR", *queues, "--without-gossip", "--without-mingle"])
"""
SWEEPER = """
import time
from cluster import queueing
while True:
    queueing.sweep_lost_runs()
    time.sleep(15)
"""
ASK = """
import sys
from django.core.files.base import ContentFile
from cluster import services
from planner.formats.document import write_document
from tests.cluster.estates import estate_of
for line in sys.stdin:
    name, vms = line.split()
    file = ContentFile(write_document(estate_of(int(vms))), f"{name}.json")
    print(services.queue_import(None, file, name).pk, flush=True)
"""
LOOK = """
import hashlib, json, sys
from django.db import close_old_connections
from cluster.models import Event, Plan, Run
def digest(run):
    plan = Plan.objects.filter(run=run).first()
    return plan and hashlib.sha256(json.dumps(plan.report, sort_keys=True).encode()).hexdigest()
for line in sys.stdin:
    runs = Run.objects.filter(pk__in=line.split())
    print(json.dumps([{
        "state": run.state, "attempts": run.attempt, "digest": digest(run),
        "done": Event.objects.filter(run=run, kind="import-done").count(),
        "plans": Plan.objects.filter(run=run).count(),
        "ended_at": run.finished_at and run.finished_at.timestamp(),
    } for run in sorted(runs, key=lambda run: line.split().index(str(run.pk)))]), flush=True)
"""


class Desk:
    """Somebody who asks for imports and looks how they stand."""

    def __init__(self, site: Site) -> None:
        self.asking, self.looking = site.start(ASK), site.start(LOOK)

    def ask(self, name: str, vms: int) -> str:
        return said(self.asking, f"{name} {vms}")

    def look(self, *runs: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(said(self.looking, " ".join(runs)))
        return found

    def ended(self, *runs: str) -> bool:
        return all(one["state"] not in ("queued", "running") for one in self.look(*runs))


def said(process: subprocess.Popen[str], line: str) -> str:
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def test_a_child_that_is_killed_at_any_point_leaves_the_same_answer(site: Site) -> None:
    site.start_broker()
    worker = site.start(WORKER)
    site.start(SWEEPER)
    desk = Desk(site)
    first = desk.ask("undisturbed", VMS)
    wait_until(lambda: desk.ended(first), "the first import")  # what is loaded once is loaded
    began = time.monotonic()
    second = desk.ask("undisturbed2", VMS)
    wait_until(lambda: desk.ended(second), "the second import")
    whole_s = time.monotonic() - began
    killed_at: dict[str, float] = {}
    for point in range(POINTS):
        run = desk.ask(f"killed{point}", VMS)
        wait_until(lambda run=run: desk.look(run)[0]["state"] != "queued", "the child to begin")
        time.sleep(whole_s * point / POINTS)
        (child,) = children(worker.pid)
        os.kill(child, signal.SIGKILL)
        killed_at[run] = time.time()
        wait_until(lambda child=child: set(children(worker.pid)) - {child}, "a new child")
    wait_until(lambda: desk.ended(*killed_at), "every import that was hit", within_s=300)
    found = desk.look(*killed_at)
    taken_s = [one["ended_at"] - at for one, at in zip(found, killed_at.values(), strict=True)]
    hit = sum(one["attempts"] > 1 for one in found)
    print(f"\nkilled at {POINTS} points of {whole_s:.1f} s, {hit} at work: done within {max(taken_s):.0f} s")
    assert hit > 0
    assert {one["state"] for one in found} == {"succeeded"}
    assert {(one["done"], one["plans"]) for one in found} == {(1, 1)}
    assert {one["digest"] for one in found} == {desk.look(first)[0]["digest"]}


def test_workers_that_are_replaced_one_after_the_other_lose_nothing(postgresql_site: Site) -> None:
    site = postgresql_site
    site.start_broker()
    workers = [site.start(WORKER) for _ in range(WORKERS)]
    site.start(SWEEPER)
    desk = Desk(site)
    runs: list[str] = []
    drained_s: list[float] = []
    for number, worker in enumerate(workers):
        while len(runs) < IMPORTS * (number + 1) // WORKERS:
            runs.append(desk.ask(f"rolled{len(runs)}", VMS))
        wait_until(lambda: any(one["state"] == "running" for one in desk.look(*runs)), "work")
        began = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=120) == 0
        drained_s.append(time.monotonic() - began)
        site.start(WORKER)
    wait_until(lambda: desk.ended(*runs), "every import", within_s=300)
    found = desk.look(*runs)
    print(f"\n{WORKERS} workers replaced under {len(runs)} imports, each gone within {max(drained_s):.1f} s")
    assert {one["state"] for one in found} == {"succeeded"}
    assert {(one["done"], one["plans"]) for one in found} == {(1, 1)}
