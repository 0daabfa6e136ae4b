"""Compiled kernels are there before a request needs them: a quiet process beside the worker makes them.

    worker ready --> python -m planner.warming, at the lowest priority: fills the cache on disk, then ends
    pool child   --> a thread that waits for the full cache and loads it: half a second

Readiness waits for neither; a plan that comes earlier compiles what it needs itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from config.child import tied_to

ROOT = Path(__file__).resolve().parent.parent
LOWEST_PRIORITY = 19
LOOK_EVERY_S = 2.0
LOOK_FOR_S = 900.0  # 25 s of the processor here, and a busy machine with one slow core


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


def load_in_background(**_: Any) -> None:
    """Load the kernels into this pool process as soon as they are compiled."""
    threading.Thread(target=_load_when_complete, name="warm-kernels", daemon=True).start()


def _load_when_complete() -> None:
    from planner.kernels.cache import is_complete

    gives_up_at = time.monotonic() + LOOK_FOR_S
    while not is_complete():
        if time.monotonic() > gives_up_at:
            return  # a read-only place: each process compiles what it needs
        time.sleep(LOOK_EVERY_S)
    from planner.warming import warm

    warm()
