"""The addresses of the interface, each call imported so that it is written down."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

from cluster.api import (
    ahead,
    costs,
    estates,
    following,
    operations,
    page,
    people,
    plans,
    redundant,
    variants,
    wishes,
)
from cluster.api.document import document
from cluster.api.door import ROOT, answer, problem
from cluster.api.door import urlpatterns as routes

SUBJECTS = (estates, following, plans, redundant, ahead, costs, variants, operations, wishes, people)


@login_not_required
def openapi(request: HttpRequest) -> HttpResponse:
    """The document that this interface is described by."""
    return answer(document()) if request.method == "GET" else problem(405, "GET alone")


urlpatterns = [
    path(f"{ROOT}openapi.json", openapi, name="api-openapi"),
    path("help/interface/", page.interface, name="interface"),
    *routes(),
]
