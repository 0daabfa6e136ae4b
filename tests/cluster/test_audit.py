"""Deeds are noted with their sender; nobody changes a note unseen."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client

from cluster import audit, services, witness
from cluster.audit import Deed, note, verify
from cluster.models import AuditEntry, AuditHead
from cluster.roles import Role
from planner.formats.document import write_document
from tests.cluster.conftest import Site
from tests.cluster.estates import estate_of
from tests.cluster.people import administrator, person

pytestmark = pytest.mark.django_db


def noted() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("seq").values_list("actor", "deed", "subject"))


def unguarded(statement: str) -> None:
    """Do what somebody does who owns the database."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER IF EXISTS audit_no_update")
            cursor.execute("DROP TRIGGER IF EXISTS audit_no_delete")
            cursor.execute("DROP TRIGGER IF EXISTS audit_no_replace")
        else:
            cursor.execute("ALTER TABLE cluster_auditentry DISABLE TRIGGER audit_append_only")
        cursor.execute(statement)


def test_signing_in_is_noted_with_its_sender_and_number() -> None:
    User.objects.create_user("ada", password="a long password")
    client = Client(REMOTE_ADDR="192.0.2.7")
    assert client.post("/login/", {"username": "ada", "password": "wrong"}).status_code == 200
    answer = client.post("/login/", {"username": "ada", "password": "a long password"})
    client.post("/logout/")
    assert noted() == [
        ("", Deed.SIGN_IN_REFUSED, "ada"),
        ("ada", Deed.SIGNED_IN, ""),
        ("ada", Deed.SIGNED_OUT, ""),
    ]
    entry = AuditEntry.objects.get(seq=2)
    assert (entry.source, entry.request_id) == ("192.0.2.7", answer["X-Request-ID"])
    assert "wrong" not in json.dumps(list(map(audit.content_of, AuditEntry.objects.all())))


def test_a_forged_sender_is_not_believed(settings: object) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Request-ID": "forged-number"}
    Client(REMOTE_ADDR="192.0.2.7", headers=forged).post("/login/", {"username": "x", "password": "y"})
    settings.BEHIND_HTTPS = True
    behind = {**forged, "X-Forwarded-For": "203.0.113.9, 192.0.2.8", "X-Forwarded-Proto": "https"}
    Client(REMOTE_ADDR="127.0.0.1", headers=behind).post("/login/", {"username": "x", "password": "y"})
    sources = list(AuditEntry.objects.order_by("seq").values_list("source", "request_id"))
    assert sources[0][0] == "192.0.2.7"
    assert sources[0][1] != "forged-number"
    assert sources[1] == ("192.0.2.8", "forged-number")


def test_what_is_asked_for_is_noted_in_the_same_transaction() -> None:
    run = services.start_import(
        administrator(), ContentFile(write_document(estate_of(vms=3)), "site.json"), "site"
    )
    services.cancel(administrator(), run)
    name = administrator().username
    assert noted() == [(name, Deed.IMPORT_ASKED, "site"), (name, Deed.RUN_CANCELLED, "site")]
    assert AuditEntry.objects.get(seq=1).after["run"] == str(run.pk)
    with transaction.atomic():
        note(Deed.PLAN_ASKED, "ada")
        transaction.set_rollback(True)
    assert AuditEntry.objects.count() == AuditHead.objects.get().seq == 2


@pytest.mark.parametrize(
    "content",
    [
        {"number": value}
        for value in (
            1e22,
            -0.0,
            0.0,
            5e-324,
            0.1 + 0.2,
            float("nan"),
            float("inf"),
            2**70,
            -1,
            1.0,
            True,
            None,
        )
    ]
    + [
        {"nul\0": "a\0b"},
        {"half": "\ud800"},
        {1: {2: (3, [4.5])}},
        {"deep": [[[{"x": "é\u202e"}]]]},
        {},
        {"<script>": "'; DROP TABLE cluster_auditentry; --"},
    ],
)
def test_whatever_is_noted_is_read_back_under_its_seal(content: dict[Any, Any]) -> None:
    note(Deed.PLAN_ASKED, "a\0", "s\0", content, content)
    note(Deed.PLAN_ASKED, "ada", "site")
    assert verify().broken_at is None
    assert json.loads("".join(audit.exported(AuditEntry.objects.order_by("seq"))).splitlines()[0])


