"""Sign in with the site's OpenID provider: there, and back.

authlib keeps state, nonce and the PKCE verifier in the session and checks every claim of the ID token; here
the issuer is the configured one, and only signatures by a key pair count.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Final

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.django_client import DjangoOAuth2App, OAuth
from authlib.integrations.requests_client import OAuth2Session
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET
from joserfc.errors import JoseError

from cluster import admitting, audit, sign_in_steps
from cluster.audit import Deed

SIGNED_BY: Final = ("RS256", "PS256", "ES256", "EdDSA", "RS384", "RS512", "PS384", "PS512", "ES384", "ES512")
ANSWERS_WITHIN_S: Final = 10
BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
_log = logging.getLogger(__name__)


@login_not_required
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider."""
    try:
        return provider().authorize_redirect(request, request.build_absolute_uri(reverse("oidc_back")))
    except (requests.RequestException, AuthlibBaseError, KeyError, RuntimeError) as error:
        return _refused(request, f"the provider does not answer: {error}", 502)


@login_not_required
@require_GET
def back(request: HttpRequest) -> HttpResponse:
    """The browser comes back with a code; whom it stands for is let in, or told that he is not."""
    try:
        told = provider().authorize_access_token(
            request,
            claims_options={
                "iss": {"essential": True, "values": [settings.OIDC_ISSUER]},
                "aud": {"essential": True, "values": [settings.OIDC_CLIENT_ID]},
            },
            leeway=30,
        )
        claims = told.get("userinfo") or {}
        person = admitting.by_subject(
            settings.OIDC_ISSUER,
            str(claims["sub"]),
            str(claims.get(settings.OIDC_NAME_CLAIM, "")),
            _roles(claims),
        )
    except (
        AuthlibBaseError,
        JoseError,
        requests.RequestException,
        KeyError,
        ValueError,
        RuntimeError,
    ) as error:
        return _refused(request, f"{type(error).__name__}: {error}", 400)
    except admitting.NotAdmitted as error:
        return _refused(request, str(error), 403)
    login(request, person, backend=BACKEND)
    sign_in_steps.vouch(request, person)
    return redirect(settings.LOGIN_REDIRECT_URL)


class _Straight(OAuth2Session):
    """Asks the provider at the addresses that it names itself, and follows no redirect with our secret."""

    def send(self, request: Any, **options: Any) -> Any:
        answer = super().send(request, **{**options, "allow_redirects": False})
        if answer.is_redirect:
            raise requests.TooManyRedirects("the provider sends us elsewhere", response=answer)
        return answer


class _App(DjangoOAuth2App):
    client_cls = _Straight


class _OAuth(OAuth):
    oauth2_client_cls = _App


@cache
def _registered() -> Any:
    return _OAuth().register(
        "provider",
        client_id=settings.OIDC_CLIENT_ID,
        client_secret=settings.OIDC_CLIENT_SECRET or None,
        server_metadata_url=f"{settings.OIDC_ISSUER.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": settings.OIDC_SCOPE,
            "code_challenge_method": "S256",
            "default_timeout": ANSWERS_WITHIN_S,
        },
    )


def provider() -> Any:
    """The provider of this site, its description read and narrowed to what is trusted.

    Raises:
        Http404: the site has none.
    """
    if not settings.OIDC_ISSUER:
        raise Http404
    client = _registered()
    said = client.load_server_metadata()
    if said.get("issuer") != settings.OIDC_ISSUER:
        raise RuntimeError(f"the provider calls itself {said.get('issuer')!r}")
    offered = said.get("id_token_signing_alg_values_supported") or ["RS256"]
    said["id_token_signing_alg_values_supported"] = [name for name in offered if name in SIGNED_BY]
    return client


def _roles(claims: Any) -> Any:
    return admitting.roles_from(
        admitting.texts_of(claims.get(settings.OIDC_GROUPS_CLAIM)), settings.OIDC_ROLES
    )


def _refused(request: HttpRequest, why: str, status: int) -> HttpResponse:
    """Say no without a reason that helps somebody who tries; the audit and the log have it."""
    _log.warning("sign-in by the provider refused: %s", why)
    audit.note(Deed.SIGN_IN_REFUSED, "", "OpenID", after={"why": why[:200]})
    return render(request, "registration/refused.html", status=status)
