"""Drills as a worker does them: those of operations, kept small, taken up where another worker died."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from cluster import services, snapshot, tasks
from cluster.models import Run
from cluster.rehearsal import drilling, question
from cluster.rehearsal.drilling import lost_of, matrix_of
from cluster.rehearsal.question import BadScript
from operations.drills import drill
from operations.policy import policies_of
from operations.sketch import parse_sketch
from tests.cluster.people import administrator
from tests.cluster.rehearsal.worlds import kept, rehearsed

pytestmark = pytest.mark.django_db
FULL = """
host a b c d cores=16 memory=32G
datastore san size=2000G
vm a1 a2 a3 on=a memory=8G datastore=san
vm b1 b2 b3 on=b memory=8G datastore=san
vm c1 c2 on=c memory=8G datastore=san
vm d1 on=d memory=8G datastore=san
"""


def drilled(kind: str, product: str = "vsphere") -> Run:
    estate = kept(parse_sketch(FULL))
    wanted = question.drill_of(snapshot.load(estate), question.NO_CLUSTER, product, kind)
    return services.start_rehearsal(administrator(), wanted, estate, estate.name)


@pytest.mark.parametrize("kind", ["each", "pairs"])
@pytest.mark.parametrize("product", ["vsphere", "proxmox"])
def test_the_matrix_is_that_of_the_engine(kind: str, product: str):
    rehearsal = rehearsed(drilled(kind, product))
    matrix = matrix_of(rehearsal)
    expected = drill(parse_sketch(FULL), policies_of(product), kind)
    assert rehearsal.run.state == "succeeded"
    assert matrix.total == len(matrix.drills) == len(expected.drills)
    for ours, theirs in zip(matrix.drills, expected.drills, strict=True):
        assert [matrix.hosts[at] for at in ours.failed] == list(theirs.failed)
        assert (ours.worst_s, lost_of(ours)) == (theirs.worst_s, len(theirs.lost))
        lost = {matrix.vms[at] for vms in ours.lost.values() for at in vms}
        assert lost == {outage.vm for outage in theirs.lost}
    for name, fate in zip(matrix.vms, matrix.fates, strict=True):
        back = [o.outage_s for d in expected.drills for o in d.outages if o.vm == name and not o.is_lost]
        assert fate.worst_s == max(back, default=0.0)
        assert fate.lost_times == sum(name in {o.vm for o in d.lost} for d in expected.drills)
    assert matrix.lost_drills == sum(bool(d.lost) for d in expected.drills)


def test_drills_are_taken_up_where_a_worker_died(monkeypatch: pytest.MonkeyPatch):
    whole = rehearsed(drilled("pairs")).drills
    Run.objects.all().delete()
    monkeypatch.setattr(drilling, "TELL_EVERY_S", -1.0)
    done = []
    drill_hosts = drilling.drill_hosts

    def dies(state: object, policies: object, hosts: tuple[str, ...]) -> object:
        done.append(hosts)
        if len(done) == 4:
            raise KeyboardInterrupt
        return drill_hosts(state, policies, hosts)

    monkeypatch.setattr(drilling, "drill_hosts", dies)
    from cluster.models import Estate

    Estate.objects.all().delete()
    run = drilled("pairs")
    with pytest.raises(KeyboardInterrupt):
        tasks.drill(str(run.pk))
    Run.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))
    assert rehearsed(run).drills == whole
    assert len(done) == 7  # six pairs, and the one that was not finished again


def test_too_many_drills_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(question, "DRILLS_MAX", 5)
    with pytest.raises(BadScript, match="6 drills"):
        drilled("pairs")
