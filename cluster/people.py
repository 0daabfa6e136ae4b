"""The people of the site: who there is and which roles they have.  Every change is one transaction with its
audit entry.

A password is made here, shown once to the site administrator who asked, and kept by nobody.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet

from cluster import audit
from cluster.audit import Deed
from cluster.roles import Action, Role, may
from planner.sentence import Sentence

PASSWORD_BYTES: Final = 15  # 120 bits, 20 characters
_NAME: Final = re.compile(r"[\w.@+-]{1,150}")


class NotThis(Exception):
    """What was asked for would harm the site, and why."""

    def __init__(self, message: Sentence) -> None:
        super().__init__(str(message))
        self.message = message


def everybody(asker: User) -> QuerySet[User]:
    """The accounts, by name.

    Raises:
        PermissionDenied: the asker does not manage people.
    """
    _allow(asker)
    return User.objects.order_by("username").prefetch_related("groups")


def add(asker: User, username: str, roles: Collection[Role]) -> tuple[User, str]:
    """Make an account and give it with its first password.

    Raises:
        PermissionDenied, NotThis: nothing was made.
    """
    _allow(asker)
    if not _NAME.fullmatch(username):
        raise NotThis(Sentence("A name has 1 to 150 letters, digits and @ . + - _"))
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    with transaction.atomic():
        if User.objects.filter(username__iexact=username).exists():
            raise NotThis(Sentence("There is a person of this name already"))
        person = User.objects.create_user(username, password=password)
        _set_roles(person, roles)
        audit.note(Deed.PERSON_ADDED, asker.get_username(), username, after=_seen(person))
    return person, password


def change(asker: User, person: User, *, roles: Collection[Role], active: bool) -> None:
    """Give a person these roles and no other, and let them in or not.

    Raises:
        PermissionDenied, NotThis: nothing was changed.
    """
    _allow(asker)
    with transaction.atomic():
        person = User.objects.select_for_update().get(pk=person.pk)
        before = _seen(person)
        person.is_active = active
        person.save(update_fields=["is_active"])
        _set_roles(person, roles)
        if not _site_administrators().exists():
            raise NotThis(Sentence("Somebody has to remain site administrator"))
        if before != _seen(person):
            audit.note(Deed.PERSON_CHANGED, asker.get_username(), person.username, before, _seen(person))


def renew_password(asker: User, person: User) -> str:
    """Give a person a new password, which ends their sessions.

    Raises:
        PermissionDenied: nothing was changed.
    """
    _allow(asker)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    with transaction.atomic():
        person.set_password(password)
        person.save(update_fields=["password"])
        audit.note(Deed.PASSWORD_SET, asker.get_username(), person.username)
    return password


def note_own_password(person: User) -> None:
    """A person has chosen a password of their own."""
    audit.note(Deed.PASSWORD_SET, person.username, person.username)


def _site_administrators() -> QuerySet[User]:
    return User.objects.filter(is_active=True, groups__name=Role.SITE_ADMINISTRATOR.value)


def _set_roles(person: User, roles: Collection[Role]) -> None:
    person.groups.set(Group.objects.filter(name__in=[role.value for role in roles]))


def _seen(person: User) -> dict[str, Any]:
    """What the audit shows of a person."""
    names = person.groups.values_list("name", flat=True)
    return {"roles": sorted(names), "active": person.is_active}


def _allow(asker: User) -> None:
    if not may(asker, Action.PEOPLE):
        raise PermissionDenied
