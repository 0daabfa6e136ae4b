"""Price books and cost answers: who changes them, who asks, and what a worker stores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
import numpy as np
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from cluster import audit, tallies
from cluster.audit import Deed
from cluster.models import CostStudy, Estate, PriceBookVersion, Run
from cluster.models import PriceBook as BookRow
from cluster.models import Variant as VariantRow
from cluster.reach import reaches_an_estate
from cluster.roles import Action
from cluster.snapshot import variant_of
from cluster.work import Work, WorkFailed
from planner.compared import Comparison, compare
from planner.cost.answer import Answer, Asked, answer
from planner.cost.book import BookError, Price, PriceBook, Prices, check_price, layered
from planner.cost.public import public_book
from planner.estate import Estate as PlannerEstate
from planner.hardware.advice import Advice, advise
from planner.hardware.models import read_models, shapes
from planner.quality import Reading
from planner.sentence import Sentence

Changes = dict[str, list[dict[str, object]]]
SEED: Final = 1  # of the draws: the same question has the same interval


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is asked to price: the estate, variants of it by their rows, or hosts to buy for it.

    `models` is the CSV of host models to choose from; empty: plain shapes.
    """

    asked: Asked
    book: int | None = None
    about: Literal["cost", "variants", "hosts"] = "cost"
    variants: tuple[int, ...] = ()
    models: str = ""
    models_name: str = ""
    keep_hosts: bool = False


def compared_rows(request: Request) -> set[int]:
    """The variants of a question and all that they stand on: they are not reserved beside themselves."""
    found: set[int] = set()
    rows = list(VariantRow.objects.filter(pk__in=request.variants).select_related("base"))
    while rows:
        found |= {row.pk for row in rows}
        rows = [row.base for row in rows if row.base is not None and row.base.pk not in found]
    return found


def store_study(
    work: Work, request: Request, reading: Reading, remarks: Sequence[Sentence] = ()
) -> CostStudy:
    """Answer the run's question and keep the answer, with the versions that it was made of."""
    book = BookRow.objects.filter(pk=request.book).first() if request.book else None
    estate = work.estate()
    try:
        found = _answered(request, reading.estate, book)
    except BookError as error:
        raise WorkFailed(error.message) from error
    with transaction.atomic():
        study, _ = CostStudy.objects.update_or_create(
            run=work.run,
            defaults={
                "kind": request.about,
                "estate": estate,
                "estate_revision": estate.revision,
                "book": book,
                "book_version": book.version if book else None,
                "answer": msgspec.json.decode(msgspec.json.encode(_with_remarks(found, remarks))),
                "tally": tallies.of_cost(found) if isinstance(found, Answer) else {},
            },
        )
        count = len(found.designs if isinstance(found, Answer) else found.answer.designs)
        work.succeed(Sentence("Priced {count} designs", {"count": count}))
    return study


def _answered(request: Request, estate: PlannerEstate, book: BookRow | None) -> Answer | Comparison | Advice:
    chance = np.random.default_rng(SEED)
    day = request.asked.assumptions.prices_day
    match request.about:
        case "cost":
            return answer(estate, request.asked, prices_of(book, day), chance)
        case "variants":
            rows = {row.pk: row for row in VariantRow.objects.filter(pk__in=request.variants)}
            missing = [pk for pk in request.variants if pk not in rows]
            if missing:
                raise BookError(Sentence("a variant to compare was removed meanwhile"))
            variants = [variant_of(rows[pk]) for pk in request.variants]
            return compare(estate, variants, request.asked, prices_of(book, day), chance)
        case "hosts":
            models = read_models(request.models.encode(), request.models_name) if request.models else shapes()
            prices = prices_of(book, day, models.quotes)
            return advise(
                estate, models.machines, request.asked, prices, chance, keep_hosts=request.keep_hosts
            )


def _with_remarks(
    found: Answer | Comparison | Advice, remarks: Sequence[Sentence]
) -> Answer | Comparison | Advice:
    """The answer, and what committed variants could not reserve."""
    if not remarks:
        return found
    inner = found if isinstance(found, Answer) else found.answer
    told = msgspec.structs.replace(inner, remarks=(*remarks, *inner.remarks))
    return told if isinstance(found, Answer) else msgspec.structs.replace(found, answer=told)


