"""Who may do what: five roles, each a Django group, and the actions that they open.

A person may have several roles.  Everyone who is logged in reads; what may be read at all is decided
by `selectors.visible_estates`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.utils.translation import gettext_noop


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
    AUDIT = gettext_noop("read the audit")
    PEOPLE = gettext_noop("manage people")
    CONNECT = gettext_noop("manage connections")
    OPERATE = gettext_noop("ask for operations")
    APPROVE = gettext_noop("approve operations")


_READ: Final = frozenset({Action.READ})
_WORK: Final = frozenset({Action.READ, Action.IMPORT, Action.PLAN, Action.CANCEL, Action.REHEARSE})
_REAL: Final = frozenset({Action.CONNECT, Action.OPERATE, Action.APPROVE})

OPENS: Final[dict[Role, frozenset[Action]]] = {
    Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR: _WORK | _REAL,
    Role.SYSTEM_ADMINISTRATOR: _READ,
    Role.BUYER: _WORK,
    Role.AUDITOR: _READ | {Action.AUDIT},
    Role.SITE_ADMINISTRATOR: _WORK | {Action.AUDIT, Action.PEOPLE},
}


def roles_of(user: AbstractBaseUser | AnonymousUser) -> frozenset[Role]:
    """The roles of a user; a group of another name is no role."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    known = {role.value for role in Role}
    return frozenset(Role(name) for name in user.groups.values_list("name", flat=True) if name in known)


def may(user: AbstractBaseUser | AnonymousUser, action: Action) -> bool:
    """Whether one of the user's roles opens the action; whoever is logged in may read."""
    if action is Action.READ:
        return user.is_authenticated
    return any(action in OPENS[role] for role in roles_of(user))
