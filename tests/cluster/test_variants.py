"""Variants at the server: who may, what stacks, what is reserved, what is refused, what is taken along."""

from __future__ import annotations

import io
import json

import msgspec
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pypdf import PdfReader

from cluster import changing, pricing, services, snapshot, tasks
from cluster.models import AuditEntry, CostStudy, Estate, Plan, PriceBook, Run, Variant
from cluster.roles import Role
from cluster.services import Refused
from planner.cost.machine import Machine
from planner.formats.document import read_document
from planner.report import Parameters
from planner.variant import COMMITTED, AddVms, DropHosts, Failures, RefreshHosts
from planner.variant import Variant as PlannerVariant
from tests.cluster.people import person
from tests.cluster.test_charts import reading
from tests.cluster.test_costs import question, signed_in

pytestmark = pytest.mark.django_db


def first_vm(estate: Estate) -> str:
    return snapshot.load(estate).vms[0].name


def begun(estate: Estate, name: str = "more", base: Variant | None = None) -> Variant:
    return changing.begin(person(Role.BUYER), estate, name, base)


def with_vms(estate: Estate, count: int = 20, name: str = "more") -> Variant:
    made = begun(estate, name)
    changing.add(person(Role.BUYER), made, AddVms(count=count, like=first_vm(estate)))
    return Variant.objects.get(pk=made.pk)


def compared(client: Client, estate: Estate, *variants: Variant, **changed: object) -> CostStudy:
    """Compare on the page and let a worker's task answer."""
    asked = {**question(platforms="vmware"), "variants": [one.pk for one in variants], **changed}
    sent = client.post(f"/estates/{estate.pk}/variants/compare/", asked)
    assert sent.status_code == 302, sent.content
    run = Run.objects.get(kind=Run.Kind.COST, state=Run.State.QUEUED)
    tasks.price_estate(str(run.pk))
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED, run.error
    return CostStudy.objects.get(run=run)


def test_a_variant_is_begun_changed_and_changed_back_on_the_page(estate: Estate) -> None:
    client = signed_in()
    sent = client.post(f"/estates/{estate.pk}/variants/begin/", {"name": "  two   hundred ", "base": ""})
    made = Variant.objects.get(name="two hundred")
    page = f"/estates/{estate.pk}/variants/{made.pk}/"
    assert sent["Location"] == page
    like = first_vm(estate)
    fields = {"add-vms-count": 200, "add-vms-like": like, "add-vms-cluster": ""}
    assert client.post(f"{page}change/add-vms/", fields).status_code == 302
    assert f"200 more VMs like {like}" in client.get(page).content.decode()
    assert client.post(f"{page}change/failures/", {"failures-count": 2}).status_code == 302
    client.post(f"{page}take-back/", {"place": "0"})
    assert [one["type"] for one in Variant.objects.get(pk=made.pk).changes] == ["failures"]
    client.post(f"{page}take-back/", {"place": "7"})
    assert len(Variant.objects.get(pk=made.pk).changes) == 1
    assert client.post(f"{page}remove/").status_code == 302
    assert not Variant.objects.exists()
    deeds = list(AuditEntry.objects.filter(deed__contains="variant").values_list("deed", flat=True))
    assert deeds.count("changed a variant") == 4
    assert "removed a variant" in deeds


def test_every_kind_of_change_has_a_form_that_makes_it(estate: Estate) -> None:
    client, made, like = signed_in(), begun(estate), first_vm(estate)
    host = snapshot.load(estate).hosts[0]
    page = f"/estates/{estate.pk}/variants/{made.pk}/change/"
    sent = {
        "add-vms": {"count": 3, "like": like, "cluster": host.cluster},
        "drop-hosts": {"names": [host.name]},
        "protect": {"names": f"{like}\n\n{like}\n"},
        "license": {"names": like, "product": "oracle", "pinned": "on"},
        "drop-vms": {"names": like},
        "growth": {"percent": "7.5"},
        "failures": {"count": 2},
        "refresh-hosts": {
            "cluster": host.cluster, "count": 3, "model": "R660",
            "sockets": 2, "cores": 64, "memory_gib": 512,
        },
    }  # fmt: skip
    for kind, fields in sent.items():
        named = {f"{kind}-{name}": value for name, value in fields.items()}
        response = client.post(f"{page}{kind}/", named)
        assert response.status_code == 302, (kind, response.content.decode())
    made.refresh_from_db()
    assert [one["type"] for one in made.changes] == list(sent)


