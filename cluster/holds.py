"""Whether the worker that is submitting an operation still lives: a lock that dies with its process.

A lease that ran out does not say that a worker is dead: it may be stopped, and wake with a call on its lips.
So nobody concludes that a call was never made while this lock is held.  PostgreSQL keeps it for a session;
with SQLite, which is one machine, the kernel keeps it on a file.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import Error, connection

FOLDER: Final = "holds"


@contextmanager
def held(key: UUID) -> Iterator[bool]:
    """Hold the lock for as long as the block lasts, or the process lives; False: another one holds it."""
    if connection.vendor == "postgresql":
        alone = _ask("SELECT pg_try_advisory_lock(%s)", key)
        try:
            yield alone
        finally:
            if alone:
                _release(key)
    else:
        file = _open(key)
        try:
            yield _taken(file)
        finally:
            os.close(file)


def is_held(key: UUID) -> bool:
    """Whether a process that lives holds it."""
    if connection.vendor == "postgresql":
        if not _ask("SELECT pg_try_advisory_lock(%s)", key):
            return True
        _release(key)
        return False
    if not _path(key).exists():
        return False
    file = _open(key)
    try:
        return not _taken(file)
    finally:
        os.close(file)


def forget(key: UUID) -> None:
    """Leave nothing behind of an operation that is over."""
    _path(key).unlink(missing_ok=True)


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ask(query: str, key: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(query, [key.int % 2**63])
        return bool(cursor.fetchone()[0])


def _release(key: UUID) -> None:
    with suppress(Error):  # a session that is gone has let go of it
        _ask("SELECT pg_advisory_unlock(%s)", key)


def _open(key: UUID) -> int:
    _path(key).parent.mkdir(mode=0o700, exist_ok=True)
    return os.open(_path(key), os.O_RDWR | os.O_CREAT, 0o600)


def _path(key: UUID) -> Path:
    return Path(settings.DATA_DIR) / FOLDER / str(key)
