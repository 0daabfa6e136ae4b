"""The end of a run at a command line and for programs: who was out, who is lost, what saves them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import to_builtins

from operations.journeys import Emptied
from operations.summary import Summary


def verdict_lines(summary: Summary) -> Iterator[str]:
    """Yield the verdict line by line."""
    counts = f"VMs that were out: {len(summary.outages)}, of which did not come back: {len(summary.lost)}"
    yield f"{counts}; at {summary.ended_at_s:.1f} s"
    for outage in summary.outages:
        word, why = ("lost", f": {outage.why}") if outage.is_lost else ("out", f" on {outage.host}")
        yield f"  {word:<5} {outage.outage_s:8.1f} s  {outage.vm}{why}"
    if summary.rescues:
        yield "Played again with one thing different, of those lost come back:"
    for rescue in summary.rescues:
        saved = f"{len(rescue.saves)} of {len(summary.lost)}"
        yield f"  {saved:<9} with {rescue.what}; the longest outage then {rescue.longest_s:.1f} s"
    for sentence in summary.advice:
        yield f"  needed:   {sentence}"
    if summary.moved is not None and summary.moved.count + summary.moved.failed:
        moved = summary.moved
        stop = f"longest stop {moved.longest_stop_ms:.0f} ms, pings lost: {moved.lost_pings}"
        yield f"Migrations: {moved.count}, failed: {moved.failed}; {stop}"
    yield from emptied_lines(summary)


def emptied_lines(summary: Summary) -> Iterator[str]:
    """Yield what was emptied, host by host."""
    for one in summary.emptied:
        end = "is not empty" if one.seconds is None else f"empty after {one.seconds:.1f} s"
        yield f"{one.host}: {end}; VMs that left: {len(one.journeys)}, at most {one.at_once} at once"
        for journey in one.journeys:
            took = "restarted" if journey.seconds is None else f"{journey.seconds:.1f} s"
            yield f"  {journey.began_s - one.began_s:8.1f} s  {journey.vm} to {journey.host}, {took}"
        yield from (f"  stays:     {stay.vm}: {stay.why}" for stay in one.stays)
        yield from (f"  meanwhile: {sentence}" for sentence in one.weaker)


def emptied_record(one: Emptied) -> dict[str, Any]:
    """One emptied host as a record."""
    return {
        "host": one.host,
        "began_s": one.began_s,
        "seconds": one.seconds,
        "at_once": one.at_once,
        "journeys": [
            {"vm": each.vm, "host": each.host, "began_s": each.began_s, "seconds": each.seconds}
            for each in one.journeys
        ],
        "stays": [{"vm": stay.vm, "why": str(stay.why)} for stay in one.stays],
        "weaker": [str(sentence) for sentence in one.weaker],
    }


def verdict_record(summary: Summary) -> dict[str, Any]:
    """The verdict as a record."""
    return {
        "ended_at_s": summary.ended_at_s,
        "outages": [
            {
                "vm": outage.vm,
                "outage_s": outage.outage_s,
                "times": outage.times,
                "lost": outage.is_lost,
                "host": outage.host,
                "why": str(outage.why) or None,
            }
            for outage in summary.outages
        ],
        "rescues": [
            {"what": str(rescue.what), "saves": list(rescue.saves), "longest_s": rescue.longest_s}
            for rescue in summary.rescues
        ],
        "moved": None if summary.moved is None else to_builtins(summary.moved),
        "emptied": [emptied_record(one) for one in summary.emptied],
        "advice": [str(sentence) for sentence in summary.advice],
    }
