"""What happened: frozen typed events, each with its time, its subject, its cause and its line in the log.

An event's number is its place in the log, from 1; `cause` is the number of the event that led to it, 0
for what came from outside.  A fact is told by the world (`is_note` False), a note by a policy that
decided something.  `text` is a Sentence, so that the shell can translate it.
"""

from __future__ import annotations

from functools import cache
from string import Formatter
from typing import ClassVar, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from operations.action import Purpose
from planner.sentence import Sentence, Value

StorageLoss: TypeAlias = Literal["APD", "PDL"]


class Event(Struct, frozen=True, gc=False):
    """One thing that happened at `at_s` to `subject`."""

    at_s: float
    subject: str
    cause: int

    kind: ClassVar[str] = ""
    is_note: ClassVar[bool] = False
    says: ClassVar[Sentence] = Sentence("")
    tenths: ClassVar[tuple[str, ...]] = ()  # fields told with one decimal; others are told whole

    @property
    def text(self) -> Sentence:
        """What happened, in words; the values are the fields that they name, rounded as they are told."""
        template = self.says.template
        return Sentence(template, {name: self._told(name) for name in _named_in(template)})

    def _told(self, name: str) -> Value:
        value: Value = getattr(self, name)
        if not isinstance(value, float):
            return value
        return round(value, 1) if name in self.tenths else round(value)

    def line(self) -> str:
        """The line of the log: seconds, kind, subject, text, in fixed columns."""
        return line_of(self.at_s, self.kind, self.subject, self.text)

    def record(self, number: int) -> dict[str, Value]:
        """A flat record for JSON: every field, the text and the line."""
        fields = {
            name: str(value) if isinstance(value, Sentence) else value
            for name in self.__struct_fields__
            if name != "why" and not isinstance(value := getattr(self, name), tuple)
        }
        return {"number": number, "kind": self.kind, **fields, "text": str(self.text), "line": self.line()}


def line_of(at_s: float, kind: str, subject: str, text: Sentence) -> str:
    """Give a line of the log of what an event's columns hold."""
    return f"{at_s:8.1f}  {kind:<17} {subject:<12} {text}".rstrip()


class Because(Event, frozen=True, gc=False):
    """An event whose text differs from case to case."""

    why: Sentence

    @property
    def text(self) -> Sentence:
        """The reason given."""
        return self.why


class Note(Event, frozen=True, gc=False):
    """A decision of ours."""

    is_note: ClassVar[bool] = True


class NoteBecause(Because, frozen=True, gc=False):
    """A decision of ours with its reason."""

    is_note: ClassVar[bool] = True


# -- the run, hosts and the network


class RunBegun(Event, frozen=True, gc=False):
    kind = "run-begun"
    says = Sentence("{product} profile; hosts: {hosts}, VMs: {vms}")
    product: str
    hosts: int
    vms: int


class Asked(Event, frozen=True, gc=False):
    """An operator asks for something; `verb` is the word of the script."""

    kind = "asked"
    verb: str
    target: str = ""

    @property
    def text(self) -> Sentence:
        """The words of the script, which every language translates whole."""
        return Sentence(_ASKED[self.verb].template, {"target": self.target} if self.target else {})


class Ignored(Because, frozen=True, gc=False):
    """A line of the script that changes nothing."""

    kind = "ignored"


class DemandChanged(Event, frozen=True, gc=False):
    kind = "demand"
    says = Sentence("wants {cpu_mhz} MHz")
    cpu_mhz: float


class HostFailed(Because, frozen=True, gc=False):
    kind = "host-failed"


class HostOff(Because, frozen=True, gc=False):
    """A host that was switched off, by its watchdog or by us.

    `waited_for`: what ran on it starts elsewhere only when it has been away for as long as a failed one.
    """

    kind = "host-off"
    standby: bool = False
    planned: bool = False
    waited_for: bool = False


class HostBack(Event, frozen=True, gc=False):
    """A host that runs again; `waits`: it takes nothing yet, for what it ran before is not fenced."""

    kind = "host-back"
    says = Sentence("powered and connected")
    waits: bool = False


class HostCut(Event, frozen=True, gc=False):
    """A host without network; `whole`: that of its VMs as well, so that nobody reaches them."""

    kind = "host-cut"
    says = Sentence("its networks are gone, its VMs run on")
    whole: bool = True


class HostJoined(Because, frozen=True, gc=False):
    kind = "host-joined"


class NetworkParted(Event, frozen=True, gc=False):
    kind = "network-parted"
    says = Sentence("{text_of_groups}")
    text_of_groups: str
    groups: tuple[tuple[str, ...], ...] = ()


