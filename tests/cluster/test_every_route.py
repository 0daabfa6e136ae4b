"""Every route, by every role, about a thing of its own, a foreign one and one that is not there.

What is expected stands in docs/roles.md; the routes come from the resolver, so that none is left out.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from cluster import changing, editing, feed, projects, roles, services, snapshot
from cluster.gates import GATES
from cluster.management.commands import roles as commands
from cluster.management.commands.roles import PAGE, tables
from cluster.models import (
    ApiToken,
    Connection,
    CostStudy,
    Estate,
    Event,
    Host,
    Letter,
    Observation,
    Operation,
    Plan,
    PriceBook,
    PriceBookVersion,
    Project,
    Rehearsal,
    Run,
    SavedView,
    Schedule,
    Scope,
    SignIn,
    Study,
    Variant,
    VirtualMachine,
    Webhook,
    Wish,
)
from cluster.rehearsal import question
from cluster.roles import Action, Role
from cluster.routing import websocket_urlpatterns
from planner.formats.document import write_document
from planner.paths.amend import Edit
from planner.quality import Quality, Reading
from planner.report import Parameters
from planner.report import plan as make_plan
from planner.sentence import Sentence
from tests.cluster.estates import estate_of

pytestmark = pytest.mark.django_db
ROLES = [*Role, None]
MISSING = uuid.UUID(int=7)
COLUMNS = {
    "VI admin": Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR,
    "system admin": Role.SYSTEM_ADMINISTRATOR,
    "buyer": Role.BUYER,
    "auditor": Role.AUDITOR,
    "site admin": Role.SITE_ADMINISTRATOR,
    "no role": None,
}


class Row(NamedTuple):
    """A line of the table: what the thing is, and per role what looking and changing answer."""

    of: str
    cells: dict[Role | None, str]


def printed(title: str) -> list[list[str]]:
    """The cells of a table of docs/roles.md."""
    part = PAGE.read_text().split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def expected() -> dict[str, Row]:
    head, _, *rows = printed("Role by route")
    assert [COLUMNS[name] for name in head[3:]] == ROLES
    return {row[0].strip("`"): Row(row[2], dict(zip(ROLES, row[3:], strict=True))) for row in rows}


def routes() -> Iterator[URLPattern]:
    ahead: list[Any] = [get_resolver()]
    while ahead:
        for entry in ahead.pop().url_patterns:
            if isinstance(entry, URLResolver):
                ahead.append(entry)
            else:
                yield entry


# -- the contract


def test_no_route_is_without_a_gate_and_no_gate_without_a_route() -> None:
    names = [route.name for route in routes()]
    assert None not in names
    assert set(names) == set(GATES)
    assert len(names) > 120


def test_a_route_that_nobody_listed_is_shut(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.cluster.ungated_urls"
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    assert client.get("/nobody-listed-this/").status_code == 403


def test_every_socket_is_known_here() -> None:
    """Sockets have no gate: `EventsConsumer.connect` asks for the right to read, and the hub filters."""
    assert [str(route.pattern) for route in websocket_urlpatterns] == ["ws/events/"]


def test_the_printed_tables_are_those_of_the_code() -> None:
    assert tables().strip() in PAGE.read_text()


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_right_given_or_taken_in_the_code_alone_is_seen(
    monkeypatch: pytest.MonkeyPatch, role: Role, action: Action
) -> None:
    changed = {**roles.OPENS, role: roles.OPENS[role] ^ {action}}
    monkeypatch.setattr(commands, "OPENS", changed)
    assert tables().strip() not in PAGE.read_text()


@pytest.mark.parametrize("name", GATES)
def test_a_gate_that_asks_for_something_else_is_seen(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    gate, printed = GATES[name], PAGE.read_text()
    others = [
        msgspec.structs.replace(gate, open=not gate.open),
        msgspec.structs.replace(gate, post=Action.APPROVE if gate.post != Action.APPROVE else Action.PEOPLE),
        msgspec.structs.replace(gate, get=Action.AUDIT if gate.get != Action.AUDIT else None),
    ]
    for other in others[: 1 if gate.open else 3]:
        monkeypatch.setattr(commands, "GATES", {**GATES, name: other})
        assert tables().strip() not in printed, other


def test_a_role_opens_what_the_table_of_actions_says() -> None:
    head, _, *rows = printed("Role by action")
    assert head[1:] == [action.value for action in Action]
    by_role = {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}
    assert set(by_role) == {*(role.value for role in Role), "(no role)"}
    for role in ROLES:
        user = member(role, f"one-{role}")
        from cluster.roles import may

        for action in Action:
            wanted = by_role[role.value if role else "(no role)"][action.value]
            assert may(user, action) == (wanted == "yes"), (role, action)


# -- the world


def member(role: Role | None, name: str) -> User:
    user = User.objects.create_user(name)
    user.groups.set(Group.objects.filter(name=role.value) if role else [])
    return user


class Side(NamedTuple):
    """One estate with one of everything."""

    estate: Estate
    keys: dict[str, Any]
    study_run: Run
    cost_run: Run
    plan: Plan
    variant: Variant
    project: Project


def stored(name: str, owner: str) -> Estate:
    estate = Estate.objects.create(name=name)
    reading = Reading(estate=estate_of(8, owner=owner), quality=Quality(format="json", sheets=()))
    snapshot.save(estate, reading)
    estate.refresh_from_db()
    estate.quality = msgspec.to_builtins(reading.quality)
    estate.save()
    return estate


def side(name: str, owner: str) -> Side:
    estate = stored(name, owner)
    read = snapshot.load(estate)
    reading = Reading(estate=read, quality=Quality(format="json", sheets=()))
    report = make_plan(reading, Parameters(licence="none"))
    run = Run.objects.create(kind="plan", estate=estate, estate_name=name)
    plan = Plan.objects.create(
        estate=estate, estate_revision=1, run=run, parameters=msgspec.to_builtins(Parameters()),
        report=msgspec.to_builtins(report),
    )  # fmt: skip
    rehearsing = Run.objects.create(kind="rehearsal", estate=estate, estate_name=name)
    rehearsal = question.of_cluster(read, "A", "profile vsphere\n")
    rehearsal.run = rehearsing
    rehearsal.save(force_insert=True)
    connection = Connection.objects.create(name=name, host="10.0.0.1", username="u", may_act=True)
    operation = Operation.objects.create(connection=connection, kind="migrate", subject_id="v", subject="v")
    document = zlib.compress(write_document(read))
    Observation.objects.create(
        connection=connection, estate=estate, document=document, sha256="0" * 64, hosts=4, vms=8
    )
    feed.publish("test", Sentence("of {name}", {"name": name}), subject=name, estate=estate)
    wish = Wish.objects.create(estate=estate, vm="vm000001", kind="restart")
    schedule = Schedule.objects.create(
        estate=estate, kind="pdf", language="en", rhythm="daily", recipients=[]
    )
    letter = Letter.objects.create(
        schedule=schedule, due_at="2099-01-01T00:00:00Z", estate_name=name, recipient="a@example.org"
    )
    keys = {
        "estate": estate.pk,
        "part": estate.pk,
        "host": Host.objects.filter(estate=estate).earliest("pk").pk,
        "vm": VirtualMachine.objects.filter(estate=estate).earliest("pk").pk,
        "run": run.pk,
        "rehearsal": rehearsing.pk,
        "connection": connection.pk,
        "operation": operation.pk,
        "wish": wish.pk,
        "schedule": schedule.pk,
        "letter": letter.pk,
    }
    return Side(
        estate, keys, Run.objects.create(kind="study", estate=estate, estate_name=name),
        Run.objects.create(kind="cost", estate=estate, estate_name=name), plan,
        Variant.objects.create(estate=estate, name="half"), planned(estate),
    )  # fmt: skip


def planned(estate: Estate) -> Project:
    return Project.objects.create(
        estate=estate, title="move", subject_name="A", resource="vcpu", amount=8, starts_on="2099-01-01"
    )


class World:
    """Two estates; the person's role is held to the first."""

    def __init__(self, role: Role | None) -> None:
        self.role = role
        self.own, self.foreign = side("own", "me"), side("foreign", "somebody")
        self.user = member(role, "me")
        if role is Role.SYSTEM_ADMINISTRATOR:  # one by owner, one by cluster: both kinds of part
            Scope.objects.create(person=self.user, role=role.value, owner="me")
            Scope.objects.create(person=self.user, role=role.value, estate=self.own.estate, cluster="A")
            for one in (self.own.keys["run"], self.own.keys["rehearsal"]):
                Run.objects.filter(pk=one).update(requested_by=self.user)
            Run.objects.filter(pk=self.own.study_run.pk).update(requested_by=self.user)
            Operation.objects.filter(pk=self.own.keys["operation"]).update(requested_by=self.user)
            Wish.objects.filter(pk=self.own.keys["wish"]).update(asked_by=self.user)
        elif role and role is not Role.SITE_ADMINISTRATOR:
            Scope.objects.create(person=self.user, role=role.value, estate=self.own.estate)
        self.other = member(Role.BUYER, "other")
        Wish.objects.filter(asked_by=None).update(asked_by=self.other)
        Operation.objects.filter(requested_by=None).update(requested_by=self.other)
        self.book = PriceBook.objects.create(name="book")
        PriceBookVersion.objects.create(book=self.book, version=1, rows=[])
        self.client = Client(raise_request_exception=False)
        self.client.force_login(self.user)
        hook = Webhook.objects.create(name="hook", url="https://example.org/")
        self.own.keys.update(self._about(self.user), book=self.book.pk, webhook=hook.pk)
        self.foreign.keys.update(self._about(self.other), book=None, person=None, webhook=None)

    @staticmethod
    def _about(person: User) -> dict[str, Any]:
        token = ApiToken.objects.create(
            person=person, name="t", sha256=f"{person.pk:064}", expires_at="2099-01-01T00:00:00Z"
        )
        kept = SessionStore()
        kept.create()
        session = SignIn.objects.create(person=person, session_key=kept.session_key)
        view = SavedView.objects.create(person=person, name="mine", address="/events/")
        return {"token": token.pk, "session": session.pk, "person": person.pk, "view": view.pk}

    def address(self, route: URLPattern, of: str, key: Any, where: Side) -> str:
        taken = set(route.pattern.converters)
        arguments = {"pk": key} if "pk" in taken else {}
        if "kind" in taken:
            arguments["kind"] = {
                "chart": "heatmap", "costs_chart": "bridge", "variant_change": "growth",
                "api-components": "switch",
            }.get(route.name, "failures")  # fmt: skip
        if "ending" in taken:
            arguments["ending"] = {"rehearsal_log": "txt"}.get(route.name, "csv")
        if "run_pk" in taken:
            arguments["run_pk"] = {
                "plan_answer": where.keys["run"], "study_answer": where.study_run.pk,
            }.get(route.name, where.cost_run.pk)  # fmt: skip
        if "scope_pk" in taken:
            arguments["scope_pk"] = 0
        named = {"variant_pk": where.variant.pk, "project_pk": where.project.pk, "version": 1}
        named |= {"plan_pk": where.plan.pk, "study_pk": 999_999}
        named |= {"what": "variant", "deed": "release"} | named_of(route)
        arguments |= {key: value for key, value in named.items() if key in taken}
        return reverse(route.name, kwargs=arguments) + "?name=A&cluster=A&q=vm"

    def answers(self, route: URLPattern, of: str, key: Any, where: Side) -> dict[str, int]:
        address = self.address(route, of, key, where)
        found = {}
        for method in ("get", "post"):
            with transaction.atomic():
                sent = {} if method == "get" else {"cluster": "A"}
                found[method] = getattr(self.client, method)(address, sent or None).status_code
                transaction.set_rollback(True)
            self.client.force_login(self.user) if route.name == "logout" else None
        return found


