"""The help inside: the pages of docs/, each shelf of them, and what holds a text."""

from __future__ import annotations

from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_lazy

from cluster import manual, selectors
from cluster.views.first_run import example_for
from cluster.views.sight import asked

SHELF_NAMES: Final = {
    "guide": gettext_lazy("Guide"),
    "formulas": gettext_lazy("Formulas"),
    "decisions": gettext_lazy("Decisions of design"),
}
SHELF_HELP: Final = {
    "guide": gettext_lazy("How to run it, connect it and read it, and what the words mean."),
    "formulas": gettext_lazy("The rule behind each number, with a worked example that the tests run."),
    "decisions": gettext_lazy("What was decided, why, and how we would know that it was wrong."),
}
LONGEST: Final = 200


def contents(request: HttpRequest) -> HttpResponse:
    """All pages, or those that hold `?q=`."""
    text = asked(request, "q").strip()[:LONGEST]
    shelves = [(SHELF_NAMES[name], SHELF_HELP[name], manual.shelf(name)) for name in manual.SHELVES]
    context = {
        "shelves": shelves,
        "text": text,
        "found": manual.find(text),
        "has_first_run": example_for(request.user, list(selectors.visible_estates(request.user))) is not None,
    }
    return render(request, "help.html", context)


def page(request: HttpRequest, shelf: str, name: str) -> HttpResponse:
    """One page, as it is written."""
    found = manual.page(name, shelf)
    if found is None:
        raise Http404(gettext("There is no such page of the manual"))
    return render(request, "help_page.html", {"page": found, "shelf_name": SHELF_NAMES[shelf]})
