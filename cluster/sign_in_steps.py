"""What stands between a password and the pages; a session is held at the first step that is not done.

PROVE    the second factor, where the person has one: first, or a guessed password could choose another
CHOOSE   a password that nobody else knows, where somebody else made this one
SET_UP   a second factor, where a role asks for it
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve
from django.utils.http import escape_leading_slashes, url_has_allowed_host_and_scheme

from cluster import second_factor, sessions
from cluster.models import GivenPassword

PROVE, CHOOSE, SET_UP = "second_factor", "own_password", "second_factor_set"  # names of addresses
WHILE_HELD: Final = frozenset({"login", "logout", "set_language", "livez", "readyz", "metrics"})
NO_AIM: Final = WHILE_HELD | {PROVE, CHOOSE, SET_UP, "oidc", "oidc_back"}
AIM_MAX: Final = 2_000  # characters
HELD_S: Final = 600  # a sign-in that is not completed within that time begins anew
HELD, AIM, PROVEN = "held_at", "aim", "second_factor_proven"


def begin(request: HttpRequest, person: User) -> None:
    """A password was right: hold the session at its steps, or let it in."""
    request.session[HELD] = _steps(person, proven=False)
    if not step_of(request):
        sessions.enter(request, person)


def vouch(request: HttpRequest, person: User) -> None:
    """Somebody else has asked the person for all that there is to ask for."""
    request.session[HELD], request.session[PROVEN] = [], True
    sessions.enter(request, person)


def step_of(request: HttpRequest) -> str:
    """The address at which a session is held, by name; empty where it is complete."""
    return next(iter(request.session.get(HELD, ())), "")


def is_held(session: SessionBase, person: Any) -> bool:
    """Whether a session is held, or would be if it asked for a page."""
    if _is_to_be_reckoned(session, person):
        return bool(_steps(person, proven=bool(session.get(PROVEN))))
    return bool(session[HELD])


def look_again(request: HttpRequest) -> None:
    """Reckon the steps anew where they may have changed: a factor set up, a role given, an old session."""
    step = step_of(request)
    if step in (CHOOSE, SET_UP) or (not step and _is_to_be_reckoned(request.session, request.user)):
        _go_on(request)


def lead(request: HttpRequest) -> HttpResponse | None:
    """Lead a held session to its step, whatever it asks for; None: let it pass."""
    step, asked = step_of(request), name_of(request)
    if not step or asked == step or asked in WHILE_HELD:
        return None
    if request.path.startswith("/api/"):
        return JsonResponse({"error": "this sign-in is not complete"}, status=403)
    address = escape_leading_slashes(request.get_full_path())
    by_click = request.method == "GET" and not request.headers.get("HX-Request")
    if by_click and asked and asked not in NO_AIM and len(address) <= AIM_MAX:
        request.session[AIM] = address
    return redirect(step)


def pass_step(request: HttpRequest, step: str) -> str:
    """One step is done: the session goes on, under a new key.  Give the address to go on with."""
    before = request.session.session_key
    with transaction.atomic():
        request.session.cycle_key()
        sessions.follow_key(request, before)
    if step in (PROVE, SET_UP):
        request.session[PROVEN] = True
    return way_on(request)


def way_on(request: HttpRequest) -> str:
    """Reckon the steps anew; give the first one's name, or the address at which the person was going."""
    _go_on(request)
    step = step_of(request)
    if step:
        return step
    aim = str(request.session.pop(AIM, ""))
    return aim if url_has_allowed_host_and_scheme(aim, None) else str(settings.LOGIN_REDIRECT_URL)


def forget_factor(request: HttpRequest) -> None:
    """What this session has proven is gone."""
    request.session.pop(PROVEN, None)


def name_of(request: HttpRequest) -> str:
    """What an address is called; empty where there is none."""
    try:
        return resolve(request.path_info).url_name or ""
    except Resolver404:
        return ""


def _is_to_be_reckoned(session: SessionBase, person: Any) -> bool:
    """Whether a session that is not held may have to be: there were no steps then, or a role asks for one."""
    return HELD not in session or (not session.get(PROVEN) and second_factor.is_asked_for(person))


def _steps(person: Any, *, proven: bool) -> list[str]:
    has = second_factor.of(person) is not None
    given = GivenPassword.objects.filter(person=person).exists()
    asked = {
        PROVE: has and not proven,
        CHOOSE: given,
        SET_UP: not has and not proven and second_factor.is_asked_for(person),
    }
    return [step for step, needed in asked.items() if needed]


def _go_on(request: HttpRequest) -> None:
    session, was_held = request.session, bool(step_of(request))
    left = _steps(request.user, proven=bool(session.get(PROVEN)))
    if session.get(HELD) != left:
        session[HELD] = left
    if was_held and not left:
        sessions.enter(request, request.user)
