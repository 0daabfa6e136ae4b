"""Requests about VMs, reports by mail, webhooks: what people ask of each other and what leaves by itself."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_noop as _
from ninja import Body as Sent
from pydantic import Field

from cluster import mailing, selectors, services, webhooks, wishes
from cluster.api.asking import Body, body_of, filled
from cluster.api.deeds import LetterTold, ScheduleTold, WebhookTold, WishTold
from cluster.api.door import TEXT, Key, Limit, Offset, calls
from cluster.api.told import Rows, Secret, of, page_of
from cluster.forms import WishForm
from cluster.models import Letter, Schedule, Webhook, Wish
from cluster.reach import visible_to
from cluster.sending_forms import ScheduleForm, WebhookForm
from cluster.wording import said
from planner.sentence import Sentence

call = calls(_("requests"))
mail = calls(_("mails"))
hook = calls(_("webhooks"))
WishAsked = body_of(WishForm, "WishAsked")
ScheduleAsked = body_of(ScheduleForm, "ScheduleAsked")
WebhookAsked = body_of(WebhookForm, "WebhookAsked")


class Answered(Body):
    granted: bool
    words: Annotated[str, Field(max_length=500, pattern=TEXT)] = ""


class Turned(Body):
    on: bool


@call("GET", "wishes", "api-wishes", _("What is asked for VMs, newest first."), answers=Rows[WishTold])
def asked(request: HttpRequest, limit: Limit = 100, offset: Offset = 0) -> Rows[WishTold]:
    return page_of(WishTold, _wishes(request), limit, offset)


@call("POST", "wishes", "api-wishes", _("Ask something for a VM of yours."), answers=WishTold, status=201)
def ask(request: HttpRequest, body: Sent[WishAsked]) -> WishTold:  # type: ignore[valid-type]
    made = wishes.ask(request.user, filled(WishForm, body, reader=request.user).wish())
    return of(WishTold, Wish.objects.get(pk=made.pk))


@call("POST", "wishes/{int:pk}/answer", "api-wish-answer", _("Grant or refuse a request."), answers=WishTold)
def answer(request: HttpRequest, pk: Key, body: Sent[Answered]) -> WishTold:
    wish = get_object_or_404(_wishes(request), pk=pk)
    wishes.answer(request.user, wish, granted=body.granted, words=body.words)
    return of(WishTold, get_object_or_404(_wishes(request), pk=pk))


@call(
    "POST",
    "wishes/{int:pk}/withdraw",
    "api-wish-withdraw",
    _("Take a request of your own back."),
    answers=WishTold,
)
def withdraw(request: HttpRequest, pk: Key) -> WishTold:
    wishes.withdraw(request.user, get_object_or_404(_wishes(request), pk=pk))
    return of(WishTold, get_object_or_404(_wishes(request), pk=pk))


@mail(
    "GET",
    "schedules",
    "api-schedules",
    _("The reports that are mailed in a rhythm."),
    answers=Rows[ScheduleTold],
)
def schedules(request: HttpRequest, limit: Limit = 100, offset: Offset = 0) -> Rows[ScheduleTold]:
    return page_of(ScheduleTold, _schedules(request), limit, offset)


@mail(
    "POST",
    "schedules",
    "api-schedules",
    _("Mail a report in a rhythm; `recipients` with commas, spaces or lines between them."),
    answers=ScheduleTold,
    status=201,
)
def plan(request: HttpRequest, body: Sent[ScheduleAsked]) -> ScheduleTold:  # type: ignore[valid-type]
    form = filled(ScheduleForm, body, estates=selectors.visible_estates(request.user))
    fields = dict(form.cleaned_data)
    made = mailing.add(request.user, fields.pop("estate"), **fields)
    return of(ScheduleTold, made)


@mail("DELETE", "schedules/{int:pk}", "api-schedule", _("Mail it no more."), answers=None, status=204)
def unplan(request: HttpRequest, pk: Key) -> HttpResponse:
    mailing.remove(request.user, get_object_or_404(_schedules(request), pk=pk))
    return HttpResponse(status=204)


@mail("POST", "schedules/{int:pk}/now", "api-schedule-now", _("Mail it now."), answers=ScheduleTold)
def now(request: HttpRequest, pk: Key) -> ScheduleTold:
    mailing.send_now(request.user, get_object_or_404(_schedules(request), pk=pk))
    return of(ScheduleTold, get_object_or_404(_schedules(request), pk=pk))


@mail(
    "GET", "letters", "api-letters", _("The mails that wait, went out or failed."), answers=Rows[LetterTold]
)
def letters(request: HttpRequest, limit: Limit = 100, offset: Offset = 0) -> Rows[LetterTold]:
    rows = visible_to(request.user, Letter).defer("content").select_related("schedule")
    return page_of(LetterTold, rows, limit, offset)


@mail(
    "POST",
    "letters/{uuid:pk}/again",
    "api-letter-again",
    _("Send a mail again that was refused, or of which nobody knows."),
    answers=LetterTold,
)
def again(request: HttpRequest, pk: UUID) -> LetterTold:
    rows = visible_to(request.user, Letter).select_related("schedule__estate")
    mailing.send_again(request.user, get_object_or_404(rows, pk=pk))
    return of(LetterTold, get_object_or_404(rows, pk=pk))


@hook(
    "GET", "webhooks", "api-webhooks", _("The programs that are told of events."), answers=Rows[WebhookTold]
)
def hooks(request: HttpRequest, limit: Limit = 100, offset: Offset = 0) -> Rows[WebhookTold]:
    return page_of(WebhookTold, visible_to(request.user, Webhook), limit, offset, _hook)


@hook(
    "POST",
    "webhooks",
    "api-webhooks",
    _("Tell a program of events; its secret is told this once."),
    answers=Secret,
    status=201,
)
def add(request: HttpRequest, body: Sent[WebhookAsked]) -> Secret:  # type: ignore[valid-type]
    fields = filled(WebhookForm, body).cleaned_data
    try:
        with transaction.atomic():
            made, secret = webhooks.add(request.user, **fields)
    except IntegrityError as error:
        said_ = Sentence("There is a webhook of the name {name} already", {"name": fields["name"]})
        raise services.Refused(said_) from error
    return Secret(id=made.pk, name=made.name, secret=secret)


@hook("DELETE", "webhooks/{int:pk}", "api-webhook", _("Tell it no more."), answers=None, status=204)
def remove(request: HttpRequest, pk: Key) -> HttpResponse:
    webhooks.remove(request.user, _row(request, pk))
    return HttpResponse(status=204)


@hook(
    "POST",
    "webhooks/{int:pk}/turn",
    "api-webhook-turn",
    _("Switch a webhook on or off."),
    answers=WebhookTold,
)
def turn(request: HttpRequest, pk: Key, body: Sent[Turned]) -> WebhookTold:
    webhooks.turn(request.user, _row(request, pk), on=body.on)
    return _hook(_row(request, pk))


@hook(
    "POST",
    "webhooks/{int:pk}/secret",
    "api-webhook-secret",
    _("Make a new secret, told this once; the old one signs nothing any more."),
    answers=Secret,
)
def renew(request: HttpRequest, pk: Key) -> Secret:
    row = _row(request, pk)
    return Secret(id=row.pk, name=row.name, secret=webhooks.renew_secret(request.user, row))


def _wishes(request: HttpRequest) -> object:
    return visible_to(request.user, Wish).select_related("estate", "asked_by", "answered_by")


def _schedules(request: HttpRequest) -> object:
    rows = Schedule.objects.filter(estate__in=selectors.visible_estates(request.user))
    return rows.select_related("estate", "created_by")


def _row(request: HttpRequest, pk: int) -> Webhook:
    return get_object_or_404(visible_to(request.user, Webhook), pk=pk)


def _hook(row: Webhook) -> WebhookTold:
    return of(WebhookTold, row, error=said(row.error))
