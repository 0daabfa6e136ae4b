"""A whole Headroom for the harness: `headroom up` on a disk of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.cluster.conftest import Site
from tests.cluster.test_socket import LOGIN
from tests.launcher.running import Up

DISK_MIB = 256


class Stack:
    """Starts, and starts again when it was killed as a whole, on the same port and data."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.folder = folder
        self.data_dir = folder / "data"
        more = {"DJANGO_SETTINGS_MODULE": "config.settings", "WORKERS": "2", "DEMO": "false"}
        if database_url:
            more["DATABASE_URL"] = database_url
        self.database_url = database_url
        self.site = Site(self.data_dir, {**os.environ, **more, "HEADROOM_DATA_DIR": str(self.data_dir)})
        self.up = Up(self.data_dir, ("up", "--port", str(self.port)), more)

    def start(self) -> None:
        self.up.start()

    def session(self) -> str:
        """The session of somebody who is logged in."""
        return self.site.run(LOGIN)

    def pid(self, part: str) -> int | None:
        """The process of a part; None while it is being started again."""
        found = [pid for pid, command in self.up.processes().items() if part in command]
        return min(found, default=None)

    def kill(self, part: str) -> bool:
        pid = self.pid(part)
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        return True

    def kill_child_of_worker(self) -> bool:
        main = self.pid("worker")
        children = [
            pid for pid, command in self.up.processes().items() if "worker" in command and pid != main
        ]
        if not children:
            return False
        os.kill(max(children), signal.SIGKILL)
        return True

    def broker(self) -> redis.Redis:
        return redis.Redis.from_url(self.up.redis_url, socket_timeout=2)

    def restart_whole(self) -> None:
        """kill -9 of `headroom up`, which takes all with it, and a new start."""
        self.up.end(but=[process.pid for process in self.site.started])
        self.up.start()

    def end(self) -> None:
        try:
            self.site.end()
        finally:
            self.up.end()


@contextmanager
def small_disk(mib: int = DISK_MIB) -> Iterator[tuple[Path, bool]]:
    """A folder on a disk that can be filled; a plain folder where nobody may mount one."""
    folder = Path(tempfile.mkdtemp(prefix="hr-faults-", dir="/tmp"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield folder, mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)
