"""Live migrations, managed direct: our client talks to both hosts, so neither has to trust the other.

libvirt's call lasts as long as the migration, so a process of its own makes it (mover.py) and outlives the
worker that asked.  It begins only at the word of its parent: one that dies before has begun nothing.  When
the mover itself dies libvirt cancels the migration and the VM stays where it is.

- Auto-converge is on: a guest that dirties memory faster than the network carries it is slowed down until the
  migration ends, instead of never ending.  Measured: 54 s for a guest that writes 40 MiB/s over 32 MiB/s.
- Post-copy is on only where it was asked for: it ends for sure, but a host or a network that fails meanwhile
  takes the VM with it.

Source: libvirt.org/migration.html; libvirt.org/html/libvirt-libvirt-domain.html#virDomainMigrate3.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, Final

import operations
from operations.drivers.base import DriverError
from operations.drivers.libvirt import binding
from operations.drivers.libvirt.fleet import Fleet, said
from operations.drivers.libvirt.guests import Guest, checked_uuid, find, on_host
from operations.drivers.libvirt.identities import Identity, made
from operations.drivers.remote import NotBegun, Order
from planner.sentence import Sentence

ROOT: Final = Path(operations.__file__).parent.parent
READY_S: Final = 15.0  # both hosts opened once more
BEGUN_S: Final = 20.0  # libvirt prepares the destination: a QEMU started, its disks opened
EVERY_S: Final = 0.1
LINE_MAX: Final = 64 * 1024
# TCG of older releases loses dirty pages: the guest panics on arrival.  qemu-devel, 20240219061731.232570-1
QEMU_OF_TCG: Final = 9_000_000

_movers: list[subprocess.Popen[bytes]] = []


def begin(fleet: Fleet, order: Order) -> str:
    """Begin a migration and see it begun; give its id.

    Raises:
        NotBegun: it did not begin, or ended at once with the VM where it was.
        DriverError: nobody knows.
    """
    uuid = checked_uuid(order.subject_id)
    fleet.of(order.source), fleet.of(order.destination)
    guest = _ready(fleet, order, uuid)
    identity = made(Identity(kind="migrate", uuid=uuid, source=order.source, destination=order.destination))
    mover = _started()
    try:
        _tell(mover, _task(fleet, order, guest))
        ready = _heard(mover, READY_S)
        if ready.get("ready") is not True:
            raise NotBegun(str(ready.get("error") or "timeout"))
        _tell(mover, {"go": True})
    except BaseException:
        mover.kill()  # it has not heard the word, so it has begun nothing
        mover.wait()
        raise
    _movers.append(mover)
    _await_begun(fleet, order, guest, mover)
    return identity


def hindrance(fleet: Fleet, order: Order, domain: Any) -> Sentence | str:
    """Why a VM must not, or cannot, be migrated; empty where nothing is known."""
    libvirt = binding.loaded()
    try:
        xml = domain.XMLDesc(0)
        emulated = "type='qemu'" in xml.partition(">")[0]
        versions = [
            fleet.connections[name].getVersion()
            for name in (order.source, order.destination)
            if name in fleet.connections
        ]
    except libvirt.libvirtError as error:
        raise DriverError(said(error, fleet.login)) from error
    if "<hostdev " in xml:
        return Sentence("{subject} has a device of its host, and cannot leave it", {"subject": order.subject})
    if emulated and domain.isActive() and min(versions) < QEMU_OF_TCG:
        return Sentence(
            "QEMU {version} without KVM damages the memory of what it migrates: {subject} stays",
            {"version": _dotted(min(versions)), "subject": order.subject},
        )
    return ""


def _dotted(version: int) -> str:
    """Write a version as people do.

    >>> _dotted(7002022)
    '7.2.22'
    """
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"


def _ready(fleet: Fleet, order: Order, uuid: str) -> Guest:
    guests = find(fleet, uuid)
    guest = next((one for one in guests if one.host == order.source), None)
    values = {"subject": order.subject, "host": order.source}
    if guest is None:
        raise NotBegun(Sentence("{subject} is not on {host}", dict(values)))
    other = next((one for one in guests if one.active and one.host != order.source), None)
    if other is not None:
        raise NotBegun(Sentence("{subject} runs on {host}", {"subject": order.subject, "host": other.host}))
    if guest.is_busy:
        raise NotBegun(Sentence("{subject} has another task under way", {"subject": order.subject}))
    return guest


def _task(fleet: Fleet, order: Order, guest: Guest) -> dict[str, Any]:
    login = fleet.login
    source, destination = (fleet.places[name] for name in (order.source, order.destination))
    lines = [f"{place.name} {place.uri} {place.incoming}" for place in (source, destination)]
    return {
        "uris": lines,
        "allowed": [str(network) for network in login.allowed],
        "username": login.username,
        "password": login.password,
        "uuid": checked_uuid(order.subject_id),
        "live": guest.active,
        "post_copy": order.post_copy,
    }


def _started() -> subprocess.Popen[bytes]:
    """Start a mover in a session of its own; those that have ended are let go."""
    _movers[:] = [mover for mover in _movers if mover.poll() is None]
    return subprocess.Popen(
        [sys.executable, "-m", "operations.drivers.libvirt.mover"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT,
    )  # fmt: skip


def _tell(mover: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    pipe = _pipe(mover.stdin)
    try:
        pipe.write(json.dumps(message).encode() + b"\n")
        pipe.flush()
    except BrokenPipeError as error:
        raise NotBegun(Sentence("The process that migrates did not start")) from error


def _heard(mover: subprocess.Popen[bytes], limit_s: float) -> dict[str, Any]:
    """Wait for a line of the mover; empty where none comes in time, or it is dead."""
    pipe = _pipe(mover.stdout)
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        if not selector.select(limit_s):
            return {}
    found = json.loads(pipe.readline(LINE_MAX) or b"{}")
    return found if isinstance(found, dict) else {}


def _pipe(found: IO[bytes] | None) -> IO[bytes]:
    assert found is not None  # noqa: S101  asked for at the start
    return found


def _await_begun(fleet: Fleet, order: Order, before: Guest, mover: subprocess.Popen[bytes]) -> None:
    """Wait until the migration is seen on its source, has arrived, or was refused."""
    uuid = checked_uuid(order.subject_id)
    until = time.monotonic() + BEGUN_S
    while time.monotonic() < until:
        told = _heard(mover, EVERY_S)
        if told.get("done"):
            return
        if told or mover.poll() is not None:
            _refused(fleet, order, uuid, str(told.get("error") or "the process that migrates died"))
        guest = on_host(fleet, order.source, uuid)
        if guest is None or guest.is_busy or guest.active is not before.active:
            return
    raise DriverError("the migration was asked for, and nothing is seen of it")


def _refused(fleet: Fleet, order: Order, uuid: str, why: str) -> None:
    guests = find(fleet, uuid)
    stayed = any(one.host == order.source and not one.is_busy for one in guests)
    came = any(one.host == order.destination for one in guests if one.active)
    if stayed and not came and {order.source, order.destination} <= fleet.connections.keys():
        raise NotBegun(why)
    raise DriverError(why)
