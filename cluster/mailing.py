"""Reports by mail: schedules that people keep, letters written from them, and the outbox.

    write(schedule)  -> one letter a recipient, with the schedule's next time, in one transaction
    send(letter)     -> claim, open the server, note "handing", hand over, note "sent"

No letter is lost: it is a row until a server took it.  None is sent twice: after a crash while it was being
handed over nobody can know whether the server took it, so it becomes `unsure` and waits for a person.
"""

from __future__ import annotations

import smtplib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext, gettext_noop
from msgspec import Struct

from cluster import audit, feed, reporting, selectors, verdict
from cluster.audit import Deed
from cluster.models import Estate, Event, Letter, Plan, Schedule
from cluster.reach import covers
from cluster.roles import Action
from cluster.shown import day
from cluster.visible import visible
from cluster.work import lease
from planner.sentence import Sentence

SENT_AT_HOUR: Final = 6  # UTC: before work begins in Europe
CLAIM_S: Final = 120  # to reach a server, TLS and login
HANDING_S: Final = 900  # to hand over a large report on a slow line
PAUSE_S: Final = 60
PAUSE_MAX_S: Final = 6 * 3600
ATTEMPTS_MAX: Final = 12  # more than a day, with the pauses above
AT_ONCE: Final = 50  # letters of one turn
PERMANENT: Final = 500  # an SMTP answer from here on will be the same next time; RFC 5321, 4.2.1
ERROR_MAX: Final = 255
HANDED_BY_NOBODY: Final = gettext_noop("the worker ended while it was handing over")


class Mail(Struct, frozen=True, kw_only=True):
    """What a letter says, whole."""

    subject: str
    body: str
    file_name: str
    content_type: str
    file: bytes


def add(
    asker: User, estate: Estate, *, kind: str, language: str, rhythm: str, recipients: list[str]
) -> Schedule:
    """Keep a schedule; its first report goes out at its next time.

    Raises:
        PermissionDenied: the asker makes no plans, or does not see the estate.
    """
    _allow(asker, estate)
    with transaction.atomic():
        made = Schedule.objects.create(
            estate=estate,
            kind=kind,
            language=language,
            rhythm=rhythm,
            recipients=recipients,
            next_at=next_after(rhythm, timezone.now()),
            created_by=asker,
        )
        audit.note(Deed.SCHEDULE_ADDED, asker.get_username(), estate.name, after=seen(made))
    return made


def remove(asker: User, schedule: Schedule) -> None:
    """Give a schedule up; its letters stay as they are."""
    _allow(asker, schedule.estate)
    with transaction.atomic():
        audit.note(Deed.SCHEDULE_REMOVED, asker.get_username(), schedule.estate.name, before=seen(schedule))
        schedule.delete()


def send_now(asker: User, schedule: Schedule) -> None:
    """Make a schedule due at once; whoever asks answers for it from now on."""
    _allow(asker, schedule.estate)
    with transaction.atomic():
        Schedule.objects.filter(pk=schedule.pk).update(next_at=Now(), off_because="", created_by=asker)
        audit.note(Deed.REPORT_ASKED, asker.get_username(), schedule.estate.name, after=seen(schedule))


def send_again(asker: User, letter: Letter) -> None:
    """Put a letter that nobody is sure of, or that was refused, back into the outbox."""
    estate = letter.schedule.estate if letter.schedule else None
    if not covers(asker, Action.PLAN, estate):
        raise PermissionDenied
    with transaction.atomic():
        stuck = Letter.objects.filter(pk=letter.pk, state__in=[Letter.State.UNSURE, Letter.State.FAILED])
        if stuck.update(state=Letter.State.WAITING, attempts=0, next_at=Now(), lease_until=None, error=""):
            audit.note(Deed.LETTER_REPEATED, asker.get_username(), letter.estate_name, after=told(letter))


def due_schedules() -> list[int]:
    """The schedules whose time has come; none while the site has no mail server."""
    if not settings.MAIL_ON:
        return []
    return list(Schedule.objects.filter(next_at__lte=Now()).values_list("pk", flat=True))


