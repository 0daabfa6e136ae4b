"""Figures as JSON, drawn in the browser; each page has the same numbers as a table."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.gzip import gzip_page

from cluster import charts, selectors
from cluster.reach import covers
from cluster.roles import Action
from cluster.views.sight import asked, cluster_plan_of, part_or_404, plan_of


@gzip_page
def chart(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    estate = part_or_404(request, pk)
    name = asked(request, "cluster")
    if not covers(request.user, Action.READ, estate, name):
        raise Http404(gettext("There is no such cluster"))
    match kind:
        case "heatmap":
            figure = charts.host_heatmap(charts.host_loads(estate, name))
        case "treemap":
            area = "vcpus" if request.GET.get("area") == "vcpus" else "memory_mib"
            figure = charts.vm_treemap(charts.host_vms(estate, name), area)
        case "capacity":
            plan = plan_of(request, estate)
            of_name = cluster_plan_of(selectors.report_of(plan), name) if plan else None
            if of_name is None:
                raise Http404(gettext("There is no plan of this cluster"))
            figure = charts.capacity_against_need(of_name)
        case _:
            raise Http404(gettext("There is no such chart"))
    return HttpResponse(figure.to_json(engine="json"), content_type="application/json")