# A thing that the world has not made: the view itself says that it is not there.
NOT_MADE = {
    "ahead_chart",
    "availability_json",
    "topology_json",
    "blast_json",
    "wiring_remove",
    "costs_chart",
    "costs_lines",
    "costs_report",
    "wiring_design",
    "set_language",
    # of the interface
    "api-availability",
    "api-blast",
    "api-comparison",
    "api-cost-lines",
    "api-costs",
    "api-differences",
    "api-hosts-to-buy",
    "api-outlook",
    "api-paths",
    "api-plan-report",
    "api-sizes",
    "api-study",
    "api-topology",
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_from_every_route_what_the_table_says(role: Role | None) -> None:
    world, table = World(role), expected()
    wrong = []
    for route in routes():
        row = table[route.name]
        for method, got in world.answers(route, row.of, world.own.keys.get(row.of), world.own).items():
            cell = row.cells[role]
            mark = cell if cell == "404" else cell.split()[method == "post"]
            if mark == "+":
                fine = got < 500 and got not in ((401, 403) if route.name in NOT_MADE else (401, 403, 404))
            else:
                fine = got in ((404,) if mark == "404" else (403, 404) if row.of != "-" else (403,))
            if route.name in ("livez", "readyz", "metrics", "login", "logout", "oidc", "oidc_back"):
                fine = got not in (401, 403)
            if route.name in ("import_demo", "api-demo") and method == "post" and mark == "+":
                fine = got == 403  # it makes an estate: a role that is held to one makes no other
            if not fine:
                wrong.append((route.name, method, mark, got))
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_what_is_foreign_and_what_is_not_there_are_both_not_found(role: Role | None) -> None:
    world, table = World(role), expected()
    wrong, asked = [], 0
    for route in routes():
        of = table[route.name].of
        if of == "-":
            continue
        is_uuid = type(route.pattern.converters["pk"]).__name__ == "UUIDConverter"
        for what, key in (("foreign", world.foreign.keys[of]), ("missing", MISSING if is_uuid else 999_999)):
            if key is None or (role is Role.SITE_ADMINISTRATOR and of == "connection" and what == "foreign"):
                continue  # prices, people and connections belong to no estate
            for method, got in world.answers(route, of, key, world.foreign).items():
                asked += 1
                if got != 404:
                    wrong.append((route.name, what, method, got))
    assert wrong == []
    assert asked > 150


def test_a_part_of_a_foreign_estate_is_not_found_below_ones_own() -> None:
    """`/estates/own/variants/foreign/`: the gate lets the estate pass, the view asks for its part."""
    world = World(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)
    own, theirs = world.own, world.foreign
    parts = {
        "variant_pk": theirs.variant.pk, "project_pk": theirs.project.pk, "run_pk": theirs.cost_run.pk,
        "plan_pk": theirs.plan.pk,
    }  # fmt: skip
    wrong, asked = [], 0
    for route in routes():
        taken = set(route.pattern.converters) & set(parts)
        if not taken:
            continue
        mixed = own._replace(
            variant=theirs.variant, project=theirs.project, cost_run=theirs.cost_run, plan=theirs.plan
        )
        mixed = mixed._replace(study_run=theirs.study_run, keys={**own.keys, "run": theirs.keys["run"]})
        row = expected()[route.name]
        for method, got in world.answers(route, row.of, own.keys[row.of], mixed).items():
            asked += 1
            of_programs = route.name.startswith("api-")  # other methods, and bodies that are read first
            fine = (400, 404, 405) if of_programs else (404,) if method == "post" else (404, 405)
            if got not in fine:
                wrong.append((route.name, method, got))
    assert wrong == []
    assert asked >= 14
    assert Variant.objects.filter(pk=theirs.variant.pk, changes=[]).exists()
    assert Project.objects.filter(pk=theirs.project.pk).exists()


@pytest.mark.parametrize("role", ROLES)
def test_nothing_foreign_stands_on_any_page(role: Role | None) -> None:
    """The name of the foreign estate and the number of its VM are on no page of somebody held to his own."""
    world = World(role)
    VirtualMachine.objects.filter(estate=world.foreign.estate).update(folder="SECRET-OF-FOREIGN")
    Event.objects.filter(estate=world.foreign.estate).update(subject="SECRET-OF-FOREIGN")
    Estate.objects.filter(pk=world.foreign.estate.pk).update(name="SECRET-OF-FOREIGN")
    VirtualMachine.objects.filter(estate=world.foreign.estate, name="vm000003").update(
        name="vm-SECRET-OF-FOREIGN"
    )
    shown, keeps_connections = [], role is Role.SITE_ADMINISTRATOR
    for route in routes():
        if "pk" in route.pattern.converters:
            continue
        for query in ("", "?q=SECRET", "?name=SECRET&text=SECRET"):
            answer = world.client.get(reverse(route.name, kwargs=named_of(route)) + query)
            body = b"" if answer.streaming else answer.content
            asked = b"SECRET-OF-FOREIGN" in body
            if asked and not (keeps_connections and route.name.startswith("people")):
                shown.append((route.name, query))
    assert shown == []


def named_of(route: URLPattern) -> dict[str, str]:
    """What an address names that belongs to no estate."""
    if route.name == "help_page":
        return {"shelf": "formulas", "name": "sizing"}
    return {"name": sorted(question.examples())[0]} if "name" in route.pattern.converters else {}


def test_an_owner_of_vms_sees_these_and_no_other() -> None:
    estate = stored("house", "ada")
    others = VirtualMachine.objects.filter(estate=estate, name="vm000003")
    others.update(owner="bob", name="not-adas", cluster_name="bobs-cluster")
    Host.objects.filter(estate=estate, name="esx0").update(cluster_name="bobs-cluster")
    client = Client()
    client.force_login(member(Role.SYSTEM_ADMINISTRATOR, "ADA"))
    page = client.get(f"/estates/{estate.pk}/vms/").content.decode()
    assert "vm000001" in page
    assert "not-adas" not in page
    assert "bobs-cluster" not in page
    assert "not-adas" not in client.get(f"/estates/{estate.pk}/vms.csv").content.decode()
    assert client.get(f"/estates/{estate.pk}/hosts/?").content.decode().count("<tbody>") <= 1
    hosts = client.get(f"/estates/{estate.pk}/hosts/").content.decode()
    assert "esx0</a>" not in hosts
    assert "bobs-cluster" not in hosts
    own = VirtualMachine.objects.get(estate=estate, name="vm000001")
    other = VirtualMachine.objects.get(estate=estate, name="not-adas")
    assert client.get(f"/vms/{own.pk}/").status_code == 200
    assert client.get(f"/vms/{other.pk}/").status_code == 404
    assert f"/vms/{other.pk}/" not in client.get("/search/?q=not-adas").content.decode()
    assert client.get(f"/estates/{estate.pk}/").status_code == 302


def test_services_ask_again_whatever_the_pages_did() -> None:
    """The same people, past every page."""
    from django.core.exceptions import PermissionDenied
    from django.core.files.base import ContentFile

    world = World(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)
    mine, theirs = world.own.estate, world.foreign.estate
    user = User.objects.get(pk=world.user.pk)
    assert services.start_plan(user, mine, Parameters()).estate == mine
    foreign = Run.objects.get(pk=world.foreign.keys["run"])
    for deed in (
        lambda: services.start_plan(user, theirs, Parameters()),
        lambda: services.start_wiring(user, theirs),
        lambda: services.start_pricing(user, theirs, {}),
        lambda: services.change_design(user, theirs, "A", "two-switches", laid=True),
        lambda: services.start_rehearsal(user, Rehearsal(script="", product="vsphere"), theirs, "x"),
        lambda: services.cancel(user, foreign),
        lambda: services.remove_estate(user, theirs),
        lambda: changing.begin(user, theirs, "mine"),
        lambda: changing.begin(user, mine, "mine", world.foreign.variant),
        lambda: changing.commit(user, world.foreign.variant),
        lambda: changing.remove(user, world.foreign.variant),
        lambda: editing.make_edit(user, theirs, Edit(kind="switch", name="s")),
        lambda: editing.undo_edit(user, theirs, 1),
        lambda: projects.remove(user, world.foreign.project),
        lambda: projects.take_history(user, theirs, b"", "h.csv"),
        lambda: services.start_import(user, ContentFile(b"{}", "foreign.json")),
        lambda: services.start_import(user, ContentFile(b"{}", "brand-new.json")),
    ):
        with pytest.raises(PermissionDenied):
            deed()
    assert not Study.objects.exists()
    assert not CostStudy.objects.exists()
