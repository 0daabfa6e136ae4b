"""Rows become the planner's values again, exactly those that were stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from django.db import connection

from cluster.models import Estate
from cluster.snapshot.tables import TABLES, Child, Table
from planner import estate as planner
from planner.quality import Quality, Reading

READS_MAX: Final = 5  # imports that come faster than an estate is read make it be read again


def load(estate: Estate) -> planner.Estate:
    """The estate as it was imported: all of it by one import, whichever is stored meanwhile."""
    return _whole(estate)[0]


def load_quality(estate: Estate) -> Quality:
    """The quality report of the last import that changed something."""
    return msgspec.convert(estate.quality, Quality)


def load_reading(estate: Estate) -> Reading:
    """What the reader of the last import gave."""
    found, quality = _whole(estate)
    return Reading(estate=found, quality=msgspec.convert(quality, Quality))


def _whole(estate: Estate) -> tuple[planner.Estate, object]:
    """The rows and the quality report of one import: where another was stored meanwhile, read again."""
    now = _state_of(estate)
    for _ in range(READS_MAX):
        before = now
        fields = {table.estate_field: _things(table, estate.pk) for table in TABLES}
        now = _state_of(estate)
        if now == before:
            break
    return planner.Estate(**fields).sorted(), now[1] if now else estate.quality


def _state_of(estate: Estate) -> tuple[int, object] | None:
    return Estate.objects.filter(pk=estate.pk).values_list("revision", "quality").first()


def _things(table: Table, estate_id: int) -> tuple[Any, ...]:
    apart = {child.parent_field: _children(child, table, estate_id) for child in table.children}
    columns = ", ".join(("id", *(connection.ops.quote_name(name) for name in table.columns)))
    order = "name" if table.named else "ordinal"  # twins keep the order in which they were read
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM {table.table} WHERE estate_id = %s ORDER BY {order}",  # noqa: S608
            [estate_id],
        )
        return tuple(
            table.struct(**table.to_fields(values), **_taken(apart, id_))
            for id_, *values in cursor.fetchall()
        )


def _taken(apart: Mapping[str, Mapping[int, list[Any]]], id_: int) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(things[id_]) for name, things in apart.items() if id_ in things}


def _children(child: Child, table: Table, estate_id: int) -> Mapping[int, list[Any]]:
    columns = ", ".join(f"c.{connection.ops.quote_name(name)}" for name in child.columns)
    found: defaultdict[int, list[Any]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT c.{child.parent_column}, {columns} FROM {child.table} c"  # noqa: S608
            f" JOIN {table.table} p ON p.id = c.{child.parent_column}"
            f" WHERE p.estate_id = %s ORDER BY c.{child.parent_column}, c.position",
            [estate_id],
        )
        for parent_id, *values in cursor.fetchall():
            found[parent_id].append(child.thing(values))
    return found
