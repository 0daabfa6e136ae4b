"""How requests come to bear a user, and how long a session lasts.

Authorization: Bearer hdr_...  -> the token's owner, narrowed; such a request has no cookie and needs no CSRF
a session                      -> ends after IDLE without a click, after LONGEST in any case, and when its
                                  owner ends it (`sessions`); until its steps are done (`sign_in_steps`) it
                                  leads to them and nowhere else
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.csrf import csrf_failure

from cluster import audit, pace, second_factor, sessions, sign_in_steps, tokens
from cluster.asked import now_asked
from cluster.audit import Deed
from cluster.roles import read_rights

NOTE_EVERY_S: Final = 60  # a session is written at most so often, not with every request
BEGAN, SEEN = "began_at", "seen_at"
# What pages ask for by themselves is no click of anybody.
BY_ITSELF: Final = frozenset({"runs_working", "api-events", "api-rehearsal-events"})


def enter(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: recognise a token, end what lasted too long, read the rights once a request.

    No browser keeps what a session was shown.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and request.path.startswith("/api/"):
            return _by_token(request, key.strip(), get_response)
        key = request.session.session_key
        if request.user.is_authenticated:
            if request.session.session_key != key:  # Django changes it with SECRET_KEY
                sessions.follow_key(request, key)
            request.user.rights = read_rights([request.user])[request.user.pk]
            _keep_time(request)
        if request.user.is_authenticated:
            sign_in_steps.look_again(request)
            answer = sign_in_steps.lead(request) or get_response(request)
            answer.headers.setdefault("Cache-Control", "no-store")  # whoever comes after him presses Back
            return answer
        return get_response(request)

    return middleware


def _by_token(request: HttpRequest, key: str, get_response: Callable[..., HttpResponse]) -> HttpResponse:
    source = now_asked().source
    if pace.too_many("bad-token", source, settings.SIGN_INS_PER_MINUTE, count=False):
        return pace.refusal()
    person = tokens.bearer_of(key)
    if person is None:
        pace.too_many("bad-token", source, settings.SIGN_INS_PER_MINUTE)
        answer = JsonResponse({"error": "this token opens nothing"}, status=401)
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    if pace.too_many("token", tokens.hash_of(key)[:16], settings.API_CALLS_PER_MINUTE):
        return pace.refusal()
    request.user = person
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # no cookie bears this request
    return get_response(request)


def _keep_time(request: HttpRequest) -> None:
    now = int(time.time())
    began = request.session.setdefault(BEGAN, now)
    left_s = settings.SESSION_LONGEST_S - (now - began)
    seen = request.session.get(SEEN, 0)
    is_held = bool(sign_in_steps.step_of(request))
    idle_s = sign_in_steps.HELD_S if is_held else settings.SESSION_IDLE_S
    if left_s <= 0 or (seen and now - seen > idle_s):
        logout(request)
    elif now - seen >= NOTE_EVERY_S and not _is_automatic(request) and not is_held:
        request.session[SEEN] = now
        request.session.set_expiry(min(settings.SESSION_IDLE_S, left_s))


def _is_automatic(request: HttpRequest) -> bool:
    return sign_in_steps.name_of(request) in BY_ITSELF


def without_csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    """What a session is answered that changes something without its CSRF token."""
    if request.path.startswith("/api/"):
        return JsonResponse(
            {"error": "a session sends its CSRF token, a program a token of its own"}, status=403
        )
    return csrf_failure(request, reason)


def _began(sender: object, request: HttpRequest | None, user: Any, **_: object) -> None:
    if request is None:
        return
    if not request.session.session_key:  # it was another's, and was emptied
        request.session.create()
    now = int(time.time())
    request.session[BEGAN] = request.session[SEEN] = now
    request.session.set_expiry(settings.SESSION_IDLE_S)
    sign_in_steps.begin(request, user)


def _locked_out(sender: object, username: str = "", ip_address: str = "", **_: object) -> None:
    audit.note(Deed.LOCKED_OUT, "", str(username), after={"from": ip_address})


def listen() -> None:
    """Hear of sessions that begin, and of lockouts; called once when the shell starts.

    Raises:
        ImproperlyConfigured: the site asks for a second factor of a role that there is not.
    """
    second_factor.roles_asked()
    user_logged_in.connect(_began, dispatch_uid="entering")
    user_locked_out.connect(_locked_out, dispatch_uid="entering")
