"""`headroom doctor`: what is there and what is missing, each missing thing with the line that mends it.

Runs under any Python 3.11+ and imports nothing but the standard library at its top: on a machine
where the environment is the very thing that is missing, it still answers.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config import parts

ROOT = Path(__file__).resolve().parent.parent
DISK_NEEDED_MIB = 2048  # environment 0.6 GB, an import of 500 MiB and its rows
SHM = "/dev/shm"  # noqa: S108  the kernel's own folder
SHM_NEEDED_MIB = 16  # the worker's semaphores; containers often give 64


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the list; `mend` says what to do where `found` is not enough."""

    name: str
    found: str
    mend: str = ""
    optional: bool = False

    def line(self) -> str:
        mark = "ok" if not self.mend else ("-" if self.optional else "MISSING")
        return f"{mark:<8} {self.name:<12} {self.found}" + (f"\n{'':<22}{self.mend}" if self.mend else "")


def python() -> Finding:
    found = f"{sys.version.split()[0]} at {sys.executable}"
    mend = "" if sys.version_info >= (3, 11) else "sudo apt-get install -y python3   (3.11 or newer)"
    return Finding("Python", found, mend)


def environment() -> Finding:
    stamp = Path(sys.prefix) / "headroom-stamp.json"
    if not stamp.exists() and not any(map(importlib.util.find_spec, ("ensurepip", "pip"))):
        venv = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        mend = f"sudo apt-get install -y {venv}   (then ./headroom up makes it)"
        return Finding("environment", "not made yet, and this Python cannot make one", mend)
    if not stamp.exists():
        return Finding("environment", "not made yet", "./headroom up makes it")
    return Finding("environment", sys.prefix)


def data_folder() -> Finding:
    folder = data_dir()
    if os.access(folder, os.W_OK):
        return Finding("data", f"{folder}, writable")
    return Finding(
        "data", f"{folder}, not writable", "set HEADROOM_DATA_DIR to a folder that you may write in"
    )


def disk() -> Finding:
    free_mib = shutil.disk_usage(data_dir()).free // 2**20
    mend = (
        ""
        if free_mib >= DISK_NEEDED_MIB
        else f"free at least {DISK_NEEDED_MIB} MiB, or set HEADROOM_DATA_DIR"
    )
    return Finding("disk", f"{free_mib:,} MiB free", mend)


def shared_memory() -> Finding:
    if not os.access(SHM, os.W_OK):
        return Finding(SHM, "not writable", f"sudo chmod 1777 {SHM}   (the worker's semaphores live there)")
    free_mib = shutil.disk_usage(SHM).free // 2**20
    mend = "" if free_mib >= SHM_NEEDED_MIB else "give the container more: --shm-size=64m"
    return Finding(SHM, f"{free_mib:,} MiB free", mend)


def running() -> Finding:
    url = running_url()
    return Finding("running", url or "no", "" if url else "./headroom up starts it", optional=True)


def port() -> Finding:
    try:
        number = parts.port_number(os.environ.get("WEB_PORT") or "8000")
    except argparse.ArgumentTypeError as error:
        return Finding("port", f"WEB_PORT: {error}", "docs/operations.md lists the variables")
    if (running_url() or "").endswith(f":{number}/"):
        return Finding("port", f"{number}, taken by Headroom itself")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            mend = "./headroom up takes the next free one; or ./headroom up --port N"
            return Finding("port", f"{number}: {error.strerror}", mend, optional=True)
    return Finding("port", f"{number} is free")


def settings() -> Finding:
    from django.core.exceptions import ImproperlyConfigured

    try:
        setup()
    except (ImproperlyConfigured, OSError, ValueError) as error:
        return Finding("settings", str(error), "docs/operations.md lists the variables")
    return Finding("settings", "complete")


def database() -> Finding:
    from django.db import DatabaseError, connection

    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM django_migrations")
            count = cursor.fetchone()[0]
    except DatabaseError as error:
        return Finding("database", str(error).splitlines()[0], "./headroom up makes it; or mend DATABASE_URL")
    return Finding("database", f"{connection.vendor}, {count} migrations applied")


def broker() -> Finding:
    import redis
    from django.conf import settings

    try:
        with redis.Redis.from_url(settings.FEED_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as error:
        if ours_is_off():
            return Finding("broker", "off", "./headroom up starts it", optional=True)
        return Finding("broker", str(error), "start it, or mend REDIS_URL")
    return Finding("broker", f"answers at {settings.FEED_URL.rpartition('@')[2]}")


def worker() -> Finding:
    from config.celery import app

    answers = app.control.ping(timeout=2.0) if not broker().mend else []
    if answers:
        return Finding("worker", f"{len(answers)} answer")
    return Finding(
        "worker", "no answer", "./headroom up or ./headroom worker starts one", optional=ours_is_off()
    )


def ours_is_off() -> bool:
    """True when the embedded broker would serve, and `up` does not run."""
    return not os.environ.get("REDIS_URL") and running_url() is None


def chromium() -> Finding:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
    return Finding(
        "Chromium",
        found or "none",
        "" if found else apt("chromium libatomic1", "browser tests"),
        optional=True,
    )


def postgresql() -> Finding:
    found = shutil.which("initdb") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), "")
    mend = "" if found else apt("postgresql", "PostgreSQL tests")
    return Finding("PostgreSQL", found or "none", mend, optional=True)


def libvirt() -> Finding:
    look = "from operations.drivers.libvirt.binding import loaded; loaded()"  # as the driver finds it
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        return Finding("libvirt", "none", apt("python3-libvirt", "libvirt hosts"), optional=True)
    return Finding("libvirt", "importable")


def apt(package: str, use: str) -> str:
    return f"only for {use}: sudo apt-get install -y {package}"


def data_dir() -> Path:
    return Path(os.environ.get("HEADROOM_DATA_DIR") or ROOT / "data")


def running_url() -> str | None:
    """The address of the `up` on this data, when one holds its lock."""
    path = data_dir() / "lock"
    if not path.exists():
        return None
    with path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = lock.read()
            return str(json.loads(text)["url"]) if text else "starting"
    return None


def setup() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()


MACHINE: tuple[Callable[[], Finding], ...] = (
    python,
    environment,
    data_folder,
    disk,
    shared_memory,
    running,
    port,
)
SERVERS: tuple[Callable[[], Finding], ...] = (database, broker, worker)
EXTRAS: tuple[Callable[[], Finding], ...] = (chromium, postgresql, libvirt)


def show(finding: Finding) -> Finding:
    print(finding.line(), flush=True)
    return finding


def main() -> int:
    findings = [show(look()) for look in MACHINE]
    if not environment().mend:
        findings.append(show(settings()))
        if not findings[-1].mend:
            findings.extend(show(look()) for look in SERVERS)
    findings.extend(show(look()) for look in EXTRAS)
    missing = [finding.name for finding in findings if finding.mend and not finding.optional]
    print(f"\nMissing: {', '.join(missing)}." if missing else "\nNothing is missing.")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
