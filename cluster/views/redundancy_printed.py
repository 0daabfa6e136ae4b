"""What the printed report shows of an examination of the wiring."""

from __future__ import annotations

from typing import Final

from cluster import selectors, snapshot
from cluster.exports.redundant import Redundant
from cluster.models import Estate
from cluster.views.broken import cluster_part
from cluster.views.wiring import is_old
from planner.paths.picture import draw

DRAWN_AT_MOST: Final = 40  # a page each; the pages on screen draw them all


def redundant_of(estate: Estate) -> Redundant | None:
    """The newest examination with a drawing of each cluster; None where the wiring was never examined."""
    redundancy = selectors.latest_redundancy(estate)
    if redundancy is None:
        return None
    paths = selectors.paths_of(redundancy)
    found = selectors.availability_of(redundancy)
    wired = snapshot.load_wired(estate).reading.estate
    pictures = {
        one.name: draw(cluster_part(wired, one.name), one.name, paths) for one in found[:DRAWN_AT_MOST]
    }
    return Redundant(paths=paths, availability=found, pictures=pictures, is_old=is_old(estate, redundancy))
