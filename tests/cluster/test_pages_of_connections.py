"""The pages of connections and operations: both kinds, changing, aborting, measured use, drift."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from cluster import connecting, connections, snapshot
from cluster.models import Connection, Estate, Observation, Operation, Use
from cluster.roles import Role
from planner.formats.document import write_document
from tests.cluster.people import administrator, person, site_administrator
from tests.planner.small import host, reading, vm

pytestmark = pytest.mark.django_db
TYPED = {
    "name": "pve",
    "kind": "proxmox",
    "host": "10.0.0.5",
    "username": "headroom@pve!reader",
    "password": "s3cret",
    "moves_per_host": 2,
}


@pytest.fixture(autouse=True)
def site(settings: Any, tmp_path: Path) -> None:
    settings.CONNECTION_NETWORKS = ["10.0.0.0/8"]
    settings.CONNECTION_KEY_FILE = tmp_path / "key"


@pytest.fixture
def page(client: Client) -> Client:
    client.force_login(keeper())
    return client


def keeper() -> User:
    """Who keeps the connections and acts through them, where a site allows both to one person."""
    user = administrator()
    user.groups.add(Group.objects.get(name=Role.SITE_ADMINISTRATOR.value))
    return user


def text(response: Any) -> str:
    return response.content.decode()


def test_a_proxmox_connection_is_added_with_its_own_port(page: Client) -> None:
    assert page.post("/connections/add/", TYPED).status_code == 302
    there = Connection.objects.get()
    assert (there.kind, there.port, connections.login_of(there).password) == ("proxmox", 8006, "s3cret")
    shown = text(page.get("/connections/"))
    assert "Proxmox VE" in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize(("kind", "port"), [("vsphere", 443), ("proxmox", 8006)])
def test_a_port_left_empty_is_that_of_the_kind(page: Client, kind: str, port: int) -> None:
    page.post("/connections/add/", TYPED | {"kind": kind})
    assert Connection.objects.get().port == port


@pytest.mark.parametrize("username", ["root@pam", "reader", "headroom@pve!"])
def test_a_proxmox_user_that_is_no_token_is_refused_at_its_field(page: Client, username: str) -> None:
    response = page.post("/connections/add/", TYPED | {"username": username})
    assert response.status_code == 400
    assert "wants a token here" in text(response)
    assert not Connection.objects.exists()


def test_a_connection_is_changed_and_keeps_its_password(page: Client) -> None:
    page.post("/connections/add/", TYPED)
    there = Connection.objects.get()
    shown = text(page.get(f"/connections/{there.pk}/"))
    assert "headroom@pve!reader" in shown
    assert "s3cret" not in shown
    changed = TYPED | {"password": "", "port": 8006, "blackout": "sat 00:00-24:00", "name": "another"}
    assert page.post(f"/connections/{there.pk}/", changed).status_code == 302
    there.refresh_from_db()
    assert (there.blackout, there.name) == ("sat 00:00-24:00", "pve")  # the estate bears the name
    assert connections.login_of(there).password == "s3cret"


@pytest.mark.parametrize("moved", [{"host": "10.0.0.6"}, {"port": 8007}, {"kind": "vsphere"}])
def test_another_server_wants_the_password_again(page: Client, moved: dict[str, Any]) -> None:
    page.post("/connections/add/", TYPED)
    there = Connection.objects.get()
    response = page.post(f"/connections/{there.pk}/", TYPED | {"password": "", "port": 8006} | moved)
    assert response.status_code == 400
    assert "needs its password given again" in text(response)
    there.refresh_from_db()
    assert (there.host, there.port, there.kind) == ("10.0.0.5", 8006, "proxmox")


@pytest.mark.parametrize("role", [Role.BUYER, Role.SYSTEM_ADMINISTRATOR, None])
def test_who_may_not_connect_sees_and_does_nothing(page: Client, role: Role | None) -> None:
    page.post("/connections/add/", TYPED)
    there = Connection.objects.get()
    operation = Operation.objects.create(
        connection=there, kind="migrate", subject_id="1", subject="db", dry_run=False, state="running"
    )
    page.force_login(person(role))
    assert page.get(f"/connections/{there.pk}/").status_code in (403, 404)
    changed = page.post(f"/connections/{there.pk}/", TYPED | {"blackout": "mon 00:00-01:00"})
    assert changed.status_code in (403, 404)
    assert page.post(f"/operations/{operation.pk}/abort/").status_code in (403, 404)
    there.refresh_from_db()
    assert there.blackout == ""
    assert "/abort/" not in text(page.get("/operations/"))
    operation.refresh_from_db()
    assert operation.abort_asked_at is None


def test_what_runs_can_be_aborted_once_and_what_is_over_cannot(page: Client) -> None:
    there = connecting.add(site_administrator(), "p", name="lab", host="10.0.0.1", port=443, username="u")
    operation = Operation.objects.create(
        connection=there, kind="migrate", subject_id="1", subject="db", state="running", dry_run=False
    )
    assert f"/operations/{operation.pk}/abort/" in text(page.get("/operations/"))
    page.post(f"/operations/{operation.pk}/abort/")
    shown = text(page.get("/operations/"))
    assert "abort asked for" in shown
    assert "/abort/" not in shown
    Operation.objects.update(state="done", abort_asked_at=None)
    page.post(f"/operations/{operation.pk}/abort/")
    assert "Nothing of it is under way that could be aborted" in text(page.get("/operations/"))


def test_a_vm_shows_what_it_used_and_how_much_of_the_day_was_seen(page: Client) -> None:
    estate = Estate(name="lab")
    snapshot.save(estate, reading([host("h1")], [vm("db", host="h1")], clusters=["c"]))
    there = connecting.add(site_administrator(), "p", name="lab", host="10.0.0.1", port=443, username="u")
    Use.objects.create(connection=there, vm="db", window_s=86400, sample_s=300, cpu_average_mhz=412.4,
                       cpu_p95_mhz=1234.6, cpu_peak_mhz=2000, cpu_coverage=0.875)  # fmt: skip
    shown = text(page.get(f"/vms/{estate.virtualmachine_set.get().pk}/"))
    for value in ("412 MHz", "1,235 MHz", "2,000 MHz", "88 % of 24 h, samples of 300 s"):
        assert value in shown, value
    estate.virtualmachine_set.update(name="web")
    assert "Measured use" not in text(page.get(f"/vms/{estate.virtualmachine_set.get().pk}/"))


def test_the_drift_of_a_recorded_estate_against_what_was_observed(page: Client) -> None:
    observed = reading([host("h1"), host("h2")], [vm("db", host="h2", vcpus=4)], clusters=["c"])
    live, paper = Estate(name="live"), Estate(name="RVTools of May")
    snapshot.save(live, observed)
    recorded = reading(
        [host("h1"), host("h2")], [vm("db", host="h1", vcpus=2), vm("old", host="h1")], clusters=["c"]
    )
    snapshot.save(paper, recorded)
    document = write_document(observed.estate)
    Observation.objects.create(estate=live, document=zlib.compress(document), sha256="0" * 64, hosts=2, vms=1)
    shown = text(page.get(f"/estates/{live.pk}/history/?from=estate-{paper.pk}"))
    assert "Drift: what RVTools of May records, and what was observed." in shown
    for value in (
        "<code>vcpus</code> <bdi>2</bdi>",
        "<bdi>old</bdi>",
        "gone",
        "<bdi>h1</bdi> → <bdi>h2</bdi>",
    ):
        assert value in shown, value
