"""Secrets are in no dump, log, argument or page, and outlive a change of their key."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyotp
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from cluster import connections, second_factor, vault, webhooks
from cluster.models import AuditEntry, Connection, SecondFactor, Webhook
from tests.cluster.conftest import ROOT, Site
from tests.cluster.people import site_administrator
from tests.conftest import wait_until

CANARIES = {
    "connection": "canary-of-a-connection-7f3a",
    "person": "canary-of-a-person-91bc",
    "openid": "canary-of-openid-52de",
    "database": "canary-of-ldap-0c4e",
}
LIVE = """
import logging
import pyotp
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from cluster import connecting, second_factor, tokens
from cluster.models import Connection, Run
from cluster.roles import Action
from cluster import connections, tasks
logging.getLogger().setLevel(logging.DEBUG)
site = User.objects.create_user("site", password="{person}")
site.groups.set(Group.objects.filter(name="site administrator"))
reader = User.objects.create_user("reader", password="{person}")
reader.groups.set(Group.objects.filter(name="virtual-infrastructure administrator"))
there = connecting.add(site, "{connection}", name="vc", host="10.1.2.3", port=1, username="u")
connecting.change(site, there, "{connection}", username="v")
for name in ("site", "reader"):
    client = Client()
    print(client.post("/login/", {{"username": name, "password": "{person}"}}).status_code)
    client.post("/login/", {{"username": name, "password": "{person}x"}})
    one = f"/connections/{{there.pk}}/"
    for page in ("/", "/connections/", one, "/account/", "/people/", "/operations/"):
        assert b"canary" not in client.get(page).content, page
    wrong = {{"name": "vc", "host": "127.0.0.1", "port": 1, "username": "u", "password": "{connection}"}}
    assert b"canary" not in client.post("/connections/add/", wrong).content
print(repr(connections.login_of(there)))
run = connecting.refresh(reader, there)
tasks.refresh_estate(str(run.pk))
token, key = tokens.make(reader, "robot", [Action.READ], 30, [])
Client(headers={{"Authorization": f"Bearer {{key}}"}}).get("/api/v1/estates")
client = Client()
client.post("/login/", {{"username": "site", "password": "{person}"}})
client.get("/account/second-factor/")  # an offer in the session
secret = second_factor.new_secret()
codes = second_factor.set_up(site, secret, pyotp.TOTP(secret).now())
client = Client()
client.post("/login/", {{"username": "site", "password": "{person}"}})
for code, answer in (("000000", 400), (codes[0], 302)):
    assert client.post("/code/", {{"code": code}}).status_code == answer
print("KEYS", key, secret, *codes, flush=True)
input()
"""


def test_no_canary_is_in_the_database_a_log_or_an_argument(site: Site) -> None:
    site.environment |= {
        "HEADROOM_CONNECTION_NETWORKS": "10.0.0.0/8",
        "ALLOWED_HOSTS": "testserver",
        "OIDC_CLIENT_SECRET": CANARIES["openid"],
        "LDAP_BIND_PASSWORD": CANARIES["database"],
    }
    log = site.folder / "log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-c", f"import django; django.setup()\n{LIVE.format(**CANARIES)}"],
            env=site.environment, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=sink, stderr=sink,
        )  # fmt: skip
        site.started.append(process)
        wait_until(lambda: "KEYS" in log.read_text() or process.poll() is not None, "the site")
        arguments = command_lines(but=process.pid)
    said = log.read_text()
    assert "KEYS" in said, said
    told = said.split("KEYS ")[1].splitlines()[0]
    with sqlite3.connect(site.folder / "headroom.sqlite3") as database:
        dump = "\n".join(database.iterdump())
    places = {"dump": dump, "log": said.replace(f"KEYS {told}", ""), "argv": "\n".join(arguments)}
    known = [*CANARIES.values(), *told.split()]
    hits = [(where, canary) for where, text in places.items() for canary in known if canary in text]
    print(
        f"\n{len(dump)} characters of dump, {len(said)} of log, {len(arguments)} commands: {len(hits)} hits"
    )
    assert hits == []
    assert "argon2" in dump
    process.communicate("\n")


def command_lines(but: int) -> list[str]:
    """What every other process was started with; the test's own brings the canaries in."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.parent.name != str(but):
                found.append(path.read_bytes().decode(errors="replace"))
    return found


# -- the key


@pytest.fixture
def sealed(settings: Any, tmp_path: Path, db: None) -> list[Connection]:
    settings.CONNECTION_KEY_FILE = tmp_path / "key"
    made = []
    for n in range(20):
        row = Connection.objects.create(name=f"vc{n}", host="10.0.0.1", username="u")
        row.secret = vault.seal(f"password {n}", connections.place_of(row))
        row.save()
        made.append(row)
    return made


def opened() -> list[str]:
    rows = Connection.objects.order_by("pk")
    return [vault.unseal(row.secret, connections.place_of(row)) for row in rows]


