"""A vCenter or an ESXi host as one `Server`: a session, and what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from pyVmomi import vim

from operations.drivers.remote import Happening, Login, Observed, OnStage, Order, SubjectNow, TaskNow
from operations.drivers.vsphere import acting, happenings
from operations.drivers.vsphere.inventory import observe_inventory
from operations.drivers.vsphere.session import session
from planner.estate import Estate


@contextmanager
def opened(login: Login) -> Iterator[VsphereServer]:
    """Log in, and out whatever happens."""
    with session(login) as instance:
        yield VsphereServer(instance)


class VsphereServer:
    """Keeps nothing but the session: every answer is asked for anew."""

    def __init__(self, instance: vim.ServiceInstance) -> None:
        self._instance = instance

    def about(self) -> str:
        """Say what answers there."""
        return str(self._instance.RetrieveContent().about.fullName)

    def read(self, on_stage: OnStage, recorded: Estate | None = None) -> Observed:
        """Read the whole inventory, and a day's use; a vCenter itself remembers hosts out of reach."""
        return observe_inventory(self._instance, on_stage)

    def look(self, order: Order) -> SubjectNow:
        """Read the subject of an order."""
        return acting.look(self._instance, order)

    def host_now(self, name: str) -> SubjectNow:
        """Read a host by its name."""
        return acting.host_now(self._instance, name)

    def submit(self, order: Order) -> str:
        """Ask for it, once."""
        return acting.submit(self._instance, order)

    def task_now(self, identity: str) -> TaskNow:
        """Read a task that was asked for."""
        return acting.task_now(self._instance, identity)

    def find_task(self, order: Order, since: datetime) -> str | None:
        """Find a task whose id was lost."""
        return acting.find_task(self._instance, order, since)

    def abort(self, identity: str) -> None:
        """Ask that a task end now."""
        acting.abort(self._instance, identity)

    def happenings(self, since: datetime, limit: int) -> list[Happening]:
        """Tell what has happened since a time."""
        return happenings.happenings(self._instance, since, limit)

    def watch(self, wait_s: int) -> Iterator[list[Happening]]:
        """Tell what changes, as it changes."""
        return happenings.watch(self._instance, wait_s)
