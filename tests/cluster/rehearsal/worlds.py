"""Rehearsals of the tests: small clusters, scripts, and runs carried out as a worker does."""

from __future__ import annotations

from django.contrib.auth.models import User

from cluster import services, snapshot, tasks
from cluster.models import Estate, Rehearsal, Run
from cluster.rehearsal import question
from operations.sketch import parse_sketch
from planner.estate import Estate as PlannerEstate
from planner.quality import Quality, Reading
from tests.cluster.people import administrator

BLUE = """
host esx1 esx2 esx3 cores=16 memory=64G nic=10000 cluster=Blue
host old1 cores=8 memory=16G cluster=Old
datastore san size=2000G used=500G
vm app1 "db 3" on=esx3 memory=8G datastore=san
vm web1 web2 on=esx1 memory=4G datastore=san
vm file1 on=esx2 memory=4G datastore=san
vm archive on=old1 memory=4G datastore=san
paths esx1 san fabric-a fabric-b
"""
FAILS = 'profile vsphere\nat 120 fail esx3\nat 600 repair esx3\nat 700 migrate "db 3" to esx3\n'


def stored(name: str = "site", sketch: str = BLUE) -> Estate:
    """An estate with rows, as an import leaves it."""
    return kept(parse_sketch(sketch), name)


def kept(planned: PlannerEstate, name: str = "site") -> Estate:
    estate = Estate.objects.create(name=name)
    snapshot.save(estate, Reading(estate=planned, quality=Quality(format="test")))
    return estate


def asked(estate: Estate, script: str = FAILS, cluster: str = "Blue", user: User | None = None) -> Run:
    """A rehearsal that waits for a worker."""
    wanted = question.of_cluster(snapshot.load(estate), cluster, script)
    return services.start_rehearsal(user or administrator(), wanted, estate, estate.name)


def rehearsed(run: Run) -> Rehearsal:
    """Carry the run out as a worker does."""
    (tasks.drill if run.kind == Run.Kind.DRILL else tasks.rehearse)(str(run.pk))
    return Rehearsal.objects.select_related("run").get(pk=run.pk)
