"""What an import changes: found by reading, while no lock is held."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db import connection

from cluster.models import Estate
from cluster.snapshot import ids
from cluster.snapshot.tables import TABLES, Child, Table, Values, fingerprint
from planner.quality import Reading

PARENTS_A_QUERY = 500  # SQLite took 999 values a statement before 3.32; both databases are quick with these


@dataclass(frozen=True, slots=True)
class TableChanges:
    """Rows of one table, in the order of `columns`; those to update have their id behind them."""

    table: str
    columns: tuple[str, ...]
    inserts: list[Values] = field(default_factory=list)
    updates: list[Values] = field(default_factory=list)
    deletes: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Changes:
    """All that an import changes in an estate that stood at `estate.revision` when it was read."""

    estate: Estate
    is_new: bool
    reading: Reading
    tables: tuple[TableChanges, ...]

    @property
    def rows(self) -> int:
        """How many rows will be written."""
        return sum(len(t.inserts) + len(t.updates) + len(t.deletes) for t in self.tables)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is known of a stored row without reading all of it."""

    id: int
    fingerprint: int
    references: Values


def compare(estate: Estate, reading: Reading) -> Changes:
    """Find what must be written so that the rows say what was read.

    An estate that has no row yet gets its id here, and its row when the changes are written.
    """
    is_new = estate.pk is None
    if is_new:
        [estate.pk] = ids.reserve(Estate, 1)
    ids_by_name: dict[str, dict[str, int]] = {}
    tables: list[TableChanges] = []
    for table in TABLES:  # clusters before hosts before VMs: a row must know the ids that it refers to
        stored = {} if is_new else _stored(table, estate.pk)
        tables += _compare_table(table, estate.pk, reading, stored, ids_by_name)
    return Changes(estate=estate, is_new=is_new, reading=reading, tables=tuple(tables))


def _stored(table: Table, estate_id: int) -> dict[str, _Stored]:
    columns = ", ".join((table.key_column, "id", "fingerprint", *table.references))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table.table} WHERE estate_id = %s", [estate_id])  # noqa: S608
        return {key: _Stored(id_, print_, tuple(rest)) for key, id_, print_, *rest in cursor.fetchall()}


def _compare_table(
    table: Table,
    estate_id: int,
    reading: Reading,
    stored: dict[str, _Stored],
    ids_by_name: dict[str, dict[str, int]],
) -> list[TableChanges]:
    things: Sequence[msgspec.Struct] = getattr(reading.estate, table.estate_field)
    keyed = list(_keyed(table, things))
    new_ids = iter(_ids_for_new(table, keyed, stored))
    columns = (*(("id",) if table.knows_its_ids else ()), *table.own_columns, *table.columns)
    found = TableChanges(table.table, columns)
    changed: dict[int, msgspec.Struct] = {}
    fresh: dict[int, msgspec.Struct] = {}
    kept: dict[str, int] = {}
    for key, ordinal, thing in keyed:
        print_ = fingerprint(thing)
        references = _references(table, thing, ids_by_name)
        twins: Values = () if table.named else (key, ordinal)
        values = (estate_id, print_, *twins, *references)
        old = stored.pop(key, None)
        if old is None:
            if table.knows_its_ids:
                kept[key] = next(new_ids)
                fresh[kept[key]] = thing
                values = (kept[key], *values)
            found.inserts.append((*values, *table.to_values(thing)))
        else:
            kept[key] = old.id
            if old.fingerprint != print_:
                changed[old.id] = thing
            if old.fingerprint != print_ or old.references != references:
                id_column: Values = (old.id,) if table.knows_its_ids else ()
                found.updates.append((*id_column, *values, *table.to_values(thing), old.id))
    found.deletes.extend(old.id for old in stored.values())
    ids_by_name[table.estate_field] = kept
    return [*_compare_children(table, fresh, changed, found.deletes), found]


def _keyed(table: Table, things: Sequence[msgspec.Struct]) -> Iterator[tuple[str, int, msgspec.Struct]]:
    """Each thing with the key that finds its row; of twins, each has its own."""
    seen: Counter[str] = Counter()
    for thing in things:
        key = table.key_of(thing)
        ordinal = seen[key]
        seen[key] += 1
        yield (key if table.named else f"{key}-{ordinal}"), ordinal, thing


def _ids_for_new(
    table: Table, keyed: Sequence[tuple[str, int, msgspec.Struct]], stored: Mapping[str, _Stored]
) -> Sequence[int]:
    if not table.knows_its_ids:
        return ()
    return ids.reserve(table.model, sum(key not in stored for key, _, _ in keyed))


def _references(table: Table, thing: msgspec.Struct, ids_by_name: Mapping[str, Mapping[str, int]]) -> Values:
    """The ids of the rows that the thing names; None for a name that the estate does not describe."""
    return tuple(ids_by_name[kind].get(getattr(thing, named)) for named, kind in table.references.values())


def _compare_children(
    table: Table,
    fresh: Mapping[int, msgspec.Struct],
    changed: Mapping[int, msgspec.Struct],
    deleted_parents: Sequence[int],
) -> Iterator[TableChanges]:
    for child in table.children:
        found = TableChanges(child.table, (child.parent_column, "position", *child.columns))
        for parent_id, parent in fresh.items():
            for position, values in enumerate(child.values_of(parent)):
                found.inserts.append((parent_id, position, *values))
        stored = _stored_children(child, [*changed, *deleted_parents])
        for parent_id, parent in changed.items():
            _compare_siblings(child, parent_id, parent, stored, found)
        found.deletes.extend(old_id for siblings in stored.values() for old_id, _ in siblings.values())
        yield found


def _compare_siblings(
    child: Child,
    parent_id: int,
    parent: msgspec.Struct,
    stored: Mapping[int, dict[int, tuple[int, Values]]],
    found: TableChanges,
) -> None:
    """Compare place by place, and take what still has a place out of `stored`."""
    siblings = stored[parent_id]
    for position, values in enumerate(child.values_of(parent)):
        row = (parent_id, position, *values)
        old = siblings.pop(position, None)
        if old is None:
            found.inserts.append(row)
        elif old[1] != values:
            found.updates.append((*row, old[0]))


def _stored_children(child: Child, parents: Sequence[int]) -> defaultdict[int, dict[int, tuple[int, Values]]]:
    """The rows that hang on these parents: parent id -> position -> (id, values)."""
    stored: defaultdict[int, dict[int, tuple[int, Values]]] = defaultdict(dict)
    columns = ", ".join((child.parent_column, "position", "id", *child.columns))
    for start in range(0, len(parents), PARENTS_A_QUERY):
        some: list[Any] = list(parents[start : start + PARENTS_A_QUERY])
        places = ", ".join(["%s"] * len(some))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {columns} FROM {child.table} WHERE {child.parent_column} IN ({places})",  # noqa: S608
                some,
            )
            for parent_id, position, id_, *values in cursor.fetchall():
                stored[parent_id][position] = (id_, tuple(values))
    return stored
