"""Every operation's message comes eight times to workers that die at six points: one call each, never two.

    ./headroom test tests/cluster/test_deliveries.py -s                            100 operations, as in CI
    HEADROOM_DELIVERIES=1000 ./headroom test tests/cluster/test_deliveries.py -s   1,000

The hypervisor is a folder that counts: here it is the row's way that is tried, at a speed no hypervisor has.
tests/cluster/test_kills.py has a real one.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from tests.cluster.conftest import Site
from tests.cluster.real_operations import most_at_once, short

OPERATIONS = int(os.environ.get("HEADROOM_DELIVERIES", "100"))
HOSTS, MOVES_PER_HOST = 16, 2
LEASE_S = 1.0

SET_UP = f"""
from cluster.approval import plan_hash
from cluster.models import Connection, Operation
there = Connection.objects.create(
    name="lab", host="10.0.0.1", username="u", may_act=True, four_eyes=False, moves_per_host={MOVES_PER_HOST}
)
Operation.objects.bulk_create(
    Operation(connection=there, kind="migrate", state="queued", dry_run=False, subject_id=f"vm-{{n}}",
              subject=f"vm{{n}}", source=f"h{{n % {HOSTS}}}", destination=f"h{{(n + 1) % {HOSTS}}}")
    for n in range({OPERATIONS})
)
for one in Operation.objects.select_related("connection"):
    Operation.objects.filter(pk=one.pk).update(plan_sha256=plan_hash(one))
"""
WORK = """
import json, os, random, signal, sys, time
from django.db import connections as databases
from cluster import connections, operating
from cluster.models import Operation
FOLDER, SLOTS, PASSES, CHANCE = {folder!r}, 4, 2, 0.05

def note(line):
    file = os.open(FOLDER + "/calls", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, (line + "\\n").encode())
    os.close(file)

def first_at(point):
    try:
        os.close(os.open(FOLDER + "/died " + point, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True

def perhaps_die(point):
    if CHANCE and (first_at(point) or random.random() < CHANCE):
        note("killed " + point)
        os.kill(os.getpid(), signal.SIGKILL)

def look(connection, operation):
    perhaps_die("1 claimed")
    perhaps_die("2 looked")

def submit(connection, operation):
    perhaps_die("3 submitting")
    assert connections_submit_armed(operation)
    lock = FOLDER + "/lock-" + operation.subject_id
    os.close(os.open(lock, os.O_CREAT | os.O_EXCL))  # two calls at once about one VM fail here
    note("call " + str(operation.pk) + " " + operation.subject_id)
    os.unlink(lock)
    open(FOLDER + "/moved-" + operation.subject_id, "w").close()
    perhaps_die("4 called")
    return "task-" + operation.subject_id

def connections_submit_armed(operation):
    return Operation.objects.filter(pk=operation.pk, token=operation.token, state="submitting").exists()

def observe(connection, operation):
    perhaps_die("5 running")
    moved = os.path.exists(FOLDER + "/moved-" + operation.subject_id)
    perhaps_die("6 observed")
    state, why = ("done", None) if moved else ("failed", connections.NEVER_BEGAN)
    return connections.Outcome(state, why, 0.1, "t")

connections.look, connections.submit, connections.observe = look, submit, observe
ids = list(Operation.objects.order_by("subject_id").values_list("pk", flat=True)) * PASSES
databases.close_all()

def forked(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid

def slot(number):
    random.seed(number)
    mine = random.sample(ids, len(ids))
    at = FOLDER + f"/at-{{number}}"

    def deliver():
        random.seed()
        begin = int(open(at).read()) if os.path.exists(at) else 0
        for n in range(begin, len(mine)):
            open(at, "w").write(str(n + 1))
            carrying.carry_out(mine[n])

    while os.waitpid(forked(deliver), 0)[1]:
        pass

for pid in [forked(lambda number=number: slot(number)) for number in range(SLOTS)]:
    os.waitpid(pid, 0)
CHANCE = 0.0
until = time.monotonic() + 300
while Operation.objects.exclude(state__in=["done", "failed"]).exists() and time.monotonic() < until:
    for pk in Operation.objects.filter(state__in=["queued", "claimed"]).values_list("pk", flat=True):
        carrying.carry_out(pk)
    carrying.reconcile()
    time.sleep(0.2)
rows = Operation.objects.values("pk", "state", "source", "destination", "submitted_at", "ended_at")
print(json.dumps(list(rows), default=str))
"""


@pytest.mark.parametrize("any_site", ["postgresql"], indirect=True)
def test_eight_deliveries_and_deaths_at_six_points_are_one_call(any_site: Site, tmp_path: Path) -> None:
    any_site.run(SET_UP)
    told = any_site.run(short(LEASE_S) + WORK.format(folder=str(tmp_path)))
    rows = json.loads(told.splitlines()[-1])
    for row in rows:
        for key in ("submitted_at", "ended_at"):
            row[key] = None if row[key] == "None" or row[key] is None else datetime.fromisoformat(row[key])
    lines = [line.split(" ", 1) for line in (tmp_path / "calls").read_text().splitlines()]
    calls = Counter(rest.split()[0] for kind, rest in lines if kind == "call")
    killed = Counter(rest for kind, rest in lines if kind == "killed")
    states = Counter(row["state"] for row in rows)
    print(
        f"\n{OPERATIONS} operations x 8 deliveries: killed {killed.total()} times "
        f"{dict(sorted(killed.items()))}; "
        f"{calls.total()} calls, most for one {max(calls.values())}; ended {dict(states)}; "
        f"most at once on a host {most_at_once(rows)}"
    )
    assert set(states) <= {"done", "failed"}
    assert states.total() == OPERATIONS
    assert max(calls.values()) == 1
    for row in rows:
        assert calls[row["pk"]] == (1 if row["state"] == "done" else 0), row
    assert len(killed) == 6
    assert most_at_once(rows) <= MOVES_PER_HOST
