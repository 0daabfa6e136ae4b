"""What is done with VMs that were ticked in the table: taken as CSV, or begun as a variant."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from cluster import changing
from cluster.models import Estate, Variant
from cluster.services import Refused
from cluster.views.sight import part_or_404, seen_of
from cluster.views.vms import csv_of, rows_of
from cluster.wording import say
from planner.variant import Change, DropVms, Protect

CHOSEN_MOST: Final = 1000  # more than a page of the table shows
NAMES_TRIED: Final = 20


@require_POST
def chosen(request: HttpRequest, pk: int) -> HttpResponse:
    """Do with the ticked VMs what the button says."""
    estate = part_or_404(request, pk)
    ticked = [
        int(one) for one in request.POST.getlist("vm")[:CHOSEN_MOST] if one.isdecimal() and len(one) < 19
    ]
    rows = seen_of(request, estate, rows_of(estate)).filter(pk__in=ticked).order_by("name")
    names = tuple(rows.values_list("name", flat=True))
    if not names:
        messages.error(request, gettext("Tick the VMs first."))
        return redirect("estate_vms", pk=estate.pk)
    match request.POST.get("deed", ""):
        case "csv":
            return csv_of(request, estate, rows)
        case "drop":
            title = ngettext("Without {count} VM", "Without {count} VMs", len(names))
            return _variant(request, estate, title.format(count=len(names)), DropVms(names=names))
        case "protect":
            title = ngettext("FT for {count} VM", "FT for {count} VMs", len(names))
            return _variant(request, estate, title.format(count=len(names)), Protect(names=names))
    raise Http404(gettext("There is no such change"))


def _variant(request: HttpRequest, estate: Estate, title: str, change: Change) -> HttpResponse:
    """Begin a variant with one change, and open it; all of it, or nothing."""
    try:
        with transaction.atomic():
            made = changing.begin(request.user, estate, _free_name(estate, title))
            changing.add(request.user, made, change)
    except Refused as refused:
        messages.error(request, say(refused.message))
        return redirect("estate_vms", pk=estate.pk)
    return redirect("variant", pk=estate.pk, variant_pk=made.pk)


def _free_name(estate: Estate, title: str) -> str:
    """The title, with a number behind it where a variant has it already."""
    taken = set(Variant.objects.filter(estate=estate, name__startswith=title).values_list("name", flat=True))
    names = (title, *(f"{title} ({number})" for number in range(2, NAMES_TRIED)))
    return next((name for name in names if name not in taken), title)
