"""The overview answers six questions an estate, says what is not known, and guides through a first run."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cluster import demo, pricing, steps
from cluster.models import AuditEntry, Estate, Event, Run
from cluster.outlook import outlook_of
from cluster.roles import Role
from cluster.views.ahead import headline_of
from scenarios.demo import history
from tests.cluster.people import person
from tests.cluster.test_bounded_queries import stored
from tests.cluster.test_costs import answered
from tests.cluster.test_wiring import examined
from tests.cluster.test_wiring import stored as laid
from tests.planner.paths.test_reference_design import one_hba
from tests.planner.paths.wired import reference

pytestmark = pytest.mark.django_db
KEYS = ["fits", "dies", "until", "cost", "single", "today"]


@pytest.fixture
def example() -> Estate:
    """The example estate as a first start loads it."""
    call_command("load_demo", verbosity=0)
    return Estate.objects.get()


def reader(role: Role = Role.BUYER) -> Client:
    client = Client()
    client.force_login(person(role))
    return client


def tiles(page: str) -> dict[str, tuple[str, str]]:
    """State and word of each tile, by its key."""
    found = re.findall(
        r'class="tile tile-(\w+)" href="[^"]+" data-tile="(\w+)">.*?</svg><span>(.*?)</span>', page, re.S
    )
    return {key: (state, word) for state, key, word in found}


def proofs(page: str) -> list[str]:
    return re.findall(r'class="tile tile-\w+" href="([^"]+)"', page)


def test_an_estate_of_which_nothing_is_known_says_so_and_how_to_know_it():
    Estate.objects.create(name="Bare")
    page = reader().get("/").content.decode()
    found = tiles(page)
    assert list(found) == KEYS
    assert {key: found[key][0] for key in KEYS[:5]} == dict.fromkeys(KEYS[:5], "unknown")
    assert found["today"] == ("info", "Quiet")
    assert "press “Examine the wiring”" in page
    assert "add a history" in page


def test_every_answer_opens_a_page_that_proves_it(example: Estate):
    client = reader()
    page = client.get("/").content.decode()
    found = tiles(page)
    assert list(found) == KEYS
    assert found["fits"] == ("bad", "Does not fit")
    assert found["dies"] == ("bad", "VMs stay down")
    assert found["until"][0] in {"bad", "warn"}
    assert found["single"] == ("unknown", "Not known")
    for url in proofs(page):
        assert client.get(url).status_code == 200, url


def test_what_was_examined_and_priced_is_told():
    wired = examined(laid(one_hba(reference()), "wired"))
    assert wired.tally["points"] == len(wired.paths["single_points"]) > 0
    client = reader(Role.BUYER)
    study = answered(client, wired.estate)
    answer = pricing.answer_of(study)
    assert study.tally["designs"][0]["key"] == answer.designs[0].bill.design.key
    found = tiles(client.get("/").content.decode())
    points = wired.tally["points"]
    assert found["single"] == ("bad", f"{points} single point{'s' if points > 1 else ''}")
    assert "EUR" in found["cost"][1]
    assert found["cost"][0] == ("unknown" if answer.missing else "info")


def test_today_counts_what_is_a_day_old_and_no_more():
    estate = stored("small", 2, 8)
    now = timezone.now()
    ages = {1: Event.Level.ERROR, 23: Event.Level.WARNING, 25: Event.Level.ERROR}
    for seq, (hours, level) in enumerate(ages.items(), start=1000):
        Event.objects.create(
            seq=seq, at=now - timedelta(hours=hours), kind="x", level=level, estate=estate, template="x"
        )
    page = reader().get("/").content.decode()
    assert tiles(page)["today"] == ("bad", "2 events")
    assert "1 error, 1 warning" in page


def test_twelve_estates_ask_as_often_as_two():
    stored("one", 2, 8)
    stored("two", 2, 8)
    client = reader()

    def asked() -> int:
        client.get("/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/").status_code == 200
        assert not [one for one in queries if '"paths"' in one["sql"] or '"answer"' in one["sql"]]
        return len(queries)

    few = asked()
    for number in range(10):
        stored(f"more {number}", 2, 8)
    assert asked() == few
    assert "12 estates." in client.get("/").content.decode()


def test_the_example_has_a_history_that_ends_yesterday_or_before(example: Estate):
    dates = sorted({at.date() for at in example.observations.values_list("taken_at", flat=True)})
    today = timezone.localdate()
    assert len(dates) == len(history.DAYS) + 1
    assert today - timedelta(days=history.DAYS.start) == dates[0]
    found = outlook_of(example)
    assert found
    assert {"full", "soon", "later", "not-within-a-year", "weak"} & {line.verdict for line in found.lines}
    headline = headline_of(found)
    assert headline
    assert headline.state in {"bad", "warn"}
    assert "invented" in reader().get(f"/estates/{example.pk}/ahead/").content.decode()


def test_the_history_is_told_once(example: Estate):
    before = example.observations.count()
    assert demo.tell_history(example) == 0
    assert example.observations.count() == before
    other = Estate.objects.create(name="ours", sha256="0" * 64)
    assert demo.tell_history(other) == 0


def test_the_history_file_is_what_its_generator_makes():
    assert history.HISTORY.read_bytes() == history.document()
    assert demo.dated("days_ago,name\n2,a\n", date(2026, 3, 1)) == b"date,name\r\n2026-02-27,a\r\n"


def test_the_first_run_is_ticked_by_what_was_done(example: Estate):
    admin = person(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)
    client = Client()
    client.force_login(admin)

    def done() -> set[str]:
        found = steps.done_by(admin, example)
        assert found
        return set(found.keys)

    assert done() == set()
    assert "0 of 6 done" in client.get("/").content.decode()
    client.get(f"/estates/{example.pk}/cluster/?name=Production")
    assert done() == {"verdict"}
    client.get(f"/estates/{example.pk}/report.json")
    assert AuditEntry.objects.filter(deed="took a report").exists()
    assert done() == {"verdict", "report"}
    run = Run.objects.create(kind=Run.Kind.WIRING, estate=example, requested_by=admin, estate_name="Demo")
    assert done() == {"verdict", "report"}  # asked for is not done
    Run.objects.filter(pk=run.pk).update(state=Run.State.SUCCEEDED)
    assert done() == {"verdict", "report", "single"}
    assert "3 of 6 done" in client.get("/").content.decode()
    other = User.objects.create_user("other")
    assert steps.done_by(other, example) == steps.Done(frozenset())


def test_the_first_run_is_put_away_by_each_for_himself(example: Estate):
    client = reader(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)
    assert client.post("/first-run/put-away/").status_code == 302
    page = client.get("/").content.decode()
    assert "Your first five minutes" not in page
    assert "first-run/take-out" in client.get("/help/").content.decode()
    client.post("/first-run/take-out/")
    assert "Your first five minutes" in client.get("/").content.decode()
    assert client.post("/first-run/else/").status_code == 404
    assert client.get("/first-run/put-away/").status_code == 405


def test_who_may_only_read_is_not_told_to_do(example: Estate):
    assert "Your first five minutes" not in reader(Role.AUDITOR).get("/").content.decode()
