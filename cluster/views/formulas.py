"""How numbers are calculated: the pages of docs/formulas."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from cluster import manual


def formulas(request: HttpRequest) -> HttpResponse:
    """The pages there are."""
    return render(request, "formulas.html", {"pages": {name: manual.page(name) for name in manual.names()}})


def formula(request: HttpRequest, page: str) -> HttpResponse:
    """One page, as it is written."""
    found = manual.page(page)
    if found is None:
        raise Http404(gettext("There is no such page of formulas"))
    return render(request, "formula.html", {"page": found})
