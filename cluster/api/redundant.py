"""Redundancy: what is single, how available the VMs are, what a failure does, the wiring edited by hand."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from django.http import Http404, HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from ninja import Body as Sent
from ninja import Query
from pydantic import Field

from cluster import editing, selectors, services, snapshot
from cluster.api.asking import Body, body_of, filled
from cluster.api.door import TEXT, Key, Limit, Offset, Text, calls
from cluster.api.following import queued
from cluster.api.told import ComponentTold, Done, EditTold, Queued, Rows, of, page_of, plain
from cluster.models import Estate, Redundancy, WiringEdit
from cluster.question import YearsAsked
from cluster.reach import visible_to
from cluster.views.availabilities import priced_of
from cluster.views.broken import blast_among, wired_cluster
from cluster.views.sight import estate_or_404
from cluster.wiring_forms import EditForm, YearsForm
from planner.availability_told import availability_document
from planner.blast import Blast
from planner.estate import Estate as Wired
from planner.estate import EstateError
from planner.paths.amend import EDIT_KINDS, Edit, EditError, rows_of, values_of
from planner.paths.designs import DESIGNS
from planner.paths.picture import Picture, draw
from planner.paths.report import PathsReport

call = calls(_("redundancy"))
Kind = Literal[EDIT_KINDS]  # type: ignore[valid-type]
Design = Literal[tuple(DESIGNS)]  # type: ignore[valid-type]
YearsBody = body_of(YearsForm, "AvailabilityAsked")
Value = Annotated[str, Field(max_length=255, pattern=TEXT)] | bool | int | float | None
FAILED: Final = 40
NAMED: Final = Query(..., min_length=1, max_length=FAILED, examples=[["host:esx1"]])


class DesignAsked(Body):
    """A standard design to lay over a cluster, or to take away."""

    design: Design  # type: ignore[valid-type]
    cluster: Text
    laid: bool = True


class ComponentAsked(Body):
    """A component of the wiring: a new one, or with `name` one that is there.

    `values` are the fields of its kind as the answer of GET shows them.  A new cable has `a` and `b`, a new
    part `owner` and `device`, any other `name_new`.
    """

    name: Text = ""
    values: dict[str, Value | list[Text]] = {}


class UndoAsked(Body):
    last: Annotated[
        Key, Field(description=_("the edit that is to be undone: nothing happens if another is newer"))
    ]


@call(
    "GET", "estates/{int:pk}/paths", "api-paths", _("What is single, doubled, unknown."), answers=PathsReport
)
def paths(request: HttpRequest, pk: Key) -> PathsReport:
    return selectors.paths_of(_newest(estate_or_404(request, pk)))


@call(
    "POST", "estates/{int:pk}/paths", "api-paths", _("Examine the wiring again."), answers=Queued, status=201
)
def examine(request: HttpRequest, pk: Key) -> Queued:
    return queued(services.start_wiring(request.user, estate_or_404(request, pk)))


@call(
    "GET",
    "estates/{int:pk}/availability",
    "api-availability",
    _("How many minutes a year each cluster and VM loses, why, and what a nine costs."),
    answers=dict[str, Any],
)
def availability(request: HttpRequest, pk: Key) -> Any:
    found = _newest(estate_or_404(request, pk))
    asked = msgspec.convert(found.parameters, YearsAsked)
    return availability_document(
        selectors.availability_of(found),
        priced_of(found),
        selectors.services_of(found),
        years=asked.years,
        seed=asked.seed,
    )


@call(
    "POST",
    "estates/{int:pk}/availability",
    "api-availability",
    _("Work the availability out with other assumptions, or more years."),
    answers=Queued,
    status=201,
)
def ask_availability(request: HttpRequest, pk: Key, body: Sent[YearsBody]) -> Queued:  # type: ignore[valid-type]
    found = estate_or_404(request, pk)
    return queued(services.start_wiring(request.user, found, filled(YearsForm, body).asked()))


@call(
    "GET",
    "estates/{int:pk}/topology",
    "api-topology",
    _("The components and lines of one cluster."),
    answers=Picture,
)
def topology(request: HttpRequest, pk: Key, cluster: Text) -> Picture:
    found = estate_or_404(request, pk)
    name = _cluster(found, cluster)
    return draw(wired_cluster(found, name), name, selectors.paths_of(_newest(found)))


@call(
    "GET",
    "estates/{int:pk}/blast",
    "api-blast",
    _("What happens in one cluster when components fail, each named `kind:name`."),
    answers=Blast,
)
def blast(
    request: HttpRequest,
    pk: Key,
    cluster: Text,
    fail: list[Text] = NAMED,
) -> Any:
    found = estate_or_404(request, pk)
    try:
        return blast_among(found, _cluster(found, cluster), fail)
    except EstateError as error:
        raise Http404(str(error)) from error


@call(
    "POST",
    "estates/{int:pk}/designs",
    "api-designs",
    _("Lay a standard design over a cluster, or take it away."),
    answers=Queued,
    status=201,
)
def lay(request: HttpRequest, pk: Key, body: Sent[DesignAsked]) -> Queued:
    found = estate_or_404(request, pk)
    name = _cluster(found, body.cluster)
    return queued(services.change_design(request.user, found, name, body.design, laid=body.laid))


@call(
    "GET",
    "estates/{int:pk}/wiring/edits",
    "api-edits",
    _("What was changed of the wiring by hand."),
    answers=Rows[EditTold],
)
def edits(request: HttpRequest, pk: Key, limit: Limit = 100, offset: Offset = 0) -> Rows[EditTold]:
    rows = visible_to(request.user, WiringEdit).filter(estate=estate_or_404(request, pk)).order_by("-pk")
    return page_of(EditTold, rows, limit, offset)


@call(
    "POST", "estates/{int:pk}/wiring/undo", "api-undo", _("Undo the last edit of the wiring."), answers=Done
)
def undo(request: HttpRequest, pk: Key, body: Sent[UndoAsked]) -> Done:
    return Done(done=editing.undo_edit(request.user, estate_or_404(request, pk), body.last))


@call(
    "GET",
    "estates/{int:pk}/wiring/{kind}",
    "api-components",
    _("The components of one kind."),
    answers=list[ComponentTold],
)
def components(request: HttpRequest, pk: Key, kind: Kind) -> list[ComponentTold]:  # type: ignore[valid-type]
    wired = _wired(estate_or_404(request, pk))
    return [
        ComponentTold(name=name, values=plain(values_of(kind, row))) for name, row in rows_of(wired, kind)
    ]


@call(
    "POST",
    "estates/{int:pk}/wiring/{kind}",
    "api-components",
    _("Add a component or cable, or change one."),
    answers=EditTold,
    status=201,
)
def put(request: HttpRequest, pk: Key, kind: Kind, body: Sent[ComponentAsked]) -> EditTold:  # type: ignore[valid-type]
    found = estate_or_404(request, pk)
    wired = _wired(found)
    row = dict(rows_of(wired, kind)).get(body.name) if body.name else None
    if body.name and row is None:
        raise Http404(gettext("There is no such component"))
    told = {("name" if key == "name_new" else key): value for key, value in body.values.items()}
    told = {key: _word(value) for key, value in told.items()}
    form = filled(lambda data: EditForm(kind, wired, data, name=body.name, row=row), told)
    return of(EditTold, _edit(request, found, form.edit()))


@call(
    "DELETE",
    "estates/{int:pk}/wiring/{kind}",
    "api-components",
    _("Take a component or cable away."),
    answers=EditTold,
)
def take(request: HttpRequest, pk: Key, kind: Kind, name: Text) -> EditTold:  # type: ignore[valid-type]
    return of(EditTold, _edit(request, estate_or_404(request, pk), Edit(kind=kind, name=name)))


def _word(value: Any) -> Any:
    """A truth as the form has it: `False` is a word there, for nothing means that nobody knows."""
    return str(value) if isinstance(value, bool) else value


def _edit(request: HttpRequest, found: Estate, edit: Edit) -> WiringEdit:
    try:
        return editing.make_edit(request.user, found, edit)
    except EditError as error:
        raise services.Refused(error.message) from error


def _wired(found: Estate) -> Wired:
    return snapshot.load_wired(found).reading.estate


def _newest(found: Estate) -> Redundancy:
    newest = selectors.latest_redundancy(found)
    if newest is None:
        raise Http404(gettext("The wiring was not examined yet"))
    return newest


def _cluster(found: Estate, name: str) -> str:
    if not any(one.name == name and one.hosts for one in selectors.clusters_of(found)):
        raise Http404(gettext("There is no such cluster"))
    return name
