"""Keys of programs: made once, shown once, kept as a hash; held to actions, networks and a day.

    hdr_<40 letters and digits>        Authorization: Bearer hdr_...

A token can never do more than its owner may at that moment: it narrows his rights.
"""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Collection
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from msgspec.structs import replace

from cluster import audit
from cluster.asked import now_asked
from cluster.audit import Deed
from cluster.models import ApiToken
from cluster.roles import Action, read_rights, rights_of
from cluster.services import Refused
from planner.sentence import Sentence

PREFIX: Final = "hdr_"  # so that scanners of sources find one that was left there
LETTERS: Final = string.ascii_letters + string.digits
LENGTH: Final = 40  # of 62 characters each: 238 bits
DAYS_MAX: Final = 365
OF_A_PERSON_MAX: Final = 20
# What a program may never do, whoever owns its token: let people in, and make more tokens.
NEVER: Final = frozenset({Action.PEOPLE, Action.CONNECT, Action.APPROVE})


def make(
    person: User, name: str, actions: Collection[Action], days: int, networks: Collection[str]
) -> tuple[ApiToken, str]:
    """Make a token and give it with its key, which nobody can read again.

    Raises:
        Refused: nothing was made.
    """
    rights = rights_of(person)
    wrong = [action for action in actions if action in NEVER or not rights.opens(action)]
    if wrong or not actions:
        raise Refused(Sentence("A token opens at least one action, and none that you may not do yourself"))
    if not 1 <= days <= DAYS_MAX:
        raise Refused(Sentence("A token lasts 1 to {max} days", {"max": DAYS_MAX}))
    if person.tokens.count() >= OF_A_PERSON_MAX:
        raise Refused(Sentence("{max} tokens are enough: remove one first", {"max": OF_A_PERSON_MAX}))
    key = PREFIX + "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    with transaction.atomic():
        token = ApiToken.objects.create(
            person=person,
            name=name,
            sha256=hash_of(key),
            begins=key[: len(PREFIX) + 4],
            actions=sorted(action.value for action in actions),
            networks=_networks(networks),
            expires_at=timezone.now() + timedelta(days=days),
        )
        audit.note(Deed.TOKEN_MADE, person.get_username(), name, after=seen(token))
        audit.note(Deed.SECRET_SHOWN, person.get_username(), f"token {token.begins}")
    return token, key


def remove(person: User, pk: int) -> None:
    """Take a token of one's own away; what bears it is refused from then on."""
    with transaction.atomic():
        token = ApiToken.objects.filter(person=person, pk=pk).first()
        if token is not None:
            audit.note(Deed.TOKEN_REMOVED, person.get_username(), token.name, seen(token))
            token.delete()


def bearer_of(key: str) -> User | None:
    """Whom a key stands for, his rights narrowed to the token's; None, and a note, where it opens nothing."""
    token = ApiToken.objects.select_related("person").filter(sha256=hash_of(key)).first()
    source = now_asked().source
    why = "unknown" if token is None else _why_not(token, source)
    if token is None or why:
        audit.note(Deed.TOKEN_REFUSED, "", token.name if token else "", after={"why": why})
        return None
    now = timezone.now()
    if token.used_at is None or token.used_from != source or now - token.used_at > timedelta(minutes=1):
        ApiToken.objects.filter(pk=token.pk).update(used_at=now, used_from=source)
    person = token.person
    known = {action.value: action for action in Action}
    held = frozenset(known[name] for name in token.actions if name in known) - NEVER
    person.rights = replace(read_rights([person])[person.pk], held_to=held)
    return person


def hash_of(key: str) -> str:
    """The SHA-256 under which a key is kept: it is random and long, and needs neither salt nor stretching."""
    return hashlib.sha256(key.encode()).hexdigest()


def seen(token: ApiToken) -> dict[str, object]:
    """What the audit keeps of a token: not its key."""
    return {
        "begins": token.begins,
        "actions": token.actions,
        "networks": token.networks,
        "expires_at": token.expires_at.isoformat(timespec="seconds"),
    }


def _why_not(token: ApiToken, source: str) -> str:
    if not token.person.is_active:
        return "its owner is locked out"
    if token.expires_at <= timezone.now():
        return "expired"
    if token.networks and not _inside(source, token.networks):
        return "not from there"
    return ""


def _inside(source: str, networks: Collection[str]) -> bool:
    try:
        address = ip_address(source)
    except ValueError:
        return False
    known = [ip_network(text) for text in networks]
    return any(address.version == network.version and address in network for network in known)


def _networks(texts: Collection[str]) -> list[str]:
    try:
        return [str(ip_network(text.strip())) for text in texts if text.strip()]
    except ValueError as error:
        raise Refused(Sentence("{text} is no network, such as 10.1.0.0/16", {"text": str(error)})) from error
