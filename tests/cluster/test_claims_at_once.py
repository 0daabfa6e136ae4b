"""Many workers and the same operations at the same moment, on each database: each is claimed once."""

from __future__ import annotations

from collections import Counter

from tests.cluster.conftest import Site

OPERATIONS, WORKERS = 30, 4

SET_UP = f"""
from cluster.models import Connection, Operation
there = Connection.objects.create(name="lab", host="10.0.0.1", username="u")
for n in range({OPERATIONS}):
    vm = {{"subject_id": f"vm-{{n}}", "subject": f"vm{{n}}"}}
    Operation.objects.create(connection=there, kind="migrate", state="queued", **vm)
"""
CLAIM = """
from cluster import carrying
from cluster.models import Operation
print("ready", flush=True)
input()
for pk in Operation.objects.order_by("subject_id").values_list("pk", flat=True):
    if carrying.claim(pk):
        print(pk, flush=True)
"""


def test_each_operation_is_claimed_by_one_of_many_workers(any_site: Site) -> None:
    any_site.run(SET_UP)
    workers = [any_site.start(CLAIM) for _ in range(WORKERS)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    claimed = Counter(line for worker in workers for line in worker.stdout.read().split())
    assert len(claimed) == OPERATIONS
    assert set(claimed.values()) == {1}
