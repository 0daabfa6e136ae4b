"""The words between the shell and one real server of any make: how to reach it, what to ask, what it says.

A driver of a real hypervisor is a folder beside this file.  Its `server.opened(login)` gives a `Server`:
reading never changes anything, and `submit` is one call, never two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal, Protocol, TypeAlias

from msgspec import Struct

from operations.drivers.usage import VmUsage
from planner.estate import Estate
from planner.quality import Reading
from planner.sentence import Sentence

Network: TypeAlias = IPv4Network | IPv6Network
Kind: TypeAlias = Literal[
    "migrate", "power-on", "power-off", "reset", "enter", "leave", "protect", "unprotect", "ft-on", "ft-off",
    "restart",
]  # fmt: skip
TaskState: TypeAlias = Literal["queued", "running", "success", "error", "handed over", "gone"]
OnStage: TypeAlias = Callable[[str], None]

ABOUT_HOSTS: Final = frozenset({"enter", "leave"})  # their subject is a host, found by its name


class NotBegun(Exception):
    """Nothing began, and why: in the server's own words (text), or in ours (a Sentence)."""

    def __init__(self, reason: Sentence | str) -> None:
        super().__init__(str(reason))
        ours = isinstance(reason, Sentence)
        self.sentence = reason if ours else Sentence("The server refuses: {fault}", {"fault": str(reason)})


class Login(Struct, frozen=True, kw_only=True):
    """How to reach one server.  `fingerprint` is the SHA-256 of its certificate; None: verified.

    `allowed` are the networks that the site lets connections go to.  `uris` are the hosts of a connection
    that has several, a line each (see places.py).  `acts` False: a session that may read is enough.  `fence`
    is the site's program that switches a host off.
    """

    host: str = ""
    port: int = 443
    username: str = ""
    password: str = ""
    fingerprint: str | None = None
    ca_file: str | None = None
    allowed: tuple[Network, ...] = ()
    uris: tuple[str, ...] = ()
    acts: bool = True
    fence: str = ""

    def __repr__(self) -> str:
        """Show all but the password: this may stand in a log."""
        where = f"{len(self.uris)} hosts" if self.uris else f"{self.host}:{self.port}"
        return f"Login({self.username}@{where})"


class Order(Struct, frozen=True, kw_only=True):
    """One thing to do; hosts by name, a VM by the id that the inventory gave.

    A restart is that of HA: on another host, from `definition`, what was read of the VM while its own host
    answered.  `post_copy`: a migration may go over to it.
    """

    kind: Kind
    subject_id: str
    subject: str
    source: str = ""
    destination: str = ""
    definition: str = ""
    post_copy: bool = False


class TaskNow(Struct, frozen=True):
    """A task as the server tells it; `gone`: it is not remembered any more.

    `handed over`: the server's own HA has the wish now, and does it when it comes to it.  `error` is in the
    server's own words (text), or in ours.  `measured` are figures of it so far, units in their names.
    """

    state: TaskState
    error: Sentence | str = ""
    seconds: float | None = None
    measured: dict[str, float] = {}


class SubjectNow(Struct, frozen=True, kw_only=True):
    """What the order is about, as it stands now; `host` is where a VM is.

    `power` is one of poweredOn, poweredOff, suspended;
    `protected` is by HA and `ft` by FT; None: the make does not say, or has none.
    `hindered`: why the server itself would not do it, in its words (text), or in ours.
    """

    exists: bool
    name: str = ""
    host: str = ""
    power: str = ""
    maintenance: bool = False
    connected: bool = True
    busy: bool = False
    protected: bool | None = None
    ft: bool | None = None
    hindered: Sentence | str = ""


class Happening(Struct, frozen=True, kw_only=True):
    """Something that has happened; `key` tells two of one moment apart.

    `text` is in the server's own words, or English for `sentence`, which is in ours.
    """

    at: datetime
    key: str
    kind: str
    subject: str
    text: str
    sentence: Sentence | None = None
    grave: bool = False


class Definition(Struct, frozen=True, kw_only=True):
    """What a host would have to be given to start a VM that it does not know, in the server's own form."""

    vm_id: str
    host: str
    text: str


class Observed(Struct, frozen=True, kw_only=True):
    """What one reading gave: the estate, the measured use of its VMs, and what starts them elsewhere."""

    reading: Reading
    usage: tuple[VmUsage, ...] = ()
    definitions: tuple[Definition, ...] = ()


class Server(Protocol):
    """A server that somebody is logged in to.  Every method raises DriverError when it falls silent."""

    def about(self) -> str:
        """Say what answers there."""

    def read(self, on_stage: OnStage, recorded: Estate | None = None) -> Observed:
        """Read the whole inventory; what is out of reach stays as it was `recorded`."""

    def look(self, order: Order) -> SubjectNow:
        """Read the subject of an order."""

    def host_now(self, name: str) -> SubjectNow:
        """Read a host by its name."""

    def submit(self, order: Order) -> str:
        """Ask for it, once; give the id of the server's task, or raise NotBegun."""

    def task_now(self, identity: str) -> TaskNow:
        """Read a task that was asked for."""

    def find_task(self, order: Order, since: datetime) -> str | None:
        """Find a task of this kind on the subject that was begun since a time."""

    def abort(self, identity: str) -> None:
        """Ask that a task end now; whether it did, `task_now` says.  Asking twice is asking once."""

    def happenings(self, since: datetime, limit: int) -> list[Happening]:
        """Tell what has happened since a time, the oldest first."""

    def watch(self, wait_s: int) -> Iterator[list[Happening]]:
        """Tell what changes, as it changes; an empty list: nothing new in that time."""
