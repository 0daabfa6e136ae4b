"""The settings of a directory (LDAP), from the environment; the library that reads it is an extra."""

from __future__ import annotations

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

WITHIN_S = 5


def settings_of(env: environ.Env, url: str) -> dict[str, Any]:
    """What django-auth-ldap is told.

    Raises:
        ImproperlyConfigured: the library is missing, or the address would send passwords in the clear.
    """
    try:
        import ldap
        from django_auth_ldap.config import GroupOfNamesType, LDAPSearch
    except ImportError as error:
        raise ImproperlyConfigured(
            "LDAP_URL is set, and python-ldap is missing: sudo apt-get install -y"
            " libldap-dev libsasl2-dev gcc"
            " && .venv/bin/pip install python-ldap==3.4.8 django-auth-ldap==5.4.0"
        ) from error
    start_tls = env.bool("LDAP_START_TLS", default=False)
    if not (url.startswith(("ldaps://", "ldapi://")) or start_tls):
        raise ImproperlyConfigured(
            "LDAP_URL must begin with ldaps:// or ldapi://, or LDAP_START_TLS be true: passwords go over it"
        )
    everywhere = ldap.SCOPE_SUBTREE
    options = {ldap.OPT_NETWORK_TIMEOUT: WITHIN_S, ldap.OPT_TIMEOUT: WITHIN_S, ldap.OPT_REFERRALS: 0}
    authorities = env.str("LDAP_CA_FILE", default="")
    if authorities:
        options |= {ldap.OPT_X_TLS_CACERTFILE: authorities, ldap.OPT_X_TLS_NEWCTX: 0}
    return {
        "AUTH_LDAP_SERVER_URI": url,
        "AUTH_LDAP_START_TLS": start_tls,
        "AUTH_LDAP_CONNECTION_OPTIONS": options,
        "AUTH_LDAP_BIND_DN": env.str("LDAP_BIND_DN", default=""),
        "AUTH_LDAP_BIND_PASSWORD": env.str("LDAP_BIND_PASSWORD", default=""),
        "AUTH_LDAP_USER_SEARCH": LDAPSearch(
            env.str("LDAP_PEOPLE"), everywhere, env.str("LDAP_PERSON", default="(uid=%(user)s)")
        ),
        "AUTH_LDAP_GROUP_SEARCH": LDAPSearch(
            env.str("LDAP_GROUPS", default=env.str("LDAP_PEOPLE")), everywhere, "(objectClass=groupOfNames)"
        ),
        "AUTH_LDAP_GROUP_TYPE": GroupOfNamesType(),
        "AUTH_LDAP_PERMIT_EMPTY_PASSWORD": False,
        "AUTH_LDAP_ALWAYS_UPDATE_USER": False,
    }
