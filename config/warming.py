"""Compiled kernels are there before a request needs them: a quiet process beside the worker makes them.

    worker ready --> python -m planner.warming, at the lowest priority: fills the cache on disk, then ends
    pool child   --> its first plan loads what it needs from there: half a second

Readiness waits for neither; a plan that comes earlier compiles what it needs itself.  No thread of a pool
child loads kernels beside its work: numba imports while it holds its lock, and work that imports could wait
for it for ever.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from config.child import tied_to

ROOT = Path(__file__).resolve().parent.parent
LOWEST_PRIORITY = 19


class Warmer:
    """The process that fills the cache; it dies with the worker."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **_: Any) -> None:
        from planner.kernels.cache import is_complete

        if is_complete() or self.process is not None:
            return
        tie = tied_to(os.getpid())

        def before() -> None:
            os.nice(LOWEST_PRIORITY)
            if tie is not None:
                tie()

        self.process = subprocess.Popen(
            [sys.executable, "-m", "planner.warming"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=before,
        )

    def stop(self, **_: Any) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
