"""Variants: begun, changed, stacked, committed, taken along."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_noop as _
from ninja import Body as Sent
from pydantic import Field

from cluster import changing, snapshot
from cluster.api.asking import Body, body_of, filled
from cluster.api.door import JSON, Key, Limit, Offset, calls
from cluster.api.door import file as taken
from cluster.api.told import Rows, VariantTold, of, page_of
from cluster.models import Estate, Variant
from cluster.reach import visible_to
from cluster.variant_forms import CHANGE_FORMS, NewVariantForm
from cluster.views.sight import estate_or_404
from cluster.wording import say
from planner.cost.assumptions import Assumptions
from planner.formats.document import write_document
from planner.variant import applied, told

call = calls(_("variants"))
NewVariant = body_of(NewVariantForm, "VariantAsked")
FORMS = {form.kind: form for form in CHANGE_FORMS}
_CHANGES = tuple(
    body_of(form, f"{form.__name__.removesuffix('Form')}Asked", kind=(Literal[kind], ...))  # type: ignore[valid-type]
    for kind, form in FORMS.items()
)
ChangeAsked = Annotated[
    _CHANGES[0]
    | _CHANGES[1]
    | _CHANGES[2]
    | _CHANGES[3]
    | _CHANGES[4]
    | _CHANGES[5]
    | _CHANGES[6]
    | _CHANGES[7],
    Field(discriminator="kind"),
]


class DeedAsked(Body):
    """What becomes of a variant; `place` counts its changes from 0, for `take-back`."""

    deed: Literal["commit", "release", "take-back"]
    place: Annotated[int, Field(ge=0, le=1000)] | None = None


@call(
    "GET",
    "estates/{int:pk}/variants",
    "api-variants",
    _("The variants of an estate."),
    answers=Rows[VariantTold],
)
def variants(request: HttpRequest, pk: Key, limit: Limit = 100, offset: Offset = 0) -> Rows[VariantTold]:
    rows = visible_to(request.user, Variant).filter(estate=estate_or_404(request, pk))
    return page_of(VariantTold, rows.select_related("estate", "base"), limit, offset, _told)


@call(
    "POST",
    "estates/{int:pk}/variants",
    "api-variants",
    _("Begin a variant."),
    answers=VariantTold,
    status=201,
)
def begin(request: HttpRequest, pk: Key, body: Sent[NewVariant]) -> VariantTold:  # type: ignore[valid-type]
    found = estate_or_404(request, pk)
    asked = filled(NewVariantForm, body, estate_id=found.pk).cleaned_data
    return _told(changing.begin(request.user, found, asked["name"], asked["base"]))


@call(
    "GET", "estates/{int:pk}/variants/{int:variant_pk}", "api-variant", _("One variant."), answers=VariantTold
)
def variant(request: HttpRequest, pk: Key, variant_pk: Key) -> VariantTold:
    return _told(_row(request, pk, variant_pk)[1])


@call(
    "DELETE",
    "estates/{int:pk}/variants/{int:variant_pk}",
    "api-variant",
    _("Remove a variant that is not committed and that nothing stands on."),
    answers=None,
    status=204,
)
def remove(request: HttpRequest, pk: Key, variant_pk: Key) -> HttpResponse:
    changing.remove(request.user, _row(request, pk, variant_pk)[1])
    return HttpResponse(status=204)


@call(
    "POST",
    "estates/{int:pk}/variants/{int:variant_pk}/changes",
    "api-variant-changes",
    _("Add a change at the end of a variant."),
    answers=VariantTold,
    status=201,
)
def change(
    request: HttpRequest,
    pk: Key,
    variant_pk: Key,
    body: Sent[ChangeAsked],  # type: ignore[valid-type]
) -> VariantTold:
    found, row = _row(request, pk, variant_pk)
    form = filled(FORMS[body.kind], body, prefix=body.kind, estate=snapshot.load(found))
    changing.add(request.user, row, form.change())
    return _told(_row(request, pk, variant_pk)[1])


@call(
    "POST",
    "estates/{int:pk}/variants/{int:variant_pk}/deeds",
    "api-variant-deeds",
    _("Commit or release a variant, or take one of its changes back."),
    answers=VariantTold,
)
def act(request: HttpRequest, pk: Key, variant_pk: Key, body: Sent[DeedAsked]) -> VariantTold:
    _found, row = _row(request, pk, variant_pk)
    match body.deed:
        case "commit":
            changing.commit(request.user, row)
        case "release":
            changing.release(request.user, row)
        case "take-back":
            changing.take_back(request.user, row, -1 if body.place is None else body.place)
    return _told(_row(request, pk, variant_pk)[1])


@call(
    "GET",
    "estates/{int:pk}/variants/{int:variant_pk}/document",
    "api-variant-document",
    _("The estate with the changes of a variant made, as an estate document."),
    answers=dict[str, Any],
)
def document(request: HttpRequest, pk: Key, variant_pk: Key) -> HttpResponse:
    found, row = _row(request, pk, variant_pk)
    changed, _remarks, _bought = applied(snapshot.load(found), Assumptions(), snapshot.variant_of(row))
    return taken(write_document(changed), JSON)


def _row(request: HttpRequest, pk: int, variant_pk: int) -> tuple[Estate, Variant]:
    found = estate_or_404(request, pk)
    rows = Variant.objects.filter(estate=found).select_related("base", "estate")
    return found, get_object_or_404(rows, pk=variant_pk)


def _told(row: Variant) -> VariantTold:
    return of(VariantTold, row, told=[say(told(one)) for one in snapshot.changes_of(row)])
