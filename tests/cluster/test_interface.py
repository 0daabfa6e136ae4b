"""The interface answers as its document says: schemathesis asks what it allows and what it forbids."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cluster import pace, queueing, tasks, tokens
from cluster.api.document import address, document
from cluster.api.door import CALLS
from cluster.gates import GATES
from cluster.models import Estate, Run, Variant
from cluster.roles import OPENS, Action, Role
from cluster.tokens import NEVER
from planner.formats.document import write_document
from tests.cluster.estates import estate_of
from tests.cluster.people import administrator, person
from tests.cluster.test_every_route import World, routes

pytestmark = pytest.mark.django_db
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ASKED = settings(
    max_examples=4,
    deadline=None,
    database=None,
    derandomize=True,  # the same questions in every run
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
FAILS = "at 120 fail esx0\nuntil 600\n"


class Program:
    """A program with a key, on one estate of everything."""

    def __init__(self, user: User, *actions: Action) -> None:
        _, self.key = tokens.make(user, "program", actions, 1, [])
        self.headers = {"Authorization": f"Bearer {self.key}"}
        self.client = Client(headers=self.headers, enforce_csrf_checks=True)

    def ask(self, method: str, where: str, body: Any = None, status: int | None = None) -> Any:
        more = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        found = getattr(self.client, method)(f"/api/v1/{where}", **more)
        assert status is None or found.status_code == status, found.content
        return found.json() if found.get("Content-Type", "") == "application/json" else found

    def work(self, where: str, body: Any = None) -> Run:
        """Ask for a run and let it be worked on, as a worker would."""
        return worked(self.ask("post", where, body, 201)["run"])


def worked(pk: str) -> Run:
    run = Run.objects.get(pk=pk)
    name = queueing.TASKS[Run.Kind(run.kind)].rpartition(".")[2]
    getattr(tasks, name)(str(run.pk))
    run.refresh_from_db()
    assert run.state == "succeeded", run.error
    return run


def everybody() -> User:
    """A person of every role: the site is told that it is too small to keep them apart."""
    user = User.objects.create_user("everybody")
    user.groups.set(Group.objects.filter(name__in=[role.value for role in Role]))
    return user


def imported(program: Program, vms: int = 20) -> Estate:
    content = ContentFile(write_document(estate_of(vms)), "site.json")
    answer = program.client.post("/api/v1/estates", {"file": content, "name": "site"})
    assert answer.status_code == 201, answer.content
    worked(answer.json()["run"])
    return Estate.objects.get(name="site")


@pytest.fixture
def program() -> Program:
    user = administrator()
    return Program(user, *(OPENS[Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR] - NEVER))


# -- the document


def test_every_call_of_the_document_has_a_gate_and_every_gate_a_call() -> None:
    named = {route.name for route in routes() if (route.name or "").startswith("api-")}
    assert named == {call.name for call in CALLS} | {"api-openapi"}
    assert named <= set(GATES)
    told = {(where, method) for where, methods in document()["paths"].items() for method in methods}
    assert told == {(address(call), call.method.lower()) for call in CALLS}


def test_the_document_is_openapi_3_1_for_whoever_is_signed_in(program: Program) -> None:
    assert Client().get("/api/v1/openapi.json").status_code == 401
    told = program.ask("get", "openapi.json", status=200)
    assert told["openapi"] == "3.1.0"
    ids = [one["operationId"] for methods in told["paths"].values() for one in methods.values()]
    assert len(ids) == len(set(ids)) > 100


def test_a_body_has_the_fields_bounds_and_defaults_of_its_form() -> None:
    shapes = document()["components"]["schemas"]
    assert shapes["WebhookAsked"]["properties"]["kinds"]["default"] == ["done", "failed"]
    failures = shapes["PlanAsked"]["properties"]["failures"]
    assert (failures["default"], failures["minimum"]) == (1, 0)
    assert shapes["PlanAsked"]["properties"]["licence"]["enum"] == ["vvf", "vcf", "none"]
    assert shapes["BalanceAsked"]["properties"]["failures"] == {
        "title": "Keep what hosts may fail", "default": 1, "enum": [0, 1, 2], "type": "integer",
    }  # fmt: skip
    assert not shapes["WishAsked"]["additionalProperties"]


# What a screen changes and the interface does not, each with its reason.
EXCEPT = {
    "own_password": "a token must not take its owner's account over",
    "second_factor": "a program has a token",
    "second_factor_set": "a person's app",
    "second_factor_codes": "a person's app",
    "second_factor_remove": "a person's app",
    "tokens_add": "a token must not make another",
    "token_remove": "tokens are kept where they are made",
    "session_end": "programs have no session",
    "set_language": "a program says Accept-Language",
    "first_run_put_away": "a card of one's own overview",
    "first_run_take_out": "a card of one's own overview",
    "view_save": "addresses of pages",
    "view_drop": "addresses of pages",
    "login": "a program has a token",
    "logout": "a program has a token",
    "estate_vms_chosen": "begin a variant, then add the change: two calls",
}
# What a screen changes, and the call that does the same.
SAME = {
    "import": "api-estates", "import_demo": "api-demo", "estate_remove": "api-estate",
    "run_cancel": "api-run-cancel",
    "rehearse_example": "api-rehearsals", "rehearse_again": "api-rehearsals", "rehearse": "api-rehearsals",
    "drill": "api-rehearsals",
    "plan": "api-plans", "study_ask": "api-failures",
    "wiring_examine": "api-paths", "availability_ask": "api-availability", "wiring_design": "api-designs",
    "wiring_edit": "api-components", "wiring_remove": "api-components", "wiring_undo": "api-undo",
    "costs_ask": "api-costs", "costs_hosts_ask": "api-hosts-to-buy", "variants_compare": "api-comparison",
    "variants_begin": "api-variants", "variant_change": "api-variant-changes",
    "variant_act": "api-variant-deeds",
    "project_plan": "api-projects", "project_drop": "api-project", "ahead_history": "api-history",
    "prices": "api-books", "price_book": "api-book",
    "connection_add": "api-connections", "connection_change": "api-connection",
    "connection_remove": "api-connection", "connection_refresh": "api-connection-refresh",
    "operation_propose": "api-operations", "operation_approve": "api-operation-approve",
    "operation_cancel": "api-operation-cancel", "operation_abort": "api-operation-abort",
    "operation_line": "api-line",
    "mail_add": "api-schedules", "mail_remove": "api-schedule", "mail_now": "api-schedule-now",
    "mail_again": "api-letter-again",
    "webhook_add": "api-webhooks", "webhook_turn": "api-webhook-turn", "webhook_renew": "api-webhook-secret",
    "webhook_remove": "api-webhook",
    "wish_ask": "api-wishes", "wish_answer": "api-wish-answer", "wish_withdraw": "api-wish-withdraw",
    "people_add": "api-people", "people_change": "api-person", "people_password": "api-person-password",
    "people_factor": "api-person-factor",
    "scope_add": "api-scopes", "scope_remove": "api-scope",
    "audit_verify": "api-audit-verify", "audit_take": "api-audit-export",
}  # fmt: skip


def only_posts(view: Any) -> bool:
    """Whether a view is one of `require_POST`."""
    while view is not None:
        if inspect.isfunction(view) and "POST" in inspect.getclosurevars(view).nonlocals.get(
            "request_method_list", ()
        ):
            return True
        view = getattr(view, "__wrapped__", None)
    return False


def test_whatever_a_screen_changes_the_interface_changes_too() -> None:
    screens = [route for route in routes() if not (route.name or "").startswith("api-")]
    changing = {
        route.name for route in screens
        if only_posts(route.callback) or (gate := GATES[route.name]).post != gate.get
    }  # fmt: skip
    assert len(changing) > 50
    assert changing - set(SAME) - set(EXCEPT) == set()
    assert not set(SAME) & set(EXCEPT)
    assert set(SAME) | set(EXCEPT) <= {route.name for route in screens}
    assert set(SAME.values()) <= {call.name for call in CALLS if call.method != "GET"}
    for screen, call in SAME.items():
        if screen not in ("rehearse_example", "rehearse", "rehearse_again", "drill", "import", "scope_add"):
            assert GATES[screen].post == GATES[call].post, (screen, call)


# -- a program's day


def test_a_program_does_what_a_person_would_from_a_file_to_the_cost(program: Program) -> None:
    estate = imported(program)
    at = f"estates/{estate.pk}"
    assert [one["name"] for one in program.ask("get", at, status=200)["clusters"]] == ["A", "B"]
    made = program.work(f"{at}/plans", {"failures": 2, "licence": "none", "cluster": "A"})
    [newest, *_] = program.ask("get", f"{at}/plans")["rows"]
    assert (newest["cluster"], newest["run"]) == ("A", str(made.pk))
    report = program.ask("get", f"{at}/plans/{newest['id']}", status=200)
    assert report["parameters"]["failures"] == 2
    vms = program.ask("get", f"{at}/vms?cluster=A&limit=3", status=200)
    assert len(vms["rows"]) == 3
    assert (vms["more"], vms["count"] > 3) == (True, True)
    assert {vm["cluster_name"] for vm in vms["rows"]} == {"A"}
    assert program.ask("get", f"{at}/vms?template=true", status=200)["count"] == 0
    assert program.ask("get", f"{at}/vms?template=false", status=200)["count"] == 20
    assert program.client.get(f"/api/v1/{at}/vms?power=asleep").status_code == 400
    for kind in ("failures", "balance", "placement"):
        program.work(f"{at}/studies/{kind}", {"cluster": "A"})
        [study] = program.ask("get", f"{at}/studies?kind={kind}", status=200)["rows"]
        assert study["answer"] is None
        assert program.ask("get", f"{at}/studies/{study['id']}", status=200)["answer"]
    program.work(f"{at}/costs", {"platforms": ["proxmox"], "years": 3})
    cost = program.ask("get", f"{at}/costs", status=200)
    assert {one["bill"]["design"]["key"] for one in cost["answer"]["designs"]} == {"today", "proxmox"}
    assert program.ask("get", f"{at}/costs/lines", status=200)
    assert program.client.get(f"/api/v1/{at}/report?ending=csv").status_code == 200
    assert program.client.delete(f"/api/v1/{at}").status_code == 204
    assert program.ask("get", at)["error"]


def test_a_program_begins_changes_compares_and_commits_variants(program: Program) -> None:
    estate = imported(program)
    at = f"estates/{estate.pk}/variants"
    made = program.ask("post", at, {"name": "fewer"}, 201)
    host = program.ask("get", f"estates/{estate.pk}/hosts?cluster=A")["rows"][0]["name"]
    changed = program.ask("post", f"{at}/{made['id']}/changes", {"kind": "drop-hosts", "names": [host]}, 201)
    assert [one["type"] for one in changed["changes"]] == ["drop-hosts"]
    refused = program.ask("post", f"{at}/{made['id']}/changes", {"kind": "drop-hosts", "names": ["no"]}, 400)
    assert list(refused["where"]) == ["names"]
    program.work(f"estates/{estate.pk}/comparison", {"variants": [made["id"]], "platforms": "proxmox"})
    assert program.ask("get", f"estates/{estate.pk}/comparison", status=200)["kind"] == "variants"
    deed = program.ask("post", f"{at}/{made['id']}/deeds", {"deed": "commit"}, 200)
    assert deed["committed_at"]
    assert program.ask("delete", f"{at}/{made['id']}", status=400)["error"]
    program.ask("post", f"{at}/{made['id']}/deeds", {"deed": "release"}, 200)
    assert program.client.delete(f"/api/v1/{at}/{made['id']}").status_code == 204
    assert not Variant.objects.exists()


def test_a_program_examines_the_wiring_and_draws_it(program: Program) -> None:
    estate = imported(program)
    at = f"estates/{estate.pk}"
    assert program.ask("get", f"{at}/paths", status=404)["error"]
    program.work(f"{at}/availability", {"years": 100, "seed": 3})
    assert program.ask("get", f"{at}/availability", status=200)["seed"] == 3
    assert "single_points" in program.ask("get", f"{at}/paths", status=200)
    edit = program.ask("post", f"{at}/wiring/switch", {"values": {"name_new": "sw9"}}, 201)
    assert (edit["kind"], edit["name"]) == ("switch", "sw9")
    assert "sw9" in {one["name"] for one in program.ask("get", f"{at}/wiring/switch", status=200)}
    assert program.ask("post", f"{at}/wiring/undo", {"last": edit["id"] + 1}, 200) == {"done": False}
    assert program.ask("post", f"{at}/wiring/undo", {"last": edit["id"]}, 200) == {"done": True}
    assert program.ask("get", f"{at}/wiring/edits", status=200)["rows"] == []
    blast = program.ask("get", f"{at}/blast?cluster=A&fail=host:esx0", status=200)
    assert blast["vms"]


def test_a_program_rehearses_and_reads_the_log(program: Program) -> None:
    estate = imported(program)
    body = {"estate": estate.pk, "cluster": "A", "script": FAILS}
    started = program.ask("post", "rehearsals", body, 201)
    worked(started["id"])
    assert program.ask("get", "rehearsals", status=200)["rows"][0]["id"] == started["id"]
    log = b"".join(program.client.get(f"{started['url']}/log").streaming_content)
    assert b"host-failed" in log
    bad = program.ask("post", "rehearsals", {**body, "script": "at 5 fail nobody"}, 400)
    assert (bad["line"], bad["word"]) == (1, "nobody")
    assert {one["name"] for one in program.ask("get", "scenarios", status=200)} >= {"host-failure"}


def test_errors_have_one_shape_and_name_the_field(program: Program) -> None:
    estate = imported(program)
    at = f"estates/{estate.pk}"
    told = program.ask("post", f"{at}/plans", {"failures": -1, "colour": "red"}, 400)
    assert set(told["where"]) == {"failures", "colour"}
    told = program.ask("post", f"{at}/plans", {"host_cores": 4, "host_sockets": 8}, 400)
    assert told["where"]["host_sockets"] == [told["error"]]
    answer = program.client.post(f"/api/v1/{at}/plans", "{", content_type="application/json")
    assert (answer.status_code, set(answer.json())) == (400, {"error"})
    answer = program.client.put(f"/api/v1/{at}")
    assert (answer.status_code, set(answer["Allow"].split(", ")), set(answer.json())) == (
        405,
        {"GET", "DELETE"},
        {"error"},
    )
    assert set(program.ask("get", "estates/999999", status=404)) == {"error"}
    french = Client(headers={**program.headers, "Accept-Language": "fr"}).get("/api/v1/estates/999999")
    assert french.json()["error"] != program.ask("get", "estates/999999")["error"]


def test_no_token_manages_people_or_connections_or_approves() -> None:
    user = everybody()
    program = Program(user, *(set(Action) - NEVER))
    for where in ("people", "connections", "webhooks"):
        assert program.ask("get", where, status=403)["error"]
    session = Client()
    session.force_login(user)
    for where in ("people", "connections", "webhooks"):
        assert session.get(f"/api/v1/{where}").status_code == 200


def test_a_change_by_a_session_needs_its_csrf_token_whatever_the_method() -> None:
    world = World(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)
    session = Client(enforce_csrf_checks=True)
    session.force_login(world.user)
    where = f"/api/v1/estates/{world.own.estate.pk}"
    for answer in (session.delete(where), session.post(f"{where}/paths"), session.post("/api/v1/estates")):
        assert answer.status_code == 403
        assert "error" in answer.json()
    assert Estate.objects.filter(pk=world.own.estate.pk).exists()


def test_a_part_of_a_foreign_estate_is_not_found_by_any_method() -> None:
    world = World(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)
    own, foreign = f"/api/v1/estates/{world.own.estate.pk}", world.foreign
    growth, deed = {"kind": "growth", "percent": 5}, {"deed": "commit"}
    variant = f"{own}/variants/{foreign.variant.pk}"
    for answer in (
        world.client.post(f"{variant}/changes", growth, content_type="application/json"),
        world.client.post(f"{variant}/deeds", deed, content_type="application/json"),
        world.client.delete(variant),
        world.client.delete(f"{own}/projects/{foreign.project.pk}"),
        world.client.get(f"{own}/plans/{foreign.plan.pk}"),
    ):
        assert answer.status_code == 404, answer.content
    assert Variant.objects.filter(pk=foreign.variant.pk, changes=[], committed_at=None).exists()


def test_whatever_the_method_a_change_is_counted(settings: Any, valkey_url: str, program: Program) -> None:
    settings.FEED_URL = valkey_url
    pace._client.cache_clear()
    settings.CHANGES_PER_MINUTE = 3
    codes = [program.client.delete("/api/v1/estates/7").status_code for _ in range(9)]  # a minute may end
    assert codes[:3] == [404, 404, 404]
    assert 429 in codes[3:]
    slow = program.client.delete("/api/v1/estates/7")
    if slow.status_code == 429:
        assert (set(slow.json()), slow["Retry-After"]) == ({"error"}, "60")
    assert program.client.get("/api/v1/estates").status_code == 200
    pace._client.cache_clear()


# -- what the document allows and what it forbids


def asked_of_everything(
    reader: dict[str, str],
    headers: dict[str, str],
    keys: dict[str, Any],
    cookies: dict[str, str],
    *,
    by_token: bool,
) -> list[int]:
    """Ask what the document allows and forbids, about things that are there; give the statuses.

    By token, every call that a token may open; else those that none does.
    """
    app = get_wsgi_application()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, headers=reader)
    statuses: list[int] = []
    wrong: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        [call] = [
            one for one in CALLS if one.method.lower() + address(one) == operation.method + operation.path
        ]
        gate = GATES[call.name]
        if ((gate.get if call.method == "GET" else gate.post) in NEVER) == by_token:
            continue
        thing = gate.of
        fixed = {"pk": keys[thing]} if thing in keys else {}
        for mode in MODES:

            @ASKED
            @given(case=operation.as_strategy(generation_mode=mode, path_parameters=fixed))
            def ask(case: schemathesis.Case) -> None:
                with transaction.atomic():
                    answer = case.call(headers=headers, cookies=cookies)
                    transaction.set_rollback(True)
                case.validate_response(answer, checks=CHECKS)
                statuses.append(answer.status_code)

            try:
                ask()
            except FailureGroup as group:
                wrong += [f"{operation.label}, {mode.value}: {one}" for one in group.exceptions]
    assert not wrong, "\n".join(wrong)
    return statuses


def with_answers(program: Program) -> dict[str, Any]:
    """An estate of which everything was asked, and what addresses name of it."""
    estate = imported(program)
    at = f"estates/{estate.pk}"
    program.work(f"{at}/paths")
    program.work(f"{at}/studies/failures", {"cluster": "A"})
    program.work(f"{at}/costs", {})
    program.work(f"{at}/hosts-to-buy", {"platforms": ["proxmox"]})
    program.ask("post", f"{at}/variants", {"name": "same"}, 201)
    return {"estate": estate.pk, "part": estate.pk}


@pytest.fixture
def no_pace(settings: Any) -> None:
    settings.API_CALLS_PER_MINUTE = settings.CHANGES_PER_MINUTE = settings.SIGN_INS_PER_MINUTE = 10**6
    settings.ALLOWED_HOSTS = ["*"]


def test_a_token_of_an_administrator_gets_what_the_document_says(program: Program, no_pace: None) -> None:
    world = World(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)
    keys = {**world.own.keys, **with_answers(program)}
    statuses = asked_of_everything(program.headers, program.headers, keys, {}, by_token=True)
    assert {200, 201, 204, 400, 403, 404} <= set(statuses)
    assert statuses.count(200) > 100


def test_a_session_gets_what_the_document_says_where_no_token_may(settings: Any, no_pace: None) -> None:
    settings.ALLOW_ROLE_CONFLICTS = True
    world, user = World(Role.BUYER), everybody()
    session = Client()
    session.force_login(user)
    session.get("/account/")
    cookies = {name: morsel.value for name, morsel in session.cookies.items()}
    headers = {"X-CSRFToken": cookies["csrftoken"], "Referer": "http://localhost/"}
    keys = {**world.own.keys, "book": world.book.pk}
    statuses = asked_of_everything(Program(user, Action.READ).headers, headers, keys, cookies, by_token=False)
    assert {200, 201, 204, 400, 401} <= set(statuses)


def test_nothing_leaks_to_somebody_without_a_role(no_pace: None) -> None:
    world, stranger = World(Role.BUYER), person(None)
    Estate.objects.filter(pk=world.own.estate.pk).update(name="SECRET-OF-OWN")
    client = Client()
    client.force_login(stranger)
    for call in CALLS:
        key = world.own.keys.get(GATES[call.name].of)
        where = address(call).replace("{pk}", str(key)).replace("{kind}", "switch")
        where = where.replace("{variant_pk}", str(world.own.variant.pk)).replace("{scope_pk}", "1")
        where = where.replace("{project_pk}", str(world.own.project.pk)).replace("{study_pk}", "1")
        where = where.replace("{plan_pk}", str(world.own.plan.pk))
        answer = getattr(client, call.method.lower())(where)
        assert answer.status_code in (403, 404), (call.method, where)
        assert b"SECRET" not in answer.content
        assert set(answer.json()) == {"error"}
