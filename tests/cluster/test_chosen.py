"""VMs that were ticked become a file or a variant; who may not plan gets no variant."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client

from cluster.models import AuditEntry, Estate, Variant, VirtualMachine
from cluster.roles import Role
from tests.cluster.people import person
from tests.cluster.test_bounded_queries import stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def estate() -> Estate:
    return stored("Blue", 2, 8)


def pks(estate: Estate, *names: str) -> list[int]:
    found = VirtualMachine.objects.filter(estate=estate, name__in=names).values_list("pk", flat=True)
    assert len(found) == len(names)
    return list(found)


def sent(estate: Estate, role: Role | None = Role.BUYER, **posted: object):
    client = Client()
    client.force_login(person(role))
    return client.post(f"/estates/{estate.pk}/vms/chosen/", posted)


def test_the_chosen_rows_are_taken_as_csv(estate: Estate):
    answer = sent(estate, vm=pks(estate, "app3", "app1"), deed="csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["name"] for row in rows] == ["app1", "app3"]


def test_a_variant_is_begun_without_the_chosen_and_a_second_has_another_name(estate: Estate):
    chosen = pks(estate, "app1", "app2")
    for _ in range(2):
        answer = sent(estate, vm=chosen, deed="drop")
    assert [one.name for one in Variant.objects.order_by("pk")] == ["Without 2 VMs", "Without 2 VMs (2)"]
    made = Variant.objects.latest("pk")
    assert answer["Location"].endswith(f"/variants/{made.pk}/")
    assert made.changes == [{"type": "drop-vms", "names": ["app1", "app2"]}]
    assert AuditEntry.objects.filter(deed="changed a variant").exists()


def test_what_cannot_be_is_refused_and_leaves_no_variant(estate: Estate):
    off = VirtualMachine.objects.exclude(estate=None).first()
    other = stored("Red", 2, 8)
    foreign = pks(other, "app1")
    assert sent(estate, vm=foreign, deed="drop")["Location"].endswith("/vms/")
    assert sent(estate, vm=["x", "1" * 40], deed="csv").status_code == 302
    assert sent(estate, deed="drop").status_code == 302
    assert sent(estate, vm=[off.pk], deed="burn").status_code == 404
    assert not Variant.objects.exists()


def test_who_may_only_read_takes_the_file_and_begins_no_variant(estate: Estate):
    chosen = pks(estate, "app1")
    assert sent(estate, Role.AUDITOR, vm=chosen, deed="csv").status_code == 200
    assert sent(estate, Role.AUDITOR, vm=chosen, deed="drop").status_code == 403
    assert not Variant.objects.exists()
    client = Client()
    client.force_login(person(Role.AUDITOR))
    page = client.get(f"/estates/{estate.pk}/vms/").content.decode()
    assert 'value="csv"' in page
    assert 'value="drop"' not in page
