"""The audit: note a deed in the transaction that does it, and verify that nobody touched the notes.

An entry's digest is the SHA-256 of the digest before it and of its own content as canonical JSON, so an
entry that is changed, taken out or slipped in breaks every one behind it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop
from msgspec import Struct

from cluster import witness
from cluster.asked import now_asked
from cluster.models import AuditEntry, AuditHead

SUBJECT_MAX: Final = 255
ACTOR_MAX: Final = 150
SEQ_DIGITS_MAX: Final = 18  # a 64-bit number
PLAIN_MIN, PLAIN_MAX = 1e-4, 1e15  # between them JSON writes a number without an exponent


class Deed(StrEnum):
    """What is noted; the values are what the page shows."""

    SIGNED_IN = gettext_noop("signed in")
    SIGNED_OUT = gettext_noop("signed out")
    SIGN_IN_REFUSED = gettext_noop("sign-in refused")
    IMPORT_ASKED = gettext_noop("asked for an import")
    PLAN_ASKED = gettext_noop("asked for a plan")
    STUDY_ASKED = gettext_noop("asked for a study")
    REHEARSAL_ASKED = gettext_noop("asked for a rehearsal")
    WIRING_ASKED = gettext_noop("asked for an examination of the wiring")
    DESIGN_LAID = gettext_noop("laid a design over a cluster")
    DESIGN_TAKEN = gettext_noop("took a design off a cluster")
    WIRING_EDITED = gettext_noop("changed the wiring by hand")
    WIRING_UNDONE = gettext_noop("undid a change of the wiring")
    PRICES_ASKED = gettext_noop("asked what it costs")
    ESTATE_REMOVED = gettext_noop("removed an estate")
    VARIANT_CHANGED = gettext_noop("changed a variant")
    VARIANT_REMOVED = gettext_noop("removed a variant")
    VARIANT_COMMITTED = gettext_noop("committed a variant")
    VARIANT_RELEASED = gettext_noop("released a variant")
    RUN_CANCELLED = gettext_noop("cancelled a run")
    REPORT_TAKEN = gettext_noop("took a report")
    AUDIT_TAKEN = gettext_noop("took the audit")
    PERSON_ADDED = gettext_noop("added a person")
    PERSON_CHANGED = gettext_noop("changed a person")
    PASSWORD_SET = gettext_noop("set a password")
    FACTOR_SET = gettext_noop("set up a second factor")
    FACTOR_PROVEN = gettext_noop("proved the second factor")
    FACTOR_FAILED = gettext_noop("second factor refused")
    FACTOR_REMOVED = gettext_noop("removed a second factor")
    CODE_USED = gettext_noop("used a recovery code")
    CODES_RENEWED = gettext_noop("made new recovery codes")
    CONNECTION_ADDED = gettext_noop("added a connection")
    CONNECTION_CHANGED = gettext_noop("changed a connection")
    CONNECTION_REMOVED = gettext_noop("removed a connection")
    REFRESH_ASKED = gettext_noop("asked for a refresh")
    OPERATION_PROPOSED = gettext_noop("proposed an operation")
    OPERATION_APPROVED = gettext_noop("approved an operation")
    OPERATION_CANCELLED = gettext_noop("cancelled an operation")
    OPERATION_SUBMITTED = gettext_noop("submitted an operation")
    OPERATION_ABORTED = gettext_noop("asked to abort an operation")
    OPERATION_ENDED = gettext_noop("ended an operation")
    PRICES_CHANGED = gettext_noop("changed prices")
    PRICES_TAKEN = gettext_noop("took prices")
    SECRET_SHOWN = gettext_noop("was shown a secret")
    KEYS_ROTATED = gettext_noop("changed the keys of the secrets")
    ROLES_IN_CONFLICT = gettext_noop("gave roles that are to be kept apart")
    SCOPE_GIVEN = gettext_noop("narrowed a role")
    SCOPE_TAKEN = gettext_noop("widened a role")
    TOKEN_MADE = gettext_noop("made a token")
    TOKEN_REMOVED = gettext_noop("removed a token")
    TOKEN_REFUSED = gettext_noop("token refused")
    SESSION_ENDED = gettext_noop("ended a session")
    LOCKED_OUT = gettext_noop("locked out after failed sign-ins")
    APPROVAL_REFUSED = gettext_noop("approval refused")
    OPERATION_LAPSED = gettext_noop("let an operation lapse")
    WISH_ASKED = gettext_noop("asked for a change of a VM")
    WISH_ANSWERED = gettext_noop("answered what was asked for a VM")
    WISH_WITHDRAWN = gettext_noop("withdrew what was asked for a VM")
    LINE_STOPPED = gettext_noop("stopped the line")
    LINE_FREED = gettext_noop("freed the line")
    PROJECT_PLANNED = gettext_noop("planned a project")
    PROJECT_DROPPED = gettext_noop("gave up a project")
    HISTORY_TAKEN = gettext_noop("took a history")
    SCHEDULE_ADDED = gettext_noop("planned mails of a report")
    SCHEDULE_REMOVED = gettext_noop("gave up mails of a report")
    SCHEDULE_OFF = gettext_noop("switched mails of a report off")
    REPORT_ASKED = gettext_noop("asked for a mail of a report")
    REPORT_WRITTEN = gettext_noop("wrote mails of a report")
    REPORT_MAILED = gettext_noop("mailed a report")
    LETTER_FAILED = gettext_noop("could not mail a report")
    LETTER_UNSURE = gettext_noop("may have mailed a report")
    LETTER_REPEATED = gettext_noop("had a mail sent again")
    WEBHOOK_ADDED = gettext_noop("added a webhook")
    WEBHOOK_CHANGED = gettext_noop("changed a webhook")
    WEBHOOK_REMOVED = gettext_noop("removed a webhook")
    WEBHOOK_OFF = gettext_noop("switched a webhook off")


class Verdict(Struct, frozen=True):
    """How many entries hold, and the head; `broken_at` is the first entry that does not."""

    entries: int
    head: str
    broken_at: int | None = None
    why: str = ""


def note(
    deed: Deed,
    actor: str,
    subject: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> int:
    """Add an entry in the caller's transaction and give its number."""
    asked = now_asked()
    with transaction.atomic():
        head, _ = AuditHead.objects.select_for_update().get_or_create(pk=1)
        entry = AuditEntry(
            seq=head.seq + 1,
            at=timezone.now(),
            actor=actor.replace("\0", "\ufffd")[:ACTOR_MAX],
            source=asked.source,
            request_id=asked.request_id,
            deed=deed.value,
            subject=subject.replace("\0", "\ufffd")[:SUBJECT_MAX],
            before=storable(before),
            after=storable(after),
            previous=head.digest,
        )
        entry.digest = digest_of(entry)
        entry.save(force_insert=True)
        AuditHead.objects.filter(pk=1).update(seq=entry.seq, digest=entry.digest)
    return entry.seq


