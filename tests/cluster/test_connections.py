"""A password goes in and never comes out; an address is one that the site allows; estates are dated."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection as database

from cluster import connecting, connections, services, tasks, vault
from cluster.models import AuditEntry, Connection, Estate, Observation, Run
from cluster.roles import Role
from operations.drivers.base import DriverError
from tests.cluster.people import administrator, person, site_administrator
from tests.operations.simulator import Simulator, simulated

CANARY = "c4n4ry-p@ssw0rd"


@pytest.fixture(autouse=True)
def site(settings: Any, tmp_path: Path) -> None:
    settings.CONNECTION_NETWORKS = ["127.0.0.1/32"]
    settings.CONNECTION_KEY_FILE = tmp_path / "key"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    options = ("-hosts", 2, "-vms", 3, "-username", "u", "-password", CANARY)
    with simulated(tmp_path_factory.mktemp("vcsim"), *options) as one:
        yield one


def connection(password: str = CANARY, **given: Any) -> Connection:
    usual = {"name": "vc1", "host": "127.0.0.1", "port": 443, "username": "u"}
    return connecting.add(site_administrator(), password, **{**usual, **given})


# -- the vault


def test_a_secret_opens_at_its_place_alone() -> None:
    sealed = vault.seal(CANARY, "connection/1")
    assert CANARY not in sealed
    assert vault.unseal(sealed, "connection/1") == CANARY
    with pytest.raises(vault.Sealed):
        vault.unseal(sealed, "connection/2")


def test_a_new_key_opens_what_the_old_one_sealed(settings: Any) -> None:
    old = vault.seal(CANARY, "a")
    vault.add_key()
    assert vault.unseal(old, "a") == CANARY
    lines = settings.CONNECTION_KEY_FILE.read_text().split()
    settings.CONNECTION_KEY_FILE.write_text(lines[0])
    with pytest.raises(vault.Sealed):
        vault.unseal(old, "a")


def test_the_key_is_a_file_that_its_owner_alone_may_read(settings: Any) -> None:
    vault.seal("x", "a")
    assert settings.CONNECTION_KEY_FILE.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "v1.", "v1.AAAA", "v1.!!!", "plain text"])
def test_a_damaged_secret_is_refused(text: str) -> None:
    with pytest.raises(vault.Sealed):
        vault.unseal(text, "a")


# -- people


@pytest.mark.django_db
@pytest.mark.parametrize("role", [role for role in Role if "site" not in role] + [None])
def test_only_site_administrators_connect_and_who_acts_is_none_of_them(role: Role | None) -> None:
    there = connection()
    who = person(role)
    for deed in (
        lambda: connecting.add(who, "p", name="x", host="127.0.0.1", port=1, username="u"),
        lambda: connecting.change(who, there, name="y"),
        lambda: connecting.remove(who, there),
    ):
        with pytest.raises(PermissionDenied):
            deed()
    if role is not Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR:
        with pytest.raises(PermissionDenied):
            connecting.refresh(who, there)
    assert Connection.objects.get().name == "vc1"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "host", ["10.0.0.1", "169.254.169.254", "::1", "evil\r\nhost", "", "a/b", "user@host"]
)
def test_an_address_that_the_site_does_not_allow_is_not_stored(host: str) -> None:
    with pytest.raises(services.Refused):
        connection(host=host)
    assert not Connection.objects.exists()


@pytest.mark.django_db
def test_a_password_is_not_sent_to_another_server_by_a_change_of_address() -> None:
    there = connection()
    with pytest.raises(services.Refused, match="needs its password given again"):
        connecting.change(site_administrator(), there, host="127.0.0.1", port=8443)
    connecting.change(site_administrator(), there, "another", port=8443)
    assert connections.login_of(Connection.objects.get()).password == "another"


# -- refreshing


@pytest.mark.django_db
def test_a_refresh_stores_the_estate_dates_it_and_plans_it(simulator: Simulator, settings: Any) -> None:
    settings.CONNECTION_CA_FILE = str(simulator.ca_file)
    there = connection(port=simulator.port)
    for _ in range(2):
        run = connecting.refresh(administrator(), there)
        tasks.refresh_estate(str(run.pk))
        run.refresh_from_db()
        assert (run.state, run.error) == (Run.State.SUCCEEDED, None)
    estate = Estate.objects.get(name="vc1")
    assert estate.virtualmachine_set.count() == 3
    assert estate.plans.count() == 2
    assert Observation.objects.filter(estate=estate).count() >= 1
    assert Observation.objects.first().vms == 3
    everything = secrets_in_database()
    assert CANARY not in everything


@pytest.mark.django_db
def test_a_wrong_password_ends_the_refresh_without_showing_it(
    simulator: Simulator, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.CONNECTION_CA_FILE = str(simulator.ca_file)
    there = connection("wr0ng-" + CANARY, port=simulator.port)
    run = connecting.refresh(administrator(), there)
    tasks.refresh_estate(str(run.pk))
    run.refresh_from_db()
    assert run.state == Run.State.FAILED
    assert "does not know this user and password" in str(run.error)
    assert CANARY not in caplog.text
    assert CANARY not in secrets_in_database()
    assert CANARY not in str(AuditEntry.objects.values())


@pytest.mark.django_db
def test_a_key_that_is_gone_is_told_and_not_tried(settings: Any, tmp_path: Path) -> None:
    there = connection()
    settings.CONNECTION_KEY_FILE = tmp_path / "another"
    with pytest.raises(DriverError, match="The password cannot be opened"):
        connections.login_of(there)


@pytest.mark.django_db
def test_what_is_due_is_queued_once() -> None:
    there = connection(refresh_minutes=10)
    Connection.objects.filter(pk=there.pk).update(next_refresh_at="2020-01-01T00:00:00Z")
    assert connecting.refresh_due() == 1
    assert connecting.refresh_due() == 0
    Connection.objects.filter(pk=there.pk).update(next_refresh_at="2020-01-01T00:00:00Z")
    assert connecting.refresh_due() == 0  # the first one is still under way
    assert Run.objects.filter(connection=there).count() == 1


def secrets_in_database() -> str:
    """Every text of every table, as a dump would hold it."""
    found = []
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")  # noqa: S608
            found += [str(row) for row in cursor.fetchall()]
    return "\n".join(found)
