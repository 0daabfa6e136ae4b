"""Branches of the tree on the left, fetched when opened: estate > cluster > host > VM, storage, network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from cluster import selectors
from cluster.models import Datastore, PortGroup
from cluster.reach import covers
from cluster.roles import Action
from cluster.views.sight import asked, cluster_or_404, estate_or_404, host_or_404, part_or_404, seen_of

SHOWN: Final = 200  # a tree of more is a list, and a list has a page of its own


def clusters(request: HttpRequest, pk: int) -> HttpResponse:
    estate = part_or_404(request, pk)
    context = {
        "branch": estate,
        "clusters": selectors.clusters_seen(request.user, estate),
        "is_whole": covers(request.user, Action.READ, estate),
    }
    return render(request, "parts/tree_clusters.html", context)


def hosts(request: HttpRequest, pk: int) -> HttpResponse:
    estate = part_or_404(request, pk)
    hosts = selectors.hosts_of_cluster(estate, cluster_or_404(request, estate, asked(request, "name")))
    context = {"branch": estate, "hosts": hosts[:SHOWN], "more": max(hosts.count() - SHOWN, 0)}
    return render(request, "parts/tree_hosts.html", context)


def vms(request: HttpRequest, pk: int) -> HttpResponse:
    host = host_or_404(request, pk)
    rows = seen_of(request, host.estate, host.vms.order_by("name")).values_list("pk", "name")
    leaves = [(reverse("vm", args=[each]), name) for each, name in rows[:SHOWN]]
    return _leaves(request, "vm", leaves, rows.count(), reverse("host", args=[pk]))


def storage(request: HttpRequest, pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    names = Datastore.objects.filter(estate=estate).values_list("name", flat=True)
    address = reverse("estate_datastores", args=[pk])
    leaves = [(f"{address}?{urlencode({'name': name})}", name) for name in names[:SHOWN]]
    return _leaves(request, "datastore", leaves, names.count(), address)


def network(request: HttpRequest, pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    names = PortGroup.objects.filter(estate=estate).values_list("name", flat=True)
    address = reverse("estate_network", args=[pk])
    leaves = [(f"{address}?{urlencode({'name': name})}", name) for name in names[:SHOWN]]
    return _leaves(request, "network", leaves, names.count(), address)


def _leaves(
    request: HttpRequest, kind: str, leaves: Sequence[tuple[str, str]], count: int, all_url: str
) -> HttpResponse:
    context = {"kind": kind, "leaves": leaves, "more": max(0, count - SHOWN), "all_url": all_url}
    return render(request, "parts/tree_leaves.html", context)
