"""A page that waits is never a dead end, wherever between two of its queries the worker ends.

It goes on asking, or leads to the answer, or says how the run ended.
"""

from __future__ import annotations

import html
import json
import re
from itertools import product
from typing import Any

import msgspec
import pytest
from django.db.models import Model
from django.db.models.functions import Now
from django.http import HttpResponse
from django.test import Client

from cluster import feed, services, snapshot, tasks
from cluster.models import CostStudy, Estate, Plan, Redundancy, Rehearsal, Run, Study
from cluster.question import Question, YearsAsked
from cluster.rehearsal import question as rehearsing
from cluster.roles import Role
from planner.cost.answer import Asked
from planner.report import Parameters
from planner.sentence import Sentence
from tests.cluster.meanwhile import every_place
from tests.cluster.people import person

pytestmark = pytest.mark.django_db
WHY = Sentence("This took longer than a worker may work on one thing")
ANSWERS: dict[str, type[Model]] = {
    Run.Kind.PLAN: Plan, Run.Kind.STUDY: Study, Run.Kind.WIRING: Redundancy, Run.Kind.COST: CostStudy,
}  # fmt: skip
TASKS = {
    Run.Kind.PLAN: tasks.make_plan, Run.Kind.STUDY: tasks.make_study, Run.Kind.COST: tasks.price_estate,
    Run.Kind.WIRING: tasks.examine_wiring, Run.Kind.REHEARSAL: tasks.rehearse, Run.Kind.DRILL: tasks.drill,
}  # fmt: skip
PAGES = [
    (Run.Kind.PLAN, "/runs/{run}/"),
    (Run.Kind.PLAN, "/estates/{estate}/plan/{run}/"),
    (Run.Kind.STUDY, "/runs/{run}/"),
    (Run.Kind.STUDY, "/estates/{estate}/study/{run}/"),
    (Run.Kind.COST, "/runs/{run}/"),
    (Run.Kind.COST, "/estates/{estate}/cost/?run={run}"),
    (Run.Kind.COST, "/estates/{estate}/cost/hosts/?run={run}"),
    (Run.Kind.COST, "/estates/{estate}/variants/?run={run}"),
    (Run.Kind.COST, "/estates/{estate}/cost/run/{run}/"),
    (Run.Kind.WIRING, "/runs/{run}/"),
    (Run.Kind.REHEARSAL, "/rehearsals/{run}/"),
    (Run.Kind.DRILL, "/rehearsals/{run}/"),
]
ENDS = ["succeed", "fail", "cancel"]


class Answered:
    """A run with its answer, which is taken back to a moment before its end, and ended again."""

    def __init__(self, run: Run) -> None:
        self.run = run
        model = ANSWERS.get(run.kind)
        rows = model._default_manager.all() if model else None
        self.answers = None if rows is None else rows.filter(pk=rows.get(run=run).pk)
        self.rehearsals = Rehearsal.objects.filter(pk=run.pk)
        self.meant = self.rehearsals.values("summary", "drills").first()

    def go_back(self) -> None:
        self._set(Run.State.RUNNING, None, None)
        if self.answers is not None:
            self.answers.update(run=None)
        self.rehearsals.update(summary=None)

    def succeed(self) -> None:
        if self.answers is not None:
            self.answers.update(run=self.run)
        if self.meant:
            self.rehearsals.update(**self.meant)
        self._set(Run.State.SUCCEEDED, Now(), None)

    def fail(self) -> None:
        self._set(Run.State.FAILED, Now(), msgspec.to_builtins(WHY))

    def cancel(self) -> None:
        self._set(Run.State.CANCELLED, Now(), None)

    def _set(self, state: Run.State, finished_at: Any, error: Any) -> None:
        Run.objects.filter(pk=self.run.pk).update(state=state, finished_at=finished_at, error=error)


def answered(kind: str, estate: Estate) -> Answered:
    """Ask, and let a worker's task answer."""
    run = asked(kind, estate)
    TASKS[kind](str(run.pk))
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED, run.error
    return Answered(run)


