"""Whatever dies on the way, every import that was asked for ends, once.

HEADROOM_LOST=100 ./headroom test tests/cluster/test_lost_work.py -s        100 imports instead of 10
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
import redis

from config import broker
from tests.cluster.conftest import Site
from tests.conftest import Stack, wait_until

IMPORTS = int(os.environ.get("HEADROOM_LOST", "10"))

QUEUE = f"""
import json
from django.core.files.base import ContentFile
from cluster import services
from planner.formats.document import write_document
from tests.cluster.estates import estate_of
def queue(n):
    file = ContentFile(write_document(estate_of(50, owner=str(n))), "lost.json")
    return services.queue_import(None, file, f"lost {{n}}")
runs = [queue(n) for n in range({IMPORTS})]
print(json.dumps([str(run.pk) for run in runs]))
"""

LOOK = """
import json
from cluster.models import Estate, Event, Plan, Run
runs = Run.objects.filter(pk__in={runs})
print(json.dumps({{
    "states": sorted(runs.values_list("state", flat=True)),
    "done": Event.objects.filter(run__in=runs, kind="import-done").count(),
    "plans": Plan.objects.filter(run__in=runs).count(),
    "revisions": list(Estate.objects.filter(name__startswith="lost ").values_list("revision", flat=True)),
}}))
"""


@pytest.mark.stack
def test_imports_outlive_a_flushed_broker_and_a_killed_worker(stack: Stack):
    site = Site(stack.data_dir, environment_of(stack))
    runs = json.loads(site.run(QUEUE))
    with redis.Redis.from_url(broker.redis_url(stack.data_dir)) as client:
        client.flushall()
    for pid in worker_pids(stack.pid):
        os.kill(pid, signal.SIGKILL)
    lost_at = time.monotonic()
    look = LOOK.format(runs=runs)
    unfinished = {"queued", "running"}
    wait_until(
        lambda: not unfinished & set(json.loads(site.run(look))["states"]), "all imports", within_s=240
    )
    took_s = time.monotonic() - lost_at
    print(f"\n{IMPORTS} imports, the broker flushed and the worker killed: all ended after {took_s:.0f} s")
    assert json.loads(site.run(look)) == {
        "states": ["succeeded"] * IMPORTS,
        "done": IMPORTS,
        "plans": IMPORTS,
        "revisions": [1] * IMPORTS,
    }


def environment_of(stack: Stack) -> dict[str, str]:
    servers = ("DATABASE_URL", "REDIS_URL", "BROKER_URL")
    kept = {name: value for name, value in os.environ.items() if name not in servers}
    return {**kept, "DJANGO_SETTINGS_MODULE": "config.settings", "HEADROOM_DATA_DIR": str(stack.data_dir)}


def worker_pids(supervisor: int) -> list[int]:
    """The stack's worker and its pool."""
    mains = [pid for pid in children(supervisor) if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert mains
    return mains + [child for main in mains for child in children(main)]


def children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]
