"""Programs read what the screens show, and nothing without a login."""

from __future__ import annotations

import uuid

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from cluster import feed, services, tasks
from cluster.models import Estate, Run
from cluster.roles import Role
from planner.formats.document import write_document
from planner.sentence import Sentence
from tests.cluster.estates import estate_of
from tests.cluster.meanwhile import every_place
from tests.cluster.people import administrator, person

pytestmark = pytest.mark.django_db
PAGE = 500


@pytest.fixture
def reader() -> Client:
    client = Client()
    client.force_login(person(Role.AUDITOR))
    return client


def imported() -> Estate:
    file = ContentFile(write_document(estate_of(20)), "site.json")
    run = services.start_import(administrator(), file)
    tasks.import_estate(str(run.pk))
    return Estate.objects.get()


@pytest.mark.parametrize(
    "address",
    ["events?after=0", f"runs/{uuid.UUID(int=1)}", "estates", "estates/1/plan"],
)
def test_a_stranger_is_told_to_log_in(address: str):
    answer = Client().get(f"/api/v1/{address}")
    assert (answer.status_code, answer.json()) == (401, {"error": "log in first"})
    assert Client().post(f"/api/v1/{address}").status_code == 401
    no_role = Client()
    no_role.force_login(person(None))
    assert no_role.get(f"/api/v1/{address}").status_code in (403, 404)


def test_the_events_come_in_pages_without_a_gap(reader: Client):
    start = feed.last_seq()
    for n in range(PAGE + 3):
        feed.publish("test", Sentence("event {n}", {"n": n}), subject="x")
    first = reader.get(f"/api/v1/events?after={start}").json()
    rest = reader.get(f"/api/v1/events?after={first['events'][-1]['seq']}").json()
    told = first["events"] + rest["events"]
    assert [event["seq"] for event in told] == list(range(start + 1, start + PAGE + 4))
    assert (first["more"], rest["more"]) == (True, False)
    assert told[0]["text"] == "event 0"
    assert told[0]["values"] == {"n": 0}


@pytest.mark.parametrize("after", ["", "-1", "x", "1.0", "9" * 30, "٣"])
def test_an_after_that_is_no_number_is_refused(reader: Client, after: str):
    assert reader.get("/api/v1/events", {"after": after}).status_code == 400


def test_a_run_is_followed_to_its_end(reader: Client):
    estate = imported()
    run = reader.get(f"/api/v1/runs/{estate.runs.get().pk}").json()
    assert (run["kind"], run["state"], run["progress"], run["error"]) == ("import", "succeeded", 100, None)
    assert (run["estate"], run["estate_name"]) == (estate.pk, "site")


def test_a_failed_run_says_why_in_the_readers_language(reader: Client):
    run = services.start_import(administrator(), ContentFile(b"", "empty.csv"))
    tasks.import_estate(str(run.pk))
    answer = reader.get(f"/api/v1/runs/{run.pk}").json()
    assert answer["state"] == "failed"
    assert answer["error"] == "The file is empty"


def test_estates_and_their_plan(reader: Client):
    estate = imported()
    [listed] = reader.get("/api/v1/estates").json()["estates"]
    assert (listed["id"], listed["name"], listed["revision"]) == (estate.pk, "site", 1)
    plan = reader.get(f"/api/v1/estates/{estate.pk}/plan").json()
    assert [cluster["name"] for cluster in plan["clusters"]] == ["A", "B"]
    assert plan["totals"]["vms"] == 20


def test_what_is_not_there_is_not_found(reader: Client):
    estate = Estate.objects.create(name="unplanned")
    assert reader.get("/api/v1/estates/999/plan").status_code == 404
    assert reader.get(f"/api/v1/runs/{uuid.uuid4()}").status_code == 404
    assert reader.get(f"/api/v1/estates/{estate.pk}/plan").json() == {"error": "no plan yet"}


def test_a_page_of_rows_that_moves_while_it_is_made_is_not_called_the_last(reader: Client):
    """The newest comes first: what begins meanwhile pushes the oldest onto the next page."""
    for late in every_place():
        Run.objects.all().delete()
        old = {str(Run.objects.create(kind=Run.Kind.PLAN, estate_name="site").pk) for _ in range(3)}
        with late.lets(lambda: Run.objects.create(kind=Run.Kind.PLAN, estate_name="site")):
            told = reader.get("/api/v1/runs?limit=3").json()
        assert told["more"] or old <= {row["id"] for row in told["rows"]}, late.place
        assert told["count"] >= len(told["rows"]) + told["more"], late.place
