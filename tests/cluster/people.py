"""The people of the tests, one of each role, and a stranger with none."""

from __future__ import annotations

from django.contrib.auth.models import Group, User

from cluster.roles import Role

PASSWORD = "a long enough password"


def person(*roles: Role | None) -> User:
    """A user who has these roles alone; None: none."""
    held = [role for role in roles if role]
    name = "-and-".join(role.value.replace(" ", "-") for role in held) or "stranger"
    user, _ = User.objects.get_or_create(username=name)
    user.groups.set([Group.objects.get_or_create(name=role.value)[0] for role in held])  # a flush takes them
    return user


def with_password(who: User) -> User:
    """The same, who may sign in by PASSWORD."""
    who.set_password(PASSWORD)
    who.save()
    return who


def administrator() -> User:
    """A virtual-infrastructure administrator."""
    return person(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)


def site_administrator() -> User:
    """Who lets people in and keeps the connections."""
    return person(Role.SITE_ADMINISTRATOR)
