"""What fails in one cluster of an estate as it is wired: for the drawing, and for a rehearsal of it."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

from cluster import snapshot
from cluster.exports.redundant import cluster_part
from cluster.models import Estate
from planner.blast import Blast, blast
from planner.estate import Estate as Wired
from planner.parameters import Parameters

FAILED_AT_MOST: Final = 40


def blast_of(request: HttpRequest, estate: Estate, cluster: str) -> Blast:
    """The blast of what `?fail=` names, without placing anybody anew.

    Raises:
        EstateError: nothing is named, or nothing of that name is there.
    """
    return blast_among(estate, cluster, request.GET.getlist("fail"))


def blast_among(estate: Estate, cluster: str, failed: list[str]) -> Blast:
    """The blast of these components, each `kind:name`.

    Raises:
        EstateError: nothing is named, or nothing of that name is there.
    """
    wired = wired_cluster(estate, cluster)
    return blast(
        wired, failed[:FAILED_AT_MOST], vcpu_per_core=Parameters().vcpu_per_core, with_admission=False
    )


def wired_cluster(estate: Estate, cluster: str) -> Wired:
    """The estate with designs and edits, of the hosts and VMs of one cluster alone: the rest is not drawn."""
    return cluster_part(snapshot.load_wired(estate).reading.estate, cluster)
