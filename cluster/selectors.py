"""What screens read.  Every view, consumer and API answer goes through here, and so through the reader's
rights.

visible_estates(user)      -> QuerySet[Estate]
visible_events(user)       -> QuerySet[Event]        recent_events(user, count) -> list, oldest first
last_day(estates)          -> how many events of each level, by estate
visible_runs(user)         -> QuerySet[Run]          runs_under_way(user)
visible_rehearsals(user)   -> QuerySet[Rehearsal]
latest_plan(estate)        -> Plan of the whole estate, or None
latest_study(estate, kind, cluster) -> Study, or None
report_of(plan)            -> PlanReport
latest_redundancy(estate)  -> Redundancy, or None    paths_of(redundancy), availability_of, services_of
host_tags(estate)          -> names of the hosts' own tags
clusters_of(estate)        -> list[ClusterCount]     vms_of_cluster(estate, name) -> QuerySet
find(user, text, limit)    -> list[Hit]
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Min, Model, Q, QuerySet
from django.utils import timezone
from msgspec import Struct

from cluster import reach
from cluster.models import (
    Cluster,
    Datastore,
    Estate,
    Event,
    Host,
    Plan,
    Redundancy,
    Rehearsal,
    Run,
    Study,
    VirtualMachine,
)
from cluster.models.inventory import Power
from cluster.roles import Action
from planner.availability.answer import ClusterAvailability, ServiceAvailability
from planner.consolidation import NO_CLUSTER
from planner.lost_together import ALONE, FIELDS
from planner.paths.report import PathsReport
from planner.report import PlanReport

Reader = AbstractBaseUser | AnonymousUser
TAGS_OFFERED: Final = 50
REPORTS_KEPT: Final = 8  # in each process; a few MiB of the largest estate
_reports: dict[UUID, PlanReport] = {}  # by run: a run answers once


class ClusterCount(Struct, frozen=True, kw_only=True):
    """A cluster as the tree shows it; it may be a name that hosts bear, with no row of its own."""

    name: str
    hosts: int


class Hit(Struct, frozen=True, kw_only=True):
    """Something that a search found."""

    kind: Literal["estate", "cluster", "host", "vm", "datastore"]
    name: str
    pk: int
    estate: Estate


def visible_estates(user: Reader) -> QuerySet[Estate]:
    """The estates of which this user may read everything."""
    return reach.whole_estates(user)


def estates_in_part(user: Reader) -> QuerySet[Estate]:
    """The estates of which this user may read something."""
    return reach.visible_to(user, Estate)


def visible_runs(user: Reader) -> QuerySet[Run]:
    """The runs that this user may follow, newest first."""
    return reach.visible_to(user, Run)


def runs_under_way(user: Reader) -> QuerySet[Run]:
    """The runs that are not finished."""
    return visible_runs(user).filter(state__in=[Run.State.QUEUED, Run.State.RUNNING])


def overdue_s() -> float:
    """How long ago the lease of the run ran out that waits longest to be taken up; 0: none waits."""
    unfinished = Run.objects.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING])
    oldest = unfinished.aggregate(Min("lease_until"))["lease_until__min"]
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0


def visible_rehearsals(user: Reader) -> QuerySet[Rehearsal]:
    """The rehearsals of the runs that this user may follow, without the estate that each keeps."""
    rows = reach.visible_to(user, Rehearsal).order_by("-created_at")
    return rows.select_related("run", "run__estate", "run__requested_by").defer("document")


def visible_events(user: Reader) -> QuerySet[Event]:
    """The events that this user may read."""
    return reach.visible_to(user, Event)


def clusters_seen(user: Reader, estate: Estate) -> list[ClusterCount]:
    """The clusters of an estate that this user sees whole."""
    known = clusters_of(estate)
    if reach.covers(user, Action.READ, estate):
        return known
    return [cluster for cluster in known if reach.covers(user, Action.READ, estate, cluster.name)]


def recent_events(user: Reader, count: int) -> list[Event]:
    """The last events, oldest first."""
    return list(visible_events(user).order_by("-seq")[:count])[::-1]


def last_day(estates: Sequence[Estate]) -> dict[int, dict[str, int]]:
    """How many events of each level were told of each estate within 24 hours."""
    since = timezone.now() - timedelta(hours=24)
    rows = Event.objects.filter(at__gte=since, estate__in=estates).order_by()
    found: dict[int, dict[str, int]] = {}
    for estate, level, count in rows.values_list("estate", "level").annotate(Count("pk")):
        found.setdefault(estate, {})[level] = count
    return found


def latest_plan(estate: Estate) -> Plan | None:
    """The newest plan of the whole estate."""
    return estate.plans.filter(parameters__cluster=None).defer("report").first()


def latest_study(estate: Estate, kind: str, cluster: str) -> Study | None:
    """The newest study of this kind of one cluster."""
    return estate.studies.filter(kind=kind, cluster_name=cluster).first()


def report_of(plan: Plan) -> PlanReport:
    """What the plan answered; that of the largest estate is a megabyte, and many pages show a part of it."""
    if plan.run_id is None:  # its run was removed: nothing else names it for good
        return msgspec.convert(plan.report, PlanReport)
    found = _reports.get(plan.run_id)
    if found is None:
        found = msgspec.convert(plan.report, PlanReport)
        while len(_reports) >= REPORTS_KEPT:
            _reports.pop(next(iter(_reports)), None)
        _reports[plan.run_id] = found
    return found


def latest_redundancy(estate: Estate) -> Redundancy | None:
    """The newest examination, of whatever revision; the page says where it is out of date."""
    return estate.redundancies.first()


def paths_of(redundancy: Redundancy) -> PathsReport:
    return msgspec.convert(redundancy.paths, PathsReport)


def availability_of(redundancy: Redundancy) -> tuple[ClusterAvailability, ...]:
    return msgspec.convert(redundancy.availability, tuple[ClusterAvailability, ...])


def services_of(redundancy: Redundancy) -> tuple[ServiceAvailability, ...]:
    return msgspec.convert(redundancy.services, tuple[ServiceAvailability, ...])


def clusters_of(estate: Estate) -> list[ClusterCount]:
    """The clusters of an estate in the order of their names, as the planner forms them."""
    hosts = dict(
        Host.objects.filter(estate=estate).values_list("cluster_name").annotate(Count("pk")).order_by()
    )
    names = set(Cluster.objects.filter(estate=estate).values_list("name", flat=True)) | set(hosts)
    known = sorted(name for name in names if name)
    if not known and hosts:
        return [ClusterCount(name=NO_CLUSTER, hosts=sum(hosts.values()))]
    return [ClusterCount(name=name, hosts=hosts.get(name, 0)) for name in known]


def host_tags(estate: Estate) -> tuple[str, ...]:
    """The customer's own tags of the hosts, in order; what is called like a field of ours is that field."""
    rows = Host.objects.filter(estate=estate).exclude(attributes={}).values_list("attributes", flat=True)
    tags = {tag for attributes in rows for tag in attributes}
    return tuple(sorted(tags - {ALONE, *FIELDS}))[:TAGS_OFFERED]


