"""The processes of a site that runs beside the tests."""

from __future__ import annotations

import contextlib
from pathlib import Path


def processes_of(data_dir: Path) -> dict[int, str]:
    """Every living process of a data folder, with its command line."""
    found = {}
    mark = f"HEADROOM_DATA_DIR={data_dir}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked
            if mark in (process / "environ").read_bytes() + b"\0":
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if command:
                    found[int(process.name)] = command
    return found
