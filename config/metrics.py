"""/metrics: numbers for Prometheus, in base units, for whoever bears the site's token."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Count, Max, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from cluster.exports.version import version
from cluster.models import Estate, Event, Host, Operation, Plan, Run, VirtualMachine
from cluster.models.inventory import Power
from config import health

ESTATES_MOST: Final = 200  # a label a value: more would be a burden to whoever scrapes
UNFINISHED: Final = (Run.State.QUEUED, Run.State.RUNNING)


@login_not_required
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The numbers, counted anew at every scrape: no process of ours has to remember any."""
    wanted = settings.METRICS_TOKEN
    if not wanted:
        raise Http404
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {wanted}".encode()):
        return HttpResponse("a bearer token is wanted\n", status=401, content_type="text/plain")
    registry = CollectorRegistry()
    registry.register(Numbers())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Numbers:
    """Collects what the rows and the parts say now."""

    def describe(self) -> list[Metric]:
        """Nothing beforehand: to describe is to count."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield from _parts()
        yield from _work()
        yield from _feed()
        yield from _estates()


def _parts() -> Iterator[Metric]:
    build = GaugeMetricFamily("headroom_build_info", "The version that runs.", labels=["version"])
    build.add_metric([version()], 1)
    yield build
    missing = health.missing_parts()
    up = GaugeMetricFamily("headroom_up", "Whether a part answers.", labels=["part"])
    for part in health.CHECKS:
        up.add_metric([part], 0 if part in missing else 1)
    yield up


def _work() -> Iterator[Metric]:
    runs = GaugeMetricFamily("headroom_runs", "Runs by kind and state.", labels=["kind", "state"])
    for kind, state, count in Run.objects.values_list("kind", "state").annotate(Count("pk")).order_by():
        runs.add_metric([kind, state], count)
    yield runs
    oldest = Run.objects.filter(state__in=UNFINISHED).aggregate(Min("created_at"))["created_at__min"]
    age_s = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    yield GaugeMetricFamily(
        "headroom_oldest_unfinished_run_seconds",
        "How long ago the oldest unfinished run was asked for.",
        age_s,
    )
    operations = GaugeMetricFamily("headroom_operations", "Real operations by state.", labels=["state"])
    for state, count in Operation.objects.values_list("state").annotate(Count("pk")).order_by():
        operations.add_metric([state], count)
    yield operations


def _feed() -> Iterator[Metric]:
    last = Event.objects.aggregate(Max("seq"))["seq__max"] or 0
    yield CounterMetricFamily("headroom_events", "Events ever published; their numbers have no gap.", last)


def _estates() -> Iterator[Metric]:
    hosts = GaugeMetricFamily("headroom_hosts", "Hosts of an estate.", labels=["estate"])
    vms = GaugeMetricFamily("headroom_vms_running", "Running VMs of an estate.", labels=["estate"])
    fits = GaugeMetricFamily(
        "headroom_cluster_fits", "1: carries its load; 0: does not.", labels=["estate", "cluster"]
    )
    tolerated = GaugeMetricFamily(
        "headroom_cluster_failures_tolerated",
        "Host failures a cluster survives now.",
        labels=["estate", "cluster"],
    )
    count_of_hosts = dict(Host.objects.values_list("estate").annotate(Count("pk")).order_by())
    running = VirtualMachine.objects.filter(power=Power.ON, template=False)
    count_of_vms = dict(running.values_list("estate").annotate(Count("pk")).order_by())
    for estate in Estate.objects.order_by("name")[:ESTATES_MOST]:
        hosts.add_metric([estate.name], count_of_hosts.get(estate.pk, 0))
        vms.add_metric([estate.name], count_of_vms.get(estate.pk, 0))
        plan = Plan.objects.filter(estate=estate, parameters__cluster=None).order_by("-id").first()
        for cluster in plan.report["clusters"] if plan else ():
            if cluster["fits"] is not None:
                fits.add_metric([estate.name, cluster["name"]], float(cluster["fits"]))
            if cluster["failures_tolerated_today"] is not None:
                tolerated.add_metric([estate.name, cluster["name"]], cluster["failures_tolerated_today"])
    yield from (hosts, vms, fits, tolerated)
