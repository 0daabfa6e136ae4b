"""Where a domain is among several hosts, and how it stands there.  Its identity is its UUID, never its name.

While a migration is under way both hosts have the domain: one runs it, the other keeps a copy paused.

Source: libvirt.org/html/libvirt-libvirt-domain.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from operations.drivers.base import DriverError
from operations.drivers.libvirt import binding, fence
from operations.drivers.libvirt.fleet import Fleet, is_lost, said
from operations.drivers.remote import NotBegun
from planner.sentence import Sentence

JOB_NONE: Final = 0  # VIR_DOMAIN_JOB_NONE


class Guest(Struct, frozen=True, kw_only=True):
    """A domain on one host; `waits`: it is the copy of a migration that does not run yet, or no more."""

    host: str
    domain: Any
    active: bool
    power: str
    waits: bool
    job: dict[str, Any]

    @property
    def is_busy(self) -> bool:
        """Whether libvirt works on it."""
        return int(self.job.get("type", JOB_NONE)) != JOB_NONE

    @property
    def runs(self) -> bool:
        """Whether this copy is the VM itself."""
        return self.active and not self.waits


def checked_uuid(text: str) -> str:
    """Read an id; it is the inventory's own, never what somebody typed.

    >>> checked_uuid("6695eb01-f6a4-8304-79aa-97f2502e193f")
    '6695eb01-f6a4-8304-79aa-97f2502e193f'
    """
    try:
        return str(UUID(text))
    except ValueError as error:
        raise NotBegun(Sentence("{id} is no VM of libvirt", {"id": text[:60]})) from error


def find(fleet: Fleet, uuid: str) -> list[Guest]:
    """Look for a domain on every host that answers; a host that falls silent meanwhile is silent."""
    found = []
    for name in list(fleet.connections):
        guest = on_host(fleet, name, uuid)
        if guest is not None:
            found.append(guest)
    return found


def on_host(fleet: Fleet, host: str, uuid: str) -> Guest | None:
    """Look for a domain on one host; None where it has none of this UUID, or is silent."""
    libvirt = binding.loaded()
    connection = fleet.connections.get(host)
    if connection is None:
        return None
    try:
        domain = connection.lookupByUUIDString(uuid)
        state, reason = domain.state()
        active = domain.isActive() == 1
        job = _job(domain) if active else {}
    except libvirt.libvirtError as error:
        if is_lost(connection):
            fleet.lost(host, said(error, fleet.login))
            return None
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise DriverError(f"{host}: {said(error, fleet.login)}") from error
    return Guest(
        host=host,
        domain=domain,
        active=active,
        power=power_of(state, active=active),
        waits=active and _waits(state, reason, job),
        job=job,
    )


def power_of(state: int, *, active: bool) -> str:
    """Give a domain's state in the words of `SubjectNow`."""
    libvirt = binding.loaded()
    if not active:
        return "poweredOff"
    stands = (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PMSUSPENDED, libvirt.VIR_DOMAIN_CRASHED)
    return "suspended" if state in stands else "poweredOn"


def the_vm(guests: Sequence[Guest], source: str) -> Guest | None:
    """Choose the copy that is the VM: the one that runs, else the one where it was, else any."""
    ranked = sorted(guests, key=lambda one: (not one.runs, not one.active, one.host != source, one.host))
    return ranked[0] if ranked else None


def doubtful(fleet: Fleet) -> list[str]:
    """The silent hosts that the power switch does not confirm to be off: any VM may run there."""
    return [name for name in sorted(fleet.silent) if not fence.is_off(fleet.login.fence, name)]


def _waits(state: int, reason: int, job: dict[str, Any]) -> bool:
    libvirt = binding.loaded()
    coming = job.get("operation") == libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN
    reasons = (
        libvirt.VIR_DOMAIN_PAUSED_MIGRATION,
        libvirt.VIR_DOMAIN_PAUSED_STARTING_UP,
        libvirt.VIR_DOMAIN_PAUSED_POSTCOPY,
    )
    return state == libvirt.VIR_DOMAIN_PAUSED and (coming or reason in reasons)


def _job(domain: Any) -> dict[str, Any]:
    """Read what libvirt works on; a driver that cannot tell, such as its test driver, has no jobs."""
    libvirt = binding.loaded()
    try:
        found = domain.jobStats()
    except libvirt.libvirtError as error:
        code = error.get_error_code()
        if code == libvirt.VIR_ERR_OPERATION_UNSUPPORTED:  # the copy that arrives: only its source tells
            return {
                "type": libvirt.VIR_DOMAIN_JOB_UNBOUNDED,
                "operation": libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN,
            }
        if code in (libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_OPERATION_INVALID):
            return {}  # the latter: it stopped just now
        raise
    return found if isinstance(found, dict) else {}
