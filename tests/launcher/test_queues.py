"""Each kind of work has its queue, and every queue has a worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config import parts
from config.celery import app
from tests.conftest import ROOT
from tests.launcher.running import headroom


def test_every_task_of_ours_is_routed_to_a_queue_that_workers_take_from() -> None:
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if name.startswith("cluster.tasks.")}
    assert ours == set(settings.CELERY_TASK_ROUTES)
    assert {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()} <= set(parts.QUEUES)


def test_a_worker_takes_from_all_queues_in_order_until_some_are_named() -> None:
    assert ",".join(parts.QUEUES) in parts.worker()
    assert "long" in parts.worker("long")
    assert parts.QUEUES[0] == "care"
    assert tuple(queue.name for queue in settings.CELERY_TASK_QUEUES) == parts.QUEUES


def test_a_queue_that_nobody_fills_is_refused(tmp_path: Path) -> None:
    done = headroom("worker", "--queues", "log", data_dir=tmp_path)
    assert done.returncode == 2
    assert "no queue 'log'; there are care, act, quick, long, celery" in done.stderr


@pytest.mark.parametrize("unit", ["headroom-worker.service", "headroom-worker-long.service"])
def test_the_units_name_queues_that_exist(unit: str) -> None:
    text = (ROOT / "deploy" / unit).read_text()
    named = text.partition("--queues ")[2].split()[:1] or [",".join(parts.QUEUES)]
    assert set(named[0].split(",")) <= set(parts.QUEUES)


@pytest.mark.parametrize(("asked", "more"), [("", 5), ("0", 0), ("12", 12)])
def test_pool_processes_stand_back_behind_the_web_process(tmp_path: Path, asked: str, more: int) -> None:
    code = (
        "import os; from celery.signals import worker_process_init; import config.celery;"
        "before = os.nice(0); worker_process_init.send(None); print(before, os.nice(0))"
    )
    environment = {**os.environ, "WORKER_NICE": asked, "HEADROOM_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    before, after = map(int, done.stdout.split())
    assert after == min(19, before + more)
