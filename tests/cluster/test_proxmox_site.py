"""A Proxmox VE cluster through the whole shell: read, planned, told, acted upon, its answers lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from cluster import carrying, connecting, connections, observing, operating, services, tasks
from cluster.models import AuditEntry, Connection, Estate, Event, Operation, Run, Use
from tests.cluster.people import administrator, site_administrator
from tests.cluster.test_connections import secrets_in_database
from tests.operations.pve import AUDITOR, SECRET, TOKEN, Pve, serving

pytestmark = pytest.mark.django_db
State = Operation.State


@pytest.fixture
def pve(tmp_path: Path, settings: Any) -> Iterator[Pve]:
    settings.CONNECTION_NETWORKS = ["127.0.0.1/32"]
    settings.CONNECTION_KEY_FILE = tmp_path / "key"
    settings.DATA_DIR = tmp_path
    with serving(tmp_path) as one:
        settings.CONNECTION_CA_FILE = str(one.ca_file)
        yield one


@pytest.fixture
def there(pve: Pve) -> Connection:
    return connecting.add(
        site_administrator(), SECRET, name="pve", kind="proxmox", host="127.0.0.1", port=pve.port,
        username=TOKEN, may_act=True, four_eyes=False,
    )  # fmt: skip


def refreshed(there: Connection) -> Run:
    run = connecting.refresh(administrator(), there)
    tasks.refresh_estate(str(run.pk))
    run.refresh_from_db()
    return run


def proposed(there: Connection, kind: str = "migrate", name: str = "db", to: str = "pve2") -> Operation:
    return operating.propose(administrator(), there, kind, name, to, real=True)


def carried(operation: Operation) -> tuple[str, str]:
    carrying.carry_out(operation.pk, poll_s=0.05)
    return stands(operation)


def stands(operation: Operation) -> tuple[str, str]:
    operation.refresh_from_db()
    why = operation.why or {"template": "", "values": {}}
    return operation.state, why["template"].format(**why["values"])


def late(operation: Operation) -> None:
    """As if the grace of a lost answer were over."""
    Operation.objects.filter(pk=operation.pk).update(submitted_at=timezone.now() - timedelta(seconds=100))


# -- reading


def test_a_refresh_stores_plans_dates_and_measures_and_keeps_the_secret(
    pve: Pve, there: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    run = refreshed(there)
    assert (run.state, run.error) == (Run.State.SUCCEEDED, None)
    estate = Estate.objects.get(name="pve")
    assert (estate.host_set.count(), estate.virtualmachine_set.count(), estate.plans.count()) == (3, 5, 1)
    used = Use.objects.get(connection=there, vm="db")
    assert (used.cpu_p95_mhz, used.cpu_coverage) == (pytest.approx(2160.0), pytest.approx(44 / 48))
    assert estate.virtualmachine_set.get(name="db").cpu_demand_mhz == pytest.approx(2160.0)
    assert SECRET not in secrets_in_database() + caplog.text


def test_an_offline_node_stays_in_the_estate_as_it_was_seen(pve: Pve, there: Connection) -> None:
    refreshed(there)
    pve.nodes["pve3"] = False
    assert refreshed(there).state == Run.State.SUCCEEDED
    node = Estate.objects.get(name="pve").host_set.get(name="pve3")
    assert (node.connected, node.cores) == (False, 8)


def test_a_token_without_rights_ends_the_refresh_with_what_to_grant(pve: Pve, there: Connection) -> None:
    pve.permissions = {}
    run = refreshed(there)
    assert run.state == Run.State.FAILED
    assert "PVEAuditor" in run.error["template"]
    assert run.error["values"] == {"token": TOKEN}


def test_what_the_server_says_has_happened_is_told_once(pve: Pve, there: Connection) -> None:
    refreshed(there)
    carried(proposed(there))
    refreshed(there)
    refreshed(there)
    told = [event for event in Event.objects.filter(kind="observed") if "qmigrate" in event.values["text"]]
    assert [event.subject for event in told] == ["100"]


def test_what_changes_while_somebody_watches_is_told_and_has_the_estate_read_again(
    pve: Pve, there: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.drivers.proxmox.happenings.EVERY_S", 0.05)
    Connection.objects.update(refresh_minutes=60, next_refresh_at=timezone.now() + timedelta(hours=1))
    threading.Timer(0.5, lambda: setattr(pve.guests[100], "node", "pve2")).start()

    class Enough(Exception):
        pass

    def heard(_: Any) -> None:
        raise Enough

    with pytest.raises(Enough):
        observing.watch(there, heard, wait_s=5)
    event = Event.objects.get(kind="observed")
    assert event.template.format(**event.values) == "db is on pve2 now"
    assert connecting.refresh_due() == 1


# -- acting


def test_a_migration_is_done_and_measured(pve: Pve, there: Connection) -> None:
    refreshed(there)
    operation = proposed(there)
    assert carried(operation) == ("done", "Done")
    assert pve.calls == ["migrate 100 pve2"]
    assert operation.external_id.startswith("UPID:pve1:")
    assert operation.predicted["total_s"] > 0
    assert (operation.measured["downtime_ms"], operation.measured["sent_mib"]) == (59.0, 1536.0)
    assert operation.measured["total_s"] >= 0
    assert operation.measured["lost_pings"] is None  # no server counts them


def test_a_migration_whose_log_tells_nothing_leaves_its_cost_unknown(pve: Pve, there: Connection) -> None:
    refreshed(there)
    pve.tells_cost = False
    operation = proposed(there)
    assert carried(operation) == ("done", "Done")
    assert (operation.measured["downtime_ms"], operation.measured["sent_mib"]) == (None, None)


def test_a_migration_that_the_server_would_refuse_fails_before_it_is_asked_for(
    pve: Pve, there: Connection
) -> None:
    refreshed(there)
    pve.only_here = {"ceph"}
    assert carried(proposed(there)) == ("failed", "db cannot move to pve2: no ceph there")
    assert pve.calls == []


def test_readings_that_differ_in_use_alone_are_kept_once(pve: Pve, there: Connection) -> None:
    refreshed(there)
    before = there.observations.count()
    pve.guests[100].maxmem += 2**30
    pve.guests[101].status = "stopped"
    refreshed(there)
    assert (before, there.observations.count()) == (1, 2)
    refreshed(there)
    pve.busy = 2.0
    refreshed(there)
    assert there.observations.count() == 2
    assert Use.objects.get(connection=there, vm="db").cpu_p95_mhz == pytest.approx(4320.0)


def test_a_lost_answer_is_unknown_and_then_found(pve: Pve, there: Connection) -> None:
    refreshed(there)
    pve.lose = "POST .*/migrate"
    operation = proposed(there)
    assert carried(operation)[0] == State.UNKNOWN
    late(operation)
    time.sleep(pve.migration_s)
    carrying.carry_out(operation.pk)
    carrying.reconcile()
    assert stands(operation) == ("done", "Done")
    assert pve.calls == ["migrate 100 pve2"]


def test_a_lost_call_is_unknown_until_the_server_says_that_nothing_began(pve: Pve, there: Connection) -> None:
    refreshed(there)
    operation = proposed(there)
    Operation.objects.filter(pk=operation.pk).update(state=State.UNKNOWN, submitted_at=timezone.now())
    carrying.reconcile()
    assert stands(operation)[0] == State.UNKNOWN
    late(operation)
    pve.nodes["pve1"] = False
    carrying.reconcile()
    assert stands(operation)[0] == State.UNKNOWN  # its node is silent: nobody knows
    pve.nodes["pve1"] = True
    carrying.reconcile()
    assert stands(operation) == ("failed", "The server never began it")
    assert pve.calls == []


def test_what_ha_takes_over_ends_when_the_guest_has_moved(pve: Pve, there: Connection) -> None:
    pve.ha = {"vm:100": {"type": "vm", "state": "started"}}
    refreshed(there)
    operation = proposed(there)
    assert carried(operation) == ("done", "Done")
    assert pve.guests[100].node == "pve2"


def test_what_ha_takes_over_and_never_does_fails_in_the_end(pve: Pve, there: Connection) -> None:
    pve.ha, pve.ha_delay_s = {"vm:100": {"type": "vm", "state": "started"}}, 3600
    refreshed(there)
    operation = proposed(there)
    Operation.objects.filter(pk=operation.pk).update(state=State.UNKNOWN, submitted_at=timezone.now())
    with connections._opened(there) as server:
        identity = server.submit(connections.order_of(operation))
    Operation.objects.filter(pk=operation.pk).update(external_id=identity)
    carrying.reconcile()
    assert stands(operation)[0] == State.RUNNING
    Operation.objects.filter(pk=operation.pk).update(
        state=State.UNKNOWN, submitted_at=timezone.now() - timedelta(hours=1)
    )
    carrying.reconcile()
    assert stands(operation) == ("failed", "The server's HA took it over and did not do it")


def test_a_guest_is_given_to_ha_and_taken_away_again(pve: Pve, there: Connection) -> None:
    refreshed(there)
    assert carried(proposed(there, "protect", "db"))[0] == State.DONE
    assert list(pve.ha) == ["vm:100"]
    assert carried(proposed(there, "protect", "db")) == ("failed", "HA keeps db already")
    assert carried(proposed(there, "unprotect", "db"))[0] == State.DONE
    assert pve.ha == {}


def test_maintenance_is_refused_with_the_command_that_does_it(pve: Pve, there: Connection) -> None:
    refreshed(there)
    state, why = carried(proposed(there, "enter", "pve1"))
    assert state == State.FAILED
    assert "ha-manager crm-command node-maintenance enable NODE" in why


def test_an_abort_reaches_the_server_and_only_the_server_says_how_it_ended(
    pve: Pve, there: Connection
) -> None:
    pve.migration_s = 60.0
    refreshed(there)
    operation = proposed(there)
    claimed = carrying.claim(operation.pk)
    assert claimed is not None
    carrying._submit(claimed, there, time.monotonic())
    assert stands(operation)[0] == State.RUNNING
    assert operating.abort(administrator(), operation)
    assert not operating.abort(administrator(), operation)
    tasks.abort_operation(str(operation.pk))
    tasks.abort_operation(str(operation.pk))
    carrying._follow(claimed, there, 0.05)
    assert stands(operation) == ("failed", "unexpected status")
    assert pve.guests[100].node == "pve1"
    assert AuditEntry.objects.filter(deed="asked to abort an operation").count() == 1


def test_an_abort_of_what_has_not_begun_is_none(pve: Pve, there: Connection) -> None:
    refreshed(there)
    assert not operating.abort(administrator(), proposed(there))


# -- what stands between a dry run and the call


def test_a_dry_run_asks_nothing_that_changes_anything(pve: Pve, there: Connection) -> None:
    refreshed(there)
    pve.asked.clear()
    operation = operating.propose(administrator(), there, "migrate", "db", "pve2")
    assert carried(operation)[0] == State.DONE
    assert pve.asked
    assert [line for line in pve.asked if not line.startswith("GET ")] == []


def test_the_database_refuses_a_dry_run_any_state_after_the_check(pve: Pve, there: Connection) -> None:
    refreshed(there)
    operation = operating.propose(administrator(), there, "migrate", "db", "pve2")
    for state in Operation.BUSY:
        with pytest.raises(IntegrityError), transaction.atomic():
            Operation.objects.filter(pk=operation.pk).update(state=state)


def test_whoever_looks_has_no_way_to_the_call(pve: Pve, there: Connection) -> None:
    with connections.looking(there) as server:
        assert not hasattr(server, "submit")
        assert not hasattr(server, "abort")


@pytest.mark.parametrize("state", [State.QUEUED, State.CLAIMED, State.RUNNING, State.UNKNOWN, State.DONE])
def test_a_row_that_is_not_being_submitted_is_never_submitted(
    pve: Pve, there: Connection, state: str
) -> None:
    refreshed(there)
    operation = proposed(there)
    Operation.objects.filter(pk=operation.pk).update(state=state)
    with pytest.raises(connections.Refusal):
        connections.submit(there, operation)
    assert pve.calls == []


def test_a_connection_that_may_not_act_any_more_does_not_at_the_last_moment(
    pve: Pve, there: Connection
) -> None:
    refreshed(there)
    operation = proposed(there)
    Connection.objects.update(may_act=False)
    assert carried(operation) == ("failed", "The connection may not act any more")
    assert pve.calls == []


def test_a_site_that_wants_four_eyes_meanwhile_gets_them(pve: Pve, there: Connection) -> None:
    refreshed(there)
    operation = proposed(there)
    Connection.objects.update(four_eyes=True)
    assert carried(operation)[0] == State.PROPOSED  # somebody else may approve it still
    assert pve.calls == []


def test_a_token_that_may_only_read_is_told_by_the_server(pve: Pve, there: Connection) -> None:
    pve.permissions = dict(AUDITOR)
    refreshed(there)
    state, why = carried(proposed(there))
    assert (state, pve.calls) == (State.FAILED, [])
    assert "403 Permission check failed (/, VM.Migrate)" in why


def test_units_of_hosts_make_a_migration_wait_with_the_reason(pve: Pve, there: Connection) -> None:
    refreshed(there)
    Connection.objects.update(moves_per_host=1)
    first, second = proposed(there, to="pve2"), proposed(there, name="shop", to="pve1")
    claimed = carrying.claim(first.pk)
    assert claimed is not None
    pve.migration_s = 60.0
    carrying._submit(claimed, there, time.monotonic())
    assert carried(second) == ("queued", "pve1 has as many migrations as it may: 1")
    assert pve.calls == ["migrate 100 pve2"]


def test_nothing_is_proposed_of_a_host_that_was_never_seen(pve: Pve, there: Connection) -> None:
    refreshed(there)
    with pytest.raises(services.Refused):
        proposed(there, "enter", "pve9")
