"""What happens on libvirt hosts, as it happens: lifecycles, jobs that end, hosts that fall silent.

libvirt remembers nothing of what has happened: whoever does not watch does not hear.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from operations.drivers.base import DriverError
from operations.drivers.libvirt import binding
from operations.drivers.libvirt.fleet import Fleet, said
from operations.drivers.remote import Happening
from planner.formats.text import cleaned, shortened
from planner.sentence import Sentence, Value

BATCH_S: Final = 0.5  # what comes together is told together
# By the numbers of virDomainEventType; what is not here, such as a redefinition, is no news of a VM.
LIFECYCLE: Final = {
    0: Sentence("{name} is defined on {host}").template,
    1: Sentence("{name} is no longer defined on {host}").template,
    2: Sentence("{name} started on {host}").template,
    3: Sentence("{name} was suspended on {host}").template,
    4: Sentence("{name} was resumed on {host}").template,
    5: Sentence("{name} stopped on {host}").template,
    6: Sentence("{name} was shut down on {host}").template,
    8: Sentence("{name} crashed on {host}").template,
}
CRASHED: Final = 8
STOPPED: Final = 5
STOPPED_FAILED: Final = (2, 5)  # VIR_DOMAIN_EVENT_STOPPED_CRASHED, _FAILED
JOB_ENDED: Final = Sentence("A job of {name} ended on {host}: {seconds} s, {mib} MiB").template
SILENT: Final = Sentence("{host} fell silent").template
BYTES_PER_MIB: Final = 2**20
MS_PER_S: Final = 1000


def watch(fleet: Fleet, wait_s: int) -> Iterator[list[Happening]]:
    """Tell what happens, until the caller stops asking.

    Raises:
        DriverError: the last host fell silent.
    """
    told: queue.Queue[Happening] = queue.Queue()
    listening = [_Listening(fleet, name, told) for name in list(fleet.connections)]
    try:
        while True:
            batch = _batch(told, wait_s)
            for one in batch:
                if one.kind == "silent":
                    fleet.lost(one.subject, "keepalive")
            yield batch
            if not fleet.connections:
                raise DriverError(Sentence("Not one host answers any more"))
    finally:
        for each in listening:
            each.stop()


def _batch(told: queue.Queue[Happening], wait_s: float) -> list[Happening]:
    """Wait for something, then a moment for what comes with it."""
    found: list[Happening] = []
    until = time.monotonic() + wait_s
    while (left := until - time.monotonic()) > 0:
        try:
            found.append(told.get(timeout=left))
        except queue.Empty:
            break
        until = min(until, time.monotonic() + BATCH_S)
    return found


class _Listening:
    """Hears one host.  The callbacks come on the thread of libvirt's event loop."""

    def __init__(self, fleet: Fleet, name: str, told: queue.Queue[Happening]) -> None:
        self._fleet = fleet
        self._host = name
        self._told = told
        self._numbers = count()
        self._callbacks: list[int] = []
        libvirt = binding.loaded()
        connection = fleet.connections[name]
        wanted = (
            (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._lifecycle),
            (libvirt.VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, self._job),
        )
        try:
            connection.registerCloseCallback(self._closed, None)
            for event, callback in wanted:
                self._callbacks.append(connection.domainEventRegisterAny(None, event, callback, None))
        except libvirt.libvirtError as error:
            raise DriverError(f"{name}: {said(error, fleet.login)}") from error

    def stop(self) -> None:
        """Hear no more."""
        libvirt = binding.loaded()
        connection = self._fleet.connections.get(self._host)
        if connection is None:
            return
        try:
            connection.unregisterCloseCallback()
            for number in self._callbacks:
                connection.domainEventDeregisterAny(number)
        except libvirt.libvirtError:
            return  # a connection that is lost calls nobody

    def _lifecycle(self, _connection: Any, domain: Any, event: int, detail: int, _: Any) -> None:
        template = LIFECYCLE.get(event)
        if template is not None:
            values: dict[str, Value] = {"name": _clean(domain.name()), "host": self._host}
            grave = event == CRASHED or (event == STOPPED and detail in STOPPED_FAILED)
            self._tell("lifecycle", str(values["name"]), Sentence(template, values), grave=grave)

    def _job(self, _connection: Any, domain: Any, stats: dict[str, Any], _: Any) -> None:
        values: dict[str, Value] = {
            "name": _clean(domain.name()),
            "host": self._host,
            "seconds": round(stats.get("time_elapsed", 0) / MS_PER_S, 1),
            "mib": round(stats.get("memory_processed", 0) / BYTES_PER_MIB),
        }
        self._tell("job", str(values["name"]), Sentence(JOB_ENDED, values))

    def _closed(self, _connection: Any, _reason: int, _: Any) -> None:
        self._tell("silent", self._host, Sentence(SILENT, {"host": self._host}), grave=True)

    def _tell(self, kind: str, subject: str, sentence: Sentence, *, grave: bool = False) -> None:
        key = f"{self._host}/{next(self._numbers)}"
        self._told.put(
            Happening(
                at=datetime.now(UTC), key=key, kind=kind, subject=subject, text=str(sentence),
                sentence=sentence, grave=grave,
            )
        )  # fmt: skip


def _clean(text: str) -> str:
    return shortened(cleaned(text))
