"""The audit: who did what, and whether anybody touched the notes."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from cluster import audit
from cluster.filters import AuditFilter
from cluster.models import AuditEntry
from cluster.roles import Action, may
from cluster.views.sight import wants_fragment


def entries(request: HttpRequest) -> HttpResponse:
    _allow(request)
    chosen = AuditFilter(request.GET, queryset=AuditEntry.objects.all(), request=request)
    page = Paginator(chosen.qs, 100).get_page(request.GET.get("page"))
    template = "parts/audit_table.html" if wants_fragment(request) else "audit.html"
    return render(request, template, {"page_of": page, "filter": chosen})


@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    _allow(request)
    return render(request, "parts/audit_verdict.html", {"verdict": audit.verify()})


@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """The entries as lines of JSON with their seals, oldest first; taking them is noted."""
    _allow(request)
    upto = audit.note(audit.Deed.AUDIT_TAKEN, request.user.get_username())
    rows = AuditEntry.objects.filter(seq__lte=upto).order_by("seq")
    response = HttpResponse(audit.exported(rows.iterator()), content_type="application/x-ndjson")
    response["Content-Disposition"] = f'attachment; filename="headroom-audit-{upto}.ndjson"'
    return response


def _allow(request: HttpRequest) -> None:
    if not may(request.user, Action.AUDIT):
        raise PermissionDenied(gettext("The audit is for auditors."))
