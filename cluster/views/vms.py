"""VMs: the table that stays quick, the same rows as CSV, and the page of one."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.text import slugify
from django.utils.translation import get_language

from cluster import audit
from cluster.audit import Deed
from cluster.exports.csv import write
from cluster.exports.sheets import Column, Table
from cluster.filters import VmFilter
from cluster.models import Estate, Host, VirtualMachine
from cluster.reach import covers, visible_to
from cluster.roles import Action, may
from cluster.tables import VmTable, chosen_columns
from cluster.views.recorded import recorded_of_vm, uses_of
from cluster.views.sight import part_or_404, seen_of, vm_or_404, wants_fragment


def vms(request: HttpRequest, pk: int) -> HttpResponse:
    estate = part_or_404(request, pk)
    chosen = _chosen(request, estate)
    shown = chosen_columns(request.GET.getlist("column"))
    table = VmTable(chosen.qs, order_by="name", exclude=shown.left_out)
    table.links_hosts = visible_to(request.user, Host).filter(estate=estate).exists()
    table.paged(request)
    template = "parts/table.html" if wants_fragment(request) else "estate/vms.html"
    response = render(
        request,
        template,
        {
            "estate": estate,
            "tab": "vms",
            "cluster_name": request.GET.get("cluster") or None,
            "table": table,
            "filter": chosen,
            "columns": shown.choices,
            "may_plan": covers(request.user, Action.PLAN, estate),
            "csv_query": request.GET.urlencode(),
        },
    )
    patch_vary_headers(response, ["HX-Request"])
    return response


def vms_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """The filtered rows in the order of the page, every column, numbers bare in the unit of their name."""
    estate = part_or_404(request, pk)
    chosen = _chosen(request, estate)
    ordered = VmTable(chosen.qs, order_by=request.GET.get("sort", "name").split(",")).data.data
    return csv_of(request, estate, ordered)


def csv_of(request: HttpRequest, estate: Estate, ordered: QuerySet[VirtualMachine]) -> HttpResponse:
    """These rows as a file."""
    columns = [*VmTable.base_columns, "template"]
    table = Table(
        name="vms",
        columns=tuple(Column(label=name) for name in columns),
        rows=tuple(ordered.values_list(*columns)),
    )
    content = write(table, get_language() or "en")
    audit.note(Deed.REPORT_TAKEN, request.user.get_username(), estate.name, after={"kind": "VMs as CSV"})
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    name = slugify(estate.name) or "estate"
    response["Content-Disposition"] = f'attachment; filename="headroom-{name}-vms.csv"'
    return response


def vm(request: HttpRequest, pk: int) -> HttpResponse:
    vm = vm_or_404(request, pk)
    cluster_name = vm.cluster_name or (vm.host.cluster_name if vm.host else None)
    return render(
        request,
        "vm.html",
        {
            "vm": vm,
            "recorded": recorded_of_vm(vm),
            "uses": uses_of(vm),
            "attributes": sorted(vm.attributes.items()),
            "estate": vm.estate,
            "cluster_name": cluster_name,
            "links_cluster": covers(request.user, Action.READ, vm.estate, cluster_name or ""),
            "links_host": visible_to(request.user, Host).filter(pk=vm.host_id).exists(),
            "may_request": may(request.user, Action.REQUEST),
            "disks": vm.disks.all(),
            "partitions": vm.partitions.all(),
            "nics": vm.nics.all(),
        },
    )


def _chosen(request: HttpRequest, estate: Estate) -> VmFilter:
    is_whole = covers(request.user, Action.READ, estate)
    return VmFilter(request.GET, queryset=_rows(request, estate), estate=estate, is_whole=is_whole)


def _rows(request: HttpRequest, estate: Estate) -> QuerySet[VirtualMachine]:
    return seen_of(request, estate, rows_of(estate))


def rows_of(estate: Estate) -> QuerySet[VirtualMachine]:
    """The VMs of an estate as the table shows them."""
    return VirtualMachine.objects.filter(estate=estate).select_related("host").defer("attributes")
