"""Reports leave by mail through a real server: none lost, none twice, whatever dies when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from cluster import mailing
from cluster.models import AuditEntry, Estate, Event, Letter, Schedule
from cluster.roles import Role
from tests.cluster.conftest import Site
from tests.cluster.demo import planned_demo
from tests.cluster.people import person
from tests.cluster.smtp_server import MailServer, mail_server

READER = "reader@example.org"
SECOND = "second@example.org"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with mail_server() as one:
        settings.MAIL_ON = True
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", one.port
        settings.DEFAULT_FROM_EMAIL = "Headroom <headroom@example.org>"
        yield one


@pytest.fixture
def estate(db: Any) -> Estate:
    return planned_demo()


def schedule(estate: Estate, *recipients: str, kind: str = "json", language: str = "en") -> Schedule:
    made = mailing.add(
        person(Role.BUYER),
        estate,
        kind=kind,
        language=language,
        rhythm="weekly",
        recipients=list(recipients or (READER,)),
    )
    Schedule.objects.filter(pk=made.pk).update(next_at=LONG_AGO)
    return made


def turn() -> None:
    """What the beat has workers do."""
    for pk in mailing.due_schedules():
        mailing.write(pk)
    for pk in mailing.waiting():
        mailing.send(pk)


def again_at_once() -> None:
    Letter.objects.update(next_at=LONG_AGO)
    turn()


def test_each_recipient_gets_one_mail_with_the_report(server: MailServer, estate: Estate) -> None:
    schedule(estate, READER, SECOND, READER, language="fr", kind="pdf")
    turn()
    turn()
    assert sorted(recipient for recipient, _ in server.mails) == [READER, SECOND]
    _, mail = server.mails[0]
    assert mail["Subject"].startswith(f"Capacité de {estate.name}")
    (attached,) = mail.iter_attachments()
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_content().startswith(b"%PDF")
    assert {letter.state for letter in Letter.objects.all()} == {"sent"}
    assert all(bytes(letter.content) == b"" for letter in Letter.objects.all())
    assert AuditEntry.objects.filter(deed="mailed a report").count() == 2


def test_the_mailed_report_is_the_one_that_is_downloaded(server: MailServer, estate: Estate) -> None:
    client = Client()
    client.force_login(person(Role.BUYER))
    downloaded = client.get(f"/estates/{estate.pk}/report.json").content
    schedule(estate)
    turn()
    (attached,) = server.mails[0][1].iter_attachments()
    assert json.loads(attached.get_content()) == json.loads(downloaded)


def test_what_was_missed_is_sent_once(server: MailServer, estate: Estate) -> None:
    made = schedule(estate)
    turn()
    made.refresh_from_db()
    assert made.next_at is not None
    assert made.next_at > timezone.now()
    assert made.next_at.weekday() == 0
    assert len(server.mails) == 1


def test_a_server_that_is_away_is_tried_again(server: MailServer, estate: Estate, settings: Any) -> None:
    settings.EMAIL_PORT = 1
    schedule(estate)
    turn()
    letter = Letter.objects.get()
    assert (letter.state, letter.attempts) == ("waiting", 1)
    assert letter.next_at > timezone.now() + timedelta(seconds=20)
    settings.EMAIL_PORT = server.port
    again_at_once()
    assert len(server.mails) == 1
    assert Letter.objects.get().state == "sent"


def test_a_full_mailbox_is_tried_again_and_an_unknown_one_is_not(server: MailServer, estate: Estate) -> None:
    server.at_data = "451 later"
    schedule(estate)
    turn()
    assert Letter.objects.get().state == "waiting"
    server.at_recipient, server.at_data = "550 nobody of this name", "250 taken"
    again_at_once()
    again_at_once()
    letter = Letter.objects.get()
    assert (letter.state, letter.attempts) == ("failed", 2)
    assert "nobody of this name" in letter.error
    assert server.mails == []
    assert Event.objects.filter(kind="report-failed").count() == 1


def test_a_server_that_takes_a_mail_and_says_nothing_leaves_it_to_a_person(
    server: MailServer, estate: Estate
) -> None:
    server.hangs_up = True
    schedule(estate)
    turn()
    again_at_once()
    again_at_once()
    letter = Letter.objects.get()
    assert letter.state == "unsure"
    assert len(server.mails) == 1
    server.hangs_up = False
    mailing.send_again(person(Role.BUYER), letter)
    turn()
    assert len(server.mails) == 2
    assert {mail["Message-ID"] for _, mail in server.mails} == {f"<{letter.pk}@example.org>"}
    assert Letter.objects.get().state == "sent"


def test_two_workers_send_one_mail(server: MailServer, estate: Estate) -> None:
    made = schedule(estate)
    assert mailing.write(made.pk) == 1
    assert mailing.write(made.pk) == 0
    letter = Letter.objects.get()
    mailing.send(letter.pk)
    mailing.send(letter.pk)
    assert len(server.mails) == 1


def test_without_a_mail_server_what_is_due_waits(estate: Estate, settings: Any) -> None:
    settings.MAIL_ON = False
    schedule(estate)
    turn()
    assert not Letter.objects.exists()
    assert Schedule.objects.get().next_at == LONG_AGO


def test_who_may_no_longer_plan_mails_nothing_more(server: MailServer, estate: Estate) -> None:
    schedule(estate)
    asker = person(Role.BUYER)
    asker.groups.clear()
    turn()
    assert server.mails == []
    assert Schedule.objects.get().next_at is None
    assert Event.objects.filter(kind="report-off").count() == 1


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.SYSTEM_ADMINISTRATOR, None])
def test_only_who_plans_may_plan_mails(role: Role | None, estate: Estate) -> None:
    client = Client()
    client.force_login(person(role))
    assert client.get("/mails/").status_code == 403
    with pytest.raises(PermissionDenied):
        mailing.add(person(role), estate, kind="pdf", language="en", rhythm="daily", recipients=[READER])


def test_the_page_takes_good_addresses_and_says_what_is_wrong_with_others(
    estate: Estate, settings: Any
) -> None:
    settings.MAIL_ON = False
    client = Client()
    client.force_login(person(Role.BUYER))
    fields = {"estate": estate.pk, "kind": "pdf", "language": "fr", "rhythm": "daily"}
    bad = client.post("/mails/add/", {**fields, "recipients": f"{READER}\r\nBcc: x"})
    assert bad.status_code == 400
    assert "Bcc: is no mail address." in bad.content.decode()
    settings.MAIL_DOMAINS = ["example.org"]
    elsewhere = client.post("/mails/add/", {**fields, "recipients": "x@evil.example"})
    assert "this site mails to example.org alone" in elsewhere.content.decode()
    assert client.post("/mails/add/", {**fields, "recipients": f"{READER}, {SECOND}"}).status_code == 302
    assert Schedule.objects.get().recipients == [READER, SECOND]
    page = client.get("/mails/").content.decode()
    assert "EMAIL_URL" in page
    assert f"{READER}, {SECOND}" in page


# -- workers that are killed, in processes of their own

SET_UP = """
from datetime import UTC, datetime
from cluster import mailing
from cluster.models import Schedule
from cluster.roles import Role
from tests.cluster.demo import planned_demo
from tests.cluster.people import person
made = mailing.add(person(Role.BUYER), planned_demo(), kind="json", language="en", rhythm="daily",
                   recipients=["reader@example.org"])
