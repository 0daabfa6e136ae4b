"""A worker whose clock is wrong by ten minutes takes nothing from one that works, and loses nothing.

Leases are written and judged by the database's clock.  On SQLite that is the machine's own, which all share.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.conftest import Site

FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
pytestmark = pytest.mark.skipif(
    not FAKETIME, reason="libfaketime is missing: sudo apt-get install -y faketime"
)

ASK = """
from cluster.models import Run
from cluster import queueing
from planner.sentence import Sentence
run = queueing.queue(Run(kind=Run.Kind.IMPORT, estate_name="a"), Sentence("asked"), tell_a_worker=False)
print(run.pk)
"""
CLAIM = """
import time
from cluster import queueing, work
print(round(time.time()), queueing.sweep_lost_runs(), work.claim("{run}") is not None)
"""


def claimed(site: Site, run: str, offset: str = "") -> tuple[int, int, bool]:
    """What a worker with this clock says, sweeps and claims."""
    wrong = {"LD_PRELOAD": str(FAKETIME[0]), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    other = Site(site.folder, site.environment | (wrong if offset else {}))
    now, swept, is_claimed = other.run(CLAIM.format(run=run)).split()
    return int(now), int(swept), is_claimed == "True"


@pytest.mark.parametrize("offset", ["+600", "-600"])
def test_a_worker_in_another_time_takes_nothing_over_and_is_not_taken_over(
    postgresql_site: Site, offset: str
) -> None:
    run = postgresql_site.run(ASK)
    right_now, _, first = claimed(postgresql_site, run)
    wrong_now, swept, taken_over = claimed(postgresql_site, run, offset)
    assert first
    assert abs(wrong_now - right_now - int(offset)) < 120
    assert (swept, taken_over) == (0, False)
    own = postgresql_site.run(ASK)
    assert claimed(postgresql_site, own, offset)[2]
    assert claimed(postgresql_site, own)[1:] == (0, False)
