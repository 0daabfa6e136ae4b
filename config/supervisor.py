"""`headroom up`: broker, web, worker and beat as one thing that starts, heals and stops in order."""

from __future__ import annotations

import argparse
import errno
import fcntl
import http.client
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import redis

from config import broker, parts
from config.child import FIRST_DELAY_S, Child

TICK_S = 0.1
FIRST_PORT, PORTS_TRIED = 8000, 20
BROKER_STARTS_WITHIN_S = 30.0  # a large append-only file takes a while to read
READY_WITHIN_S = 180.0  # measured 3-5 s, and 60 s where twelve other programs want the same two cores
WARM_STOP_S = 20.0  # what running tasks get to finish before they are put back in the queue
NOISE = (
    *("vm.overcommit_memory", "Memory overcommit"),  # the broker's advice to the owner of a server
    *("bye bye...", "Warm shutdown"),  # an ordered stop, which we announce ourselves
)


class StopRequested(Exception):
    """Ctrl-C, SIGTERM or SIGHUP came."""


class CannotStart(Exception):
    """Why `up` gives up, in one line."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def say(text: str) -> None:
    """Print, also when nobody listens any more: an ordered stop must not depend on a terminal."""
    try:
        print(text, flush=True)
    except (OSError, ValueError):
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  stays open until the end


class Supervisor:
    """Holds the data folder's lock, the listening socket and the four children."""

    def __init__(self, data_dir: Path, host: str, port: int | None) -> None:
        self.data_dir = data_dir
        self.host = host
        self.asked_port = port
        self.logs = data_dir / "logs"
        self.broker: Child | None = None
        self.children: list[Child] = []  # in the order of their start
        self.preparing: Child | None = None
        self.stops_asked = 0
        self.stopping = False
        self.login = ""

    # -- the life of `up`

    def run(self) -> int:
        """Start everything, watch over it, and stop it in order; the exit code."""
        for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(wanted, self._on_stop_signal)
        started_at = time.monotonic()
        code = 0
        try:
            self._take_lock()
            self._listen()
            self._write_lock()
            self._start_broker()
            self._prepare()
            self._start_parts()
            self._wait_ready()
            self._announce(time.monotonic() - started_at)
            self._watch()
        except StopRequested:
            pass
        except CannotStart as reason:
            say(str(reason))
            code = reason.code
        finally:
            self._stop_all()
        return code

    def _on_stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stops_asked += 1

    def tick(self) -> None:
        """Let a moment pass: show what the children wrote, and notice a wish to stop."""
        time.sleep(TICK_S)
        self._show_logs()
        if self.stops_asked and not self.stopping:
            raise StopRequested

    def _show_logs(self) -> None:
        for child in filter(None, (self.broker, self.preparing, *self.children)):
            for line in child.new_lines():
                if line.strip() and not any(word in line for word in NOISE):
                    say(f"{child.name:<8} | {line}")

    # -- the start

    def _take_lock(self) -> None:
        self.lock = (self.data_dir / "lock").open("a+")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.lock.seek(0)
            raise CannotStart(already_running(self.lock.read()), code=2) from None
        self.lock.truncate(0)

    def _write_lock(self) -> None:
        self.lock.write(json.dumps({"pid": os.getpid(), "url": self.url}))
        self.lock.flush()

    def _listen(self) -> None:
        """Hold the port from the first moment: a browser that comes early waits instead of failing."""
        first = FIRST_PORT if self.asked_port is None else self.asked_port
        tried = PORTS_TRIED if self.asked_port is None else 1
        for port in range(first, first + tried):
            listener = listening_socket(self.host, port)
            if listener:
                if port != first:
                    say(f"Port {first} is in use by another program; Headroom takes {port}.")
                self.listener, self.port = listener, listener.getsockname()[1]  # 0 asks for any free one
                return
        where = f"Port {first} is" if tried == 1 else f"Ports {first}-{first + tried - 1} are all"
        raise CannotStart(f"{where} in use on {self.host}; run again with --port N.", code=2)

    @property
    def url(self) -> str:
        shown = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}/"

    def _start_broker(self) -> None:
        if os.environ.get("REDIS_URL"):
            return
        self.socket = broker.socket_path(self.data_dir)
        broker.make_socket_folder(self.socket)
        folder = self.data_dir / "broker"
        folder.mkdir(mode=0o700, exist_ok=True)
        command = parts.valkey(self.socket, folder)
        self.broker = Child("broker", command, self.logs / "broker.log")
        self._raise_broker(self.broker)

    def _raise_broker(self, child: Child) -> None:
        """Start the broker, wait for its answer, and put the tasks that a dead worker held back."""
        self.socket.unlink(missing_ok=True)
        child.start()
        self._wait_for(self._broker_answers, child, BROKER_STARTS_WITHIN_S)
        self._requeue()

    def _broker_answers(self) -> bool:
        with suppress(redis.RedisError), self._client() as client:
            return bool(client.ping())
        return False

    def _client(self) -> redis.Redis:
        url = os.environ.get("REDIS_URL") or broker.redis_url(self.data_dir)
        return redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)

    def _requeue(self) -> None:
        """Hand back what no worker holds any more; without this a lost task waits for an hour."""
        with self._client() as client:
            if not client.hlen("unacked"):
                return
        from config.requeue import requeue_unacked

        count = requeue_unacked()
        say(f"{count} unfinished task{'s' if count > 1 else ''} put back in the queue.")

    def _prepare(self) -> None:
        say("Preparing the database and the pages.")
        read_end, write_end = os.pipe()
        command = [sys.executable, "-m", "config.prepare"]
        self.preparing = Child("prepare", command, self.logs / "prepare.log")
        self.preparing.start(stdout=write_end)
        os.close(write_end)
        try:
            while self.preparing.alive:
                self.tick()
        finally:  # also when Ctrl-C comes in between: a password that was made has to be shown
            self.preparing.kill()
            self._show_logs()
            with open(read_end, encoding="utf-8") as told:  # noqa: PTH123  a pipe, not a path
                for line in told:
                    self._tell(**json.loads(line))
        if self.preparing.process and self.preparing.process.returncode:
            raise CannotStart(f"The preparation failed ({self.preparing.ending}); see {self.preparing.log}.")
        self.preparing = None

    def _tell(self, step: str, text: str) -> None:
        if step == "login":
            self.login = text
        else:
            say(f"  {step}: {text}")

    def _start_parts(self) -> None:
        web_command = parts.web("--fd", str(self.listener.fileno()))
        fds = [self.listener.fileno()]
        self.web = Child("web", web_command, self.logs / "web.log", fds)
        self.worker = Child("worker", parts.worker(), self.logs / "worker.log")
        self.beat = Child("beat", parts.beat(), self.logs / "beat.log")
        self.children = [self.web, self.worker, self.beat]
        for child in self.children:
            child.start()

    def _wait_ready(self) -> None:
        self._wait_for(self._worker_ready, self.worker, READY_WITHIN_S)
        self._wait_for(self._web_ready, self.web, READY_WITHIN_S)

    def _worker_ready(self) -> bool:
        from config.celery import worker_key

        with suppress(redis.RedisError), self._client() as client:
            return bool(client.exists(worker_key(self.worker.pid)))
        return False

    def _web_ready(self) -> bool:
        allowed = [host.strip(" .*") for host in os.environ.get("ALLOWED_HOSTS", "").split(",")]
        headers = {"Host": next(filter(None, allowed), "localhost"), "X-Forwarded-Proto": "https"}
        address, port = self.listener.getsockname()[:2]
        reach = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
        connection = http.client.HTTPConnection(reach, port, timeout=5)
        try:
            connection.request("GET", "/readyz", headers=headers)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _wait_for(self, answers: Callable[[], bool], child: Child, within_s: float) -> None:
        gives_up_at = time.monotonic() + within_s
        while not answers():
            self.tick()
            if not child.alive:
                raise CannotStart(f"The {child.name} did not start ({child.ending}); see {child.log}.")
            if time.monotonic() > gives_up_at:
                raise CannotStart(f"The {child.name} gave no answer in {within_s:.0f} s; see {child.log}.")

    def _announce(self, seconds: float) -> None:
        say(f"\nHeadroom is ready after {seconds:.1f} s:  {self.url}")
        if not self.login:
            say("  Forgot a password? ./headroom manage changepassword NAME")
        self._show_login()
        say(f"  Data: {self.data_dir}   Stop: Ctrl-C\n")

    def _show_login(self) -> None:
        """Show the first login, once; nobody keeps it anywhere else."""
        if self.login:
            name, _, password = self.login.partition(" ")
            say(f"  First login: {name}   Password: {password}   (shown once; change it after the login)")
            self.login = ""

    # -- the watch

    def _watch(self) -> None:
        while True:
            self.tick()
            if self.broker and not self.broker.alive:
                self._heal_broker(self.broker)
            for child in self.children:
                if not child.alive:
                    self._heal(child)

    def _heal_broker(self, child: Child) -> None:
        """The broker first, then a new worker: the old one's tasks are back in the queue."""
        say(f"The broker stopped ({child.ending}); starting it and the worker again.")
        self.worker.kill()
        starts_at = time.monotonic() + child.schedule_restart() - FIRST_DELAY_S  # the first time, at once
        while time.monotonic() < starts_at:
            self.tick()
        self._raise_broker(child)
        self.worker.start()

    def _heal(self, child: Child) -> None:
        if child.due_at is None:
            delay_s = child.schedule_restart()
            say(f"The {child.name} process stopped ({child.ending}); starting it again in {delay_s:.0f} s.")
        elif time.monotonic() >= child.due_at:
            if child is self.worker and self.broker:
                self._requeue()
            child.start()

    # -- the stop: web, beat, worker, broker

    def _stop_all(self) -> None:
        self.stopping = True
        self.stops_asked = min(self.stops_asked, 1)
        self._show_login()  # where the start came no further
        if self.children:
            say("Stopping.")
            self.listener.close()
            self._stop(self.web, parts.GRACE_S + 5)
            self._stop(self.beat, 5)
            self._stop_worker()
        if self.broker:
            self._stop_broker(self.broker)
        self._show_logs()
        if self.children:
            say("Stopped; nothing of it runs any more.")

    def _stop(self, child: Child, within_s: float) -> None:
        child.ask_to_stop()
        if not self._wait_end(child, within_s):
            child.kill()

    def _stop_worker(self) -> None:
        """Let running tasks end; after a while, or a second Ctrl-C, they go back to the queue."""
        self.worker.ask_to_stop()
        if not self._wait_end(self.worker, 4) and not self._finish_tasks():
            self.worker.ask_to_stop(signal.SIGQUIT)
            if not self._wait_end(self.worker, 10):
                self.worker.kill()

    def _finish_tasks(self) -> bool:
        say(f"Waiting up to {WARM_STOP_S:.0f} s for running tasks; Ctrl-C again puts them back in the queue.")
        return self._wait_end(self.worker, WARM_STOP_S, hurried=True)

    def _stop_broker(self, child: Child) -> None:
        try:
            if child.alive:
                self._requeue()
                with self._client() as client:
                    client.shutdown(save=True)
        except redis.RedisError as error:
            say(f"The broker does not answer ({error}); it is told to stop by signal.")
        self._stop(child, 10)

    def _wait_end(self, child: Child, within_s: float, hurried: bool = False) -> bool:
        """Wait for its end; a further Ctrl-C cuts a `hurried` wait short."""
        gives_up_at = time.monotonic() + within_s
        while child.alive:
            if time.monotonic() > gives_up_at or (hurried and self.stops_asked > 1):
                return False
            self.tick()
        return True


def already_running(lock_text: str) -> str:
    try:
        owner = json.loads(lock_text)
    except ValueError:
        return "Headroom is already starting on this data; wait for it."
    return f"Headroom already runs on this data: {owner['url']} (process {owner['pid']})."


def listening_socket(host: str, port: int) -> socket.socket | None:
    """A socket that listens there, or None when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return None
        why = os.strerror(error.errno) if error.errno else error.strerror
        advice = "; choose one above 1023: --port N" if error.errno == errno.EACCES else ""
        raise CannotStart(f"Cannot listen on {host}:{port}: {why}{advice}.", code=2) from error


def main() -> int:
    parser = argparse.ArgumentParser(prog="headroom up")
    parser.add_argument("--host", default=os.environ.get("WEB_HOST") or "127.0.0.1")
    parser.add_argument("--port", type=parts.port_number, default=os.environ.get("WEB_PORT") or None)
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("STATIC_COLLECTED", "true")
    os.umask(0o077)  # database, logs and queue are the owner's alone
    data_dir = Path(os.environ.get("HEADROOM_DATA_DIR") or "data").absolute()
    (data_dir / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    return Supervisor(data_dir, asked.host, asked.port).run()


if __name__ == "__main__":
    sys.exit(main())
