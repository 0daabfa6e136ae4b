"""Price books: the public prices as they are published, and quotes that lie over them, card by card."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from msgspec import Struct

from cluster import audit, pricing
from cluster.audit import Deed
from cluster.cost_forms import BookFileForm, NewBookForm
from cluster.models import PriceBook
from cluster.reach import reaches_an_estate, visible_to
from cluster.roles import Action
from cluster.shown import EN_DASH, NBSP, number
from cluster.wording import say
from planner.catalogue.cards import AREA_NAMES, AREAS, CARDS, Card
from planner.cost.book import BookError, Entry, Price, Prices
from planner.cost.book import PriceBook as PlannerBook
from planner.cost.book_csv import ROWS_MAX, price_of, read_book, write_book
from planner.cost.money import Span
from planner.cost.public import public_book

FIELDS = ("low", "high", "currency", "source", "date")
FURTHER_FIELDS = ("key", *FIELDS, "valid_from", "valid_to", "confidence", "note")
VERSIONS_SHOWN = 50
BOOKS_BESIDE = 4
FREE_ROWS = 3  # whose key the buyer writes
CONFIDENCE_NAMES = (
    ("quote", _("quote")),
    ("list", _("list price")),
    ("published", _("published")),
    ("low", _("doubtful")),
    ("assumption", _("assumption")),
)


class CardRow(Struct, frozen=True, kw_only=True):
    """A card as the page shows it: what the book says, what is published."""

    key: str
    label: str
    unit: str
    money: bool
    low: str = ""
    high: str = ""
    currency: str = ""
    source: str = ""
    date: str = ""
    public: str = ""
    public_source: str = ""
    more: int = 0
    books: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nobody told."""
        return not self.low and not self.public


def prices(request: HttpRequest) -> HttpResponse:
    """All books, and a place to begin one."""
    form = NewBookForm(request.POST or None, request.FILES or None)
    if request.method == "POST":
        _may_write(request)
        if form.is_valid() and (book := _made(request, form)) is not None:
            return redirect("price_book", pk=book.pk)
    books = visible_to(request.user, PriceBook)
    beside = list(books.order_by("-changed_at")[:BOOKS_BESIDE])
    context = {
        "books": books,
        "form": form,
        "may_write": reaches_an_estate(request.user, Action.PRICE),
        "beside": beside,
        "areas": _areas([], _public(), beside),
    }
    return render(request, "prices.html", context, status=400 if form.errors else 200)


def book(request: HttpRequest, pk: int) -> HttpResponse:
    """One book: its cards as a form, and a CSV that replaces them."""
    row = get_object_or_404(visible_to(request.user, PriceBook), pk=pk)
    errors: list[str] = []
    rows = pricing.as_book(row).rows
    if request.method == "POST":
        _may_write(request)
        try:
            rows = _given(request, row, rows)
            pricing.save_book(request.user, row, rows)
        except BookError as error:
            errors = [_complaint(error)]
        else:
            return redirect("price_book", pk=row.pk)
    context = {
        "book": row,
        "errors": errors,
        "areas": _areas(rows, _public()),
        "further": _further(rows),
        "blanks": range(len(_further(rows)), len(_further(rows)) + FREE_ROWS),
        "row_count": len(_further(rows)) + FREE_ROWS,
        "confidences": CONFIDENCE_NAMES,
        "versions": row.versions.select_related("changed_by")[:VERSIONS_SHOWN],
        "file_form": BookFileForm(),
        "may_write": reaches_an_estate(request.user, Action.PRICE),
    }
    return render(request, "price_book.html", context, status=400 if errors else 200)


def book_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """The book as a file."""
    row = get_object_or_404(visible_to(request.user, PriceBook), pk=pk)
    audit.note(Deed.PRICES_TAKEN, request.user.get_username(), row.name, after={"version": row.version})
    return _csv(write_book(pricing.as_book(row)), f"prices-{row.pk}.csv")


def version_csv(request: HttpRequest, pk: int, version: int) -> HttpResponse:
    """The book as it stood in an earlier version."""
    row = get_object_or_404(visible_to(request.user, PriceBook), pk=pk)
    kept = get_object_or_404(row.versions, version=version)
    audit.note(Deed.PRICES_TAKEN, request.user.get_username(), row.name, after={"version": version})
    content = write_book(PlannerBook(name=row.name, rows=pricing.rows_of(kept.rows)))
    return _csv(content, f"prices-{row.pk}-v{version}.csv")


