"""Changes become rows in one transaction: executemany on SQLite, COPY on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from cluster.models import Estate
from cluster.snapshot.comparing import Changes, TableChanges, compare
from cluster.snapshot.tables import Values
from planner.quality import Reading

_DELETES_A_STATEMENT: Final = 500


class EstateMoved(Exception):
    """Another import changed the estate since it was compared: compare again."""


@dataclass(frozen=True, slots=True)
class Written:
    """Rows that were really written, of all kinds."""

    inserted: int
    updated: int
    deleted: int

    @property
    def rows(self) -> int:
        return self.inserted + self.updated + self.deleted


def save(estate: Estate, reading: Reading) -> Written:
    """Make the rows say what was read; `estate` may be new.  All of it, or nothing."""
    return write(compare(estate, reading))


def write(changes: Changes) -> Written:
    """Write what `compare` found, if the estate still stands where it stood then.

    Raises:
        EstateMoved: it does not.  Nothing is written.
    """
    with transaction.atomic():
        if changes.rows or changes.is_new:
            _claim_revision(changes)
        for table in changes.tables:
            _delete(table)
        for table in changes.tables:
            _insert(table)
            _update(table)
        _describe(changes)
    return Written(
        inserted=sum(len(table.inserts) for table in changes.tables),
        updated=sum(len(table.updates) for table in changes.tables),
        deleted=sum(len(table.deletes) for table in changes.tables),
    )


def _claim_revision(changes: Changes) -> None:
    """Move the estate one revision on; this also locks its row against another import."""
    estate = changes.estate
    if changes.is_new:
        try:
            with transaction.atomic():
                estate.revision = 1
                estate.save(force_insert=True)
        except IntegrityError as error:
            raise EstateMoved(estate.name) from error
        return
    here = Estate.objects.filter(pk=estate.pk, revision=estate.revision)
    if here.update(revision=F("revision") + 1, imported_at=Now()) == 0:
        raise EstateMoved(estate.name)
    estate.revision += 1


def _describe(changes: Changes) -> None:
    """Keep where the estate came from and how well it could be read, unless that is known already."""
    estate, quality = changes.estate, changes.reading.quality
    wanted = {
        "source_filename": estate.source_filename,
        "sha256": estate.sha256,
        "format": quality.format,
        "quality": msgspec.json.decode(msgspec.json.encode(quality)),  # lists, as the column gives them back
    }
    here = Estate.objects.filter(pk=estate.pk)
    if here.values(*wanted).get() != wanted:
        here.update(**wanted, imported_at=Now())
        estate.format, estate.quality = quality.format, wanted["quality"]


def _delete(table: TableChanges) -> None:
    for start in range(0, len(table.deletes), _DELETES_A_STATEMENT):
        some = table.deletes[start : start + _DELETES_A_STATEMENT]
        places = ", ".join(["%s"] * len(some))
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table.table} WHERE id IN ({places})", some)  # noqa: S608


def _insert(table: TableChanges) -> None:
    if not table.inserts:
        return
    if connection.vendor == "postgresql":
        _copy(table.table, table.columns, table.inserts)
        return
    places = ", ".join(["%s"] * len(table.columns))
    statement = f"INSERT INTO {table.table} ({_listed(table.columns)}) VALUES ({places})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.executemany(statement, table.inserts)


def _update(table: TableChanges) -> None:
    if not table.updates:
        return
    if connection.vendor == "postgresql":
        _update_through_copy(table)
        return
    changes = ", ".join(f"{_quoted(column)} = %s" for column in table.columns)
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table.table} SET {changes} WHERE id = %s", table.updates)  # noqa: S608


def _copy(table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
    statement = f"COPY {table} ({_listed(columns)}) FROM STDIN"
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _update_through_copy(table: TableChanges) -> None:
    """COPY into a table of the transaction's own, then one UPDATE: row by row is 10 times slower."""
    columns = tuple(column for column in table.columns if column != "id")
    skipped = len(table.columns) - len(columns)  # the id stands first, where it stands at all
    draft = f"{table.table}_changed"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE {draft} (LIKE {table.table}) ON COMMIT DROP")
        cursor.execute(f"ALTER TABLE {draft} ALTER COLUMN id DROP NOT NULL")
    _copy(draft, (*columns, "id"), [row[skipped:] for row in table.updates])
    changes = ", ".join(f"{_quoted(column)} = d.{_quoted(column)}" for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table.table} t SET {changes} FROM {draft} d WHERE t.id = d.id")  # noqa: S608
        cursor.execute(f"DROP TABLE {draft}")


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(_quoted(column) for column in columns)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
