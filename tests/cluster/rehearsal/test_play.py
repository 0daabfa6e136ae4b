"""A worker plays a rehearsal: every event a row, numbered without a gap, the same whoever plays it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.db.models.functions import Now

from cluster import services, snapshot, tasks
from cluster.models import Event, Rehearsal, RehearsalEvent, Run
from cluster.rehearsal import play, question
from cluster.rehearsal.seen import Seen
from cluster.roles import Role
from cluster.work import ClaimLost, claim
from operations.engine import run as run_engine
from operations.scenario import begin, read_scenario
from tests.cluster.people import administrator, person
from tests.cluster.rehearsal.worlds import FAILS, asked, rehearsed, stored

pytestmark = pytest.mark.django_db
SCENARIOS = Path(__file__).parents[3] / "scenarios"
NAMES = sorted(folder.parent.name for folder in SCENARIOS.glob("*/script"))


def test_every_event_is_a_row_with_its_number_and_its_cause():
    rehearsal = rehearsed(asked(stored()))
    assert rehearsal.run.state == "succeeded"
    rows = list(rehearsal.events.order_by("number"))
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert all(row.cause < row.number for row in rows)
    by_kind = {row.kind: row for row in rows}
    failed, dead, fenced = (by_kind[kind].number for kind in ("host-failed", "host-dead", "host-fenced"))
    assert by_kind["host-failed"].cause == 0
    assert by_kind["host-dead"].cause == failed
    assert by_kind["host-fenced"].cause == dead
    up = [row for row in rows if row.kind == "vm-up"]
    assert {row.subject for row in up} == {"app1", "db 3"}
    chain = [up[0].number]
    while chain[-1]:
        chain.append(rows[chain[-1] - 1].cause)
    assert {failed, dead, fenced} <= set(chain)


def test_the_end_says_who_was_out_for_how_long():
    rehearsal = rehearsed(asked(stored()))
    outages = {outage["vm"]: outage["outage_s"] for outage in rehearsal.summary["outages"]}
    assert outages == {"app1": 60.0, "db 3": 60.0}  # 18 s sure, 10 s placed, 2 s started, 30 s booted
    assert rehearsal.summary["advice"] == []
    assert rehearsal.summary["events"] == rehearsal.events.count()


def test_it_is_told_on_the_feed_after_the_rows():
    run = asked(stored())
    rehearsed(run)
    told = list(Event.objects.filter(run=run).order_by("seq").values_list("kind", flat=True))
    assert told[0] == "rehearsal-queued"
    assert told[-1] == "rehearsal-done"
    assert set(told[1:-1]) == {"rehearsal-progress"}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_browser_is_told_adds_up_to_what_the_engine_has(name: str):
    """The changes of all events, played over the opening, are the whole of what can be seen at each event."""
    scenario = read_scenario(SCENARIOS / name)
    state, driver = begin(scenario.estate, scenario.script)
    seen = Seen(state)
    hosts = [tuple(host["seen"]) for host in seen.opening["hosts"]]
    vms = [tuple(vm["seen"]) for vm in seen.opening["vms"]]
    for event in run_engine(state, scenario.script.policies, driver):
        changes = seen.after(event)
        for at, *now in changes.get("h", []):
            hosts[at] = tuple(now)
        for at, *now in changes.get("v", []):
            vms[at] = tuple(now)
        assert (vms, hosts) == seen.everything(), event.line()


@pytest.mark.parametrize("name", ["host-failure", "evacuation", "ft-failover", "proxmox-all-networks-cut"])
def test_a_scenario_is_played_as_its_folder_promises(name: str):
    run = services.start_rehearsal(administrator(), question.of_scenario(name), None, name)
    rehearsal = rehearsed(run)
    expected = (SCENARIOS / name / "log.expect").read_text()
    kinds = [line.split()[1] for line in expected.splitlines()]
    assert [row.kind for row in rehearsal.events.all()] == kinds


def test_a_worker_that_takes_over_writes_the_rest_and_nothing_twice(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(play, "BATCH", 4)
    estate = stored()
    whole = facts(rehearsed(asked(estate)))
    run = asked(estate)
    dies_at(monkeypatch, 10)
    with pytest.raises(KeyboardInterrupt):
        tasks.rehearse(str(run.pk))
    left = RehearsalEvent.objects.filter(rehearsal=run.pk).count()
    assert 0 < left < len(whole)
    monkeypatch.undo()
    Run.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))
    taken_over = rehearsed(run)
    assert taken_over.run.state == "succeeded"
    assert taken_over.run.attempt == 2
    assert facts(taken_over) == whole


def dies_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    take = play.Recorder.take

    def take_until(self: play.Recorder, event: object) -> None:
        take(self, event)
        if self._state.number == number:
            raise KeyboardInterrupt

    monkeypatch.setattr(play.Recorder, "take", take_until)


def facts(rehearsal: Rehearsal) -> list[tuple[object, ...]]:
    columns = ("number", "cause", "at_s", "kind", "subject", "template", "values", "changes")
    return [tuple(str(cell) for cell in row) for row in rehearsal.events.values_list(*columns)]


def test_an_import_meanwhile_does_not_change_what_is_rehearsed():
    estate = stored()
    run = asked(estate)
    whole = facts(rehearsed(asked(estate)))
    estate.delete()
    assert facts(rehearsed(run)) == whole


def test_another_log_than_the_one_begun_is_not_mixed_into_it():
    run = asked(stored())
    rehearsed(run)
    RehearsalEvent.objects.filter(rehearsal=run.pk, number__gt=5).delete()
    RehearsalEvent.objects.filter(rehearsal=run.pk, number=5).update(subject="somebody else")
    Run.objects.filter(pk=run.pk).update(state="queued")
    rehearsal = rehearsed(run)
    assert rehearsal.run.state == "failed"
    assert "was changed while this ran" in rehearsal.run.error["template"]
    assert rehearsal.events.count() == 5


def test_a_cancelled_rehearsal_stops_at_its_next_batch(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(play, "BATCH", 4)
    run = asked(stored())
    take = play.Recorder.take

    def cancelled(self: play.Recorder, event: object) -> None:
        if self._state.number == 6:
            services.cancel(administrator(), run)
        take(self, event)

    monkeypatch.setattr(play.Recorder, "take", cancelled)
    rehearsal = rehearsed(run)
    assert rehearsal.run.state == "cancelled"
    assert [row.number for row in rehearsal.events.all()] == [1, 2, 3, 4]
    assert rehearsal.summary is None


def test_a_fenced_worker_writes_nothing():
    run = asked(stored())
    slow = claim(run.pk)
    Run.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))
    rehearsed(run)
    count = RehearsalEvent.objects.filter(rehearsal=run.pk).count()
    with pytest.raises(ClaimLost):
        play.play(slow, slow.run.rehearsal)
    assert RehearsalEvent.objects.filter(rehearsal=run.pk).count() == count


def test_too_many_events_end_with_a_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(play, "EVENTS_MAX", 10)
    rehearsal = rehearsed(asked(stored()))
    assert rehearsal.run.state == "failed"
    assert rehearsal.run.error["values"] == {"max": 10}


def test_a_world_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(play, "STEPS_MAX", 500)
    script = "policy drs.enabled yes\ntiming drs_interval_s 1\nuntil 3600\nat 1 fail esx3\n"
    rehearsal = rehearsed(asked(stored(), script))
    assert rehearsal.run.state == "failed"
    assert "does not come to an end" in rehearsal.run.error["template"]


def test_a_quiet_world_keeps_its_lease(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(play, "TELL_EVERY_S", -1.0)
    held = []
    monkeypatch.setattr(play.Recorder, "write", lambda self: held.append(self._state.now))
    script = "policy drs.enabled yes\nuntil 60000\nat 1 fail esx3\n"
    rehearsed(asked(stored(), script))
    assert len(held) >= 3


@pytest.mark.parametrize("role", [*Role, None])
def test_who_may_plan_may_rehearse(role: Role | None):
    wanted = question.of_cluster(snapshot.load(stored()), "Blue", FAILS)
    if role in (Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR, Role.BUYER):
        assert services.start_rehearsal(person(role), wanted, None, "x").state == "queued"
        return
    with pytest.raises(PermissionDenied):
        services.start_rehearsal(person(role), wanted, None, "x")
    assert not Rehearsal.objects.exists()
    assert not Run.objects.exists()
