"""A `headroom up` of a test: started for real, read, and ended whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import redis
from celery import Celery

from config import broker
from tests.conftest import ROOT, wait_until
from tests.processes import processes_of

LAUNCHER = str(ROOT / "headroom")
SETTINGS = "tests.launcher.settings_with_slow_task"


def own_environment(data_dir: Path, **more: str) -> dict[str, str]:
    """The environment of this Python, for a data folder of its own and the environment of this run."""
    return {
        **os.environ,
        "HEADROOM_DATA_DIR": str(data_dir),
        "HEADROOM_VENV": sys.prefix,
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "WORKERS": "1",
        "DEMO": "false",
        **more,
    }


def headroom(*arguments: str, data_dir: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher to its end."""
    return subprocess.run(
        [sys.executable, LAUNCHER, *arguments],
        env=own_environment(data_dir, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@dataclass
class Up:
    """One `headroom up` (or a part of it), whose output lands beside its data."""

    data_dir: Path
    arguments: tuple[str, ...] = ("up", "--port", "0")
    more: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def output(self) -> Path:
        return self.data_dir.with_suffix(".out")

    def start(self) -> Up:
        with self.output.open("w") as output:
            self.launch(output.fileno())
        self.wait_said("Stop: Ctrl-C")
        return self

    def launch(self, output: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, LAUNCHER, *self.arguments],
            env=own_environment(self.data_dir, **self.more),
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def wait_said(self, text: str) -> None:
        def said() -> bool:
            ended = self.process.poll() is not None
            assert not ended or text in self.said, self.said
            return text in self.said

        wait_until(said, f"'{text}' from headroom up")

    @property
    def said(self) -> str:
        return self.output.read_text()

    @property
    def url(self) -> str:
        return str(json.loads((self.data_dir / "lock").read_text())["url"])

    def ready(self, within_s: float = 10) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}readyz", timeout=within_s) as answer:
                return bool(answer.status == 200)
        except (OSError, ValueError):  # nobody listens yet, or the lock names no address yet
            return False

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=90)

    def end(self, but: Collection[int] = ()) -> None:
        """Whatever the test left is killed; the kernel takes the children along.

        `but`: processes on this data folder that go on, for they were never a part of it.
        """
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        wait_until(lambda: not self.processes().keys() - set(but), "the end of all processes")

    def processes(self) -> dict[int, str]:
        """Every living process of this data folder, with its command line."""
        return processes_of(self.data_dir)

    def pid_of(self, part: str) -> int:
        """The process of one part; of the worker, the one that started the others."""
        return min(pid for pid, command in self.processes().items() if part in command)

    # -- the queue

    @property
    def redis_url(self) -> str:
        return broker.redis_url(self.data_dir)

    def count(self, key: str) -> int:
        with redis.Redis.from_url(self.redis_url) as client:
            return int(client.get(key) or 0)

    def unacked(self) -> int:
        with redis.Redis.from_url(self.redis_url) as client:
            return int(client.hlen("unacked"))

    def queued(self) -> int:
        with redis.Redis.from_url(self.redis_url) as client:
            return int(client.llen("celery"))

    def send_sleep(self, seconds: float) -> None:
        sender = Celery(broker=broker.celery_url(self.redis_url), set_as_current=False)
        sender.send_task("tests.sleep", [seconds])
        sender.close()
