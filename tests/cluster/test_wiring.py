"""The pages about redundancy: who may ask, what they show, designs that outlive an import."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from cluster import results, snapshot
from cluster.models import Design, Estate, Redundancy, Run
from planner.estate import Estate as Wired
from planner.paths.report import examine
from planner.quality import Quality, Reading
from tests.planner.paths.test_reference_design import one_hba
from tests.planner.paths.wired import CLUSTER, plain, reference

pytestmark = pytest.mark.django_db


def stored(estate: Wired, name: str = "site") -> Estate:
    row = Estate.objects.filter(name=name).first() or Estate(name=name)
    snapshot.save(row, Reading(estate=estate, quality=Quality(format="test")))
    return Estate.objects.get(name=name)


class Claimed:
    """What a worker holds of a run, without the worker."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self.run = Run.objects.create(kind=Run.Kind.WIRING, estate_name=estate.name, estate=estate)

    def estate(self) -> Estate:
        return self._estate

    def succeed(self, message: object) -> None:
        self.message = str(message)


def examined(estate: Estate) -> Redundancy:
    designs = snapshot.designs_of(estate)
    reading = snapshot.load_designed(estate, designs)
    availability = results.availability_of(reading, 100)
    return results.store_redundancy(Claimed(estate), designs, examine(reading.estate), availability)  # type: ignore[arg-type]


def as_role(role: str) -> Client:
    user = User.objects.create_user(role.replace(" ", "-"))
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admin() -> Client:
    return as_role("virtual-infrastructure administrator")


def page(client: Client, name: str, estate: Estate) -> str:
    answer = client.get(reverse(name, args=[estate.pk]), {"cluster": CLUSTER})
    assert answer.status_code == 200
    return answer.content.decode()


def test_before_an_examination_the_page_offers_one(admin: Client) -> None:
    assert "Examine the wiring" in page(admin, "wiring", stored(plain()))


def test_the_findings_name_the_single_point_and_the_remedy(admin: Client) -> None:
    estate = stored(one_hba(reference()))
    examined(estate)
    html = page(admin, "wiring", estate)
    assert "esx2/vmhba2" in html
    assert "Add a second HBA on another card, to the other fabric" in html


def test_the_availability_page_shows_causes_and_sources(admin: Client) -> None:
    estate = stored(reference())
    examined(estate)
    html = page(admin, "availability", estate)
    assert "Host failures" in html
    assert "Service Express" in html


def test_the_drawing_has_every_layer_and_a_blast_reaches_the_vms(admin: Client) -> None:
    estate = stored(one_hba(reference()))
    examined(estate)
    drawn = admin.get(reverse("topology_json", args=[estate.pk]), {"cluster": CLUSTER}).json()
    assert {node["layer"] for node in drawn["nodes"]} == set(range(7))
    query = {"cluster": CLUSTER, "fail": "switch:prod-san-a"}
    told = admin.get(reverse("blast_json", args=[estate.pk]), query).json()
    assert {vm["host"] for vm in told["vms"] if vm["fate"] == "restarts"} == {"esx2"}


@pytest.mark.parametrize("query", [{"fail": "nix"}, {"fail": []}, {"cluster": "nix"}, {"cluster": "a\0b"}])
def test_a_blast_of_what_is_not_there_is_not_found(admin: Client, query: dict[str, object]) -> None:
    estate = stored(reference())
    answer = admin.get(reverse("blast_json", args=[estate.pk]), {"cluster": CLUSTER, **query})
    assert answer.status_code == 404


def test_a_design_is_laid_with_a_click_and_outlives_an_import(admin: Client) -> None:
    estate = stored(plain())
    for kind in ("crossed-fabrics", "two-switches", "two-feeds"):
        sent = {"cluster": CLUSTER, "design": kind, "laid": "yes"}
        assert admin.post(reverse("wiring_design", args=[estate.pk]), sent).status_code == 302
    assert examined(estate).paths["single_points"] == []
    again = stored(plain(vms=9))
    assert Design.objects.filter(estate=again).count() == 3
    assert "have changed since" in page(admin, "wiring", again)
    admin.post(
        reverse("wiring_design", args=[estate.pk]),
        {"cluster": CLUSTER, "design": "two-feeds", "laid": "no"},
    )
    assert [row.kind for row in Design.objects.all()] == ["crossed-fabrics", "two-switches"]


def test_who_may_only_read_may_neither_examine_nor_lay() -> None:
    estate = stored(plain())
    reader = as_role("auditor")
    sent = {"cluster": CLUSTER, "design": "two-feeds", "laid": "yes"}
    assert reader.post(reverse("wiring_examine", args=[estate.pk])).status_code == 403
    assert reader.post(reverse("wiring_design", args=[estate.pk]), sent).status_code == 403
    assert not Design.objects.exists()
    assert "Examine the wiring</button>" not in page(reader, "wiring", estate)


def test_a_design_that_is_none_is_not_found(admin: Client) -> None:
    estate = stored(plain())
    for sent in ({"cluster": CLUSTER, "design": "nix"}, {"cluster": "nix", "design": "two-feeds"}):
        assert admin.post(reverse("wiring_design", args=[estate.pk]), sent).status_code == 404
