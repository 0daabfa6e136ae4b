"""Variants as the planner has them, and an estate with what committed ones reserve."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from cluster.models import Estate
from cluster.models import Variant as Row
from cluster.snapshot.loading import load_reading
from planner import variant as planner
from planner.quality import Reading
from planner.sentence import Sentence


def variant_of(row: Row) -> planner.Variant:
    """A row as the planner's variant, on top of what it stands on."""
    return planner.Variant(
        name=row.name,
        changes=changes_of(row),
        base=variant_of(row.base) if row.base is not None else None,
    )


def changes_of(row: Row) -> tuple[planner.Change, ...]:
    """The changes of a row itself."""
    return msgspec.convert(row.changes, tuple[planner.Change, ...], strict=False)


def committed_of(estate: Estate, but: Collection[int] = ()) -> list[planner.Variant]:
    """The committed variants of an estate, the oldest first, each without what it stands on."""
    rows = Row.objects.filter(estate=estate, committed_at__isnull=False).exclude(pk__in=but)
    return [
        planner.Variant(name=row.name, changes=changes_of(row)) for row in rows.order_by("committed_at", "id")
    ]


def with_reservations(
    estate: Estate, reading: Reading, but: Collection[int] = ()
) -> tuple[Reading, tuple[Sentence, ...]]:
    """A reading with the room that committed variants take, and what no longer fits the estate."""
    reserved, remarks = planner.reserved(reading.estate, committed_of(estate, but))
    return msgspec.structs.replace(reading, estate=reserved), remarks


def load_reserved(estate: Estate, but: Collection[int] = ()) -> tuple[Reading, tuple[Sentence, ...]]:
    """The estate as imported, with what committed variants reserve."""
    return with_reservations(estate, load_reading(estate), but)
