"""Branches of the tree on the left, fetched when they are opened."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cluster import selectors
from cluster.views.sight import asked, cluster_or_404, part_or_404

HOSTS_SHOWN: Final = 200  # a tree of more is a list, and a list has a page of its own


def clusters(request: HttpRequest, pk: int) -> HttpResponse:
    estate = part_or_404(request, pk)
    context = {"branch": estate, "clusters": selectors.clusters_seen(request.user, estate)}
    return render(request, "parts/tree_clusters.html", context)


def hosts(request: HttpRequest, pk: int) -> HttpResponse:
    estate = part_or_404(request, pk)
    hosts = selectors.hosts_of_cluster(estate, cluster_or_404(request, estate, asked(request, "name")))
    context = {"branch": estate, "hosts": hosts[:HOSTS_SHOWN], "more": max(hosts.count() - HOSTS_SHOWN, 0)}
    return render(request, "parts/tree_hosts.html", context)
