"""Estates: listed, imported, described, searched, removed; their clusters, hosts, VMs, networks, dates."""

from __future__ import annotations

from typing import Any, Literal

from django.core.files.base import File as DjangoFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _
from ninja import File, Form, UploadedFile

from cluster import audit, reporting, selectors, services, snapshot
from cluster.api.door import JSON, Key, Limit, Offset, Text, calls
from cluster.api.door import file as taken
from cluster.api.following import Estates, estate_view, queued
from cluster.api.told import (
    ClusterTold,
    DatastoreTold,
    EstateTold,
    HitTold,
    HostTold,
    ObservationTold,
    PortGroupTold,
    Queued,
    Rows,
    VmTold,
    of,
    page_of,
)
from cluster.audit import Deed
from cluster.demo import DEMO
from cluster.exports import EXPORTS
from cluster.filters import HostFilter, VmFilter
from cluster.models import Datastore, Estate, Host, Observation, PortGroup, VirtualMachine
from cluster.reach import covers
from cluster.roles import Action
from cluster.views.connections import observed
from cluster.views.imports import DEMO_NAME
from cluster.views.sight import estate_or_404, host_or_404, part_or_404, plan_of, seen_of, vm_or_404
from planner.difference import Difference, differences
from planner.estate import Estate as PlannerEstate
from planner.formats.document import write_document
from planner.quality import Quality

call = calls(_("estates"))
Ending = Literal["pdf", "xlsx", "csv", "figures.csv", "html", "json"]


@call("GET", "estates", "api-estates", _("The estates of which you may read everything."), answers=Estates)
def estates(request: HttpRequest) -> Estates:
    return Estates(estates=[estate_view(row) for row in selectors.visible_estates(request.user)])


@call(
    "POST",
    "estates",
    "api-estates",
    _("Import a file: a new estate, or the one of this name brought up to date."),
    answers=Queued,
    status=201,
)
def take_in(request: HttpRequest, file: File[UploadedFile], name: Form[Text] = "") -> Queued:
    return queued(services.start_import(request.user, file, name))


@call(
    "POST",
    "estates/demo",
    "api-demo",
    _("Import the example that comes with Headroom."),
    answers=Queued,
    status=201,
)
def take_in_demo(request: HttpRequest) -> Queued:
    with DEMO.open("rb") as example:
        run = services.start_import(request.user, DjangoFile(example, name=DEMO.name), DEMO_NAME)
    return queued(run)


@call("GET", "estates/{int:pk}", "api-estate", _("One estate and its clusters."), answers=EstateTold)
def estate(request: HttpRequest, pk: Key) -> EstateTold:
    found = estate_or_404(request, pk)
    return of(EstateTold, found, clusters=_clusters(request, found))


@call(
    "DELETE",
    "estates/{int:pk}",
    "api-estate",
    _("Forget an estate, its plans and its studies."),
    answers=None,
    status=204,
)
def remove(request: HttpRequest, pk: Key) -> HttpResponse:
    services.remove_estate(request.user, estate_or_404(request, pk))
    return HttpResponse(status=204)


@call(
    "GET",
    "estates/{int:pk}/document",
    "api-document",
    _("The estate as a document that Headroom, and `python -m planner`, read again."),
    answers=dict[str, Any],
)
def document(request: HttpRequest, pk: Key) -> HttpResponse:
    found = estate_or_404(request, pk)
    audit.note(Deed.REPORT_TAKEN, request.user.get_username(), found.name, after={"kind": "estate document"})
    return taken(write_document(snapshot.load(found)), JSON)


@call("GET", "estates/{int:pk}/quality", "api-quality", _("How well an estate was read."), answers=Quality)
def quality(request: HttpRequest, pk: Key) -> Quality:
    found = estate_or_404(request, pk)
    if not found.quality:
        raise Http404(gettext("nothing was noted when this estate was read"))
    return snapshot.load_quality(found)


@call(
    "GET",
    "estates/{int:pk}/clusters",
    "api-clusters",
    _("The clusters of an estate that you see whole."),
    answers=list[ClusterTold],
)
def clusters(request: HttpRequest, pk: Key) -> list[ClusterTold]:
    return _clusters(request, part_or_404(request, pk))


@call("GET", "estates/{int:pk}/hosts", "api-hosts", _("The hosts of an estate."), answers=Rows[HostTold])
def hosts(
    request: HttpRequest, pk: Key, name: Text = "", cluster: Text = "", limit: Limit = 100, offset: Offset = 0
) -> Rows[HostTold]:
    found = part_or_404(request, pk)
    rows = seen_of(request, found, Host.objects.filter(estate=found)).order_by("name")
    asked = {"name": name, "cluster": cluster}
    chosen = HostFilter(asked, queryset=rows, estate=found, is_whole=covers(request.user, Action.READ, found))
    return page_of(HostTold, chosen.qs.select_related("estate"), limit, offset)


@call("GET", "hosts/{int:pk}", "api-host", _("One host."), answers=HostTold)
def host(request: HttpRequest, pk: Key) -> HostTold:
    return of(HostTold, host_or_404(request, pk))


