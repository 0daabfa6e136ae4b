"""Requests about VMs: what was asked, by whom, what was answered."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from cluster import services, wishes
from cluster.forms import WishForm
from cluster.models import Estate, Wish
from cluster.reach import covers, visible_to
from cluster.roles import Action, may
from cluster.wording import say

SHOWN = 200


def requests(request: HttpRequest) -> HttpResponse:
    initial = {"vm": request.GET.get("vm", "")[:255], "estate": request.GET.get("estate", "")}
    return _page(request, WishForm(reader=request.user, initial=initial))


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    form = WishForm(request.POST, reader=request.user)
    if not form.is_valid():
        return _page(request, form)
    try:
        wishes.ask(request.user, form.wish())
    except services.Refused as refusal:
        form.add_error("vm", say(refusal.message))
        return _page(request, form)
    return redirect("wishes")


@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    wish = get_object_or_404(visible_to(request.user, Wish), pk=pk)
    try:
        wishes.answer(
            request.user,
            wish,
            granted=request.POST.get("granted") == "yes",
            words=request.POST.get("words", "").replace("\0", "")[:500],
        )
    except services.Refused as refusal:
        messages.error(request, say(refusal.message))
    return redirect("wishes")


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        wishes.withdraw(request.user, get_object_or_404(visible_to(request.user, Wish), pk=pk))
    except services.Refused as refusal:
        messages.error(request, say(refusal.message))
    return redirect("wishes")


def _page(request: HttpRequest, form: WishForm) -> HttpResponse:
    rows = visible_to(request.user, Wish).select_related("estate", "asked_by", "answered_by")[:SHOWN]
    context = {
        "rows": [(row, _may_answer(request, row), _may_withdraw(request, row)) for row in rows],
        "form": form,
        "may_request": may(request.user, Action.REQUEST),
        "reaches_nothing": not visible_to(request.user, Estate).exists(),
    }
    return render(request, "wishes.html", context, status=400 if form.errors else 200)


def _may_answer(request: HttpRequest, row: Wish) -> bool:
    open_ = row.state == Wish.State.ASKED and row.asked_by_id != request.user.pk
    return open_ and covers(request.user, Action.ANSWER, row.estate)


def _may_withdraw(request: HttpRequest, row: Wish) -> bool:
    return row.state == Wish.State.ASKED and row.asked_by_id == request.user.pk
