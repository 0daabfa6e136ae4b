"""Writes the tables of docs/roles.md from the code: `manage.py roles --write`; `--check` compares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cluster.gates import GATES, Gate
from cluster.roles import CONFLICTS, OPENS, Action, Role

PAGE = Path(settings.BASE_DIR) / "docs" / "roles.md"
FROM, TO = "<!-- from here on: ./headroom manage roles --write -->", "<!-- to here -->"


class Command(BaseCommand):
    help = "Write the tables of docs/roles.md from the code, or say whether they are up to date."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help="write them into docs/roles.md")
        parser.add_argument("--check", action="store_true", help="fail where they are out of date")

    def handle(self, *args: Any, write: bool, check: bool, **options: Any) -> None:
        text = PAGE.read_text()
        before, _, rest = text.partition(FROM)
        _, _, after = rest.partition(TO)
        whole = f"{before}{FROM}\n\n{tables()}\n{TO}{after}"
        if check and whole != text:
            raise CommandError("docs/roles.md is out of date; run: ./headroom manage roles --write")
        if write:
            PAGE.write_text(whole)
        elif not check:
            self.stdout.write(tables())


def tables() -> str:
    """Role by action, role by route, and the roles that exclude each other."""
    return "\n".join([*_actions(), "", *_routes(), "", *_conflicts(), ""])


def _actions() -> list[str]:
    return [
        "## Role by action",
        "",
        _line("role", *(action.value for action in Action)),
        _line(*["---"] * (len(Action) + 1)),
        *(_line(role.value, *(_yes(action in OPENS[role]) for action in Action)) for role in Role),
        _line("(no role)", *("-" for _ in Action)),
    ]


def _routes() -> list[str]:
    """Every route, and per role what it answers about a thing that is the person's to see: look/change."""
    return [
        "## Role by route",
        "",
        "Per role `look change`: `+` passes, `-` is refused with 403, `404`: the role sees no such thing. A",
        "thing that a scope leaves out and one that does not exist are 404 for everybody. `open` needs no",
        "sign-in; `own` is about the person's own account. A test asks every cell over HTTP",
        "(`tests/cluster/test_every_route.py`).",
        "",
        _line("route", "asks for", "thing", *(_short(role) for role in Role), "no role"),
        _line(*["---"] * (len(Role) + 4)),
        *(_route(name, gate) for name, gate in sorted(GATES.items())),
    ]


def _route(name: str, gate: Gate) -> str:
    if gate.open:
        return _line(f"`{name}`", "open", gate.of or "-", *["+ +"] * (len(Role) + 1))
    asked = " / ".join(dict.fromkeys(one.value if one else "own" for one in (gate.get, gate.post)))
    cells = [_cell(gate, OPENS[role], sees=_sees(role, gate)) for role in Role]
    return _line(f"`{name}`", asked, gate.of or "-", *cells, _cell(gate, frozenset(), sees=_sees(None, gate)))


def _sees(role: Role | None, gate: Gate) -> bool:
    """Whether a role sees such a thing at all: VMs are all that a system administrator has."""
    if role is Role.SYSTEM_ADMINISTRATOR:
        return gate.of not in ("estate", "book", "connection", "person", "schedule", "letter", "webhook")
    if gate.of == "connection":
        return role in (Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR, Role.SITE_ADMINISTRATOR)
    if gate.of in ("person", "webhook"):
        return role is Role.SITE_ADMINISTRATOR
    return gate.of in ("", "token", "session", "view") or (role is not None and Action.READ in OPENS[role])


def _cell(gate: Gate, opens: frozenset[Action], *, sees: bool) -> str:
    if not sees:
        return "404"
    return " ".join("+" if one is None or one in opens else "-" for one in (gate.get, gate.post))


def _conflicts() -> list[str]:
    rows = [f"- {role.value} with {', '.join(sorted(others))}" for role, others in CONFLICTS]
    return ["## Roles that nobody holds together", "", *rows]


def _short(role: Role) -> str:
    return {Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR: "VI admin", Role.SYSTEM_ADMINISTRATOR: "system admin",
            Role.SITE_ADMINISTRATOR: "site admin"}.get(role, role.value)  # fmt: skip


def _yes(opened: bool) -> str:
    return "yes" if opened else "-"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
