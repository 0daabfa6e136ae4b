"""Connections to real servers, operations on them, and the rehearsals that can be begun."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import get_language
from django.utils.translation import gettext_noop as _
from ninja import Body as Sent
from pydantic import Field

from cluster import audit, connecting, operating, selectors, services
from cluster.api.asking import Body, body_of, filled
from cluster.api.deeds import ConnectionTold, OperationTold, RehearsalListed, ScenarioTold
from cluster.api.door import Key, Limit, Offset, calls
from cluster.api.following import queued
from cluster.api.told import Done, Queued, Rows, of, page_of
from cluster.audit import Deed
from cluster.connection_forms import ConnectionForm, OperationForm
from cluster.models import Connection, Operation, Rehearsal
from cluster.reach import visible_to
from cluster.rehearsal import question, record
from cluster.roles import Action, may
from cluster.wording import said
from planner.sentence import Sentence

call = calls(_("connections"))
operate = calls(_("operations"))
rehearse = calls(_("rehearsals"))
ConnectionAsked = body_of(ConnectionForm, "ConnectionAsked")
ConnectionChanged = body_of(
    ConnectionForm, "ConnectionChanged", leave=frozenset({"name"}), optional=frozenset({"password"})
)
OperationAsked = body_of(OperationForm, "OperationAsked")


class Approval(Body):
    plan_sha256: Annotated[
        str, Field(pattern=r"^[0-9a-f]{64}$", description=_("of the plan that you were shown"))
    ]


class LineAsked(Body):
    stopped: Annotated[bool, Field(description=_("true: nothing more begins"))]


@call(
    "GET",
    "connections",
    "api-connections",
    _("The connections to real servers."),
    answers=Rows[ConnectionTold],
)
def connections(request: HttpRequest, limit: Limit = 100, offset: Offset = 0) -> Rows[ConnectionTold]:
    return page_of(ConnectionTold, visible_to(request.user, Connection), limit, offset)


@call(
    "POST",
    "connections",
    "api-connections",
    _("Add a connection; its password is sealed and never told."),
    answers=ConnectionTold,
    status=201,
)
def add(request: HttpRequest, body: Sent[ConnectionAsked]) -> ConnectionTold:  # type: ignore[valid-type]
    _manages(request)
    fields = dict(filled(ConnectionForm, body).cleaned_data)
    try:
        made = connecting.add(request.user, fields.pop("password"), **fields)
    except IntegrityError as error:
        raise _taken(fields["name"]) from error
    made.refresh_from_db()
    return of(ConnectionTold, made)


@call("GET", "connections/{int:pk}", "api-connection", _("One connection."), answers=ConnectionTold)
def connection(request: HttpRequest, pk: Key) -> ConnectionTold:
    return of(ConnectionTold, _connection(request, pk))


@call(
    "PUT",
    "connections/{int:pk}",
    "api-connection",
    _("Change a connection; without a password it keeps the one that it has."),
    answers=ConnectionTold,
)
def change(
    request: HttpRequest,
    pk: Key,
    body: Sent[ConnectionChanged],  # type: ignore[valid-type]
) -> ConnectionTold:
    found = _connection(request, pk)
    fields = dict(filled(lambda data: ConnectionForm.of(found, data), body).cleaned_data)
    connecting.change(request.user, found, fields.pop("password"), **fields)
    return of(ConnectionTold, _connection(request, pk))


@call(
    "DELETE",
    "connections/{int:pk}",
    "api-connection",
    _("Forget a connection and its secret."),
    answers=None,
    status=204,
)
def remove(request: HttpRequest, pk: Key) -> HttpResponse:
    connecting.remove(request.user, _connection(request, pk))
    return HttpResponse(status=204)


@call(
    "POST",
    "connections/{int:pk}/refresh",
    "api-connection-refresh",
    _("Read a server now."),
    answers=Queued,
    status=201,
)
def refresh(request: HttpRequest, pk: Key) -> Queued:
    return queued(connecting.refresh(request.user, _connection(request, pk)))


@call(
    "POST",
    "connections/{int:pk}/line",
    "api-line",
    _("Stop the line: nothing more begins on a connection; or let it begin again."),
    answers=ConnectionTold,
)
def line(request: HttpRequest, pk: Key, body: Sent[LineAsked]) -> ConnectionTold:
    operating.stop_the_line(request.user, _connection(request, pk), stopped=body.stopped)
    return of(ConnectionTold, _connection(request, pk))


@operate(
    "GET",
    "operations",
    "api-operations",
    _("Operations on real servers, newest first."),
    answers=Rows[OperationTold],
)
def operations(request: HttpRequest, limit: Limit = 100, offset: Offset = 0) -> Rows[OperationTold]:
    return page_of(OperationTold, _operations(request), limit, offset, _told)


@operate(
    "POST",
    "operations",
    "api-operations",
    _("Propose an operation: a dry run unless `real` is true."),
    answers=OperationTold,
    status=201,
)
def propose(request: HttpRequest, body: Sent[OperationAsked]) -> OperationTold:  # type: ignore[valid-type]
    asked = filled(OperationForm, body, reader=request.user).cleaned_data
    made = operating.propose(
        request.user,
        asked["connection"],
        asked["kind"],
        asked["subject"],
        asked["destination"],
        real=asked["real"],
        post_copy=asked["post_copy"],
    )
    return _told(Operation.objects.get(pk=made.pk))


@operate("GET", "operations/{uuid:pk}", "api-operation", _("One operation."), answers=OperationTold)
def operation(request: HttpRequest, pk: UUID) -> OperationTold:
    return _told(_operation(request, pk))


@operate(
    "POST",
    "operations/{uuid:pk}/approve",
    "api-operation-approve",
    _("Approve what another person proposed, as you were shown it; no token does this."),
    answers=OperationTold,
)
def approve(request: HttpRequest, pk: UUID, body: Sent[Approval]) -> OperationTold:
    operating.approve(request.user, _operation(request, pk), body.plan_sha256)
    return _told(_operation(request, pk))


@operate(
    "POST",
    "operations/{uuid:pk}/cancel",
    "api-operation-cancel",
    _("End an operation before it is submitted."),
    answers=Done,
)
def cancel(request: HttpRequest, pk: UUID) -> Done:
    return Done(done=operating.cancel(request.user, _operation(request, pk)))


@operate(
    "POST",
    "operations/{uuid:pk}/abort",
    "api-operation-abort",
    _("Wish that what is under way end now; only the server says how it ended."),
    answers=Done,
)
def abort(request: HttpRequest, pk: UUID) -> Done:
    return Done(done=operating.abort(request.user, _operation(request, pk)))


# -- rehearsals: those there are; starting and following one is in `following`


@rehearse(
    "GET",
    "rehearsals",
    "api-rehearsals",
    _("What was rehearsed, newest first."),
    answers=Rows[RehearsalListed],
)
def rehearsals(request: HttpRequest, limit: Limit = 100, offset: Offset = 0) -> Rows[RehearsalListed]:
    rows = selectors.visible_rehearsals(request.user).defer("document", "opening", "drills", "summary")
    return page_of(RehearsalListed, rows, limit, offset, _listed)


@rehearse("GET", "scenarios", "api-scenarios", _("The examples to rehearse."), answers=list[ScenarioTold])
def scenarios(request: HttpRequest) -> list[ScenarioTold]:
    return [
        ScenarioTold(
            name=one.name, title=one.title, promise=one.promise, product=one.product, script=one.script
        )
        for one in question.examples_in(get_language() or "en")
    ]


@rehearse(
    "GET",
    "rehearsals/{uuid:pk}/log",
    "api-rehearsal-log",
    _("The log of a rehearsal as `python -m operations` prints it, in its order or by cause."),
    answers=bytes,
    media="text/plain",
)
def log(request: HttpRequest, pk: UUID, by_cause: bool = False) -> StreamingHttpResponse:
    found = get_object_or_404(selectors.visible_rehearsals(request.user), pk=pk)
    note = {"rehearsal": str(found.pk), "kind": "tree" if by_cause else "txt"}
    audit.note(Deed.REPORT_TAKEN, request.user.get_username(), found.run.estate_name, after=note)
    lines = record.tree(found) if by_cause else record.log_lines(found)
    return StreamingHttpResponse(lines, content_type="text/plain; charset=utf-8")


def _listed(row: Rehearsal) -> RehearsalListed:
    run = row.run
    return of(
        RehearsalListed,
        row,
        id=row.pk,
        kind=run.kind,
        state=run.state,
        estate=run.estate_id,
        estate_name=run.estate_name,
        cluster=row.cluster_name,
    )


def _operations(request: HttpRequest) -> object:
    rows = visible_to(request.user, Operation)
    return rows.select_related("connection", "requested_by", "approved_by")


def _operation(request: HttpRequest, pk: UUID) -> Operation:
    return get_object_or_404(_operations(request), pk=pk)


def _connection(request: HttpRequest, pk: int) -> Connection:
    return get_object_or_404(visible_to(request.user, Connection), pk=pk)


def _told(row: Operation) -> OperationTold:
    return of(OperationTold, row, why=said(row.why))


def _manages(request: HttpRequest) -> None:
    if not may(request.user, Action.CONNECT):
        raise PermissionDenied


def _taken(name: str) -> services.Refused:
    return services.Refused(Sentence("There is a connection of the name {name} already", {"name": name}))
