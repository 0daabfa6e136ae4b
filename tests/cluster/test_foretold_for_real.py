"""Foretold against measured on VMware's own simulator: what its tasks do not tell stays unknown.

Its tasks (govmomi 0.24) have no time of beginning or end, so nothing is learnt from them, and nothing is
made up in their place.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster import accuracy, carrying, connecting, connections, foretelling, operating, snapshot
from cluster.models import Estate, MigrationFit, Operation
from operations.fitting import ENOUGH
from tests.cluster.people import administrator, site_administrator
from tests.operations.simulator import Simulator, simulated

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    options = ("-hosts", 2, "-vms", ENOUGH + 4, "-username", "u", "-password", "p")
    with simulated(tmp_path_factory.mktemp("vcsim"), *options) as one:
        yield one


def test_measured_migrations_of_a_server_teach_its_cluster(
    simulator: Simulator, settings: Any, tmp_path: Path
) -> None:
    settings.CONNECTION_NETWORKS = ["127.0.0.1/32"]
    settings.CONNECTION_KEY_FILE = tmp_path / "key"
    settings.CONNECTION_CA_FILE = str(simulator.ca_file)
    there = connecting.add(
        site_administrator(), "p", name="lab", host="127.0.0.1", port=simulator.port, username="u",
        may_act=True, four_eyes=False, moves_per_host=8,
    )  # fmt: skip
    reading = connections.observe_estate(there, lambda _: None).reading
    snapshot.save(Estate(name="lab"), reading)
    hosts = {host.name: host.cluster for host in reading.estate.hosts}
    moved = []
    for vm in reading.estate.vms:
        others = [
            name for name, cluster in hosts.items() if cluster == hosts[vm.host or ""] and name != vm.host
        ]
        if others and vm.power == "on":
            operation = operating.propose(administrator(), there, "migrate", vm.name, others[0], real=True)
            carrying.carry_out(operation.pk, poll_s=0.05)
            moved.append(operation)
    rows = list(Operation.objects.filter(pk__in=[one.pk for one in moved], state=Operation.State.DONE))
    assert len(rows) == len(moved)
    assert len(rows) >= ENOUGH
    for row in rows:
        assert row.predicted["total_s"] > 0.5  # set-up alone is more
        assert set(row.measured) == {"total_s", "downtime_ms", "sent_mib", "lost_pings"}
        assert (row.measured["downtime_ms"], row.measured["lost_pings"]) == (None, None)  # no task tells
    timed = [row for row in rows if row.measured["total_s"]]
    print(f"\n{len(rows)} migrations of the simulator, of which {len(timed)} were told with a time")
    foretelling.learn_due()
    taught = foretelling.taught_of(Estate.objects.get())
    assert sum(one.measured for one in taught.values()) == len(timed)
    assert MigrationFit.objects.count() == sum(one.measured >= ENOUGH for one in taught.values())
    assert all("too few" in accuracy.too_few(one) for one in taught.values() if one.fit is None)
