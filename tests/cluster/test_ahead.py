"""Until when, at the server: what imports keep, what the page says of it, who may plan, what is refused."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from cluster import outlook, services, tasks
from cluster.models import AuditEntry, Estate, Observation, Project
from cluster.roles import Role
from planner.estate import VM, Cluster, Datastore, Host
from planner.estate import Estate as Planned
from planner.formats.document import write_document
from tests.cluster.people import administrator, person

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>=1+1"


def estate_with(used_gib: int, *, demand_mhz: float | None = None) -> Planned:
    return Planned(
        clusters=(Cluster(name="C1"),),
        hosts=tuple(
            Host(name=f"h{number}", cluster="C1", sockets=2, cores=16, cpu_mhz=2500.0, memory_mib=131072)
            for number in range(3)
        ),
        vms=(
            VM(
                name=HOSTILE, cluster="C1", host="h0", power="on", vcpus=8, memory_mib=16384, disk_mib=1024,
                cpu_demand_mhz=demand_mhz,
            ),
        ),
        datastores=(
            Datastore(
                name="ds1", capacity_mib=1000 * 1024, used_mib=used_gib * 1024, hosts=("h0", "h1", "h2")
            ),
        ),
    )  # fmt: skip


def imported(used_gib: int, days_ago: int = 0, **more: float) -> Estate:
    """Import an estate and date what was kept back."""
    content = write_document(estate_with(used_gib, **more))
    run = services.queue_import(administrator(), ContentFile(content, "e.json"), "site", tell_a_worker=False)
    tasks.import_estate(str(run.pk))
    run.refresh_from_db()
    assert run.state == "succeeded", run.error
    newest = Observation.objects.order_by("-pk").first()
    assert newest is not None
    at = timezone.now() - timedelta(days=days_ago)
    Observation.objects.filter(pk=newest.pk).update(taken_at=at)
    return Estate.objects.get(name="site")


def grown(days: int = 30, *, daily_gib: int = 10, until_gib: int = 900) -> Estate:
    """An estate whose datastore grew day by day until today."""
    for ago in reversed(range(0, days, 2)):
        estate = imported(until_gib - daily_gib * ago, ago, demand_mhz=1500.0 + ago)
    outlook.work_out(estate)
    return estate


def signed_in(role: Role | None = Role.BUYER) -> Client:
    client = Client()
    client.force_login(person(role))
    return client


def test_every_import_keeps_its_date_and_the_page_says_until_when() -> None:
    estate = grown()
    assert estate.observations.count() == 15
    found = outlook.outlook_of(estate)
    assert found is not None
    first = found.lines[0]
    assert (first.name, first.verdict, first.alarm) == ("ds1", "soon", True)
    assert first.full_on == timezone.now().date().toordinal() + 10
    page = signed_in().get(f"/estates/{estate.pk}/ahead/")
    assert page.status_code == 200
    assert "ds1, Storage: full on" in page.content.decode()


def test_the_overview_says_it_in_a_line_and_asks_the_database_a_fixed_number_of_times(
    django_assert_max_num_queries: object,
) -> None:
    grown()
    client = signed_in()
    with django_assert_max_num_queries(25):  # type: ignore[operator]
        page = client.get("/").content.decode()
    assert "full on" in page


def test_an_unchanged_import_is_kept_once_a_day() -> None:
    estate = imported(500)
    imported(500)
    assert estate.observations.count() == 1
    Observation.objects.update(taken_at=timezone.now() - timedelta(days=1))
    imported(500)
    newest, oldest = estate.observations.all()
    assert bytes(newest.document) == b"" != bytes(oldest.document), "the document is kept once"


def test_weak_data_raise_no_alarm() -> None:
    for ago in reversed(range(0, 40, 2)):
        estate = imported(900 + 90 * (ago % 4 == 0), ago)
    outlook.work_out(estate)
    found = outlook.outlook_of(estate)
    assert found is not None
    assert not any(line.alarm for line in found.lines)


def test_a_planned_project_moves_the_day_and_is_audited() -> None:
    estate = grown()
    client = signed_in()
    before = outlook.outlook_of(estate)
    assert before is not None
    place = next(index for index, line in enumerate(before.lines) if line.name == "ds1")
    starts_on = (timezone.now() + timedelta(days=3)).date().isoformat()
    sent = {"title": HOSTILE, "subject": place, "amount": "500", "starts_on": starts_on}
    assert client.post(f"/estates/{estate.pk}/ahead/projects/", sent).status_code == 302
    after = outlook.outlook_of(estate)
    assert after is not None
    assert after.lines[0].full_on == timezone.now().date().toordinal() + 3
    assert AuditEntry.objects.filter(deed="planned a project").exists()
    page = client.get(f"/estates/{estate.pk}/ahead/").content.decode()
    assert "<script>alert(1)" not in page
    project = Project.objects.get()
    client.post(f"/estates/{estate.pk}/ahead/projects/{project.pk}/drop/")
    restored = outlook.outlook_of(estate)
    assert restored is not None
    assert restored.lines[0].full_on == before.lines[0].full_on


@pytest.mark.parametrize(
    "changed", [{"amount": "NaN"}, {"amount": "x"}, {"subject": "99"}, {"starts_on": "soon"}]
)
def test_a_bad_project_is_refused_at_its_field(changed: dict[str, str]) -> None:
    estate = grown(10)
    sent = {"title": "p", "subject": "0", "amount": "1", "starts_on": "2030-01-01", **changed}
    page = signed_in().post(f"/estates/{estate.pk}/ahead/projects/", sent)
    assert page.status_code == 400
    assert "field-error" in page.content.decode()
    assert not Project.objects.exists()


@pytest.mark.parametrize(
    ("role", "refused"), [(Role.AUDITOR, 403), (Role.SYSTEM_ADMINISTRATOR, 404), (None, 404)]
)
def test_who_may_not_plan_plans_no_project_and_takes_no_history(role: Role | None, refused: int) -> None:
    estate = grown(10)
    client = signed_in(role)
    sent = {"title": "p", "subject": "0", "amount": "1", "starts_on": "2030-01-01"}
    assert client.post(f"/estates/{estate.pk}/ahead/projects/", sent).status_code == refused
    file = SimpleUploadedFile("h.csv", b"date,name,resource,value\n2020-01-01,ds1,storage,1\n")
    assert client.post(f"/estates/{estate.pk}/ahead/history/", {"history": file}).status_code == refused
    assert not Project.objects.exists()


def test_a_history_from_elsewhere_fills_the_past_and_overwrites_nothing() -> None:
    estate = imported(900)
    days = [timezone.now().date() - timedelta(days=ago) for ago in range(60)]
    rows = "".join(f"{day},ds1,storage,{900 - 10 * ago}\n" for ago, day in enumerate(days))
    file = SimpleUploadedFile("h.csv", ("date,name,resource,value\n" + rows).encode())
    sent = signed_in().post(f"/estates/{estate.pk}/ahead/history/", {"history": file})
    assert sent.status_code == 302
    assert estate.observations.count() == 60, "today was known already"
    found = outlook.outlook_of(estate)
    assert found is not None
    assert found.lines[0].full_on == timezone.now().date().toordinal() + 10


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"date,name,resource,value\n2020-01-01,nobody,storage,1\n", "measures no storage of nobody"),
        (b"date,name,resource,value\n2020-01-01,ds1,storage,-1\n", "row 2"),
        (b"PK\x03\x04\xff", "UTF-8"),
    ],
)
def test_a_bad_history_is_refused_whole(content: bytes, told: str) -> None:
    estate = imported(900)
    page = signed_in().post(
        f"/estates/{estate.pk}/ahead/history/", {"history": SimpleUploadedFile("h.csv", content)}
    )
    assert page.status_code == 400
    assert told in page.content.decode()
    assert estate.observations.count() == 1


def test_sizes_are_told_with_their_evidence_and_as_csv_without_formulas() -> None:
    estate = grown(40)
    client = signed_in()
    assert "samples of" in client.get(f"/estates/{estate.pk}/ahead/").content.decode()
    answer = client.get(f"/estates/{estate.pk}/ahead/sizes.csv").content.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(answer))
    assert (row["vcpus"], row["vcpus_wanted"], row["cpu_samples"]) == ("8", "1", "20")


def test_the_picture_draws_the_band_only_where_the_data_carry_it() -> None:
    estate = grown()
    client = signed_in()
    figure = json.loads(
        client.get(f"/estates/{estate.pk}/ahead/chart.json?name=ds1&resource=storage").content
    )
    assert [trace["name"] for trace in figure["data"] if "name" in trace] == [
        "nine in ten past forecasts", "trend", "measured"
    ]  # fmt: skip
    flat = json.loads(client.get(f"/estates/{estate.pk}/ahead/chart.json?name=C1&resource=vcpu").content)
    assert flat["layout"]["meta"]["rows"]
    assert client.get(f"/estates/{estate.pk}/ahead/chart.json?name=x&resource=y").status_code == 404


def test_an_estate_that_was_never_measured_says_what_to_do() -> None:
    estate = Estate.objects.create(name="bare")
    page = signed_in().get(f"/estates/{estate.pk}/ahead/").content.decode()
    assert "Nothing was measured yet" in page


def test_the_day_of_an_observation_is_that_of_utc() -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert outlook.ordinal(moment) == moment.toordinal() + 0.5
