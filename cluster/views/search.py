"""Find anything by its name."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from msgspec import Struct

from cluster import selectors
from cluster.views.sight import asked, wants_fragment

SHOWN_AT_ONCE: Final = 6  # of each kind, under the search box
SHOWN: Final = 100  # of each kind, on the page
LONGEST: Final = 200


class Found(Struct, frozen=True):
    hit: selectors.Hit
    url: str


def search(request: HttpRequest) -> HttpResponse:
    text = asked(request, "q").strip()[:LONGEST]
    fragment = wants_fragment(request)
    limit = SHOWN_AT_ONCE if fragment else SHOWN
    found = [Found(hit, _url(hit)) for hit in selectors.find(request.user, text, limit)] if text else []
    template = "parts/found.html" if fragment else "search.html"
    return render(request, template, {"text": text, "found": found})


def _url(hit: selectors.Hit) -> str:
    match hit.kind:
        case "estate":
            return reverse("estate", args=[hit.pk])
        case "cluster":
            return f"{reverse('cluster', args=[hit.estate.pk])}?{urlencode({'name': hit.name})}"
        case "host":
            return reverse("host", args=[hit.pk])
        case "vm":
            return reverse("vm", args=[hit.pk])
        case "datastore":
            return f"{reverse('estate_datastores', args=[hit.estate.pk])}?{urlencode({'name': hit.name})}"
