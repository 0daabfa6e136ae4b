"""Studies of a cluster: asked for by those who may, answered by a worker, kept, shown to every reader."""

from __future__ import annotations

import html
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from django.test import Client

from cluster import services, snapshot, tasks
from cluster.audit import Deed
from cluster.models import AuditEntry, Estate, Event, Run, Study
from cluster.question import Question
from cluster.roles import Role
from planner.estate import VM, Host, Rule
from planner.estate import Estate as Planned
from planner.resilience.failures import Failures, failures
from planner.resilience.ground import grounds
from tests.cluster.estates import reading
from tests.cluster.people import administrator, person

pytestmark = pytest.mark.django_db

HOSTILE = '<img src=x onerror="alert(1)">'
KINDS = ("failures", "balance", "placement")


def planned(memory_mib: int = 40 * 1024) -> Planned:
    """Three hosts, of which a is full of VMs, one of them with a name that is markup, and a rule."""
    hosts = [
        Host(name=name, cluster="c", sockets=2, cores=16, cpu_mhz=2500, memory_mib=131072, rack=rack)
        for name, rack in (("a", "r1"), ("b", "r1"), (HOSTILE, None))
    ]
    vms = [
        VM(name=name, cluster="c", host="a", power="on", vcpus=4, memory_mib=memory_mib, disk_mib=0)
        for name in (HOSTILE + "vm", "db1", "db2")
    ]
    rules = [Rule(kind="must-run-on", vms=("db1",), hosts=("a",), name="licence")]
    return Planned(hosts=tuple(hosts), vms=tuple(vms), rules=tuple(rules)).sorted()


def stored() -> Estate:
    estate = Estate.objects.create(name="site")
    snapshot.save(estate, reading(planned()))
    estate.refresh_from_db()
    return estate


def answered(estate: Estate, **asked: object) -> Study:
    run = services.start_study(administrator(), estate, Question(**{"cluster": "c", **asked}))
    tasks.make_study(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.error) == ("succeeded", None)
    return Study.objects.get(run=run)


def page(estate: Estate, kind: str, query: str = "", role: Role = Role.AUDITOR) -> str:
    client = Client()
    client.force_login(person(role))
    answer = client.get(f"/estates/{estate.pk}/cluster/{kind}/?name=c{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_losses_are_kept_unit_by_unit_as_the_planner_told_them():
    estate = stored()
    study = answered(estate, kind="failures")
    told = failures(grounds(planned(), vcpu_per_core=4.0, cold=True)[0], double=True)
    assert study.answer["cluster"] == "c"
    assert [part.answer["units"] for part in study.parts.all()] == [[unit.name] for unit in told.units]
    assert sum(part.answer["lost"] for part in study.parts.all()) == sum(loss.lost for loss in told.singles)
    assert isinstance(told, Failures)


def test_who_chooses_a_host_sees_where_its_vms_appear_again_and_who_is_lost_and_why():
    estate = stored()
    answered(estate, kind="failures")
    text = html.unescape(page(estate, "failures", "&unit=a"))
    assert "1 of 3 single losses loses VMs" in text
    assert "3 VMs ran there: 2 start again, 1 do not." in text
    assert "db1 finds no host: forbidden by licence (hosts: 2)" in text
    assert 'onerror="alert(1)">vm</bdi>' in text


def test_names_are_text_and_nothing_else_on_every_page():
    estate = stored()
    for kind in KINDS:
        answered(estate, kind=kind)
        for query in ("", "&unit=a"):
            assert "<img" not in page(estate, kind, query)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_without_an_answer_offers_to_ask_only_those_who_may(kind: str):
    estate = stored()
    assert "study-ask" in page(estate, kind, role=Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)
    assert "study-ask" not in page(estate, kind, role=Role.AUDITOR)
    client = Client()
    client.force_login(person(Role.AUDITOR))
    asked = {"cluster": "c", "vcpu_per_core": "4", "by": "host", "failures": "1", "max_moves": "5"}
    assert client.post(f"/estates/{estate.pk}/cluster/{kind}/ask/", asked).status_code == 403
    assert not Run.objects.exists()


def test_balance_says_each_move_with_its_reason_and_cost():
    estate = stored()
    study = answered(estate, kind="balance", failures=0)
    assert len(study.answer["moves"]) == 2
    assert study.answer["placed"] == {}
    text = html.unescape(page(estate, "balance"))
    assert "2 moves are worth it." in text
    assert "of a " in text
    assert "Lost pings, at most, on average" in text
    assert "This is a dry run: nothing is moved." in text


def test_hosts_that_can_sleep_are_told():
    estate = stored()
    snapshot.save(estate, reading(planned(memory_mib=4096)))
    estate.refresh_from_db()
    answered(estate, kind="balance", failures=0, power_saving=True)
    assert "2 hosts can sleep." in page(estate, "balance")


def test_a_placement_is_told_with_its_proof():
    estate = stored()
    study = answered(estate, kind="placement", failures=0)
    assert study.answer["hosts_used"] == study.answer["lower_bound"] == 1
    text = page(estate, "placement")
    assert "1 of 3 hosts carries everybody." in text
    assert "No placement uses fewer: that is proven." in text


def test_an_answer_to_an_older_estate_says_so():
    estate = stored()
    answered(estate, kind="failures")
    assert "imported anew since" not in page(estate, "failures")
    snapshot.save(estate, reading(planned(memory_mib=8192)))
    estate.refresh_from_db()
    assert "imported anew since" in page(estate, "failures")


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("failures", {"by": "shelf"}),
        ("failures", {"vcpu_per_core": "0"}),
        ("balance", {"failures": "3"}),
        ("balance", {"max_moves": "-1"}),
        ("placement", {"failures": "many"}),
    ],
)
def test_a_senseless_question_queues_nothing(kind: str, wrong: dict[str, str]):
    estate = stored()
    client = Client()
    client.force_login(administrator())
    asked = {"cluster": "c", "vcpu_per_core": "4", "by": "host", "failures": "1", "max_moves": "5", **wrong}
    assert client.post(f"/estates/{estate.pk}/cluster/{kind}/ask/", asked).status_code == 400
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "address",
    [
        "failures/?name=nowhere",
        "failures/",
        "shelves/?name=c",
        "failures/?name=c&study=x",
        "balance/?name=c&study=9",
    ],
)
def test_what_is_not_there_is_not_found(address: str):
    estate = stored()
    client = Client()
    client.force_login(administrator())
    assert client.get(f"/estates/{estate.pk}/cluster/{address}").status_code == 404


