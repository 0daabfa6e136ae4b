"""Real servers for tests: a broker, a PostgreSQL, the whole stack, a browser; each private to the run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import redis
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from config import parts
from config.child import Child, tied_to
from tests import last_words

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
STARTS_WITHIN_S = 120.0  # of a loaded machine; a test run must not fail because it is slow
ON_THE_STACK = ("tests/browser/", "tests/launcher/test_servers_of_the_tests.py")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


class ByFile(LoadScopeScheduling):
    """Hands out files, so that a module's server starts once; all that use the stack count as one file.

    Tests that empty the tables stay last, where pytest-django puts them: what a migration wrote is gone
    after them.  So only neighbours of one file go together.
    """

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        super().add_node_collection(node, collection)
        self.scopes = neighbours(collection)

    def _split_scope(self, nodeid: str) -> str:
        return self.scopes[nodeid]


def neighbours(nodeids: Iterable[str]) -> dict[str, str]:
    """The group of each test, in the order given."""
    groups: dict[str, str] = {}
    for index, (file, together) in enumerate(groupby(nodeids, lambda nodeid: nodeid.partition("::")[0])):
        group = "stack" if file.startswith(ON_THE_STACK) else f"{file} {index}"
        groups.update(dict.fromkeys(together, group))
    return groups


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A private folder whose path leaves room for a socket's name."""
    folder = Path(tempfile.mkdtemp(prefix="hr-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def valkey_url(short_folder: Path) -> Iterator[str]:
    """The address of a broker of this run alone, as redis-py spells it."""
    socket = short_folder / "valkey.sock"
    child = Child("broker", parts.valkey(socket, short_folder), short_folder / "log")
    child.start()
    url = f"unix://{socket}"
    with redis.Redis.from_url(url) as client:
        wait_until(lambda: answers(client), f"the broker: {child.log}")
    yield url
    child.kill()


def answers(client: redis.Redis) -> bool:
    with contextlib.suppress(redis.ConnectionError):
        return bool(client.ping())
    return False


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The DATABASE_URL of an empty PostgreSQL of this run alone, on a unix socket."""
    binaries = postgresql_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's initdb is missing: sudo apt-get install -y postgresql")
    folder = Path(tempfile.mkdtemp(prefix="hr-pg-", dir="/tmp"))
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user:
        shutil.chown(folder, user)
    data = str(folder / "data")
    make = [*("-A", "trust", "-U", "headroom", "--no-sync"), *("-E", "UTF8", "--locale=C.UTF-8")]
    subprocess.run([binaries / "initdb", "-D", data, *make], check=True, cwd=folder, user=user)
    unsafe_and_fast = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "synchronous_commit=off"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, *unsafe_and_fast],
            stdout=log,
            stderr=log,
            cwd=folder,
            user=user,
            preexec_fn=tied_to(os.getpid()),  # a run that is killed leaves no server behind
        )
    url = f"postgres://headroom@/postgres?host={folder}"
    wait_until(lambda: connects(url), f"PostgreSQL: {folder / 'log'}")
    yield url
    server.send_signal(signal.SIGQUIT)  # at once, without a checkpoint
    server.wait(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


def connects(url: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url):
        return True
    return False


def postgresql_binaries() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    return max((found.parent for found in Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)


@dataclass(frozen=True, slots=True)
class Stack:
    """A running Headroom: where it answers and who may log in."""

    url: str
    username: str
    password: str
    data_dir: Path
    pid: int


@pytest.fixture(scope="session")
def stack(short_folder: Path) -> Iterator[Stack]:
    """Everything that `headroom up` starts, on a free port, with the demo estate."""
    data_dir = short_folder / "stack"
    environment = {
        **os.environ,
        "HEADROOM_DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "WORKER_NICE": "0",  # beside a laboratory that takes every core, 5 would wait for minutes
    }
    output = short_folder / "up.log"
    with output.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.supervisor", "--port", "0"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: announced(output, process), f"headroom up: {output.read_text()}")
        said = output.read_text()
        url = re.search(r"ready after [\d.]+ s:  (\S+)", said)
        login = re.search(r"First login: (\S+)   Password: (\S+)", said)
        assert url, said
        name, password = login.groups() if login else ("", "")
        yield Stack(url[1], name, password, data_dir, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=60)


def announced(output: Path, process: subprocess.Popen[bytes]) -> bool:
    said = output.read_text()
    assert process.poll() is None, said
    return "ready after" in said and "Stop: Ctrl-C" in said


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium.

    A module's own, not the session's: while it lives, an event loop runs in this thread, and tests
    with a loop of their own cannot.
    """
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        pytest.skip("Chromium is missing: sudo apt-get install -y chromium")
    try:
        ctypes.CDLL("libatomic.so.1")
    except OSError:
        pytest.skip("Playwright's driver lacks a library: sudo apt-get install -y libatomic1")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield running
        running.close()


def wait_until(happened, what: str, within_s: float = STARTS_WITHIN_S) -> None:
    """Wait for something that a real process does; fail with its name when it does not come."""
    gives_up_at = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > gives_up_at:
            pytest.fail(f"waited {within_s:.0f} s for {what}")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Between tests the tables are emptied; SQLite does that row by row, which the audit's guard refuses."""
    from django.db import connection

    with django_db_blocker.unblock():
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("DROP TRIGGER audit_no_delete")
        elif connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("DROP TRIGGER audit_no_truncate ON cluster_auditentry")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the running Headroom and the browser have to say goes into the report of a test that failed."""
    report = yield
    given = getattr(item, "funcargs", {})
    if report.failed and isinstance(given.get("stack"), Stack):
        report.sections += last_words.sections(given["stack"].data_dir, given.get("contexts", ()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Put what the laboratory measured into the log, whoever ran it."""
    reports = [each for state in ("passed", "failed") for each in terminalreporter.stats.get(state, ())]
    for report in reports:
        for name, figures in getattr(report, "user_properties", ()):
            if name == "lab" and report.when == "call":
                terminalreporter.write_line(figures)
