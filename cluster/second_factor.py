"""What is asked for after a password: six digits of an authenticator app (RFC 6238), or a recovery code.

    secret          sealed by the key of the site for its person; shown while it is set up, and never again
    digits          good for their half minute and the one on each side, and once
    recovery codes  ten of 120 bits, kept as SHA-256, each good once: for who has lost the app
    TRIES wrong in a row: nothing is good for LOCKOUT_MINUTES, from wherever it comes

Who comes by an OpenID provider proves as much there, and a program has a token.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from base64 import b32encode
from time import time
from typing import Final

import pyotp
import segno
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import transaction
from django.utils import timezone

from cluster import audit, sessions, vault
from cluster.audit import Deed
from cluster.models import SecondFactor
from cluster.roles import Action, Role, may, roles_of
from cluster.services import Refused
from planner.sentence import Sentence

ISSUER: Final = "Headroom"
PERIOD_S: Final = 30  # RFC 6238, 5.2
PERIODS_OFF: Final = 1  # how far two clocks may be apart, ibid.
TRIES: Final = 5
CODES: Final = 10
CODE_BYTES: Final = 15  # 120 bits, 24 letters in groups of four
_log = logging.getLogger(__name__)


def of(person: User) -> SecondFactor | None:
    """The second factor of a person, if there is one."""
    return SecondFactor.objects.filter(person=person).first()


def is_asked_for(person: User) -> bool:
    """Whether the site wants a person of these roles to have one."""
    asked = roles_asked()
    return bool(asked) and not asked.isdisjoint(roles_of(person))  # roles are read where it matters alone


def roles_asked() -> frozenset[Role]:
    """The roles that nobody has by a password alone.

    Raises:
        ImproperlyConfigured: the setting names one that there is not.
    """
    known = {role.value: role for role in Role}
    unknown = [name for name in settings.SECOND_FACTOR_ROLES if name not in known]
    if unknown:
        raise ImproperlyConfigured(
            f"SECOND_FACTOR_ROLES: no role is called {unknown[0]!r}: {', '.join(known)}"
        )
    return frozenset(known[name] for name in settings.SECOND_FACTOR_ROLES)


def new_secret() -> str:
    """A secret for an app, 160 bits in base 32."""
    return pyotp.random_base32()


def qr_code(person: User, secret: str) -> str:
    """The secret as an SVG element that apps read."""
    address = pyotp.TOTP(secret).provisioning_uri(name=person.get_username(), issuer_name=ISSUER)
    return segno.make(address, micro=False).svg_inline(omitsize=True, light="#fff", dark="#000")


def set_up(person: User, secret: str, digits: str) -> list[str]:
    """Keep a secret that the person's app has shown to know, and give the recovery codes, this once.

    Raises:
        Refused: the digits are not those of the secret, or there is a second factor already.
    """
    period = _period_of(secret, digits, 0)
    if period is None:
        raise Refused(Sentence("These are not the digits that the app shows now; is its clock right?"))
    codes = _new_codes()
    kept = {"secret": vault.seal(secret, place_of(person)), "codes": [_hash(code) for code in codes]}
    with transaction.atomic():
        _, is_new = SecondFactor.objects.get_or_create(
            person=person, defaults={**kept, "last_period": period}
        )
        if not is_new:
            raise Refused(Sentence("There is a second factor already"))
        audit.note(Deed.FACTOR_SET, person.get_username(), person.get_username())
    return codes


def spend(person: User, code: str) -> None:
    """Use digits or a recovery code up; wrong ones are counted.

    Raises:
        Refused: it is wrong or was used before, or too many were wrong and none is good for a while.
    """
    with transaction.atomic():
        row = SecondFactor.objects.select_for_update().filter(person=person).first()
        if row is not None and _is_shut(row):
            raise Refused(
                Sentence(
                    "Too many wrong codes: none is good for {minutes} minutes",
                    {"minutes": int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)},
                )
            )
        good = row is not None and _is_spent(row, code)
        if row is not None:
            _count(row, good)
    if not good:
        raise Refused(Sentence("This code is not good, or was used before. Wait for the next one."))


def renew_codes(person: User, code: str) -> list[str]:
    """Give new recovery codes; the former ones are good for nothing.

    Raises:
        Refused: as `spend`.
    """
    spend(person, code)
    codes = _new_codes()
    with transaction.atomic():
        SecondFactor.objects.filter(person=person).update(codes=[_hash(one) for one in codes])
        audit.note(Deed.CODES_RENEWED, person.get_username(), person.get_username())
    return codes


def give_up(person: User, code: str) -> None:
    """Ask for the password alone from now on.

    Raises:
        Refused: as `spend`.
    """
    spend(person, code)
    remove(person.get_username(), person)


def take_from(asker: User, person: User) -> bool:
    """Remove what somebody else has lost with its recovery codes, and end the sessions that it opened.

    False: there was none.

    Raises:
        PermissionDenied: the asker does not manage people.
        Refused: it is the asker's own, which he gives up with a code.
    """
    if not may(asker, Action.PEOPLE):
        raise PermissionDenied
    if asker.pk == person.pk:
        raise Refused(Sentence("Your own second factor you give up with a code, on the page of your account"))
    with transaction.atomic():
        sessions.end_all(asker.get_username(), person)
        return remove(asker.get_username(), person)


def remove(by: str, person: User) -> bool:
    """Remove a second factor in the name of whoever may; False: there was none."""
    with transaction.atomic():
        if not SecondFactor.objects.filter(person=person).delete()[0]:
            return False
        audit.note(Deed.FACTOR_REMOVED, by, person.get_username())
    return True


def place_of(person: User) -> str:
    """What the secret is sealed for."""
    return f"second-factor/{person.pk}"


def _is_shut(row: SecondFactor) -> bool:
    """Whether too many wrong codes came, not long ago."""
    return row.failures >= TRIES and timezone.now() - row.failed_at < settings.AXES_COOLOFF_TIME


def _is_spent(row: SecondFactor, code: str) -> bool:
    """Use digits up, or else a recovery code; False: it is neither."""
    try:
        period = _period_of(vault.unseal(row.secret, place_of(row.person)), code, row.last_period)
    except vault.Sealed as error:  # the key file is another one: recovery codes need none
        _log.warning("the second factor of %s: %s", row.person_id, error)
        period = None
    if period is not None:
        row.last_period = period
        return True
    hashed = _hash(code)
    if hashed not in row.codes:
        return False
    row.codes = [one for one in row.codes if one != hashed]
    audit.note(Deed.CODE_USED, row.person.get_username(), after={"left": len(row.codes)})
    return True


def _count(row: SecondFactor, good: bool) -> None:
    name = row.person.get_username()
    before = 0 if row.failures >= TRIES else row.failures  # the wait is over
    row.failures, row.failed_at = (0, None) if good else (before + 1, timezone.now())
    row.save(update_fields=["codes", "last_period", "failures", "failed_at"])
    audit.note(
        Deed.FACTOR_PROVEN if good else Deed.FACTOR_FAILED,
        name if good else "",
        name,
        after=None if good else {"in a row": row.failures},
    )
    if row.failures == TRIES:
        audit.note(Deed.LOCKED_OUT, "", name)


def _period_of(secret: str, digits: str, after: int) -> int | None:
    """The half minute whose digits these are, later than `after`."""
    said = "".join(digits.split())
    now = int(time()) // PERIOD_S
    app = pyotp.TOTP(secret, interval=PERIOD_S)
    for period in range(now - PERIODS_OFF, now + PERIODS_OFF + 1):
        shown = app.at(period * PERIOD_S)
        if period > after and hmac.compare_digest(shown.encode(), said.encode()):
            return period
    return None


def _new_codes() -> list[str]:
    texts = [b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower() for _ in range(CODES)]
    return ["-".join(text[at : at + 4] for at in range(0, len(text), 4)) for text in texts]


def _hash(code: str) -> str:
    plain = "".join(code.split()).replace("-", "").lower()
    return hashlib.sha256(plain.encode()).hexdigest()
