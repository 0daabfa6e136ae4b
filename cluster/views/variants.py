"""Variants: begun, changed, stacked, compared side by side, committed, taken along."""

from __future__ import annotations

from typing import Final

import msgspec
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST
from msgspec import Struct

from cluster import changing, pricing, snapshot
from cluster.compared import changes_of, told_of, variants_of
from cluster.cost_forms import VariantsForm
from cluster.models import CostStudy, Estate, Run, Variant
from cluster.services import Refused
from cluster.variant_forms import CHANGE_FORMS, ChangeForm, NewVariantForm
from cluster.views.costing import answered_meanwhile, cluster_names, frame_of, queued, study_of, waited_for
from cluster.views.sight import estate_or_404
from cluster.wording import say
from planner.compared import COMPARED_MAX
from planner.cost.answer import Asked
from planner.cost.assumptions import Assumptions
from planner.cost.book import BookError
from planner.estate import Estate as PlannerEstate
from planner.formats.document import write_document
from planner.variant import applied, told

NAMES_OFFERED: Final = 1000


class VariantCard(Struct, frozen=True, kw_only=True):
    """A variant as the pages show it."""

    pk: int
    name: str
    base: str
    changes: tuple[str, ...]
    committed: bool
    has_on_top: bool


def variants(request: HttpRequest, pk: int) -> HttpResponse:
    """All variants of an estate, and those compared last side by side."""
    estate = estate_or_404(request, pk)
    run = waited_for(request, estate)
    if (moved := answered_meanwhile(estate, run)) is not None:
        return moved
    return _page(request, estate, run=run)


