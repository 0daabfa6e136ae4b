"""What the printed report shows of an examination of the wiring."""

from __future__ import annotations

from cluster import selectors
from cluster.exports.redundant import Redundant
from cluster.models import Estate
from cluster.views.broken import wired_cluster
from cluster.views.wiring import is_old
from planner.paths.picture import draw


def redundant_of(estate: Estate) -> Redundant | None:
    """The newest examination with a drawing of each cluster; None where the wiring was never examined."""
    redundancy = selectors.latest_redundancy(estate)
    if redundancy is None:
        return None
    paths = selectors.paths_of(redundancy)
    found = selectors.availability_of(redundancy)
    pictures = {one.name: draw(wired_cluster(estate, one.name), one.name, paths) for one in found}
    return Redundant(paths=paths, availability=found, pictures=pictures, is_old=is_old(estate, redundancy))