def test_the_study_of_another_kind_or_estate_is_not_shown_here():
    estate = stored()
    study = answered(estate, kind="failures")
    client = Client()
    client.force_login(administrator())
    assert client.get(f"/estates/{estate.pk}/cluster/balance/?name=c&study={study.pk}").status_code == 404


def test_a_question_is_queued_noted_told_and_followed_to_its_answer():
    estate = stored()
    client = Client()
    client.force_login(administrator())
    asked = {"cluster": "c", "vcpu_per_core": "4", "by": "rack"}
    waiting = client.post(
        f"/estates/{estate.pk}/cluster/failures/ask/", asked, headers={"HX-Request": "true"}
    )
    run = Run.objects.get()
    assert f"/study/{run.pk}/" in waiting.content.decode()
    assert AuditEntry.objects.filter(deed=Deed.STUDY_ASKED).count() == 1
    assert client.get(f"/estates/{estate.pk}/study/{run.pk}/").status_code == 200
    tasks.make_study(str(run.pk))
    there = client.get(f"/estates/{estate.pk}/study/{run.pk}/")
    assert there.status_code == 204
    assert "/cluster/failures/" in there["HX-Location"]
    assert [event.kind for event in Event.objects.filter(run=run).order_by("seq")][-1] == "study-done"
    assert "See the answer" in client.get(f"/runs/{run.pk}/").content.decode()
    assert Study.objects.get().question["by"] == "rack"


def test_a_task_that_runs_twice_answers_once():
    estate = stored()
    study = answered(estate, kind="failures")
    tasks.make_study(str(study.run_id))
    assert Study.objects.count() == 1
    assert study.parts.count() == 3


def test_a_cluster_that_is_gone_ends_the_run_with_a_reason():
    estate = stored()
    run = services.start_study(administrator(), estate, Question(kind="failures", cluster="gone"))
    tasks.make_study(str(run.pk))
    run.refresh_from_db()
    assert run.state == "failed"
    assert run.error["template"] == "there is no cluster {name}; there are: {known}"


def test_more_units_than_a_matrix_holds_are_listed():
    many = Planned(
        hosts=tuple(
            Host(name=f"h{n:02}", cluster="c", sockets=1, cores=8, cpu_mhz=2000, memory_mib=65536)
            for n in range(41)
        ),
        vms=(VM(name="v", cluster="c", host="h00", power="on", vcpus=1, memory_mib=1024, disk_mib=0),),
    ).sorted()
    estate = Estate.objects.create(name="many")
    snapshot.save(estate, reading(many))
    estate.refresh_from_db()
    answered(estate, kind="failures")
    text = page(estate, "failures")
    assert "All 41 single losses are survived." in text
    assert "onto" not in text
    assert "pairs-drawn" not in text
    assert "820 of 820 double losses are survived" in text


