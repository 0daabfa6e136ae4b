"""How requests come to bear a user, and how long a session lasts.

Authorization: Bearer hdr_...  -> the token's owner, narrowed; such a request has no cookie and needs no CSRF
a session                      -> ends after IDLE without a click, after LONGEST in any case, and when its
                                  owner ends it; more than SESSIONS_MAX of a person: the oldest end
a session is held at its steps -> the second factor, then a password that nobody else knows, then setting up a
                                  factor where roles ask for one; until they are done it leads nowhere else
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve
from django.views.csrf import csrf_failure

from cluster import audit, pace, second_factor, tokens
from cluster.asked import now_asked
from cluster.audit import Deed
from cluster.models import GivenPassword, SignIn
from cluster.roles import read_rights

SESSIONS_MAX: Final = 10
NOTE_EVERY_S: Final = 60  # a session is written at most so often, not with every request
BEGAN, SEEN, HELD, AIM = "began_at", "seen_at", "held_at", "aim"
PROVE, CHOOSE, SET_UP = "second_factor", "own_password", "second_factor_set"  # names of addresses
WHILE_HELD: Final = frozenset({"login", "logout", "set_language", "livez", "readyz", "metrics"})
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
        if request.user.is_authenticated:
            request.user.rights = read_rights([request.user])[request.user.pk]
            _keep_time(request)
            step = step_of(request)
            if step and _name_of(request) not in {step, *WHILE_HELD}:
                return _to_the_step(request, step)
            answer = get_response(request)
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
    if left_s <= 0 or (seen and now - seen > settings.SESSION_IDLE_S):
        logout(request)
    elif now - seen >= NOTE_EVERY_S and not _is_automatic(request):
        request.session[SEEN] = now
        request.session.set_expiry(min(settings.SESSION_IDLE_S, left_s))


def _is_automatic(request: HttpRequest) -> bool:
    return _name_of(request) in BY_ITSELF


def _name_of(request: HttpRequest) -> str:
    try:
        return resolve(request.path_info).url_name or ""
    except Resolver404:
        return ""


# -- the steps of a sign-in


def step_of(request: HttpRequest) -> str:
    """The address at which a session is held, by name; empty where it is complete."""
    return next(iter(request.session.get(HELD, ())), "")


def pass_step(request: HttpRequest, step: str) -> HttpResponse:
    """One step is done: the session goes on, under a new key, to the next one or to where it was going."""
    before = request.session.session_key
    request.session.cycle_key()
    follow_key(request, before)
    request.session[HELD] = [one for one in request.session.get(HELD, ()) if one != step]
    left = step_of(request)
    return redirect(left or request.session.pop(AIM, settings.LOGIN_REDIRECT_URL))


def vouched_for(request: HttpRequest) -> None:
    """Somebody else has asked for all that there is to ask for."""
    request.session.pop(HELD, None)


def _steps(person: Any) -> list[str]:
    has = second_factor.of(person) is not None
    given = GivenPassword.objects.filter(person=person).exists()
    asked = {PROVE: has, CHOOSE: given, SET_UP: not has and second_factor.is_asked_for(person)}
    return [step for step, needed in asked.items() if needed]


def _to_the_step(request: HttpRequest, step: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse({"error": "this sign-in is not complete"}, status=403)
    if request.method == "GET" and not request.headers.get("HX-Request"):
        request.session[AIM] = request.get_full_path()
    return redirect(step)


def without_csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    """What a session is answered that changes something without its CSRF token."""
    if request.path.startswith("/api/"):
        return JsonResponse(
            {"error": "a session sends its CSRF token, a program a token of its own"}, status=403
        )
    return csrf_failure(request, reason)


# -- sessions as their owner sees them


def sessions_of(person: User) -> list[SignIn]:
    """The open sessions, newest first; rows of sessions that have ended go."""
    rows = list(SignIn.objects.filter(person=person))
    alive = set(
        Session.objects.filter(session_key__in=[row.session_key for row in rows]).values_list(
            "session_key", flat=True
        )
    )
    SignIn.objects.filter(pk__in=[row.pk for row in rows if row.session_key not in alive]).delete()
    return [row for row in rows if row.session_key in alive]


def end(person: User, pk: int) -> None:
    """End a session of one's own: its next request is a stranger's, its sockets close within seconds."""
    with transaction.atomic():
        row = SignIn.objects.filter(person=person, pk=pk).first()
        if row is not None:
            Session.objects.filter(session_key=row.session_key).delete()
            audit.note(Deed.SESSION_ENDED, person.get_username(), row.source)
            row.delete()


def follow_key(request: HttpRequest, before: str | None) -> None:
    """The session has another key than before; its owner still sees it as the same."""
    SignIn.objects.filter(session_key=before).update(session_key=request.session.session_key)


def end_others(request: HttpRequest) -> None:
    """End all sessions of the person but this one."""
    others = SignIn.objects.filter(person=request.user).exclude(session_key=request.session.session_key)
    Session.objects.filter(session_key__in=others.values("session_key")).delete()
    others.delete()


def _began(sender: object, request: HttpRequest | None, user: Any, **_: object) -> None:
    if request is None or not request.session.session_key:
        return
    now = int(time.time())
    request.session[BEGAN] = request.session[SEEN] = now
    request.session.set_expiry(settings.SESSION_IDLE_S)
    request.session[HELD] = _steps(user)
    SignIn.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={
            "person": user,
            "source": now_asked().source,
            "agent": request.headers.get("User-Agent", "")[:200],
        },
    )
    for old in sessions_of(user)[SESSIONS_MAX:]:
        end(user, old.pk)


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
