"""Price books: the public prices as they are published, and quotes that lie over them, card by card."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from msgspec import Struct

from cluster import audit, pricing
from cluster.audit import Deed
from cluster.cost_forms import BookFileForm, NewBookForm
from cluster.models import PriceBook
from cluster.reach import visible_to
from cluster.roles import Action, may
from cluster.shown import EN_DASH, NBSP, number
from cluster.wording import say
from planner.catalogue.cards import AREA_NAMES, AREAS, CARDS, Card
from planner.cost.book import BookError, Entry, Price, Prices
from planner.cost.book_csv import price_of, read_book, write_book
from planner.cost.money import Span
from planner.cost.public import public_book

FIELDS = ("low", "high", "currency", "source", "date")
FREE_ROWS = 3  # for quotes of host models and rates, whose key the buyer writes


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
    dated: int = 0

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
    context = {
        "books": visible_to(request.user, PriceBook),
        "form": form,
        "may_write": may(request.user, Action.PRICE),
        "areas": _areas([], _public()),
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
        "others": _others(rows),
        "file_form": BookFileForm(),
        "may_write": may(request.user, Action.PRICE),
    }
    return render(request, "price_book.html", context, status=400 if errors else 200)


def book_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """The book as a file."""
    row = get_object_or_404(visible_to(request.user, PriceBook), pk=pk)
    audit.note(Deed.PRICES_TAKEN, request.user.get_username(), row.name, after={"version": row.version})
    return _csv(write_book(pricing.as_book(row)), f"prices-{row.pk}.csv")


def public_csv(request: HttpRequest) -> HttpResponse:
    """The published prices as a file, to begin one's own with."""
    return _csv(write_book(public_book()), "prices-public.csv")


def _csv(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _may_write(request: HttpRequest) -> None:
    if not may(request.user, Action.PRICE):
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
    """The rows that were sent: a file, or the cards of the form; rows with days are kept as they are."""
    file = request.FILES.get("file")
    if file is not None:
        return read_book(file.read(), file.name or row.name).rows
    kept = [price for price in before if _is_dated(price)]
    keys = [*(card.key for card in CARDS), *(price.key for price in _others(before))]
    found = [_typed(request, f"card-{key}", key) for key in dict.fromkeys(keys)]
    found += [_typed(request, f"free-{n}", _text(request, f"free-{n}-key")) for n in range(FREE_ROWS)]
    return (*(price for price in found if price is not None), *kept)


def _typed(request: HttpRequest, prefix: str, key: str) -> Price | None:
    cells = {field: _text(request, f"{prefix}-{field}") for field in FIELDS}
    if not key or not cells["low"]:
        return None
    return price_of({"key": key, **cells})


def _text(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "").replace("\0", "").strip()


def _is_dated(price: Price) -> bool:
    return bool(price.valid_from or price.valid_to)


def _others(rows: Sequence[Price]) -> list[Price]:
    """Quotes of host models and rates, which are no fixed cards."""
    fixed = {card.key for card in CARDS}
    return [price for price in rows if price.key not in fixed and not _is_dated(price)]


def _public() -> Prices:
    return public_book().at(timezone.localdate().isoformat())


def _areas(rows: Sequence[Price], public: Prices) -> list[tuple[str, list[CardRow]]]:
    """The cards by area."""
    return [
        (
            say(AREA_NAMES[area]),
            [_card(card, rows, public.entry(card.key)) for card in CARDS if card.area == area],
        )
        for area in AREAS
        if any(card.area == area for card in CARDS)
    ]


def _card(card: Card, rows: Sequence[Price], public: Entry) -> CardRow:
    own = [price for price in rows if price.key == card.key and not _is_dated(price)]
    first = own[0] if own else None
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
        dated=sum(price.key == card.key and _is_dated(price) for price in rows),
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
