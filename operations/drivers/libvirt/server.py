"""Several plain libvirt hosts as one `Server`: connections to those that answer, and what they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from operations.drivers.base import DriverError
from operations.drivers.libvirt import acting, binding, happenings, tracking
from operations.drivers.libvirt.fleet import Fleet, connected, is_lost, said
from operations.drivers.libvirt.inventory import observe_inventory
from operations.drivers.remote import Happening, Login, Observed, OnStage, Order, SubjectNow, TaskNow
from planner.estate import Estate


@contextmanager
def opened(login: Login) -> Iterator[LibvirtServer]:
    """Connect to every host of `login.uris`, and hang up whatever happens.

    Raises:
        DriverError: no host is reached, the list is none, or the binding of libvirt is missing.
    """
    with connected(login) as fleet:
        try:
            yield LibvirtServer(fleet)
        except binding.loaded().libvirtError as error:
            raise DriverError(said(error, login)) from error


class LibvirtServer:
    """Keeps nothing but the connections: every answer is asked for anew."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def about(self) -> str:
        """Say what answers there."""
        versions = {
            f"{connection.getType()} with libvirt {_dotted(connection.getLibVersion())}"
            for connection in self._fleet.connections.values()
            if not is_lost(connection)
        }
        silent = f"; silent: {', '.join(sorted(self._fleet.silent))}" if self._fleet.silent else ""
        return f"{', '.join(sorted(versions))} on {len(self._fleet.connections)} hosts{silent}"

    def read(self, on_stage: OnStage, recorded: Estate | None = None) -> Observed:
        """Read all hosts; a silent one stays as it was recorded."""
        return observe_inventory(self._fleet, on_stage, recorded)

    def look(self, order: Order) -> SubjectNow:
        """Read the subject of an order."""
        return acting.look(self._fleet, order)

    def host_now(self, name: str) -> SubjectNow:
        """Read a host by its name."""
        return acting.host_now(self._fleet, name)

    def submit(self, order: Order) -> str:
        """Ask for it, once."""
        return acting.submit(self._fleet, order)

    def task_now(self, identity: str) -> TaskNow:
        """Read what became of what was asked for."""
        return tracking.task_now(self._fleet, identity)

    def find_task(self, order: Order, since: datetime) -> str | None:
        """Find out whether what was asked for is under way or done; libvirt does not tell since when."""
        return tracking.find_task(self._fleet, order)

    def abort(self, identity: str) -> None:
        """Ask that a migration end now."""
        tracking.abort(self._fleet, identity)

    def happenings(self, since: datetime, limit: int) -> list[Happening]:
        """Tell nothing: libvirt does not remember what has happened.  `watch` hears it."""
        return []

    def watch(self, wait_s: int) -> Iterator[list[Happening]]:
        """Tell what happens, as it happens."""
        return happenings.watch(self._fleet, wait_s)


def _dotted(version: int) -> str:
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"
