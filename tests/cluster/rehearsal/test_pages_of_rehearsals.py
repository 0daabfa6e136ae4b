"""The pages and the API of rehearsals at the server: who may, what is refused, what is shown."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cluster import services, snapshot
from cluster.models import Estate, Rehearsal, Run
from cluster.rehearsal import question, record
from cluster.roles import Role
from tests.cluster.people import administrator, person
from tests.cluster.rehearsal.worlds import FAILS, asked, kept, rehearsed, stored
from tests.cluster.test_translations import messages

pytestmark = pytest.mark.django_db


def signed_in(role: Role | None = Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR, **headers: str) -> Client:
    client = Client(headers=headers)
    client.force_login(person(role))
    return client


@pytest.fixture
def estate() -> Estate:
    return stored()


def drills(estate: Estate, kind: str = "each") -> Rehearsal:
    wanted = question.drill_of(snapshot.load(estate), "Blue", "vsphere", kind)
    return rehearsed(services.start_rehearsal(administrator(), wanted, estate, estate.name))


def addresses_of(estate: Estate) -> list[str]:
    played, waiting = rehearsed(asked(estate)), asked(estate)
    return [
        "/rehearsals/",
        f"/rehearsals/{played.pk}/",
        f"/rehearsals/{waiting.pk}/",
        f"/rehearsals/{drills(estate).pk}/",
        f"/rehearsals/{drills(estate, 'pairs').pk}/",
    ]


def test_a_reader_follows_rehearsals_and_is_offered_none(estate: Estate):
    client = signed_in(Role.AUDITOR)
    for address in addresses_of(estate):
        said = client.get(address)
        assert said.status_code == 200, address
        content = said.content.decode()
        assert 'action="/rehearsals/' not in content, address
        assert "/script/" not in content, address
    played = Rehearsal.objects.filter(drill="").earliest("created_at")
    runs = Run.objects.count()
    assert client.get(f"/estates/{estate.pk}/rehearse/?name=Blue").status_code == 403
    assert client.post(f"/estates/{estate.pk}/rehearse/?name=Blue", {"script": FAILS}).status_code == 403
    assert client.post(f"/estates/{estate.pk}/drill/?name=Blue", {"kind": "each"}).status_code == 403
    assert client.post("/rehearsals/examples/host-failure/").status_code == 403
    assert client.post(f"/rehearsals/{played.pk}/script/", {"script": FAILS}).status_code == 403
    asked_for = {"scenario": "host-failure"}
    assert client.post("/api/v1/rehearsals", asked_for, content_type="application/json").status_code == 403
    assert Run.objects.count() == runs


def test_a_stranger_signs_in_first(estate: Estate):
    for address in [*addresses_of(estate), f"/estates/{estate.pk}/rehearse/?name=Blue"]:
        assert Client().get(address)["Location"].startswith("/login/"), address
    played = Rehearsal.objects.earliest("created_at")
    for address in (f"/api/v1/rehearsals/{played.pk}", f"/api/v1/rehearsals/{played.pk}/events"):
        assert Client().get(address).status_code == 401
    assert Client().post("/api/v1/rehearsals", {}, content_type="application/json").status_code == 401


def test_a_script_is_queued_and_leads_to_its_page(estate: Estate):
    answer = signed_in().post(f"/estates/{estate.pk}/rehearse/?name=Blue", {"script": FAILS})
    run = Run.objects.get(kind="rehearsal")
    assert answer["Location"] == f"/rehearsals/{run.pk}/#play=0"
    assert (run.rehearsal.cluster_name, run.rehearsal.script, run.rehearsal.product) == (
        "Blue",
        FAILS,
        "vsphere",
    )


def test_a_bad_script_is_shown_again_with_its_line(estate: Estate):
    address = f"/estates/{estate.pk}/rehearse/?name=Blue"
    answer = signed_in().post(address, {"script": "profile vsphere\nat 120 fial esx3"})
    content = answer.content.decode()
    assert answer.status_code == 400
    assert 'data-bad-line="2"' in content
    assert "Line 2, “fial”" in content
    assert "at 120 fial esx3</textarea>" in content
    assert not Run.objects.exists()
    french = (
        signed_in(**{"accept-language": "fr"}).post(address, {"script": "at 5 fail esx9"}).content.decode()
    )
    assert "cet hôte n’existe pas" in french


def test_one_line_more_is_another_rehearsal_of_the_same_estate(estate: Estate):
    before = rehearsed(asked(estate))
    snapshot.save(estate, question_reading())
    client = signed_in()
    answer = client.post(
        f"/rehearsals/{before.pk}/script/", {"script": FAILS + "at 130.5 fail esx2\n", "at": "130.5"}
    )
    after = Rehearsal.objects.exclude(pk=before.pk).get()
    assert answer["Location"] == f"/rehearsals/{after.pk}/#play=130.5"
    assert question.estate_of(after) == question.estate_of(before)
    rehearsed(after.run)
    same = [row for row in record.events_after(before, 0)[0] if row.at_s < 130.5]
    again = [row for row in record.events_after(after, 0)[0] if row.at_s < 130.5]
    assert same == again
    assert client.get(f"/rehearsals/{before.pk}/script/").status_code == 200


def question_reading():
    from operations.sketch import parse_sketch
    from planner.quality import Quality, Reading

    return Reading(estate=parse_sketch("host other cluster=Blue"), quality=Quality(format="test"))


def test_the_page_of_a_run_leads_to_its_rehearsal(estate: Estate):
    run = asked(estate)
    assert signed_in().get(f"/runs/{run.pk}/")["Location"] == f"/rehearsals/{run.pk}/"


def test_what_is_not_there_is_not_found(estate: Estate):
    client = signed_in()
    for address in (
        f"/rehearsals/{uuid.uuid4()}/",
        f"/rehearsals/{uuid.uuid4()}/log.txt",
        f"/api/v1/rehearsals/{uuid.uuid4()}/events",
        f"/estates/{estate.pk}/rehearse/?name=Nowhere",
        f"/estates/{estate.pk}/rehearse/",
        "/estates/99999/rehearse/?name=Blue",
        f"/rehearsals/{drills(estate).pk}/script/",
    ):
        assert client.get(address).status_code == 404, address
    assert client.post("/rehearsals/examples/demo/").status_code == 404
    assert client.post("/rehearsals/examples/nothing/").status_code == 404


def test_the_api_starts_follows_and_gives_the_events(estate: Estate):
    client = signed_in()
    wanted = {"estate": estate.pk, "cluster": "Blue", "script": FAILS}
    answer = client.post("/api/v1/rehearsals", wanted, content_type="application/json")
    assert answer.status_code == 201
    known = answer.json()
    assert client.get(known["url"]).json()["opening"] is None
    rehearsed(Run.objects.get(pk=known["id"]))
    told = client.get(known["url"]).json()
    assert (told["state"], told["cluster"], len(told["opening"]["vms"])) == ("succeeded", "Blue", 5)
    assert {outage["vm"] for outage in told["outages"]} == {"app1", "db 3"}
    first = client.get(f"{known['url']}/events").json()
    assert first["state"] == "succeeded"
    assert not first["more"]
    rest = client.get(f"{known['url']}/events?after=5").json()["events"]
    assert rest == first["events"][5:]
    failed = first["events"][2]
    assert (failed["kind"], failed["at_s"], failed["cause"]) == ("host-failed", 120.0, 0)
    assert [state for _, state, *_ in failed["changes"]["h"]] == ["off"]


def test_the_api_gives_many_events_in_pages_without_a_gap(estate: Estate, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(record, "PAGE", 4)
    rehearsal = rehearsed(asked(estate))
    numbers: list[int] = []
    more = True
    while more:
        page = signed_in().get(f"/api/v1/rehearsals/{rehearsal.pk}/events?after={len(numbers)}").json()
        numbers += [event["number"] for event in page["events"]]
        more = page["more"]
    assert numbers == list(range(1, rehearsal.events.count() + 1))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"scenario": "host-failure"}', 201),
        ('{"scenario": "nothing"}', 404),
        ('{"estate": 99999, "cluster": "Blue", "script": ""}', 404),
        ("{}", 404),
        ("[]", 400),
        ("not json", 400),
        ('{"estate": "one"}', 400),
        ('{"product": "hyperv"}', 400),
        ('{"surprise": 1}', 400),
    ],
)
def test_the_api_refuses_what_it_does_not_know(body: str, status: int):
    answer = signed_in().post("/api/v1/rehearsals", body, content_type="application/json")
    assert answer.status_code == status


def test_the_api_names_line_and_word_of_a_bad_script(estate: Estate):
    wanted = {"estate": estate.pk, "cluster": "Blue", "script": "at 5 fail nobody"}
    answer = signed_in().post("/api/v1/rehearsals", wanted, content_type="application/json")
    assert (answer.status_code, answer.json()["line"], answer.json()["word"]) == (400, 1, "nobody")
    drill = {"estate": estate.pk, "cluster": "Blue", "drill": "pairs", "product": "proxmox"}
    assert signed_in().post("/api/v1/rehearsals", drill, content_type="application/json").status_code == 201
    assert signed_in().get(f"/api/v1/rehearsals/{Run.objects.get().pk}/events?after=x").status_code == 400


def test_pages_hold_no_script_and_no_style_of_their_own(estate: Estate):
    addresses = [*addresses_of(estate), f"/estates/{estate.pk}/rehearse/?name=Blue"]
    for address in addresses:
        content = signed_in().get(address).content.decode()
        for banned in ("<style", " style=", " onclick=", "<script>"):
            assert banned not in content, (address, banned)


def test_hostile_names_stay_text():
    from planner.estate import VM, Host
    from planner.estate import Estate as PlannerEstate

    hostile = "</script><img src=x onerror=alert(1)>"
    hosts = tuple(
        Host(name=name, cluster="C", sockets=1, cores=8, cpu_mhz=2000.0, memory_mib=65536)
        for name in (hostile, "h2")
    )
    vm = VM(name=hostile + "vm", host=hostile, power="on", vcpus=1, memory_mib=1024, disk_mib=1)
    estate = kept(PlannerEstate(hosts=hosts, vms=(vm,)).sorted(), "hostile")
    client = signed_in()
    script = client.get(f"/estates/{estate.pk}/rehearse/?name=C").content.decode()
    assert "<img src=x" not in script
    wanted = question.of_cluster(snapshot.load(estate), "C", question.suggestion([hostile]))
    rehearsal = rehearsed(services.start_rehearsal(administrator(), wanted, estate, "hostile"))
    assert rehearsal.run.state == "succeeded"
    assert "<img src=x" not in client.get(f"/rehearsals/{rehearsal.pk}/").content.decode()


def test_the_pages_ask_no_more_queries_for_a_longer_rehearsal(estate: Estate):
    short = rehearsed(asked(estate, "at 5 fail esx2\n"))
    long = rehearsed(
        asked(
            estate, "".join(f"at {100 * n} fail esx3\nat {100 * n + 50} repair esx3\n" for n in range(1, 60))
        )
    )
    assert long.events.count() > 4 * short.events.count()
    counts, client = [], signed_in()
    for rehearsal in (short, long):
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/rehearsals/{rehearsal.pk}/")
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 25


def test_the_pages_speak_french(estate: Estate):
    english = {
        text
        for text, french in messages().items()
        if isinstance(text, str) and len(text) > 20 and text not in french
    }
    client = signed_in(**{"accept-language": "fr"})
    for address in [*addresses_of(estate)[1:], f"/estates/{estate.pk}/rehearse/?name=Blue"]:
        said = client.get(address).content.decode()
        assert 'lang="fr"' in said
        assert {text for text in english if text in said} == set(), address
    played = Rehearsal.objects.filter(drill="", run__state="succeeded").first()
    texts = {event["text"] for event in client.get(f"/api/v1/rehearsals/{played.pk}/events").json()["events"]}
    assert not {text for text in texts if "power lost" in text}
