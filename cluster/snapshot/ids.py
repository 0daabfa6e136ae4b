"""Ids taken before the rows are written, so that rows can refer to each other without asking back.

Ids that are taken and then not used are lost; nothing counts on their being dense.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import Model


def reserve(model: type[Model], count: int) -> Sequence[int]:
    """Give this many ids of the model that nobody else will get."""
    if count == 0:
        return ()
    table = model._meta.db_table
    if connection.vendor == "postgresql":
        return _from_sequence(table, count)
    return _from_sqlite_sequence(table, count)


def _from_sequence(table: str, count: int) -> Sequence[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
        )
        return [id_ for (id_,) in cursor.fetchall()]


def _from_sqlite_sequence(table: str, count: int) -> Sequence[int]:
    """SQLite's AUTOINCREMENT table is an ordinary table, made to be changed (sqlite.org/autoinc.html)."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s", [count, table])
        if cursor.rowcount == 0:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, count])
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        last = int(cursor.fetchone()[0])
    return range(last - count + 1, last + 1)
