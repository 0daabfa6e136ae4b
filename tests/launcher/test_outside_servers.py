"""With servers of one's own nothing is embedded: the same code, told by the environment alone."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.conftest import wait_until
from tests.launcher.running import Up, headroom

pytestmark = pytest.mark.stack


@pytest.fixture
def servers(postgresql_url: str, valkey_url: str) -> Iterator[dict[str, str]]:
    """What the environment says of a PostgreSQL and a broker that others look after."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE outside")
        yield {
            "DATABASE_URL": postgresql_url.replace("/postgres?", "/outside?"),
            "REDIS_URL": valkey_url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        connection.execute("DROP DATABASE outside WITH (FORCE)")


def test_up_uses_the_servers_it_is_told_of_and_starts_no_broker(
    short_folder: Path, servers: dict[str, str]
) -> None:
    up = Up(Path(tempfile.mkdtemp(dir=short_folder)), more=servers).start()
    try:
        assert up.ready()
        assert "database: ready, PostgreSQL" in up.said
        assert not [command for command in up.processes().values() if "valkey-server" in command]
        assert not (up.data_dir / "headroom.sqlite3").exists()
        assert up.stop() == 0
        assert up.processes() == {}
    finally:
        up.end()


def test_web_worker_and_beat_started_one_by_one_make_a_whole(
    short_folder: Path, servers: dict[str, str]
) -> None:
    data_dir = Path(tempfile.mkdtemp(dir=short_folder))
    assert headroom("manage", "migrate", "--verbosity", "0", data_dir=data_dir, **servers).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (data_dir / "lock").write_text(json.dumps({"url": f"http://127.0.0.1:{port}/"}))
    with ExitStack() as ended:
        for arguments in (("web", "--port", str(port)), ("worker",), ("beat",)):
            part = Up(data_dir, arguments, servers)
            output = ended.enter_context((data_dir / f"{arguments[0]}.out").open("w"))
            part.launch(output.fileno())
            ended.callback(part.process.wait, timeout=60)
            ended.callback(part.process.terminate)
        wait_until(part.ready, "readyz")
    assert part.processes() == {}
