"""The second factor: asked for at the sign-in, set up and given up by its owner."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from cluster import audit, entering, second_factor, vault
from cluster.audit import Deed
from cluster.forms import CodeForm
from cluster.services import Refused
from cluster.views.account import account_page
from cluster.wording import say

OFFER = "second_factor_offer"  # of the session: the secret of an app that is being set up, sealed


def prove(request: HttpRequest) -> HttpResponse:
    """The step after the password."""
    if entering.step_of(request) != entering.PROVE:
        return redirect("account")
    form = CodeForm(request.POST or None)
    if form.is_valid():
        if second_factor.proves(request.user, form.cleaned_data["code"]):
            audit.note(Deed.FACTOR_PROVEN, request.user.get_username())
            return entering.pass_step(request, entering.PROVE)
        form.add_error("code", gettext("This code is not good, or was used before. Wait for the next one."))
    return render(request, "registration/code.html", {"form": form}, status=400 if form.errors else 200)


def set_up(request: HttpRequest) -> HttpResponse:
    """Show a secret until the app has it; then the recovery codes, once."""
    if second_factor.of(request.user) is not None:
        return redirect("account")
    form = CodeForm(request.POST or None)
    secret = _offer(request)
    if form.is_valid():
        try:
            codes = second_factor.set_up(request.user, secret, form.cleaned_data["code"])
        except Refused as refusal:
            form.add_error("code", say(refusal.message))
        else:
            del request.session[OFFER]
            onward = entering.pass_step(request, entering.SET_UP)
            return render(request, "registration/codes.html", {"codes": codes, "onward": onward.url})
    context = {
        "form": form,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "drawn": SafeString(second_factor.drawn(request.user, secret)),  # squares and a title
        "held": entering.step_of(request) == entering.SET_UP,
    }
    return render(request, "registration/app.html", context, status=400 if form.errors else 200)


@require_POST
def renew_codes(request: HttpRequest) -> HttpResponse:
    form = CodeForm(request.POST, prefix="codes")
    if form.is_valid():
        try:
            codes = second_factor.renew_codes(request.user, form.cleaned_data["code"])
        except Refused as refusal:
            form.add_error("code", say(refusal.message))
        else:
            return render(request, "registration/codes.html", {"codes": codes, "onward": "/account/"})
    return account_page(request, codes_form=form)


@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    form = CodeForm(request.POST, prefix="factor")
    if form.is_valid():
        try:
            second_factor.remove(request.user, form.cleaned_data["code"])
        except Refused as refusal:
            form.add_error("code", say(refusal.message))
        else:
            return redirect("account")
    return account_page(request, factor_form=form)


def _offer(request: HttpRequest) -> str:
    """The secret that this session was shown; a new one where there is none, or the key has changed since."""
    place = second_factor.place_of(request.user)
    try:
        return vault.unseal(request.session[OFFER], place)
    except (KeyError, vault.Sealed):
        secret = second_factor.new_secret()
        request.session[OFFER] = vault.seal(secret, place)
        return secret
