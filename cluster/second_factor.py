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
import secrets
from base64 import b32encode
from time import time
from typing import Final

import pyotp
import segno
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from cluster import audit, vault
from cluster.audit import Deed
from cluster.models import SecondFactor
from cluster.roles import Action, Role, may, roles_of
from cluster.services import Refused
from planner.sentence import Sentence

ISSUER: Final = "Headroom"
STEP_S: Final = 30  # RFC 6238, 5.2
STEPS_OFF: Final = 1  # how far two clocks may be apart, ibid.
TRIES: Final = 5
CODES: Final = 10
CODE_BYTES: Final = 15  # 120 bits, 24 letters in groups of four


def of(person: User) -> SecondFactor | None:
    """The second factor of a person, if there is one."""
    return SecondFactor.objects.filter(person=person).first()


def is_asked_for(person: User) -> bool:
    """Whether the site wants a person of these roles to have one."""
    return not roles_asked().isdisjoint(roles_of(person))


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


def drawn(person: User, secret: str) -> str:
    """The secret as a QR code, an SVG element that apps read."""
    address = pyotp.TOTP(secret).provisioning_uri(name=person.get_username(), issuer_name=ISSUER)
    return segno.make(address, micro=False).svg_inline(omitsize=True, light="#fff", dark="#000")


def set_up(person: User, secret: str, digits: str) -> list[str]:
    """Keep a secret that the person's app has shown to know, and give the recovery codes, this once.

    Raises:
        Refused: the digits are not those of the secret, or there is a second factor already.
    """
    step = _step_of(secret, digits, 0)
    if step is None:
        raise Refused(Sentence("These are not the digits that the app shows now; is its clock right?"))
    codes = _new_codes()
    try:
        with transaction.atomic():
            sealed = vault.seal(secret, place_of(person))
            SecondFactor.objects.create(
                person=person, secret=sealed, codes=[_hash(code) for code in codes], last_step=step
            )
            audit.note(Deed.FACTOR_SET, person.get_username(), person.get_username())
    except IntegrityError as error:
        raise Refused(Sentence("There is a second factor already")) from error
    return codes


def proves(person: User, code: str) -> bool:
    """Whether digits or a recovery code are good now; they are used up, or counted as wrong."""
    with transaction.atomic():
        row = SecondFactor.objects.select_for_update().filter(person=person).first()
        if row is None:
            return False
        if row.failures >= TRIES:
            if timezone.now() - row.failed_at < settings.AXES_COOLOFF_TIME:
                return False
            row.failures = 0
        good = _is_good(row, code)
        row.failures, row.failed_at = (0, None) if good else (row.failures + 1, timezone.now())
        row.save(update_fields=["codes", "last_step", "failures", "failed_at"])
        if not good:
            audit.note(Deed.FACTOR_FAILED, "", person.get_username(), after={"in a row": row.failures})
    return good


def renew_codes(person: User, code: str) -> list[str]:
    """Give new recovery codes; the former ones are good for nothing.

    Raises:
        Refused: the code proves nothing.
    """
    _prove(person, code)
    codes = _new_codes()
    with transaction.atomic():
        SecondFactor.objects.filter(person=person).update(codes=[_hash(one) for one in codes])
        audit.note(Deed.CODES_RENEWED, person.get_username(), person.get_username())
    return codes


def remove(person: User, code: str) -> None:
    """Ask for the password alone from now on.

    Raises:
        Refused: the code proves nothing.
    """
    _prove(person, code)
    take_away(person.get_username(), person)


def take_from(asker: User, person: User) -> bool:
    """Remove what a person has lost with its recovery codes; False: there was none.

    Raises:
        PermissionDenied: the asker does not manage people.
    """
    if not may(asker, Action.PEOPLE):
        raise PermissionDenied
    return take_away(asker.get_username(), person)


def take_away(by: str, person: User) -> bool:
    """Remove a second factor in the name of whoever may; False: there was none."""
    with transaction.atomic():
        if not SecondFactor.objects.filter(person=person).delete()[0]:
            return False
        audit.note(Deed.FACTOR_REMOVED, by, person.get_username())
    return True


def place_of(person: User) -> str:
    """What the secret is sealed for."""
    return f"second-factor/{person.pk}"


def _prove(person: User, code: str) -> None:
    if not proves(person, code):
        raise Refused(Sentence("This code is not good, or was used before"))


def _is_good(row: SecondFactor, code: str) -> bool:
    step = _step_of(vault.unseal(row.secret, place_of(row.person)), code, row.last_step)
    if step is not None:
        row.last_step = step
        return True
    hashed = _hash(code)
    if hashed not in row.codes:
        return False
    row.codes = [one for one in row.codes if one != hashed]
    audit.note(Deed.CODE_USED, row.person.get_username(), after={"left": len(row.codes)})
    return True


def _step_of(secret: str, digits: str, after: int) -> int | None:
    """The step whose digits these are, later than `after`."""
    said = "".join(digits.split())
    now = int(time()) // STEP_S
    app = pyotp.TOTP(secret, interval=STEP_S)
    for step in range(now - STEPS_OFF, now + STEPS_OFF + 1):
        if step > after and hmac.compare_digest(app.at(step * STEP_S).encode(), said.encode()):
            return step
    return None


def _new_codes() -> list[str]:
    texts = [b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower() for _ in range(CODES)]
    return ["-".join(text[at : at + 4] for at in range(0, len(text), 4)) for text in texts]


def _hash(code: str) -> str:
    plain = "".join(code.split()).replace("-", "").lower()
    return hashlib.sha256(plain.encode()).hexdigest()