def write(schedule_id: int) -> int:
    """Write the letters of a schedule that is due, and say how many; of two workers one writes."""
    schedule = (
        Schedule.objects.select_related("estate", "created_by")
        .filter(pk=schedule_id, next_at__lte=Now())
        .first()
    )
    if schedule is None:
        return 0
    asker, plan = schedule.created_by, selectors.latest_plan(schedule.estate)
    if asker is None or not _sees(asker, schedule.estate):
        _turn_off(schedule)
        return 0
    content = b"" if plan is None else msgspec.msgpack.encode(_mail(plan, schedule))
    with transaction.atomic():
        same = Schedule.objects.filter(pk=schedule.pk, next_at=schedule.next_at)
        if not same.update(next_at=next_after(schedule.rhythm, timezone.now())):
            return 0
        if plan is None:
            said = Sentence("There is no plan yet to be mailed")
            _tell("report-failed", said, schedule.estate, Event.Level.WARNING)
            return 0
        letters = Letter.objects.bulk_create(
            Letter(
                schedule=schedule,
                due_at=schedule.next_at,
                estate_name=schedule.estate.name,
                recipient=recipient,
                content=content,
            )
            for recipient in dict.fromkeys(schedule.recipients)
        )
        audit.note(Deed.REPORT_WRITTEN, asker.get_username(), schedule.estate.name, after=seen(schedule))
    return len(letters)


def waiting() -> list[UUID]:
    """The letters that may go out now, the oldest first; what a crash left half handed over is told first."""
    if not settings.MAIL_ON:
        return []
    _find_unsure()
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    due = Letter.objects.filter(free, state=Letter.State.WAITING, next_at__lte=Now())
    return list(due.order_by("created_at").values_list("pk", flat=True)[:AT_ONCE])


