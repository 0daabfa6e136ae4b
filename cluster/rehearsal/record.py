"""A rehearsal's rows as others read them: the browser and programs, a log file, a verdict in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec
from django.utils.timezone import localtime
from msgspec import Struct

from cluster.models import Rehearsal, RehearsalEvent
from cluster.rehearsal.drilling import Matrix, lost_of
from cluster.shown import quantity
from cluster.wording import say
from operations.causes import tree_lines
from operations.event import line_of
from operations.summary import Summary
from operations.verdict import verdict_record
from planner.sentence import Sentence

PAGE: Final = 2_000  # events that one answer holds
State = Literal["ok", "warn", "bad", "unknown"]


class EventSeen(Struct, frozen=True, kw_only=True):
    """One event as a browser plays it and as the API gives it."""

    number: int
    cause: int
    at_s: float
    kind: str
    subject: str
    text: str
    changes: dict[str, Any]


class Verdict(Struct, frozen=True, kw_only=True):
    """What a rehearsal came to; `more` says the rest."""

    state: State
    sentence: Sentence
    more: Sentence


def events_after(rehearsal: Rehearsal, number: int) -> tuple[list[EventSeen], bool]:
    """The events after a number in the active language, and whether there are more."""
    rows = list(rehearsal.events.filter(number__gt=number).order_by("number")[: PAGE + 1])
    return [seen(row) for row in rows[:PAGE]], len(rows) > PAGE


def seen(row: RehearsalEvent) -> EventSeen:
    """One event in the active language."""
    return EventSeen(
        number=row.number,
        cause=row.cause,
        at_s=row.at_s,
        kind=row.kind,
        subject=row.subject,
        text=say(Sentence(row.template, row.values)),
        changes=row.changes,
    )


def summary_of(rehearsal: Rehearsal) -> Summary | None:
    """What the run meant; None before its end."""
    return None if rehearsal.summary is None else msgspec.convert(rehearsal.summary, Summary)


# -- as files, in no language but the machine's


def log_lines(rehearsal: Rehearsal) -> Iterable[str]:
    """The log as `python -m operations` prints it."""
    for row in rehearsal.events.order_by("number").iterator():
        yield line_of(row.at_s, row.kind, row.subject, Sentence(row.template, row.values)) + "\n"


def tree(rehearsal: Rehearsal) -> Iterable[str]:
    """The log by cause, as `python -m operations --tree` prints it."""
    rows = rehearsal.events.order_by("number")
    told = [
        (row.cause, line_of(row.at_s, row.kind, row.subject, Sentence(row.template, row.values)))
        for row in rows
    ]
    return (f"{line}\n" for line in tree_lines(told))


def record(rehearsal: Rehearsal) -> dict[str, Any]:
    """All of a rehearsal for programs: question, events, answer."""
    summary = summary_of(rehearsal)
    return {
        "format": "headroom-rehearsal/1",
        "asked_at": localtime(rehearsal.created_at).isoformat(timespec="seconds"),
        "estate": rehearsal.run.estate_name,
        "cluster": rehearsal.cluster_name or None,
        "scenario": rehearsal.scenario or None,
        "product": rehearsal.product,
        "script": rehearsal.script,
        "state": rehearsal.run.state,
        "events": [_row(row) for row in rehearsal.events.order_by("number").iterator()],
        "outages": verdict_record(summary)["outages"] if summary else None,
        "rescues": verdict_record(summary)["rescues"] if summary else None,
        "moved": verdict_record(summary)["moved"] if summary else None,
        "emptied": verdict_record(summary)["emptied"] if summary else None,
        "advice": [str(sentence) for sentence in summary.advice] if summary else None,
    }


def _row(row: RehearsalEvent) -> dict[str, Any]:
    return {
        "number": row.number,
        "cause": row.cause,
        "at_s": row.at_s,
        "kind": row.kind,
        "subject": row.subject,
        "text": str(Sentence(row.template, row.values)),
    }


# -- the verdict


def verdict_of(summary: Summary) -> Verdict:
    """What a played script came to."""
    back = [outage for outage in summary.outages if not outage.is_lost]
    longest = max(back, key=lambda outage: outage.outage_s, default=None)
    counts = {"out": len(summary.outages), "back": len(back), "lost": len(summary.lost)}
    if longest is not None:
        counts |= {
            "vm": longest.vm, "longest": quantity(longest.outage_s, "s", 1), "times": longest.times,
        }  # fmt: skip
    if not summary.outages:
        return Verdict(
            state="ok",
            sentence=Sentence("No VM was out."),
            more=Sentence("Whatever happened, every VM that should run went on serving."),
        )
    if summary.lost:
        more = (
            Sentence("VMs that came back: {back}; the longest outage, of {vm}, took {longest}.", counts)
            if longest
            else Sentence("None of the VMs that were out came back.")
        )
        return Verdict(
            state="bad", sentence=Sentence("VMs that did not come back: {lost}.", counts), more=more
        )
    if longest is not None and longest.times > 1:
        return Verdict(
            state="ok",
            sentence=Sentence("Every VM came back; none was out for more than {longest} in all.", counts),
            more=Sentence("VMs that were out: {out}. That was {vm}, in {times} outages.", counts),
        )
    return Verdict(
        state="ok",
        sentence=Sentence("Every VM came back; the longest outage took {longest}.", counts),
        more=Sentence("VMs that were out: {out}. The longest wait was that of {vm}.", counts),
    )


def verdict_of_drills(matrix: Matrix) -> Verdict:
    """What the drills came to."""
    worst = matrix.worst
    names = "" if worst is None else " + ".join(matrix.hosts[at] for at in worst.failed)
    if worst is None:
        return Verdict(
            state="unknown",
            sentence=Sentence("No host could fail."),
            more=Sentence("Every host was off from the start."),
        )
    told = {
        "drills": len(matrix.drills),
        "lost_drills": matrix.lost_drills,
        "hosts": names,
        "lost": lost_of(worst),
        "longest": quantity(max(drill.worst_s for drill in matrix.drills), "s", 1),
    }
    if not matrix.lost_drills:
        one = Sentence("Any host may fail: every VM comes back, at the latest after {longest}.", told)
        two = Sentence(
            "Any two hosts may fail at once: every VM comes back, at the latest after {longest}.", told
        )
        return Verdict(
            state="ok",
            sentence=two if matrix.kind == "pairs" else one,
            more=Sentence("Drills played: {drills}. The longest one is that of {hosts}.", told),
        )
    return Verdict(
        state="bad",
        sentence=Sentence("Drills that lose VMs: {lost_drills} of {drills}.", told),
        more=Sentence("The worst case is {hosts}: VMs that do not come back: {lost}.", told),
    )
