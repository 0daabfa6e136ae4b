"""Sites of their own for tests that need real processes: a database, a broker, a web process."""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis

from config import parts

if TYPE_CHECKING:
    from cluster.models import Estate, PriceBook

ROOT = Path(__file__).resolve().parent.parent.parent
BEGIN = "import django; django.setup()\n"
_databases = itertools.count()


def _die_with_the_tests() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


@dataclass
class Site:
    """A migrated database and the environment that names it; what is started here ends with the test."""

    folder: Path
    environment: dict[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, code: str) -> str:
        """Run Python in a process of the site and give what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", BEGIN + textwrap.dedent(code)],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def start(self, code: str) -> subprocess.Popen[str]:
        """Begin Python in a process of the site; its output is a pipe."""
        command = [sys.executable, "-c", BEGIN + textwrap.dedent(code)]
        return self._begin(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def start_quietly(self, code: str) -> subprocess.Popen[str]:
        """As `start`, where what it complains about is expected."""
        command = [sys.executable, "-c", BEGIN + textwrap.dedent(code)]
        return self._begin(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def start_broker(self) -> subprocess.Popen[str]:
        """The site's own valkey; REDIS_URL names it already."""
        folder = self.folder / "broker"
        folder.mkdir(exist_ok=True)
        broker = self._begin(parts.valkey(folder / "valkey.sock", folder), stdout=subprocess.DEVNULL)
        self.wait_for_broker()
        return broker

    def broker(self) -> redis.Redis:
        return redis.Redis.from_url(self.environment["REDIS_URL"])

    def wait_for_broker(self) -> None:
        from tests.conftest import answers, wait_until

        wait_until(lambda: answers(self.broker()), "the site's broker")

    def _begin(self, command: list[str], **pipes: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            env=self.environment,
            cwd=ROOT,
            text=True,
            start_new_session=True,
            preexec_fn=_die_with_the_tests,
            **pipes,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in filter(None, (process.stdin, process.stdout)):
                pipe.close()


@pytest.fixture(scope="session")
def migrated_file() -> Iterator[Path]:
    """A migrated SQLite database, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="hr-site-", dir="/tmp"))
    _migrated(folder, f"sqlite:///{folder}/headroom.sqlite3")
    yield folder / "headroom.sqlite3"
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_url(postgresql_url: str) -> str:
    """A migrated PostgreSQL database, to be copied."""
    url = _new_database(postgresql_url, "template1")
    folder = Path(tempfile.mkdtemp(prefix="hr-site-", dir="/tmp"))
    _migrated(folder, url)
    shutil.rmtree(folder)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def any_site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A site on each database that Headroom knows."""
    if request.param == "sqlite":
        yield from _sqlite_site(request.getfixturevalue("migrated_file"))
    else:
        yield from _postgresql_site(request.getfixturevalue("migrated_url"))


@pytest.fixture
def postgresql_site(migrated_url: str) -> Iterator[Site]:
    """A site on PostgreSQL, whose clock is not that of its workers."""
    yield from _postgresql_site(migrated_url)


@pytest.fixture(scope="module")
def site_of_module(migrated_file: Path) -> Iterator[Site]:
    """A site on SQLite that the tests of a module share."""
    yield from _sqlite_site(migrated_file)


@pytest.fixture
def site(migrated_file: Path) -> Iterator[Site]:
    """A site on SQLite."""
    yield from _sqlite_site(migrated_file)


def _sqlite_site(migrated_file: Path) -> Iterator[Site]:
    folder = _folder()
    shutil.copy(migrated_file, folder)
    yield from _site(folder, f"sqlite:///{folder}/{migrated_file.name}")


def _postgresql_site(migrated: str) -> Iterator[Site]:
    url = _new_database(migrated, migrated.split("?")[0].rpartition("/")[2])
    yield from _site(_folder(), url)


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="hr-site-", dir="/tmp"))  # short: it holds a socket


def _site(folder: Path, database_url: str) -> Iterator[Site]:
    site = Site(folder, _environment(folder, database_url))
    try:
        yield site
    finally:
        site.end()
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path, database_url: str) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "HEADROOM_DATA_DIR": str(folder),
        "REDIS_URL": f"unix://{folder}/broker/valkey.sock",
        "DATABASE_URL": database_url,
    }


def _migrated(folder: Path, database_url: str) -> None:
    Site(folder, _environment(folder, database_url)).run(
        "from django.core.management import call_command; call_command('migrate', verbosity=0)"
    )


def _new_database(url: str, template: str) -> str:
    """Make a database as a copy of another and give its address."""
    address, host = url.split("?")
    server = address.rpartition("/")[0]
    name = f"site{next(_databases)}"
    with psycopg.connect(
        f"{server}/postgres?{host}".replace("postgres://", "postgresql://", 1), autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return f"{server}/{name}?{host}"


@pytest.fixture
def estate(db: None) -> Estate:
    """A stored estate of 3 hosts and 12 VMs."""
    from cluster import snapshot
    from cluster.models import Estate
    from tests.cluster.test_charts import reading

    made = Estate.objects.create(name="site")
    snapshot.save(made, reading(3, 12))
    return Estate.objects.get(pk=made.pk)


@pytest.fixture
def book(db: None) -> PriceBook:
    """Quotes that a buyer stored."""
    from cluster import pricing
    from cluster.models import PriceBook
    from cluster.roles import Role
    from tests.cluster.people import person
    from tests.planner.cost.books import quotes

    made = PriceBook.objects.create(name="Quotes")
    pricing.save_book(person(Role.BUYER), made, quotes().rows)
    return PriceBook.objects.get(pk=made.pk)
