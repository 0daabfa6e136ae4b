"""Builds history.csv: `python -m scenarios.demo.history`, from the root of the checkout.

Half a year of the hospital, invented as the rest of it: each cluster and datastore came to what it is today
along a line, with a wave of its own over the weeks.  Days are counted back from the day of the load, so that
the history of a first start is always recent.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from planner.forecast.history import Measure, measures
from scenarios.demo.build import chance, estate

HISTORY: Final = Path(__file__).parent / "history.csv"
DAYS: Final = range(168, 0, -4)
GROWN_IN_HALF_A_YEAR: Final = {
    ("Production", "memory"): 0.11,
    ("Production", "vcpu"): 0.09,
    ("Desktops", "vcpu"): 0.16,
    ("Desktops", "memory"): 0.16,
    ("DMZ", "memory"): 0.10,
    ("DMZ", "vcpu"): 0.08,
}
GROWN_ELSE: Final = 0.03
DATASTORE_GROWN: Final = (0.02, 0.14)  # from the calmest to the busiest
WAVE: Final = 0.006  # how far a week leaves its line
RESTLESS: Final = ("Management", 0.12)  # a cluster of test machines that come and go


def rows() -> Iterator[tuple[int, str, str, float]]:
    """Days ago, name, resource and value, oldest first."""
    found = [one for one in measures(estate()) if one.resource != "vms"]
    for days_ago in DAYS:
        for one in found:
            yield days_ago, one.name, one.resource, round(_value(one, days_ago), 2)


def document() -> bytes:
    """The CSV file."""
    lines = [f"{days},{name},{resource},{value}" for days, name, resource, value in rows()]
    return "\n".join(("days_ago,name,resource,value", *lines, "")).encode()


def _value(one: Measure, days_ago: int) -> float:
    name, swing = RESTLESS
    wave = WAVE * math.sin(2 * math.pi * (days_ago / 28 + chance(one.name, "wave")))
    jitter = (swing if one.name == name else WAVE) * (chance(f"{one.name} {days_ago}", one.resource) - 0.5)
    return one.value * (1 - _grown(one) * days_ago / DAYS.start + wave + jitter)


def _grown(one: Measure) -> float:
    if one.subject == "datastore":
        calm, busy = DATASTORE_GROWN
        return calm + (busy - calm) * chance(one.name, "growth") ** 2
    return GROWN_IN_HALF_A_YEAR.get((one.name, one.resource), GROWN_ELSE)


if __name__ == "__main__":
    HISTORY.write_bytes(document())
    sys.stdout.write(f"{HISTORY} written\n")