def test_variants_stand_side_by_side_with_bills_charts_and_a_report(estate: Estate, book: PriceBook) -> None:
    client = signed_in()
    more = with_vms(estate, 30)
    safer = begun(estate, "safer", more)
    changing.add(person(Role.BUYER), safer, Failures(count=2))
    study = compared(client, estate, more, safer, book=book.pk)
    found = pricing.comparison_of(study)
    assert [row.name for row in found.rows if row.name not in ("today", "today-complete")] == [
        "more",
        "safer",
    ]
    assert found.rows[-1].failures_asked == 2
    page = client.get(f"/estates/{estate.pk}/variants/").content.decode()
    assert "Variants side by side" in page
    assert "Hosts of the weakest cluster that may be lost" in page  # how it is calculated
    for kind in ("months", "bridge", "years", "tornado"):
        url = f"/estates/{estate.pk}/cost/charts/{kind}.json?study={study.pk}&design=variant:safer"
        assert client.get(url).json()["layout"]["meta"]["head"]
    content = client.get(f"/estates/{estate.pk}/cost/report.pdf?study={study.pk}").content
    text = "".join("".join(one.extract_text().split()) for one in PdfReader(io.BytesIO(content)).pages)
    assert "Variantssidebyside" in text
    for shown in found.answer.designs:
        assert f"{round(shown.bill.total.amount.middle):,}" in text


def test_a_committed_variant_reserves_room_in_the_next_plan_until_it_is_released(estate: Estate) -> None:
    client, made = signed_in(), with_vms(estate, 5)
    before = _planned_vms(estate)
    client.post(f"/estates/{estate.pk}/variants/{made.pk}/commit/")
    assert _planned_vms(estate) == before + 5
    reserved, _ = snapshot.load_reserved(estate)
    assert sum(COMMITTED in vm.attributes for vm in reserved.estate.vms) == 5
    assert len(snapshot.load(estate).vms) == 12  # the estate itself stays as it was imported
    snapshot.save(estate, reading(3, 13))  # an import does not know the variant and does not end it
    assert _planned_vms(Estate.objects.get(pk=estate.pk)) == before + 6
    client.post(f"/estates/{estate.pk}/variants/{made.pk}/release/")
    assert _planned_vms(Estate.objects.get(pk=estate.pk)) == before + 1


def _planned_vms(estate: Estate) -> int:
    run = services.start_plan(person(Role.BUYER), estate, Parameters())
    tasks.make_plan(str(run.pk))
    return int(Plan.objects.get(run=run).report["totals"]["vms_on"])


def test_a_commitment_does_not_count_twice_where_it_is_compared(estate: Estate) -> None:
    client, made = signed_in(), with_vms(estate, 5)
    changing.commit(person(Role.BUYER), made)
    found = pricing.comparison_of(compared(client, estate, made))
    vms = {row.name: row.vms for row in found.rows}
    assert vms["more"] == vms["today"] + 5


def test_what_a_variant_stands_on_is_committed_with_it_and_released_with_it(estate: Estate) -> None:
    base = with_vms(estate)
    top = begun(estate, "top", base)
    changing.add(person(Role.BUYER), top, Failures(count=2))
    changing.commit(person(Role.BUYER), top)
    assert Variant.objects.filter(committed_at__isnull=False).count() == 2
    for deed, said in (("take-back", "release it first"), ("remove", "release it first")):
        sent = signed_in().post(f"/estates/{estate.pk}/variants/{top.pk}/{deed}/", {"place": 0}, follow=True)
        assert said in sent.content.decode()
    changing.release(person(Role.BUYER), base)
    assert not Variant.objects.filter(committed_at__isnull=False).exists()
    with pytest.raises(Refused, match="stands on"):
        changing.remove(person(Role.BUYER), base)


