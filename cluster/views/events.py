"""All events, with a filter."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cluster import selectors
from cluster.filters import EventFilter
from cluster.views.sight import wants_fragment


def events(request: HttpRequest) -> HttpResponse:
    rows = selectors.visible_events(request.user).select_related("estate").order_by("-seq")
    chosen = EventFilter(request.GET, queryset=rows, request=request)
    page = Paginator(chosen.qs, 100).get_page(request.GET.get("page"))
    template = "parts/events_table.html" if wants_fragment(request) else "events.html"
    return render(request, template, {"page_of": page, "filter": chosen})
