"""One's own account: sessions that are open, tokens of programs."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from cluster import second_factor, sessions, tokens
from cluster.forms import CodeForm, TokenForm
from cluster.roles import Action
from cluster.services import Refused
from cluster.wording import say


def account(request: HttpRequest) -> HttpResponse:
    return account_page(request)


@require_POST
def add_token(request: HttpRequest) -> HttpResponse:
    form = TokenForm(request.POST, rights=request.user.rights)
    if not form.is_valid():
        return account_page(request, form)
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
        return account_page(request, form)
    return account_page(request, key=key)


@require_POST
def remove_token(request: HttpRequest, pk: int) -> HttpResponse:
    tokens.remove(request.user, pk)
    return redirect("account")


@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    sessions.end(request.user, pk)
    return redirect("account")


def may_have_factor(person: User) -> bool:
    """Whether a sign-in of the person asks for a second factor of ours, not for one of an OpenID provider."""
    return person.has_usable_password() or not person.identities.exists()


def account_page(
    request: HttpRequest,
    form: TokenForm | None = None,
    key: str = "",
    codes_form: CodeForm | None = None,
    factor_form: CodeForm | None = None,
) -> HttpResponse:
    """The page, with what came of a form of it."""
    person = request.user
    context = {
        "form": form or TokenForm(rights=person.rights),
        "factor": second_factor.of(person),
        "codes_form": codes_form or CodeForm(prefix="codes"),
        "factor_form": factor_form or CodeForm(prefix="factor"),
        "may_have_factor": may_have_factor(person),
        "key": key,
        "tokens": request.user.tokens.all(),
        "sessions": sessions.of(request.user),
        "this_session": request.session.session_key,
        "has_password": request.user.has_usable_password(),
    }
    refused = any(one is not None and one.errors for one in (form, codes_form, factor_form))
    return render(request, "account.html", context, status=400 if refused else 200)