def asked(kind: str, estate: Estate) -> Run:
    who = person(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)
    match kind:
        case Run.Kind.PLAN:
            return services.start_plan(who, estate, Parameters())
        case Run.Kind.STUDY:
            return services.start_study(who, estate, Question(kind="placement", cluster="Blue"))
        case Run.Kind.WIRING:
            return services.start_wiring(who, estate, YearsAsked(years=0))
        case Run.Kind.COST:
            return services.start_pricing(who, estate, msgspec.to_builtins({"asked": Asked()}, str_keys=True))
        case Run.Kind.DRILL:
            drill = rehearsing.drill_of(snapshot.load(estate), "Blue", "vsphere", "each")
            return services.start_rehearsal(who, drill, estate, estate.name)
    played = rehearsing.of_scenario("evacuation")
    return services.start_rehearsal(who, played, None, "evacuation")


@pytest.mark.parametrize(("kind", "address"), PAGES)
def test_a_page_goes_on_asking_or_tells_the_end(estate: Estate, kind: str, address: str) -> None:
    one, client = answered(kind, estate), Client()
    client.force_login(one.run.requested_by)
    where = address.format(run=one.run.pk, estate=estate.pk)
    for end, headers in product(ENDS, ({}, {"HX-Request": "true"})):
        for late in every_place():
            one.go_back()
            with late.lets(getattr(one, end)):
                response = client.get(where, headers=headers)
            assert leads_on(response, one, end), (end, headers, late.place)


def leads_on(response: HttpResponse, one: Answered, end: str) -> bool:
    """Whether a page that shows this asks again, goes to the answer, or says how the run ended."""
    if response.status_code == 302 or {"HX-Location", "HX-Redirect"} & set(response.headers):
        return end == "succeed"
    content = html.unescape(response.content.decode())
    asks = f'hx-get="/runs/{one.run.pk}/"' in content or f'{one.run.pk}/" hx-trigger="' in content
    if asks:
        return True
    shows = {"succeed": ["data-continue", "verdict verdict-"], "fail": [WHY.template], "cancel": ["ancelled"]}
    return response.status_code == 200 and any(words in content for words in shows[end])


@pytest.mark.parametrize("end", ENDS)
def test_a_program_that_follows_a_rehearsal_sees_what_it_meant_with_its_end(estate: Estate, end: str) -> None:
    one, client = answered(Run.Kind.REHEARSAL, estate), Client()
    client.force_login(one.run.requested_by)
    for late in every_place():
        one.go_back()
        with late.lets(getattr(one, end)):
            seen = client.get(f"/api/v1/rehearsals/{one.run.pk}").json()
        assert (seen["outages"] is not None) == (seen["state"] == "succeeded"), late.place
        assert (seen["error"] is not None) == (seen["state"] == "failed"), late.place


def test_a_program_that_is_told_the_end_of_a_rehearsal_has_all_its_events(estate: Estate) -> None:
    """Who sees the run ended asks no more: the last events must not come after the state was read."""
    one, client = answered(Run.Kind.REHEARSAL, estate), Client()
    client.force_login(one.run.requested_by)
    rows = list(one.run.rehearsal.events.order_by("number"))
    last = rows[-1]

    def end() -> None:
        last.save(force_insert=True)
        one.succeed()

    for late in every_place():
        one.go_back()
        one.run.rehearsal.events.filter(number=last.number).delete()
        with late.lets(end):
            told = json.loads(client.get(f"/api/v1/rehearsals/{one.run.pk}/events?after=0").content)
        whole = [event["number"] for event in told["events"]] == [row.number for row in rows]
        assert whole or told["state"] == "running" or told["more"], late.place


def test_an_event_while_a_page_is_made_stands_on_it_or_is_told_to_it_and_not_both() -> None:
    client = Client()
    client.force_login(person(Role.AUDITOR))
    feed.publish("test", Sentence("before"))
    for late in every_place():
        before = feed.last_seq()
        with late.lets(lambda: feed.publish("test", Sentence("meanwhile"))):
            page = client.get("/runs/").content.decode()
        drawer = page[page.index('id="drawer"') :]
        listens_after = int(re.search(r'data-after="(\d+)"', drawer)[1])
        shown = [int(seq) for seq in re.findall(r'data-seq="(\d+)"', drawer)]
        assert max(shown) <= listens_after, late.place
        assert not late.happened or listens_after == before or before + 1 in shown, late.place
