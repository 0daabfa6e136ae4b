"""The pages of connections, operations and dates: who may open them, what they do, what they never show."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cluster import snapshot
from cluster.models import Connection, Estate, Observation, Operation, Run
from cluster.roles import Role
from planner.formats.document import write_document
from tests.cluster.people import administrator, person, site_administrator
from tests.planner.small import host, reading, vm

pytestmark = pytest.mark.django_db
CANARY = "c4n4ry-p@ssw0rd"
NEW = {
    "name": "vc1",
    "host": "10.0.0.5",
    "port": 443,
    "kind": "vsphere",
    "username": "u",
    "password": CANARY,
    "moves_per_host": 2,
}


@pytest.fixture(autouse=True)
def site(settings: Any, tmp_path: Path) -> None:
    settings.CONNECTION_NETWORKS = ["10.0.0.0/8"]
    settings.CONNECTION_KEY_FILE = tmp_path / "key"


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(administrator())
    return client


@pytest.fixture
def keeper() -> Client:
    """Who keeps the connections."""
    client = Client()
    client.force_login(site_administrator())
    return client


def test_a_connection_is_added_and_its_password_never_comes_back(keeper: Client) -> None:
    assert keeper.post("/connections/add/", NEW).status_code == 302
    page = keeper.get("/connections/")
    assert "10.0.0.5:443" in page.content.decode()
    assert CANARY not in page.content.decode()
    assert CANARY not in Connection.objects.get().secret
    assert page["Cache-Control"] == "no-store"


def test_a_form_that_is_wrong_does_not_bring_the_password_back(keeper: Client) -> None:
    page = keeper.post("/connections/add/", {**NEW, "host": "127.0.0.1"})
    assert page.status_code == 400
    assert "no address that this site allows" in page.content.decode()
    assert CANARY not in page.content.decode()
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 0},
        {"port": 70000},
        {"fingerprint": "zz"},
        {"blackout": "some day"},
        {"refresh_minutes": 1},
        {"name": ""},
    ],
)
def test_what_makes_no_sense_is_told_at_its_field(keeper: Client, wrong: dict[str, Any]) -> None:
    page = keeper.post("/connections/add/", {**NEW, **wrong})
    assert page.status_code == 400
    assert "field-error" in page.content.decode()


def test_the_same_name_twice_is_told(keeper: Client) -> None:
    keeper.post("/connections/add/", NEW)
    assert keeper.post("/connections/add/", NEW).status_code == 400


@pytest.mark.parametrize("role", [Role.SYSTEM_ADMINISTRATOR, Role.BUYER, Role.AUDITOR])
def test_others_open_no_connection_and_act_on_nothing(client: Client, role: Role) -> None:
    there = Connection.objects.create(name="vc1", host="10.0.0.5", username="u")
    operation = Operation.objects.create(connection=there, kind="migrate", subject_id="vm-1", subject="a")
    client.force_login(person(role))
    assert client.get("/connections/").status_code == 403
    for path in (
        "/connections/add/", f"/connections/{there.pk}/refresh/", f"/connections/{there.pk}/remove/",
        f"/operations/{operation.pk}/approve/", f"/operations/{operation.pk}/cancel/",
        f"/operations/line/{there.pk}/",
    ):  # fmt: skip
        assert client.post(path, NEW).status_code in (403, 404), path
    operation.refresh_from_db()
    assert operation.state == "proposed"


def test_reading_now_queues_a_run_that_can_be_followed(admin: Client, keeper: Client) -> None:
    keeper.post("/connections/add/", NEW)
    assert keeper.post(f"/connections/{Connection.objects.get().pk}/refresh/").status_code == 403
    answer = admin.post(f"/connections/{Connection.objects.get().pk}/refresh/")
    assert answer.status_code == 302
    assert Run.objects.get().kind == "refresh"
    assert admin.get(answer["Location"]).status_code == 200


def lab() -> Connection:
    vms = [vm("db", id="vm-1", host="h1")]
    snapshot.save(Estate(name="lab"), reading([host("h1"), host("h2")], vms, clusters=["c"]))
    return Connection.objects.create(name="lab", host="10.0.0.1", username="u", may_act=True)


def test_a_proposal_is_a_dry_run_unless_said_otherwise_and_waits_for_another_person(admin: Client) -> None:
    there = lab()
    asked = {"connection": there.pk, "kind": "migrate", "subject": "db", "destination": "h2"}
    assert admin.post("/operations/propose/", asked).status_code == 302
    dry = Operation.objects.get()
    assert (dry.dry_run, dry.state) == (True, "queued")
    Operation.objects.update(state="done")
    admin.post("/operations/propose/", {**asked, "real": "on"})
    real = Operation.objects.get(dry_run=False)
    assert real.state == "proposed"
    assert admin.post(f"/operations/{real.pk}/approve/").status_code == 403
    assert "db" in admin.get("/operations/").content.decode()
    assert admin.post("/operations/propose/", {**asked, "subject": "nobody"}).status_code == 400


def test_the_line_is_stopped_and_freed(admin: Client) -> None:
    there = lab()
    for word, stopped in (("yes", True), ("no", False)):
        admin.post(f"/operations/line/{there.pk}/", {"stopped": word})
        assert Connection.objects.get().stopped is stopped


def test_two_dates_are_compared(admin: Client) -> None:
    there = lab()
    estate = Estate.objects.get()
    for memory in (4096, 8192):
        seen = reading([host("h1")], [vm("db", memory_mib=memory)], clusters=["c"]).estate
        Observation.objects.create(
            connection=there, estate=estate, document=zlib.compress(write_document(seen)), sha256=str(memory),
            hosts=1, vms=1,
        )  # fmt: skip
    page = admin.get(f"/estates/{estate.pk}/history/").content.decode()
    assert "memory_mib" in page
    assert page.index("4096") < page.index("8192")
    assert admin.get(f"/estates/{estate.pk}/history/?from=x&to=99").status_code == 200