def test_a_change_of_the_key_keeps_every_secret_readable_and_drops_the_old_key(
    sealed: list[Connection], settings: Any, capsys: Any
) -> None:
    before = Path(settings.CONNECTION_KEY_FILE).read_text()
    old = [row.secret for row in Connection.objects.order_by("pk")]
    for _ in range(3):
        call_command("connection_key", "rotate")
    assert "20 secrets open; the file holds 1 keys" in capsys.readouterr().out
    assert opened() == [f"password {n}" for n in range(20)]
    assert before.strip() not in Path(settings.CONNECTION_KEY_FILE).read_text()
    for row, secret in zip(sealed, old, strict=True):  # what was sealed under the key that is gone is gone
        with pytest.raises(vault.Sealed):
            vault.unseal(secret, connections.place_of(row))
    assert Path(settings.CONNECTION_KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert AuditEntry.objects.filter(deed="changed the keys of the secrets").count() == 3


def test_the_former_key_may_stay_for_a_backup_that_needs_it(sealed: list[Connection], settings: Any) -> None:
    old = Connection.objects.earliest("pk").secret
    call_command("connection_key", "rotate", "--keep")
    assert vault.unseal(old, connections.place_of(sealed[0])) == "password 0"
    assert vault.count_keys() == 2


def test_a_secret_that_does_not_open_stops_the_change_before_a_key_is_lost(
    sealed: list[Connection], settings: Any
) -> None:
    before = Path(settings.CONNECTION_KEY_FILE).read_text()
    Connection.objects.filter(pk=sealed[3].pk).update(secret=Connection.objects.latest("pk").secret)  # moved
    with pytest.raises(CommandError, match=f"connection/{sealed[3].pk} does not open"):
        call_command("connection_key", "rotate")
    assert Path(settings.CONNECTION_KEY_FILE).read_text() == before


def test_the_secrets_of_webhooks_outlive_a_change_of_the_key(
    sealed: list[Connection], settings: Any, capsys: Any
) -> None:
    settings.WEBHOOK_NETWORKS = ["10.0.0.0/8"]
    hook, secret = webhooks.add(site_administrator(), "tickets", "https://10.0.0.1/", [])
    call_command("connection_key", "rotate")
    assert "21 secrets open; the file holds 1 keys" in capsys.readouterr().out
    hook.refresh_from_db()
    assert vault.unseal(hook.secret, webhooks.place_of(hook)) == secret


def test_second_factors_outlive_a_change_of_the_key(
    sealed: list[Connection], settings: Any, capsys: Any
) -> None:
    ada, secret = site_administrator(), second_factor.new_secret()
    app = pyotp.TOTP(secret)
    second_factor.set_up(ada, secret, app.now())
    call_command("connection_key", "rotate")
    assert "21 secrets open; the file holds 1 keys" in capsys.readouterr().out
    second_factor.spend(ada, app.at(time.time() + second_factor.PERIOD_S))
    assert SecondFactor.objects.get().failures == 0


def test_no_model_keeps_a_secret_that_a_change_of_the_key_forgets() -> None:
    keeping = {
        model
        for model in apps.get_app_config("cluster").get_models()
        if any(one.name == "secret" for one in model._meta.fields)
    }
    assert keeping == {Connection, SecondFactor, Webhook}


SEALED_SITE = """
from cluster import connections, vault, webhooks
from cluster.models import Connection
from tests.cluster.people import site_administrator
for n in range(8):
    row = Connection.objects.create(name=f"vc{n}", host="10.0.0.1", username="u")
    row.secret = vault.seal(f"password {n}", connections.place_of(row))
    row.save()
webhooks.add(site_administrator(), "tickets", "https://10.0.0.1/", [])
"""
KILLED_AT = """
import os, signal
from django.core.management import call_command
from cluster import vault
from cluster.management.commands import connection_key
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
{way}
call_command("connection_key", "rotate")
"""
WAYS_TO_DIE = {
    "before the new key": "vault.add_key = die",
    "after the new key": "connection_key._reseal = die",
    "with half of them sealed anew": """
seal, sealed = vault.seal, []
vault.seal = lambda *given: die() if len(sealed) == 4 else sealed.append(given) or seal(*given)
""",
    "after all are sealed anew": "vault.drop_old_keys = die",
}


def test_a_change_of_the_key_that_is_killed_anywhere_loses_no_secret(site: Site) -> None:
    site.environment["HEADROOM_WEBHOOK_NETWORKS"] = "10.0.0.0/8"
    site.run(SEALED_SITE)
    status = "from django.core.management import call_command; call_command('connection_key', '{what}')"
    for when, way in WAYS_TO_DIE.items():
        assert site.start(KILLED_AT.format(way=way)).wait(120) == -9, when
        assert site.run(status.format(what="status")).startswith("9 secrets open"), when
    assert site.run(status.format(what="rotate")) == "9 secrets open; the file holds 1 keys"
