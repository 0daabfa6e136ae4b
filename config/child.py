"""One process under the supervisor: started in its own session, stopped politely, its log shown."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOG_LIMIT_BYTES = 20 * 1024 * 1024
FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 30.0
STEADY_AFTER_S = 60.0  # one that lived so long starts again without delay growing

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Child:
    """A process with a log file, and the memory of how often it fell.

    The kernel kills it when the supervisor dies without a word: the next start finds no stray process
    on its port or its queue, and what the broker was told is already written.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        fds: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.fds = fds
        self.process: subprocess.Popen[bytes] | None = None
        self.due_at: float | None = None
        self._started_at = 0.0
        self._delay_s = FIRST_DELAY_S
        self._shown_bytes = 0

    def start(self, stdout: int | None = None) -> None:
        """Start it, its errors and (unless given a pipe) its output going to the log file."""
        self.due_at = None
        self._started_at = time.monotonic()
        self._shown_bytes = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log if stdout is None else stdout,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which knows the order
                pass_fds=self.fds,
                preexec_fn=tied_to(os.getpid()),
            )

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self.process.returncode if self.process else 0
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def schedule_restart(self) -> float:
        """Decide when it starts again, later after each fall; returns the delay."""
        now = time.monotonic()
        if now - self._started_at > STEADY_AFTER_S:
            self._delay_s = FIRST_DELAY_S
        delay_s, self._delay_s = self._delay_s, min(2 * self._delay_s, LONGEST_DELAY_S)
        self.due_at = now + delay_s
        return delay_s

    def ask_to_stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process and self.alive:
            self.process.send_signal(how)

    def kill(self) -> None:
        """End it and whatever it started, without asking."""
        if self.process and self.alive:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def new_lines(self) -> list[str]:
        """The whole lines that the log gained since the last call."""
        if not self.log.exists() or self.log.stat().st_size <= self._shown_bytes:
            return []
        with self.log.open("rb") as log:
            log.seek(self._shown_bytes)
            text, newline, _ = log.read().rpartition(b"\n")
        self._shown_bytes += len(text) + len(newline)
        if self._shown_bytes > LOG_LIMIT_BYTES:
            os.truncate(self.log, 0)  # every writer appends, so the next line lands at the beginning
            self._shown_bytes = 0
        return text.decode(errors="replace").splitlines()


def tied_to(parent: int) -> Callable[[], None] | None:
    """What the new process does before it becomes its program: ask to die with its parent."""
    libc = _libc
    if libc is None:
        return None

    def tie() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return tie
