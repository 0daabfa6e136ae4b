"""A Proxmox VE cluster as one `Server`: a connection to one of its nodes, and what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from operations.drivers.base import DriverError
from operations.drivers.proxmox import acting, happenings
from operations.drivers.proxmox.client import Client, Refused, connected
from operations.drivers.proxmox.inventory import observe_inventory
from operations.drivers.remote import Happening, Login, Observed, OnStage, Order, SubjectNow, TaskNow
from planner.estate import Estate


@contextmanager
def opened(login: Login) -> Iterator[ProxmoxServer]:
    """Connect, and hang up whatever happens.

    Raises:
        DriverError: not reached, not trusted, not let in, or refused a question.
    """
    with connected(login) as client:
        try:
            yield ProxmoxServer(client)
        except Refused as refusal:
            raise DriverError(f"{login.host}:{login.port}: {refusal.status} {refusal}") from refusal


class ProxmoxServer:
    """Keeps nothing but the connection: every answer is asked for anew."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def about(self) -> str:
        """Say what answers there."""
        return f"Proxmox VE {self._client.get('version').get('version', '?')}"

    def read(self, on_stage: OnStage, recorded: Estate | None = None) -> Observed:
        """Read the whole cluster, and a day's use."""
        return observe_inventory(self._client, on_stage, recorded)

    def look(self, order: Order) -> SubjectNow:
        """Read the subject of an order."""
        return acting.look(self._client, order)

    def host_now(self, name: str) -> SubjectNow:
        """Read a node by its name."""
        return acting.host_now(self._client, name)

    def submit(self, order: Order) -> str:
        """Ask for it, once."""
        return acting.submit(self._client, order)

    def task_now(self, identity: str) -> TaskNow:
        """Read a task that was asked for."""
        return acting.task_now(self._client, identity)

    def find_task(self, order: Order, since: datetime) -> str | None:
        """Find a task whose id was lost."""
        return acting.find_task(self._client, order, since)

    def abort(self, identity: str) -> None:
        """Ask that a task end now."""
        acting.abort(self._client, identity)

    def happenings(self, since: datetime, limit: int) -> list[Happening]:
        """Tell what has happened since a time."""
        return happenings.happenings(self._client, since, limit)

    def watch(self, wait_s: int) -> Iterator[list[Happening]]:
        """Tell what changes, as it changes."""
        return happenings.watch(self._client, wait_s)