def public_csv(request: HttpRequest) -> HttpResponse:
    """The published prices as a file, to begin one's own with."""
    return _csv(write_book(public_book()), "prices-public.csv")


def _csv(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _may_write(request: HttpRequest) -> None:
    if not reaches_an_estate(request.user, Action.PRICE):
        raise PermissionDenied(gettext("Your role may read prices, not change them."))


def _made(request: HttpRequest, form: NewBookForm) -> PriceBook | None:
    """The new book; None where its file makes no sense, which the form then says."""
    file = form.cleaned_data["file"]
    name = form.cleaned_data["name"]
    try:
        rows = read_book(file.read(), file.name).rows if file else ()
        made = pricing.begin_book(request.user, name, rows)
    except BookError as error:
        form.add_error("file", _complaint(error))
        return None
    return made


def _given(request: HttpRequest, row: PriceBook, before: Sequence[Price]) -> tuple[Price, ...]:
    """The rows that were sent: a file, or the cards and the further rows of the form.

    A form without the further rows leaves them as they are.
    """
    file = request.FILES.get("file")
    if file is not None:
        return read_book(file.read(), file.name or row.name).rows
    found = [_typed(request, card.key, _first(card.key, before)) for card in CARDS]
    count = _text(request, "rows")
    further = (
        [_further_typed(request, n) for n in range(min(int(count), ROWS_MAX))]
        if count.isdecimal()
        else _further(before)
    )
    return tuple(price for price in (*found, *further) if price is not None)


def _typed(request: HttpRequest, key: str, before: Price | None) -> Price | None:
    """What stands in a card; its confidence and note stay what they were."""
    cells = {field: _text(request, f"card-{key}-{field}") for field in FIELDS}
    if not cells["low"]:
        return None
    kept = {"confidence": before.confidence, "note": before.note} if before else {}
    return price_of({"key": key, **cells, **kept})


def _further_typed(request: HttpRequest, number: int) -> Price | None:
    cells = {field: _text(request, f"row-{number}-{field}") for field in FURTHER_FIELDS}
    return price_of(cells) if cells["key"] and cells["low"] else None


def _text(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "").replace("\0", "").strip()


def _is_dated(price: Price) -> bool:
    return bool(price.valid_from or price.valid_to)


def _first(key: str, rows: Sequence[Price]) -> Price | None:
    """The row that a card shows: its first one without days."""
    return next((price for price in rows if price.key == key and not _is_dated(price)), None)


def _further(rows: Sequence[Price]) -> list[Price]:
    """All rows that no card shows: host models, rates, hours, rows with days, a second source of a card."""
    shown = [_first(card.key, rows) for card in CARDS]
    return [price for price in rows if not any(price is one for one in shown)]


def _public() -> Prices:
    return public_book().at(timezone.localdate().isoformat())


def _areas(
    rows: Sequence[Price], public: Prices, beside: Sequence[PriceBook] = ()
) -> list[tuple[str, list[CardRow]]]:
    """The cards by area, with what other books say of them today."""
    today = timezone.localdate().isoformat()
    others = [pricing.as_book(book).at(today) for book in beside]
    return [
        (
            say(AREA_NAMES[area]),
            [_card(card, rows, public.entry(card.key), others) for card in CARDS if card.area == area],
        )
        for area in AREAS
        if any(card.area == area for card in CARDS)
    ]


def _card(card: Card, rows: Sequence[Price], public: Entry, others: Sequence[Prices]) -> CardRow:
    first = _first(card.key, rows)
    return CardRow(
        key=card.key,
        label=say(card.label),
        unit=card.unit,
        money=card.money,
        low="" if first is None or first.low is None else f"{first.low:f}",
        high="" if first is None or first.high in (None, first.low) else f"{first.high:f}",
        currency=first.currency if first else "",
        source=first.source if first else "",
        date=first.date if first else "",
        public=_range(public.span, public.currency),
        public_source=public.source,
        books=tuple(_range(entry.span, entry.currency) for entry in (one.entry(card.key) for one in others)),
        more=sum(price.key == card.key and price is not first for price in rows),
    )


def _range(span: Span | None, currency: str) -> str:
    if span is None:
        return ""
    low, high = number(span.low), number(span.high)
    words = low if low == high else f"{low}{NBSP}{EN_DASH}{NBSP}{high}"
    return f"{words}{NBSP}{currency}".rstrip(NBSP)


def _complaint(error: BookError) -> str:
    place = gettext("{book}, row {row}: ").format(book=error.book, row=error.row) if error.row else ""
    return f"{place}{say(error.message)}"
