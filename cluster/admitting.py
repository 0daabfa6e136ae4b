"""People whom somebody else vouches for: an OpenID provider, or a directory.

    OpenID   known by (issuer, subject), never by a name or mail address, which change hands
    LDAP     known by name; a name that has a local password stays a local account

Where the site maps groups to roles, they are set anew at each sign-in, by the rules of `people`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from cluster import audit
from cluster.audit import Deed
from cluster.models import Identity
from cluster.roles import Role, conflict_of

_NAME: Final = re.compile(r"[\w.@+-]{1,150}")


class NotAdmitted(PermissionDenied):
    """Somebody is vouched for and yet not let in; the message says why, for the log."""


def by_subject(issuer: str, subject: str, name: str, roles: Collection[Role] | None) -> User:
    """The account of a subject; one whose groups give a role gets an account at the first sign-in.

    Raises:
        NotAdmitted: locked out, no role, roles that are to be kept apart, or a name that is another's.
    """
    with transaction.atomic():
        known = Identity.objects.select_related("person").filter(issuer=issuer, subject=subject).first()
        if known is None:
            person = _made(name, roles, issuer)
            Identity.objects.create(person=person, issuer=issuer, subject=subject)
        else:
            person = known.person
        if not person.is_active:
            raise NotAdmitted(f"{person.username} is locked out")
        give_roles(person, roles, issuer)
    return person


def give_roles(person: User, roles: Collection[Role] | None, by: str) -> None:
    """Set the roles that somebody else decides; None: this site decides itself.

    Raises:
        NotAdmitted: the roles are to be kept apart.
    """
    if roles is None:
        return
    if conflict_of(roles):
        raise NotAdmitted(f"{person.username} has roles that are to be kept apart: {sorted(roles)}")
    before = sorted(person.groups.values_list("name", flat=True))
    after = sorted(role.value for role in roles)
    if before == after:
        return
    person.groups.set(Group.objects.filter(name__in=after))
    audit.note(Deed.PERSON_CHANGED, by[:150], person.username, {"roles": before}, {"roles": after})


def roles_from(groups: Iterable[str], mapped: Mapping[str, str]) -> frozenset[Role] | None:
    """The roles that groups give; None where the site maps none."""
    if not mapped:
        return None
    known = {role.value: role for role in Role}
    held = {group.casefold() for group in groups}
    return frozenset(known[role] for group, role in mapped.items() if group.casefold() in held)


def texts_of(claim: Any) -> list[str]:
    """The texts of a claim that should hold a list of them."""
    found = [claim] if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return [text for text in found if isinstance(text, str)]


def _made(name: str, roles: Collection[Role] | None, by: str) -> User:
    if not roles:
        raise NotAdmitted(f"{name!r} is unknown here, and no group of his gives a role")
    if not _NAME.fullmatch(name):
        raise NotAdmitted(f"{name!r} is no name for an account")
    if User.objects.filter(username__iexact=name).exists():
        raise NotAdmitted(f"{name!r} is an account of this site, which nobody else vouches for")
    person = User.objects.create_user(name)  # without a password: nobody signs in with one
    audit.note(Deed.PERSON_ADDED, by[:150], name, after={"roles": [], "active": True})
    return person