@call(
    "GET",
    "estates/{int:pk}/vms",
    "api-vms",
    _("The VMs of an estate that you may see, filtered as on the page."),
    answers=Rows[VmTold],
)
def vms(
    request: HttpRequest,
    pk: Key,
    name: Text = "",
    cluster: Text = "",
    host: Text = "",
    power: Literal["", "on", "off", "suspended"] = "",
    template: Literal["", "true", "false"] = "",
    os: Text = "",
    limit: Limit = 100,
    offset: Offset = 0,
) -> Rows[VmTold]:
    found = part_or_404(request, pk)
    rows = seen_of(request, found, VirtualMachine.objects.filter(estate=found)).order_by("name")
    asked = {"name": name, "cluster": cluster, "host": host, "power": power, "template": template, "os": os}
    chosen = VmFilter(asked, queryset=rows, estate=found, is_whole=covers(request.user, Action.READ, found))
    return page_of(VmTold, chosen.qs.select_related("estate"), limit, offset)


@call("GET", "vms/{int:pk}", "api-vm", _("One VM."), answers=VmTold)
def vm(request: HttpRequest, pk: Key) -> VmTold:
    return of(VmTold, vm_or_404(request, pk))


@call(
    "GET",
    "estates/{int:pk}/datastores",
    "api-datastores",
    _("The datastores of an estate."),
    answers=Rows[DatastoreTold],
)
def datastores(
    request: HttpRequest, pk: Key, name: Text = "", limit: Limit = 100, offset: Offset = 0
) -> Rows[DatastoreTold]:
    rows = Datastore.objects.filter(estate=estate_or_404(request, pk), name__icontains=name).order_by("name")
    return page_of(DatastoreTold, rows, limit, offset)


@call(
    "GET",
    "estates/{int:pk}/port-groups",
    "api-port-groups",
    _("The networks of an estate."),
    answers=Rows[PortGroupTold],
)
def port_groups(
    request: HttpRequest, pk: Key, name: Text = "", limit: Limit = 100, offset: Offset = 0
) -> Rows[PortGroupTold]:
    rows = PortGroup.objects.filter(estate=estate_or_404(request, pk), name__icontains=name).order_by("name")
    return page_of(PortGroupTold, rows, limit, offset)


@call(
    "GET",
    "estates/{int:pk}/observations",
    "api-observations",
    _("The dates of which something is known."),
    answers=Rows[ObservationTold],
)
def observations(
    request: HttpRequest, pk: Key, limit: Limit = 100, offset: Offset = 0
) -> Rows[ObservationTold]:
    rows = estate_or_404(request, pk).observations.order_by("-taken_at", "-id")

    def told(row: Observation) -> ObservationTold:
        return of(ObservationTold, row, has_document=bool(row.document))

    return page_of(ObservationTold, rows, limit, offset, told)


@call(
    "GET",
    "estates/{int:pk}/differences",
    "api-differences",
    _("What differs between two dates of an estate, or between another estate and one of its dates."),
    answers=list[Difference],
)
def drift(
    request: HttpRequest, pk: Key, new: Key, old: Key | None = None, recorded: Key | None = None
) -> list[Difference]:
    found = estate_or_404(request, pk)
    if (old is None) == (recorded is None):
        raise Http404(gettext("name either `old`, a date, or `recorded`, another estate"))
    before = snapshot.load(estate_or_404(request, recorded)) if recorded else _at(found, old)
    return list(differences(before, _at(found, new)))


@call(
    "GET",
    "estates/{int:pk}/report",
    "api-report",
    _("The newest plan, or the one of `plan`, as a report in your language."),
    answers=bytes,
    media=tuple(dict.fromkeys(export.content_type for export in EXPORTS.values())),
)
def report(request: HttpRequest, pk: Key, ending: Ending = "pdf", plan: Key | None = None) -> HttpResponse:
    found = estate_or_404(request, pk)
    chosen = plan_of(request, found)
    if chosen is None:
        raise Http404(gettext("This estate has no plan yet"))
    made = reporting.file_of(chosen, ending, get_language() or "en")
    note = {"kind": ending, "plan": chosen.pk}
    audit.note(Deed.REPORT_TAKEN, request.user.get_username(), found.name, after=note)
    return taken(made.content, made.content_type)


@call("GET", "search", "api-search", _("Anything by its name."), answers=list[HitTold])
def search(request: HttpRequest, q: Text = "", limit: Limit = 100) -> list[HitTold]:
    text = q.strip()
    found = selectors.find(request.user, text, limit) if text else []
    return [HitTold(kind=hit.kind, name=hit.name, id=hit.pk, estate=hit.estate.pk) for hit in found]


def _clusters(request: HttpRequest, found: Estate) -> list[ClusterTold]:
    return [
        ClusterTold(name=one.name, hosts=one.hosts) for one in selectors.clusters_seen(request.user, found)
    ]


def _at(found: Estate, pk: int | None) -> PlannerEstate:
    """The estate as it stood at a date."""
    return observed(get_object_or_404(found.observations.exclude(document=b""), pk=pk))
