"""Headroom itself, at work in the laboratory: a database, a broker, a worker, and people with their roles."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config import parts
from config.child import Child
from lab import network
from lab.machine import STATE, Host, power_switch, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.models import User

    from cluster.models import Connection, Operation

FOLDER: Final = STATE / "site"
NAME: Final = "laboratory"
ROOT: Final = Path(__file__).resolve().parent.parent
ENDS_WITHIN_S: Final = 180.0


class Product:
    """A site of its own.  Whatever it does to the hosts goes through its worker; there is no short cut."""

    def __init__(self) -> None:
        (FOLDER / "broker").mkdir(parents=True)
        os.environ.update(
            DJANGO_SETTINGS_MODULE="config.settings",
            HEADROOM_DATA_DIR=str(FOLDER),
            DATABASE_URL=f"sqlite:///{FOLDER}/headroom.sqlite3",
            REDIS_URL=f"unix://{FOLDER}/broker/valkey.sock",
            HEADROOM_CONNECTION_NETWORKS=network.NETWORK,
            HEADROOM_FENCE_PROGRAM=str(power_switch()),
            WORKERS="2",
        )
        broker = FOLDER / "broker"
        self._broker = Child("broker", parts.valkey(broker / "valkey.sock", broker), FOLDER / "broker.log")
        self._broker.start()
        self._tables = Child(
            "tables", [sys.executable, "manage.py", "migrate", "-v", "0"], FOLDER / "tables.log"
        )
        self._tables.start()
        self._worker = Child("worker", parts.worker(), FOLDER / "worker.log")

    def begin(self, hosts: Iterable[Host]) -> None:
        """Start the worker once the tables are there, and have the estate read."""
        import django

        wait_until(lambda: not self._tables.alive, "the tables", self._tables.log.read_text)
        django.setup()
        self._worker.start()
        self._connect(hosts)
        self.read()

    def _connect(self, hosts: Iterable[Host]) -> None:
        """Store the connection, as a site administrator does."""
        from cluster import connecting
        from cluster.roles import Role

        self.connection: Connection = connecting.add(
            _person(Role.SITE_ADMINISTRATOR),
            "",
            name=NAME,
            kind="libvirt",
            uris="\n".join(host.place for host in hosts),
            may_act=True,
            four_eyes=False,
        )

    def read(self) -> None:
        """Have the estate read, and wait for it."""
        from cluster import connecting
        from cluster.models import Run

        run = connecting.refresh(self._operator(), self.connection)
        over = (Run.State.SUCCEEDED, Run.State.FAILED, Run.State.CANCELLED)
        wait_until(lambda: Run.objects.get(pk=run.pk).state in over, "the estate", self.said, ENDS_WITHIN_S)
        run.refresh_from_db()
        if run.state != Run.State.SUCCEEDED:
            raise RuntimeError(f"the estate was not read: {run.error}")

    def ask(self, kind: str, vm: str, destination: str = "", *, real: bool = True) -> Operation:
        """Propose an operation, as a virtual-infrastructure administrator does."""
        from cluster import operating

        return operating.propose(self._operator(), self.connection, kind, vm, destination, real=real)

    def ended(self, operation: Operation) -> Operation:
        """Wait until an operation has ended, and give it as it then stands."""
        from cluster.models import Operation

        wait_until(
            lambda: Operation.objects.get(pk=operation.pk).ended_at, str(operation), self.said, ENDS_WITHIN_S
        )
        operation.refresh_from_db()
        return operation

    def done(self, kind: str, vm: str, destination: str = "") -> tuple[Operation, float]:
        """Ask for an operation and wait for its end; give it and the seconds from the wish to the end."""
        began = time.monotonic()
        return self.ended(self.ask(kind, vm, destination)), time.monotonic() - began

    def said(self) -> str:
        """The end of what the worker had to say."""
        log = FOLDER / "worker.log"
        return log.read_text()[-2000:] if log.exists() else ""

    def _operator(self) -> User:
        from cluster.roles import Role

        return _person(Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR)


def _person(role: str) -> User:
    from django.contrib.auth.models import Group, User

    user, _ = User.objects.get_or_create(username=role.replace(" ", "-"))
    user.groups.set([Group.objects.get(name=role)])
    return user
