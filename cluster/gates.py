"""The gate before every address: who passes, and 404 for what is not there or not his to see.

A route that is not listed here is shut: `pass_gate` refuses it, and a test that lists every route fails.
The services ask again; a page shows no button that would be refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext
from msgspec import Struct

from cluster.models import (
    ApiToken,
    Connection,
    Estate,
    Host,
    Letter,
    Operation,
    PriceBook,
    Rehearsal,
    Run,
    SavedView,
    Schedule,
    SignIn,
    VirtualMachine,
    Webhook,
    Wish,
)
from cluster.reach import covers, visible_to, whole_estates
from cluster.roles import Action, may

Thing = Literal[
    "", "estate", "part", "host", "vm", "run", "rehearsal", "connection", "operation", "book", "person",
    "token", "session", "view", "wish", "schedule", "letter", "webhook",
]  # fmt: skip
MODELS: Final[Mapping[str, type[Model]]] = {
    "part": Estate,
    "host": Host,
    "vm": VirtualMachine,
    "run": Run,
    "rehearsal": Rehearsal,
    "connection": Connection,
    "operation": Operation,
    "book": PriceBook,
    "person": User,
    "token": ApiToken,
    "session": SignIn,
    "view": SavedView,
    "wish": Wish,
    "schedule": Schedule,
    "letter": Letter,
    "webhook": Webhook,
}


class Gate(Struct, frozen=True, kw_only=True):
    """What a route asks for: actions to look and to change, and the thing that its address names.

    `get` None: whoever is signed in may look.  `open`: nobody need be signed in.
    """

    get: Action | None = None
    post: Action | None = None
    of: Thing = ""
    open: bool = False


def _look(of: Thing = "", get: Action = Action.READ) -> Gate:
    return Gate(get=get, post=get, of=of)


def _do(action: Action, of: Thing = "", get: Action = Action.READ) -> Gate:
    return Gate(get=get, post=action, of=of)


OPEN: Final = Gate(open=True)
OWN: Final = Gate()
_PEOPLE: Final = _do(Action.PEOPLE, get=Action.PEOPLE)
_PERSON: Final = _do(Action.PEOPLE, "person", get=Action.PEOPLE)
_CONNECT: Final = _do(Action.CONNECT, get=Action.CONNECT)

GATES: Final[Mapping[str, Gate]] = {
    **dict.fromkeys(
        ("livez", "readyz", "metrics", "login", "logout", "set_language", "oidc", "oidc_back"), OPEN
    ),
    # one's own
    **dict.fromkeys(
        (
            "overview",
            "account",
            "own_password",
            "second_factor",
            "second_factor_set",
            "second_factor_codes",
            "second_factor_remove",
            "tokens_add",
            "view_save",
            "first_run_put_away",
            "first_run_take_out",
        ),
        OWN,
    ),
    **dict.fromkeys(("help", "help_page", "interface"), OWN),
    "token_remove": Gate(of="token"),
    "session_end": Gate(of="session"),
    "view_drop": Gate(of="view"),
    # the programs' interface
    "api-openapi": OWN,
    **dict.fromkeys(("api-events", "api-runs", "api-scenarios", "api-search"), _look()),
    "api-estates": _do(Action.IMPORT),
    "api-demo": _do(Action.IMPORT),
    "api-estate": _do(Action.IMPORT, "estate"),
    **dict.fromkeys(
        (
            *("api-document", "api-quality", "api-datastores", "api-port-groups", "api-observations"),
            *("api-differences", "api-report", "api-plan", "api-topology", "api-blast", "api-outlook"),
            *("api-sizes", "api-cost-lines", "api-variant-document"),
        ),
        _look("estate"),
    ),
    **dict.fromkeys(
        ("api-clusters", "api-hosts", "api-vms", "api-plan-report", "api-studies", "api-study"),
        _look("part"),
    ),
    "api-host": _look("host"),
    "api-vm": _look("vm"),
    **dict.fromkeys(("api-plans", "api-failures", "api-balance", "api-placement"), _do(Action.PLAN, "part")),
    **dict.fromkeys(
        (
            *("api-paths", "api-availability", "api-projects", "api-project", "api-history"),
            *("api-costs", "api-hosts-to-buy", "api-comparison"),
            *("api-variants", "api-variant", "api-variant-changes", "api-variant-deeds"),
        ),
        _do(Action.PLAN, "estate"),
    ),
    **dict.fromkeys(("api-designs", "api-edits", "api-undo", "api-components"), _do(Action.IMPORT, "estate")),
    "api-run": _look("run"),
    "api-run-cancel": _do(Action.CANCEL, "run"),
    "api-rehearsals": _do(Action.REHEARSE),
    **dict.fromkeys(("api-rehearsal", "api-rehearsal-events", "api-rehearsal-log"), _look("rehearsal")),
    "api-books": _do(Action.PRICE),
    "api-book": _do(Action.PRICE, "book"),
    "api-book-csv": _look("book"),
    "api-prices-public": _look(),
    "api-connections": _CONNECT,
    "api-connection": _do(Action.CONNECT, "connection", get=Action.CONNECT),
    "api-connection-refresh": _do(Action.REFRESH, "connection", get=Action.REFRESH),
    "api-line": _do(Action.OPERATE, "connection"),
    "api-operations": _do(Action.OPERATE),
    "api-operation": _look("operation"),
    "api-operation-approve": _do(Action.APPROVE, "operation"),
    **dict.fromkeys(("api-operation-cancel", "api-operation-abort"), _do(Action.OPERATE, "operation")),
    "api-wishes": _do(Action.REQUEST),
    "api-wish-answer": _do(Action.ANSWER, "wish"),
    "api-wish-withdraw": _do(Action.REQUEST, "wish"),
    **dict.fromkeys(("api-schedules", "api-letters"), _do(Action.PLAN, get=Action.PLAN)),
    **dict.fromkeys(("api-schedule", "api-schedule-now"), _do(Action.PLAN, "schedule", get=Action.PLAN)),
    "api-letter-again": _do(Action.PLAN, "letter", get=Action.PLAN),
    "api-webhooks": _CONNECT,
    **dict.fromkeys(
        ("api-webhook", "api-webhook-turn", "api-webhook-secret"),
        _do(Action.CONNECT, "webhook", get=Action.CONNECT),
    ),
    "api-people": _PEOPLE,
    **dict.fromkeys(("api-person", "api-person-password", "api-person-factor"), _PERSON),
    **dict.fromkeys(("api-scopes", "api-scope"), _PERSON),
    **dict.fromkeys(("api-audit", "api-audit-verify", "api-audit-export"), _look(get=Action.AUDIT)),
    # what is under way, what happened
    "import": _do(Action.IMPORT, get=Action.IMPORT),
    "import_demo": _do(Action.IMPORT),
    "runs": _look(),
    "runs_working": _look(),
    "run": _look("run"),
    "run_cancel": _do(Action.CANCEL, "run"),
    "events": _look(),
    "search": _look(),
    # rehearsals
    "rehearsals": _look(),
    "rehearse_example": _do(Action.REHEARSE),
    "rehearsal": _look("rehearsal"),
    "rehearse_again": _do(Action.REHEARSE, "rehearsal", get=Action.REHEARSE),
    "rehearsal_log": _look("rehearsal"),
    "rehearse": _do(Action.REHEARSE, "estate", get=Action.REHEARSE),
    "drill": _do(Action.REHEARSE, "estate"),
    # who watches, who lets in
    **dict.fromkeys(("audit", "audit_verify", "audit_take"), _look(get=Action.AUDIT)),
    "people": _PEOPLE,
    "people_add": _PEOPLE,
    **dict.fromkeys(("people_change", "people_password", "people_factor"), _PERSON),
    **dict.fromkeys(("scope_add", "scope_remove"), _PERSON),
    # real servers
    "connections": _CONNECT,
    "connection_add": _CONNECT,
    "connection_change": _do(Action.CONNECT, "connection", get=Action.CONNECT),
    "connection_remove": _do(Action.CONNECT, "connection", get=Action.CONNECT),
    "connection_refresh": _do(Action.REFRESH, "connection", get=Action.REFRESH),
    "operations": _look(),
    "operation_propose": _do(Action.OPERATE),
    "operation_approve": _do(Action.APPROVE, "operation"),
    "operation_cancel": _do(Action.OPERATE, "operation"),
    "operation_abort": _do(Action.OPERATE, "operation"),
    "operation_line": _do(Action.OPERATE, "connection"),
    # what leaves by itself
    "mails": _look(get=Action.PLAN),
    "mail_add": _do(Action.PLAN, get=Action.PLAN),
    **dict.fromkeys(("mail_remove", "mail_now"), _do(Action.PLAN, "schedule", get=Action.PLAN)),
    "mail_again": _do(Action.PLAN, "letter", get=Action.PLAN),
    "webhooks": _CONNECT,
    "webhook_add": _CONNECT,
    **dict.fromkeys(
        ("webhook_turn", "webhook_renew", "webhook_remove"),
        _do(Action.CONNECT, "webhook", get=Action.CONNECT),
    ),
    # requests about VMs
    "wishes": _look(),
    "wish_ask": _do(Action.REQUEST),
    "wish_answer": _do(Action.ANSWER, "wish"),
    "wish_withdraw": _do(Action.REQUEST, "wish"),
    # one estate
    **dict.fromkeys(
        (
            *("estate_quality", "estate_datastores", "estate_network", "estate_history", "estate_events"),
            *("tree_storage", "tree_network", "report", "ahead", "ahead_chart", "sizes_csv"),
            *("wiring", "topology", "availability", "availability_json", "topology_json", "blast_json"),
            *("costs", "costs_hosts", "costs_run", "costs_report", "costs_lines", "costs_chart"),
            *("variants", "variant", "variant_taken"),
        ),
        _look("estate"),
    ),
    **dict.fromkeys(
        (
            *("wiring_examine", "availability_ask", "costs_ask", "costs_hosts_ask"),
            *("project_plan", "project_drop", "ahead_history"),
            *("variants_begin", "variants_compare", "variant_change", "variant_act"),
        ),
        _do(Action.PLAN, "estate"),
    ),
    **dict.fromkeys(
        ("wiring_design", "wiring_edit", "wiring_remove", "wiring_undo", "estate_remove"),
        _do(Action.IMPORT, "estate"),
    ),
    # a part of an estate, for those who see no more of it
    **dict.fromkeys(
        (
            *("estate", "tree_estate", "tree_cluster", "estate_hosts"),
            *("estate_vms", "estate_vms_csv", "estate_vms_chosen"),
            *("cluster", "chart", "study", "study_answer", "plan_answer"),
        ),
        _look("part"),
    ),
    **dict.fromkeys(("plan", "study_ask"), _do(Action.PLAN, "part")),
    **dict.fromkeys(("host", "tree_host"), _look("host")),
    "vm": _look("vm"),
    # prices
    "prices": _do(Action.PRICE),
    "prices_public_csv": _look(),
    "price_book": _do(Action.PRICE, "book"),
    **dict.fromkeys(("price_book_csv", "price_book_version_csv"), _look("book")),
}


def pass_gate(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: nobody reaches a view whose gate does not let him through."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_view(
        request: HttpRequest, view: Any, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> HttpResponse | None:
        match = request.resolver_match
        gate = GATES.get(match.url_name or "") if match else None
        if gate is None:
            raise PermissionDenied
        if gate.open:
            return None
        if not request.user.is_authenticated:  # a page was sent to the sign-in before: this is a program
            return JsonResponse({"error": "log in first"}, status=401)
        return _judge(request, gate, named.get("pk"))

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def _judge(request: HttpRequest, gate: Gate, pk: Any) -> HttpResponse | None:
    """404 before 403, so that a refusal tells nobody what there is."""
    thing = seen(request.user, gate.of, pk)
    of_programs = (request.resolver_match.url_name or "").startswith("api-")
    if gate.of and thing is None:
        if of_programs:
            told = gettext("there is no such thing, or it is not yours to see")
            return JsonResponse({"error": told}, status=404)
        raise Http404
    action = gate.get if request.method in ("GET", "HEAD", "OPTIONS") else gate.post
    if action is None:
        return None
    if gate.of == "estate" and action is not Action.READ:
        allowed = covers(request.user, action, thing)  # type: ignore[arg-type]
    else:
        allowed = may(request.user, action)
    if allowed:
        return None
    if of_programs:
        return JsonResponse({"error": "your role does not open this"}, status=403)
    raise PermissionDenied


def seen(user: Any, of: Thing, pk: Any) -> Model | None:
    """The thing of an address, if this user may see it."""
    if not of:
        return None
    rows = whole_estates(user) if of == "estate" else visible_to(user, MODELS[of])
    return rows.filter(pk=pk).first()
