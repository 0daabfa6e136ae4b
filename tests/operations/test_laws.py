"""Random clusters in random trouble: what must hold holds after every event.

./headroom test tests/operations/test_laws.py                            2,000 random scripts
RANDOM_SCRIPTS=10000 ./headroom test tests/operations/test_laws.py       10,000
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings

from operations.engine import run
from operations.scenario import begin, log_of
from operations.script import Script
from planner.estate import Estate
from tests.operations.invariants import Watch, check_end
from tests.operations.worlds import rehearsals


def watched(estate: Estate, script: Script) -> tuple[list[str], str]:
    state, driver = begin(estate, script)
    watch = Watch(state, script.policies)
    events = []
    for event in run(state, script.policies, driver):
        events.append(event)
        broken = watch.after(event)
        if broken:
            return broken, log_of(tuple(events))
        assert len(events) < 20_000, log_of(tuple(events))[-5000:]
    return check_end(state, script.policies, tuple(events)), log_of(tuple(events))


RANDOM_SCRIPTS = int(os.environ.get("RANDOM_SCRIPTS", "2000"))


@settings(max_examples=RANDOM_SCRIPTS, deadline=None, suppress_health_check=list(HealthCheck))
@given(rehearsals())
def test_no_law_is_broken_whatever_happens(world: tuple[Estate, Script]) -> None:
    broken, log = watched(*world)
    assert not broken, "\n".join([*broken, "", log])
