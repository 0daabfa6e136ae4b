"""Price books and cost answers: who changes them, who asks, and what a worker stores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from cluster import audit
from cluster.audit import Deed
from cluster.models import CostStudy, Estate, Run
from cluster.models import PriceBook as BookRow
from cluster.roles import Action, may
from cluster.work import Work, WorkFailed
from planner.cost.answer import Answer, Asked, answer
from planner.cost.book import BookError, Price, PriceBook, Prices, check_price, layered
from planner.cost.public import public_book
from planner.quality import Reading
from planner.sentence import Sentence

Changes = dict[str, list[dict[str, object]]]
SEED: Final = 1  # of the draws: the same question has the same interval


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is asked to price."""

    asked: Asked
    book: int | None = None


def store_study(work: Work, reading: Reading) -> CostStudy:
    """Answer the run's question and keep the answer, with the versions that it was made of."""
    request = msgspec.convert(work.run.parameters, Request, strict=False)
    book = BookRow.objects.filter(pk=request.book).first() if request.book else None
    estate = work.estate()
    try:
        prices = prices_of(book, request.asked.assumptions.prices_day)
        found = answer(reading.estate, request.asked, prices, np.random.default_rng(SEED))
    except BookError as error:
        raise WorkFailed(error.message) from error
    with transaction.atomic():
        study, _ = CostStudy.objects.update_or_create(
            run=work.run,
            defaults={
                "estate": estate,
                "estate_revision": estate.revision,
                "book": book,
                "book_version": book.version if book else None,
                "answer": msgspec.json.decode(msgspec.json.encode(found)),
            },
        )
        work.succeed(Sentence("Priced {count} designs", {"count": len(found.designs)}))
    return study


def prices_of(book: BookRow | None, day: str | None) -> Prices:
    """The public prices, with a book's quotes over them."""
    books = [public_book(), *([as_book(book)] if book else [])]
    return layered(books, day or timezone.localdate().isoformat())


def as_book(row: BookRow) -> PriceBook:
    """The planner's book of a row."""
    return PriceBook(name=row.name, rows=tuple(msgspec.convert(row.rows, list[Price], strict=False)))


def answer_of(study: CostStudy) -> Answer:
    """The planner's answer of a row."""
    return msgspec.convert(study.answer, Answer, strict=False)


def request_of(run: Run) -> Request:
    """What a run was asked."""
    return msgspec.convert(run.parameters, Request, strict=False)


def latest_study(estate: Estate) -> CostStudy | None:
    """The answer made last for an estate."""
    return CostStudy.objects.filter(estate=estate).select_related("book").first()


def begin_book(user: User, name: str, rows: Sequence[Price]) -> BookRow:
    """Begin a book with these rows.

    Raises:
        PermissionDenied, BookError: nothing is kept.
    """
    with transaction.atomic():
        book = BookRow.objects.create(name=name, version=0)
        save_book(user, book, rows)
    return book


def save_book(user: User, row: BookRow, rows: Sequence[Price]) -> None:
    """Keep the rows of a book as its next version; the audit keeps what changed, before and after.

    Raises:
        PermissionDenied: none of the user's roles writes prices.
        BookError: a row that makes no sense, or rows that contradict each other; nothing is kept.
    """
    if not may(user, Action.PRICE):
        raise PermissionDenied
    for price in rows:
        check_price(price)
    PriceBook(name=row.name, rows=tuple(rows)).at(timezone.localdate().isoformat())
    with transaction.atomic():
        stored = BookRow.objects.select_for_update().get(pk=row.pk)
        kept = msgspec.json.decode(msgspec.json.encode(list(rows)))
        before, after = _changed(stored.rows, kept)
        BookRow.objects.filter(pk=row.pk).update(
            rows=kept, version=F("version") + 1, changed_by=user, changed_at=Now()
        )
        version = {"version": stored.version + 1}
        audit.note(Deed.PRICES_CHANGED, user.get_username(), row.name, before, {**after, **version})


def _changed(old: Sequence[dict[str, object]], new: Sequence[dict[str, object]]) -> tuple[Changes, Changes]:
    """The rows of a book that are not in the other, by their key."""
    gone = [price for price in old if price not in new]
    come = [price for price in new if price not in old]
    return {"prices": gone}, {"prices": come}
