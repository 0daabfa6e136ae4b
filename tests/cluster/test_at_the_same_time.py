"""Imports into one estate at the same time: each is whole, and one of them is the last."""

from __future__ import annotations

import json

from tests.cluster.conftest import Site
from tests.conftest import wait_until

AT_ONCE = 4

IMPORT = """
from django.core.files.base import ContentFile
from cluster import services, tasks
from planner.formats.document import write_document
from tests.cluster.estates import estate_of
file = ContentFile(write_document(estate_of({vms}, owner="{owner}")), "site.json")
run = services.queue_import(None, file, "site", tell_a_worker=False)
print(run.pk, flush=True)
tasks.import_estate(str(run.pk))
"""

STOP_WHILE_STORING = """
import signal
from cluster.snapshot import writing
def wait(changes):  # all rows are written, the transaction is open
    print("storing", flush=True)
    signal.pause()
writing._describe = wait
"""

LOOK = """
import json
from cluster import snapshot
from cluster.models import Disk, Estate, Host, Run, VirtualMachine
estates = Estate.objects.all()
loaded = [snapshot.load(estate) for estate in estates]
print(json.dumps({
    "revisions": [estate.revision for estate in estates],
    "states": sorted(Run.objects.values_list("state", flat=True)),
    "owners": sorted({vm.owner or "" for estate in loaded for vm in estate.vms}),
    "vms": VirtualMachine.objects.count(),
    "disks": Disk.objects.count(),
    "hosts": Host.objects.count(),
}))
"""


def test_imports_at_the_same_time_leave_one_of_them_whole(any_site: Site):
    workers = [any_site.start(IMPORT.format(vms=300, owner=f"owner{n}")) for n in range(AT_ONCE)]
    assert [worker.wait(timeout=300) for worker in workers] == [0] * AT_ONCE
    seen = json.loads(any_site.run(LOOK))
    assert seen["states"] == ["succeeded"] * AT_ONCE
    assert seen["revisions"] == [AT_ONCE]
    assert len(seen["owners"]) == 1
    assert (seen["vms"], seen["disks"], seen["hosts"]) == (300, 600, 4)


def test_a_worker_killed_while_it_stores_leaves_the_old_estate(any_site: Site):
    any_site.run(IMPORT.format(vms=300, owner="before"))
    worker = any_site.start(STOP_WHILE_STORING + IMPORT.format(vms=400, owner="after"))
    wait_until(lambda: worker.stdout.readline() == "storing\n", "the store to begin")
    worker.kill()
    worker.wait()
    seen = json.loads(any_site.run(LOOK))
    assert seen["states"] == ["running", "succeeded"]
    assert (seen["revisions"], seen["owners"], seen["vms"]) == ([1], ["before"], 300)


HOLD_THROUGH_A_LONG_STEP = """
import threading
from datetime import timedelta
from django.db.models.functions import Now
from cluster.models import Run
from cluster.work import claim
from tests.conftest import wait_until
run = Run.objects.create(kind=Run.Kind.PLAN, estate_name="site")
work = claim(run.pk)
with work.kept(every_s=0.05):
    Run.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))
    wait_until(lambda: Run.objects.filter(pk=run.pk, lease_until__gt=Now()).exists(), "a new lease")
    print("renewed", claim(run.pk))
    Run.objects.filter(pk=run.pk).update(state=Run.State.CANCELLED, lease_until=None)
    wait_until(lambda: threading.active_count() == 1, "the end of the thread")
print(Run.objects.get(pk=run.pk).lease_until, threading.active_count())
"""


def test_the_lease_outlasts_a_step_of_any_length_and_is_not_forced_on_a_cancelled_run(any_site: Site):
    assert any_site.run(HOLD_THROUGH_A_LONG_STEP).splitlines() == ["renewed None", "None 1"]
