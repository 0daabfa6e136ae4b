"""Reports by mail: what is planned, what waits, what was sent, what needs a decision."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_POST

from cluster import mailing, selectors
from cluster.models import Letter, Schedule
from cluster.reach import visible_to
from cluster.roles import Action, may
from cluster.sending_forms import ScheduleForm

LETTERS_SHOWN: Final = 100


def mails(request: HttpRequest) -> HttpResponse:
    _allow(request)
    return _page(request, _form(request))


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    _allow(request)
    form = ScheduleForm(request.POST, estates=selectors.visible_estates(request.user))
    if not form.is_valid():
        return _page(request, form)
    fields = dict(form.cleaned_data)
    mailing.add(request.user, fields.pop("estate"), **fields)
    return redirect("mails")


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    mailing.remove(request.user, _schedule(request, pk))
    return redirect("mails")


@require_POST
def send_now(request: HttpRequest, pk: int) -> HttpResponse:
    mailing.send_now(request.user, _schedule(request, pk))
    return redirect("mails")


@require_POST
def send_again(request: HttpRequest, pk: UUID) -> HttpResponse:
    _allow(request)
    mailing.send_again(request.user, get_object_or_404(visible_to(request.user, Letter), pk=pk))
    return redirect("mails")


def _schedule(request: HttpRequest, pk: int) -> Schedule:
    _allow(request)
    rows = Schedule.objects.filter(estate__in=selectors.visible_estates(request.user))
    return get_object_or_404(rows.select_related("estate"), pk=pk)


def _form(request: HttpRequest) -> ScheduleForm:
    initial = {"language": get_language(), "estate": request.GET.get("estate", "")}
    return ScheduleForm(initial=initial, estates=selectors.visible_estates(request.user))


def _page(request: HttpRequest, form: ScheduleForm) -> HttpResponse:
    estates = selectors.visible_estates(request.user)
    context = {
        "schedules": Schedule.objects.filter(estate__in=estates).select_related("estate", "created_by"),
        "letters": visible_to(request.user, Letter)
        .defer("content")
        .exclude(state=Letter.State.SENT)[:LETTERS_SHOWN],
        "sent": visible_to(request.user, Letter)
        .defer("content")
        .filter(state=Letter.State.SENT)[:LETTERS_SHOWN],
        "has_estates": estates.exists(),
        "form": form,
        "mail_on": settings.MAIL_ON,
        "sender": settings.DEFAULT_FROM_EMAIL,
    }
    return render(request, "mails.html", context, status=400 if form.errors else 200)


def _allow(request: HttpRequest) -> None:
    if not may(request.user, Action.PLAN):
        raise PermissionDenied(gettext("Your role may not plan mails of reports."))
