"""The end of a run at a command line and for programs: who was out, who is lost, what saves them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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


def verdict_record(summary: Summary) -> dict[str, Any]:
    """The verdict as a record."""
    return {
        "ended_at_s": summary.ended_at_s,
        "outages": [
            {
                "vm": outage.vm,
                "outage_s": outage.outage_s,
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
        "advice": [str(sentence) for sentence in summary.advice],
    }
