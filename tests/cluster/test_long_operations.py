"""An operation that lasts longer than the broker waits for an acknowledgement has one effect outside."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import Site
from tests.cluster.real_operations import Console
from tests.conftest import wait_until
from tests.operations.pve import SECRET, TOKEN, Pve, serving

VISIBLE_S = 2
LASTS_S = 12.0
ADD = """
from cluster import connecting, connections, operating, snapshot
from cluster.models import Estate
from tests.cluster.people import administrator, site_administrator
who = administrator()
there = connecting.add(
    site_administrator(), {secret!r}, name="pve", kind="proxmox", host="127.0.0.1", port={port},
    username={token!r}, may_act=True, four_eyes=False,
)
snapshot.save(Estate(name="pve"), connections.observe_estate(there, lambda stage: None).reading)
print(operating.propose(who, there, "migrate", "db", "pve2", real=True).pk)
"""
# Redelivery as soon as the broker can: every second, of whatever is not acknowledged after VISIBLE_S.
WORKER = f"""
from kombu.transport.redis import Channel, QoS
Channel.unacked_restore_interval = 1
from config.celery import app
app.conf.broker_transport_options = {{
    **app.conf.broker_transport_options, "visibility_timeout": {VISIBLE_S}, "unacked_restore_throttle": 1,
}}
app.worker_main(["worker", "-c", "2", "-l", "ERROR", "--without-gossip", "--without-mingle"])
"""
SEND = """
from celery import current_app
for _ in range(3):
    current_app.send_task("cluster.tasks.carry_out", [{pk!r}])
"""
LOOK = """
import json
from cluster.models import Operation
print(json.dumps(list(Operation.objects.values_list("state", "token"))))
"""


@pytest.fixture
def pve(tmp_path: Path) -> Iterator[Pve]:
    with serving(tmp_path) as one:
        one.migration_s = LASTS_S
        yield one


def test_a_migration_longer_than_the_visibility_timeout_is_asked_for_once(site: Site, pve: Pve) -> None:
    site.environment |= {
        "HEADROOM_CONNECTION_NETWORKS": "127.0.0.1/32",
        "HEADROOM_CONNECTION_CA_FILE": str(pve.ca_file),
    }
    site.start_broker()
    console = Console(site)
    pk = console.run(ADD.format(secret=SECRET, port=pve.port, token=TOKEN)).splitlines()[-1]
    for _ in range(2):
        site.start(WORKER)
    console.run(SEND.format(pk=pk))
    began = time.monotonic()
    wait_until(lambda: json.loads(console.run(LOOK))[0][0] in ("done", "failed"), "the migration's end")
    took = time.monotonic() - began
    [[state, token]] = json.loads(console.run(LOOK))
    print(f"\nthe operation lasted {took:.0f} s, the broker waits for {VISIBLE_S} s: {len(pve.calls)} call")
    assert took > 3 * VISIBLE_S
    assert (state, token, pve.calls) == ("done", 1, ["migrate 100 pve2"])
