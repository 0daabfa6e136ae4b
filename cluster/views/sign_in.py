"""The sign-in, its second factor, and how that is set up and given up by its owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from cluster import second_factor, sessions, sign_in_steps, vault
from cluster.forms import CodeForm
from cluster.services import Refused
from cluster.sign_in_steps import PROVE, SET_UP
from cluster.views.account import account_page, may_have_factor
from cluster.wording import say

OFFER = "second_factor_offer"  # of the session: the secret of an app that is being set up, sealed


class SignIn(LoginView):
    redirect_authenticated_user = True

    def get_redirect_url(self) -> str:
        """Where the person was going, but for this page itself, which would lead in a circle."""
        found = super().get_redirect_url()
        return "" if found.partition("?")[0] == self.request.path else found


def prove(request: HttpRequest) -> HttpResponse:
    """The step after the password."""
    if sign_in_steps.step_of(request) != PROVE:
        return redirect("account")
    if second_factor.of(request.user) is None:  # taken away meanwhile
        return redirect(sign_in_steps.way_on(request))
    form = CodeForm(request.POST or None, alone=True)
    if form.is_valid():
        with _told_in(form):
            second_factor.spend(request.user, form.cleaned_data["code"])
            return redirect(sign_in_steps.pass_step(request, PROVE))
    return render(request, "registration/code.html", {"form": form}, status=400 if form.errors else 200)


def set_up(request: HttpRequest) -> HttpResponse:
    """Show a secret until the app has it; then the recovery codes, once."""
    is_held = sign_in_steps.step_of(request) == SET_UP
    if second_factor.of(request.user) is not None or not (is_held or may_have_factor(request.user)):
        return redirect("account")
    form = CodeForm(request.POST or None, alone=True)
    secret = _offer(request)
    if form.is_valid():
        with _told_in(form):
            codes = second_factor.set_up(request.user, secret, form.cleaned_data["code"])
            del request.session[OFFER]
            sessions.end_others(request)  # whoever else has one open has shown a password alone
            onward = sign_in_steps.pass_step(request, SET_UP)
            return _shown_once(request, codes, onward if is_held else "account")
    context = {
        "form": form,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "qr_code": SafeString(second_factor.qr_code(request.user, secret)),  # squares, no text
        "held": is_held,
    }
    return render(request, "registration/app.html", context, status=400 if form.errors else 200)


@require_POST
def renew_codes(request: HttpRequest) -> HttpResponse:
    form = CodeForm(request.POST, prefix="codes")
    if form.is_valid():
        with _told_in(form):
            codes = second_factor.renew_codes(request.user, form.cleaned_data["code"])
            return _shown_once(request, codes, "account")
    return account_page(request, codes_form=form)


@require_POST
def give_up(request: HttpRequest) -> HttpResponse:
    form = CodeForm(request.POST, prefix="factor")
    if form.is_valid():
        with _told_in(form):
            second_factor.give_up(request.user, form.cleaned_data["code"])
            sign_in_steps.forget_factor(request)
            return redirect("account")
    return account_page(request, factor_form=form)


@contextmanager
def _told_in(form: CodeForm) -> Iterator[None]:
    """Say beside the code why it was refused."""
    try:
        yield
    except Refused as refusal:
        form.add_error("code", say(refusal.message))


def _shown_once(request: HttpRequest, codes: list[str], onward: str) -> HttpResponse:
    context = {"codes": codes, "onward": resolve_url(onward)}
    return render(request, "registration/codes.html", context)


def _offer(request: HttpRequest) -> str:
    """The secret that this session was shown; a new one where there is none, or the key has changed since."""
    place = second_factor.place_of(request.user)
    try:
        return vault.unseal(request.session[OFFER], place)
    except (KeyError, vault.Sealed):
        secret = second_factor.new_secret()
        request.session[OFFER] = vault.seal(secret, place)
        return secret