def test_an_import_that_takes_the_ground_away_is_told_on_the_page(estate: Estate) -> None:
    made = begun(estate)
    changing.add(person(Role.BUYER), made, DropHosts(names=(snapshot.load(estate).hosts[2].name,)))
    changing.commit(person(Role.BUYER), made)
    snapshot.save(estate, reading(2, 12))
    page = signed_in().get(f"/estates/{estate.pk}/variants/").content.decode()
    assert "is committed and no longer fits the estate" in page


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("add-vms", {"add-vms-count": 0, "add-vms-like": "x"}),
        ("add-vms", {"add-vms-count": 5, "add-vms-like": "<script>nobody</script>"}),
        ("drop-hosts", {"drop-hosts-names": ["nobody"]}),
        ("growth", {"growth-percent": "lots"}),
        ("protect", {"protect-names": ""}),
        ("refresh-hosts", {"refresh-hosts-cluster": "nowhere"}),
    ],
    ids=str,
)
def test_a_senseless_change_is_refused_on_the_page_and_changes_nothing(
    estate: Estate, kind: str, fields: dict[str, object]
) -> None:
    made = begun(estate)
    response = signed_in().post(f"/estates/{estate.pk}/variants/{made.pk}/change/{kind}/", fields)
    assert response.status_code == 400
    assert "field-error" in response.content.decode()
    assert "<script>nobody" not in response.content.decode()
    made.refresh_from_db()
    assert made.changes == []


def test_who_may_only_read_changes_nothing_and_a_stranger_sees_nothing(estate: Estate) -> None:
    made, reader = with_vms(estate), signed_in(Role.AUDITOR)
    page = f"/estates/{estate.pk}/variants/"
    assert reader.get(page).status_code == 200
    assert reader.get(f"{page}{made.pk}/").status_code == 200
    sent: list[tuple[str, dict[str, object]]] = [
        ("begin/", {"name": "mine"}),
        ("compare/", {**question(platforms="vmware"), "variants": [made.pk]}),
        (f"{made.pk}/change/failures/", {"failures-count": 2}),
        *((f"{made.pk}/{deed}/", {"place": 0}) for deed in ("commit", "release", "remove", "take-back")),
    ]
    for address, fields in sent:
        assert reader.post(f"{page}{address}", fields).status_code == 403, address
    assert Client().get(page).status_code == 302
    other = Estate.objects.create(name="other")
    assert signed_in().get(f"/estates/{other.pk}/variants/{made.pk}/").status_code == 404
    assert signed_in().post(f"{page}{made.pk}/change/nothing/").status_code == 404
    assert signed_in().post(f"{page}{made.pk}/nothing/").status_code == 404


def test_names_from_outside_stay_text_wherever_a_variant_shows_them(estate: Estate) -> None:
    client, hostile = signed_in(), "<b>R660</b>"
    base = begun(estate, "<i>base</i>")
    machine = Machine(name=hostile, sockets=2, cores=64, memory_mib=2**20)
    cluster = snapshot.load(estate).hosts[0].cluster or ""
    changing.add(person(Role.BUYER), base, RefreshHosts(cluster=cluster, machine=machine, count=3))
    top = begun(estate, "top", base)
    compared(client, estate, base, top)
    for address in ("", f"{base.pk}/", f"{top.pk}/"):
        page = client.get(f"/estates/{estate.pk}/variants/{address}").content.decode()
        assert "&lt;b&gt;R660&lt;/b&gt;" in page
        assert hostile not in page
        assert "&amp;lt;" not in page


def test_names_are_taken_once_and_have_to_be_printable(estate: Estate) -> None:
    begun(estate)
    for name in ("more", "today", " ", "a\u202eb"):
        response = signed_in().post(f"/estates/{estate.pk}/variants/begin/", {"name": name, "base": ""})
        assert response.status_code == 400, name
    assert Variant.objects.count() == 1


