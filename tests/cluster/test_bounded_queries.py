"""No page asks the database more often because the estate is larger."""

from __future__ import annotations

import msgspec
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cluster import snapshot
from cluster.models import Estate, Host, Plan, VirtualMachine
from cluster.roles import Role
from planner.report import Parameters, plan
from tests.cluster.people import person
from tests.cluster.test_charts import reading

pytestmark = pytest.mark.django_db
QUERIES_MOST = 30
PAGES = (
    "/", "/estates/{pk}/", "/estates/{pk}/quality/", "/estates/{pk}/hosts/", "/estates/{pk}/vms/",
    "/estates/{pk}/datastores/", "/estates/{pk}/network/", "/estates/{pk}/ahead/", "/estates/{pk}/history/",
    "/estates/{pk}/events/", "/estates/{pk}/cost/", "/estates/{pk}/wiring/",
    "/estates/{pk}/cluster/?name=Blue",
    "/hosts/{host}/", "/vms/{vm}/", "/search/?q=app", "/runs/", "/events/", "/help/",
    "/tree/estates/{pk}/", "/tree/hosts/{host}/", "/estates/{pk}/charts/heatmap.json?cluster=Blue",
)  # fmt: skip


def queries_of(estate: Estate) -> dict[str, int]:
    client = Client()
    client.force_login(person(Role.AUDITOR))
    places = {
        "pk": estate.pk,
        "host": Host.objects.filter(estate=estate).values_list("pk", flat=True)[0],
        "vm": VirtualMachine.objects.filter(estate=estate).values_list("pk", flat=True)[0],
    }
    counted = {}
    for page in PAGES:
        client.get(page.format(**places))  # what is asked once a process is not counted
        with CaptureQueriesContext(connection) as asked:
            assert client.get(page.format(**places)).status_code == 200, page
        counted[page] = len(asked)
    return counted


def stored(name: str, hosts: int, vms: int) -> Estate:
    estate = Estate.objects.create(name=name)
    snapshot.save(estate, reading(hosts, vms))
    report = plan(reading(hosts, vms), Parameters())
    Plan.objects.create(
        estate=estate, estate_revision=1, parameters={"cluster": None}, report=msgspec.to_builtins(report)
    )
    return estate


def test_pages_ask_as_often_for_thirty_hosts_as_for_two() -> None:
    small = queries_of(stored("small", 2, 8))
    large = queries_of(stored("large", 30, 400))
    assert {page: large[page] for page in PAGES if large[page] > small[page]} == {}
    assert max(large.values()) <= QUERIES_MOST