Schedule.objects.update(next_at=datetime(2026, 1, 1, tzinfo=UTC))
"""
WORKER = """
import json, os, signal, smtplib
from django.core import mail
from cluster import mailing
from cluster.models import Letter
mailing.CLAIM_S = mailing.HANDING_S = 0.0
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
{die_at}
for _ in range({turns}):
    for pk in mailing.due_schedules():
        mailing.write(pk)
    for pk in mailing.waiting():
        mailing.send(pk)
print(json.dumps(list(Letter.objects.values_list("state", flat=True))))
"""
POINTS = {
    "before the report is written": "mailing._mail = die",
    "after the report is written": "mailing.waiting = die",
    "when the letter is claimed": "mail.get_connection = die",
    "before the server is called": "mailing._message = die",
    "before it is handed over": "smtplib.SMTP.sendmail = die",
    "between the server's yes and the note": "mailing._sent = die",
}


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_anywhere_loses_no_mail_and_sends_none_twice(site: Site, point: str) -> None:
    with mail_server() as server:
        site.environment["EMAIL_URL"] = f"smtp://127.0.0.1:{server.port}"
        site.run(SET_UP)
        killed = site.start(WORKER.format(die_at=POINTS[point], turns=1))
        assert killed.wait(120) == -9
        states = json.loads(site.run(WORKER.format(die_at="", turns=3)))
        if point in ("before it is handed over", "between the server's yes and the note"):
            assert states == ["unsure"]  # nobody can know, so nobody pretends to: a person decides
            assert len(server.mails) == (1 if "yes" in point else 0)
        else:
            assert states == ["sent"]
            assert len(server.mails) == 1