def test_a_variant_and_its_estate_are_taken_along_as_json(estate: Estate) -> None:
    client, made = signed_in(), with_vms(estate, 5)
    page = f"/estates/{estate.pk}/variants/{made.pk}/"
    told = msgspec.json.decode(client.get(f"{page}variant.json").content, type=PlannerVariant, strict=False)
    assert told == snapshot.variant_of(made)
    changed = read_document(client.get(f"{page}estate.json").content)
    assert len(changed.estate.vms if hasattr(changed, "estate") else changed.vms) == 17
    assert client.get(f"{page}secret.json").status_code == 404
    assert json.loads(client.get(f"{page}variant.json").content)["name"] == "more"


MODELS = b"""name,sockets,cores,memory_gib,price,currency,source
Small,2,32,512,11000,EUR,q
Big,2,64,1024,19000,EUR,q
"""


def test_hosts_to_buy_are_searched_on_a_page_and_printed(estate: Estate, book: PriceBook) -> None:
    client = signed_in()
    file = SimpleUploadedFile("models.csv", MODELS)
    asked = {**question(book=book.pk), "models": file, "keep_hosts": ""}
    sent = client.post(f"/estates/{estate.pk}/cost/hosts/ask/", asked)
    assert sent.status_code == 302, sent.content
    run = Run.objects.get(kind=Run.Kind.COST, state=Run.State.QUEUED)
    tasks.price_estate(str(run.pk))
    study = CostStudy.objects.get(run=run)
    advice = pricing.advice_of(study)
    assert {option.machine.name for option in advice.found.grid} == {"Small", "Big"}
    assert len(advice.found.grid) == 4  # two models on two platforms
    costs = {one.platform: one.cost for one in advice.found.best}
    bills = {one.bill.design.choice.platform.key: one.bill for one in advice.answer.designs[1:]}
    assert {key: bill.total.amount.middle for key, bill in bills.items()} == costs
    page = client.get(f"/estates/{estate.pk}/cost/hosts/").content.decode()
    assert "Every model on every platform" in page
    front = client.get(f"/estates/{estate.pk}/cost/charts/front.json?study={study.pk}").json()
    assert sum(len(trace["x"]) for trace in front["data"]) == len(advice.found.front)
    report = client.get(f"/estates/{estate.pk}/cost/report.pdf?study={study.pk}")
    assert report.content.startswith(b"%PDF")
    assert "Search the list models.csv again" in page
    again = {**question(book=book.pk), "models_again": "on"}
    client.post(f"/estates/{estate.pk}/cost/hosts/ask/?study={study.pk}", again)
    repeated = pricing.request_of(Run.objects.get(kind=Run.Kind.COST, state=Run.State.QUEUED))
    assert (repeated.models.encode(), repeated.models_name) == (MODELS, "models.csv")
    bad = SimpleUploadedFile("models.csv", b"name,sockets,cores,memory_gib\nX,2,one,3\n")
    wrong = client.post(f"/estates/{estate.pk}/cost/hosts/ask/", {**question(), "models": bad})
    assert wrong.status_code == 400
    assert "models.csv:2" in wrong.content.decode()


def test_a_book_keeps_every_version_as_it_stood(book: PriceBook) -> None:
    client = signed_in()
    first = client.get(f"/prices/{book.pk}/book.csv").content
    sent = {"card-server-low": "1", "card-server-currency": "EUR", "card-server-source": "q"}
    client.post(f"/prices/{book.pk}/", sent)
    assert client.get(f"/prices/{book.pk}/book-2.csv").content == first
    assert client.get(f"/prices/{book.pk}/book-3.csv").content != first
    assert client.get(f"/prices/{book.pk}/book-9.csv").status_code == 404
    assert [one.changed_by for one in book.versions.all()] == [person(Role.BUYER), person(Role.BUYER)]


def test_an_estate_goes_with_its_variants_and_what_stands_on_them(estate: Estate) -> None:
    base = with_vms(estate)
    begun(estate, "top", base)
    estate.delete()
    assert not Variant.objects.exists()
