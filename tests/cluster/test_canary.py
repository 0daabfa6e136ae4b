"""A password that was typed in stands in no dump, no log, no command line and no backup; keys change."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cluster.conftest import ROOT, Site
from tests.cluster.real_operations import Console, knows
from tests.conftest import wait_until
from tests.operations.simulator import Simulator, simulated

CANARY = "c4n4ry-7f3a9e-passw0rd"
WORKER = """
import logging
logging.basicConfig(level=logging.DEBUG)
from config.celery import app
app.worker_main(["worker", "-c", "1", "-l", "DEBUG", "--without-gossip", "--without-mingle"])
"""
ADD = """
import os
from cluster import connecting
from tests.cluster.people import administrator, site_administrator
where = dict(host="127.0.0.1", port={port}, username="u")
there = connecting.add(site_administrator(), {canary!r}, name="lab", **where)
wrong = connecting.add(site_administrator(), {canary!r} + "-no", name="no", **where)
connecting.refresh(administrator(), there)
connecting.refresh(administrator(), wrong)
"""
STATES = """
from cluster.models import Run
print(sorted(Run.objects.values_list("state", flat=True)))
"""
OPENED = """
from cluster import connections
from cluster.models import Connection
print([connections.login_of(one).password for one in Connection.objects.order_by("name")])
"""


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with simulated(tmp_path, "-hosts", 2, "-vms", 3, "-username", "u", "-password", CANARY) as one:
        yield one


def dumped(site: Site) -> bytes:
    """Every row of every table, as PostgreSQL itself copies it out."""
    url = site.environment["DATABASE_URL"].replace("postgres://", "postgresql://", 1)
    found = b""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            with connection.cursor().copy(f'COPY "{table}" TO STDOUT') as rows:
                found += b"".join(rows)
    return found


def command_lines() -> bytes:
    """What every process of this machine was started with, and its environment where we may read it."""
    found = b""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and int(process.name) != os.getpid():
            for part in ("cmdline", "environ"):
                try:
                    found += (process / part).read_bytes()
                except OSError:
                    continue
    return found


@pytest.mark.parametrize("any_site", ["postgresql"], indirect=True)
def test_a_password_is_nowhere_and_a_new_key_opens_it(any_site: Site, simulator: Simulator) -> None:
    site = any_site
    knows(site, simulator)
    site.start_broker()
    log = site.folder / "worker.log"
    site.environment["PYTHONUNBUFFERED"] = "1"
    with log.open("w") as file:
        worker = subprocess.Popen(
            [sys.executable, "-c", "import django; django.setup()\n" + WORKER],
            env=site.environment, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        site.started.append(worker)  # type: ignore[arg-type]
        console = Console(site)
        console.run(ADD.format(canary=CANARY, port=simulator.port))
        wait_until(lambda: console.run(STATES) == "['failed', 'succeeded']", "both refreshes")
        running = command_lines()
        time.sleep(0.5)  # for the last lines of the log
    key_file = Path(site.environment["HEADROOM_CONNECTION_KEY_FILE"])
    places = {
        "database": dumped(site), "log": log.read_bytes(), "processes": running, "key": key_file.read_bytes(),
        "broker": b"".join(part.read_bytes() for part in site.folder.rglob("*.aof")),
    }  # fmt: skip
    simulators = f"-password\0{CANARY}".encode()  # the simulator's own: it has to know it
    places["processes"] = places["processes"].replace(simulators, b"")
    print("\nscanned", {name: f"{len(text) // 1024} KiB" for name, text in places.items()})
    assert [name for name, text in places.items() if CANARY.encode() in text] == []
    assert b"does not know this user and password" in places["database"]

    key = key_file.read_bytes()
    changed = subprocess.run(
        [sys.executable, "manage.py", "connection_key", "rotate"], env=site.environment, cwd=ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert changed.stdout == "2 secrets open; the file holds 1 keys\n"
    assert key.strip() not in key_file.read_bytes()
    assert console.run(OPENED) == str([CANARY, CANARY + "-no"])
    assert b"changed the keys of the secrets" in dumped(site)
