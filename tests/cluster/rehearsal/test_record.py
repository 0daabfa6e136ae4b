"""What was kept is what the engine said: the log to the byte, the bars to the second, every word known."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.test import Client

import operations.vm_event
from cluster import services
from cluster.rehearsal import question, record, words
from cluster.rehearsal.seen import phase_of
from cluster.roles import Role
from operations.engine import run as run_engine
from operations.event import event_classes
from operations.scenario import begin, read_scenario
from operations.summary import summarize
from tests.cluster.people import administrator, person
from tests.cluster.rehearsal.worlds import asked, rehearsed, stored

SCENARIOS = Path(__file__).parents[3] / "scenarios"
NAMES = sorted(folder.parent.name for folder in SCENARIOS.glob("*/script"))
SERVES = {"running", "moving", "failover", "off"}  # as static/js/rehearsal/play.js has them
SCRIPTS = Path(__file__).parents[3] / "static" / "js" / "rehearsal"


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_the_log_of_a_scenario_is_the_expected_one_to_the_byte(name: str):
    run = services.start_rehearsal(administrator(), question.of_scenario(name), None, name)
    rehearsal = rehearsed(run)
    assert rehearsal.run.state == "succeeded", rehearsal.run.error
    assert "".join(record.log_lines(rehearsal)) == (SCENARIOS / name / "log.expect").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_bars_of_the_page_are_as_long_as_the_outages_of_the_summary(name: str):
    scenario = read_scenario(SCENARIOS / name)
    state, driver = begin(scenario.estate, scenario.script)
    since = {vm.name: 0.0 for vm in state.vms.values() if phase_of(vm) not in SERVES}
    out_s = dict.fromkeys(state.vms, 0.0)
    for event in run_engine(state, scenario.script.policies, driver):
        for vm in state.vms.values():
            serves = phase_of(vm) in SERVES
            if serves and vm.name in since:
                out_s[vm.name] += event.at_s - since.pop(vm.name)
            elif not serves:
                since.setdefault(vm.name, event.at_s)
    for name_of_vm, began_s in since.items():
        out_s[name_of_vm] += state.now - began_s
    wanted = {vm.name for vm in state.vms.values() if phase_of(vm) != "off"}
    told = {outage.vm: outage.outage_s for outage in summarize(state).outages}
    assert {vm: s for vm, s in out_s.items() if s > 0 and vm in wanted} == pytest.approx(
        {vm: s for vm, s in told.items() if s > 0}
    )


def test_the_phases_that_serve_are_the_same_in_the_browser():
    text = (SCRIPTS / "play.js").read_text()
    assert set(re.findall(r'"([^"]+)"', re.search(r"SERVES = new Set\((.*?)\)", text)[1])) == SERVES


def test_every_kind_of_event_and_every_word_of_the_scripts_has_a_name():
    assert operations.vm_event  # its kinds are known once it is imported
    assert {each.kind for each in event_classes()} == set(words.KINDS)
    said = set()
    for script in SCRIPTS.glob("*.js"):
        said |= set(re.findall(r'\bsay\("(\w+)"', script.read_text()))
    menu = (SCRIPTS / "menu.js").read_text()
    verbs = set(re.findall(r'"([a-z-]+)"', menu[menu.index("const OF_HOST") : menu.index("// `done")]))
    said |= verbs - set(words.HOST_STATES)
    said |= {"play", "pause", "stop", "cut"}  # "cut" is a state of a host as well
    assert said == set(words.for_scripts()["says"])


@pytest.mark.django_db
def test_the_exports_hold_everything_for_programs():
    rehearsal = rehearsed(asked(stored()))
    client = Client(headers={"accept-language": "fr"})
    client.force_login(person(Role.AUDITOR))
    text = client.get(f"/rehearsals/{rehearsal.pk}/log.txt")
    assert text["Content-Disposition"].startswith('attachment; filename="headroom-blue-')
    lines = b"".join(text.streaming_content).decode().splitlines()
    assert lines[2] == "   120.0  host-failed       esx3         power lost; VMs with it: 2"
    whole = json.loads(client.get(f"/rehearsals/{rehearsal.pk}/log.json").content)
    assert whole["format"] == "headroom-rehearsal/1"
    assert [event["number"] for event in whole["events"]] == list(range(1, len(lines) + 1))
    assert {outage["vm"]: outage["outage_s"] for outage in whole["outages"]} == {"app1": 60.0, "db 3": 60.0}
    assert whole["script"].startswith("profile vsphere\nat 120 fail esx3\n")
    assert client.get(f"/rehearsals/{rehearsal.pk}/log.exe").status_code == 404


@pytest.mark.django_db
def test_what_would_have_saved_them_is_kept_and_given_to_programs_and_pages(client: Client):
    run = services.start_rehearsal(administrator(), question.of_scenario("site-fails"), None, "site-fails")
    rehearsed(run)
    client.force_login(administrator())
    what = "shared storage: every host mounts every datastore"
    told = client.get(f"/api/v1/rehearsals/{run.pk}").json()["rescues"]
    assert [(one["what"], one["saves"]) for one in told] == [(what, ["old1"])]
    downloaded = json.loads(client.get(f"/rehearsals/{run.pk}/log.json").content)
    assert downloaded["rescues"] == told
    tree = b"".join(client.get(f"/rehearsals/{run.pk}/log.tree").streaming_content).decode()
    assert "\n  85.0  host-dead         esx1" in tree
    assert "\n    85.0  host-fenced       esx1" in tree
    assert what in client.get(f"/rehearsals/{run.pk}/").content.decode()
