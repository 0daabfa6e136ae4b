"""The pages about redundancy: who may ask, what they show, designs that outlive an import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import unescape

import msgspec
import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from msgspec.structs import replace

from cluster import results, snapshot, years
from cluster.models import AuditEntry, Design, Estate, Event, Redundancy, Run, WiringEdit, YearsPart
from cluster.question import YearsAsked
from planner.estate import Estate as Wired
from planner.parameters import Parameters
from planner.paths.amend import EDIT_KINDS
from planner.paths.report import examine
from planner.quality import Quality, Reading
from planner.report import plan
from planner.service import Service, Tier
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

    def succeed(self, message: object, level: Event.Level = Event.Level.SUCCESS) -> None:
        self.message = str(message)

    def advance(self, stage: str, progress: int, message: object) -> None:
        self.run.progress = progress

    def hold(self) -> None:
        pass

    @contextmanager
    def kept(self) -> Iterator[None]:
        yield


called: list[int] = []


def examined(estate: Estate) -> Redundancy:
    wired = snapshot.load_wired(estate)
    asked = YearsAsked(years=100)
    claimed = Claimed(estate)
    found = years.play_all(claimed, results.availability_of(wired.reading, asked), asked, called.append)  # type: ignore[arg-type]
    services = results.services_of(wired.reading, asked)
    paths = examine(wired.reading.estate)
    return results.store_redundancy(claimed, wired, asked, paths, found, services)  # type: ignore[arg-type]


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


# -- the editor


def edit(client: Client, estate: Estate, kind: str, fields: dict[str, object], name: str = "") -> int:
    query = f"?kind={kind}" + (f"&edit={name}" if name else "")
    return client.post(reverse("wiring_edit", args=[estate.pk]) + query, fields).status_code


def test_every_kind_has_a_form_and_a_list(admin: Client) -> None:
    estate = stored(reference())
    for kind in EDIT_KINDS:
        answer = admin.get(reverse("wiring_edit", args=[estate.pk]), {"kind": kind})
        assert answer.status_code == 200, kind
        assert ('id="edit-form"' in answer.content.decode()) == (kind != "host")
    for query in ({"kind": "sofa"}, {"kind": "switch", "edit": "nix"}):
        assert admin.get(reverse("wiring_edit", args=[estate.pk]), query).status_code == 404


def test_an_edit_changes_the_drawing_outlives_an_import_and_is_undone(admin: Client) -> None:
    estate = stored(reference())
    assert examined(estate).paths["single_points"] == []
    psu = {"feed": "prod-feed-a"}
    assert edit(admin, estate, "psu", psu, "esx1/psu2") == 302
    assert "have changed since" in page(admin, "wiring", estate)
    again = stored(reference(vms=9))
    assert [point["component"] for point in examined(again).paths["single_points"]] == ["prod-feed-a"]
    last = WiringEdit.objects.get()
    undo = reverse("wiring_undo", args=[estate.pk]) + "?kind=psu"
    assert admin.post(undo, {"last": str(last.pk + 1)}).status_code == 302
    assert WiringEdit.objects.exists()
    admin.post(undo, {"last": str(last.pk)})
    assert not WiringEdit.objects.exists()
    assert examined(again).paths["single_points"] == []
    assert {"changed the wiring by hand", "undid a change of the wiring"} <= set(
        AuditEntry.objects.values_list("deed", flat=True)
    )


def test_a_component_and_a_cable_are_added_and_taken_away(admin: Client) -> None:
    estate = stored(reference())
    assert (
        edit(admin, estate, "switch", {"name": "tor-c <b>", "kind": "physical", "feeds": ["prod-feed-a"]})
        == 302
    )
    cable = {"a": "switch:tor-c <b>", "b": "clients:lan", "speed_mbit": "100000"}
    assert edit(admin, estate, "link", cable) == 302
    html = admin.get(reverse("wiring_edit", args=[estate.pk]), {"kind": "link"}).content.decode()
    assert "tor-c &lt;b&gt;" in html
    assert "<b>" not in html.replace("<bdi>", "")
    remove = reverse("wiring_remove", args=[estate.pk]) + "?kind=switch"
    assert admin.post(remove, {"name": "tor-c <b>"}).status_code == 302
    assert admin.post(remove, {"name": "tor-c <b>"}).status_code == 404
    links = snapshot.load_wired(estate).reading.estate.links
    assert not any("tor-c" in link.a + link.b for link in links)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("switch", {"name": ""}),
        ("switch", {"name": "x", "kind": "sofa"}),
        ("rack", {"name": "x", "room": "nowhere"}),
        ("nic", {"owner": "nobody", "device": "vmnic9"}),
        ("link", {"a": "switch:nix", "b": "clients:lan"}),
        ("hba", {"owner": "esx1", "device": "vmhba9", "speed_mbit": "-4"}),
        ("feed", {"name": "prod-feed-a", "upstream": ["prod-feed-a"]}),
    ],
)
def test_what_cannot_be_is_said_at_the_form_and_nothing_is_kept(
    admin: Client, kind: str, fields: dict[str, object]
) -> None:
    estate = stored(reference())
    assert edit(admin, estate, kind, fields) == 400
    assert not WiringEdit.objects.exists()


def test_who_may_only_read_may_not_edit() -> None:
    estate = stored(reference())
    reader = as_role("auditor")
    assert edit(reader, estate, "fabric", {"name": "c"}) == 403
    for name in ("wiring_remove", "wiring_undo"):
        sent = {"name": "prod-tor-a", "last": "1"}
        assert reader.post(reverse(name, args=[estate.pk]) + "?kind=switch", sent).status_code == 403
    html = reader.get(reverse("wiring_edit", args=[estate.pk])).content.decode()
    assert "edit-form" not in html
    assert "Take away" not in html


# -- availability


def test_assumptions_are_asked_for_kept_and_shown(admin: Client) -> None:
    estate = stored(reference())
    examined(estate)
    sent = {"years": "500", "seed": "4", "mttr_h": "8", "beta": "0.02", "mtbf_switch": "300000"}
    assert admin.post(reverse("availability_ask", args=[estate.pk]), sent).status_code == 302
    run = Run.objects.filter(kind="wiring").latest("created_at")
    asked = msgspec.convert(run.parameters, YearsAsked)
    assert (asked.years, asked.seed, asked.assumed.mttr_h) == (500, 4, 8.0)
    assert asked.assumed.mtbf_h == {"switch": 300_000.0}
    for wrong in ({"beta": "2"}, {"years": "-1"}, {"human_errors_a_year": "1"}, {"mtbf_host": "0"}):
        answer = admin.post(reverse("availability_ask", args=[estate.pk]), {**sent, **wrong})
        assert answer.status_code == 400
        assert "field-error" in answer.content.decode()
    reader = as_role("auditor")
    assert reader.post(reverse("availability_ask", args=[estate.pk]), sent).status_code == 403


def test_the_availability_page_tells_swings_nines_years_and_vms(admin: Client) -> None:
    estate = stored(reference(vms=30))
    examined(estate)
    html = page(admin, "availability", estate)
    for words in (
        "What one more nine costs",
        "Which figure moves the answer",
        "In a bad year",
        "VM by VM",
        "vm12",
    ):
        assert words in html
    told = admin.get(reverse("availability_json", args=[estate.pk])).json()
    assert told["years"] == 100
    assert told["clusters"][0]["nines_priced"][0]["protection"] == "none"


def test_workers_share_the_years_and_whoever_plays_them_changes_nothing(admin: Client, monkeypatch) -> None:
    monkeypatch.setattr(years, "SHARE_RESTARTS", 10)
    estate = stored(reference(vms=40))
    alone = examined(estate).availability
    assert called.pop() == years.HELPERS
    run = Run.objects.create(kind=Run.Kind.WIRING, estate_name="x", estate=estate, state=Run.State.RUNNING)
    wired, asked = snapshot.load_wired(estate), YearsAsked(years=100)
    found = results.availability_of(wired.reading, asked)
    claimed = Claimed(estate)
    claimed.run = run

    def helper(count: int) -> None:
        assert years.help_out(run.pk) == YearsPart.objects.filter(run=run).count() > 3

    together = years.play_all(claimed, found, asked, helper)  # type: ignore[arg-type]
    assert msgspec.json.decode(msgspec.json.encode(together[0].played)) == alone[0]["played"]


def test_a_share_whose_player_died_is_played_again_and_a_cancelled_run_plays_no_more() -> None:
    estate = stored(reference())
    claimed = Claimed(estate)
    asked = YearsAsked(years=100)
    found = results.availability_of(snapshot.load_wired(estate).reading, asked)
    years._lay_out(claimed.run, found, asked)
    part = years._take(claimed.run.pk)
    assert part is not None
    assert years._take(claimed.run.pk) is None
    YearsPart.objects.filter(pk=part.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert years.help_out(claimed.run.pk) == 0  # the run is not running
    Run.objects.filter(pk=claimed.run.pk).update(state=Run.State.RUNNING)
    assert years.help_out(claimed.run.pk) == 1


# -- the blast


def test_a_blast_tells_what_is_left_to_carry_and_how_much_room(admin: Client) -> None:
    estate = stored(reference())
    query = {"cluster": CLUSTER, "fail": ["switch:prod-tor-a", "host:esx1"]}
    told = admin.get(reverse("blast_json", args=[estate.pk]), query).json()
    (cluster,) = told["clusters"]
    assert (cluster["hosts_left"], cluster["hosts_before"]) == (3, 4)
    assert 0 < cluster["wanted"]["memory"] < 1
    network = next(load for load in told["loads"] if load["about"] == "host-network")
    assert (network["parts_left"], network["capacity_left"], network["asked"]) == (1, 25_000.0, None)


def test_a_rehearsal_begins_with_what_failed_in_the_drawing(admin: Client) -> None:
    estate = stored(one_hba(reference()))
    query = {"name": CLUSTER, "fail": ["rack:r1", "switch:prod-san-a"]}
    html = admin.get(reverse("rehearse", args=[estate.pk]), query).content.decode()
    assert "at 60 fail esx1" in html
    assert "at 60 fail esx3" in html
    assert "at 60 apd esx2 ds1" in html
    script = html.split('aria-describedby="script-help">')[1].split("</textarea>")[0].strip("\n")
    sent = {"script": unescape(script)}
    assert admin.post(reverse("rehearse", args=[estate.pk]) + f"?name={CLUSTER}", sent).status_code == 302
    query = {"name": CLUSTER, "fail": "nix"}
    assert admin.get(reverse("rehearse", args=[estate.pk]), query).status_code == 404


def test_the_printed_report_has_the_redundancy_and_the_drawing(admin: Client) -> None:
    estate = stored(one_hba(reference()))
    run = Run.objects.create(kind=Run.Kind.PLAN, estate_name=estate.name, estate=estate)
    claimed = Claimed(estate)
    claimed.run = run
    results.store_plan(claimed, plan(snapshot.load_reading(estate), Parameters()))  # type: ignore[arg-type]
    without = admin.get(reverse("report", args=[estate.pk, "pdf"])).content
    examined(estate)
    with_it = admin.get(reverse("report", args=[estate.pk, "pdf"])).content
    assert with_it.startswith(b"%PDF")
    assert len(with_it) > len(without) + 5_000


WEB = {"owner": "shop", "device": "web", "vms": ["vm0", "vm1"], "needed": "1"}
DB = {"owner": "shop", "device": "db", "vms": ["vm2"], "needed": ""}


def test_a_service_is_said_in_the_editor_judged_and_shown(admin: Client) -> None:
    estate = stored(reference())
    assert "Nobody told of a service yet" in page(admin, "availability", examined(estate).estate)
    assert edit(admin, estate, "tier", WEB) == 302
    assert edit(admin, estate, "tier", DB) == 302
    assert edit(admin, estate, "tier", {**WEB, "needed": "3"}) == 400
    examined(estate)
    html = page(admin, "availability", estate)
    assert "shop" in html
    assert "1 of 2" in html
    told = admin.get(reverse("availability_json", args=[estate.pk])).json()["services"]
    assert [tier["needed"] for tier in told[0]["tiers"]] == [1, 1]
    assert told[0]["minutes_a_year"] > 0
    assert "service" in page(admin, "wiring", estate)  # its single points stand among the others
    query = {"cluster": CLUSTER, "fail": "host:esx3"}
    (fate,) = admin.get(reverse("blast_json", args=[estate.pk]), query).json()["services"]
    assert (fate["name"], fate["fate"]) == ("shop", "restarts")


def test_a_service_outlives_an_import_and_one_of_the_import_is_a_row_of_its_own(admin: Client) -> None:
    crm = Service(name="crm", tiers=(Tier(name="app", vms=("vm3", "vm4"), needed=1),))
    estate = stored(replace(reference(), services=(crm,)))
    assert edit(admin, estate, "tier", WEB) == 302
    stored(reference(hosts=5))
    assert [one.name for one in snapshot.load_wired(estate).reading.estate.services] == ["shop"]
    stored(replace(reference(), services=(crm,)))
    assert [one.name for one in snapshot.load_wired(estate).reading.estate.services] == ["crm", "shop"]
    (row,) = estate.service_set.all()
    assert [(tier.name, tier.vm_names, tier.needed) for tier in row.tiers.all()] == [
        ("app", ["vm3", "vm4"], 1)
    ]
