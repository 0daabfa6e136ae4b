"""A worker plays a rehearsal: every event becomes a row, numbered from 1; each batch is told on the feed.

The engine is deterministic and the estate is kept with the rehearsal.  So a worker that takes the run up
after another one died plays it again from the beginning and writes what is not there yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from django.db import transaction
from django.db.models import Max
from msgspec import structs

from cluster.models import Rehearsal, RehearsalEvent
from cluster.rehearsal.question import estate_of, script_of
from cluster.rehearsal.seen import Seen
from cluster.work import Work, WorkFailed
from operations.action import Action
from operations.drivers.base import Driver
from operations.engine import run
from operations.event import Event
from operations.journeys import Journeys
from operations.rescue import rescues
from operations.scenario import begin
from operations.script import Script
from operations.state import ClusterState
from operations.summary import Summary, summarize
from planner.sentence import Sentence

BATCH: Final = 1_000  # rows that one transaction holds at most
TELL_EVERY_S: Final = 0.5  # by the clock: who follows sees two steps a second
LOOK_EVERY: Final = 64  # steps of the world between two looks at the clock
EVENTS_MAX: Final = 200_000
STEPS_MAX: Final = 5_000_000  # what the world does without an event counts as well


class Watched:
    """A driver that calls back at each step, so that a lease holds however quiet the world is."""

    def __init__(self, driver: Driver, on_step: Callable[[], None]) -> None:
        self._driver = driver
        self._on_step = on_step

    def begin(self, action: Action) -> None:
        self._driver.begin(action)

    def events(self) -> Iterator[Event]:
        for event in self._driver.events():
            self._on_step()
            yield event


class Recorder:
    """Writes the events of one run in batches, those that are not there yet."""

    def __init__(self, work: Work, rehearsal: Rehearsal, state: ClusterState, script: Script) -> None:
        self._work = work
        self._rehearsal = rehearsal
        self._state = state
        self._times = sorted(one.at_s for one in script.instructions)
        self.seen = Seen(state)
        self._kept: int = rehearsal.events.aggregate(last=Max("number"))["last"] or 0
        self._rows: list[RehearsalEvent] = []
        self._steps = self._breaths = 0
        self._told_at = time.monotonic()

    def open(self) -> None:
        """Keep who runs where at the beginning, and say that it begins."""
        with transaction.atomic():
            self._work.hold()
            Rehearsal.objects.filter(pk=self._rehearsal.pk).update(opening=self.seen.opening)
            counts = {"hosts": len(self._state.hosts), "vms": len(self._state.vms)}
            self._work.advance("play", 1, Sentence("Rehearsing; hosts: {hosts}, VMs: {vms}", counts))

    def take(self, event: Event) -> None:
        """Keep one event with what it changed."""
        number = self._state.number
        row = self._row(number, event)
        if number > self._kept:
            self._rows.append(row)
        elif number == self._kept:
            self._compare(row)
        if len(self._rows) >= BATCH:
            self.write()
        if number > EVENTS_MAX:
            raise WorkFailed(
                Sentence(
                    "More than {max} events: end the rehearsal earlier with `until`", {"max": EVENTS_MAX}
                )
            )

    def step(self) -> None:
        """Look at the clock now and then."""
        self._steps += 1
        if self._steps > STEPS_MAX:
            raise WorkFailed(Sentence("This does not come to an end: shorten the script or set `until`"))
        self.breathe()

    def breathe(self) -> None:
        """Show now and then that the worker lives."""
        self._breaths += 1
        if self._breaths % LOOK_EVERY == 0 and time.monotonic() - self._told_at > TELL_EVERY_S:
            self.write()

    def write(self) -> None:
        """Store what waits and tell it; without news the lease is held all the same."""
        with transaction.atomic():
            self._work.hold()
            if self._rows:
                RehearsalEvent.objects.bulk_create(self._rows)
                self._work.advance("play", self._percent(), self._so_far())
        self._rows.clear()
        self._told_at = time.monotonic()

    def end(self, summary: Summary) -> None:
        """Keep what the run meant, and end it."""
        with transaction.atomic():
            self._work.hold()
            RehearsalEvent.objects.bulk_create(self._rows)
            Rehearsal.objects.filter(pk=self._rehearsal.pk).update(summary=msgspec.to_builtins(summary))
            self._work.succeed(said_at_the_end(summary))

    def _row(self, number: int, event: Event) -> RehearsalEvent:
        text = event.text
        return RehearsalEvent(
            rehearsal=self._rehearsal,
            number=number,
            cause=event.cause,
            at_s=event.at_s,
            kind=event.kind,
            subject=event.subject,
            template=text.template,
            values=dict(text.values),
            changes=self.seen.after(event),
        )

    def _compare(self, row: RehearsalEvent) -> None:
        """What another worker wrote last must be what we have; another release may decide otherwise."""
        kept = self._rehearsal.events.get(number=row.number)
        if (kept.at_s, kept.kind, kept.subject) != (row.at_s, row.kind, row.subject):
            raise WorkFailed(Sentence("Headroom was changed while this ran; ask for the rehearsal again"))

    def _percent(self) -> int:
        """The share of the script that has been played."""
        played = sum(at_s <= self._state.now for at_s in self._times)
        return min(99, max(1, 100 * played // max(1, len(self._times))))

    def _so_far(self) -> Sentence:
        so_far = {"events": self._state.number, "seconds": round(self._state.now, 1)}
        return Sentence("Events: {events}, up to second {seconds}", so_far)


def play(work: Work, rehearsal: Rehearsal) -> None:
    """Play a rehearsal to its end."""
    estate = estate_of(rehearsal)
    script = script_of(estate, rehearsal.script)
    state, driver = begin(estate, script)
    recorder = Recorder(work, rehearsal, state, script)
    recorder.open()
    journeys = Journeys()
    for event in run(state, script.policies, Watched(driver, recorder.step)):
        journeys.take(event)
        recorder.take(event)
    summary = summarize(state)
    saved = rescues(estate, script, state, summary, recorder.breathe)
    emptied = journeys.emptied(state, script.policies)
    recorder.end(structs.replace(summary, rescues=saved, moved=journeys.moved(), emptied=emptied))


def said_at_the_end(summary: Summary) -> Sentence:
    """The end of a run in one line."""
    out, lost = len(summary.outages), len(summary.lost)
    if not out:
        return Sentence("Rehearsed: no VM was out")
    counts = {"out": out, "lost": lost}
    if not lost:
        return Sentence("Rehearsed; VMs that were out: {out}, all of them came back", counts)
    return Sentence("Rehearsed; VMs that were out: {out}, of which {lost} did not come back", counts)