def verify(known_head: str = "") -> Verdict:
    """Follow the chain from its first entry to the head.

    `known_head` ("43:7f.."), noted elsewhere before, must lie on the chain, and so must the head that a
    worker witnessed: they find an end that was cut off or a chain that was written anew as a whole.

    Raises:
        ValueError: `known_head` is none.
    """
    head = AuditHead.objects.filter(pk=1).first() or AuditHead()
    witnessed = witness.last()
    known = [_known(text) for text in (known_head, witnessed) if text and is_head(text)]
    if known_head and not is_head(known_head):
        raise ValueError(f"{known_head!r} is no head; one looks like 812:7f..")
    if witnessed and not is_head(witnessed):
        return Verdict(0, str(head), 1, f"the file of the witness was changed: it ends with {witnessed!r}")
    seen, previous = 0, ""
    for entry in _in_order():
        why = _fault(entry, seen + 1, previous)
        if not why and any(seq == entry.seq and digest != entry.digest for seq, digest in known):
            why = "it is not the entry that was noted elsewhere"
        if why:
            return Verdict(seen, str(head), seen + 1, why)
        seen, previous = entry.seq, entry.digest
    if (head.seq, head.digest) != (seen, previous):
        return Verdict(seen, str(head), seen + 1, f"the head names entry {head.seq}, the chain ends before")
    beyond = max((seq for seq, _ in known), default=0)
    if beyond > seen:
        return Verdict(seen, str(head), seen + 1, f"entry {beyond} was noted elsewhere and is not here")
    return Verdict(seen, str(head))


def is_head(text: str) -> bool:
    """Whether it looks like a head, SEQ:DIGEST."""
    seq, colon, _ = text.partition(":")
    return bool(colon) and seq.isascii() and seq.isdigit() and len(seq) <= SEQ_DIGITS_MAX


def _known(text: str) -> tuple[int, str]:
    seq, _, digest = text.partition(":")
    return int(seq), digest


def digest_of(entry: AuditEntry) -> str:
    """The seal of an entry."""
    content = json.dumps(content_of(entry), ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{entry.previous}\n{content}".encode()).hexdigest()


def content_of(entry: AuditEntry) -> dict[str, Any]:
    """What an entry says, as JSON; times in UTC."""
    return {
        "seq": entry.seq,
        "at": _utc(entry.at),
        "actor": entry.actor,
        "source": entry.source,
        "request_id": entry.request_id,
        "deed": entry.deed,
        "subject": entry.subject,
        "before": entry.before,
        "after": entry.after,
    }


def storable(content: Any) -> Any:
    """The content as every database gives it back, so that a seal over it holds: no NUL, no odd number."""
    match content:
        case str():
            return content.encode(errors="replace").decode().replace("\0", "\ufffd")
        case float():
            plain = content == 0 or PLAIN_MIN <= abs(content) < PLAIN_MAX
            return content + 0.0 if plain and math.isfinite(content) else repr(content)
        case Mapping():
            return {storable(str(key)): storable(value) for key, value in content.items()}
        case list() | tuple():
            return [storable(value) for value in content]
    return content


def exported(entries: Iterable[AuditEntry]) -> Iterable[str]:
    """Entries as lines of JSON, with their seals."""
    for entry in entries:
        yield json.dumps({**content_of(entry), "previous": entry.previous, "digest": entry.digest}) + "\n"


def _in_order() -> Iterable[AuditEntry]:
    return AuditEntry.objects.order_by("seq").iterator(chunk_size=2000)


def _fault(entry: AuditEntry, expected: int, previous: str) -> str:
    if entry.seq != expected:
        return f"entry {expected} is missing, {entry.seq} follows"
    if entry.previous != previous:
        return "it does not follow the entry before it"
    return "" if digest_of(entry) == entry.digest else "its content was changed"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


# -- signing in and out: Django tells


def _signed_in(sender: object, user: Any, **_: object) -> None:
    note(Deed.SIGNED_IN, user.get_username())


def _signed_out(sender: object, user: Any, **_: object) -> None:
    if user is not None:
        note(Deed.SIGNED_OUT, user.get_username())


def _refused(sender: object, credentials: Mapping[str, Any], **_: object) -> None:
    note(Deed.SIGN_IN_REFUSED, "", str(credentials.get("username", "")))


def listen() -> None:
    """Hear of every sign-in; called once when the shell starts."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_refused, dispatch_uid="audit")