class NetworkHealed(Event, frozen=True, gc=False):
    kind = "network-healed"
    says = Sentence("all hosts see each other")


class HostFenced(Because, frozen=True, gc=False):
    kind = "host-fenced"


class FenceFailed(Because, frozen=True, gc=False):
    kind = "fence-failed"


class RecordLost(Event, frozen=True, gc=False):
    kind = "record-lost"
    says = Sentence("the shared configuration cannot be read or written")


class RecordBack(Event, frozen=True, gc=False):
    kind = "record-back"
    says = Sentence("the shared configuration can be read and written")


class PrimaryElected(Note, frozen=True, gc=False):
    kind = "primary-elected"
    says = Sentence("watches over the cluster")


class HostUnreachable(NoteBecause, frozen=True, gc=False):
    kind = "host-unreachable"


class HostIsolated(NoteBecause, frozen=True, gc=False):
    kind = "host-isolated"


class HostDead(Note, frozen=True, gc=False):
    kind = "host-dead"
    says = Sentence("silent for {silent_s} s; VMs to restart: {vms}")
    silent_s: float
    vms: int


class Refused(NoteBecause, frozen=True, gc=False):
    """Something asked for that is not done; `remedy` says what would let it, `id` names the prerequisite."""

    kind = "refused"
    remedy: Sentence = Sentence("")
    id: str = ""


class Remedied(NoteBecause, frozen=True, gc=False):
    """What would let what was refused be done; its cause is the refusal."""

    kind = "remedy"


class LoadLevel(Note, frozen=True, gc=False):
    kind = "load-level"
    level: str
    percent: float

    @property
    def text(self) -> Sentence:
        """How loaded the hosts are."""
        return Sentence(_LEVELS[self.level].template, {"percent": round(self.percent)})


# -- storage


class PathLost(Event, frozen=True, gc=False):
    kind = "path-lost"
    says = Sentence("{datastore} over {path}; paths left: {left}")
    datastore: str
    path: str
    left: int


class PathBack(Event, frozen=True, gc=False):
    kind = "path-back"
    says = Sentence("{datastore} over {path}")
    datastore: str
    path: str


class StorageLost(Event, frozen=True, gc=False):
    kind = "storage-lost"
    says = Sentence("{datastore}: {how}")
    datastore: str
    how: StorageLoss


class StorageBack(Event, frozen=True, gc=False):
    kind = "storage-back"
    says = Sentence("{datastore}")
    datastore: str


class ApdTimedOut(Note, frozen=True, gc=False):
    kind = "apd-timeout"
    says = Sentence("{datastore}: its VMs are given up in {delay_s} s")
    datastore: str
    delay_s: float


class DatastoreFull(Event, frozen=True, gc=False):
    kind = "datastore-full"
    says = Sentence("VMs with growing disks stand still")


class DatastoreFreed(Event, frozen=True, gc=False):
    kind = "datastore-freed"
    says = Sentence("its VMs go on")


class Warned(NoteBecause, frozen=True, gc=False):
    """Something to know that changes nothing by itself."""

    kind = "warning"


class Woke(Event, frozen=True, gc=False):
    """A delay is over.  It stands in no log and has no number: its cause is what set the delay."""

    purpose: Purpose
    since: float


_ASKED: Final = {
    "migrate": Sentence("migrate {target}"),
    "migrate-storage": Sentence("migrate-storage {target}"),
    "start": Sentence("start"),
    "stop": Sentence("stop"),
    "disable": Sentence("disable"),
    "maintenance": Sentence("maintenance"),
    "end-maintenance": Sentence("end-maintenance"),
    "rolling": Sentence("rolling"),
    "shutdown": Sentence("shutdown"),
    "reboot": Sentence("reboot"),
}
_LEVELS: Final = {
    "low": Sentence("low: {percent} % on average"),
    "normal": Sentence("normal: {percent} % on average"),
    "high": Sentence("high: {percent} % on average"),
}


@cache
def _named_in(template: str) -> tuple[str, ...]:
    """The values that a sentence names."""
    return tuple(name for _, name, _, _ in Formatter().parse(template) if name)


def event_classes() -> tuple[type[Event], ...]:
    """Every kind of event that stands in a log, by kind."""
    found: list[type[Event]] = []
    waiting: list[type[Event]] = [Event]
    while waiting:
        for each in waiting.pop().__subclasses__():
            waiting.append(each)
            if each.kind:
                found.append(each)
    return tuple(sorted(found, key=lambda each: each.kind))


def to_json(number: int, event: Event) -> bytes:
    """Give one event as a line of JSON."""
    return msgspec.json.encode(event.record(number))
