"""Foretold against measured: kept with each migration, fitted per cluster, shown with its error."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from cluster import (
    accuracy,
    carrying,
    connections,
    foretelling,
    operating,
    reporting,
    selectors,
    services,
    snapshot,
    tasks,
)
from cluster.connections import Outcome
from cluster.models import Connection, Estate, MigrationFit, Operation, Plan
from cluster.reach import visible_to
from cluster.rehearsal import question
from cluster.roles import Role
from operations.fitting import ENOUGH
from planner.report import Parameters
from tests.cluster.exports.test_origin import text_of
from tests.cluster.exports.test_pdf import joined
from tests.cluster.people import administrator, person
from tests.planner.small import host, reading, vm

pytestmark = pytest.mark.django_db
RATE_MIB_S = 560.0  # what this server's link really carries: half of what 10 Gbit/s should
SETUP_S = 3.0


class Server:
    """A server whose migrations take what its link takes; it tells the stop where `tells` says so."""

    def __init__(self, *, tells: bool = True) -> None:
        self.tells = tells

    def look(self, _: Connection, operation: Operation) -> None:
        return None

    def submit(self, _: Connection, operation: Operation) -> str:
        assert Operation.objects.get(pk=operation.pk).predicted["total_s"] > 0  # kept before the call
        return f"task-{operation.subject}"

    def observe(self, _: Connection, operation: Operation) -> Outcome:
        memory = operation.predicted["memory_mib"]
        told: dict[str, Any] = {"downtime_ms": 90.0, "sent_mib": memory} if self.tells else {}
        seconds = SETUP_S + memory / RATE_MIB_S
        return Outcome("done", None, seconds, f"task-{operation.subject}", measured=told)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    for name in ("look", "submit", "observe"):
        monkeypatch.setattr(connections, name, getattr(server, name))
    return server


@pytest.fixture
def there() -> Connection:
    vms = [vm(f"vm{n}", id=f"vm-{n}", host="h1", memory_mib=4096 * (1 + n)) for n in range(12)]
    vms.append(vm("off", id="vm-off", host="h1", power="off"))
    snapshot.save(Estate(name="lab"), reading([host("h1"), host("h2")], vms, clusters=["c"]))
    return Connection.objects.create(
        name="lab", host="10.0.0.1", username="u", may_act=True, four_eyes=False, moves_per_host=8
    )


def migrated(there: Connection, number: int) -> Operation:
    operation = operating.propose(administrator(), there, "migrate", f"vm{number}", "h2", real=True)
    carrying.carry_out(operation.pk)
    operation.refresh_from_db()
    assert operation.state == Operation.State.DONE
    return operation


def taught(there: Connection, numbers: Iterable[int]) -> None:
    for number in numbers:
        migrated(there, number)
    tasks.fit_migrations()


def text(response: Any) -> str:
    return str(response.content.decode())


def test_a_proposal_says_what_it_is_to_cost_and_keeps_what_it_did(server: Server, there: Connection) -> None:
    operation = migrated(there, 0)
    before, after = operation.predicted, operation.measured
    assert (before["cluster"], before["link"], before["memory_mib"]) == ("c", "10000", 4096)
    assert not before["fitted"]
    assert before["total_s"] == pytest.approx(0.57 + 4096 / 1120.6, rel=0.02)
    assert sum(before["lost_chances"]) == pytest.approx(1.0, abs=1e-3)
    assert before["stop_most_ms"] is None  # nobody knows yet
    assert after["total_s"] == SETUP_S + 4096 / RATE_MIB_S
    assert (after["downtime_ms"], after["sent_mib"], after["lost_pings"]) == (90.0, 4096, None)


def test_what_moves_no_memory_is_not_foretold(server: Server, there: Connection) -> None:
    for kind, subject in (("migrate", "off"), ("power-off", "vm1")):
        assert operating.propose(administrator(), there, kind, subject, "h2", real=True).predicted == {}


def test_a_fit_needs_eight_measured_migrations_and_then_foretells_the_next(
    server: Server, there: Connection
) -> None:
    taught(there, range(ENOUGH - 1))
    assert not MigrationFit.objects.exists()
    so_far = foretelling.taught_of(Estate.objects.get())["c"]
    assert accuracy.too_few(so_far) == "unknown: too few measurements (7 of 8)"
    untaught = migrated(there, ENOUGH - 1)
    assert foretelling.learn_due() == 1
    assert foretelling.learn_due() == 0  # nothing new
    fit = MigrationFit.objects.get()
    assert (fit.connection, fit.cluster_name, fit.count) == (there, "c", ENOUGH)
    assert fit.setup_s == pytest.approx(SETUP_S, rel=0.1)
    assert fit.links_mib_s["10000"] == pytest.approx(RATE_MIB_S, rel=0.03)
    assert fit.median < 0.02
    assert fit.bound is None  # eight stops bound nothing: nine do
    taught_one = migrated(there, ENOUGH)
    assert taught_one.predicted["fitted"]
    error = taught_one.predicted["total_s"] / taught_one.measured["total_s"] - 1
    assert abs(error) < 0.03 < abs(untaught.predicted["total_s"] / untaught.measured["total_s"] - 1)
    assert foretelling.learn_due() == 1
    assert MigrationFit.objects.get().bound is not None
    assert migrated(there, ENOUGH + 1).predicted["stop_most_ms"] > 0


def test_a_server_that_tells_no_stop_leaves_it_unknown(server: Server, there: Connection) -> None:
    server.tells = False
    for number in range(ENOUGH + 2):
        measured = migrated(there, number).measured
        assert (measured["downtime_ms"], measured["sent_mib"]) == (None, None)
    tasks.fit_migrations()
    fit = MigrationFit.objects.get()
    assert (fit.bound, fit.held) == (None, None)
    lines = dict(accuracy.lines_of(foretelling.taught_of(Estate.objects.get())["c"]))
    assert lines["A stop is at most"] == "unknown: the servers told too few stops"


def test_a_rehearsal_begins_with_what_the_cluster_has_taught(
    server: Server, there: Connection, client: Client
) -> None:
    taught(there, range(ENOUGH))
    estate = Estate.objects.get()
    client.force_login(administrator())
    shown = text(client.get(f"/estates/{estate.pk}/rehearse/", {"name": "c"}))
    assert "timing migration_setup_s" in shown
    times = foretelling.times_of(estate, "c")
    script = question.timed("profile vsphere\nat 10 fail h1\n", "vsphere", times)
    read = question.script_of(question.part_of(snapshot.load(estate), "c"), script)
    assert read.policies.timings.migration_setup_s == pytest.approx(SETUP_S, rel=0.1)
    assert read.policies.migration.link_share == pytest.approx(0.94 / 2, rel=0.05)


def test_pages_show_foretold_beside_measured_and_the_error(
    server: Server, there: Connection, client: Client
) -> None:
    migrated(there, 0)
    client.force_login(administrator())
    estate = Estate.objects.get()
    page = text(client.get("/operations/"))
    for word in ("4,096\u00a0MiB measured", "90\u00a0ms measured", "unknown measured", "Time: "):
        assert word in page
    cluster = text(client.get(f"/estates/{estate.pk}/cluster/", {"name": "c"}))
    assert "too few measurements (1 of 8)" in cluster
    taught(there, range(1, ENOUGH))
    cluster = text(client.get(f"/estates/{estate.pk}/cluster/", {"name": "c"}))
    assert "95th percentile" in cluster
    assert "MiB/s of 10,000 Mbit/s" in cluster
    with translation.override("fr"):
        said = dict(accuracy.lines_of(foretelling.taught_of(estate)["c"]))
    assert "Migrations mesurées" in said


def planned() -> Plan:
    run = services.start_plan(administrator(), Estate.objects.get(), Parameters())
    tasks.make_plan(str(run.pk))
    plan = selectors.latest_plan(Estate.objects.get())
    assert plan is not None
    return plan


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_the_report_says_how_good_the_foretelling_is(kind: str, server: Server, there: Connection) -> None:
    taught(there, range(ENOUGH))
    plan = planned()
    said = text_of(kind, reporting.file_of(plan, kind, "en").content)
    assert joined("Migrations, foretold and measured") in said
    assert joined("95th percentile") in said
    MigrationFit.objects.all().delete()
    Operation.objects.filter(subject="vm0").delete()
    said = text_of(kind, reporting.file_of(plan, kind, "en").content)
    assert joined("too few measurements (7 of 8)") in said


def test_tables_hold_the_errors_as_they_were_fitted(server: Server, there: Connection) -> None:
    taught(there, range(ENOUGH))
    plan, fit = planned(), MigrationFit.objects.get()
    [row] = csv.DictReader(StringIO(reporting.file_of(plan, "csv", "en").content.decode("utf-8-sig")))
    assert row["Measured migrations"] == str(ENOUGH)
    assert float(row["Error of the time foretold, median (%)"]) == 100 * fit.median
    assert float(row["Error of the time foretold, worst (%)"]) == 100 * fit.worst
    assert joined("Error of the time foretold, median (%)") in text_of(
        "xlsx", reporting.file_of(plan, "xlsx", "en").content
    )
    [told] = json.loads(reporting.file_of(plan, "json", "en").content)["migrations_foretold"]
    assert (told["cluster"], told["measured"], told["p95_error"]) == ("c", ENOUGH, fit.p95)
    fit.delete()
    [told] = json.loads(reporting.file_of(plan, "json", "en").content)["migrations_foretold"]
    assert (told["measured"], told["needed"], told["median_error"]) == (ENOUGH, ENOUGH, None)


def test_a_stranger_sees_no_fit(server: Server, there: Connection) -> None:
    taught(there, range(ENOUGH))
    assert visible_to(administrator(), MigrationFit).count() == 1
    assert visible_to(person(None), MigrationFit).count() == 0
    assert visible_to(person(Role.BUYER), MigrationFit).count() == 1


def test_a_time_that_no_server_told_teaches_nothing(server: Server, there: Connection) -> None:
    for number in range(ENOUGH):
        migrated(there, number)
    Operation.objects.update(measured=foretelling.record_of(None, {}))
    assert foretelling.learn_due() == 0
    assert foretelling.taught_of(Estate.objects.get())["c"].measured == 0
    Operation.objects.update(measured={})  # as rows of earlier versions are
    assert foretelling.taught_of(Estate.objects.get())["c"].measured == 0
