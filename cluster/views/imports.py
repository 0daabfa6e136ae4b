"""Give a file, get an estate."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from cluster import services
from cluster.demo import DEMO
from cluster.forms import ImportForm
from cluster.models import Estate, Run
from cluster.reach import covers, reaches_an_estate
from cluster.roles import Action, may
from cluster.wording import say

DEMO_NAME: Final = "Demo"
MIB: Final = 1024 * 1024


def import_estate(request: HttpRequest) -> HttpResponse:
    """The page, and what is dropped on it; a script that sends the file asks for JSON and goes on itself."""
    if not reaches_an_estate(request.user, Action.IMPORT):
        raise PermissionDenied(gettext("Your role may read estates, not import them."))
    by_script = request.headers.get("Accept", "") == "application/json"
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            run = services.start_import(request.user, form.cleaned_data["file"], form.cleaned_data["name"])
        except services.Refused as refusal:
            form.add_error("file", say(refusal.message))
        except services.NotAllowed:
            told = gettext("Your role reaches some estates alone: give the name of the one that this is.")
            form.add_error("name", told)
        else:
            if by_script:
                return JsonResponse({"url": run_url(run)}, status=201)
            return redirect(run_url(run))
    if by_script:
        errors = [str(error) for field in form.errors.values() for error in field]
        return JsonResponse({"errors": errors}, status=400)
    status = 400 if form.is_bound else 200
    return render(request, "import.html", import_context(request, form), status=status)


def import_context(request: HttpRequest, form: ImportForm) -> dict[str, object]:
    """What the place to drop a file shows."""
    loaded = Estate.objects.filter(name=DEMO_NAME).first()
    return {
        "import_form": form,
        "limit_mib": settings.UPLOAD_LIMIT_BYTES // MIB,
        "demo": DEMO.exists() and covers(request.user, Action.IMPORT, loaded),
    }


@require_POST
def import_demo(request: HttpRequest) -> HttpResponse:
    """Load the example estate that comes with the product."""
    if not may(request.user, Action.IMPORT):
        raise PermissionDenied(gettext("Your role may read estates, not import them."))
    with DEMO.open("rb") as file:
        run = services.start_import(request.user, File(file, name=DEMO.name), DEMO_NAME)
    return redirect(run_url(run))


def run_url(run: Run) -> str:
    return reverse("run", args=[run.pk])
