"""The editor of the wiring: components and cables one by one, and the way back."""

from __future__ import annotations

from typing import Any, Final, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_POST
from msgspec import Struct

from cluster import editing, snapshot
from cluster.component_names import FIELD_NAMES, KIND_NAMES, SERVICE_NAMES
from cluster.models import Estate
from cluster.reach import covers
from cluster.roles import Action
from cluster.services import Refused
from cluster.views.sight import asked, estate_or_404
from cluster.views.wiring import wiring_context
from cluster.wiring_forms import EditForm
from cluster.wording import say
from planner.estate import Estate as Wired
from planner.paths.amend import EDIT_KINDS, FORMS, Edit, EditError, EditKind, rows_of, values_of
from planner.row import Row

ROWS_SHOWN: Final = 200
EDITS_SHOWN: Final = 20


class Shown(Struct, frozen=True, kw_only=True):
    """One component in the list: what it is called, and what is said of it in few words."""

    name: str
    told: str


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of component, and how many there are."""

    key: str
    name: str
    count: int


def editor(request: HttpRequest, pk: int) -> HttpResponse:
    """The components of one kind, a form for one of them or a new one, and what was changed lately."""
    estate = estate_or_404(request, pk)
    kind = _kind(request)
    if request.method == "POST" and not covers(request.user, Action.IMPORT, estate):
        raise PermissionDenied(gettext("Your role may look at the wiring, not change it."))
    wired = snapshot.load_wired(estate)
    name = asked(request, "edit")
    row = dict(rows_of(wired.reading.estate, kind)).get(name) if name else None
    if name and row is None:
        raise Http404(gettext("There is no such component"))
    form = EditForm(kind, wired.reading.estate, request.POST or None, name=name, row=row)
    if request.method == "POST" and form.is_valid() and _kept(request, estate, form):
        return redirect(_url(estate, kind))
    status = 400 if request.method == "POST" else 200
    context = _context(request, estate, wired, kind, form)
    return render(request, "estate/wiring_edit.html", context, status=status)


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one component or cable away."""
    estate = estate_or_404(request, pk)
    kind = _kind(request)
    name = request.POST.get("name", "").replace("\0", "")
    try:
        editing.make_edit(request.user, estate, Edit(kind=kind, name=name))
    except EditError as error:
        raise Http404(say(error.message)) from error
    return redirect(_url(estate, kind))


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo the last edit, if it is still the one that the page showed."""
    estate = estate_or_404(request, pk)
    last = request.POST.get("last", "")
    editing.undo_edit(request.user, estate, int(last) if last.isdecimal() and len(last) < 18 else 0)
    return redirect(_url(estate, _kind(request)))


def _kept(request: HttpRequest, estate: Estate, form: EditForm) -> bool:
    try:
        editing.make_edit(request.user, estate, form.edit())
    except EditError as error:
        form.add_error(error.field if error.field in form.fields else None, say(error.message))
        return False
    except Refused as refused:
        form.add_error(None, say(refused.message))
        return False
    return True


def _kind(request: HttpRequest) -> EditKind:
    kind = asked(request, "kind") or "switch"
    if kind not in EDIT_KINDS:
        raise Http404(gettext("There is no such kind of component"))
    return cast(EditKind, kind)


def _url(estate: Estate, kind: str) -> str:
    return f"{reverse('wiring_edit', args=[estate.pk])}?{urlencode({'kind': kind})}"


def _context(
    request: HttpRequest, estate: Estate, wired: snapshot.Wired, kind: EditKind, form: EditForm
) -> dict[str, Any]:
    found = wired.reading.estate
    wanted = asked(request, "q").casefold()
    rows = [(name, row) for name, row in rows_of(found, kind) if wanted in name.casefold()]
    edits = list(estate.wiring_edits.select_related("created_by").order_by("-pk")[:EDITS_SHOWN])
    return {
        **wiring_context(request, estate, "edit"),
        "kind": kind,
        "kind_name": str(KIND_NAMES[kind]),
        "kinds": _kinds(found),
        "rows": [Shown(name=name, told=_told(kind, row)) for name, row in rows[:ROWS_SHOWN]],
        "more": max(0, len(rows) - ROWS_SHOWN),
        "query": asked(request, "q"),
        "form": form,
        "edits": edits,
        "idle": [edit.name for edit in wired.idle],
        "may_add": kind != "host",
    }


def _kinds(found: Wired) -> list[Kind]:
    return [Kind(key=key, name=str(KIND_NAMES[key]), count=len(rows_of(found, key))) for key in EDIT_KINDS]


def _told(kind: EditKind, row: Row) -> str:
    """What is known of a component, in one line."""
    values = values_of(kind, row)
    parts = [
        f"{FIELD_NAMES.get(ask.name, ask.name)}{gettext(':')} {_shown(values[ask.name])}"
        for ask in FORMS[kind]
        if values[ask.name] not in (None, (), "")
    ]
    return " · ".join(parts)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, tuple):
        names = [str(SERVICE_NAMES.get(one, one)) for one in value[:4]]
        return ", ".join(names) + ("…" if len(value) > 4 else "")
    return str(value)
