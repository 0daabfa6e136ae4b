"""Operations on real servers: what became of them; propose, approve, cancel, stop the line."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from cluster import accuracy, operating, services
from cluster.approval import is_stale
from cluster.connection_forms import OperationForm
from cluster.models import Connection, Operation
from cluster.reach import visible_to
from cluster.roles import Action, may
from cluster.views.connections import SHOWN
from cluster.wording import said, say
from planner.sentence import Sentence


def operations(request: HttpRequest) -> HttpResponse:
    return _page(request, OperationForm(reader=request.user))


@require_POST
def propose(request: HttpRequest) -> HttpResponse:
    form = OperationForm(request.POST, reader=request.user)
    if not form.is_valid():
        return _page(request, form)
    asked = form.cleaned_data
    try:
        operating.propose(
            request.user, asked["connection"], asked["kind"], asked["subject"], asked["destination"],
            real=asked["real"], post_copy=asked["post_copy"],
        )  # fmt: skip
    except services.Refused as refusal:
        form.add_error("subject", say(refusal.message))
        return _page(request, form)
    return redirect("operations")


@require_POST
def approve(request: HttpRequest, pk: str) -> HttpResponse:
    try:
        operation = get_object_or_404(visible_to(request.user, Operation), pk=pk)
        operating.approve(request.user, operation, request.POST.get("plan", ""))
    except services.Refused as refusal:
        messages.error(request, say(refusal.message))
    return redirect("operations")


@require_POST
def cancel(request: HttpRequest, pk: str) -> HttpResponse:
    if not operating.cancel(request.user, get_object_or_404(visible_to(request.user, Operation), pk=pk)):
        messages.error(request, say(Sentence("It is too late: it was submitted already")))
    return redirect("operations")


@require_POST
def abort(request: HttpRequest, pk: str) -> HttpResponse:
    if not operating.abort(request.user, get_object_or_404(visible_to(request.user, Operation), pk=pk)):
        messages.error(request, say(Sentence("Nothing of it is under way that could be aborted")))
    return redirect("operations")


@require_POST
def line(request: HttpRequest, pk: int) -> HttpResponse:
    stopped = request.POST.get("stopped") == "yes"
    operating.stop_the_line(
        request.user, get_object_or_404(visible_to(request.user, Connection), pk=pk), stopped=stopped
    )
    return redirect("operations")


def _page(request: HttpRequest, form: OperationForm) -> HttpResponse:
    rows = visible_to(request.user, Operation).select_related("connection", "requested_by", "approved_by")[
        :SHOWN
    ]
    may_operate = may(request.user, Action.OPERATE)

    @cache
    def reaches(action: Action, connection: Connection | None) -> bool:
        return operating.reaches(request.user, action, connection)

    context = {
        "rows": [
            (row, _why(row), _doable(request, row, reaches), accuracy.beside(row), accuracy.off_by(row))
            for row in rows
        ],
        "form": form,
        "may_operate": may_operate,
        "may_refresh": may(request.user, Action.REFRESH),
        "lines": visible_to(request.user, Connection) if may_operate else (),
    }
    return render(request, "operations.html", context, status=400 if form.errors else 200)


def _why(row: Operation) -> str:
    return said(row.why) or ""


def _doable(
    request: HttpRequest, row: Operation, reaches: Callable[[Action, Connection | None], bool]
) -> set[str]:
    """What this person may do to an operation as it stands."""
    state, mine = Operation.State(row.state), row.requested_by_id == request.user.pk
    found = set()
    is_open = state == Operation.State.PROPOSED and not is_stale(row.created_at)
    if is_open and not mine and reaches(Action.APPROVE, row.connection):
        found.add("approve")
    acts = reaches(Action.OPERATE, row.connection)
    if state in operating.EARLY and (acts or (mine and may(request.user, Action.OPERATE))):
        found.add("cancel")
    if state in Operation.BUSY and row.abort_asked_at is None and acts:
        found.add("abort")
    return found
