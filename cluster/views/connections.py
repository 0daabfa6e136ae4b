"""Connections to real servers: add, change, read now, forget; an estate at two dates, or its drift."""

from __future__ import annotations

import zlib
from typing import Final

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_POST

from cluster import connecting, services, snapshot
from cluster.connection_forms import ConnectionForm
from cluster.models import Connection, Observation
from cluster.reach import visible_to
from cluster.roles import Action, may
from cluster.selectors import visible_estates
from cluster.views.sight import asked, estate_or_404
from cluster.wording import say
from planner.difference import differences
from planner.estate import Estate
from planner.formats.document import read_document

SHOWN: Final = 100
KINDS: Final = {
    "cluster": gettext_noop("Cluster"),
    "host": gettext_noop("Host"),
    "vm": gettext_noop("VM"),
    "datastore": gettext_noop("Datastore"),
    "lun": gettext_noop("LUN"),
    "path": gettext_noop("Path"),
    "switch": gettext_noop("Switch"),
    "port group": gettext_noop("Port group"),
    "rule": gettext_noop("Rule"),
}
DIFFERENCES_SHOWN: Final = 500


def connections(request: HttpRequest) -> HttpResponse:
    _allow(request)
    return _page(request, ConnectionForm())


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    _allow(request)
    form = ConnectionForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    fields = dict(form.cleaned_data)
    try:
        connecting.add(request.user, fields.pop("password"), **fields)
    except services.Refused as refusal:
        form.add_error(_field(form), say(refusal.message))
        return _page(request, form)
    except IntegrityError:
        form.add_error("name", gettext("There is a connection of this name already."))
        return _page(request, form)
    return redirect("connections")


def change(request: HttpRequest, pk: int) -> HttpResponse:
    """One connection: all but its password, which stays where none is given."""
    _allow(request)
    connection = get_object_or_404(visible_to(request.user, Connection), pk=pk)
    form = ConnectionForm.of(connection, request.POST if request.method == "POST" else None)
    if form.is_valid():
        fields = dict(form.cleaned_data)
        try:
            connecting.change(request.user, connection, fields.pop("password"), **fields)
            return redirect("connections")
        except services.Refused as refusal:
            form.add_error(_field(form), say(refusal.message))
        except IntegrityError:
            form.add_error("name", gettext("There is a connection of this name already."))
    context = {"connection": connection, "form": form}
    return render(request, "connection.html", context, status=400 if form.errors else 200)


@require_POST
def refresh(request: HttpRequest, pk: int) -> HttpResponse:
    run = connecting.refresh(request.user, get_object_or_404(visible_to(request.user, Connection), pk=pk))
    return redirect("run", pk=run.pk)


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    connecting.remove(request.user, get_object_or_404(visible_to(request.user, Connection), pk=pk))
    return redirect("connections")


def history(request: HttpRequest, pk: int) -> HttpResponse:
    """The dates at which an estate was observed, and what differs between two of them."""
    estate = estate_or_404(request, pk)
    dates = list(estate.observations.exclude(document=b"").only("taken_at", "estate_id")[:SHOWN])
    recorded = list(visible_estates(request.user).exclude(pk=estate.pk).order_by("name")[:SHOWN])
    new = _chosen(request, "to", dates, 0)
    against = next((one for one in recorded if f"estate-{one.pk}" == asked(request, "from")), None)
    old = None if against else _chosen(request, "from", dates, 1)
    before = snapshot.load(against) if against else observed(old) if old else None
    found = differences(before, observed(new)) if before and new else ()
    context = {
        "recorded": recorded,
        "against": against,
        "estate": estate,
        "tab": "history",
        "dates": dates,
        "new": new,
        "old": old,
        "differences": [(one, gettext(KINDS[one.kind])) for one in found[:DIFFERENCES_SHOWN]],
        "count": len(found),
    }
    return render(request, "estate/history.html", context)


def _chosen(request: HttpRequest, name: str, dates: list[Observation], usual: int) -> Observation | None:
    wanted = asked(request, name)
    found = next((date for date in dates if str(date.pk) == wanted), None)
    return found or (dates[usual] if len(dates) > usual else None)


def observed(observation: Observation) -> Estate:
    """The estate as it stood at a date."""
    return read_document(zlib.decompress(bytes(observation.document))).estate


def _page(request: HttpRequest, form: ConnectionForm) -> HttpResponse:
    context = {
        "may_refresh": may(request.user, Action.REFRESH),
        "connections": Connection.objects.all(),
        "form": form,
        "networks": settings.CONNECTION_NETWORKS,
    }
    return render(request, "connections.html", context, status=400 if form.errors else 200)


def _field(form: ConnectionForm) -> str:
    """Where a refused address was typed."""
    return "uris" if form.cleaned_data.get("kind") == Connection.Kind.LIBVIRT else "host"


def _allow(request: HttpRequest) -> None:
    if not may(request.user, Action.CONNECT):
        raise PermissionDenied(gettext("Your role may not manage connections."))
