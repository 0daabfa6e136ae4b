"""Addresses with one that no gate knows."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def nobody_listed_this(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


urlpatterns = [
    path("nobody-listed-this/", nobody_listed_this, name="nobody"),
    path("", include("config.urls")),
]
