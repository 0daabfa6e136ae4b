"""Until when: the outlook, sizes that do not fit, planned projects, measurements of earlier dates."""

from __future__ import annotations

import datetime
from typing import Annotated

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from ninja import Body as Sent
from ninja import File, UploadedFile
from pydantic import Field

from cluster import outlook, projects
from cluster.api.asking import Body
from cluster.api.door import Key, Limit, Offset, Text, Wrong, calls
from cluster.api.told import HistoryTaken, ProjectTold, Rows, of, page_of
from cluster.forms import HistoryForm, ProjectForm
from cluster.models import Project
from cluster.outlook import Outlook
from cluster.reach import visible_to
from cluster.views.sight import estate_or_404
from planner.forecast.rightsizing import Rightsizing

call = calls(_("forecast"))


class ProjectAsked(Body):
    """A project, about one of the lines of the outlook."""

    title: Text
    name: Annotated[Text, Field(description=_("the line's name: a cluster or a datastore"))]
    resource: Annotated[Text, Field(description=_("the line's resource"), examples=["vcpu"])]
    amount: Annotated[
        float,
        Field(ge=-1e9, le=1e9, allow_inf_nan=False, description=_("how much more, in the line's unit")),
    ]
    starts_on: datetime.date


@call(
    "GET",
    "estates/{int:pk}/outlook",
    "api-outlook",
    _("What is full first, when, and how far to believe it; days are counted from 0001-01-01 as day 1."),
    answers=Outlook,
)
def ahead(request: HttpRequest, pk: Key) -> Outlook:
    found = outlook.outlook_of(estate_or_404(request, pk))
    if found is None:
        raise Http404(gettext("nothing of this estate was ever measured"))
    return found


@call("GET", "estates/{int:pk}/sizes", "api-sizes", _("VMs whose size does not fit."), answers=Rightsizing)
def sizes(request: HttpRequest, pk: Key) -> Rightsizing:
    found = outlook.sizes_of(estate_or_404(request, pk))
    if found is None:
        raise Http404(gettext("nothing of this estate was ever measured"))
    return found


@call(
    "GET", "estates/{int:pk}/projects", "api-projects", _("The planned projects."), answers=Rows[ProjectTold]
)
def planned(request: HttpRequest, pk: Key, limit: Limit = 100, offset: Offset = 0) -> Rows[ProjectTold]:
    rows = visible_to(request.user, Project).filter(estate=estate_or_404(request, pk))
    return page_of(ProjectTold, rows, limit, offset)


@call(
    "POST",
    "estates/{int:pk}/projects",
    "api-projects",
    _("Plan a project; the outlook counts it at once."),
    answers=ProjectTold,
    status=201,
)
def plan(request: HttpRequest, pk: Key, body: Sent[ProjectAsked]) -> ProjectTold:
    found = estate_or_404(request, pk)
    seen = outlook.outlook_of(found)
    lines = [one for one in seen.lines if one.resource in Project.Resource.values] if seen else []
    places = [
        place for place, one in enumerate(lines) if (one.name, one.resource) == (body.name, body.resource)
    ]
    if not places:
        raise Http404(gettext("the outlook has no such line"))
    form = ProjectForm(
        {
            "title": body.title,
            "subject": str(places[0]),
            "amount": str(body.amount),
            "starts_on": body.starts_on.isoformat(),
        },
        found=seen,
    )
    if not form.is_valid():
        raise Wrong(form)
    return of(ProjectTold, projects.add(request.user, found, form.fields_of_project()))


@call(
    "DELETE",
    "estates/{int:pk}/projects/{int:project_pk}",
    "api-project",
    _("Give a project up."),
    answers=None,
    status=204,
)
def drop(request: HttpRequest, pk: Key, project_pk: Key) -> HttpResponse:
    found = estate_or_404(request, pk)
    projects.remove(request.user, get_object_or_404(Project, pk=project_pk, estate=found))
    return HttpResponse(status=204)


@call(
    "POST",
    "estates/{int:pk}/history",
    "api-history",
    _("Take measurements of earlier dates from a CSV file: date, name, resource, value."),
    answers=HistoryTaken,
    status=201,
)
def history(request: HttpRequest, pk: Key, history: File[UploadedFile]) -> HistoryTaken:
    found = estate_or_404(request, pk)
    form = HistoryForm({}, {"history": history})
    if not form.is_valid():
        raise Wrong(form)
    kept = projects.take_history(request.user, found, history.read(), history.name or "history.csv")
    return HistoryTaken(dates=kept)
