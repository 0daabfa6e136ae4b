"""What a migration cost, as its task's log tells: the stop in milliseconds, and what was sent.

    2025-11-14 21:47:58 average migration speed: 806.6 MiB/s - downtime 59 ms
    2025-11-14 21:47:58 migration completed, transferred 11.7 GiB VM-state

Source: the lines that qemu-server's QemuMigrate.pm writes; releases before 7 tell the stop alone, or neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from operations.drivers.proxmox.client import Client, Refused
from operations.drivers.proxmox.upid import Upid

LINES_MOST: Final = 5000  # a line a second: longer than a migration is let run
MIGRATES: Final = "qmigrate"
_STOP: Final = re.compile(r"\bdowntime (\d+(?:\.\d+)?) ms\b")
_SENT: Final = re.compile(r"\bmigration completed, transferred (\d+(?:\.\d+)?) ([KMGT]?i?B) VM-state\b")
_MIB: Final = {"B": 2.0**-20, "KiB": 2.0**-10, "MiB": 1.0, "GiB": 2.0**10, "TiB": 2.0**20}


def cost_of(client: Client, upid: Upid) -> dict[str, float]:
    """Read the log of a migration that has ended; what is not told, or may not be read, is not in it."""
    if upid.kind != MIGRATES:
        return {}
    try:
        rows = client.get("nodes", upid.node, "tasks", upid.text, "log", start=0, limit=LINES_MOST)
    except Refused:
        return {}
    return read_cost(str(row.get("t", "")) for row in rows or () if isinstance(row, dict))


def read_cost(lines: Iterable[str]) -> dict[str, float]:
    """Find the stop and what was sent; the last that is told counts.

    >>> read_cost(["average migration speed: 806.6 MiB/s - downtime 59 ms",
    ...            "migration completed, transferred 11.5 GiB VM-state"])
    {'downtime_ms': 59.0, 'sent_mib': 11776.0}
    """
    found: dict[str, float] = {}
    for line in lines:
        if stop := _STOP.search(line):
            found["downtime_ms"] = float(stop[1])
        if (sent := _SENT.search(line)) and sent[2] in _MIB:
            found["sent_mib"] = float(sent[1]) * _MIB[sent[2]]
    return found
