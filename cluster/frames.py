"""What goes over the wire: events as the browser reads them, in its user's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import msgspec
from django.utils import translation

from cluster.models import Event
from cluster.wording import say
from planner.sentence import Sentence

_JSON: Final = msgspec.json.Encoder()


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """One event as the live feed and the API show it."""

    seq: int
    at: str
    kind: str
    level: str
    subject: str
    run: str | None
    estate: int | None
    progress: int | None
    text: str
    template: str
    values: dict[str, Any]


@dataclass(eq=False, slots=True)
class Told:
    """An event read once, said once in each language that a reader of this process has."""

    event: Event
    _by_language: dict[str, str] = field(default_factory=dict)

    @property
    def seq(self) -> int:
        return int(self.event.seq)

    @property
    def asked_by(self) -> int | None:
        """Who asked for the run that it is about."""
        asked: int | None = getattr(self.event, "asked_by", None)
        return asked

    def json(self, language: str) -> str:
        known = self._by_language.get(language)
        if known is None:
            known = self._by_language[language] = _JSON.encode(view(self.event, language)).decode()
        return known


def told(event: Event) -> Told:
    return Told(event)


def view(event: Event, language: str) -> EventView:
    """The event in a language."""
    with translation.override(language):
        text = say(Sentence(event.template, event.values))
    return EventView(
        seq=event.seq,
        at=event.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        kind=event.kind,
        level=event.level,
        subject=event.subject,
        run=str(event.run_id) if event.run_id else None,
        estate=event.estate_id,
        progress=event.progress,
        text=text,
        template=event.template,
        values=event.values,
    )


def events_frame(events: Sequence[Told], language: str) -> str:
    """One frame of many events."""
    return _frame(tuple(events), language)


@lru_cache(maxsize=8)  # sockets that are equally far get the same frame
def _frame(events: tuple[Told, ...], language: str) -> str:
    return '{"type":"events","events":[' + ",".join(event.json(language) for event in events) + "]}"


def hello_frame(seq: int, last_seq: int) -> str:
    """The first frame: what comes is after `seq`; `upto` is the newest event there is."""
    return f'{{"type":"hello","seq":{seq},"upto":{last_seq}}}'


def ping_frame(seq: int) -> str:
    """A sign of life: everything up to `seq` has been sent."""
    return f'{{"type":"ping","seq":{seq}}}'
