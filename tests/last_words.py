"""What a running Headroom has to say when a test failed on it, in few lines: a report is cut after some.

pages    where each browser page stands, what it shows, and which requests nobody answered
runs     the newest rows: what was asked, how far it is, who holds it
queues   what waits in the broker
threads  where each process stands, the innermost calls of each thread that does not just wait for work
logs     the last lines of each
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import redis

from config import broker, parts
from tests.processes import processes_of

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Request

LOG_LINES: Final = 25
PAGE_CHARACTERS: Final = 600
CALLS: Final = 7  # the innermost of a thread
NEWEST_RUNS: Final = """
    SELECT kind, state, attempt, stage, progress, created_at, started_at, finished_at, lease_until, error
    FROM cluster_run ORDER BY created_at DESC LIMIT 6
"""
ANSWERS_WITHIN_S: Final = 0.5
DUMP: Final = re.compile(r"^(?:Current thread|Thread) 0x")
CALL: Final = re.compile(r'\s*File ".*?((?:[^/"]+/){0,3}[^/"]+)", line (.*)')
WAITS_FOR_WORK: Final = ("futures/thread.py", "in _worker")


class Watched:
    """A browser context, and those of its requests that have no end yet."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self._asked: dict[Request, float] = {}
        context.on("request", lambda request: self._asked.update({request: time.monotonic()}))
        context.on("requestfinished", lambda request: self._asked.pop(request, None))
        context.on("requestfailed", lambda request: self._asked.pop(request, None))

    def lines(self) -> Iterator[str]:
        """Where each page stands, the beginning of what its reader sees, what was not answered."""
        for page in self.context.pages:
            shown = page.evaluate("(document.querySelector('main') || document.body).innerText")
            yield f"{page.url}: {' '.join(str(shown).split())[:PAGE_CHARACTERS]}"
        for request, asked_at in self._asked.items():
            yield f"no answer for {time.monotonic() - asked_at:.0f} s: {request.method} {request.url}"


def sections(data_dir: Path, contexts: Iterable[Watched]) -> list[tuple[str, str]]:
    """All of it, as headed sections of a report; where one cannot be told, why."""
    told: list[tuple[str, Callable[[], Iterable[str]]]] = [
        ("pages", lambda: [line for each in contexts for line in each.lines()]),
        ("runs", lambda: of_runs(data_dir)),
        ("queues", lambda: of_queues(data_dir)),
        ("threads", lambda: of_threads(data_dir)),
        ("logs", lambda: of_logs(data_dir)),
    ]
    return [(name, "\n".join(_told(say))) for name, say in told]


def _told(say: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return list(say())
    except Exception as error:  # noqa: BLE001  the report is of another failure, which this must not hide
        return [f"not known: {error!r}"]


def of_runs(data_dir: Path) -> list[str]:
    """The newest runs of a site on SQLite."""
    address = f"file:{data_dir / 'headroom.sqlite3'}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
        rows = [" | ".join(map(str, row)) for row in database.execute(NEWEST_RUNS)]
        now = database.execute("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')").fetchone()[0]
    return [
        f"now {now}: kind, state, attempt, stage, percent, created, started, ended, held until, error",
        *rows,
    ]


def of_queues(data_dir: Path) -> list[str]:
    """How much waits in each queue, and how much workers took and did not acknowledge."""
    with redis.Redis.from_url(broker.redis_url(data_dir), socket_timeout=5) as client:
        waiting = [f"{name} {client.llen(name)}" for name in parts.QUEUES]
        return [f"waiting: {', '.join(waiting)}; unacknowledged: {client.hlen('unacked')}"]


def of_threads(data_dir: Path) -> list[str]:
    """Where the threads of web process and workers stand, and what the kernel says of each process."""
    lines = []
    for pid, command in sorted(processes_of(data_dir).items()):
        with contextlib.suppress(OSError):  # it ended while we looked
            status = dict(
                line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            )
            where = Path(f"/proc/{pid}/wchan").read_text()
            lines.append(f"{pid} {status['State'].strip()}, {where}: {command[-60:]}")
            listens = int(status["SigCgt"], 16) >> (signal.SIGUSR2 - 1) & 1
            if listens and "valkey" not in command:  # a broker would write a report of its own
                lines += _stacks_of(pid, data_dir / "logs")
    return lines


def _stacks_of(pid: int, folder: Path) -> Iterator[str]:
    """What one process writes when it is asked; one after the other, for they share a log."""
    sizes = {log: log.stat().st_size for log in folder.glob("*.log")}
    os.kill(pid, signal.SIGUSR2)
    time.sleep(ANSWERS_WITHIN_S)
    for log, size in sizes.items():
        with log.open("rb") as told:
            told.seek(size)
            yield from _innermost(told.read().decode(errors="replace").splitlines())


def _innermost(lines: list[str]) -> Iterator[str]:
    """The innermost calls of each thread of a dump; of those that wait for work, nothing."""
    stack: list[str] = []
    for line in [*lines, "Thread 0x"]:
        if DUMP.match(line):
            if len(stack) > 1 and not all(part in stack[1] for part in WAITS_FOR_WORK):
                yield from stack[: CALLS + 1]
            stack = [line]
        elif stack and (call := CALL.match(line)):
            stack.append(f"  {call[1]} {call[2]}")


def of_logs(data_dir: Path) -> Iterator[str]:
    """The last lines of each log, without what was asked of threads."""
    for log in sorted((data_dir / "logs").glob("*.log")):
        lines = [
            line
            for line in log.read_text(errors="replace").splitlines()
            if line and not DUMP.match(line) and not line.startswith("  File ")
        ]
        if lines:
            yield f"-- end of {log.name}"
            yield from lines[-LOG_LINES:]
