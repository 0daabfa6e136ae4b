"""The head of the audit as it was seen from outside of the database, in a file that is only added to.

Whoever cuts off the end of the chain in the database, and sets its head back, leaves a chain that holds in
itself; this file still names the end that was there.  A worker adds to it within a minute.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

from django.conf import settings

from cluster.models import AuditHead

TAIL_BYTES: Final = 4096  # a line has under a hundred
_log = logging.getLogger(__name__)


def last() -> str:
    """The head that was witnessed last, `SEQ:DIGEST`; nothing where none was."""
    file = _file()
    if not file.exists():
        return ""
    with file.open("rb") as lines:
        lines.seek(max(0, file.stat().st_size - TAIL_BYTES))
        whole = lines.read().rpartition(b"\n")[0]  # a line that was cut by a full disk is none
    return whole.rpartition(b"\n")[2].decode("ascii", errors="replace")


def witness() -> str:
    """Add the head as it is now, unless it was witnessed already or stands before what was; give it."""
    head = AuditHead.objects.filter(pk=1).first()
    if head is None or head.seq <= int(last().partition(":")[0] or 0):
        return ""
    there = os.open(_file(), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(there, "r+b", buffering=0) as lines:
        size = lines.seek(0, os.SEEK_END)
        lines.seek(max(0, size - 1))
        cut = b"\n" if lines.read() not in (b"", b"\n") else b""
        lines.write(cut + f"{head}\n".encode())
        os.fsync(lines.fileno())
    _log.info("the audit ends with %s", head)
    return str(head)


def _file() -> Path:
    return Path(settings.AUDIT_WITNESS_FILE)
