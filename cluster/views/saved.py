"""Saved views: keep a filtered page under a name, open it from the tree, drop it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import Resolver404, resolve
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from cluster.models import SavedView
from cluster.models.columns import NAME_MAX
from cluster.models.view import ADDRESS_MAX

OF_A_PERSON_MAX: Final = 50


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep an address of ours; the same name again takes the new address."""
    name = request.POST.get("name", "").replace("\0", "").strip()[:NAME_MAX]
    address = _ours(request.POST.get("address", ""))
    kept = SavedView.objects.filter(person=request.user)
    if not name:
        raise BadRequest(gettext("A view needs a name"))
    if kept.count() >= OF_A_PERSON_MAX and not kept.filter(name=name).exists():
        messages.error(request, gettext("50 saved views are enough: drop one first."))
        return redirect(address)
    SavedView.objects.update_or_create(person=request.user, name=name, defaults={"address": address})
    messages.success(request, gettext("The view is kept under “{name}”.").format(name=name))
    return redirect(address)


@require_POST
def drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a view of one's own."""
    view = get_object_or_404(SavedView, pk=pk, person=request.user)
    view.delete()
    return redirect(_ours(request.POST.get("address", "/")))


def _ours(address: str) -> str:
    """The address if a page of ours answers it; a view must lead nowhere else."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not parts.path.startswith("/") or len(address) > ADDRESS_MAX:
        raise BadRequest(gettext("A view leads to a page of this site"))
    try:
        resolve(parts.path)
    except Resolver404:
        raise BadRequest(gettext("A view leads to a page of this site")) from None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