def test_a_whole_chain_holds() -> None:
    for number in range(50):
        note(Deed.PLAN_ASKED, "ada", f"site é\u202e{number}", {"a": 1.5}, {"b": [None, "ü"]})
    verdict = verify()
    assert (verdict.entries, verdict.broken_at) == (50, None)
    assert verify(verdict.head).broken_at is None


TAMPERINGS = {
    "a content": ("UPDATE cluster_auditentry SET actor = 'eve' WHERE seq = 3", 3),
    "a time": ("UPDATE cluster_auditentry SET at = '2020-01-01 00:00:00' WHERE seq = 2", 2),
    "an entry taken out": ("DELETE FROM cluster_auditentry WHERE seq = 4", 4),
    "the end cut off": ("DELETE FROM cluster_auditentry WHERE seq = 6", 6),
    "two changed places": (
        "UPDATE cluster_auditentry SET seq = CASE seq WHEN 2 THEN -3 ELSE -2 END WHERE seq IN (2, 3)",
        -3,
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_the_first_entry_that_was_tampered_with_is_named(what: str) -> None:
    statement, at = TAMPERINGS[what]
    for number in range(6):
        note(Deed.PLAN_ASKED, "ada", str(number))
    unguarded(statement)
    assert verify().broken_at == (1 if at < 0 else at)


def test_a_chain_written_anew_is_found_by_a_head_that_was_noted() -> None:
    for number in range(3):
        note(Deed.PLAN_ASKED, "ada", str(number))
    head = verify().head
    unguarded("DELETE FROM cluster_auditentry")
    AuditHead.objects.update(seq=0, digest="")
    for number in range(3):
        note(Deed.PLAN_ASKED, "eve", str(number))
    assert verify().broken_at is None
    assert verify(head).broken_at == 3
    assert verify("7:" + "0" * 64).broken_at == 4


@pytest.fixture
def witnessed(settings: Any, tmp_path: Path) -> Path:
    settings.AUDIT_WITNESS_FILE = tmp_path / "audit-heads"
    return settings.AUDIT_WITNESS_FILE


def cut_off_behind(seq: int) -> None:
    """Cut off the end as somebody does who knows of the head, and sets it back."""
    unguarded(f"DELETE FROM cluster_auditentry WHERE seq > {seq}")  # noqa: S608  a number of ours
    last = AuditEntry.objects.filter(seq=seq).first()
    AuditHead.objects.update(seq=seq, digest=last.digest if last else "")


@pytest.mark.parametrize("kept", [5, 3, 0])
def test_an_end_that_was_cut_off_with_its_head_is_found_by_its_witness(witnessed: Path, kept: int) -> None:
    for number in range(6):
        note(Deed.PLAN_ASKED, "ada", str(number))
    assert witness.witness().startswith("6:")
    assert witness.witness() == ""  # once
    cut_off_behind(kept)
    found = verify()
    assert (found.broken_at, found.why) == (kept + 1, "entry 6 was noted elsewhere and is not here")
    with pytest.raises(CommandError, match=f"from entry {kept + 1} on"):
        call_command("audit", "verify")
    assert witness.witness() == ""  # what was cut off is not forgotten by a later look
    for number in range(kept, 7):
        note(Deed.PLAN_ASKED, "eve", str(number))
    assert verify().broken_at == 6
    assert "not the entry that was noted elsewhere" in verify().why


def test_a_line_of_the_witness_that_a_full_disk_cut_is_none(witnessed: Path) -> None:
    note(Deed.PLAN_ASKED, "ada")
    whole = witness.witness()
    with witnessed.open("a") as file:
        file.write("2:7f")
    assert witness.last() == whole
    assert verify().broken_at is None
    note(Deed.PLAN_ASKED, "ada")
    assert witness.witness() == witness.last() == verify().head
    assert witnessed.stat().st_mode & 0o777 == 0o600


def test_a_witness_that_was_changed_is_told(witnessed: Path, client: Client) -> None:
    note(Deed.PLAN_ASKED, "ada")
    witness.witness()
    witnessed.write_text("nothing <b>here</b>\n")
    assert verify().why == "the file of the witness was changed: it ends with 'nothing <b>here</b>'"
    client.force_login(person(Role.AUDITOR))
    page = client.post("/audit/verify/")
    assert page.status_code == 200
    assert b"nothing &lt;b&gt;here" in page.content


@pytest.mark.parametrize("head", ["foo", "foo:7f", "12", "-1:7f", "²:7f", "9" * 30 + ":7f"])
def test_a_head_that_is_none_is_refused_and_not_passed_over(head: str) -> None:
    note(Deed.PLAN_ASKED, "ada")
    with pytest.raises(CommandError, match="is no head"):
        call_command("audit", "verify", head=head)


def test_the_command_says_what_holds_and_fails_where_it_does_not() -> None:
    note(Deed.PLAN_ASKED, "ada", "site")
    said = StringIO()
    call_command("audit", "verify", stdout=said)
    assert said.getvalue().startswith("1 entries hold; head 1:")
    lines = StringIO()
    call_command("audit", "export", stdout=lines)
    assert json.loads(lines.getvalue())["actor"] == "ada"
    unguarded("UPDATE cluster_auditentry SET subject = 'other'")
    with pytest.raises(CommandError, match="entry 1 on: its content was changed"):
        call_command("audit", "verify")


def test_only_auditors_read_it(client: Client) -> None:
    for role in (None, *Role):
        client.force_login(person(role))
        may = role is Role.AUDITOR
        assert client.get("/audit/").status_code == (200 if may else 403)
        assert client.post("/audit/verify/").status_code == (200 if may else 403)
        assert client.post("/audit/audit.ndjson").status_code == (200 if may else 403)


def test_what_is_taken_can_be_verified_elsewhere(client: Client) -> None:
    note(Deed.PLAN_ASKED, "<b>ada</b>", "site")
    client.force_login(person(Role.AUDITOR))
    assert b"<b>ada</b>" not in client.get("/audit/").content
    lines = client.post("/audit/audit.ndjson").content.decode().splitlines()
    previous = ""
    for line in map(json.loads, lines):
        assert line.pop("previous") == previous
        previous = line.pop("digest")
    assert f"{line['seq']}:{previous}" == str(AuditHead.objects.get())


def test_the_database_itself_refuses_to_change_or_delete(site: Site) -> None:
    said = site.run(
        """
        from django.db import DatabaseError
        from cluster.audit import Deed, note
        from cluster.models import AuditEntry
        note(Deed.PLAN_ASKED, "ada", "site")
        for deed in (lambda: AuditEntry.objects.update(actor="eve"), AuditEntry.objects.all().delete):
            try:
                deed()
                print("done")
            except DatabaseError as error:
                print("append-only" in str(error))
        """
    )
    assert said.split() == ["True", "True"]


WAYS_AROUND = """
from django.db import DatabaseError, connection
from cluster.audit import Deed, note, verify
for number in range(3):
    note(Deed.PLAN_ASKED, "ada", str(number))
columns = "seq, at, actor, source, request_id, deed, subject, previous, digest"
upsert = "ON CONFLICT (seq) DO UPDATE SET actor = 'eve'"
forged = "2, '2026-01-01', 'eve', '', '', 'made a plan', '', '', 'x'"
ways = ["UPDATE cluster_auditentry SET actor = 'eve'", "DELETE FROM cluster_auditentry WHERE seq = 3"]
if connection.vendor == "sqlite":
    ways += [f"INSERT OR REPLACE INTO cluster_auditentry ({columns}) VALUES ({forged})",
             f"REPLACE INTO cluster_auditentry ({columns}) VALUES ({forged})",
             f"INSERT INTO cluster_auditentry ({columns}) VALUES ({forged}) {upsert}"]
else:
    ways += ["TRUNCATE cluster_auditentry", "TRUNCATE cluster_auditentry CASCADE",
             f"INSERT INTO cluster_auditentry ({columns}) VALUES ({forged}) {upsert}"]
for way in ways:
    try:
        with connection.cursor() as cursor:
            cursor.execute(way)
        print("GOT THROUGH", way)
    except DatabaseError as error:
        assert "append-only" in str(error), error
print(len(ways), "refused;", verify().entries, "hold;", verify().broken_at)
"""


def test_no_statement_gets_around_the_guard(any_site: Site) -> None:
    assert any_site.run(WAYS_AROUND) == "5 refused; 3 hold; None"


def test_writers_at_the_same_time_make_one_chain(site: Site) -> None:
    code = """
        from cluster.audit import Deed, note
        for number in range(25):
            note(Deed.PLAN_ASKED, "ada", str(number))
    """
    writers = [site.start(code) for _ in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    assert (
        site.run("from cluster.audit import verify; v = verify(); print(v.entries, v.broken_at)")
        == "100 None"
    )
