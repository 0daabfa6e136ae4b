"""One's own account: sessions that are open, tokens of programs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from cluster import entering, tokens
from cluster.forms import TokenForm
from cluster.roles import Action
from cluster.services import Refused
from cluster.wording import say


def account(request: HttpRequest) -> HttpResponse:
    return _page(request, TokenForm(rights=request.user.rights))


@require_POST
def add_token(request: HttpRequest) -> HttpResponse:
    form = TokenForm(request.POST, rights=request.user.rights)
    if not form.is_valid():
        return _page(request, form)
    asked = form.cleaned_data
    try:
        _, key = tokens.make(
            request.user,
            asked["name"],
            [Action(value) for value in asked["actions"]],
            asked["days"],
            asked["networks"].replace(",", " ").split(),
        )
    except Refused as refusal:
        form.add_error(None, say(refusal.message))
        return _page(request, form)
    return _page(request, TokenForm(rights=request.user.rights), key=key)


@require_POST
def remove_token(request: HttpRequest, pk: int) -> HttpResponse:
    tokens.remove(request.user, pk)
    return redirect("account")


@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    entering.end(request.user, pk)
    return redirect("account")


def _page(request: HttpRequest, form: TokenForm, key: str = "") -> HttpResponse:
    context = {
        "form": form,
        "key": key,
        "tokens": request.user.tokens.all(),
        "sessions": entering.sessions_of(request.user),
        "this_session": request.session.session_key,
        "has_password": request.user.has_usable_password(),
    }
    response = render(request, "account.html", context, status=400 if form.errors else 200)
    response["Cache-Control"] = "no-store"  # a key may stand on it, once
    return response