@require_POST
def begin(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin a variant."""
    estate = estate_or_404(request, pk)
    form = NewVariantForm(request.POST, estate_id=estate.pk)
    if form.is_valid():
        try:
            made = changing.begin(request.user, estate, form.cleaned_data["name"], form.cleaned_data["base"])
        except Refused as refused:
            form.add_error("name", say(refused.message))
        else:
            return redirect("variant", pk=estate.pk, variant_pk=made.pk)
    return _page(request, estate, new_form=form)


@require_POST
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue the comparison."""
    estate = estate_or_404(request, pk)
    form = VariantsForm(request.POST, clusters=cluster_names(estate), estate_id=estate.pk)
    if not form.is_valid():
        return _page(request, estate, form=form)
    return queued(request, estate, form.request(), "variants")


def variant(request: HttpRequest, pk: int, variant_pk: int) -> HttpResponse:
    """One variant: its changes, and a form for each kind of change."""
    estate, row = _row_or_404(request, pk, variant_pk)
    return _one(request, estate, row)


@require_POST
def change(request: HttpRequest, pk: int, variant_pk: int, kind: str) -> HttpResponse:
    """Add a change."""
    estate, row = _row_or_404(request, pk, variant_pk)
    kinds = {form.kind: form for form in CHANGE_FORMS}
    if kind not in kinds:
        raise Http404(gettext("There is no such change"))
    form = kinds[kind](request.POST, estate=snapshot.load(estate))
    if form.is_valid():
        try:
            changing.add(request.user, row, form.change())
        except Refused as refused:
            form.add_error(None, say(refused.message))
        else:
            return redirect("variant", pk=estate.pk, variant_pk=row.pk)
    return _one(request, estate, row, wrong=form)


@require_POST
def act(request: HttpRequest, pk: int, variant_pk: int, deed: str) -> HttpResponse:
    """Commit, release or remove a variant, or take one of its changes back."""
    estate, row = _row_or_404(request, pk, variant_pk)
    try:
        match deed:
            case "commit":
                changing.commit(request.user, row)
            case "release":
                changing.release(request.user, row)
            case "remove":
                changing.remove(request.user, row)
                return redirect("variants", pk=estate.pk)
            case "take-back":
                place = request.POST.get("place", "")
                changing.take_back(request.user, row, int(place) if place.isdecimal() else -1)
            case _:
                raise Http404(gettext("There is no such deed"))
    except Refused as refused:
        messages.error(request, say(refused.message))
    return redirect("variant", pk=estate.pk, variant_pk=row.pk)


def taken(request: HttpRequest, pk: int, variant_pk: int, what: str) -> HttpResponse:
    """The variant with all it stands on, or the estate with its changes made, as JSON."""
    estate, row = _row_or_404(request, pk, variant_pk)
    whole = snapshot.variant_of(row)
    if what == "variant":
        content = msgspec.json.format(msgspec.json.encode(whole), indent=2)
    elif what == "estate":
        try:
            changed, _, _ = applied(snapshot.load(estate), Assumptions(), whole)
        except BookError as error:
            messages.error(request, say(error.message))
            return redirect("variant", pk=estate.pk, variant_pk=row.pk)
        content = write_document(changed)
    else:
        raise Http404(gettext("There is no such export"))
    response = HttpResponse(content, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="headroom-{what}-{row.pk}.json"'
    return response


def _page(
    request: HttpRequest,
    estate: Estate,
    new_form: NewVariantForm | None = None,
    form: VariantsForm | None = None,
    run: Run | None = None,
) -> HttpResponse:
    study = study_of(request, estate, CostStudy.Kind.VARIANTS)
    comparison = pricing.comparison_of(study) if study else None
    answer = comparison.answer if comparison else None
    rows = _rows(estate)
    asked_of = answer.asked if answer else Asked(platforms=("vmware",))
    request_of = pricing.Request(asked=asked_of, book=study.book_id if study else None)
    chosen = [row.pk for row in rows][:COMPARED_MAX]
    initial = {"variants": chosen, "platforms": asked_of.platforms[0]}
    _, lost = snapshot.load_reserved(estate) if any(row.committed_at for row in rows) else (None, ())
    context = {
        **frame_of(request, estate, study, answer, "variants", run),
        "cards": [_card(row) for row in rows],
        "comparison": variants_of(comparison) if comparison else None,
        "changed": changes_of(comparison) if comparison else [],
        "told": told_of(comparison) if comparison else [],
        "new_form": new_form or NewVariantForm(estate_id=estate.pk),
        "form": form
        or VariantsForm.of(request_of, cluster_names(estate), estate_id=estate.pk, initial=initial),
        "lost": [say(remark) for remark in lost],
    }
    wrong = any(one is not None and one.errors for one in (new_form, form))
    return render(request, "estate/variants.html", context, status=400 if wrong else 200)


def _one(request: HttpRequest, estate: Estate, row: Variant, wrong: ChangeForm | None = None) -> HttpResponse:
    before = _before(estate, row)
    forms = [
        wrong if wrong is not None and wrong.kind == form.kind else form(estate=before)
        for form in CHANGE_FORMS
    ]
    context = {
        **frame_of(request, estate, None, None, "variants"),
        "card": _card(row),
        "below": [_card(one) for one in _bases(row)],
        "change_forms": forms,
        "wrong": wrong,
        "vm_names": [vm.name for vm in before.vms[:NAMES_OFFERED]],
    }
    return render(request, "estate/variant.html", context, status=400 if wrong is not None else 200)


def _before(estate: Estate, row: Variant) -> PlannerEstate:
    """The estate with the changes so far, for lists to choose from; as imported where they no longer fit."""
    imported = snapshot.load(estate)
    try:
        return applied(imported, Assumptions(), snapshot.variant_of(row))[0]
    except BookError:
        return imported


def _rows(estate: Estate) -> list[Variant]:
    return list(Variant.objects.filter(estate=estate).select_related("base").prefetch_related("on_top"))


def _row_or_404(request: HttpRequest, pk: int, variant_pk: int) -> tuple[Estate, Variant]:
    estate = estate_or_404(request, pk)
    rows = Variant.objects.filter(estate=estate).select_related("base", "estate")
    return estate, get_object_or_404(rows, pk=variant_pk)


def _bases(row: Variant) -> list[Variant]:
    found, base = [], row.base
    while base is not None:
        found.append(base)
        base = base.base
    return found[::-1]


def _card(row: Variant) -> VariantCard:
    return VariantCard(
        pk=row.pk,
        name=row.name,
        base=row.base.name if row.base else "",
        changes=tuple(say(told(one)) for one in snapshot.changes_of(row)),
        committed=row.committed_at is not None,
        has_on_top=row.on_top.exists(),
    )
