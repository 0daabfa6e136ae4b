"""200 migrations while workers, the broker and database connections are killed: none twice, none lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cluster.conftest import Site
from tests.operations.simulator import Simulator, simulated

OPERATIONS = 200
KILLS = 24
WITHIN_S = 420
SEED = 7

SHORT = """
from cluster import carrying
carrying.LEASE_S, carrying.GRACE_S, carrying.FRESH_S, carrying.POLL_S = 12.0, 12.0, 6.0, 0.2
"""
SET_UP = """
import json
from cluster import connecting, connections, operating, snapshot
from cluster.models import Estate, Operation
from tests.cluster.people import administrator
who = administrator()
connection = connecting.add(
    who, "p", name="lab", host="127.0.0.1", port={port}, username="u", may_act=True, four_eyes=False,
    moves_per_host=50,
)
reading = connections.observe_estate(connection, lambda stage: None).reading
snapshot.save(Estate(name="lab"), reading)
hosts = [host.name for host in reading.estate.hosts]
wanted = {{}}
for vm in reading.estate.vms:
    target = hosts[(hosts.index(vm.host) + 1) % len(hosts)]
    operating.propose(who, connection, "migrate", vm.name, target, real=True)
    wanted[vm.id] = [vm.host, target]
print(json.dumps(wanted))
"""
WORKER = (
    SHORT
    + """
from config.celery import app
app.worker_main(["worker", "-c", "2", "-l", "ERROR", "--without-gossip", "--without-mingle"])
"""
)
SWEEPER = (
    SHORT
    + """
import time
from django.db import close_old_connections, Error
from cluster import operating
while True:
    try:
        close_old_connections()
        carrying.reconcile()
        operating.send_waiting()
    except Error:
        pass
    time.sleep(1.5)
"""
)
LOOK = """
import json
from cluster.models import Operation
rows = Operation.objects.values("subject_id", "state", "source", "destination", "why", "token")
print(json.dumps(list(rows)))
"""
TRUTH = """
import json
from cluster import connections
from cluster.models import Connection
reading = connections.observe_estate(Connection.objects.get(), lambda stage: None).reading
print(json.dumps({vm.id: vm.host for vm in reading.estate.vms}))
"""


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with simulated(
        tmp_path, "-clusters", 1, "-hosts", 4, "-vms", OPERATIONS, "-lose", 17, "-delay", 40
    ) as one:
        yield one


def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def cut_database_connections(site: Site, chance: random.Random) -> None:
    """End one of the server's connections from outside, as a failing network would."""
    url = site.environment["DATABASE_URL"].replace("postgres://", "postgresql://", 1)
    with psycopg.connect(url, autocommit=True) as connection:
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        found = [row[0] for row in connection.execute(query)]
        if found:
            connection.execute("SELECT pg_terminate_backend(%s)", [chance.choice(found)])


def looked(site: Site) -> list[dict[str, Any]]:
    return json.loads(site.run(LOOK))


@pytest.mark.parametrize("any_site", ["postgresql"], indirect=True)
def test_no_vm_is_moved_twice_and_none_is_lost(any_site: Site, simulator: Simulator) -> None:
    site, chance = any_site, random.Random(SEED)  # noqa: S311
    site.environment |= {
        "HEADROOM_CONNECTION_NETWORKS": "127.0.0.1/32",
        "HEADROOM_CONNECTION_CA_FILE": str(simulator.ca_file),
    }
    broker = site.start_broker()
    wanted = json.loads(site.run(SET_UP.format(port=simulator.port)))
    assert len(wanted) == OPERATIONS
    workers = [site.start(WORKER) for _ in range(2)]
    sweeper = site.start(SWEEPER)
    rows, killed, began = looked(site), Counter[str](), time.monotonic()
    while any(row["state"] not in ("done", "failed") for row in rows) and time.monotonic() - began < WITHIN_S:
        time.sleep(chance.uniform(1.0, 4.0))
        if killed.total() < KILLS:
            victim = chance.choice(("worker", "worker", "worker", "broker", "database", "sweeper"))
            killed[victim] += 1
            if victim == "worker":
                number = chance.randrange(len(workers))
                kill(workers[number])
                workers[number] = site.start(WORKER)
            elif victim == "broker":
                kill(broker)
                broker = site.start_broker()
            elif victim == "database":
                cut_database_connections(site, chance)
            else:
                kill(sweeper)
                sweeper = site.start(SWEEPER)
        rows = looked(site)
    for process in (*workers, sweeper):
        kill(process)
    moves = Counter(subject for method, subject, _ in simulator.calls() if method == "RelocateVM_Task")
    truth = json.loads(site.run(TRUTH))
    states = Counter(row["state"] for row in rows)
    print(
        f"\nkilled {dict(killed)} in {time.monotonic() - began:.0f} s; {dict(states)}; calls {moves.total()}"
    )
    assert set(states) <= {"done", "failed"}, states
    assert states.total() == OPERATIONS
    assert max(moves.values()) == 1, [vm for vm, count in moves.items() if count > 1]
    for row in rows:
        source, target = wanted[row["subject_id"]]
        assert truth[row["subject_id"]] == (target if row["state"] == "done" else source), row
        assert (row["subject_id"] in moves) or row["state"] == "failed", row
    assert killed.total() >= KILLS // 2
    assert states["done"] > OPERATIONS // 2
