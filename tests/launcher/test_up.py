"""`headroom up`: starts, heals and stops everything, and never leaves a process or a task behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.conftest import STARTS_WITHIN_S, wait_until
from tests.launcher.running import Up, headroom

pytestmark = pytest.mark.stack


@pytest.fixture
def up(short_folder: Path) -> Iterator[Up]:
    """One that a test may hurt."""
    running = Up(Path(tempfile.mkdtemp(dir=short_folder))).start()
    yield running
    running.end()


@pytest.fixture(scope="module")
def shared_up(short_folder: Path) -> Iterator[Up]:
    """One that heals from what its tests do to it."""
    running = Up(short_folder / "shared").start()
    yield running
    running.end()


def test_a_second_up_on_the_same_data_names_the_address_of_the_first(shared_up: Up) -> None:
    second = headroom("up", "--port", "0", data_dir=shared_up.data_dir)
    assert second.returncode == 2
    assert second.stderr == (
        f"Headroom already runs on this data: {shared_up.url} (process {shared_up.process.pid}).\n"
    )
    assert shared_up.ready()


def test_a_port_that_was_asked_for_and_is_taken_ends_the_start(short_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = headroom("up", "--port", str(port), data_dir=short_folder / "taken")
    assert done.returncode == 2
    assert done.stdout == f"Port {port} is in use on 127.0.0.1; run again with --port N.\n"


@pytest.mark.parametrize("port", ["65536", "-1", "http", "8000.5"])
def test_a_port_that_is_none_is_refused_in_words(short_folder: Path, port: str) -> None:
    done = headroom("up", f"--port={port}", data_dir=short_folder / "no-port")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"headroom up: error: argument --port: '{port}' is no port; ports are numbers from 0 to 65535"
    )


def test_the_doctor_names_a_port_that_is_none(short_folder: Path) -> None:
    done = headroom("doctor", data_dir=short_folder / "no-port", WEB_PORT="http")
    assert "WEB_PORT: 'http' is no port" in done.stdout
    assert "Traceback" not in done.stderr


def test_the_data_folder_is_private(shared_up: Up) -> None:
    for path in (shared_up.data_dir, *shared_up.data_dir.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_killed_broker_comes_back_with_its_queue_and_its_worker(shared_up: Up) -> None:
    with redis.Redis.from_url(shared_up.redis_url) as client:
        client.delete("started", "finished")
    for _ in range(20):
        shared_up.send_sleep(0.05)
    wait_until(lambda: shared_up.count("finished") >= 2, "the first tasks")
    os.kill(shared_up.pid_of("valkey-server"), signal.SIGKILL)
    shared_up.wait_said("The broker stopped (killed by SIGKILL); starting it and the worker again.")
    wait_until(lambda: answers(shared_up) and shared_up.count("finished") >= 20, "the other tasks")
    wait_until(shared_up.ready, "readyz")


def answers(up: Up) -> bool:
    try:
        return up.count("finished") >= 0
    except redis.ConnectionError:
        return False


def test_a_killed_worker_comes_back_and_its_task_is_done_again(shared_up: Up) -> None:
    with redis.Redis.from_url(shared_up.redis_url) as client:
        client.delete("started", "finished")
    shared_up.send_sleep(2)
    wait_until(lambda: shared_up.count("started") == 1, "the start of the task")
    os.kill(shared_up.pid_of("celery --quiet --app config.celery worker"), signal.SIGKILL)
    wait_until(lambda: shared_up.count("finished") == 1, "the end of the task")
    assert shared_up.count("started") == 2
    wait_until(lambda: shared_up.unacked() == 0, "the acknowledgement")
    assert "The worker process stopped (killed by SIGKILL); starting it again in 1 s." in shared_up.said


def test_a_killed_web_process_comes_back_on_the_same_port(shared_up: Up) -> None:
    os.kill(shared_up.pid_of("uvicorn"), signal.SIGKILL)
    assert shared_up.ready(STARTS_WITHIN_S)  # the port stays open: one request waits for the new process


def test_ctrl_c_ends_everything_and_the_next_start_finds_the_data(up: Up) -> None:
    key = (up.data_dir / "secret-key").read_text()
    up.send_sleep(3)
    wait_until(lambda: up.count("started") == 1, "the start of the task")
    assert up.stop() == 0
    assert up.processes() == {}
    up.start()
    assert (up.count("started"), up.count("finished"), up.unacked(), up.queued()) == (1, 1, 0, 0)
    assert (up.data_dir / "secret-key").read_text() == key


def test_a_second_ctrl_c_puts_a_long_task_back_in_the_queue(up: Up) -> None:
    up.send_sleep(600)
    wait_until(lambda: up.count("started") == 1, "the start of the task")
    up.process.send_signal(signal.SIGINT)
    up.wait_said("Ctrl-C again puts them back in the queue")
    assert up.stop() == 0
    assert up.processes() == {}
    up.start()
    wait_until(lambda: up.count("started") == 2, "the second start of the task")


def test_a_killed_up_takes_its_children_along_and_loses_no_task(up: Up) -> None:
    up.send_sleep(600)
    wait_until(lambda: up.count("started") == 1, "the start of the task")
    up.process.kill()
    up.process.wait()
    wait_until(lambda: not up.processes(), "the end of all processes", within_s=20)
    up.start()
    assert "1 unfinished task put back in the queue." in up.said
    wait_until(lambda: up.count("started") == 2, "the second start of the task")


def test_a_first_start_that_is_broken_off_still_shows_the_login_that_it_made(short_folder: Path) -> None:
    up = Up(Path(tempfile.mkdtemp(dir=short_folder)))
    try:
        with up.output.open("w") as output:
            up.launch(output.fileno())
        wait_until(lambda: has_a_user(up.data_dir / "headroom.sqlite3"), "the first user")
        assert up.stop() == 0
        assert "First login: headroom   Password: " in up.said
    finally:
        up.end()


def has_a_user(database: Path) -> bool:
    if not database.exists():
        return False
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT 1 FROM auth_user").fetchone() is not None
    except sqlite3.OperationalError:  # no table yet
        return False
    finally:
        connection.close()


def test_a_taken_port_that_nobody_asked_for_gives_way_to_the_next_free_one(short_folder: Path) -> None:
    up = Up(Path(tempfile.mkdtemp(dir=short_folder)), arguments=("up",))
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # another program of this machine has it
            held.enter_context(socket.create_server(("127.0.0.1", 8000)))
        up.start()
    try:
        assert "Port 8000 is in use by another program; Headroom takes 80" in up.said
        assert up.ready()
        assert up.stop(signal.SIGTERM) == 0
    finally:
        up.end()


def test_an_up_whose_output_nobody_reads_any_more_stops_in_order(short_folder: Path) -> None:
    running = Up(Path(tempfile.mkdtemp(dir=short_folder)))
    reader, writer = os.pipe()
    try:
        running.launch(writer)
        os.close(writer)
        os.close(reader)  # what a closed terminal or a dead `tee` leaves behind
        wait_until(running.ready, "readyz")
        assert running.stop(signal.SIGHUP) == 0
        assert running.processes() == {}
    finally:
        running.end()
