"""Rows <-> planner values; no other part of the shell knows both.

    planner Estate --compare--> Changes --write (one transaction)--> rows --load--> planner Estate

`compare` reads and computes without a lock; `write` holds one for the inserts alone.  A row whose
fingerprint has not changed is not written, so that an unchanged import writes none.
"""

from __future__ import annotations

from cluster.snapshot.comparing import Changes, compare
from cluster.snapshot.designs import Wired, designs_of, edits_of, load_designed, load_wired, mark_of
from cluster.snapshot.loading import load, load_quality, load_reading
from cluster.snapshot.variants import changes_of, load_reserved, variant_of, with_reservations
from cluster.snapshot.writing import EstateMoved, Written, save, write

__all__ = [
    "Changes",
    "EstateMoved",
    "Wired",
    "Written",
    "changes_of",
    "compare",
    "designs_of",
    "edits_of",
    "load",
    "load_designed",
    "load_quality",
    "load_reading",
    "load_reserved",
    "load_wired",
    "mark_of",
    "save",
    "variant_of",
    "with_reservations",
    "write",
]
