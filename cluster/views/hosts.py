"""Hosts: the table of an estate's, and the page of one."""

from __future__ import annotations

from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from cluster import selectors
from cluster.filters import HostFilter
from cluster.models import Host
from cluster.models.inventory import Power
from cluster.reach import covers
from cluster.roles import Action
from cluster.tables import HIDDEN_AT_FIRST, HostTable, VmTable
from cluster.views.recorded import recorded_of_host
from cluster.views.sight import host_or_404, part_or_404, seen_of, wants_fragment
from planner.units import gib

_LOAD = Q(vms__power=Power.ON, vms__template=False)


def hosts(request: HttpRequest, pk: int) -> HttpResponse:
    estate = part_or_404(request, pk)
    is_whole = covers(request.user, Action.READ, estate)
    rows = seen_of(request, estate, Host.objects.filter(estate=estate)).annotate(
        vms_on=Count("vms", filter=_LOAD),
        vcpus_on=Sum("vms__vcpus", filter=_LOAD, default=0),
        memory_on_mib=Sum("vms__memory_mib", filter=_LOAD, default=0),
    )
    chosen = HostFilter(request.GET, queryset=rows, estate=estate, is_whole=is_whole)
    table = HostTable(chosen.qs, order_by="name")
    if not is_whole and not rows.exists():
        table.empty_text = gettext("Your role shows VMs of this estate, and no host.")
    table.paged(request)
    template = "parts/table.html" if wants_fragment(request) else "estate/hosts.html"
    elsewhere = seen_of(request, estate, selectors.vms_on_unknown_hosts(estate)).count()
    context = {
        "estate": estate,
        "tab": "hosts",
        "table": table,
        "filter": chosen,
        "vms_elsewhere": elsewhere,
    }
    return render(request, template, context)


def host(request: HttpRequest, pk: int) -> HttpResponse:
    host = host_or_404(request, pk)
    table = VmTable(
        seen_of(request, host.estate, host.vms.select_related("host")),
        order_by="name",
        exclude=("host_name", "cluster_name", *HIDDEN_AT_FIRST),
    )
    table.paged(request)
    if wants_fragment(request):
        return render(request, "parts/table.html", {"table": table})
    load = host.vms.filter(power=Power.ON, template=False).aggregate(
        vms=Count("pk"), vcpus=Sum("vcpus", default=0), memory_mib=Sum("memory_mib", default=0)
    )
    load["memory_gib"] = gib(load["memory_mib"])
    load["host_memory_gib"] = gib(host.memory_mib)
    context = {
        "host": host,
        "recorded": recorded_of_host(host),
        "estate": host.estate,
        "cluster_name": host.cluster_name,
        "links_cluster": covers(request.user, Action.READ, host.estate, host.cluster_name or ""),
        "load": load,
        "table": table,
        "nics": host.nics.all(),
        "hbas": host.hbas.all(),
    }
    return render(request, "host.html", context)
