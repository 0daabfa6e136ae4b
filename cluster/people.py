"""The people of the site: who there is and which roles they have.  Every change is one transaction with its
audit entry.

A password is made here, shown once to the site administrator who asked, and kept by nobody.  Two people
know it, so it opens nothing but the choice of another one: who uses it in the other's stead shuts him out,
which he notices, and the audit has it.
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
from django.db.models.functions import Now
from django.utils.translation import gettext

from cluster import audit
from cluster.audit import Deed
from cluster.models import GivenPassword, Scope
from cluster.roles import Action, Extent, Role, conflict_of, conflicting, may
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
    return User.objects.order_by("username").select_related("second_factor").prefetch_related("groups")


def add(asker: User, username: str, roles: Collection[Role]) -> tuple[User, str]:
    """Make an account and give it with its first password.

    Raises:
        PermissionDenied, NotThis: nothing was made.
    """
    _allow(asker)
    _refuse_conflict(roles, ())
    if not _NAME.fullmatch(username):
        raise NotThis(Sentence("A name has 1 to 150 letters, digits and @ . + - _"))
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    with transaction.atomic():
        _alone()
        if User.objects.filter(username__iexact=username).exists():
            raise NotThis(Sentence("There is a person of this name already"))
        person = User.objects.create_user(username, password=password)
        GivenPassword.objects.create(person=person)
        _set_roles(person, roles)
        audit.note(Deed.PERSON_ADDED, asker.get_username(), username, after=_seen(person))
        audit.note(Deed.SECRET_SHOWN, asker.get_username(), f"password of {username}")
        _note_conflict(asker, person, roles)
    return person, password


def change(asker: User, person: User, *, roles: Collection[Role], active: bool) -> None:
    """Give a person these roles and no other, and let them in or not.

    Raises:
        PermissionDenied, NotThis: nothing was changed.
    """
    _allow(asker)
    with transaction.atomic():
        _alone()
        person = User.objects.select_for_update().get(pk=person.pk)
        before = _seen(person)
        _refuse_conflict(roles, [Role(name) for name in before["roles"] if name in set(Role)])
        person.is_active = active
        person.save(update_fields=["is_active"])
        _set_roles(person, roles)
        if not _site_administrators().exists():
            raise NotThis(Sentence("Somebody has to remain site administrator"))
        if before != _seen(person):
            audit.note(Deed.PERSON_CHANGED, asker.get_username(), person.username, before, _seen(person))
            _note_conflict(asker, person, roles)
        if not active:
            person.tokens.all().delete()


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
        GivenPassword.objects.update_or_create(person=person, defaults={"given_at": Now()})
        audit.note(Deed.PASSWORD_SET, asker.get_username(), person.username)
        audit.note(Deed.SECRET_SHOWN, asker.get_username(), f"password of {person.username}")
    return password


def give_scope(asker: User, person: User, role: Role, extent: Extent) -> Scope:
    """Hold a role of a person to a part of the site, beside the parts that it is held to already.

    Raises:
        PermissionDenied, NotThis: nothing was changed.
    """
    _allow(asker)
    if role is Role.SITE_ADMINISTRATOR or role not in roles_of_whoever(person):
        raise NotThis(Sentence("This role cannot be narrowed, or the person does not have it"))
    if role is Role.SYSTEM_ADMINISTRATOR and extent.is_whole:
        raise NotThis(
            Sentence("A system administrator has VMs, not estates: name a cluster, a site or an owner")
        )
    with transaction.atomic():
        before = _scopes(person)
        scope, _ = Scope.objects.get_or_create(
            person=person, role=role.value, estate_id=extent.estate, cluster=extent.cluster,
            site=extent.site, owner=extent.owner,
        )  # fmt: skip
        audit.note(Deed.SCOPE_GIVEN, asker.get_username(), person.username, before, _scopes(person))
    return scope


def take_scope(asker: User, person: User, scope_pk: int) -> None:
    """Take a scope away.  The last one gone, the role reaches as far as it usually does.

    Raises:
        PermissionDenied: nothing was changed.
    """
    _allow(asker)
    with transaction.atomic():
        before = _scopes(person)
        if Scope.objects.filter(pk=scope_pk, person=person).delete()[0]:
            audit.note(Deed.SCOPE_TAKEN, asker.get_username(), person.username, before, _scopes(person))


def roles_of_whoever(person: User) -> list[Role]:
    """The roles of a person, locked out or not."""
    names = {group.name for group in person.groups.all()}
    return [role for role in Role if role.value in names]


def _scopes(person: User) -> dict[str, Any]:
    fields = ("role", "estate__name", "cluster", "site", "owner")
    return {"scopes": list(Scope.objects.filter(person=person).values(*fields))}


def _refuse_conflict(roles: Collection[Role], before: Collection[Role]) -> None:
    """Refuse roles that are to be kept apart; those that somebody holds already may be taken one by one."""
    found = conflict_of(roles)
    if found is not None and not set(roles) < set(before):
        values = {"role": gettext(found[0].value), "other": gettext(found[1].value)}
        raise NotThis(Sentence("Nobody is both {role} and {other}: that is what roles are for", values))


def _note_conflict(asker: User, person: User, roles: Collection[Role]) -> None:
    """Where the site allows such roles, the audit says so each time."""
    found = conflicting(roles)
    if found is not None:
        kept = {"roles": [role.value for role in found]}
        audit.note(Deed.ROLES_IN_CONFLICT, asker.get_username(), person.username, after=kept)


def note_own_password(person: User) -> None:
    """A person has chosen a password of their own, which nobody else knows."""
    GivenPassword.objects.filter(person=person).delete()
    audit.note(Deed.PASSWORD_SET, person.username, person.username)


def _site_administrators() -> QuerySet[User]:
    return User.objects.filter(is_active=True, groups__name=Role.SITE_ADMINISTRATOR.value)


def _alone() -> None:
    """Let another who changes people wait: what has to be true of all of them is asked of all."""
    list(_site_administrators().select_for_update(of=("self",)).order_by("pk"))


def _set_roles(person: User, roles: Collection[Role]) -> None:
    person.groups.set(Group.objects.filter(name__in=[role.value for role in roles]))


def _seen(person: User) -> dict[str, Any]:
    """What the audit shows of a person."""
    names = person.groups.values_list("name", flat=True)
    return {"roles": sorted(names), "active": person.is_active}


def _allow(asker: User) -> None:
    if not may(asker, Action.PEOPLE):
        raise PermissionDenied
