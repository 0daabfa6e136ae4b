"""Pages at the server: who may see what, how many queries, what an odd address gets."""

from __future__ import annotations

import msgspec
import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cluster import services, snapshot, tasks
from cluster.models import Estate, Host, Plan, Run, VirtualMachine
from cluster.roles import Role
from planner.formats.document import write_document
from planner.report import Parameters, plan
from tests.cluster.estates import estate_of
from tests.cluster.people import administrator, person
from tests.cluster.test_charts import reading

pytestmark = pytest.mark.django_db


def stored(name: str, hosts: int = 2, vms: int = 8) -> Estate:
    read = reading(hosts, vms)
    estate = Estate.objects.create(name=name)
    snapshot.save(estate, read)
    report = plan(read, Parameters())
    Plan.objects.create(
        estate=estate,
        estate_revision=1,
        parameters=msgspec.to_builtins(report.parameters),
        report=msgspec.to_builtins(report),
    )
    return estate


def signed_in(role: Role | None = Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR) -> Client:
    client = Client()
    client.force_login(administrator() if role else person(Role.AUDITOR))
    return client


def addresses_of(estate: Estate) -> list[str]:
    host = Host.objects.filter(estate=estate).earliest("pk")
    vm = VirtualMachine.objects.filter(estate=estate).earliest("pk")
    base = f"/estates/{estate.pk}"
    return [
        "/",
        f"{base}/",
        f"{base}/quality/",
        f"{base}/hosts/",
        f"{base}/vms/",
        f"{base}/vms.csv",
        f"{base}/datastores/",
        f"{base}/events/",
        f"{base}/cluster/?name=Blue",
        f"{base}/charts/heatmap.json?cluster=Blue",
        f"{base}/charts/treemap.json?cluster=Blue&area=vcpus",
        f"{base}/charts/capacity.json?cluster=Blue",
        f"/hosts/{host.pk}/",
        f"/vms/{vm.pk}/",
        f"/tree/estates/{estate.pk}/",
        f"/tree/estates/{estate.pk}/cluster/?name=Blue",
        "/search/?q=app",
        "/events/",
        "/runs/",
    ]


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200, address
    return len(captured)


def test_a_page_of_a_large_estate_asks_no_more_queries_than_one_of_a_small() -> None:
    client = signed_in()
    small, large = stored("Small"), stored("Large", hosts=30, vms=600)
    for few, many in zip(addresses_of(small), addresses_of(large), strict=True):
        assert queries(client, many) <= queries(client, few), many
        assert queries(client, many) <= 20, many


def test_whoever_is_not_signed_in_is_sent_to_sign_in() -> None:
    estate = stored("Closed")
    for address in addresses_of(estate):
        answer = Client().get(address)
        assert answer.status_code == 302, address
        assert answer["Location"].startswith("/login/"), address


def test_a_reader_sees_every_page_and_is_offered_nothing_he_may_not_do() -> None:
    client, estate = signed_in(None), stored("Read only")
    for address in addresses_of(estate):
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert b'action="/import/"' not in answer.content, address
        assert b"/plan/" not in answer.content, address
    assert client.get("/import/").status_code == 403
    assert client.post("/import/demo/").status_code == 403
    assert client.post(f"/estates/{estate.pk}/plan/", {"failures": 1, "vcpu_per_core": 4}).status_code in {
        400,
        403,
    }
    assert Run.objects.count() == 0


