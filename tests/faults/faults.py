"""What can be broken.  A fault gives False where it cannot be injected just now: the part is down already."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TypeAlias

import psycopg
import redis

from tests.faults.stack import Stack

Inject: TypeAlias = Callable[[Stack], bool]
FULL_S = 4.0
STOPPED_S = 8.0
CHUNK = bytes(1 << 20)


def flush_broker(stack: Stack) -> bool:
    with suppress(redis.RedisError), stack.broker() as client:
        return bool(client.flushall())
    return False


def stop_worker_for_a_while(stack: Stack) -> bool:
    """SIGSTOP, as a paused virtual machine would: its leases run on."""
    pid = stack.pid("worker")
    if pid is None:
        return False
    os.kill(pid, signal.SIGSTOP)
    time.sleep(STOPPED_S)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    return True


def cut_database_connections(stack: Stack) -> bool:
    with closing(psycopg.connect(stack.database_url.replace("postgres:", "postgresql:", 1))) as connection:
        cut = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        ).fetchall()
    return bool(cut)


def fill_disk(stack: Stack) -> bool:
    """Not a byte is free for some seconds."""
    filler = stack.folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            while True:
                file.write(CHUNK)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    time.sleep(FULL_S)
    filler.unlink()
    return True


def kill_whole(stack: Stack) -> bool:
    stack.restart_whole()
    return True


def faults_of(stack: Stack, *, disk_can_fill: bool) -> dict[str, Inject]:
    """What can be injected here; the rest is told as not possible, never left out in silence."""
    found: dict[str, Inject] = {
        "kill -9 worker": lambda stack: stack.kill("worker"),
        "kill -9 child of the worker": lambda stack: stack.kill_child_of_worker(),
        "kill -9 web": lambda stack: stack.kill("uvicorn"),
        "kill -9 beat": lambda stack: stack.kill(" beat"),
        "kill -9 broker": lambda stack: stack.kill("valkey"),
        "FLUSHALL": flush_broker,
        "worker stopped 8 s": stop_worker_for_a_while,
        "kill -9 of everything": kill_whole,
    }
    if stack.database_url:
        found["database connections cut"] = cut_database_connections
    if disk_can_fill:
        found["disk full 4 s"] = fill_disk
    return found


def missing(stack: Stack, *, disk_can_fill: bool) -> list[str]:
    """Faults that cannot be injected here, each with what it needs."""
    return [
        *([] if stack.database_url else ["database connections cut: --postgresql"]),
        *([] if disk_can_fill else ["disk full: run as root, where a tmpfs can be mounted"]),
        "clock jumps: tests/cluster/test_clock.py",
    ]