def hosts_of_cluster(estate: Estate, name: str) -> QuerySet[Host]:
    """The hosts of a cluster; of the cluster that stands for none, all hosts."""
    hosts = Host.objects.filter(estate=estate)
    return hosts if name == NO_CLUSTER else hosts.filter(cluster_name=name)


def vms_of_cluster(estate: Estate, name: str) -> QuerySet[VirtualMachine]:
    """The VMs of a cluster: those that name it, and those without a name of one on its hosts."""
    vms = VirtualMachine.objects.filter(estate=estate)
    if name == NO_CLUSTER:
        return vms
    return vms.filter(Q(cluster_name=name) | Q(cluster_name=None, host__cluster_name=name))


def vms_on_unknown_hosts(estate: Estate, cluster: str | None = None) -> QuerySet[VirtualMachine]:
    """The running VMs, of one cluster or of all, whose host the estate does not describe."""
    vms = VirtualMachine.objects.filter(estate=estate) if cluster is None else vms_of_cluster(estate, cluster)
    return vms.filter(host=None, power=Power.ON, template=False)


_FOUND: Final[Sequence[tuple[Literal["cluster", "host", "vm", "datastore"], type[Model]]]] = (
    ("cluster", Cluster),
    ("host", Host),
    ("vm", VirtualMachine),
    ("datastore", Datastore),
)


def find(user: Reader, text: str, limit: int) -> list[Hit]:
    """What has the text in its name, at most so many of each kind; names that begin with it come first."""
    hits = [
        Hit(kind="estate", name=estate.name, pk=estate.pk, estate=estate)
        for estate in visible_estates(user).filter(name__icontains=text)[:limit]
    ]
    for kind, model in _FOUND:
        rows = reach.visible_to(user, model).select_related("estate").only("name", "estate")
        begins = list(rows.filter(name__istartswith=text).order_by("name")[:limit])
        holds = rows.filter(name__icontains=text).exclude(name__istartswith=text).order_by("name")
        found = begins + list(holds[: limit - len(begins)])
        hits += [Hit(kind=kind, name=row.name, pk=row.pk, estate=row.estate) for row in found]
    return hits
