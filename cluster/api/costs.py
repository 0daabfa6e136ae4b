"""Cost: what an estate costs, which hosts to buy; price books and their versions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from ninja import Body as Sent
from pydantic import Field

from cluster import audit, pricing, services
from cluster.api.asking import Body, Long, body_of, filled
from cluster.api.door import TEXT, Key, Limit, Offset, Text, Wrong, calls
from cluster.api.door import file as taken
from cluster.api.following import queued
from cluster.api.told import BookRows, BookTold, CostTold, Queued, Rows, of, page_of
from cluster.audit import Deed
from cluster.cost_forms import CostForm, HostsForm, NewBookForm, VariantsForm
from cluster.models import CostStudy, Estate, PriceBook
from cluster.reach import visible_to
from cluster.roles import Action, may
from cluster.views.costing import cluster_names
from cluster.views.sight import estate_or_404
from planner.cost.assumptions import Assumptions
from planner.cost.book import PriceBook as PlannerBook
from planner.cost.book_csv import read_book, write_book
from planner.cost.document import lines_document
from planner.cost.public import public_book

call = calls(_("cost"))
book_call = calls(_("prices"))
CSV = "text/csv"
USUAL = Assumptions()
# What the page fills in at first, a program may leave out.
GIVEN: dict[str, Any] = {
    "platforms": (list[Literal["vmware", "proxmox"]] | list[Text], ["vmware", "proxmox"]),
    "years": (Annotated[int, Field(ge=1, le=20)], USUAL.years),
    "growth_percent": (Annotated[float, Field(ge=-99, le=100)], float(USUAL.growth_percent)),
    "failures": (Annotated[int, Field(ge=0, le=100)], USUAL.failures),
    "vcpu_per_core": (Annotated[float, Field(ge=0.1, le=100)], USUAL.vcpu_per_core),
    "protection": (Literal["none", "ha", "ft"], USUAL.protection),
    "currency": (Annotated[str, Field(min_length=3, max_length=3, pattern=TEXT)], USUAL.currency),
}
LEAVE = frozenset(GIVEN)
CostAsked = body_of(CostForm, "CostAsked", leave=LEAVE, **GIVEN)
HostsAsked = body_of(HostsForm, "HostsToBuyAsked", leave=LEAVE, **GIVEN)
ComparisonAsked = body_of(
    VariantsForm, "ComparisonAsked", leave=LEAVE, **{**GIVEN, "platforms": (Text, "vmware")}
)


class BookAsked(Body):
    """A new price book; its CSV as Headroom writes it, or none: an empty book."""

    name: Text
    csv: Long = ""


class BookCsv(Body):
    """All rows of a book, instead of those that it has."""

    csv: Long


@call(
    "GET",
    "estates/{int:pk}/costs",
    "api-costs",
    _("The newest answer about cost, or the one of `study`."),
    answers=CostTold,
)
def costs(request: HttpRequest, pk: Key, study: Key | None = None) -> CostTold:
    return told_of(study_of(estate_or_404(request, pk), CostStudy.Kind.COST, study))


@call("POST", "estates/{int:pk}/costs", "api-costs", _("Ask what it costs."), answers=Queued, status=201)
def ask(request: HttpRequest, pk: Key, body: Sent[CostAsked]) -> Queued:  # type: ignore[valid-type]
    found = estate_or_404(request, pk)
    return priced(request, found, filled(CostForm, body, clusters=cluster_names(found)).request())


@call(
    "GET",
    "estates/{int:pk}/costs/lines",
    "api-cost-lines",
    _("Every line of every design of an answer, with formula and source."),
    answers=list[dict[str, Any]],
)
def lines(request: HttpRequest, pk: Key, study: Key | None = None) -> Any:
    found = study_of(estate_or_404(request, pk), CostStudy.Kind.COST, study)
    return [row for shown in pricing.answer_of(found).designs for row in lines_document(shown.bill)]


@call(
    "GET",
    "estates/{int:pk}/hosts-to-buy",
    "api-hosts-to-buy",
    _("Which hosts to buy, as asked last."),
    answers=CostTold,
)
def hosts(request: HttpRequest, pk: Key, study: Key | None = None) -> CostTold:
    return told_of(study_of(estate_or_404(request, pk), CostStudy.Kind.HOSTS, study))


@call(
    "POST",
    "estates/{int:pk}/hosts-to-buy",
    "api-hosts-to-buy",
    _("Ask which hosts to buy; `models` is the text of a CSV of models."),
    answers=Queued,
    status=201,
)
def ask_hosts(request: HttpRequest, pk: Key, body: Sent[HostsAsked]) -> Queued:  # type: ignore[valid-type]
    found = estate_or_404(request, pk)
    return priced(request, found, filled(HostsForm, body, clusters=cluster_names(found)).request())


@call(
    "GET",
    "estates/{int:pk}/comparison",
    "api-comparison",
    _("Variants side by side, as compared last."),
    answers=CostTold,
)
def comparison(request: HttpRequest, pk: Key, study: Key | None = None) -> CostTold:
    return told_of(study_of(estate_or_404(request, pk), CostStudy.Kind.VARIANTS, study))


@call(
    "POST",
    "estates/{int:pk}/comparison",
    "api-comparison",
    _("Compare variants under the same assumptions."),
    answers=Queued,
    status=201,
)
def compare(request: HttpRequest, pk: Key, body: Sent[ComparisonAsked]) -> Queued:  # type: ignore[valid-type]
    found = estate_or_404(request, pk)
    form = filled(VariantsForm, body, clusters=cluster_names(found), estate_id=found.pk)
    return priced(request, found, form.request())


# -- price books


@book_call("GET", "price-books", "api-books", _("The price books."), answers=Rows[BookTold])
def books(request: HttpRequest, limit: Limit = 100, offset: Offset = 0) -> Rows[BookTold]:
    rows = visible_to(request.user, PriceBook).defer("rows").select_related("changed_by")
    return page_of(BookTold, rows, limit, offset)


@book_call("POST", "price-books", "api-books", _("Begin a price book."), answers=BookRows, status=201)
def begin(request: HttpRequest, body: Sent[BookAsked]) -> BookRows:
    _may_write(request)
    form = NewBookForm({"name": body.name})
    if not form.is_valid():
        raise Wrong(form)
    rows = read_book(body.csv.encode(), body.name).rows if body.csv else ()
    made = pricing.begin_book(request.user, form.cleaned_data["name"], rows)
    return _book(get_object_or_404(PriceBook, pk=made.pk))


@book_call("GET", "price-books/{int:pk}", "api-book", _("A price book with its rows."), answers=BookRows)
def book(request: HttpRequest, pk: Key) -> BookRows:
    return _book(_row(request, pk))


@book_call(
    "PUT",
    "price-books/{int:pk}",
    "api-book",
    _("Keep other rows as the next version of a book."),
    answers=BookRows,
)
def keep(request: HttpRequest, pk: Key, body: Sent[BookCsv]) -> BookRows:
    row = _row(request, pk)
    pricing.save_book(request.user, row, read_book(body.csv.encode(), row.name).rows)
    return _book(_row(request, pk))


@book_call(
    "GET",
    "price-books/{int:pk}/csv",
    "api-book-csv",
    _("A price book, or an earlier version, as CSV."),
    answers=bytes,
    media=CSV,
)
def book_csv(request: HttpRequest, pk: Key, version: Key | None = None) -> HttpResponse:
    row = _row(request, pk)
    kept = get_object_or_404(row.versions, version=version) if version else row
    note = {"version": kept.version}
    audit.note(Deed.PRICES_TAKEN, request.user.get_username(), row.name, after=note)
    return taken(write_book(PlannerBook(name=row.name, rows=pricing.rows_of(kept.rows))), CSV)


@book_call(
    "GET",
    "price-books/public.csv",
    "api-prices-public",
    _("The published prices, to begin a book with."),
    answers=bytes,
    media=CSV,
)
def public(request: HttpRequest) -> HttpResponse:
    return taken(write_book(public_book()), CSV)


def priced(request: HttpRequest, found: Estate, question: pricing.Request) -> Queued:
    asked = msgspec.to_builtins(question, str_keys=True)
    return queued(services.start_pricing(request.user, found, asked))


def study_of(found: Estate, kind: str, study: int | None) -> CostStudy:
    """The answer of this number, else the newest of its kind."""
    rows = found.cost_studies.filter(kind=kind).select_related("estate", "run", "book")
    chosen = get_object_or_404(rows, pk=study) if study else rows.first()
    if chosen is None:
        raise Http404(gettext("There is no such answer"))
    return chosen


def told_of(row: CostStudy) -> CostTold:
    return of(CostTold, row)


def _row(request: HttpRequest, pk: int) -> PriceBook:
    return get_object_or_404(visible_to(request.user, PriceBook), pk=pk)


def _book(row: PriceBook) -> BookRows:
    return of(BookRows, row)


def _may_write(request: HttpRequest) -> None:
    if not may(request.user, Action.PRICE):
        raise PermissionDenied
