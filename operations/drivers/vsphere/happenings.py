"""vSphere's own events, by its history; and what changes while somebody watches, by WaitForUpdatesEx."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from pyVmomi import vim

from operations.drivers.remote import Happening
from operations.drivers.vsphere.collector import Change, changes
from planner.formats.text import cleaned, shortened
from planner.sentence import Sentence, Value

PAGE: Final = 1_000  # the most that a vCenter gives at once
TEXT_MAX: Final = 300
# What an administrator of hosts wants to hear.  Sign-ins and the like are left to the server's own log.
TOLD: Final[dict[str, bool]] = {
    "VmMigratedEvent": False, "DrsVmMigratedEvent": False, "VmRelocatedEvent": False,
    "VmPoweredOnEvent": False, "DrsVmPoweredOnEvent": False, "VmPoweredOffEvent": False,
    "VmCreatedEvent": False, "VmRemovedEvent": False,
    "VmReconfiguredEvent": False, "VmFailedMigrateEvent": True, "VmFailedRelayoutEvent": True,
    "VmRestartedOnAlternateHostEvent": True, "VmPoweredOffByHAEvent": True, "VmDasBeingResetEvent": True,
    "VmFailoverFailed": True, "VmFaultToleranceStateChangedEvent": False,
    "VmFaultToleranceVmTerminatedEvent": True, "VmPrimaryFailoverEvent": True,
    "HostConnectionLostEvent": True, "HostDisconnectedEvent": True, "HostConnectedEvent": False,
    "HostShutdownEvent": True, "HostDasErrorEvent": True, "DasHostFailedEvent": True,
    "DasHostIsolatedEvent": True,
    "DasEnabledEvent": False, "DasDisabledEvent": True, "EnteredMaintenanceModeEvent": False,
    "ExitMaintenanceModeEvent": False, "HostAddedEvent": False, "HostRemovedEvent": True,
    "InsufficientFailoverResourcesEvent": True, "FailoverLevelRestored": False,
    "DatastoreCapacityIncreasedEvent": False,
    "NotEnoughResourcesToStartVmEvent": True, "EventEx": True,
}  # fmt: skip
HA_WORDS: Final = ("com.vmware.vc.HA.", "com.vmware.vc.ha.", "vprob.", "esx.problem.")  # of an EventEx
WATCHED: Final = ("name", "runtime.powerState", "runtime.host")
STATES: Final = (  # what is said of them, and which are no cause for alarm
    ("runtime.powerState", "power", ("poweredOn", "poweredOff", "suspended")),
    ("runtime.connectionState", "connection", ("connected",)),
)
WATCHED_HOST: Final = ("name", "runtime.connectionState", "runtime.inMaintenanceMode")


def happenings(instance: Any, since: datetime, limit: int) -> list[Happening]:
    """Read what the server says has happened since a time, the oldest first, a page a request."""
    events = instance.RetrieveContent().eventManager
    spec = vim.event.EventFilterSpec(time=vim.event.EventFilterSpec.ByTime(beginTime=since))
    collector = events.CreateCollectorForEvents(spec)
    try:
        collector.SetCollectorPageSize(PAGE)
        collector.RewindCollector()
        found: list[Happening] = []
        while len(found) < limit:
            page = collector.ReadNextEvents(PAGE)
            if not page:
                break
            found.extend(told for event in page if (told := _told(event)) is not None and told.at > since)
        return sorted(found, key=lambda each: (each.at, each.key))[:limit]
    finally:
        collector.DestroyCollector()


def _told(event: Any) -> Happening | None:
    kind = type(event).__name__.rpartition(".")[2]
    if kind not in TOLD or (kind == "EventEx" and not str(event.eventTypeId).startswith(HA_WORDS)):
        return None
    text = event.fullFormattedMessage or getattr(event, "message", None) or kind
    named = next((one for one in (event.vm, event.host, event.computeResource) if one is not None), None)
    return Happening(
        at=event.createdTime,
        key=str(event.key),
        kind=kind,
        subject=shortened(cleaned(str(named.name))) if named is not None else "",
        text=shortened(cleaned(" ".join(str(text).split())), TEXT_MAX),
        grave=TOLD[kind],
    )


def watch(instance: Any, wait_s: int) -> Iterator[list[Happening]]:
    """Tell what becomes of VMs and hosts, batch by batch; the first one, all there is, is only learnt."""
    known: dict[str, dict[str, Any]] = {}
    wanted: dict[type, Sequence[str]] = {vim.VirtualMachine: WATCHED, vim.HostSystem: WATCHED_HOST}
    batches = changes(instance, wanted, wait_s)
    learning = True
    for batch in batches:
        now = instance.CurrentTime() if batch and not learning else None
        told: list[Happening] = []
        for number, change in enumerate(batch):
            before = known.pop(change.id, {})
            if change.kind != "leave":
                known[change.id] = before | change.properties
            if now is not None:
                told.extend(_became(now, number, change, before, known))
        if not learning:
            yield told
        learning = False


def _became(
    now: datetime, number: int, change: Change, before: dict[str, Any], known: dict[str, dict[str, Any]]
) -> Iterator[Happening]:
    name = shortened(cleaned(str((before | change.properties).get("name") or change.id)))
    values: dict[str, Value] = {"name": name}

    def said(kind: str, sentence: Sentence, *, grave: bool = False) -> Happening:
        key = f"{change.id}/{number}"
        return Happening(
            at=now, key=key, kind=kind, subject=name, text=str(sentence), sentence=sentence, grave=grave
        )

    new = change.properties
    if change.kind == "enter":
        yield said("appeared", Sentence("{name} is new", values))
    elif change.kind == "leave":
        yield said("gone", Sentence("{name} is gone", values), grave=True)
    else:
        if "runtime.host" in new:
            host = str(known.get(getattr(new["runtime.host"], "_moId", ""), {}).get("name", "?"))
            yield said("moved", Sentence("{name} is on {host} now", values | {"host": host}))
        for field, kind, good in STATES:
            if field in new:
                state = str(new[field])
                sentence = Sentence("{name} is {state} now", values | {"state": state})
                yield said(kind, sentence, grave=state not in good)
        if "runtime.inMaintenanceMode" in new:
            entered = Sentence("{name} has entered maintenance mode", values)
            left = Sentence("{name} has left maintenance mode", values)
            yield said("maintenance", entered if new["runtime.inMaintenanceMode"] else left)