def prices_of(book: BookRow | None, day: str | None, quotes: PriceBook | None = None) -> Prices:
    """The public prices, with a book's quotes over them, and those of host models over all."""
    books = [public_book(), *([as_book(book)] if book else []), *([quotes] if quotes else [])]
    return layered(books, day or timezone.localdate().isoformat())


def as_book(row: BookRow) -> PriceBook:
    """The planner's book of a row."""
    return PriceBook(name=row.name, rows=rows_of(row.rows))


def rows_of(rows: object) -> tuple[Price, ...]:
    """The planner's rows out of a column."""
    return tuple(msgspec.convert(rows, list[Price], strict=False))


def answer_of(study: CostStudy) -> Answer:
    """The bills of a row, whatever was asked."""
    if study.kind == CostStudy.Kind.VARIANTS:
        return comparison_of(study).answer
    if study.kind == CostStudy.Kind.HOSTS:
        return advice_of(study).answer
    return msgspec.convert(study.answer, Answer, strict=False)


def comparison_of(study: CostStudy) -> Comparison:
    """The variants side by side of a row."""
    return msgspec.convert(study.answer, Comparison, strict=False)


def advice_of(study: CostStudy) -> Advice:
    """The hosts to buy of a row."""
    return msgspec.convert(study.answer, Advice, strict=False)


def request_of(run: Run) -> Request:
    """What a run was asked."""
    return msgspec.convert(run.parameters, Request, strict=False)


def question_of(study: CostStudy | None) -> Request:
    """What an answer was asked; where its run is gone, no more than which prices it was made with."""
    if study is None:
        return Request(asked=Asked())
    if study.run is None:
        return Request(asked=answer_of(study).asked, book=study.book_id)
    return request_of(study.run)


def latest_study(estate: Estate, kind: str = CostStudy.Kind.COST) -> CostStudy | None:
    """The answer made last for an estate, of one kind."""
    return CostStudy.objects.filter(estate=estate, kind=kind).select_related("book").first()


def begin_book(user: User, name: str, rows: Sequence[Price]) -> BookRow:
    """Begin a book with these rows.

    Raises:
        PermissionDenied, BookError: nothing is kept.
    """
    try:
        with transaction.atomic():
            book = BookRow.objects.create(name=name, version=0)
            save_book(user, book, rows)
    except IntegrityError as error:  # somebody else began it at the same moment
        told = Sentence("There is a book of this name, or it cannot be printed.")
        raise BookError(told) from error
    return book


def save_book(user: User, row: BookRow, rows: Sequence[Price]) -> None:
    """Keep the rows of a book as its next version; the audit keeps what changed, before and after.

    Raises:
        PermissionDenied: none of the user's roles writes prices, or it reaches parts of estates alone.
        BookError: a row that makes no sense, or rows that contradict each other; nothing is kept.
    """
    if not reaches_an_estate(user, Action.PRICE):
        raise PermissionDenied
    for price in rows:
        check_price(price)
    PriceBook(name=row.name, rows=tuple(rows)).at(timezone.localdate().isoformat())
    with transaction.atomic():
        stored = BookRow.objects.select_for_update().get(pk=row.pk)
        kept = msgspec.json.decode(msgspec.json.encode(list(rows)))
        before, after = _changed(stored.rows, kept)
        version = stored.version + 1
        BookRow.objects.filter(pk=row.pk).update(
            rows=kept, version=version, changed_by=user, changed_at=Now()
        )
        PriceBookVersion.objects.create(book=stored, version=version, rows=kept, changed_by=user)
        note = {**after, "version": version}
        audit.note(Deed.PRICES_CHANGED, user.get_username(), row.name, before, note)


def _changed(old: Sequence[dict[str, object]], new: Sequence[dict[str, object]]) -> tuple[Changes, Changes]:
    """The rows of a book that are not in the other, by their key."""
    gone = [price for price in old if price not in new]
    come = [price for price in new if price not in old]
    return {"prices": gone}, {"prices": come}