@pytest.mark.parametrize(
    "address",
    [
        "/estates/999999/",
        "/estates/999999/report.pdf",
        "/estates/{pk}/report.exe",
        "/estates/{pk}/charts/pie.json",
        "/estates/{pk}/cluster/?name=Nowhere",
        "/estates/{pk}/cluster/",
        "/estates/{pk}/?plan=999999",
        "/estates/{pk}/?plan=one",
        "/estates/{pk}/?plan=99999999999999999999999",
        "/hosts/999999/",
        "/vms/999999/",
        "/runs/00000000-0000-0000-0000-000000000000/",
    ],
)
def test_what_does_not_exist_is_not_found(address: str) -> None:
    estate = stored("Known")
    assert signed_in().get(address.format(pk=estate.pk)).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "page=-1",
        "page=zzz",
        "page=99999999999",
        "rows=9999999",
        "rows=-5",
        "sort=bogus,-,,name",
        "sort=attributes",
        "vcpus_min=x&memory_max=1e999",
        "cluster=Nowhere&power=maybe&template=perhaps",
        "column=bogus&column=name",
        "name=%00",
        "cluster=%00",
    ],
)
def test_a_table_survives_any_address(query: str) -> None:
    estate = stored("Odd")
    for page in ("vms/", "hosts/", "datastores/", "vms.csv"):
        assert signed_in().get(f"/estates/{estate.pk}/{page}?{query}").status_code == 200, page
    assert signed_in().get(f"/events/?{query}").status_code == 200


def test_a_part_of_a_page_is_given_to_the_script_and_the_whole_to_its_history() -> None:
    client, estate = signed_in(), stored("Parts")
    address = f"/estates/{estate.pk}/vms/"
    part = client.get(address, headers={"HX-Request": "true"})
    assert b"<html" not in part.content
    assert b'id="table"' in part.content
    assert "HX-Request" in part["Vary"]
    from_history = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert b"<html" in client.get(address, headers=from_history).content


def test_a_plan_that_is_asked_for_waits_in_the_queue_with_its_parameters() -> None:
    client, estate = signed_in(), stored("Asked")
    asked = {
        "failures": "2",
        "vcpu_per_core": "3.5",
        "host_cores": "64",
        "host_sockets": "2",
        "host_memory_gib": "1024",
        "licence": "vcf",
        "host_price": "18000.50",
        "cluster": "Blue",
    }
    answer = client.post(f"/estates/{estate.pk}/plan/", asked)
    run = Run.objects.get()
    assert answer["Location"] == f"/runs/{run.pk}/"
    assert run.parameters == {
        **msgspec.to_builtins(Parameters()),
        "failures": 2,
        "vcpu_per_core": 3.5,
        "host_cores": 64,
        "host_sockets": 2,
        "host_memory_gib": 1024.0,
        "licence": "vcf",
        "host_price": "18000.50",
        "cluster": "Blue",
    }


def test_a_senseless_parameter_queues_nothing() -> None:
    client, estate = signed_in(), stored("Senseless")
    for field, value in (
        ("failures", "-1"),
        ("vcpu_per_core", "nan"),
        ("host_memory_gib", "inf"),
        ("licence", "x"),
    ):
        asked = {"failures": "1", "vcpu_per_core": "4", "licence": "vvf", field: value}
        assert client.post(f"/estates/{estate.pk}/plan/", asked).status_code == 400, field
    assert Run.objects.count() == 0


def test_pages_hold_no_script_and_no_style_of_their_own() -> None:
    client, estate = signed_in(), stored("Strict")
    for address in addresses_of(estate):
        content = client.get(address).content.decode()
        assert "<style" not in content, address
        assert " style=" not in content, address
        assert " onclick=" not in content, address
        assert "<script>" not in content, address
        assert "://" not in content.replace("http://www.w3.org/", ""), address


def test_the_page_of_an_import_brings_the_new_estate_into_the_tree_when_it_ends() -> None:
    client = Client()
    client.force_login(administrator())
    run = services.queue_import(
        administrator(),
        ContentFile(write_document(estate_of(vms=3)), "e.json"),
        "new here",
        tell_a_worker=False,
    )
    before = client.get(f"/runs/{run.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert 'id="tree"' not in before
    tasks.import_estate(str(run.pk))
    part = client.get(f"/runs/{run.pk}/", headers={"HX-Request": "true"}).content.decode()
    tree = part.partition('<ul class="tree" id="tree"')[2]
    assert 'hx-swap-oob="true"' in tree.partition(">")[0]
    assert "new here" in tree
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert page.count('id="tree"') == 1
    assert "hx-swap-oob" not in page
