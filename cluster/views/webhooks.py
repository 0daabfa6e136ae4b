"""Webhooks: who is told, whether that works, and the secret, shown once."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from cluster import feed, services, webhooks
from cluster.labels import TOLD_KINDS
from cluster.models import Estate, Webhook
from cluster.reach import Sight
from cluster.roles import Action, may
from cluster.sending_forms import WebhookForm
from cluster.wording import say
from planner.sentence import Sentence


def hooks(request: HttpRequest) -> HttpResponse:
    _allow(request)
    return _page(request, WebhookForm())


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    _allow(request)
    form = WebhookForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    try:
        hook, secret = webhooks.add(request.user, **form.cleaned_data)
    except services.Refused as refusal:
        form.add_error("url", say(refusal.message))
        return _page(request, form)
    except IntegrityError:
        form.add_error("name", gettext("There is a webhook of this name already."))
        return _page(request, form)
    return _page(request, WebhookForm(), told=(hook.name, secret))


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    webhooks.remove(request.user, get_object_or_404(Webhook, pk=pk))
    return redirect("webhooks")


@require_POST
def turn(request: HttpRequest, pk: int) -> HttpResponse:
    _allow(request)
    hook = get_object_or_404(Webhook, pk=pk)
    try:
        webhooks.turn(request.user, hook, on=request.POST.get("on") == "1")
    except services.Refused as refusal:
        return _page(request, WebhookForm(), refused=say(refusal.message))
    return redirect("webhooks")


@require_POST
def renew(request: HttpRequest, pk: int) -> HttpResponse:
    hook = get_object_or_404(Webhook, pk=pk)
    return _page(request, WebhookForm(), told=(hook.name, webhooks.renew_secret(request.user, hook)))


def _page(
    request: HttpRequest, form: WebhookForm, told: tuple[str, str] | None = None, refused: str = ""
) -> HttpResponse:
    newest, found = feed.last_seq(), list(Webhook.objects.select_related("created_by"))
    sights = webhooks.sights(found)
    names = dict(Estate.objects.values_list("pk", "name"))
    rows = [
        (hook, [gettext(TOLD_KINDS[kind]) for kind in hook.kinds if kind in TOLD_KINDS],
         newest - hook.cursor, say(msgspec.convert(hook.error, Sentence)) if hook.error else "",
         _told(sights[hook.pk], names))
        for hook in found
    ]  # fmt: skip
    context = {
        "hears": may(request.user, Action.READ),
        "rows": rows,
        "form": form,
        "told": told,
        "refused": refused,
        "networks": settings.WEBHOOK_NETWORKS,
        "days": webhooks.DAYS_OF_FAILURE,
    }
    return render(request, "webhooks.html", context, status=400 if form.errors or refused else 200)


def _told(sight: Sight, names: Mapping[int, str]) -> str:
    """Of what a webhook is told, in words."""
    if not sight.reads:
        return gettext("nothing")
    if sight.everything:
        return gettext("everything")
    estates = sorted(names[pk] for pk in sight.estates if pk in names)
    return ", ".join([*estates, gettext("runs of the maker")])


def _allow(request: HttpRequest) -> None:
    if not may(request.user, Action.CONNECT):
        raise PermissionDenied(gettext("Your role may not manage webhooks."))
