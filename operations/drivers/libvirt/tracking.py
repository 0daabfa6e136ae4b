"""How something that was asked for stands: from the domain on both hosts, and the statistics of its job.

Source: libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetJobStats.
"""

from __future__ import annotations

from typing import Any, Final

from operations.drivers.base import DriverError
from operations.drivers.libvirt import binding, fence
from operations.drivers.libvirt.fleet import Fleet, is_lost, said
from operations.drivers.libvirt.guests import Guest, checked_uuid, on_host
from operations.drivers.libvirt.identities import Identity, made, read_identity
from operations.drivers.remote import Order, TaskNow
from planner.sentence import Sentence, Value

MS_PER_S: Final = 1000.0
BYTES_PER_MIB: Final = 2**20
UNTOLD: Final = Sentence(
    "Whether it was reset, nothing tells: the answer was lost, and it is not asked again"
)
SYNCHRONOUS: Final = frozenset({"power-on", "power-off", "reset"})


def task_now(fleet: Fleet, identity: str) -> TaskNow:
    """Read what became of an id of ours."""
    asked = read_identity(identity)
    if asked is None:
        return TaskNow("gone")
    if asked.kind in SYNCHRONOUS and asked.destination:
        return TaskNow("success")  # the id was given when the call had succeeded
    if asked.kind == "reset":
        return TaskNow("error", UNTOLD)
    there = on_host(fleet, asked.destination, asked.uuid)
    if asked.kind == "restart":
        return TaskNow("success") if there is not None and there.runs else TaskNow("gone")
    return _migration(fleet, asked, on_host(fleet, asked.source, asked.uuid), there)


def _migration(fleet: Fleet, asked: Identity, here: Guest | None, there: Guest | None) -> TaskNow:
    of: dict[str, Value] = {"source": asked.source}
    if there is not None and there.runs and (here is None or not here.active):
        return _arrived(there)
    if there is not None and not there.active and here is None and asked.source in fleet.connections:
        return TaskNow("success")  # it was off, and its definition has moved
    if here is not None and (here.is_busy or here.waits):
        return TaskNow("running", measured=progress_of(here.job))
    if here is not None and here.runs:
        if there is not None and there.active:
            return TaskNow("running")  # the destination's copy is being taken away
        if asked.destination in fleet.silent and not fence.is_off(fleet.login.fence, asked.destination):
            return TaskNow("running")
        return TaskNow("error", Sentence("The migration ended, and the VM runs on {source} still", of))
    if _in_doubt(fleet, asked):
        return TaskNow("running")
    if there is not None and there.active:
        return TaskNow("running")
    if asked.source in fleet.silent:
        return TaskNow("error", Sentence("{source} was switched off before the VM had arrived", of))
    return TaskNow("error", Sentence("The migration ended, and the VM is off", of))


def _in_doubt(fleet: Fleet, asked: Identity) -> bool:
    """Whether one of the two is silent and may run the VM."""
    return any(
        name in fleet.silent and not fence.is_off(fleet.login.fence, name)
        for name in (asked.source, asked.destination)
    )


def _arrived(guest: Guest) -> TaskNow:
    """Read the statistics that the destination keeps of the migration that brought the VM."""
    libvirt = binding.loaded()
    try:
        told = guest.domain.jobStats(
            libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED | libvirt.VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED
        )
    except libvirt.libvirtError:
        return TaskNow("success")  # none are kept, as after post-copy: then nobody measured
    seconds = _number(told, "time_elapsed", MS_PER_S)
    return TaskNow("success", seconds=seconds, measured=progress_of(told))


def progress_of(job: dict[str, Any]) -> dict[str, float]:
    """Give the figures of a job in our units; what libvirt does not tell is left out.

    >>> progress_of({"memory_processed": 2**21, "downtime": 41, "memory_iteration": 3})
    {'sent_mib': 2.0, 'downtime_ms': 41.0, 'rounds': 3.0}
    """
    wanted = {
        "sent_mib": ("memory_processed", BYTES_PER_MIB),
        "left_mib": ("memory_remaining", BYTES_PER_MIB),
        "memory_mib": ("memory_total", BYTES_PER_MIB),
        "downtime_ms": ("downtime", 1),
        "setup_ms": ("setup_time", 1),
        "rounds": ("memory_iteration", 1),
        "throttle_percent": ("auto_converge_throttle", 1),
    }
    found = {ours: _number(job, key, unit) for ours, (key, unit) in wanted.items()}
    return {key: value for key, value in found.items() if value is not None}


def _number(told: dict[str, Any], key: str, unit: float) -> float | None:
    value = told.get(key)
    return value / unit if isinstance(value, (int, float)) else None


def find_task(fleet: Fleet, order: Order) -> str | None:
    """Find out whether what was asked for is under way, or done: without an id, the domain alone says.

    A VM that is on or off may be so for other reasons: there the state answers.  A reset leaves no trace: its
    id has no destination, and says that nobody knows.
    """
    uuid = checked_uuid(order.subject_id)
    if order.kind == "reset":
        return made(Identity(kind="reset", uuid=uuid, source=order.source, destination=""))
    if order.kind not in ("migrate", "restart"):
        return None
    asked = Identity(kind=order.kind, uuid=uuid, source=order.source, destination=order.destination)
    there = on_host(fleet, order.destination, uuid)
    if there is not None and there.active:
        return made(asked)
    here = on_host(fleet, order.source, uuid)
    return made(asked) if order.kind == "migrate" and here is not None and here.is_busy else None


def abort(fleet: Fleet, identity: str) -> None:
    """Ask libvirt to end a migration; the VM stays where it is.  What is over needs no end."""
    libvirt = binding.loaded()
    asked = read_identity(identity)
    if asked is None or asked.kind != "migrate":
        return
    guest = on_host(fleet, asked.source, asked.uuid)
    if guest is None or not guest.is_busy:
        return
    try:
        guest.domain.abortJob()
    except libvirt.libvirtError as error:
        over = error.get_error_code() in (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN)
        if not over or is_lost(fleet.connections.get(asked.source)):
            raise DriverError(f"{asked.source}: {said(error, fleet.login)}") from error
