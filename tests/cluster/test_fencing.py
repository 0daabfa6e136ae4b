"""A worker that is killed or stopped at the worst moment, against VMware's simulator: never a second call.

The points are before the last look at the row, before the call is on the wire, and after it was answered.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import BEGIN, ROOT, Site
from tests.cluster.real_operations import RECONCILE, Console, knows, looked, set_up, short, truth
from tests.conftest import wait_until
from tests.operations.simulator import Simulator, simulated

LEASE_S = 1.0
STOPPED_S = 4 * LEASE_S
POINTS = ("before the last look", "before the call", "after the call")
SIGNALLED = (
    short(LEASE_S)
    + """
import os
from cluster import connections
from operations.drivers.vsphere.server import VsphereServer
look, call = connections.submit, VsphereServer.submit
def end(): os.kill(os.getpid(), {signal})
def looking(*arguments):
    if {point!r} == "before the last look": end()
    return look(*arguments)
def calling(*arguments):
    if {point!r} == "before the call": end()
    found = call(*arguments)
    if {point!r} == "after the call": end()
    return found
connections.submit, VsphereServer.submit = looking, calling
carrying.carry_out({operation!r})
print("woke and ended", flush=True)
"""
)
AGAIN = """
from cluster import operating, services
from cluster.models import Connection
from tests.cluster.people import administrator
try:
    operating.propose(administrator(), Connection.objects.get(), "migrate", {vm!r}, {host!r}, real=True)
    print("taken")
except services.Refused as refusal:
    print(refusal.message)
"""
NAMES = """
import json
from cluster.models import Operation
print(json.dumps(dict(Operation.objects.values_list("subject_id", "subject"))))
"""


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with simulated(tmp_path, "-clusters", 1, "-hosts", 2, "-vms", 1) as one:
        yield one


every_point = pytest.mark.parametrize(
    ("any_site", "point"),
    [("postgresql", point) for point in POINTS] + [("sqlite", "before the call")],
    indirect=["any_site"],
)


@pytest.fixture
def console(any_site: Site, simulator: Simulator) -> Console:
    knows(any_site, simulator)
    return Console(any_site)


def moves(simulator: Simulator) -> int:
    return sum(method == "RelocateVM_Task" for method, _, _ in simulator.calls())


def state_of(process: subprocess.Popen[str]) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def reconciled(site: Console) -> str:
    site.run(short(LEASE_S) + RECONCILE)
    return str(looked(site)[0]["state"])


@every_point
def test_a_worker_that_dies_while_it_submits_is_never_followed_by_a_second_call(
    any_site: Site, console: Console, simulator: Simulator, point: str
) -> None:
    [(vm, (source, target, operation))] = set_up(console, simulator).items()
    worker = any_site.start(SIGNALLED.format(point=point, operation=operation, signal=int(signal.SIGKILL)))
    assert worker.wait(60) == -signal.SIGKILL
    made = moves(simulator)
    assert made == (1 if point == "after the call" else 0)
    assert looked(console)[0]["state"] == "submitting"
    wait_until(lambda: reconciled(console) in ("done", "failed"), "the operation's end")
    state = looked(console)[0]["state"]
    assert moves(simulator) == made
    assert (state, truth(console)[vm]) == (("done", target) if made else ("failed", source))


@every_point
def test_a_worker_that_is_stopped_while_it_submits_writes_nothing_when_it_wakes(
    any_site: Site, console: Console, simulator: Simulator, point: str
) -> None:
    """As long as it lives nobody says that its call was never made, so no other call follows."""
    [(vm, (source, target, operation))] = set_up(console, simulator).items()
    name = json.loads(console.run(NAMES))[vm]
    worker = any_site.start(SIGNALLED.format(point=point, operation=operation, signal=int(signal.SIGSTOP)))
    wait_until(lambda: state_of(worker) == "T", "the worker's stop")
    made = moves(simulator)
    until = time.monotonic() + STOPPED_S
    while time.monotonic() < until:
        state = reconciled(console)
        if not made:
            assert state in ("submitting", "unknown")
            assert "under way already" in console.run(AGAIN.format(vm=name, host=target))
    before = looked(console)[0]
    os.kill(worker.pid, signal.SIGCONT)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "woke and ended\n"
    assert looked(console)[0] == before  # its token is an old one: not one write
    wait_until(lambda: reconciled(console) in ("done", "failed"), "the operation's end")
    assert moves(simulator) == (0 if point == "before the last look" else 1)
    moved = point != "before the last look"
    assert (looked(console)[0]["state"], truth(console)[vm]) == (
        ("done", target) if moved else ("failed", source)
    )


@pytest.mark.parametrize("any_site", ["postgresql"], indirect=True)
@pytest.mark.parametrize("skew", ["+10m", "-10m"])
def test_a_worker_whose_clock_is_wrong_takes_nothing_over_early(
    any_site: Site, console: Console, simulator: Simulator, skew: str
) -> None:
    """Leases are read from the database's clock alone."""
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("a wrong clock needs: sudo apt-get install -y faketime")
    [(_, (_, _, operation))] = set_up(console, simulator).items()
    console.run(f"from cluster import carrying; assert carrying.claim({operation!r}).token == 1")
    code = BEGIN + (
        "import datetime\n"
        "from cluster import carrying\n"
        f"print(carrying.claim({operation!r}), carrying.reconcile(), datetime.datetime.now().timestamp())"
    )
    done = subprocess.run(
        [faketime, "-f", skew, sys.executable, "-c", code], env=any_site.environment, cwd=ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    claimed, lost, clock = done.stdout.split()
    assert abs(float(clock) - time.time()) > 500  # it really was wrong
    assert (claimed, lost) == ("None", "0")
    assert [(row["state"], row["token"]) for row in looked(console)] == [("claimed", 1)]