def test_an_estate_without_hosts_gives_an_answer():
    empty = Planned(vms=(VM(name="v", cluster="c", power="on", vcpus=1, memory_mib=1024, disk_mib=0),))
    estate = Estate.objects.create(name="empty")
    snapshot.save(estate, reading(empty.sorted()))
    estate.refresh_from_db()
    run = services.start_study(administrator(), estate, Question(kind="failures", cluster="c"))
    tasks.make_study(str(run.pk))
    run.refresh_from_db()
    assert run.state == "succeeded"


def test_the_web_process_loads_no_compiler_and_no_solver():
    code = (
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; django.setup();"
        "import cluster.urls, cluster.tasks, sys;"
        "print(sorted({'numba', 'highspy', 'llvmlite'} & {name.partition('.')[0] for name in sys.modules}))"
    )
    root = Path(__file__).resolve().parents[2]
    said = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


TAG = "<b>Feed</b>"


def tagged() -> Estate:
    """The same hosts with a tag whose name is markup, and what they carry."""
    whole = planned()
    hosts = tuple(
        msgspec.structs.replace(host, attributes={TAG: "A" if host.name in "ab" else "B"}, iops=10_000)
        for host in whole.hosts
    )
    vms = tuple(msgspec.structs.replace(vm, iops_demand=1_000, network_demand_mbit=10) for vm in whole.vms)
    estate = Estate.objects.create(name="tagged")
    snapshot.save(estate, reading(msgspec.structs.replace(whole, hosts=hosts, vms=vms)))
    estate.refresh_from_db()
    return estate


def test_rates_and_tags_come_back_from_the_database_as_they_were_read():
    estate = snapshot.load(tagged())
    assert {host.iops for host in estate.hosts} == {10_000.0}
    assert {host.attributes[TAG] for host in estate.hosts} == {"A", "B"}
    assert {(vm.iops_demand, vm.network_demand_mbit) for vm in estate.vms} == {(1_000.0, 10.0)}


def test_hosts_can_be_lost_by_a_tag_of_their_own_and_its_name_is_no_markup():
    estate = tagged()
    shown = page(estate, "failures", role=Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)
    assert TAG not in shown
    assert html.escape(f"all hosts of one value of {TAG}") in shown
    study = answered(estate, kind="failures", by=TAG)
    assert [part.answer["units"] for part in study.parts.all()] == [["A"], ["B"]]
    assert TAG not in page(estate, "failures")


def test_a_placement_says_what_fails_at_once_and_how_that_was_looked_at():
    estate = tagged()
    study = answered(estate, kind="placement", by=TAG, failures=1)
    assert (study.answer["by"], study.answer["checked"]) == (TAG, "every-loss")
    shown = page(estate, "placement")
    assert "This loss is too much:" in shown
    assert html.escape(TAG) in shown
    assert TAG not in shown
    assert "Disk operations: told by 3 of 3 running VMs and 3 of 3 hosts" in shown
    assert "the sum of the demand" in shown


def test_what_no_host_has_cannot_be_asked_for():
    estate = tagged()
    client = Client()
    client.force_login(administrator())
    asked = {"cluster": "c", "by": "shelf", "failures": 1, "vcpu_per_core": 4}
    assert client.post(f"/estates/{estate.pk}/cluster/placement/ask/", asked).status_code == 400
    assert not Run.objects.exists()


def test_disk_operations_of_each_host_stand_before_and_after_where_they_are_levelled():
    estate = tagged()
    answered(estate, kind="balance")
    shown = page(estate, "balance").partition("<main")[2]
    assert "Disk operations" in shown
    assert ">Network<" not in shown, "no host tells the speed of its ports"


def test_vms_that_are_held_stay_and_small_gains_are_left_alone():
    estate = stored()
    free = answered(estate, kind="balance", failures=0)
    moved = {move["vm"] for move in free.answer["moves"]}
    assert moved
    held = answered(estate, kind="balance", failures=0, hold="\n".join(sorted(moved)) + "\n\n")
    assert moved.isdisjoint(move["vm"] for move in held.answer["moves"])
    assert answered(estate, kind="balance", failures=0, min_gain=1e6).answer["moves"] == []
