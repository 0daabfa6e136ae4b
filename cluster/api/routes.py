"""The addresses of the interface, its document and its page."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

from cluster.api import page
from cluster.api.document import document
from cluster.api.door import ROOT, answer, problem
from cluster.api.door import urlpatterns as routes


@login_not_required
def openapi(request: HttpRequest) -> HttpResponse:
    """The document that this interface is described by."""
    return answer(document()) if request.method == "GET" else problem(405, "GET alone")


urlpatterns = [
    path(f"{ROOT}openapi.json", openapi, name="api-openapi"),
    path("help/interface/", page.interface, name="interface"),
    *routes(),
]
