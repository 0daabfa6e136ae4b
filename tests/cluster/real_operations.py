"""What tests with real workers and VMware's simulator share: a site with proposed migrations, and its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cluster.conftest import Site
from tests.operations.simulator import Simulator

SHORT = """
from cluster import carrying
carrying.LEASE_S, carrying.GRACE_S, carrying.FRESH_S, carrying.POLL_S = {lease}, {lease}, 6.0, 0.2
"""
SET_UP = """
import json
from cluster import connecting, connections, operating, snapshot
from cluster.models import Estate, Operation
from tests.cluster.people import administrator, site_administrator
who = administrator()
connection = connecting.add(
    site_administrator(), "p", name="lab", host="127.0.0.1", port={port}, username="u", may_act=True,
    four_eyes=False, moves_per_host=8,
)
reading = connections.observe_estate(connection, lambda stage: None).reading
snapshot.save(Estate(name="lab"), reading)
hosts = [host.name for host in reading.estate.hosts]
wanted = {{}}
for vm in reading.estate.vms:
    target = hosts[(hosts.index(vm.host) + 1) % len(hosts)]
    operation = operating.propose(who, connection, "migrate", vm.name, target, real=True)
    wanted[vm.id] = [vm.host, target, str(operation.pk)]
print(json.dumps(wanted))
"""
LOOK = """
import json
from cluster.models import Operation
rows = Operation.objects.values("subject_id", "state", "source", "destination", "why", "token")
print(json.dumps(list(rows)))
"""
TRUTH = """
import json
from operations.drivers.remote import Order
from cluster import connections
from cluster.models import Connection
reading = connections.observe_estate(Connection.objects.get(), lambda stage: None).reading
print(json.dumps({vm.id: vm.host for vm in reading.estate.vms}))
"""
RECONCILE = """
from cluster import carrying, operating
carrying.reconcile()
operating.send_waiting()
"""


CONSOLE = """
import contextlib, io, json, sys
from django.db import close_old_connections
for line in sys.stdin:
    close_old_connections()
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(json.loads(line), {})
    print(json.dumps(told.getvalue().strip()), flush=True)
"""


class Console:
    """One process of a site that runs piece after piece: starting one for each takes seconds."""

    def __init__(self, site: Site) -> None:
        self._process = site.start(CONSOLE)

    def run(self, code: str) -> str:
        """Run Python there and give what it prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the console died: its error stands above"
        return str(json.loads(answer))


def short(lease_s: float) -> str:
    """A preamble that makes leases and the like as short as a test is patient."""
    return SHORT.format(lease=lease_s)


def knows(site: Site, simulator: Simulator) -> None:
    """Let a site reach the simulator."""
    site.environment |= {
        "HEADROOM_CONNECTION_NETWORKS": "127.0.0.1/32",
        "HEADROOM_CONNECTION_CA_FILE": str(simulator.ca_file),
        "HEADROOM_CONNECTION_KEY_FILE": str(Path(simulator.ca_file).parent / "connection-key"),
    }


def set_up(site: Site | Console, simulator: Simulator) -> dict[str, list[str]]:
    """Store the simulator's estate and propose one migration for each VM: id -> from, to, operation."""
    wanted: dict[str, list[str]] = json.loads(site.run(SET_UP.format(port=simulator.port)))
    return wanted


def looked(site: Site | Console) -> list[dict[str, Any]]:
    """Every operation as it stands."""
    found: list[dict[str, Any]] = json.loads(site.run(LOOK))
    return found


def truth(site: Site | Console) -> dict[str, str]:
    """Where each VM really is."""
    found: dict[str, str] = json.loads(site.run(TRUTH))
    return found


def most_at_once(rows: list[dict[str, Any]]) -> int:
    """How many migrations one host had at once, from submitting to the end that was observed."""
    begun = [row for row in rows if row["submitted_at"] is not None]
    return max(
        sum(
            host in (other["source"], other["destination"])
            and other["submitted_at"] <= row["submitted_at"] < other["ended_at"]
            for other in begun
        )
        for row in begun
        for host in (row["source"], row["destination"])
    )