def send(letter_id: UUID) -> None:
    """Hand one letter over, unless somebody does it already."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    claimed = Letter.objects.filter(free, pk=letter_id, state=Letter.State.WAITING, next_at__lte=Now())
    if not claimed.update(attempts=F("attempts") + 1, lease_until=lease(CLAIM_S)):
        return
    letter = Letter.objects.get(pk=letter_id)
    message, server = _message(letter), mail.get_connection()
    try:
        server.open()
    except (OSError, smtplib.SMTPException) as error:
        _later(letter, str(error))
        return
    if _mine(letter, Letter.State.WAITING).update(state=Letter.State.HANDING, lease_until=lease(HANDING_S)):
        _hand_over(letter, message, server)


def next_after(rhythm: str, moment: datetime) -> datetime:
    """The next time of a rhythm: every day, Monday or first of a month at six, UTC.

    >>> str(next_after("monthly", datetime(2026, 12, 3, 9, tzinfo=UTC)))
    '2027-01-01 06:00:00+00:00'
    >>> str(next_after("weekly", datetime(2026, 11, 28, 9, tzinfo=UTC)))
    '2026-11-30 06:00:00+00:00'
    """
    found = moment.astimezone(UTC).replace(hour=SENT_AT_HOUR, minute=0, second=0, microsecond=0)
    found = found if found > moment else found + timedelta(days=1)
    while not _is_day_of(rhythm, found):
        found += timedelta(days=1)
    return found


def seen(schedule: Schedule) -> dict[str, Any]:
    """What of a schedule stands in the audit."""
    names = ("kind", "language", "rhythm", "recipients")
    return {name: getattr(schedule, name) for name in names}


def told(letter: Letter) -> dict[str, Any]:
    """What of a letter stands in the audit."""
    return {"recipient": letter.recipient, "letter": str(letter.pk)}


def _is_day_of(rhythm: str, found: datetime) -> bool:
    match rhythm:
        case Schedule.Rhythm.WEEKLY:
            return found.weekday() == 0
        case Schedule.Rhythm.MONTHLY:
            return found.day == 1
    return True


def _mail(plan: Plan, schedule: Schedule) -> Mail:
    file = reporting.file_of(plan, schedule.kind, schedule.language)
    with translation.override(schedule.language):
        said = verdict.of_estate(selectors.report_of(plan))
        name = visible(schedule.estate.name)
        return Mail(
            subject=gettext("Capacity of {estate}: {verdict}").format(estate=name, verdict=said.word),
            body=gettext(
                "{sentence}\n\nThe report of {date} is attached. It is sent because somebody planned it in "
                "Headroom; whoever makes plans there can stop it under Reports by mail.\n"
            ).format(sentence=said.sentence, date=day(plan.created_at)),
            file_name=file.name,
            content_type=file.content_type,
            file=file.content,
        )


def _hand_over(letter: Letter, message: mail.EmailMessage, server: Any) -> None:
    """The one moment that cannot be told from its crash; all that the server says is told apart here."""
    try:
        server.send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        code, why = next(iter(error.recipients.values()), (0, b""))
        _refused(letter, code, _words(code, why))
    except smtplib.SMTPResponseException as error:
        _refused(letter, error.smtp_code, _words(error.smtp_code, error.smtp_error))
    except smtplib.SMTPNotSupportedError as error:
        _refused(letter, PERMANENT, str(error))
    except (OSError, smtplib.SMTPException) as error:
        _unsure(letter, str(error))
    else:
        _sent(letter)
    finally:
        server.close()


def _words(code: int, why: bytes | str) -> str:
    """What a server said, as text."""
    said = why.decode("utf-8", "replace") if isinstance(why, bytes) else why
    return f"{code} {said}"


def _message(letter: Letter) -> mail.EmailMessage:
    """The mail; tried again it bears the same number, by which servers and readers know it."""
    said = msgspec.msgpack.decode(bytes(letter.content), type=Mail)
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "headroom"
    made = mail.EmailMessage(
        said.subject,
        said.body,
        to=[letter.recipient],
        headers={
            "Message-ID": f"<{letter.pk}@{domain}>",
            "Date": format_datetime(letter.created_at),
            "Auto-Submitted": "auto-generated",
        },
    )
    made.attach(said.file_name, said.file, said.content_type.partition(";")[0])
    return made


def _mine(letter: Letter, *states: str) -> Any:
    return Letter.objects.filter(pk=letter.pk, state__in=states, attempts=letter.attempts)


def _sent(letter: Letter) -> None:
    """A worker that was slow rather than dead still knows best."""
    with transaction.atomic():
        if _mine(letter, Letter.State.HANDING, Letter.State.UNSURE).update(
            state=Letter.State.SENT, sent_at=Now(), content=b"", lease_until=None, error=""
        ):
            audit.note(Deed.REPORT_MAILED, "", letter.estate_name, after=told(letter))
            said = Sentence("A report was mailed to {recipient}", {"recipient": letter.recipient})
            _tell_of("report-mailed", letter, said, Event.Level.SUCCESS)


def _refused(letter: Letter, code: int, why: str) -> None:
    if code >= PERMANENT:
        _fail(letter, why)
    else:
        _later(letter, why)


def _later(letter: Letter, why: str) -> None:
    """Try again after a pause that grows; give up after many."""
    if letter.attempts >= ATTEMPTS_MAX:
        _fail(letter, why)
        return
    pause_s = min(PAUSE_S * 2 ** (letter.attempts - 1), PAUSE_MAX_S)
    _mine(letter, Letter.State.WAITING, Letter.State.HANDING).update(
        state=Letter.State.WAITING, next_at=lease(pause_s), lease_until=None, error=why[:ERROR_MAX]
    )


def _fail(letter: Letter, why: str) -> None:
    with transaction.atomic():
        if _mine(letter, Letter.State.WAITING, Letter.State.HANDING).update(
            state=Letter.State.FAILED, lease_until=None, error=why[:ERROR_MAX]
        ):
            audit.note(Deed.LETTER_FAILED, "", letter.estate_name, after={**told(letter), "why": why})
            said = Sentence("A report could not be mailed to {recipient}", {"recipient": letter.recipient})
            _tell_of("report-failed", letter, said, Event.Level.ERROR)


def _unsure(letter: Letter, why: str) -> None:
    with transaction.atomic():
        if _mine(letter, Letter.State.HANDING).update(
            state=Letter.State.UNSURE, lease_until=None, error=why[:ERROR_MAX]
        ):
            audit.note(Deed.LETTER_UNSURE, "", letter.estate_name, after={**told(letter), "why": why})
            said = Sentence(
                "Whether a report reached {recipient} is not known: somebody has to decide",
                {"recipient": letter.recipient},
            )
            _tell_of("report-unsure", letter, said, Event.Level.WARNING)


def _find_unsure() -> None:
    for letter in Letter.objects.filter(state=Letter.State.HANDING, lease_until__lt=Now()):
        _unsure(letter, HANDED_BY_NOBODY)


def _turn_off(schedule: Schedule) -> None:
    why = Sentence("Whoever planned these mails may no longer read this estate")
    with transaction.atomic():
        same = Schedule.objects.filter(pk=schedule.pk, next_at=schedule.next_at)
        if same.update(next_at=None, off_because=why.template):
            audit.note(Deed.SCHEDULE_OFF, "", schedule.estate.name, after=seen(schedule))
            _tell("report-off", why, schedule.estate, Event.Level.WARNING)


def _tell(kind: str, said: Sentence, estate: Estate, level: Event.Level) -> None:
    feed.publish(kind, said, subject=estate.name, estate=estate, level=level)


def _tell_of(kind: str, letter: Letter, said: Sentence, level: Event.Level) -> None:
    estate = letter.schedule.estate if letter.schedule else None
    feed.publish(kind, said, subject=letter.estate_name, estate=estate, level=level)


def _sees(asker: User, estate: Estate) -> bool:
    return covers(asker, Action.PLAN, estate)


def _allow(asker: User, estate: Estate) -> None:
    if not _sees(asker, estate):
        raise PermissionDenied
