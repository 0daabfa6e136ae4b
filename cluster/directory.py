"""Sign in with the site's directory (LDAP): django-auth-ldap, with two rules of this house.

A name that has a local password, or comes by an OpenID provider, is nobody's of the directory; and the roles
are those that the site maps the directory's groups to.  The library is an extra (docs/sign-in.md): settings
refuse to start with a directory and without it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django_auth_ldap.backend import LDAPBackend, _LDAPUser

from cluster import admitting


class Directory(LDAPBackend):
    """A backend of Django's."""

    def authenticate_ldap_user(self, ldap_user: _LDAPUser, password: str) -> User | None:
        """Let in whom the directory knows, unless the name is another's here or his roles clash."""
        local = User.objects.filter(username__iexact=ldap_user._username).first()
        if local is not None and (local.has_usable_password() or local.identities.exists()):
            return None
        person = super().authenticate_ldap_user(ldap_user, password)
        if person is None or not person.is_active:
            return None
        try:
            admitting.give_roles(
                person, admitting.roles_from(ldap_user.group_dns, settings.LDAP_ROLES), "directory"
            )
        except admitting.NotAdmitted:
            return None
        return person

    def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[User, bool]:
        """The account of a name, or a new one, which no password opens."""
        person, built = super().get_or_build_user(username, ldap_user)
        if built:
            person.set_unusable_password()
        return person, built
