"""Who may do what: five roles, each a Django group, the actions that they open, and how far a role reaches.

A person may have several roles, but not those that CONFLICTS keeps apart.  A role reaches everywhere, or
as far as its scopes say (`cluster/models/access.py`); a system administrator without scopes reaches the VMs
whose recorded owner bears his name.  What may be seen at all is decided by `cluster.reach`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Final

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.utils.translation import gettext_noop
from msgspec import Struct

from cluster.models import Scope


class Role(StrEnum):
    """The values are the names of the groups that the migration makes."""

    VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR = gettext_noop("virtual-infrastructure administrator")
    SYSTEM_ADMINISTRATOR = gettext_noop("system administrator")
    BUYER = gettext_noop("buyer")
    AUDITOR = gettext_noop("auditor")
    SITE_ADMINISTRATOR = gettext_noop("site administrator")


class Action(StrEnum):
    """The values are what the table of roles shows."""

    READ = gettext_noop("read")
    IMPORT = gettext_noop("import estates")
    PLAN = gettext_noop("make plans")
    CANCEL = gettext_noop("cancel runs")
    REHEARSE = gettext_noop("rehearse")
    PRICE = gettext_noop("write prices")
    REQUEST = gettext_noop("ask for changes of VMs")
    ANSWER = gettext_noop("answer what is asked")
    OPERATE = gettext_noop("ask for operations")
    APPROVE = gettext_noop("approve operations")
    REFRESH = gettext_noop("read a server now")
    CONNECT = gettext_noop("manage connections")
    PEOPLE = gettext_noop("manage people")
    AUDIT = gettext_noop("read the audit")


_STUDY: Final = frozenset({Action.READ, Action.IMPORT, Action.PLAN, Action.CANCEL, Action.REHEARSE})
_REAL: Final = frozenset({Action.ANSWER, Action.OPERATE, Action.APPROVE, Action.REFRESH})

OPENS: Final[Mapping[Role, frozenset[Action]]] = {
    Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR: _STUDY | _REAL,
    Role.SYSTEM_ADMINISTRATOR: frozenset({Action.READ, Action.REQUEST}),
    Role.BUYER: _STUDY | {Action.PRICE},
    Role.AUDITOR: frozenset({Action.READ, Action.AUDIT}),
    Role.SITE_ADMINISTRATOR: frozenset({Action.PEOPLE, Action.CONNECT}),
}

# Who asks for VMs does not move them; who lets people in moves nothing; who watches writes nothing.
# Source: NIST SP 800-53 AC-5, separation of duties.
CONFLICTS: Final[tuple[tuple[Role, frozenset[Role]], ...]] = (
    (Role.SYSTEM_ADMINISTRATOR, frozenset({Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR})),
    (Role.SITE_ADMINISTRATOR, frozenset({Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR})),
    (Role.AUDITOR, frozenset(set(Role) - {Role.AUDITOR})),
)

Whoever = AbstractBaseUser | AnonymousUser


class Extent(Struct, frozen=True, kw_only=True):
    """A part of the site; empty fields mean any."""

    estate: int | None = None
    cluster: str = ""
    site: str = ""
    owner: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole estates, not parts of them."""
        return not (self.cluster or self.site or self.owner)


EVERYWHERE: Final = Extent()


class Rights(Struct, frozen=True, kw_only=True):
    """The roles of somebody, how far each reaches, and what a token holds him to (None: to nothing)."""

    reaches: Mapping[Role, tuple[Extent, ...]] = {}
    held_to: frozenset[Action] | None = None

    def opens(self, action: Action) -> bool:
        return bool(self.extents(action))

    def extents(self, action: Action) -> tuple[Extent, ...]:
        """How far the roles reach that open the action."""
        if self.held_to is not None and action not in self.held_to:
            return ()
        return tuple(
            extent for role, extents in self.reaches.items() if action in OPENS[role] for extent in extents
        )


NONE: Final = Rights()


def rights_of(user: Whoever) -> Rights:
    """The rights of a user as the rows say now; those of a request were read when it came in."""
    if not isinstance(user, User) or not user.is_active:
        return NONE
    known: Rights | None = getattr(user, "rights", None)
    return known if known is not None else read_rights([user])[user.pk]


def read_rights(users: Iterable[User]) -> dict[int, Rights]:
    """The rights of several users, in two queries."""
    people = {user.pk: user for user in users}
    held: dict[int, list[Role]] = {pk: [] for pk in people}
    memberships = User.groups.through.objects.filter(user_id__in=people)
    for pk, name in memberships.values_list("user_id", "group__name"):
        held[pk] += [role for role in Role if role.value == name]
    scopes: dict[tuple[int, str], list[Extent]] = {}
    for row in Scope.objects.filter(person__in=people):
        extent = Extent(estate=row.estate_id, cluster=row.cluster, site=row.site, owner=row.owner)
        scopes.setdefault((row.person_id, row.role), []).append(extent)
    return {
        pk: Rights(
            reaches={
                role: tuple(scopes.get((pk, role.value), [usual_extent(role, people[pk].get_username())]))
                for role in sorted(roles)
            }
        )
        if people[pk].is_active
        else NONE
        for pk, roles in held.items()
    }


def usual_extent(role: Role, username: str) -> Extent:
    """How far a role reaches to which nobody gave a scope."""
    return Extent(owner=username) if role is Role.SYSTEM_ADMINISTRATOR else EVERYWHERE


def roles_of(user: Whoever) -> frozenset[Role]:
    """The roles of a user; a group of another name is no role."""
    return frozenset(rights_of(user).reaches)


def may(user: Whoever, action: Action) -> bool:
    """Whether one of the user's roles opens the action, somewhere."""
    return rights_of(user).opens(action)


def conflict_of(roles: Collection[Role]) -> tuple[Role, Role] | None:
    """Two roles that one person must not hold, unless the site was told to allow it."""
    if settings.ALLOW_ROLE_CONFLICTS:
        return None
    return conflicting(roles)


def conflicting(roles: Collection[Role]) -> tuple[Role, Role] | None:
    """The first two of these roles that are to be kept apart."""
    for role, others in CONFLICTS:
        found = sorted(others & set(roles))
        if role in roles and found:
            return role, found[0]
    return None
